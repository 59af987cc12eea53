"""`postern simulate`: other rules on what happened, with people masked and nothing changed."""

import json
import re

import pytest

from parts.choosing import rows
from parts.guessing import HERE, NOT_RIGHT, THERE, verdict
from parts.postern import PASSWORD, Postern

ADA, BOB = "ada@example.org", "bob@example.org"
BROWSER = "B" * 42 + "A"
STRICT = "throttling: {sign-in: {wait-after: 3/15m, block-after: 3, stuffing: 3/3h, per-address: 100/1m}}\n"


@pytest.fixture(scope="module")
def recorded(binary, tmp_path_factory):
    """Ada types four wrong ones and then the right one, Bob one of each, and somebody guesses at both and at others."""
    postern = Postern(binary, tmp_path_factory.mktemp("recorded")).start()
    for email in (ADA, BOB):
        postern.make_account(email)
    assert [verdict(postern, ADA) for _ in range(4)] == [NOT_RIGHT] * 4
    assert verdict(postern, ADA, PASSWORD) == (200, "")
    assert [verdict(postern, BOB, password, THERE, BROWSER)[0] for password in ("wrong", PASSWORD)] == [401, 200]
    # A browser that is known may be wrong more often.
    assert [verdict(postern, BOB, password, THERE, BROWSER)[0] for password in ["wrong"] * 5 + [PASSWORD]] == [401] * 5 + [200]
    for name in (ADA, BOB, "eve@example.org", "eve@example.org", "mallory@example.org"):
        assert verdict(postern, name, address="198.51.100.9") == NOT_RIGHT
    yield postern
    postern.stop()


def policy(postern: Postern, text: str) -> str:
    """A settings file with other rules."""
    file = postern.folder / "next.yaml"
    file.write_text("public-url: https://elsewhere.example.org\n" + text)
    return str(file)


def simulate(postern: Postern, text: str, *more: str) -> dict[str, dict]:
    """What each rule would have done."""
    report = json.loads(postern.command("simulate", "--policy", policy(postern, text), "--since", "1d", "--json", *more))
    assert (report["attempts"], report["right"]) == (18, 3)
    return {rule["rule"]: rule for rule in report["rules"]}


def figures(found: dict[str, dict]) -> dict[str, tuple[int, int, int]]:
    return {name: (rule["refused"], rule["owners_locked_out"], rule["attackers_caught"]) for name, rule in found.items()}


NOTHING = {name: (0, 0, 0) for name in ("blocklist", "stuffing", "sign-in-per-address", "account-lock", "failures")}


def test_a_strict_policy_tells_who_would_have_been_locked_out_by_whom(recorded):
    found = simulate(recorded, STRICT)
    assert figures(found) == NOTHING | {"failures": (2, 1, 0), "stuffing": (2, 0, 1)}
    [example] = found["failures"]["examples"]
    assert (example["account"], example["network"]) == ("a•••@example.org", "203.0.113.0/24")
    [example] = simulate(recorded, STRICT, "--whole")["failures"]["examples"]
    assert (example["account"], example["network"]) == (ADA, HERE)


def test_the_table_says_the_same_and_shows_nobody_whole(recorded):
    said = recorded.command("simulate", "--policy", policy(recorded, STRICT), "--since", "1d")
    assert said.startswith("18 attempts, 3 with the right password.\n")
    table = {name: tuple(map(int, counts.split())) for name, counts in re.findall(r"^([a-z-]+) +(\d+ +\d+ +\d+)$", said, re.MULTILINE)}
    assert table == figures(simulate(recorded, STRICT))
    assert re.search(r"Owners that 'failures' would have kept out, for example\n  \S+Z  a•••@example\.org  from 203\.0\.113\.0/24\n", said)
    assert ADA not in said and HERE not in said
    whole = recorded.command("simulate", "--policy", policy(recorded, STRICT), "--since", "1d", "--whole")
    assert f"{ADA}  from {HERE}\n" in whole


def test_under_the_rules_of_today_nobody_is_locked_out(recorded):
    assert figures(simulate(recorded, "")) == NOTHING
    said = json.loads(recorded.command("simulate", "--policy", str(recorded.config), "--since", "1d", "--json"))
    assert {rule["refused"] for rule in said["rules"]} == {0}


@pytest.mark.parametrize("text, expected", [
    ("throttling: {sign-in: {per-address: 3/1d}}\n", {"sign-in-per-address": (4, 1, 1)}),
    ("throttling: {rules: {bad: {kind: blocklist, addresses: [198.51.100.0/24]}}}\n", {"blocklist": (5, 0, 1)}),
    ("throttling: {rules: {bad: {kind: blocklist, addresses: [203.0.113.7]}}}\n", {"blocklist": (5, 1, 0)}),
    ("throttling: {rules: {bad: {kind: blocklist, addresses: [0.0.0.0/0]}, fine: {kind: safelist, addresses: [203.0.113.0/24]}}}\n",
     {"blocklist": (5, 0, 1)}),
    ("throttling: {rules: {bad: {kind: blocklist, mode: shadow, addresses: [0.0.0.0/0]}}}\n", {}),
], ids=["per address", "a stranger's network", "an owner's network", "a safelist before it", "in shadow"])
def test_every_rule_is_tried(recorded, text, expected):
    assert figures(simulate(recorded, text)) == NOTHING | expected


def test_passwords_that_would_be_too_old_are_counted(recorded):
    said = recorded.command("simulate", "--policy", policy(recorded, "password: {expires-after: 30d}\n"))
    assert "Passwords older than the rules allow: 0 of 2, under today's settings 0." in said


def test_nothing_is_changed(recorded):
    before = rows(recorded, "job")
    simulate(recorded, STRICT, "--whole")
    recorded.command("simulate", "--policy", policy(recorded, STRICT))
    assert rows(recorded, "job") == before


@pytest.mark.parametrize("text, words", [
    ("throttling: {sign-in: {wait-after: soon}}\n", ["next.yaml, line 2", "throttling.sign-in.wait-after", "soon"]),
    ("throttling: {sign-in: {lock-after: 1000}}\n", ["next.yaml, line 2", "throttling.sign-in.lock-after", "1000", "10 to 100"]),
    ("throttling: {sing-in: {per-address: 20/1m}}\n", ["next.yaml, line 2", "sing-in"]), ("throttling: {", ["not YAML"]),
    ("throttling: {rules: {a: {kind: throttle}}}\n", ["throttling.rules.a.limit", "100/1m"]),
])
def test_a_broken_policy_names_its_mistake(recorded, text, words):
    file = policy(recorded, text)
    done = recorded.run("simulate", "--policy", file)
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@pytest.mark.parametrize("more, words", [
    (["--since", "soon"], ["soon", "30d"]), (["--since", "0d"], ["0d", "30d"]), ([], ["can't be read"]),
], ids=["no time", "no time at all", "no file"])
def test_a_wrong_word_is_answered_with_what_is_allowed(recorded, more, words):
    done = recorded.run("simulate", "--policy", policy(recorded, "") if more else "not-there.yaml", *more)
    assert done.returncode != 0 and done.stdout == ""
    for word in words:
        assert word in done.stderr, done.stderr
