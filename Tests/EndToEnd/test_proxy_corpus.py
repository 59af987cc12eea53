"""Hundreds of odd requests through each kind of proxy: nobody gets to the app who may not, and nobody as somebody else (FA-01, HT-01 to HT-05, HT-15)."""

import re

import pytest

from parts.corpus import COUNT, FORGED, GROUPS, IDENTITY, OPEN, Case, cut, fill
from parts.gates import GATES, QUESTIONS, REAL, ask
from parts.raw import exchange

IDENTITY_NAMES = {f"remote-{name.lower()}" for name in IDENTITY}
FORGED_TEXT = FORGED.decode()
# What each group is about.
REQUIREMENTS = {
    "addresses": "HT-15", "hosts": "HT-03", "identity headers": "HT-05", "doubled and folded headers": "HT-04", "forwarding headers": "HT-01, HT-02", "cookies": "FA-01",
    "methods": "FA-01",
}


@pytest.fixture(scope="module")
def gates(binary, tmp_path_factory):
    """Each is made when it is first asked for."""
    made = {}

    def get(name: str):
        if name not in made:
            made[name] = GATES[name](binary, tmp_path_factory.mktemp(name.lower()))
        return made[name]
    yield get
    for gate in made.values():
        gate.stop()


@pytest.fixture(params=GATES)
def gate(gates, request):
    return gates(request.param)


@pytest.fixture(params=REAL)
def proxy(gates, request):
    return gates(request.param)


def canonical(name: str) -> str:
    return re.sub("[^a-z0-9]", "-", name.lower())


def claims(headers) -> dict[str, str]:
    """What an app would read as who is there, by any spelling."""
    return {name: value for name, value in headers if canonical(name) in IDENTITY_NAMES and value}


def value(headers, name: str) -> str:
    """Of a header by its name in small letters; nothing where it is missing."""
    return {known.lower(): text for known, text in headers}.get(name, "")


def wrong(gate, case: Case, signed_in: bool) -> str | None:
    """What is wrong with what came of a request, if anything is."""
    statuses, answer, passed = gate.send(case, signed_in)
    if any(status >= 500 and status != 501 for status in statuses):
        return f"{case.name}: {statuses}"
    for headers in passed:
        told = claims(headers)
        if any(FORGED_TEXT in value for value in told.values()):
            return f"{case.name}: the app was told {told}"
        user = {canonical(name): value for name, value in told.items()}.get("remote-user")
        # What a client names in Connection a proxy may take away in the end: then the app is told less.
        is_less = user is None and any(line.startswith(b"Connection:") for line in case.lines)
        if signed_in and not case.is_open and user != gate.member["username"] and not is_less:
            return f"{case.name}: the app was told {told}"
        if not signed_in and not case.is_open:
            return f"{case.name}: it got past"
        if not signed_in and told:
            return f"{case.name}: the app was told {told} of a stranger"
    return None


def test_the_corpus_is_large():
    assert COUNT >= 300


def test_the_plain_way_works(gate):
    _, _, [headers] = gate.send(Case("plain"), signed_in=True)
    told = {canonical(name): value for name, value in claims(headers).items()}
    assert (told["remote-user"], told["remote-account"], told["remote-email"], told["remote-assurance"]) == (
        gate.member["username"], gate.member["id"], gate.member["email"], "aal1")
    assert told["remote-assertion"].count(".") == 2
    assert gate.send(Case("plain"))[2] == []


def test_what_is_open_to_all_is_open_to_strangers(gate):
    for target in OPEN:
        statuses, _, passed = gate.send(Case("open", target))
        assert (statuses, len(passed)) == ([200], 1), target
        assert claims(passed[0]) == {}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group} ({REQUIREMENTS[group]})")
def test_a_stranger_never_gets_past(gate, group):
    assert not [problem for case in GROUPS[group] if (problem := wrong(gate, case, False))]
    assert gate.postern.is_healthy() and gate.postern.process.lives


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group} ({REQUIREMENTS[group]})")
def test_somebody_who_is_signed_in_is_never_taken_for_another(gate, group):
    cases = [case for case in GROUPS[group] if not case.is_strangers]
    assert not [problem for case in cases if (problem := wrong(gate, case, True))]
    assert gate.postern.is_healthy() and gate.postern.process.lives


def test_a_token_that_was_cut_or_changed_is_nobodys(gate):
    """FA-01."""
    cases = list(cut(gate.places["TOKEN"]))
    assert not [problem for case in cases if (problem := wrong(gate, case, False))]


def test_an_alias_of_an_identity_header_is_refused_where_it_would_reach_the_app(proxy):
    """HT-05: what a proxy doesn't take away itself is refused, for somebody signed in and on a page that is open to all."""
    for case in GROUPS["identity headers"]:
        for signed_in in (True, False) if case.is_open else (True,):
            statuses, _, passed = proxy.send(case, signed_in)
            assert statuses and statuses[0] in ((200, 400, 403) if passed else (400, 403)), f"{case.name}: {statuses}"


def test_ours_are_the_only_cookies_that_the_app_doesnt_see(proxy):
    for cookies in (b"a=b; postern-app={TOKEN}; c=d; postern-begin=x", b"postern-app={TOKEN}; a=b; c=d", b"a=b; c=d; postern-app={TOKEN}", b"postern-begin=x; postern-app={TOKEN}; a=b; c=d",
                    b"a=b; postern-begin=x; c=d; postern-app={TOKEN}"):
        statuses, _, passed = proxy.send(Case("cookies", lines=(b"Cookie: " + cookies,)))
        assert statuses == [200]
        line = value(passed[0], "cookie")
        assert [pair for pair in re.split("; *", line) if pair] == ["a=b", "c=d"], f"{cookies}: {line}"


def test_an_app_sees_its_own_credentials_and_none_of_ours(proxy):
    """A session's token in Authorization is for the gate alone."""
    own = proxy.send(Case("own", lines=(b"Authorization: Basic eDp5",)), True)[2]
    assert value(own[0], "authorization") == "Basic eDp5"
    ours = proxy.send(Case("ours", lines=(b"Authorization: Bearer {PORTAL}",)))[2]
    assert len(ours) == 1 and value(ours[0], "authorization") == ""


def test_the_app_is_told_the_true_address_of_the_client(proxy):
    """HT-01: nobody who isn't a trusted proxy says where they come from."""
    for case in GROUPS["forwarding headers"]:
        _, _, passed = proxy.send(case, True, source="127.0.0.3")
        for headers in passed:
            seen = [value for name, value in headers if name.lower() == "x-forwarded-for"]
            assert seen == ["127.0.0.3"], f"{case.name}: {seen}"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_peer_that_is_no_trusted_proxy_gets_no_answer_that_allows(gates, question):
    """HT-01: whatever it says of the request, and whoever is signed in."""
    gate = gates("Traefik")
    assert ask(gate, question, (), "127.0.0.1") == [200], "a trusted one gets it"
    for signed_in in (False, True):
        session = (b"Cookie: postern-app={TOKEN}",) if signed_in else ()
        for case in [Case("plain"), *GROUPS["forwarding headers"]]:
            statuses = ask(gate, question, case.lines + session, "127.0.0.2")
            assert statuses and statuses[0] in (302, 400, 401, 403), f"{case.name}: {statuses}"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_trusted_proxy_that_describes_the_request_twice_opens_nothing(gates, question):
    """HT-04, CVE-2025-64484: two descriptions are none."""
    gate = gates("Traefik")
    for lines in ((b"X-Original-URL: http://{HOST}/page",), (b"X-Forwarded-Uri: /page",), (b"X-Forwarded-Host: evil.example",), (b"Host: {OPEN}",)):
        used = {"request": b"X-Original", "forward": b"X-Forwarded", "envoy": b"Host"}[question]
        if lines[0].startswith(used):
            statuses = ask(gate, question, lines, "127.0.0.1")
            assert statuses and statuses[0] in (302, 400, 401, 403), f"{lines}: {statuses}"


HOSTS = [b"{HOST}/public/x?", b"{HOST}/public/x#", b"{HOST}/public/x", b"{HOST}/public?", b"{HOST}?", b"{HOST}#", b"{OPEN}/", b"{OPEN}?", b"{OPEN}#", b"{OPEN}/x?", b"x@{OPEN}", b"{HOST}@{OPEN}", b"{OPEN}\\@{HOST}",
         b"{OPEN} {HOST}", b"{HOST},{OPEN}", b"{OPEN},{HOST}", b"{OPEN}\xff"]


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.decode("latin-1"))
def test_a_host_that_is_none_opens_no_page_of_the_app(gates, host):
    """HT-03: not every proxy looks at what the client sent as Host before it hands it on."""
    gate = gates("Traefik")
    for text in (b"GET /auth/forward HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Host: " + host + b"\r\nX-Forwarded-Uri: /page\r\nX-Forwarded-Proto: http",
                 b"GET /auth/envoy/page HTTP/1.1\r\nHost: " + host):
        statuses, _, _ = exchange(gate.postern.port, fill(text + b"\r\nConnection: close\r\n\r\n", **gate.places))
        assert statuses and statuses[0] in (302, 400, 401, 403), f"{text.splitlines()[0]}: {statuses}"


def test_a_question_without_a_description_opens_nothing(gates):
    gate = gates("Traefik")
    for lines in ((), (b"X-Original-URL:",), (b"X-Original-URL: /public/x",), (b"X-Original-URL: http:///public/x",), (b"X-Original-URL: http://{HOST}@{OPEN}/",), (b"X-Original-URL: ftp://{OPEN}/",)):
        for session in ((), (b"Cookie: postern-app={TOKEN}",)):
            text = (b"GET /auth/request HTTP/1.1", b"Host: {HOST}", *lines, *session, b"Connection: close")
            statuses, _, _ = exchange(gate.postern.port, fill(b"\r\n".join(text) + b"\r\n\r\n", **gate.places))
            assert statuses == [403], f"{lines}: {statuses}"
