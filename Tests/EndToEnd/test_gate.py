"""What a proxy lets through: only whom Postern vouches for, under the names Postern gives."""

import functools
import re
import secrets
from dataclasses import dataclass

import pytest

from parts.postern import direct
from parts.processes import wait_for
from parts.proxies import Caddy, Nginx
from parts.raw import exchange
from parts.site import Site

IDENTITY = ["User", "Account", "Email", "Name", "Groups", "Organization", "Key", "Scopes", "Assurance", "Assertion"]
SPELLINGS = ["Remote-{}", "remote-{}", "REMOTE-{}", "Remote_{}", "remote_{}", "Remote.{}", "remote.{}"]
FORGED = "forged@example.org"


@pytest.fixture(params=["behind_nginx", "behind_lenient_nginx", "behind_caddy"])
def site(request):
    return request.getfixturevalue(request.param)


@dataclass(frozen=True)
class Member:
    email: str
    token: str


@pytest.fixture
def member(site) -> Member:
    """Somebody who is signed in."""
    email = f"member-{secrets.token_hex(4)}@example.org"
    site.postern.make_account(email)
    return Member(email, site.postern.sign_in(email))


def call(site, path="/", token=None, method="GET", **headers):
    headers = {name.replace("__", "-"): value for name, value in headers.items()}
    if token:
        headers["Cookie"] = f"postern={token}"
    with direct() as session:
        return session.request(method, site.url + path, headers=headers, allow_redirects=False, timeout=15)


def send(site, headers: list[tuple[str, str]], token: str | None) -> list[int]:
    lines = [f"Host: 127.0.0.1:{site.port}", "Connection: close"] + [f"{name}: {value}" for name, value in headers]
    if token:
        lines.append(f"Cookie: postern={token}")
    statuses, _, _ = exchange(site.port, ("GET /page HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    return statuses


def test_a_signed_in_request_reaches_the_app_with_the_headers_that_the_snippet_hands_on(site, member):
    before = len(site.app.seen)
    assert call(site, "/page?x=1", member.token).status_code == 200
    [seen] = site.seen_since(before)
    identity = {name.lower(): value for name, value in seen.headers if name.lower().startswith("remote-")}
    assert identity["remote-user"] == identity["remote-email"] == member.email
    assert {"remote-user", "remote-email", "remote-name", "remote-groups"} - set(identity) <= {"remote-name", "remote-groups"}
    assert set(identity) <= {f"remote-{name.lower()}" for name in IDENTITY}
    assert seen.path == "/page?x=1"


@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "a stranger"])
def test_forged_identity_headers_never_reach_the_app(site, member, signed_in):
    before = len(site.app.seen)
    for name in IDENTITY:
        for spelling in SPELLINGS:
            header = spelling.format(name)
            [status] = send(site, [(header, FORGED)], member.token if signed_in else None)
            assert status in ((200, 400, 403) if signed_in else (302, 400, 401, 403)), f"{header}: {status}"
    seen = site.seen_since(before)
    assert signed_in or not seen
    for request in seen:
        assert FORGED not in dict(request.headers).values(), f"a forged header reached the app: {request.identity()}"
        assert request.identity().get("Remote-User") == member.email


@pytest.mark.parametrize("headers", [
    [("Remote-User", FORGED), ("Remote-User", "another@example.org")],
    [("Connection", "Remote-User, Remote-Email")],
    [("Remote-User", "")],
    [("Remote_User", FORGED), ("Remote.User", FORGED), ("Remote-User", FORGED)],
], ids=["twice", "named in Connection", "empty", "three spellings at once"])
def test_tricks_around_identity_headers_never_change_who_the_app_sees(site, member, headers):
    before = len(site.app.seen)
    [status] = send(site, headers, member.token)
    assert status in (200, 400, 403)
    for request in site.seen_since(before):
        assert request.identity().get("Remote-User") in (member.email, None)
        assert FORGED not in dict(request.headers).values()


def test_a_browser_is_led_to_the_sign_in_and_a_program_is_told_401(site):
    before = len(site.app.seen)
    page = call(site, "/shop?a=1&b=2", Accept="text/html", Sec__Fetch__Mode="navigate")
    assert page.status_code == 302
    assert page.headers["Location"].endswith("/auth/sign-in?return_to=%2Fshop%3Fa%3D1%26b%3D2")
    program = call(site, "/api", Accept="application/json")
    script = call(site, "/api", Accept="*/*", Sec__Fetch__Mode="cors")
    assert (program.status_code, script.status_code) == (401, 401)
    assert "Location" not in program.headers
    assert site.seen_since(before) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_an_unsafe_request_of_a_program_is_refused_with_401_and_its_body_stays_outside(site, method):
    before = len(site.app.seen)
    with direct() as session:
        answer = session.request(method, site.url + "/api", data=b"x" * 10_000, headers={"Accept": "*/*"}, allow_redirects=False, timeout=15)
    assert answer.status_code == 401
    assert site.seen_since(before) == []


def test_a_posted_form_of_a_stranger_is_led_to_the_sign_in_without_a_way_back(site):
    answer = call(site, "/order?x=1", method="POST", Accept="text/html", Sec__Fetch__Mode="navigate")
    assert answer.status_code in (302, 303)
    assert answer.headers["Location"].endswith("/auth/sign-in")


def test_a_posted_body_reaches_the_app_whole_once_signed_in(site, member):
    before = len(site.app.seen)
    with direct() as session:
        answer = session.post(site.url + "/order", data=b"y" * 100_000, headers={"Cookie": f"postern={member.token}"}, timeout=15)
    assert answer.status_code == 200
    assert [(seen.method, seen.body) for seen in site.seen_since(before)] == [("POST", b"y" * 100_000)]


def test_the_question_of_the_proxy_cannot_be_asked_from_outside(behind_nginx):
    assert call(behind_nginx, "/auth/request").status_code == 404


def test_the_development_mailbox_is_not_there_through_a_proxy(site):
    assert call(site, "/auth/dev/mailbox", Accept="application/json").status_code == 404


def test_a_session_that_its_owner_ends_is_refused_within_a_second(site, member):
    assert call(site, "/page", member.token).status_code == 200
    ended = site.postern.request("DELETE", "/auth/v1/session", headers={"Authorization": f"Bearer {member.token}"})
    assert ended.status_code == 204
    wait_for("the gate to refuse", lambda: call(site, "/page", member.token).status_code == 401, 1)


def test_a_session_is_refused_within_a_second_after_the_account_was_closed_on_the_command_line(site, member):
    assert call(site, "/page", member.token).status_code == 200
    site.postern.command("account", "disable", member.email)
    wait_for("the gate to refuse", lambda: call(site, "/page", member.token).status_code == 401, 1)


ODD = {
    "two slashes": b"//x",
    "three slashes": b"///x//y",
    "encoded dots": b"/%2e%2e/x",
    "encoded dots and slash": b"/..%2f",
    "plain dots": b"/a/../../x",
    "double encoding": b"/%252e%252e%252fx",
    "a parameter": b"/a;b",
    "dots with a parameter": b"/..;/x",
    "a backslash": b"/\\x",
    "the gate's own path, encoded": b"/%61uth/request",
    "the gate's own path, doubled": b"//auth/request",
    "under the gate, and back out": b"/auth/../page",
    "under the gate, and back out, encoded": b"/auth/%2e%2e/page",
    "a long plain query": b"/x?q=" + b"a" * 1_995,
    "a long query that grows when encoded": b"/x?" + b"&=" * 998 + b"a",
    "an even longer query": b"/x?q=" + b"a" * 6_000,
    "an encoded byte that is no UTF-8": b"/%ff%fe?q=%ff",
    "a byte that is no UTF-8": b"/\xff?q=\xff\xfe",
    "an encoded NUL": b"/x?q=%00",
    "an encoded line break": b"/x?q=%0d%0aSet-Cookie:%20a=b",
    "a broken escape": b"/x?q=%zz",
    "quotes and brackets": b"/x?q=\"<script>'{}|^`",
    "another scheme in the query": b"/x?to=https://evil.example/",
    "another host": b"http://evil.example/x",
    "a user before the host": b"/@evil.example",
    "a bare star": b"*",
}


@functools.cache
def shared_token(site) -> str:
    """One session for many requests."""
    site.postern.make_account("odd@example.org")
    return site.postern.sign_in("odd@example.org")


def odd(site, uri: bytes, *headers: str) -> tuple[list[int], bytes]:
    lines = [f"Host: 127.0.0.1:{site.port}", "Connection: close", *headers]
    statuses, answer, _ = exchange(site.port, b"GET " + uri + (" HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    return statuses, answer


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("uri", ODD.values(), ids=ODD.keys())
def test_an_odd_address_never_gets_a_stranger_to_the_app(site, uri, accept):
    before = len(site.app.seen)
    statuses, answer = odd(site, uri, f"Accept: {accept}")
    assert site.seen_since(before) == []
    # Caddy answers a host that it doesn't serve with an empty 200.
    nothing = statuses == [200] and answer.endswith(b"\r\n\r\n")
    assert nothing or (statuses and all(300 <= status < 500 for status in statuses)), statuses
    assert b"\r\nset-cookie: a=b" not in answer.lower()
    place = re.search(rb"(?i)\r\nlocation: (\S*)", answer)
    if statuses == [302] and place[1].removeprefix(site.url.encode()).startswith(b"/auth/sign-in"):
        again, page = odd(site, place[1].removeprefix(site.url.encode()))
        assert again == [200] and b'name="return_to"' in page, f"the way to the sign-in ends in {again}"
    elif place:
        # A proxy that tidies the address up itself.
        assert re.match(rb"(%s)?/(?![/\\])" % site.url.encode(), place[1]), place[1]
    assert site.postern.is_healthy()


@pytest.mark.parametrize("uri", ODD.values(), ids=ODD.keys())
def test_an_odd_address_with_a_session_harms_nothing(site, uri):
    statuses, _ = odd(site, uri, f"Cookie: postern={shared_token(site)}")
    assert statuses and all(status < 500 for status in statuses), statuses
    assert site.postern.is_healthy() and site.postern.process.lives


@pytest.mark.parametrize("proxy", [Nginx, Caddy])
def test_while_postern_is_down_nobody_reaches_the_app(binary, tmp_path, proxy):
    site = Site(binary, tmp_path, proxy)
    try:
        site.postern.make_account("ada@example.org")
        token = site.postern.sign_in("ada@example.org")
        assert call(site, "/page", token).status_code == 200
        before = len(site.app.seen)
        site.postern.stop()
        assert call(site, "/page", token).status_code in (500, 502, 503)
        assert site.seen_since(before) == []
        site.postern.start()
        wait_for("the app to be reached again", lambda: call(site, "/page", token).status_code == 200, 15)
    finally:
        site.stop()
