"""What a thief, a stranger and a broken provider try with codes by text message."""

import json
import socket
import sqlite3
import threading
from uuid import uuid4

import pytest

from parts.gateways import AnyGateway, Twilio
from parts.postern import Postern, reason
from parts.processes import wait_for
from parts.texting import PHONES, Texted, by_http, by_twilio, code_to, delivery, new_number, route, seconds_pass, texts

ACCEPTED = json.dumps({"code": 0, "data": {"id": "abc-1"}})


@pytest.fixture
def serve(make_postern):
    def start(providers: dict, *arms: str, **more) -> Postern:
        return make_postern(settings=delivery(providers, {"all": route("sms", *arms)}, **more)).start()
    return start


@pytest.fixture
def twilio():
    gateway = Twilio()
    yield gateway
    gateway.stop()


@pytest.fixture
def any_gateway():
    gateway = AnyGateway(body=ACCEPTED)
    yield gateway
    gateway.stop()


def somebody(postern: Postern) -> Texted:
    return Texted(postern, f"{uuid4().hex[:12]}@example.org")


class Breaking:
    """A provider that keeps its connections, and hangs up on what comes over them once told to."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url, self.breaks, self.taken = f"http://127.0.0.1:{self.socket.getsockname()[1]}", False, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        while lines.readline():
            length = 0
            while (line := lines.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.taken.append(lines.read(length))
            if self.breaks:
                return connection.close()
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(ACCEPTED)}\r\n\r\n{ACCEPTED}".encode())

    def stop(self) -> None:
        self.socket.close()


def test_a_connection_that_breaks_sends_a_code_once(serve):
    """OB-07: curl would send it again by itself, over each connection that it kept."""
    provider = Breaking()
    try:
        postern = serve({"any": by_http(provider)}, "any")
        ada, number = somebody(postern), new_number()
        token = ada.sign_in()
        begun = ada.add_number(token, number)
        wait_for("the first", lambda: len(provider.taken) == 1)
        provider.breaks = True
        seconds_pass(postern, 11)
        before = len(provider.taken)
        assert ada.call(token, "POST", f"{PHONES}/{begun.json()['id']}/send", {"method": "sms"}).status_code == 202
        with sqlite3.connect(postern.sqlite) as database:
            wait_for("its end", lambda: database.execute("SELECT COUNT(*) FROM delivery WHERE state = 'failed'").fetchone()[0] == 1)
            assert database.execute("SELECT reason, is_billed FROM delivery WHERE state = 'failed'").fetchall() == [("no-reply", 1)]
        assert len(provider.taken) == before + 1
    finally:
        provider.stop()


def test_a_text_and_new_recovery_codes_remove_no_app(serve, twilio):
    """TO-11: who took over the number must not throw out what is stronger."""
    postern = serve({"south": by_twilio(twilio)}, "south")
    ada = somebody(postern)
    ada.with_app()
    ada.token = ada.sign_in()
    number = new_number()
    begun = ada.add_number(ada.token, number).json()
    assert ada.confirm_number(ada.token, begun["id"], code_to(twilio, number)).status_code == 200
    assert reason(ada.ask(ada.attempt(), phone=begun["id"])) == (409, "no-number"), "beside an app it waits a day (OB-09)"
    with sqlite3.connect(postern.sqlite) as database:
        database.execute("UPDATE phone SET usable_from = 0")
    attempt = ada.attempt()
    assert ada.ask(attempt).status_code == 202
    thief = ada.finish(attempt, code_to(twilio, number, 1), "sms").json()["session"]["token"]
    app = next(iter(ada.apps(thief).values()))
    assert reason(ada.call(thief, "DELETE", f"/auth/v1/account/authenticators/{app}")) == (403, "step-up-required")
    codes = ada.call(thief, "POST", "/auth/v1/account/recovery-codes", {}).json()["recovery_codes"]
    assert ada.step_up(thief, codes[0], "recovery_code").status_code == 204
    assert reason(ada.call(thief, "DELETE", f"/auth/v1/account/authenticators/{app}")) == (403, "step-up-required")


def test_a_stranger_cannot_use_up_somebodys_codes(serve, twilio):
    """By giving their number as one's own: that is counted apart, and three an hour over all accounts."""
    postern = serve({"south": by_twilio(twilio)}, "south")
    ada = somebody(postern).with_number(new_number(), twilio)
    answers = []
    for _ in range(3):
        stranger = somebody(postern)
        answers.append(stranger.add_number(stranger.sign_in(), ada.number).status_code)
    assert answers == [201, 201, 429], "one of three was Ada's own"
    assert ada.ask(ada.attempt()).status_code == 202
    wait_for("her code", lambda: len(texts(twilio, ada.number)) == 4)


def test_refusals_are_few_rows_however_many(serve, any_gateway):
    postern = serve({"any": by_http(any_gateway)}, "any")
    ada = somebody(postern).with_number(new_number(), any_gateway)
    attempts = [ada.attempt() for _ in range(4)]
    for _ in range(30):
        for attempt in attempts:
            ada.ask(attempt)
    for _ in range(30):
        assert reason(ada.add_number(ada.token, "+449012345678")) == (422, "number-not-served")
    with sqlite3.connect(postern.sqlite) as database:
        rows = database.execute("SELECT rule, COUNT(*), SUM(number) FROM guard_decision GROUP BY rule ORDER BY rule").fetchall()
    assert [row[:2] for row in rows] == [("kind-of-number", 1), ("per-number", 1)] and rows[0][2] == 3 and rows[1][2] >= 27


def test_a_number_that_a_provider_refuses_shuts_it_for_nobody_else(serve, any_gateway):
    """And costs nothing: neither the circuit nor the day's money is a member's to use up."""
    postern = serve({"any": by_http(any_gateway, price=0.05)}, "any", guard={"spend-per-day": 0.10})
    for _ in range(7):
        any_gateway.answers.append((400, {}, json.dumps({"code": 99})))
        bob = somebody(postern)
        assert bob.add_number(bob.sign_in(), new_number()).status_code == 201
        wait_for("the refusal", lambda: not any_gateway.answers)
    somebody(postern).with_number(new_number(), any_gateway)


def test_a_server_error_may_have_taken_the_message(serve):
    """Two of those, and no third for one press."""
    gateways = [AnyGateway(body=ACCEPTED) for _ in range(4)]
    try:
        names = ["a", "b", "c", "d"]
        postern = serve({name: by_http(gateway) for name, gateway in zip(names, gateways)}, "a 1", "b 0", "c 0", "d 0")
        for gateway in gateways:
            gateway.answers = [(504, {}, "")] * 5
        ada = somebody(postern)
        assert ada.add_number(ada.sign_in(), new_number()).status_code == 201
        with sqlite3.connect(postern.sqlite) as database:
            wait_for("two tries", lambda: database.execute("SELECT COUNT(*) FROM delivery WHERE state = 'failed'").fetchone()[0] == 2)
            wait_for("the end", lambda: not database.execute("SELECT 1 FROM delivery WHERE due_at IS NOT NULL").fetchone())
        assert sum(len(gateway.requests) for gateway in gateways) == 2
    finally:
        for gateway in gateways:
            gateway.stop()
