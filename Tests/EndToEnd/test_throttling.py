"""How often passwords may be tried: by address and account, whatever happens in between, and alike for who has no account."""

import re
import secrets
import socket
import threading

import pytest
import requests

from parts.choosing import change
from parts.guessing import BLOCKED, HERE, NOT_RIGHT, SOON, THERE, THROTTLED, attempt, failures, lock, minutes_pass, verdict
from parts.postern import PASSWORD, Postern, at_once, reason
from parts.processes import wait_for
from parts.raw import exchange
from parts.visitor import Visitor
from test_two_nodes import database, nodes  # noqa: F401

ADA, BOB, NOBODY = "ada@example.org", "bob@example.org", "nobody@example.org"
OKAY = (200, "")


@pytest.fixture
def soon(make_postern) -> Postern:
    """A running node that locks after ten wrong ones."""
    postern = make_postern(settings=SOON).start()
    postern.make_account(ADA)
    return postern


# By address and account.


def test_ten_wrong_ones_make_one_address_wait_and_keep_nobody_else_out(postern):
    """LG-02, LG-03."""
    postern.make_account(ADA)
    postern.make_account(BOB)
    assert [verdict(postern, ADA) for _ in range(10)] == [NOT_RIGHT] * 10
    refused = attempt(postern, ADA, PASSWORD)
    assert reason(refused) == THROTTLED and 1 <= int(refused.headers["Retry-After"]) <= 61
    assert "Wait" in refused.json()["detail"] and "Forgot your password?" in refused.json()["detail"]
    assert verdict(postern, BOB, PASSWORD) == OKAY, "another account waits as well"
    assert verdict(postern, ADA, PASSWORD, THERE) == OKAY, "another address waits as well"
    assert verdict(postern, ADA, PASSWORD) == THROTTLED, "somebody else's right one ended the wait"
    minutes_pass(postern, 2)
    assert verdict(postern, ADA, PASSWORD) == OKAY
    assert [verdict(postern, ADA) for _ in range(10)] == [NOT_RIGHT] * 10, "a right one begins anew"


def test_each_wait_is_longer_up_to_a_quarter_of_an_hour_and_then_the_address_is_blocked(postern):
    postern.make_account(ADA)
    for _ in range(9):
        assert verdict(postern, ADA) == NOT_RIGHT
    for tried in range(10, 25):
        assert verdict(postern, ADA) == NOT_RIGHT
        minutes = min(tried - 9, 15)
        refused = attempt(postern, ADA, PASSWORD)
        assert reason(refused) == THROTTLED
        assert 60 * (minutes - 1) < int(refused.headers["Retry-After"]) <= 60 * minutes + 1, f"after {tried} wrong ones"
        minutes_pass(postern, minutes)
    assert verdict(postern, ADA) == NOT_RIGHT
    for _ in range(3):
        minutes_pass(postern, 20)
        assert verdict(postern, ADA, PASSWORD) == BLOCKED
    assert verdict(postern, ADA, PASSWORD, THERE) == OKAY


@pytest.mark.parametrize("spellings, other", [
    (["203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"], "203.0.113.8"),
    (["2001:db8:0:1::1", "2001:0DB8:0:1::2", "2001:db8:0:1:ffff:ffff:ffff:ffff"], "2001:db8:0:2::1"),
], ids=["IPv4", "IPv6"])
def test_every_spelling_of_an_address_and_of_an_email_is_one(postern, spellings, other):
    """LG-06."""
    postern.make_account(ADA)
    tries = [([ADA, "ADA@Example.ORG"][number % 2], spellings[number % 3]) for number in range(11)]
    assert [verdict(postern, email, address=address) for email, address in tries] == [NOT_RIGHT] * 10 + [THROTTLED]
    assert verdict(postern, ADA, PASSWORD, other) == OKAY


def test_more_than_twenty_tries_of_one_address_in_a_minute_wait_whoever_is_tried(make_postern):
    # A longer period, so that none ends while this runs.
    postern = make_postern(settings="throttling: {sign-in: {per-address: 20/1d, stuffing: 100/3h}}\n").start()
    found = [verdict(postern, f"somebody{number}@example.org") for number in range(21)]
    assert found == [NOT_RIGHT] * 20 + [THROTTLED]
    refused = attempt(postern, ADA)
    assert reason(refused) == THROTTLED and refused.headers["RateLimit"] and "RateLimit-Policy" in refused.headers
    assert verdict(postern, ADA, address=THERE) == NOT_RIGHT


def test_what_is_asked_for_inside_counts_by_session_and_strangers_have_no_part_in_it(soon):
    """LG-10."""
    mine, other = soon.sign_in(ADA), soon.sign_in(ADA)
    lock(soon, ADA)
    assert [reason(change(soon, mine, "not mine"))[0] for _ in range(10)] == [401] * 10
    assert reason(change(soon, mine, PASSWORD)) == THROTTLED
    assert change(soon, other, PASSWORD).status_code == 204


# At once.


def assert_ten_are_looked_at(answers: list[requests.Response]) -> None:
    found = [reason(answer) for answer in answers]
    assert set(found) == {NOT_RIGHT, THROTTLED}
    assert found.count(NOT_RIGHT) <= 10
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 429)


def test_of_two_hundred_at_once_ten_are_looked_at(postern):
    """LG-04."""
    postern.make_account(ADA)
    assert_ten_are_looked_at(at_once([lambda: attempt(postern, ADA)] * 200))
    assert verdict(postern, ADA, PASSWORD) == THROTTLED


def test_of_two_hundred_at_once_over_two_nodes_ten_are_looked_at(nodes):  # noqa: F811
    nodes[0].make_account(ADA)
    assert_ten_are_looked_at(at_once([lambda node=node: attempt(node, ADA) for node in nodes] * 100))
    assert [verdict(node, ADA, PASSWORD) for node in nodes] == [THROTTLED] * 2
    assert [verdict(node, ADA, PASSWORD, THERE) for node in nodes] == [OKAY] * 2


# Whatever happens in between.


@pytest.mark.parametrize("told", [1, 4, 7])
def test_a_kill_in_the_middle_takes_back_none_that_was_told(postern, told):
    """LG-05."""
    postern.make_account(ADA)
    before: list[tuple[int, str]] = []

    def guess() -> None:
        try:
            while True:
                before.append(verdict(postern, ADA))
        except requests.RequestException:
            pass
    thread = threading.Thread(target=guess)
    thread.start()
    wait_for("some answers", lambda: len(before) >= told)
    postern.process.kill()
    thread.join()
    assert failures(postern) >= before.count(NOT_RIGHT) >= told
    postern.start()
    after = [verdict(postern, ADA) for _ in range(10)]
    assert (before + after).count(NOT_RIGHT) <= 10 and set(after) <= {NOT_RIGHT, THROTTLED}
    assert after[-1] == THROTTLED and verdict(postern, ADA, PASSWORD, THERE) == OKAY


def test_waits_and_locks_stand_after_a_kill(soon):
    soon.make_account(BOB)
    assert lock(soon, ADA) == 10
    tried = [verdict(soon, BOB) for _ in range(5)]
    soon.process.kill()
    soon.start()
    assert verdict(soon, ADA, PASSWORD) == BLOCKED
    tried += [verdict(soon, BOB) for _ in range(6)]
    assert tried[:10] == [NOT_RIGHT] * 10 and tried[10] in (THROTTLED, BLOCKED)


def test_a_client_that_hangs_up_before_the_answer_is_counted(postern):
    """LG-05."""
    postern.make_account(ADA)
    body = '{"email": "%s", "password": "guess"}' % ADA
    request = (f"POST /auth/v1/sign-in HTTP/1.1\r\nHost: {postern.authority}\r\nX-Forwarded-For: {HERE}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    for number in range(1, 11):
        with socket.create_connection(("127.0.0.1", postern.port)) as line:
            line.sendall(request)
        wait_for("the try to be counted", lambda: failures(postern) == number)
    assert verdict(postern, ADA, PASSWORD) == THROTTLED


# Who has no account.


def seen(answer: requests.Response) -> tuple:
    """All that an answer tells, but for its id and the seconds that go by."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    body["detail"] = re.sub(r"\d+ (seconds|minutes)", "a while", body.get("detail", ""))
    headers = {name for name in answer.headers if name != "Date"}
    return answer.status_code, body, headers


def assert_alike(first: requests.Response, second: requests.Response) -> None:
    assert seen(first) == seen(second)
    waits = [int(answer.headers.get("Retry-After", 0)) for answer in (first, second)]
    assert abs(waits[0] - waits[1]) <= 5


def test_nothing_tells_an_address_without_an_account_from_one_with(postern):
    """LG-12."""
    postern.make_account(ADA)
    where = {ADA: HERE, NOBODY: THERE}

    def both(password: str) -> list[requests.Response]:
        answers = [attempt(postern, email, password, address) for email, address in where.items()]
        assert_alike(*answers)
        return answers

    assert [reason(both("guess")[0]) for _ in range(10)] == [NOT_RIGHT] * 10
    assert reason(both("guess")[0]) == reason(both(PASSWORD)[0]) == THROTTLED
    minutes_pass(postern, 1)
    assert reason(both("guess")[0]) == NOT_RIGHT
    waiting = both(PASSWORD)
    assert reason(waiting[0]) == THROTTLED and int(waiting[0].headers["Retry-After"]) > 60
    # Addresses of their own: one that fails at both would be no stranger to either.
    assert lock(postern, ADA, "198.51") == lock(postern, NOBODY, "198.52") == 89
    assert reason(both("guess")[0]) == reason(both(PASSWORD)[0]) == BLOCKED
    answers = [attempt(postern, email, PASSWORD, "192.0.2.44") for email in where]
    assert_alike(*answers)
    assert reason(answers[0]) == BLOCKED
    pages = [Visitor(postern).sign_in(email, PASSWORD) for email in where]
    texts = [re.sub(r'value="[^"]*"', "", page.text) for page in pages]
    assert [page.status_code for page in pages] == [403, 403] and texts[0] == texts[1]
    assert "Too many wrong passwords were tried." in texts[0]


# A list of stolen passwords.


def test_an_address_that_fails_at_fifteen_accounts_cannot_sign_in_any_more(make_postern):
    postern = make_postern(settings="throttling: {sign-in: {per-address: 1000/1m}}\n").start()
    browser = secrets.token_urlsafe(32)
    postern.make_account(ADA)
    postern.make_account(BOB)
    assert verdict(postern, ADA, PASSWORD, THERE, browser) == OKAY
    for number in range(14):
        assert verdict(postern, f"somebody{number}@example.org") == NOT_RIGHT
    assert verdict(postern, NOBODY, address=THERE) == NOT_RIGHT
    assert verdict(postern, ADA, PASSWORD) == OKAY, "it is refused too soon"
    assert verdict(postern, BOB) == NOT_RIGHT
    wait_for("the address to be blocked", lambda: verdict(postern, BOB, PASSWORD) == BLOCKED, 5, step=0.2)
    assert verdict(postern, ADA, PASSWORD) == BLOCKED
    assert verdict(postern, BOB, PASSWORD, THERE) == OKAY
    assert verdict(postern, ADA, PASSWORD, browser=browser) == OKAY, "the browser that is known is kept out"
    assert verdict(postern, BOB, PASSWORD, browser=browser) == BLOCKED, "it is known for Ada alone"
    postern.restart()
    wait_for("the address to be blocked", lambda: verdict(postern, BOB, PASSWORD) == BLOCKED, 5, step=0.2)
    token = postern.sign_in(ADA)
    assert postern.get("/auth/v1/session", headers={"Authorization": f"Bearer {token}", "X-Forwarded-For": HERE}).status_code == 200
    [block] = [line for line in postern.command("block", "list").splitlines() if HERE in line]
    assert "stuffing" in block


# Backends that sign people in.


def test_a_backend_names_the_browser_and_strangers_never_lock_it_out(soon):
    browser, other = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    soon.make_account(BOB)
    assert verdict(soon, ADA, PASSWORD, browser=browser) == OKAY
    assert lock(soon, ADA) == 10 and lock(soon, BOB) == 10
    assert verdict(soon, ADA, PASSWORD) == verdict(soon, ADA, PASSWORD, browser=other) == BLOCKED
    assert verdict(soon, BOB, PASSWORD, browser=browser) == BLOCKED, "it is known for Ada alone"
    for _ in range(3):
        assert verdict(soon, ADA, PASSWORD, browser=browser) == OKAY
    # It has ten of its own.
    assert [verdict(soon, ADA, browser=browser) for _ in range(10)] == [NOT_RIGHT] * 10
    assert verdict(soon, ADA, PASSWORD, browser=browser) == BLOCKED


def test_another_password_ends_what_a_browser_was_known_for(soon):
    browser = secrets.token_urlsafe(32)
    assert verdict(soon, ADA, PASSWORD, browser=browser) == OKAY
    assert change(soon, soon.sign_in(ADA), PASSWORD, "seven quiet lanterns drift").status_code == 204
    assert lock(soon, ADA) == 10
    assert verdict(soon, ADA, "seven quiet lanterns drift", browser=browser) == BLOCKED


def test_without_an_address_a_backend_is_never_counted_on_but_the_lock_holds(make_postern):
    postern = make_postern(settings="throttling: {sign-in: {lock-after: 30}}\n").start()
    postern.make_account(ADA)
    assert [verdict(postern, ADA, address=None) for _ in range(31)] == [NOT_RIGHT] * 30 + [BLOCKED]
    assert verdict(postern, NOBODY, address=None) == NOT_RIGHT


@pytest.mark.parametrize("browser", ["short", "A" * 42, "A" * 44, "=" * 43, "Ä" * 43], ids=repr)
def test_a_browser_that_is_none_is_refused_in_words(postern, browser):
    answer = postern.request("POST", "/auth/v1/sign-in", json={"email": ADA, "password": PASSWORD}, headers={"Postern-Browser": browser.encode()})
    assert reason(answer) == (400, "malformed") and "43 characters" in answer.json()["detail"]


@pytest.mark.parametrize("source, status", [("127.0.0.1", b"401"), ("127.0.0.2", b"400")], ids=["a trusted proxy", "somebody else"])
def test_a_browser_is_taken_from_trusted_proxies_alone(postern, source, status):
    body = '{"email": "%s", "password": "guess"}' % ADA
    request = (f"POST /auth/v1/sign-in HTTP/1.1\r\nHost: {postern.authority}\r\nPostern-Browser: {'A' * 43}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()
    _, answer, _ = exchange(postern.port, request, source=source)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert (b'"proxy-not-trusted"' in answer) == (status == b"400"), answer
