"""Bytes that are no proper request end in a refusal or a closed connection, and the server lives on (HT-04, HT-06, HT-07)."""

import pytest

from parts.bad_input import CASES, CUT, HOST
from parts.postern import Postern
from parts.raw import exchange


@pytest.fixture(scope="module")
def target(binary, tmp_path_factory):
    postern = Postern(binary, tmp_path_factory.mktemp("bad-input")).start()
    yield postern
    postern.stop()


def check(postern: Postern, request: bytes, end: bool = False) -> None:
    statuses, answer, closed = exchange(postern.port, request.replace(HOST, postern.authority.encode()), end)
    assert postern.process.lives, f"the server ended: {postern.log()[-500:]}"
    assert all(400 <= status < 500 for status in statuses), f"answered {statuses}: {answer[:200]!r}"
    assert statuses or closed, "neither an answer nor a closed connection"


def test_there_are_at_least_two_hundred_cases():
    assert len(CASES) + len(CUT) >= 200


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(target, name):
    check(target, CASES[name])


@pytest.mark.parametrize("name", CUT)
def test_a_request_that_ends_early_is_refused(target, name):
    check(target, CUT[name], end=True)


def test_after_all_of_it_the_same_process_is_healthy(target):
    assert target.is_healthy() and target.process.lives
    assert target.get("/auth/sign-in").status_code == 200
    assert "Fatal error" not in target.log()


@pytest.mark.parametrize("path", [
    "/auth/sign-in?return_to=/%0d%0aSet-Cookie:%20stolen=1", "/auth/sign-in?done=%0d%0aSet-Cookie:%20stolen=1",
    "/auth/confirm/%0d%0aSet-Cookie:%20stolen=1", "/auth/setup/a%0aSet-Cookie:stolen=1",
])
def test_a_line_break_in_an_address_never_becomes_a_header(target, path):
    request = f"GET {path} HTTP/1.1\r\nHost: {target.authority}\r\nConnection: close\r\n\r\n".encode()
    statuses, answer, _ = exchange(target.port, request)
    assert statuses and statuses[0] < 500
    assert b"set-cookie: stolen" not in answer.lower().partition(b"\r\n\r\n")[0]


def test_a_return_address_on_another_host_is_dropped(target):
    for place in ("//evil.example", "/\\evil.example", "https://evil.example/", "/%2f/evil.example", "javascript:alert(1)", "/\tevil"):
        page = target.get("/auth/sign-in", params={"return_to": place}).text
        assert 'name="return_to" value=""' in page, place
