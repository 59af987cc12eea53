"""What may be a password: what the settings ask, what is too common, what is known of somebody; the same by every way."""

import json
import math
import re
import unicodedata

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from parts.member import Member
from parts.meter import Reading, check, error_in, reading_in
from parts.postern import PASSWORD, Postern, link_in, reason
from parts.processes import wait_for
from parts.visitor import Visitor
from test_faults import start_in_vain

STRENGTH = "/auth/v1/password/strength"
# One of each score, with eight characters or more, and none of them common.
OF_SCORE = ["qqqqqqqqqqq", "weathering", "gardenzygote", "hamburger tomate", "quokka garden"]
COMMON = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= 8]


@pytest.fixture(scope="module")
def plain(binary, tmp_path_factory):
    """A node whose settings say nothing of passwords."""
    made = Postern(binary, tmp_path_factory.mktemp("plain")).start()
    yield made
    made.stop()


def strength(postern: Postern, password: str, about: list[str] = (), bearer: str | None = None, **more):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    body = {"password": password} | ({"about": list(about)} if about else {}) | more
    return postern.request("POST", STRENGTH, json=body, headers=headers)


def verdict(postern: Postern, password: str, about: list[str] = (), bearer: str | None = None) -> dict:
    answer = strength(postern, password, about, bearer)
    assert answer.status_code == 200, answer.text
    return answer.json()


def form(postern: Postern, password: str, email: str = "ada@example.org"):
    """The sign-up page's answer."""
    return Visitor(postern).post("/auth/sign-up", "/auth/sign-up", email=email, password=password)


def create(postern: Postern, password: str, email: str):
    return postern.run("account", "create", "--email", email, "--password-stdin", "--confirmed", text=password + "\n")


# Settings.


def test_the_shortest_length_is_told_on_the_page_and_in_every_refusal(make_postern):
    postern = make_postern(settings="password: {minimum-length: 17}\n").start()
    page = postern.get("/auth/sign-up").text
    assert "At least 17 characters." in page and 'minlength="17"' in page and 'data-fewest="17"' in page
    # Sixteen code points, of four bytes each.
    short, enough = "🦊🐸🦉🐙🦄🐝🦀🐢🐋🦜🐌🦔🐊🦭🐫🦚", "quokka garden 17c"
    refusal = "That is shorter than 17 characters. Add a word or two."
    answer = form(postern, short)
    assert (answer.status_code, error_in(answer.text)) == (422, refusal)
    assert reading_in(answer.text) == Reading("0", ["Too short", "It needs 1 more character."])
    answer = postern.sign_up("ada@example.org", short)
    assert reason(answer) == (422, "password-too-short") and answer.json()["detail"].startswith(refusal)
    assert (verdict(postern, short)["reason"], verdict(postern, short)["title"]) == ("password-too-short", "Too short")
    done = create(postern, short, "ada@example.org")
    assert done.returncode == 1 and refusal in done.stderr
    assert len(enough) == 17 and verdict(postern, enough)["acceptable"]
    assert postern.sign_up("ada@example.org", enough).status_code == 202
    assert verdict(postern, "e\u0301" * 16 + "x")["reason"] == "password-too-weak", "a letter and its accent are one code point once normalised"


def test_without_settings_eight_characters_and_1024_bytes_are_the_limits(plain):
    page = plain.get("/auth/sign-up").text
    assert "At least 8 characters." in page and 'data-fewest="8"' in page and 'data-lowest="3"' in page and 'data-most="1024"' in page
    assert verdict(plain, "kq7!xZp")["reason"] == "password-too-short"
    assert verdict(plain, "kq7!xZp ")["reason"] == "password-too-weak", "a space is a character like others"
    # A space, emoji, NUL: anything goes.
    for password in ("kq7\0xZpwR", "🦊🐸🦉🐙🦄🐝🦀🐢🐋", " kq7 xZp "):
        assert len(password) == 9 and verdict(plain, password)["acceptable"], password
    long = "kq7!xZp" * 147
    assert len(long[:1_024]) == 1_024 and verdict(plain, long[:1_024]).get("reason") is None
    assert verdict(plain, long[:1_025])["reason"] == "password-too-long"


@pytest.mark.parametrize("lowest", range(5))
def test_what_scores_less_than_the_settings_ask_is_refused(make_postern, lowest):
    postern = make_postern(settings=f"password: {{minimum-score: {lowest}}}\n").start()
    assert f'data-lowest="{lowest}"' in postern.get("/auth/sign-up").text
    titles = ["Too easy to guess", "Weak", "Nearly there", "Good", "Strong"]
    for score, password in enumerate(OF_SCORE):
        found = verdict(postern, password)
        assert (found["score"], found["title"], found["acceptable"]) == (score, titles[score], score >= lowest)
        answer = postern.sign_up(f"of-score-{score}@example.org", password)
        assert answer.status_code == (202 if score >= lowest else 422)
        if score < lowest:
            assert found["reason"] == answer.json()["reason"] == "password-too-weak"
            assert answer.json()["detail"].startswith(f"That is too easy to guess: “{titles[lowest]}” is asked for here. ")
    if lowest == 4:
        assert "This site asks for more. Add one more uncommon word." in verdict(postern, OF_SCORE[3])["sentences"]


def test_a_common_password_is_refused_whatever_score_is_asked_for(make_postern):
    """PW-06."""
    postern = make_postern(settings="password: {minimum-score: 0}\n").start()
    step = len(COMMON) // 20
    for number, password in enumerate(COMMON[::step][:20]):
        answer = postern.sign_up(f"common-{number}@example.org", password)
        assert reason(answer) == (422, "password-common"), password
        assert "It is on every list of common passwords." in answer.json()["detail"]
        found = verdict(postern, password)
        assert (found["acceptable"], found["reason"], found["title"]) == (False, "password-common", "Too easy to guess")


def test_over_3000_common_passwords_are_refused_by_the_command_alone(make_postern):
    """PW-06: without a network, a database or a server."""
    postern = make_postern(settings="password: {minimum-score: 0}\n")
    assert len(COMMON) >= 3_000
    found = dict(zip(COMMON, check(postern, COMMON), strict=True))
    assert [word for word, answer in found.items() if answer.get("reason") != "password-common" or answer["acceptable"]] == []
    shouted = [word.upper() for word in COMMON[:3_000]]
    assert [word for word, answer in zip(shouted, check(postern, shouted)) if answer.get("reason") != "password-common"] == []
    assert not postern.data.exists()


def test_the_most_bytes_are_counted_in_utf_8(make_postern):
    postern = make_postern(settings="password: {maximum-bytes: 512}\n").start()
    # 128 code points of four bytes (PW-02).
    fits = "".join(chr(0x1F400 + index * 7 % 64) for index in range(128))
    assert len(fits.encode()) == 512 and len(fits) == 128
    assert verdict(postern, fits)["acceptable"]
    assert postern.sign_up("fits@example.org", fits).status_code == 202
    answer = postern.sign_up("more@example.org", fits + "x")
    assert reason(answer) == (422, "password-too-long") and answer.json()["detail"] == "That is longer than 512 bytes. Shorten it."
    assert (verdict(postern, fits + "x")["reason"], verdict(postern, fits + "x")["sentences"]) == ("password-too-long", ["It has more than 512 bytes."])
    # Nothing is cut off before it is compared (PW-03).
    postern.make_account("whole@example.org", password=fits)
    assert postern.try_sign_in("whole@example.org", fits).status_code == 200
    assert postern.try_sign_in("whole@example.org", fits[:-1]).status_code == 401
    assert postern.try_sign_in("whole@example.org", fits[:-1] + "x").status_code == 401


def test_a_sites_own_lists_make_their_words_common_passwords(make_postern, tmp_path):
    (tmp_path / "one.txt").write_text("Quabbelstern\r\n  zwirnfaden \n\n")
    (tmp_path / "two.txt").write_bytes("Übergrößenträger\nmisty mountain hop".encode())
    mine = ["quabbelstern", "QUABBELSTERN", "Zwirnfaden", "übergrößenträger", "misty mountain hop"]
    settings = f"password: {{minimum-score: 0, lists: ['{tmp_path}/one.txt', '{tmp_path}/two.txt']}}\n"
    postern, without = make_postern(settings=settings).start(), make_postern("without", settings="password: {minimum-score: 0}\n")
    assert all(answer["acceptable"] for answer in check(without, mine)), "they are common in any case"
    for number, password in enumerate(mine):
        assert reason(postern.sign_up(f"listed-{number}@example.org", password)) == (422, "password-common"), password
    inside = {answer["sequence"][0].get("dictionary_name") for answer in check(postern, ["quabbelstern1", "nretslebbauq", "qu4bb3lst3rn"])}
    assert inside == {"added"}, "they don't count inside others"
    (tmp_path / "one.txt").unlink()
    line = start_in_vain(make_postern("missing", settings=settings))
    assert "password.lists" in line and f"{tmp_path}/one.txt" in line


def test_a_list_that_is_too_large_or_no_text_stops_the_start(make_postern, tmp_path):
    many = tmp_path / "many.txt"
    many.write_text("".join(f"w{number}\n" for number in range(200_001)))
    line = start_in_vain(make_postern(settings=f"password: {{lists: ['{many}']}}\n"))
    assert "password.lists" in line and "200001 words" in line and "200000" in line
    many.write_bytes(b"a" * (4 << 20) + b"\n")
    line = start_in_vain(make_postern("large", settings=f"password: {{lists: ['{many}']}}\n"))
    assert "password.lists" in line and f"{(4 << 20) + 1} bytes" in line and str(4 << 20) in line
    many.write_bytes("größer\n".encode("latin-1"))
    line = start_in_vain(make_postern("foreign", settings=f"password: {{lists: ['{many}']}}\n"))
    assert "password.lists" in line and str(many) in line and "UTF-8" in line


@pytest.mark.parametrize("setting, key, allowed", [
    ("password: {minimum-length: 7}", "password.minimum-length", "from 8 to 128"),
    ("password: {minimum-length: 129}", "password.minimum-length", "from 8 to 128"),
    ("password: {minimum-length: eight}", "password.minimum-length", "from 8 to 128"),
    ("password: {minimum-score: 5}", "password.minimum-score", "from 0 to 4"),
    ("password: {minimum-score: -1}", "password.minimum-score", "from 0 to 4"),
    ("password: {maximum-bytes: 511}", "password.maximum-bytes", "from 512 to 4096"),
    ("password: {maximum-bytes: 4097}", "password.maximum-bytes", "from 512 to 4096"),
    (f"password: {{words: [{', '.join(f'word{number}' for number in range(51))}]}}", "password.words", "at most 50 words"),
    ('password: {words: ["two\\nlines"]}', "password.words", "at most 50 words on one line each"),
    ("password: {words: one}", "password.words", "a list"),
    ("password: {minimum-lenght: 9}", "password.minimum-lenght", "password.minimum-length"),
    ("groups: {staff: {password: {minimum-length: 5}}}", "groups.staff.password.minimum-length", "from 8 to 128"),
    ("groups: {staff: {password: {minimum-score: 9}}}", "groups.staff.password.minimum-score", "from 0 to 4"),
    ("password: {breached: {url: 'http://example.org/range/'}}", "password.breached.url", "an https:// URL"),
    ("password: {breached: {url: 'https://example.org/range?of='}}", "password.breached.url", "an https:// URL"),
    ("password: {breached: {url: 'https://example.org/range'}}", "password.breached.url", "a slash at its end"),
    ("password: {breached: {url: 'example.org'}}", "password.breached.url", "an https:// URL"),
    ("password: {breached: {on-failure: ignore}}", "password.breached.on-failure", "allow, refuse"),
    ("password: {breached: {at-sign-in: refuse}}", "password.breached.at-sign-in", "off, warn"),
    ("password: {breached: {at-sign-in: warn}}", "password.breached.at-sign-in", "password.breached.filter or password.breached.url"),
], ids=lambda value: value if value.startswith(("password", "groups")) and len(value) < 45 and " " not in value else "")
def test_a_wrong_setting_stops_the_start_and_says_what_is_allowed(make_postern, setting, key, allowed):
    line = start_in_vain(make_postern(settings=setting + "\n"))
    assert key in line and allowed in line, line


def test_members_of_a_group_are_asked_for_more(make_postern):
    settings = ("password: {minimum-length: 9, minimum-score: 2}\n"
                "groups: {staff: {password: {minimum-length: 15, minimum-score: 4}}, guests: {password: {minimum-length: 8, minimum-score: 0}},\n"
                "         others: {password: {minimum-score: 0}}}\n")
    postern = make_postern(settings=settings).start()
    anybody, member, guest = (Member(postern, f"{name}@example.org") for name in ("anybody", "member", "guest"))
    member.join("staff")
    guest.join("guests")
    tokens = {None: None} | {person: person.sign_in() for person in (anybody, member, guest)}

    def outcome(password: str) -> list[str | None]:
        return [verdict(postern, password, bearer=token).get("reason") for token in tokens.values()]
    # Nobody, anybody, a member of the staff, a guest: a group never asks for less.
    assert outcome("kqZ!7 xw") == ["password-too-short"] * 4
    assert outcome("gardenzygote") == [None, None, "password-too-short", None]
    assert outcome("hamburger tomate") == [None, None, "password-too-weak", None]
    assert outcome("weathering") == ["password-too-weak", "password-too-weak", "password-too-short", "password-too-weak"]
    assert outcome(PASSWORD) == [None] * 4
    member.join("others")
    assert outcome("hamburger tomate")[2] == "password-too-weak", "a second group asks for less"
    assert "This site asks for more. Add one more uncommon word." in verdict(postern, "hamburger tomate", bearer=tokens[member])["sentences"]


# What is known of the site and the person.

SITE, COMPANY, EMAIL = "Quabbelstern", "Zwirnfaden Brzeszczot", "okonkwo.xanthippe@example.org"


@pytest.fixture(scope="module")
def known(binary, tmp_path_factory):
    settings = f"site: {{name: {SITE}}}\npassword: {{words: ['{COMPANY}', 'Flughörnchen']}}\n"
    made = Postern(binary, tmp_path_factory.mktemp("known"), settings=settings).start()
    yield made
    made.stop()


def leet(word: str) -> str:
    return word.translate(str.maketrans("aeiost", "4310$7"))


@pytest.mark.parametrize("word", ["quabbelstern", "zwirnfaden", "brzeszczot", "flughörnchen", "xanthippe", "okonkwo"])
def test_what_is_known_is_refused_inside_a_password(known, plain, word):
    """PW-07: the product, the organization, the address; whole or in part, with signs, from right to left."""
    tries = {word, word.capitalize(), word.upper(), leet(word), word[::-1], word[::-1].capitalize(), word + word, word + "1", word + "!", word + "99",
             "12" + word, leet(word) + "1", word[::-1] + "7", word + "2024"}
    accepted = []
    for number, password in enumerate(sorted(made for made in tries if len(made) >= 8)):
        found = verdict(known, password, [EMAIL])
        answer = known.sign_up(EMAIL, password)
        if found["acceptable"] or reason(answer) != (422, "password-too-weak"):
            accepted.append((password, found["score"]))
        if password != word + word:
            assert found["sentences"][-1] == "Leave out what is known about you or this site: that is tried first.", password
            assert "user_inputs" in json.dumps(found["sequence"]), password
        assert found["guesses"] < verdict(plain, password)["guesses"] or word == "okonkwo", password
    assert accepted == []


@pytest.mark.parametrize("password", [
    "okonkwo.xanthippe", "0k0nkw0.x4nth1pp3", "xanthippeokonkwo", "OkonkwoXanthippe", "okonkwo.xanthippe@example.org", "Zwirnfaden Brzeszczot",
    "quabbelsternzwirnfaden", "brzeszczotzwirnfaden",
])
def test_what_is_known_is_refused_in_pairs(known, password):
    """PW-07."""
    refused_as_known(known, password)


@pytest.mark.parametrize("password", [
    "xanthippe.okonkwo", "OkonkwoXanthippe1", "xanthippeokonkwo!", "zwirnfaden quabbelstern", "ZWIRNFADEN-QUABBELSTERN",
])
def test_a_sign_beside_what_is_known_makes_no_password_of_it(known, password):
    """PW-07: two known words and one character more."""
    refused_as_known(known, password)


def refused_as_known(known: Postern, password: str) -> None:
    found = verdict(known, password, [EMAIL])
    assert not found["acceptable"] and found["reason"] == "password-too-weak", found["sentences"]
    assert reason(known.sign_up(EMAIL, password)) == (422, "password-too-weak")


def test_what_is_known_of_one_person_is_not_held_against_another(known):
    assert verdict(known, "xanthippeokonkwo", ["ada@example.org"])["acceptable"]
    assert known.sign_up("ada@example.org", "xanthippeokonkwo").status_code == 202


def test_a_program_with_a_session_is_answered_for_that_person(known):
    member = Member(known, "mirabilis.okavango@example.org")
    token = member.sign_in()
    assert member.call(token, "PATCH", "/auth/v1/account", {"name": "Hyperion Zatopek"}).status_code == 200
    for password in ("mirabilisokavango", "zatopekhyperion", "Hyperion Zatopek"):
        assert verdict(known, password)["acceptable"], password
        found = verdict(known, password, bearer=token)
        assert not found["acceptable"] and "known about you" in " ".join(found["sentences"]), password


# The same by every way.

LONG = "kq7!xZp" * 150
TRIED = {
    "too short": ("kq7!xZp", "password-too-short"), "too long": (LONG, "password-too-long"), "common": ("Password123", "password-common"),
    "weak": ("gardenzygote", "password-too-weak"), "known": ("okonkwoxanthippe", "password-too-weak"), "another form": ("ｐａｓｓｗｏｒｄ１２３", "password-common"),
    "good": (PASSWORD, None),
}


@pytest.mark.parametrize("name", TRIED)
def test_every_way_to_a_password_gives_the_same_verdict(make_postern, name):
    password, wanted = TRIED[name]
    postern = make_postern().start()
    owner = Visitor(postern, {"postern": Member(postern, "inviter@example.org", "owner").sign_in()})
    said = verdict(postern, password, [EMAIL])
    assert said.get("reason") == wanted and said["acceptable"] == (wanted is None)
    [told] = check(postern, [password], [EMAIL])
    assert told == said, "the command says something else"

    answer = postern.sign_up(EMAIL, password)
    if wanted:
        assert reason(answer) == (422, wanted) and answer.json()["field"] == "password"
    else:
        assert answer.status_code == 202
    detail = answer.json()["detail"] if wanted else None

    pages = [form(postern, password, EMAIL)]
    owner.post("/auth/admin/people", "/auth/admin/invitations", email=EMAIL)
    invited = Visitor(postern)
    letter = wait_for("the invitation", lambda: postern.letter(EMAIL, "Your invitation"))
    invited.get(link_in(letter["text"]).removeprefix(postern.public_url))
    pages.append(invited.post("/auth/invitation", "/auth/invitation", password=password))
    other = make_postern("new").start()
    host = Visitor(other)
    host.get(re.search(r"/auth/setup/\S+", other.output()).group())
    pages.append(host.post("/auth/setup", "/auth/setup", email=EMAIL, password=password))

    if wanted is None:
        assert [page.status_code for page in pages] == [202, 303, 303]
        assert create(postern, password, "another@example.org").returncode == 0
        return
    assert [page.status_code for page in pages] == [422] * 3
    for page in pages:
        reading = reading_in(page.text)
        words = [error_in(page.text), *(reading.words[1:] if reading else [])]
        assert " ".join(words) == detail
        assert reading is None or reading.words == [said["title"], *said["sentences"]]
        assert password not in page.text, "the password came back in the page"
    done = create(postern, password, EMAIL)
    assert (done.returncode, done.stdout) == (1, "") and detail in done.stderr
    assert postern.try_sign_in(EMAIL, password).status_code in (401, 422), "it was set nevertheless"


# The estimate, for programs.


def test_an_estimate_has_these_fields_and_none_of_the_passwords_characters(plain):
    password = "Zyxomma1987/quxqux"
    answer = strength(plain, password, ["zyxomma@example.org"])
    found = answer.json()
    assert set(found) == {"score", "guesses", "guesses_log10", "crack_times", "warning", "suggestions", "sequence", "acceptable", "level", "title", "sentences"}
    assert math.isclose(found["guesses_log10"], math.log10(found["guesses"]), rel_tol=1e-12)
    per_second = {
        "online_throttling_100_per_hour": 100 / 3_600, "online_no_throttling_10_per_second": 10, "offline_slow_hashing_1e4_per_second": 1e4,
        "offline_fast_hashing_1e10_per_second": 1e10,
    }
    assert set(found["crack_times"]) == set(per_second)
    for attack, time in found["crack_times"].items():
        assert math.isclose(time["seconds"], found["guesses"] / per_second[attack], rel_tol=1e-12) and time["text"]
    covered = [place for part in found["sequence"] for place in range(part["i"], part["j"] + 1)]
    assert covered == list(range(len(password))), "the parts don't cover it"
    assert all(part["pattern"] in ("bruteforce", "dictionary", "spatial", "repeat", "sequence", "regex", "date") for part in found["sequence"])
    texts = [value for part in found["sequence"] for value in part.values() if isinstance(value, str)]
    assert {"token", "matched_word", "base_token"}.isdisjoint(name for part in found["sequence"] for name in part)
    assert not [text for text in texts if text.lower() in password.lower()]
    assert password not in answer.text and "zyxomma" not in answer.text.lower()
    assert answer.headers["Cache-Control"] == "no-store"

    weak = strength(plain, "password").json()
    assert set(weak) == set(found) | {"reason"}
    assert (weak["score"], weak["guesses"], weak["acceptable"], weak["reason"]) == (0, 3, False, "password-common")
    assert weak["warning"] == "This is a top-10 common password."
    assert weak["suggestions"] == ["Add another word or two. Uncommon words are better."]
    assert weak["sentences"] == ["Would hold less than a second.", "It is on every list of common passwords.", "Choose something nobody else would."]
    assert [(part["dictionary_name"], part["rank"], part["i"], part["j"]) for part in weak["sequence"]] == [("passwords", 2, 0, 7)]
    empty = strength(plain, "").json()
    assert (empty["score"], empty["guesses"], empty["sequence"], empty["reason"]) == (0, 1, [], "password-too-short")


SECRET = "Zyxomma-obtusum-1987"


@pytest.mark.parametrize("body, status, code, field", [
    ({"password": SECRET, "username": "ada"}, 400, "malformed", "username"),
    ({"password": SECRET, "email": "ada@example.org"}, 400, "malformed", "email"),
    ({}, 400, "malformed", "password"),
    ({"about": ["ada"]}, 400, "malformed", "password"),
    ({"password": None}, 400, "malformed", "password"),
    ({"password": 12345678}, 400, "malformed", "password"),
    ({"password": [SECRET]}, 400, "malformed", "password"),
    ({"password": SECRET, "about": SECRET}, 400, "malformed", "about"),
    ({"password": SECRET, "about": [SECRET, 1]}, 400, "malformed", "about"),
    ({"password": SECRET, "about": [[SECRET]]}, 400, "malformed", "about"),
    ({"password": SECRET, "about": {"name": SECRET}}, 400, "malformed", "about"),
    ({"password": SECRET, "about": ["ada"] * 21}, 400, "malformed", "about"),
    ([SECRET], 400, "malformed", None),
    (SECRET, 400, "malformed", None),
    ({"password": SECRET * 205}, 422, "password-too-long", "password"),
    ({"password": "é" * 2_048 + "x"}, 422, "password-too-long", "password"),
    ({"password": SECRET, "about": [SECRET * 3_300]}, 413, "too-large", None),
    ({"password": SECRET * 3_300}, 413, "too-large", None),
], ids=lambda value: json.dumps(value)[:40] if isinstance(value, (dict, list)) else None)
def test_a_question_that_is_none_is_told_so(plain, body, status, code, field):
    answer = plain.request("POST", STRENGTH, json=body)
    assert reason(answer) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json().get("field") == field
    assert SECRET not in answer.text


def test_other_shapes_of_question_are_refused(plain):
    assert reason(plain.request("POST", STRENGTH, data=f'{{"password":"{SECRET}","password":"x"}}', headers={"Content-Type": "application/json"})) \
        == (400, "malformed")
    assert reason(plain.request("POST", STRENGTH, data={"password": SECRET})) == (415, "unsupported-media-type")
    assert plain.get(STRENGTH + f"?password={SECRET}", headers={"Accept": "application/json"}).status_code in (404, 405)
    other = plain.request("POST", STRENGTH, json={"password": SECRET}, headers={"Sec-Fetch-Site": "cross-site"})
    assert reason(other) == (403, "cross-site")


def test_the_most_that_may_be_asked_is_answered(plain):
    longest = ("kq7!xZp" * 600)[:4_096]
    found = verdict(plain, longest, ["x" * 1_000] * 20)
    assert (found["reason"], found["sentences"]) == ("password-too-long", ["It has more than 1024 bytes."])
    # One sign that stands for eighteen letters was one key press.
    assert len(unicodedata.normalize("NFKC", "ﷺ")) == 18 and not verdict(plain, "ﷺ" * 60)["acceptable"]


def test_no_password_gets_into_the_log_or_the_database(make_postern):
    postern = make_postern(settings="log-level: debug\npassword: {minimum-score: 4}\n").start()
    member = Member(postern, "ada@example.org")
    secrets = [f"{word}-{number}" for number, word in enumerate(["Zyxomma", "Obtusum-quabbel", "kq7xZp"])] + ["weathering-obtusum"]
    for secret in secrets:
        for answer in (strength(postern, secret), strength(postern, secret, [secret], bearer=member.sign_in()), postern.sign_up("new@example.org", secret),
                       form(postern, secret), postern.request("POST", STRENGTH, json={"password": secret, secret: 1, "about": secret})):
            assert secret not in answer.text or answer.json().get("field") == secret, "it comes back"
        create(postern, secret, f"by-command-{len(secret)}@example.org")
    assert postern.get("/auth/nothing", headers={"Accept": "application/json"}).status_code == 404
    written = postern.log() + postern.output() + "".join(path.read_bytes().decode("latin-1") for path in postern.data.glob("postern.sqlite*"))
    assert not [secret for secret in secrets if secret in written]
