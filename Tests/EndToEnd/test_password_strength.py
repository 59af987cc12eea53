"""`postern password check` against zxcvbn itself, as PyPI has it: alike for whatever people type, and where we differ, we mean to.

One difference can't be shown here: a line feed, which a password on standard input can't hold. Its `.` doesn't match one and its `$` does
before one at the end; for us it is a character like others. The table of all differences is in docs/features/password-strength.md.
"""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from zxcvbn import zxcvbn

from parts.passwords import LISTS, MOST, Maker
from parts.processes import plain_environment

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["listed", "capitals", "signs", "mutated", "foreign", "dates", "keys", "repeats", "runs", "noise", "mixed"]
# Of all kinds together 20,000, or the first fifth of each.
EACH = 1_800 if os.environ.get("POSTERN_SOAK") == "1" else 360
# The fourth rate is no double, see below.
TIMES = ["online_no_throttling_10_per_second", "offline_slow_hashing_1e4_per_second", "offline_fast_hashing_1e10_per_second"]
ABOUT = [
    ["Postern", "Lovelace & Söhne GmbH", "ada.lovelace@example.com"], ["Łukasz Żółw", "Жанна-Мария", "zażółć"], ["ΑΘΗΝΑ", "東京タワー", "straße 17"],
    ["al", "x1y2z3", "p4ssw0rd", "password"], ["Müller-Lüdenscheidt", "müller", "MÜLLER", "lüdenscheidt1987"],
]


@pytest.fixture
def ours(binary, tmp_path):
    """Asks the command about passwords, one a line."""
    def ask(passwords: list[str], about: list[str] = ()) -> list[dict]:
        known = [argument for text in about for argument in ("--about", text)]
        done = subprocess.run(
            [binary, "password", "check", "--json", *known], input="".join(password + "\n" for password in passwords).encode(),
            capture_output=True, timeout=300, env=plain_environment(tmp_path))
        assert done.returncode == 0, f"postern password check ended with {done.returncode}: {done.stderr.decode()[-500:]}"
        answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert len(answers) == len(passwords)
        return answers
    return ask


def context(about: list[str]) -> list[str]:
    """Each text whole, the two sides of an address, then its parts of three letters or digits or more, each once."""
    words = []
    for text in about:
        parts = "".join(character if character.isalnum() or character > "\x7f" else " " for character in text).split(" ")
        words += [word for word in [text, *text.split("@"), *parts] if len(word) >= 3]
    return list(dict.fromkeys(words))


def differences(answer: dict, password: str, about: list[str] = (), longest: int = MOST) -> dict:
    """Where an answer isn't what zxcvbn says: the field, ours and theirs."""
    known = zxcvbn(password, context(about), max_length=longest)
    guesses, theirs = answer["guesses"], float(known["guesses"])
    # A double holds whole numbers up to here exactly; keyboards have neighbours by the fraction.
    is_exact = known["guesses"] == int(known["guesses"]) and theirs < 2**53 and all(part["pattern"] != "spatial" for part in known["sequence"])
    found = {}
    if guesses != theirs if is_exact else abs(guesses - theirs) > 1e-9 * theirs:
        found["guesses"] = guesses, theirs
    if abs(answer["guesses_log10"] - known["guesses_log10"]) > 1e-9:
        found["guesses_log10"] = answer["guesses_log10"], known["guesses_log10"]
    mine = {"score": answer["score"], "warning": answer["warning"], "suggestions": answer["suggestions"], "times": times(answer)}
    fields = {"score": known["score"], **known["feedback"], "times": {name: known["crack_times_display"][name] for name in TIMES}}
    if is_exact:
        mine["sequence"], fields["sequence"] = parts(answer), parts(known)
    return found | {name: (mine[name], value) for name, value in fields.items() if mine[name] != value}


def parts(answer: dict) -> list[tuple]:
    return [(part["pattern"], part["i"], part["j"]) for part in answer["sequence"]]


def times(answer: dict) -> dict:
    return {name: answer["crack_times"][name]["text"] for name in TIMES}


def differing(ours, passwords: list[str], about: list[str] = ()) -> list:
    pairs = zip(passwords, ours(passwords, about))
    return [(password, found) for password, answer in pairs if (found := differences(answer, password, about))]


# Alike.

@pytest.mark.parametrize("kind", KINDS)
def test_every_password_is_estimated_as_by_zxcvbn(ours, kind):
    """Score, guesses, parts, times, warning and suggestions."""
    maker = Maker(f"strength {kind}")
    passwords = [maker.make(kind) for _ in range(EACH)]
    different = differing(ours, passwords)
    assert not different, f"{len(different)} of {len(passwords)} differ: {different[:5]}"


@pytest.mark.parametrize("about", ABOUT, ids=lambda about: about[0])
def test_what_is_known_of_a_person_counts_as_in_zxcvbn(ours, about):
    maker = Maker(f"strength about {about[0]}")
    passwords = [maker.about(context(about)) for _ in range(EACH // 9)]
    different = differing(ours, passwords, about)
    assert not different, f"{len(different)} of {len(passwords)} differ: {different[:5]}"


def test_the_ends_of_every_list_are_where_zxcvbn_has_them(ours):
    passwords = [word for words in LISTS.values() for word in words[:50] + words[-50:]]
    assert differing(ours, passwords) == []


# Different, and meant so.

def only(answers: list[dict]) -> dict:
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize("password, theirs", [
    ("19٩٩", ["regex"]), ("२०१५", ["date"]), ("٢٠١٥٠٦٠٤", ["date"]), ("13.4.٩١", ["date"]), ("1٣/4/91", ["date"]),
])
def test_digits_of_other_scripts_make_no_dates(ours, password, theirs):
    r"""Python's `\d` takes every script's digits; the original's, and ours, ASCII's alone."""
    assert [part["pattern"] for part in zxcvbn(password)["sequence"]] == theirs
    assert {part["pattern"] for part in only(ours([password]))["sequence"]}.isdisjoint({"regex", "date"})


def test_a_run_of_other_scripts_digits_costs_as_a_run_of_letters(ours):
    assert zxcvbn("٣٤٥٦٧")["guesses"] == 10 * 5 + 1
    assert only(ours(["٣٤٥٦٧"]))["guesses"] == only(ours(["дежзи"]))["guesses"] == 26 * 5 + 1


@pytest.mark.parametrize("password", ["İevaporator", "xİevaporator"])
def test_a_capital_of_two_small_letters_moves_no_word(ours, password):
    """Python's lower case of U+0130 is two characters: what follows is found one place too far right, or only from right to left."""
    answer = only(ours([password]))
    assert ("dictionary", password.index("evaporator"), len(password) - 1) in parts(answer)
    assert differences(answer, password)
    assert not any(part.get("matched_word") == "evaporator" and part["token"] == "evaporator" and not part["reversed"]
                   for part in zxcvbn(password)["sequence"])


@pytest.mark.parametrize("word, password, theirs, mine", [
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", 2, 2), ("οδυσσευς", "ΟΔΥΣΣΕΥΣ", 2, 2), ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ", 10**8 + 1, 2),
    ("οδυσσευς", "οδυσσευσ", 10**8 + 1, 2),
])
def test_the_sigma_at_a_words_end_is_the_same_letter(ours, word, password, theirs, mine):
    assert zxcvbn(password, [word])["guesses"] == theirs
    assert only(ours([password], [word]))["guesses"] == mine


@pytest.mark.parametrize("word, theirs, mine", [
    # Python counts a letter without a capital as small: 1 of 5 or 2 of 6 is capital. Ours counts those that have both cases.
    ("xAıbc", 1 + 5, 1 + 4), ("xAĸĸbC", 1 + 6 + 15, 1 + 4 + 6),
])
def test_letters_without_a_capital_dont_count_among_those_that_might_have_been(ours, word, theirs, mine):
    assert zxcvbn(word, [word])["guesses"] == theirs
    assert only(ours([word], [word]))["guesses"] == mine


def test_a_letter_with_a_rare_capital_counts(ours):
    """ß is the lower case of ẞ: no difference."""
    assert differing(ours, ["sTrAßE", "STRAßE", "straßE"], ["straße"]) == []


@pytest.mark.parametrize("count", [73, 99, 100])
def test_more_than_72_characters_are_estimated_as_zxcvbn_would(ours, count):
    maker = Maker(f"strength {count}")
    passwords = ["".join(maker.make("mixed")[:20] for _ in range(30))[:count] for _ in range(5)]
    for password, answer in zip(passwords, ours(passwords)):
        with pytest.raises(ValueError):
            zxcvbn(password)
        assert differences(answer, password, longest=count) == {}


def test_beyond_100_characters_nothing_changes(ours):
    maker = Maker("strength beyond")
    start = "".join(maker.make("mixed")[:20] for _ in range(30))[:100]
    longer = ours([start, start + "x", start + "password" * 50, start + "語" * 300])
    assert [(answer["guesses"], parts(answer)) for answer in longer] == [(longer[0]["guesses"], parts(longer[0]))] * 4


def test_two_and_a_half_hours_are_two_hours(ours):
    """A half goes to the even number. Python takes 100 guesses an hour for a little less, and so more than a half for left over."""
    known, answer = zxcvbn("dolphins"), only(ours(["dolphins"]))
    assert known["guesses"] == answer["guesses"] == 250
    assert known["crack_times_display"]["online_throttling_100_per_hour"] == "3 hours"
    assert answer["crack_times"]["online_throttling_100_per_hour"] == {"seconds": 9000, "text": "2 hours"}


def test_an_empty_password_is_one_guess(ours):
    with pytest.raises(IndexError):
        zxcvbn("")
    answer = only(ours([""]))
    assert (answer["score"], answer["guesses"], answer["sequence"]) == (0, 1, [])
    assert answer["suggestions"] == ["Use a few words, avoid common phrases.", "No need for symbols, digits, or uppercase letters."]


# The lists.

def test_the_word_lists_are_those_of_the_package(tmp_path):
    """Written anew by the script, byte by byte."""
    subprocess.run([sys.executable, ROOT / "Scripts/password-words.py", tmp_path / "words.bin"], check=True, capture_output=True, timeout=60)
    same = (tmp_path / "words.bin").read_bytes() == (ROOT / "Sources/CPasswordWords/words.bin").read_bytes()
    assert same, f"the script makes another file, with Unicode {unicodedata.unidata_version}"
