"""Codes by telephone while gateways, or the server itself, fail."""

import json
import os
import re
import socket
import sqlite3
import threading
import time
from dataclasses import dataclass
from uuid import uuid4

import pytest
import requests

from parts.gateways import Twilio, code_in
from parts.postern import Postern, at_once, reason
from parts.processes import wait_for
from parts.texting import (
    MOBILE, PHONES, Texted, by_twilio, code_to, delivery, forget_sends, new_number, record_to, route, second_step_page, seconds_pass, texts,
    wrong_code)

KILLS = 100 if os.environ.get("POSTERN_SOAK") else 10
WAITS_FOR_RECEIPTS = ("PL", "CZ", "SE")
"""Countries whose first provider must tell of the arrival within 5 s."""


@dataclass
class Lane:
    """A country with two providers of its own: what one test does to them, no other test sees."""

    postern: Postern
    country: str
    one: Twilio
    two: Twilio

    def somebody(self) -> Texted:
        return Texted(self.postern, f"{uuid4().hex[:12]}@example.org").with_number(new_number(self.country), self.one)

    def counts(self, number: str) -> tuple[int, int]:
        return len(self.one.to(number)), len(self.two.to(number))


class Lanes:
    def __init__(self, binary: str, folder):
        self.gateways = {country: (Twilio(), Twilio()) for country in MOBILE}
        providers, routes = {}, {}
        for country, (one, two) in self.gateways.items():
            name = country.lower()
            more = {"receipt-within": "5s"} if country in WAITS_FOR_RECEIPTS else {}
            providers |= {f"{name}-one": by_twilio(one, **more), f"{name}-two": by_twilio(two)}
            routes[name] = route("sms", f"{name}-one 1000000", f"{name}-two 0", to=(country,))
        self.postern = Postern(binary, folder, settings=delivery(providers, routes, countries=tuple(MOBILE))).start()
        self._left = {waits: [name for name in MOBILE if (name in WAITS_FOR_RECEIPTS) == waits] for waits in (True, False)}

    def take(self, waits: bool = False) -> Lane:
        country = self._left[waits].pop(0)
        # Taken in turn: what was used first has had the longest rest.
        self._left[waits].append(country)
        one, two = self.gateways[country]
        return Lane(self.postern, country, one, two)

    def stop(self) -> None:
        self.postern.stop()
        for pair in self.gateways.values():
            for gateway in pair:
                gateway.stop()


@pytest.fixture(scope="module")
def lanes(binary, tmp_path_factory):
    lanes = Lanes(binary, tmp_path_factory.mktemp("lanes"))
    yield lanes
    lanes.stop()


@pytest.fixture
def lane(lanes):
    lane = lanes.take()
    yield lane
    for gateway in (lane.one, lane.two):
        gateway.delay, gateway.answers = 0, []
        gateway.up()


@pytest.fixture
def impatient(lanes):
    """A lane that waits for receipts."""
    lane = lanes.take(waits=True)
    yield lane
    lane.one.delay = 0
    lane.one.up()


@pytest.fixture
def pair(make_postern):
    """A server of its own with two gateways for Portugal."""
    one, two = Twilio(), Twilio()

    def start(more: str = "") -> Lane:
        settings = delivery({"one": by_twilio(one), "two": by_twilio(two)}, {"texts": route("sms", "one 1000000", "two 0")})
        return Lane(make_postern(settings=settings + more).start(), "PT", one, two)
    yield start
    one.stop()
    two.stop()


def answering(status: int):
    def fail(gateway: Twilio) -> None:
        gateway.answers = [(status, {"Content-Type": "text/plain"}, b"no")]
    return fail


def slow(gateway: Twilio) -> None:
    gateway.delay = 5.6


# From one provider to the other.


@pytest.mark.parametrize("fail, why, takes_it", [
    (Twilio.down, "not-reached", False), (answering(500), "status-500", False), (answering(429), "throttled", False),
    (answering(401), "credentials-refused", False), (Twilio.garbage, "garbled-answer", False), (Twilio.hang, "no-reply", False),
    (slow, "no-reply", True),
], ids=["down", "500", "429", "401", "garbage", "hanging", "slow, and taking it"])
def test_what_fails_for_the_moment_goes_another_way_at_once(lane, fail, why, takes_it):
    ada = lane.somebody()
    fail(lane.one)
    attempt = ada.attempt()
    began = time.monotonic()
    assert ada.ask(attempt).status_code == 202
    code = code_to(lane.two, ada.number)
    assert time.monotonic() - began < (8 if why == "no-reply" else 4)
    wait_for("both to be settled", lambda: not [row for row in ada.deliveries() if row["state"] in ("waiting", "sending")])
    _, first, second = ada.deliveries()
    assert (first["state"], first["reason"]) == ("failed", why)
    assert (second["state"], second["cause"], second["request"]) == ("accepted", "failover", first["request"])
    assert lane.counts(ada.number) == (2 if takes_it else 1, 1), "never more than two for one press of a button"
    assert ada.finish(attempt, code, "sms").status_code == 200
    assert [row["used_at"] is not None for row in ada.deliveries()] == [True, False, True], "the one that arrived is credited"
    if takes_it:
        late = code_in(texts(lane.one, ada.number)[-1])
        assert late != code and reason(ada.finish(attempt, late, "sms")) == (401, "attempt-over")


def test_a_code_that_a_slow_gateway_brought_after_all_is_good_and_credited_to_it(lane):
    ada = lane.somebody()
    slow(lane.one)
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    later = code_to(lane.two, ada.number)
    first = code_in(texts(lane.one, ada.number)[-1])
    wait_for("the late answer", lambda: lane.one.messages[-1].status and not lane.one.messages[-1].answered)
    answers = at_once([lambda code=code: ada.finish(attempt, code, "sms") for code in (first, first, later, later)])
    assert [answer.status_code for answer in answers].count(200) == 1, "exactly one sign-in"
    assert sum(row["used_at"] is not None for row in ada.deliveries()) == 2, "one to confirm, and one of these two"
    # And again, with the late one alone.
    lane.one.delay = 0
    forget_sends(lane.postern)
    slow(lane.one)
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    code_to(lane.two, ada.number, 1)
    assert ada.finish(attempt, code_in(texts(lane.one, ada.number)[-1]), "sms").status_code == 200
    assert [(row["provider"][-3:], row["used_at"] is not None) for row in ada.deliveries()[-2:]] == [("one", True), ("two", False)]


def test_a_message_that_is_known_to_have_arrived_goes_no_other_way(lane):
    """The gateway is too slow to answer, but has told already that the text arrived."""
    ada = lane.somebody()
    slow(lane.one)
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    wait_for("the first text", lambda: lane.counts(ada.number)[0] == 2)
    assert lane.one.callback(record_to(lane.one, ada.number), "delivered").status_code == 204
    wait_for("the server to give up waiting", lambda: lane.one.messages[-1].at < time.time() - 5.5, 8)
    wait_for("all to be settled", lambda: all(row["due_at"] is None for row in ada.deliveries()))
    assert ada.deliveries()[-1]["state"] == "delivered" and lane.counts(ada.number) == (2, 0)
    assert ada.finish(attempt, code_in(texts(lane.one, ada.number)[-1]), "sms").status_code == 200


def test_who_got_in_by_another_way_meanwhile_is_sent_nothing_more(lane):
    """OB-06: the sign-in that the code was for is over."""
    ada = lane.somebody()
    lane.one.hang()
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    wait_for("the first to hang", lambda: len(lane.one.requests) >= 2 and ada.deliveries()[-1]["state"] == "sending")
    assert ada.finish(attempt, ada.codes[0], "recovery_code").status_code == 200
    lane.one.up()
    wait_for("it to be settled", lambda: all(row["state"] in ("accepted", "failed") for row in ada.deliveries()))
    assert lane.counts(ada.number) == (1, 0) and len(ada.deliveries()) == 2


def test_a_gateway_that_fails_every_other_time_loses_nothing(lane):
    ada = lane.somebody()
    for turn in range(6):
        forget_sends(lane.postern)
        if turn % 2:
            answering(503)(lane.one)
        before = lane.counts(ada.number)
        attempt = ada.attempt()
        assert ada.ask(attempt).status_code == 202
        arrived = lane.two if turn % 2 else lane.one
        code = code_to(arrived, ada.number, before[turn % 2])
        wait_for("it to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
        assert ada.finish(attempt, code, "sms").status_code == 200
        assert sum(lane.counts(ada.number)) == sum(before) + 1
        assert ada.deliveries()[-1]["provider"].endswith("two" if turn % 2 else "one") and ada.deliveries()[-1]["used_at"]


def test_both_providers_down_leaves_the_other_ways_and_the_next_try(lane):
    ada = lane.somebody()
    lane.one.down()
    lane.two.down()
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    wait_for("both to fail", lambda: [row["state"] for row in ada.deliveries()[1:]] == ["failed", "failed"])
    page = second_step_page(lane.postern, attempt)
    assert "couldn’t be brought" in page
    lane.one.up()
    _, code = ada.asked(lane.one, attempt=attempt)
    assert ada.finish(attempt, code, "sms").status_code == 200, "nobody waits after a message that was never sent"


@pytest.mark.parametrize("code", [21211, 21610])
def test_a_number_that_can_t_get_it_is_tried_no_other_way(lane, code):
    ada = lane.somebody()
    lane.one.answers = [lane.one.error(code)]
    if code == 21610:
        lane.one.answers, _ = [], lane.one.opted_out.add(ada.number)
    before = len(lane.two.requests)
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    wait_for("it to fail", lambda: ada.deliveries()[-1]["state"] == "failed")
    seconds_pass(lane.postern, 5)
    page = second_step_page(lane.postern, attempt)
    assert ("has told our provider to stop" if code == 21610 else "couldn’t be brought") in page
    # Once more than the server looks for what was left behind.
    time.sleep(0.7)
    assert len(ada.deliveries()) == 2 and len(lane.two.requests) == before
    assert ada.finish(attempt, ada.codes[0], "recovery_code").status_code == 200


# Receipts that don't come.


def test_without_a_receipt_in_time_it_goes_another_way_and_both_codes_are_good(impatient):
    ada = impatient.somebody()
    for which in (0, 1):
        forget_sends(impatient.postern)
        before = impatient.counts(ada.number)
        attempt, first = ada.asked(impatient.one)
        wait_for("it to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
        seconds_pass(impatient.postern, 6)
        second = code_to(impatient.two, ada.number, before[1])
        assert ada.deliveries()[-1]["cause"] == "failover" and "no word" in ada.deliveries()[-1]["choice"]
        wait_for("the second to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
        # The first tells late: that changes nothing for the person.
        assert impatient.one.callback(record_to(impatient.one, ada.number), "delivered").status_code == 204
        assert ada.finish(attempt, (first, second)[which], "sms").status_code == 200
        assert [row["used_at"] is not None for row in ada.deliveries()[-2:]] == [which == 0, which == 1]
        assert impatient.counts(ada.number) == (before[0] + 1, before[1] + 1)


def test_with_a_receipt_in_time_or_once_it_is_used_nothing_more_is_sent(impatient):
    told, used = impatient.somebody(), impatient.somebody()
    attempt, code = told.asked(impatient.one)
    finished, own = used.asked(impatient.one)
    wait_for("both to be accepted", lambda: [person.deliveries()[-1]["state"] for person in (told, used)] == ["accepted"] * 2)
    assert impatient.one.callback(record_to(impatient.one, told.number), "delivered").status_code == 204
    assert used.finish(finished, own, "sms").status_code == 200
    seconds_pass(impatient.postern, 8)
    wait_for("what is due to be looked at", lambda: all(row["due_at"] is None for person in (told, used) for row in person.deliveries()))
    assert [impatient.counts(person.number) for person in (told, used)] == [(2, 0), (2, 0)]
    assert told.finish(attempt, code, "sms").status_code == 200


def test_word_that_it_did_not_arrive_is_no_worse_than_silence(impatient):
    """A fault of the network, not of the number: where silence would send it another way, so must this."""
    ada = impatient.somebody()
    attempt, _ = ada.asked(impatient.one)
    wait_for("it to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
    assert impatient.one.callback(record_to(impatient.one, ada.number), "undelivered", 30008).status_code == 204
    seconds_pass(impatient.postern, 6)
    code = code_to(impatient.two, ada.number)
    assert ada.finish(attempt, code, "sms").status_code == 200


def test_at_most_two_messages_for_one_press(impatient):
    """The first gives no sign of life, and neither does the second."""
    ada = impatient.somebody()
    impatient.two.delay = 5.6
    try:
        attempt, _ = ada.asked(impatient.one)
        wait_for("it to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
        seconds_pass(impatient.postern, 6)
        code = code_to(impatient.two, ada.number)
        wait_for("the second to be given up", lambda: ada.deliveries()[-1]["state"] == "failed", 10)
        seconds_pass(impatient.postern, 30)
        wait_for("nothing to be due", lambda: all(row["due_at"] is None for row in ada.deliveries()))
        assert impatient.counts(ada.number) == (2, 1)
        assert ada.finish(attempt, code, "sms").status_code == 200
    finally:
        impatient.two.delay = 0


# Circuits.


def test_a_circuit_opens_after_five_failures_and_closes_when_the_way_is_well_again(pair):
    lane = pair()
    postern, ada = lane.postern, lane.somebody()
    lane.one.answers = [(500, {}, b"")] * 100

    def send() -> tuple[int, int]:
        """How many requests came to each."""
        forget_sends(postern)
        before, known = (len(lane.one.requests), len(lane.two.requests)), len(ada.deliveries())
        assert ada.ask(ada.attempt()).status_code == 202
        wait_for("it to be accepted", lambda: len(ada.deliveries()) > known and ada.deliveries()[-1]["state"] == "accepted")
        return len(lane.one.requests) - before[0], len(lane.two.requests) - before[1]
    assert [send() for _ in range(5)] == [(1, 1)] * 5
    opened = time.monotonic()
    assert [send() for _ in range(3)] == [(0, 1)] * 3, "nothing goes this way now"
    assert "its circuit is open" in ada.deliveries()[-1]["choice"]
    [outage] = json.loads(postern.command("delivery", "outage", "--json"))
    assert (outage["provider"], outage["channel"]) == ("one", "sms")
    lane.one.answers = []
    time.sleep(max(0.0, opened + 30.5 - time.monotonic()))
    assert send() == (1, 0), "after half a minute one message tries it"
    assert send() == (1, 0)
    assert json.loads(postern.command("delivery", "outage", "--json")) == []


# The server is killed.


def test_killed_in_the_middle_of_a_send_it_sends_at_most_twice_and_the_person_goes_on(pair):
    lane = pair()
    postern, ada = lane.postern, lane.somebody()
    lane.one.delay = lane.two.delay = 0.06
    seen = set()
    for turn in range(KILLS):
        forget_sends(postern)
        before, known = sum(lane.counts(ada.number)), len(ada.deliveries())
        attempt = ada.attempt()

        def ask() -> None:
            try:
                ada.ask(attempt)
            except requests.RequestException:
                pass
        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.2 * (turn % 10) / 10)
        postern.process.kill()
        asking.join()
        with sqlite3.connect(postern.sqlite) as database:
            seen |= {row[0] for row in database.execute("SELECT state FROM delivery WHERE due_at IS NOT NULL")}
            # As if it had been down for longer than a sender may take.
            database.execute("UPDATE delivery SET due_at = due_at - 21000000 WHERE state = 'sending'")
        postern.start()
        wait_for("nothing to be under way", lambda: not [
            row for row in ada.deliveries() if row["due_at"] or row["state"] in ("waiting", "sending")])
        assert sum(lane.counts(ada.number)) - before <= 2
        assert all(row["code"] == b"" for row in ada.deliveries()), "no sealed code is left"
        # If nothing was written down, or nothing came, they ask again.
        rows = ada.deliveries()[known:]
        came = sum(lane.counts(ada.number))
        if rows and rows[-1]["state"] == "accepted" and turn % 2:
            code = code_in(texts(lane.two if rows[-1]["provider"] == "two" else lane.one, ada.number)[-1])
        else:
            seconds_pass(postern, 11)
            assert ada.ask(attempt).status_code == 202
            wait_for("another message", lambda: sum(lane.counts(ada.number)) > came)
            wait_for("it to be accepted", lambda: ada.deliveries()[-1]["state"] == "accepted")
            code = code_in(texts(lane.two if ada.deliveries()[-1]["provider"] == "two" else lane.one, ada.number)[-1])
        done = ada.finish(attempt, code, "sms")
        assert done.status_code == 200, done.text
        assert sum(row["used_at"] is not None for row in ada.deliveries()[known:]) == 1
    assert "sending" in seen, "none was killed while it sent"


# What hangs elsewhere.


def test_hanging_gateways_and_a_hanging_mail_server_slow_nobody(pair):
    """FT-08."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        lane = pair(f"mail: {{smtp: 'smtp://127.0.0.1:{silent.getsockname()[1]}', from: accounts@example.org}}\n")
        postern = lane.postern
        # So few that no circuit opens.
        people = [lane.somebody() for _ in range(4)]
        bob = Texted(postern, "bob@example.org")

        def seconds_of(call) -> float:
            began = time.monotonic()
            answer = call()
            assert answer.status_code in (200, 202), answer.text
            return time.monotonic() - began
        usual = max(seconds_of(lambda: postern.try_sign_in(bob.email)) for _ in range(3))
        lane.one.hang()
        lane.two.hang()
        attempts = [person.attempt() for person in people]
        asked = max(seconds_of(lambda: person.ask(attempt)) for person, attempt in zip(people, attempts))
        wait_for("all to hang", lambda: len(lane.one.requests) == 8)
        slowed = max(seconds_of(lambda: postern.try_sign_in(bob.email)) for _ in range(5))
        recovered = seconds_of(lambda: people[0].finish(attempts[0], people[0].codes[0], "recovery_code"))
        assert max(asked, slowed) < max(1.0, 3 * usual) and recovered < 5, (usual, asked, slowed, recovered)
        wait_for("the first ones to be given up", lambda: len(lane.two.requests) >= 3, 10)
        lane.one.up()
        lane.two.up()
        wait_for("all to be settled", lambda: all(
            row["state"] in ("accepted", "failed") for person in people for row in person.deliveries()))
        seconds_pass(postern, 11)
        ada, before = people[1], lane.counts(people[1].number)
        assert ada.ask(attempts[1]).status_code == 202
        wait_for("the code", lambda: lane.counts(ada.number) != before)
        code = code_in(texts(lane.one if lane.counts(ada.number)[0] > before[0] else lane.two, ada.number)[-1])
        assert ada.finish(attempts[1], code, "sms").status_code == 200


# What is kept where.


def test_no_code_and_no_number_is_in_a_log_or_in_the_database(pair):
    lane = pair()
    postern, people, codes, numbers = lane.postern, [], [], []
    for _ in range(3):
        people.append(lane.somebody())
        numbers.append(people[-1].number)
    ada, bob, eve = people
    attempt, code = ada.asked(lane.one)
    ada.finish(attempt, wrong_code(code), "sms")
    ada.finish(attempt, code, "sms")
    # Gateways that say the number in their errors, a failover, a refusal, a call that nobody makes, a forged receipt.
    for error in (lane.one.error(21211, bob.number), (500, {}, f"{bob.number} {bob.number[1:]}".encode()), lane.one.error(20429)):
        forget_sends(postern)
        lane.one.answers = [error]
        known = len(bob.deliveries())
        bob.ask(bob.attempt())
        wait_for("it to be settled", lambda: len(bob.deliveries()) > known and bob.deliveries()[-1]["state"] in ("accepted", "failed"))
    for _ in range(5):
        bob.ask(bob.attempt())
    bob.ask(bob.attempt(), "voice")
    requests.post(record_to(lane.one, ada.number).callback_url, data={"To": ada.number, "MessageStatus": "delivered"}, timeout=10)
    lane.one.callback(record_to(lane.one, ada.number), "undelivered", 30003)
    token = eve.token
    forget_sends(postern)
    eve.ask_step_up(token)
    wait_for("the step-up", lambda: len(texts(lane.one, eve.number)) == 2)
    numbers.append(new_number("PT"))
    eve.add_number(token, numbers[-1])
    wait_for("the code", lambda: lane.one.to(numbers[-1]))
    for number in ("+449012345678", "+34612345678"):
        eve.add_number(token, number)
        numbers.append(number)
    assert eve.call(token, "DELETE", f"{PHONES}/{eve.number_id}").status_code == 204
    wait_for("the notice", lambda: "removed" in texts(lane.one, eve.number)[-1])
    # One that can't be sent and stays in the jobs.
    lane.one.down()
    lane.two.down()
    assert bob.call(bob.token, "DELETE", f"{PHONES}/{bob.number_id}").status_code == 204
    wait_for("all to be settled", lambda: all(
        row["state"] not in ("waiting", "sending") for person in people for row in person.deliveries()))
    brought = [text for gateway in (lane.one, lane.two) for number in numbers for text in texts(gateway, number)]
    codes = [code_in(text) for text in brought if "Your code" in text]
    assert len(codes) >= 7
    metrics = postern.get("/auth/metrics")
    with sqlite3.connect(postern.sqlite) as database:
        database.execute("PRAGMA wal_checkpoint(FULL)")
    places = {
        "log": postern.log(), "output": postern.output(), "metrics": metrics.text if metrics.ok else "",
        "guard": postern.command("delivery", "guard", "--json"),
        "report": postern.command("delivery", "report", "--json", "--by", "provider,country"),
    } | {file.name: file.read_bytes().decode("latin-1") for file in postern.data.iterdir() if file.is_file()}
    assert "postern.sqlite" in places and "a code goes another way" in places["log"]
    countries = ("+351", "+44", "+34")
    for place, text in places.items():
        for number in numbers:
            national = number.removeprefix(next(prefix for prefix in countries if number.startswith(prefix)))
            assert national not in text, f"{number} is in {place}: {text[max(0, text.index(national) - 80):][:160]!r}"
        for code in codes:
            found = re.search(rf"(?<![0-9a-fA-F]){code}(?![0-9a-fA-F])", text)
            assert not found, f"the code {code} is in {place}: {text[max(0, found.start() - 80):][:160]!r}"
    with sqlite3.connect(postern.sqlite) as database:
        assert database.execute("SELECT COUNT(*) FROM delivery WHERE LENGTH(code) > 0").fetchone() == (0,)
