"""Blocks by hand: on the command line, from lists, and what they mean for pages, the API and apps behind real proxies."""

import json
import re
import time

import pytest

from parts.front import FIRST, PROXIES, SECOND, Front
from parts.guessing import NOT_RIGHT, BLOCKED, HERE, verdict
from parts.job_rows import change
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for

ADA = "ada@example.org"
OKAY = (200, "")
UNKNOWN = "019aac2c-7f0e-7a8b-9d2f-6a3f4c1e8b10"


@pytest.fixture(scope="module")
def quiet(binary, tmp_path_factory):
    """A node that nobody blocks anything on."""
    postern = Postern(binary, tmp_path_factory.mktemp("quiet")).start()
    postern.command("block", "add", "192.0.2.1", "--why", "was there before")
    yield postern
    postern.stop()


def blocks(postern: Postern, *more: str) -> list[dict]:
    """What `block list` says, in JSON and in words: both must agree."""
    documents = json.loads(postern.command("block", "list", *more, "--json"))
    lines = [re.split(r" {2,}| (?=[0-9a-f-]{36}$)", line) for line in postern.command("block", "list", *more).splitlines()]
    if documents:
        assert lines[0] == ["STATE", "UNTIL", "RULE", "WHO", "ID"]
        assert lines[1:] == [[block["state"], block.get("until", "its release"), block["rule"] or "by hand", block["who"], block["id"]] for block in documents]
    else:
        assert lines == [["Nobody is blocked."]]
    return documents


def shown(postern: Postern, what: str) -> dict:
    """What `block show` says, in JSON and in words: both must agree."""
    document = json.loads(postern.command("block", "show", what, "--json"))
    words = dict(re.match(r"(Made by|\S+) +(.*)", line).groups() for line in postern.command("block", "show", what).splitlines())
    assert (words["Id"], words["Who"], words["State"], words["Meaning"]) == (document["id"], document["who"], document["state"], document["meaning"])
    assert (words["Why"], words["Made by"]) == (document["why"], document["by"])
    return document


def networks(postern: Postern) -> set[tuple[str, str]]:
    """Every blocked network, with the end of its block."""
    return {(block["network"], block["until"]) for block in json.loads(postern.command("block", "export", "--json"))}


# One block.


def test_a_block_is_listed_explained_and_released(postern):
    made = re.fullmatch(r"Blocked: (\S+)\n", postern.command("block", "add", "203.0.113.0/24", "--for", "7d", "--why", "scans us"))[1]
    [block] = blocks(postern)
    assert (block["id"], block["network"], block["who"], block["why"], block["by"]) == (
        made, "203.0.113.0/24", "203.0.113.0/24", "scans us", "command-line")
    assert block["meaning"] == "Nothing is answered to these addresses, on no page and for no app." and block["rule"] == "" and "released_at" not in block
    assert time.mktime(time.strptime(block["until"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.strptime(block["since"], "%Y-%m-%dT%H:%M:%SZ")) == 604_800
    for what in (made, "203.0.113.200"):
        assert shown(postern, what)["id"] == made
    assert postern.command("block", "show", "203.0.114.1") == "203.0.114.1 is not blocked.\n"
    assert postern.command("block", "remove", "203.0.113.0/24") == "Released.\n"
    assert blocks(postern) == []
    [block] = blocks(postern, "--all")
    assert (block["id"], block["state"]) == (made, "released") and block["released_at"] >= block["since"]
    assert shown(postern, made)["state"] == "released"
    assert postern.command("block", "show", "203.0.113.200") == "203.0.113.200 is not blocked.\n"
    assert postern.command("block", "add", "203.0.113.0/24") and len(blocks(postern, "--all")) == 2
    assert len(blocks(postern, "--all", "--limit", "1")) == 1


def test_an_address_that_is_not_blocked_is_told_as_json_to_programs(quiet):
    assert "192.0.2.200" not in str(json.loads(quiet.command("block", "show", "192.0.2.200", "--json")))


def test_an_account_is_blocked_whole_and_by_hand_ends_by_hand(postern):
    postern.make_account(ADA)
    assert verdict(postern, ADA, PASSWORD, HERE, "B" * 42 + "A") == OKAY
    postern.command("block", "add", "--account", "Ada@example.org", "--why", "asked by phone")
    [block] = blocks(postern)
    assert (block["who"], block["meaning"]) == (ADA, "Nobody signs in to this account. Whoever tries is told that the password is wrong.") and "network" not in block
    assert verdict(postern, ADA, PASSWORD) == verdict(postern, ADA, PASSWORD, HERE, "B" * 42 + "A") == NOT_RIGHT
    assert postern.run("block", "add", "--account", ADA).stderr.startswith("postern: That is blocked already.")
    assert postern.command("block", "remove", "--account", "Ada@example.org").lower() == f"{ADA} can sign in again.\n"
    assert verdict(postern, ADA, PASSWORD) == OKAY and blocks(postern) == []


def test_a_block_ends_by_itself(postern):
    assert postern.command("block", "add", HERE, "--for", "1m")
    wait_for("the block", lambda: postern.get("/auth/sign-in", headers={"X-Forwarded-For": HERE}).status_code == 403, 5)
    postern.stop()
    assert change(postern, "UPDATE block SET until = until - 60000000") == 1
    postern.start()
    assert postern.get("/auth/sign-in", headers={"X-Forwarded-For": HERE}).status_code == 200
    assert blocks(postern) == [] and [block["state"] for block in blocks(postern, "--all")] == ["over"]


@pytest.mark.parametrize("arguments, words", [
    (["add", "203.0.113.300"], ["'203.0.113.300'", "192.0.2.0/24"]), (["add", "203.0.113.1/24"], ["203.0.113.1/24", "bits"]),
    (["add", "203.0.113.0/33"], ["203.0.113.0/33"]), (["add", ""], ["192.0.2.7"]), (["add", "example.org"], ["example.org"]),
    (["add", "127.0.0.0/8"], ["trusted proxy 127.0.0.1"]), (["add", "127.0.0.1"], ["trusted proxy 127.0.0.1"]), (["add", "0.0.0.0/0"], ["trusted proxy"]),
    (["add", "::ffff:127.0.0.1"], ["trusted proxy 127.0.0.1"]), (["add", "192.0.2.1"], ["blocked already"]),
    (["add"], ["--account EMAIL"]), (["add", "192.0.2.9", "--account", ADA], ["--account EMAIL"]), (["add", "--account", "nobody@example.org"], ["No account"]),
    (["add", "--account", "nobody"], ["'nobody'", "e-mail"]), (["add", "192.0.2.9", "--for", "soon"], ["soon", "7d"]), (["add", "192.0.2.9", "--for", "0d"], ["7d"]),
    (["show", "nothing"], ["'nothing'", "block list"]), (["show", UNKNOWN], ["no block", UNKNOWN]), (["show", "192.0.2.0/24"], ["block list"]),
    (["remove", "nothing"], ["'nothing'", "block list"]), (["remove", UNKNOWN], [UNKNOWN, "block list"]), (["remove", "192.0.2.9"], ["192.0.2.9", "block list"]),
    (["remove"], ["--account EMAIL"]), (["remove", "192.0.2.1", "--account", ADA], ["one --account EMAIL"]),
    (["list", "--limit", "0"], ["1 to 1000000"]), (["list", "--limit", "many"], ["many"]), (["import", "not-there.txt"], ["not-there.txt", "can't be read"]),
    (["fly"], []),
], ids=lambda value: " ".join(value) if value and isinstance(value, list) else None)
def test_a_mistake_is_answered_with_what_is_allowed_and_changes_nothing(quiet, arguments, words):
    before = blocks(quiet, "--all")
    done = quiet.run("block", *arguments)
    assert done.returncode not in (0, -4, -5, -6, -11) and done.stdout == "", done.stdout
    for word in words:
        assert word in done.stderr, done.stderr
    assert blocks(quiet, "--all") == before


# Lists.


LIST = "# seen last week\n203.0.113.0/24 # scanners\n\n  2001:db8::/32, more words\n198.51.100.7\t2\n; a comment\n127.0.0.1\n203.0.113.0/24\n"


def test_a_list_is_imported_once_and_never_over_a_proxy(postern, tmp_path):
    (tmp_path / "list.txt").write_text(LIST)
    said = postern.command("block", "import", str(tmp_path / "list.txt"), "--for", "30d", "--why", "a list")
    assert said == "3 blocked, 1 were already, 1 left out: a trusted proxy stands there.\n"
    assert {network for network, _ in networks(postern)} == {"203.0.113.0/24", "2001:db8::/32", "198.51.100.7"}
    assert {block["why"] for block in blocks(postern)} == {"a list"} and all("until" in block for block in blocks(postern))
    assert json.loads(postern.command("block", "import", "-", "--json", text=LIST)) == {"added": 0, "known": 4, "skipped_proxies": 1, "over": 0}


@pytest.mark.parametrize("line", [
    "203.0.113.300", "203.0.113.1/24", "example.org", "203.0.113.1-203.0.113.9", "[203.0.113.300]", "[{'sshd': ['203.0.113.300']}]", "\0", "'; DROP TABLE block",
], ids=repr)
def test_a_broken_line_is_named_and_nothing_is_blocked(postern, tmp_path, line):
    file = tmp_path / "list.txt"
    file.write_text(f"203.0.113.0/24\n# fine\n{line}\n2001:db8::/32\n")
    done = postern.run("block", "import", str(file))
    assert done.returncode == 1 and done.stdout == "", "a line that is no network was passed by"
    assert len(done.stderr.splitlines()) == 1 and f"{file}, line 3: " in done.stderr and "Nothing was blocked." in done.stderr, done.stderr
    assert blocks(postern, "--all") == []


def test_what_fail2ban_prints_is_imported(postern, tmp_path):
    (tmp_path / "banned").write_text("[{'sshd': ['192.0.2.1', '2001:db8::1']}, {'web': []}, {'recidive': ['192.0.2.1', '198.51.100.0/24']}]\n")
    assert postern.command("block", "import", str(tmp_path / "banned")) == "3 blocked, 1 were already.\n"
    assert networks(postern) == {("192.0.2.1", ""), ("2001:db8::1", ""), ("198.51.100.0/24", "")}
    ends = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 86_400))
    (tmp_path / "banip").write_text(
        f"203.0.113.5 \t2026-01-01 10:00:00 + 86400 = {ends}\n203.0.113.6 \t2020-01-01 10:00:00 + 600 = 2020-01-01 10:10:00\n"
        "203.0.113.7 \t2020-01-01 10:00:00 + -1 = 9999-12-31 23:59:59\n")
    assert postern.command("block", "import", str(tmp_path / "banip")) == "2 blocked, 0 were already, 1 left out: their time is over.\n"
    assert networks(postern) >= {("203.0.113.5", ends.replace(" ", "T") + "Z"), ("203.0.113.7", "")}
    assert "203.0.113.6" not in str(networks(postern)), "a ban that is over was taken over"


def test_what_is_exported_is_imported_as_it_was(postern, make_postern):
    for network, more in {"203.0.113.0/24": [], "2001:db8::/32": [], "198.51.100.7": ["--for", "7d"]}.items():
        postern.command("block", "add", network, *more)
    postern.command("block", "add", "192.0.2.1")
    postern.command("block", "remove", "192.0.2.1")
    other = make_postern("other")
    assert other.command("block", "import", "-", text=postern.command("block", "export")) == "3 blocked, 0 were already.\n"
    assert networks(other) == networks(postern), "a block for some days became another"


# What a block means.


@pytest.fixture(params=PROXIES)
def front(request, binary, tmp_path):
    front = Front(binary, tmp_path, request.param)
    yield front
    front.stop()


def test_a_block_holds_within_a_second_for_pages_the_api_and_apps_also_for_who_is_signed_in(front):
    postern = front.postern
    postern.make_account(ADA)
    portal = postern.sign_in(ADA)
    token = front.host.session(portal, "/members/")

    def answers(source: str) -> dict[str, int]:
        headers = {"X-Forwarded-For": source, "Cookie": f"postern={portal}"}
        inside = {path: postern.get(path, headers=headers).status_code for path in ("/auth/account", "/auth/sign-in", "/auth/v1/session")}
        return inside | {path: front.get(path, source, token).status for path in ("/page", "/members/page", "/auth/sign-out")}
    before = answers(SECOND)
    assert answers(FIRST) == before
    assert before == {"/auth/account": 200, "/auth/sign-in": 303, "/auth/v1/session": 200, "/page": 200, "/members/page": 200, "/auth/sign-out": 200}
    postern.command("block", "add", FIRST, "--why", "a test")
    wait_for("the block to hold", lambda: front.get("/page", FIRST).status == 403, 1.5)
    seen = len(front.app.seen)
    assert answers(FIRST) == {path: 403 for path in before}
    assert front.get("/members/page", FIRST).status == front.get("/auth/begin", FIRST).status == 403
    assert front.seen_since(seen) == [], "something of theirs came to the app"
    assert postern.get("/auth/health", headers={"X-Forwarded-For": FIRST}).status_code == 200
    assert answers(SECOND) == before

    postern.restart()
    assert answers(FIRST) == {path: 403 for path in before}
    assert answers(SECOND) == before
    postern.command("block", "remove", FIRST)
    wait_for("the block to end", lambda: answers(FIRST) == before, 1.5)


def test_a_blocked_person_is_told_so_on_a_page_and_a_program_in_json(postern):
    postern.command("block", "add", "2001:db8::/32")
    headers = {"X-Forwarded-For": "2001:db8:1::7"}
    wait_for("the block", lambda: postern.get("/auth/sign-in", headers=headers).status_code == 403, 5)
    page = postern.get("/auth/sign-in", headers=headers | {"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html") and "<h1" in page.text and "form" not in re.findall(r"<(\w+)", page.text)
    assert verdict(postern, ADA, address="2001:db8:ffff::1") == BLOCKED
    assert verdict(postern, ADA, address="2001:db9::1") == (401, "wrong-credentials")
    assert postern.get("/auth/health", headers=headers).status_code == 200
