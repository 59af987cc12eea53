"""Rules of one's own: behind real proxies, in shadow, and changed while the server runs."""

import json
import re
import time

import pytest

from parts.front import FIRST, PROXIES, SECOND, Front
from parts.guessing import HERE, NOT_RIGHT, THERE, THROTTLED, attempt, verdict
from parts.member import Member
from parts.postern import Postern, reason
from parts.processes import wait_for
from parts.visitor import Visitor
from test_two_nodes import database  # noqa: F401

# A day, so that none of them ends while a test runs.
LOGIN = "throttling: {rules: {logins: {kind: throttle, apps: ['*'], paths: [/login, /deep/*], limit: 3/1d%s}}}\n"
ADA = "ada@example.org"
SPELLINGS = ["//login", "/LOGIN", "/%6cogin", "/login/", "/login;x", "/./login", "/x/../login", "/%256cogin", "/login?next=/", "/login%20"]


@pytest.fixture
def make_front(binary, tmp_path):
    made = []

    def make(proxy: str, settings: str) -> Front:
        made.append(Front(binary, tmp_path / f"front-{len(made)}", proxy, settings))
        return made[-1]
    yield make
    for front in made:
        front.stop()


def pages(postern: Postern, address: str = HERE, path: str = "/auth/sign-in", **headers: str):
    return postern.get(path, headers={"X-Forwarded-For": address} | headers)


def statuses(postern: Postern, count: int, *more, **headers: str) -> list[int]:
    return [pages(postern, *more, **headers).status_code for _ in range(count)]


def blocks_page(postern: Postern) -> str:
    """What an owner sees there, in words."""
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner").sign_in()})
    return re.sub(r"<[^>]+>", " ", wait_for("what was decided", lambda: (text := owner.get("/auth/admin/blocks").text) and "Nobody was refused" not in text and text, 5))


# Behind proxies.


@pytest.mark.parametrize("proxy", ["nginx", "Caddy"])
def test_a_throttle_on_apps_refuses_one_address_and_no_more_reaches_the_app(make_front, proxy):
    front = make_front(proxy, LOGIN % "")
    assert [front.get("/login").status for _ in range(4)] == [200, 200, 200, 429]
    refused = front.get("/login")
    headers = {name.lower(): value for name, value in refused.headers.items()}
    assert refused.status == 429 and 1 <= int(headers["retry-after"]) <= 86_400
    assert [seen.path for seen in front.app.seen] == ["/login"] * 3
    assert front.get("/login", SECOND).status == 200, "another address is refused as well"
    assert front.get("/page").status == front.get("/logins").status == 200, "another page is refused as well"


@pytest.mark.parametrize("proxy", ["nginx", "Caddy"])
def test_every_spelling_of_a_path_is_one(make_front, proxy):
    """HT-15, by somebody who is signed in: an odd path isn't open to others."""
    front = make_front(proxy, LOGIN % "")
    front.postern.make_account(ADA)
    token = front.host.session(front.postern.sign_in(ADA), "/members/")
    assert [front.get(path, FIRST, token).status for path in SPELLINGS[:3]] == [200] * 3
    assert {path: front.get(path, FIRST, token).status for path in ["/login", *SPELLINGS]} == {path: 429 for path in ["/login", *SPELLINGS]}
    assert len(front.app.seen) == 3
    assert [front.get(path, FIRST, token).status for path in ("/deep/a", "/DEEP/b/c", "/deep", "/deeper")] == [429] * 3 + [200]


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_blocklist_on_an_app_refuses_whoever_is_signed_in(make_front, proxy):
    front = make_front(proxy, "throttling: {rules: {scanners: {kind: blocklist, apps: [one], paths: [/wp-admin/*, /.env]}}}\n")
    front.postern.make_account(ADA)
    token = front.host.session(front.postern.sign_in(ADA), "/members/")
    paths = ["/wp-admin", "/wp-admin/x.php", "/.env", "/WP-ADMIN/"]
    assert {(path, held): front.get(path, FIRST, held).status for path in paths for held in (token, None)} == {
        (path, held): 403 for path in paths for held in (token, None)}
    assert front.app.seen == [] and front.get("/wp-administration", FIRST, token).status == 200
    assert statuses(front.postern, 1, HERE, "/auth/sign-in") == [200]


@pytest.mark.parametrize("path", SPELLINGS)
def test_a_spelling_that_comes_first_counts_as_well(make_postern, path):
    """HT-15, asked as a proxy asks."""
    postern = make_postern(settings=LOGIN % "").start()

    def ask(path: str) -> str:
        answer = postern.get("/auth/forward", headers={"X-Forwarded-For": HERE, "X-Forwarded-Uri": path, "X-Forwarded-Method": "GET"})
        return answer.headers.get("Postern-Reason") or reason(answer)[1]
    assert "throttled" not in [ask(path) for _ in range(3)]
    assert ask("/login") == ask(path) == "throttled"


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_rule_in_shadow_lets_pass_and_shows_what_it_would_do(make_front, proxy):
    front = make_front(proxy, LOGIN % ", mode: shadow")
    assert [front.get("/login").status for _ in range(7)] == [200] * 7
    assert len(front.app.seen) == 7
    said = blocks_page(front.postern)
    assert re.search(rf"logins\s+would be refused\s+{re.escape(FIRST)}\s+4\s", said), said
    assert re.search(r"throttle logins 3/86400s fixed by address apps=\* path=/login,/deep/\* shadow", said)


# On our own pages.


def test_safelists_come_before_blocklists_and_these_before_throttles(make_postern):
    postern = make_postern(settings="""throttling:
  rules:
    pages: {kind: throttle, paths: [/auth/*], limit: 2/1d}
    bad: {kind: blocklist, addresses: [203.0.113.0/24], answer: Call us.}
    scanners: {kind: blocklist, user-agents: [sqlmap]}
    office: {kind: safelist, addresses: [203.0.113.7]}
    seen: {kind: watch, paths: [/auth/sign-up], limit: 0/1m}
""").start()
    assert statuses(postern, 5) == [200] * 5, "who is on the safelist is refused"
    refused = pages(postern, THERE, Accept="application/json", path="/auth/v1/session")
    assert reason(refused) == (403, "blocked") and "Call us." in refused.text
    assert statuses(postern, 3, "192.0.2.5") == [200, 200, 429]
    assert statuses(postern, 1, "192.0.2.6", **{"User-Agent": "x SQLMap/1.0"}) == [403]
    assert statuses(postern, 1, "192.0.2.7", "/auth/sign-up") == [200]
    assert postern.get("/auth/health", headers={"X-Forwarded-For": THERE}).status_code == 200
    assert statuses(postern, 6, "127.0.0.1") == [200] * 6, "a proxy's own address is counted"
    said = blocks_page(postern)
    for rule, mode, address in (("bad", "refused", THERE), ("scanners", "refused", "192.0.2.6"), ("pages", "refused", "192.0.2.5"),
                                ("seen", "watched", "192.0.2.7")):
        assert re.search(rf"{rule}\s+{mode}\s+{re.escape(address)}\s+1\s", said), f"{rule}: {said}"


def test_a_safelist_does_not_loosen_what_protects_accounts(make_postern):
    postern = make_postern(settings=f"throttling: {{rules: {{office: {{kind: safelist, addresses: [{HERE}]}}}}}}\n").start()
    assert [verdict(postern, ADA) for _ in range(11)] == [NOT_RIGHT] * 10 + [THROTTLED]


def test_a_refused_program_is_told_how_long_and_by_which_rule(make_postern):
    postern = make_postern(settings="throttling: {rules: {calls: {kind: throttle, methods: [post], paths: [/auth/v1/*], limit: 2/1d}}}\n").start()
    assert [verdict(postern, ADA) for _ in range(3)] == [NOT_RIGHT, NOT_RIGHT, THROTTLED]
    refused = attempt(postern, ADA)
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400 and "calls" in refused.headers["RateLimit-Policy"] + refused.headers["RateLimit"]
    assert pages(postern, path="/auth/v1/session").status_code == 401, "another method is refused as well"


# While the server runs.


class Changing:
    """A server whose settings file changes under it."""

    def __init__(self, postern: Postern):
        self.postern, self.base, self.number = postern, postern.config.read_text(), 0

    def says(self, throttling: str) -> None:
        self.postern.config.write_text(self.base + throttling)


def blocking(path: str) -> str:
    return f"throttling: {{rules: {{closed: {{kind: blocklist, paths: [{path}]}}}}}}\n"


def errors(postern: Postern) -> list[str]:
    return [line for line in postern.log().splitlines() if "rules stay as they are" in line]


def test_other_rules_hold_within_seconds_without_a_restart(postern):
    changing, pid = Changing(postern), postern.process.pid
    assert statuses(postern, 1) == [200]
    changing.says(blocking("/auth/sign-in"))
    wait_for("the rule to hold", lambda: statuses(postern, 1) == [403], 10)
    assert statuses(postern, 1, HERE, "/auth/forgot-password") == [200]
    changing.says(blocking("/auth/forgot-password"))
    wait_for("the other rule to hold", lambda: statuses(postern, 1) == [200], 10)
    assert statuses(postern, 1, HERE, "/auth/forgot-password") == [403]
    changing.says("throttling: {sign-in: {wait-after: 3/15m}}\n")
    wait_for("no rule to hold", lambda: statuses(postern, 1, HERE, "/auth/forgot-password") == [200], 10)
    assert [verdict(postern, ADA) for _ in range(4)] == [NOT_RIGHT] * 3 + [THROTTLED]
    assert postern.process.pid == pid and postern.process.lives
    said = blocks_page(postern)
    assert re.search(r"Version\s+4,", said) and re.search(r"new\s+sign-in wait-after 3/900s", said)
    assert re.search(r"gone\s+sign-in wait-after 10/900s", said) and re.search(r"gone\s+blocklist closed path=/auth/forgot-password", said)


@pytest.mark.parametrize("broken, words", [
    ("throttling: {rules: {closed: {kind: bloklist, paths: [/]}}}\n", ["line 3", "closed.kind", "bloklist", "blocklist"]),
    ("throttling: {rules: {open: {kind: safelist}}}\n", ["throttling.rules.open", "paths"]), ("throttling: {sign-in: {lock-after: 101}}\n", ["line 3", "lock-after"]),
    ("throttling: {sign-in: {lock-for: 5m}}\n", ["line 3", "lock-for", "30m"]), ("throttling: {rules: {'A b': {kind: watch, limit: 1/1m}}}\n", ["'A b'"]),
    ("throttling: {rules: {a: {kind: throttle, limit: often}}}\n", ["line 3", "a.limit", "often"]), ("throttling: {", ["not YAML"]),
    ("throttlin: {a: 1}\n", ["line 3", "throttlin"]), ("\0", ["YAML"]),
], ids=repr)
def test_a_broken_file_leaves_the_old_rules_and_is_logged(make_postern, broken, words):
    postern = make_postern()
    changing = Changing(postern)
    changing.says(blocking("/auth/sign-in"))
    postern.start()
    assert statuses(postern, 1) == [403] and errors(postern) == []
    changing.says(broken)
    [line] = wait_for("the error", lambda: errors(postern), 10)
    assert json.loads(line)["level"] == "error"
    for word in words:
        assert word in json.loads(line)["error"], line
    assert statuses(postern, 1) == [403] and statuses(postern, 1, HERE, "/auth/forgot-password") == [200]
    changing.says(blocking("/auth/forgot-password"))
    wait_for("a good file to hold", lambda: statuses(postern, 1) == [200], 10)
    assert statuses(postern, 1, HERE, "/auth/forgot-password") == [403] and len(errors(postern)) == 1


def test_a_settings_file_that_is_gone_for_a_while_changes_nothing(make_postern):
    postern = make_postern(settings=blocking("/auth/sign-in")).start()
    text = postern.config.read_text()
    postern.config.unlink()
    time.sleep(2.5)
    assert statuses(postern, 1) == [403] and postern.process.lives
    postern.config.write_text(text.replace("/auth/sign-in", "/auth/forgot-password"))
    wait_for("the new rule to hold", lambda: statuses(postern, 1) == [200], 10)


# On several nodes.


def test_a_shared_rule_counts_once_for_all_nodes(database, make_postern, tmp_path):  # noqa: F811
    settings = (f"key-ring-file: {tmp_path}/key-ring.json\n"
                "throttling: {rules: {exports: {kind: throttle, paths: [/auth/sign-in], limit: 5/1d, shared: yes}}}\n")
    nodes = [make_postern(name, settings=settings, database=database).start() for name in ("first", "second")]
    assert [pages(node).status_code for node in nodes * 4] == [200] * 5 + [429] * 3
    assert [pages(node, THERE).status_code for node in nodes * 2] == [200] * 4
