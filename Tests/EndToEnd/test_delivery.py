"""Codes by text message and telephone call, from the button to the gateway and back."""

import json
import sqlite3
from types import SimpleNamespace
from uuid import uuid4

import pytest
import requests

from parts.gateways import AnyGateway, Record, Twilio, Vonage, code_in, twilio_signature, vonage_token
from parts.kannel import DELIVERED, UNDELIVERABLE, Kannel
from parts.member import Member
from parts.postern import Postern, at_once, reason
from parts.processes import wait_for
from parts.sns import SNS
from parts.texting import (
    PHONES, Texted, by_http, by_kannel, by_sns, by_twilio, by_vonage, code_to, delivery, forget_sends, new_number, record_to, route,
    second_step_page, seconds_pass, texts, wrong_code)
from parts.visitor import Visitor

MANY = 200
ACCEPTED = {"code": 0, "data": {"id": "abc-1"}}


class Shop:
    """A server with every kind of provider, each for a country of its own, and two of them for Italy."""

    def __init__(self, binary: str, folder):
        self.kannel = Kannel(folder / "kannel")
        self.sns = SNS(folder / "sns")
        self.twilio, self.first, self.second, self.vonage = Twilio(), Twilio(), Twilio(), Vonage()
        self.any, self.smsbox = AnyGateway(body=json.dumps(ACCEPTED)), AnyGateway(status=202, body="0: Accepted for delivery")
        providers = {
            "north": by_kannel(self.kannel, price=0.04), "south": by_twilio(self.twilio, price=0.05, prices=["PT 0.03"]),
            "west": by_vonage(self.vonage), "amazon": by_sns(self.sns), "any": by_http(self.any), "one": by_twilio(self.first),
            "two": by_twilio(self.second),
            "smsbox": {"kind": "kannel", "url": self.smsbox.url, "account": "me", "secret": "password", "from": "12345"},
        }
        routes = {
            "gb": route("sms", "north", to=("GB",)), "pt": route("sms", "south", to=("PT",)), "fr": route("sms", "west", to=("FR",)),
            "es": route("sms", "amazon", to=("ES",)), "de": route("sms", "any", to=("DE",)), "nl": route("sms", "smsbox", to=("NL",)),
            "it": route("sms", "one 1000000", "two 0", to=("IT",)), "calls": route("voice", "south"),
        }
        groups = "groups: {staff: {second-factor: {phone: no}}}\n"
        self.postern = Postern(binary, folder / "postern", settings="site: {name: Corner Shop}\n" + groups + delivery(
            providers, routes, countries=("GB", "PT", "FR", "ES", "DE", "NL", "IT"))).start()
        self.by_country = {
            "GB": self.kannel, "PT": self.twilio, "FR": self.vonage, "ES": self.sns, "DE": self.any, "NL": self.smsbox, "IT": self.first}

    def somebody(self, country: str = "PT") -> Texted:
        """Somebody new with a confirmed number there."""
        return self.nobody_yet().with_number(new_number(country), self.by_country[country])

    def nobody_yet(self) -> Texted:
        return Texted(self.postern, f"{uuid4().hex[:12]}@example.org")

    def put_into_staff(self, *members: Texted) -> None:
        """Whose members may have no numbers."""
        owner = Visitor(self.postern, {"postern": Member(self.postern, f"{uuid4().hex[:12]}@example.org", "owner").sign_in()})
        for member in members:
            page = f"/auth/admin/people/{member.id}"
            assert owner.post(page, page + "/join", group="staff").status_code == 303

    def report(self) -> dict[str, dict]:
        lines = json.loads(self.postern.command("delivery", "report", "--by", "provider", "--json"))
        return {line["by"]["provider"]: line for line in lines}

    def stop(self) -> None:
        self.postern.stop()
        for gateway in (self.kannel, self.sns, self.twilio, self.vonage, self.any, self.smsbox, self.first, self.second):
            gateway.stop()


@pytest.fixture(scope="module")
def shop(binary, tmp_path_factory):
    shop = Shop(binary, tmp_path_factory.mktemp("shop"))
    yield shop
    shop.stop()


@pytest.fixture
def texting(make_postern):
    """Starts a server of its own whose texts and calls go to one gateway, and then perhaps to another."""
    gateways = []

    def start(more: str = "", **settings) -> SimpleNamespace:
        gateways.extend([Twilio(), Twilio()])
        one, two = gateways[-2:]
        text = delivery(
            {"one": by_twilio(one), "two": by_twilio(two)},
            {"texts": route("sms", "one 1000000", "two 0"), "calls": route("voice", "two")}, **settings)
        return SimpleNamespace(postern=make_postern(settings=text + more).start(), one=one, two=two)
    yield start
    for gateway in gateways:
        gateway.stop()


def in_state(member: Texted, state: str) -> dict:
    """The latest delivery, once it is in that state."""
    wait_for(f"a delivery to be {state}", lambda: member.deliveries()[-1]["state"] == state, 10)
    return member.deliveries()[-1]


# By every kind of provider.


def test_kannel_brings_a_code_and_tells_that_it_arrived(shop):
    shop.kannel.becomes = DELIVERED
    before = shop.report().get("north", {"asked": 0, "delivered": 0, "used": 0, "cost_millionths": 0})
    ada = shop.somebody("GB")
    assert len(ada.codes) == 10
    attempt, code = ada.asked(shop.kannel)
    text = texts(shop.kannel, ada.number)[-1]
    assert text.splitlines()[-1] == f"@127.0.0.1 #{code}" and "Corner Shop" in text
    done = ada.finish(attempt, code, "sms")
    assert done.status_code == 200 and ada.assurance(done.json()["session"]["token"]) == "aal2"
    assert in_state(ada, "delivered")["used_at"]
    after = shop.report()["north"]
    assert [after[name] - before[name] for name in ("asked", "delivered", "used", "cost_millionths")] == [2, 2, 2, 80_000]


def test_kannel_tells_that_a_code_can_t_arrive(shop):
    ada = shop.somebody("GB")
    shop.kannel.becomes = UNDELIVERABLE
    try:
        ada.asked(shop.kannel)
        assert in_state(ada, "failed")["reason"] == "kannel-undeliverable"
    finally:
        shop.kannel.becomes = DELIVERED


@pytest.mark.parametrize("country", ["PT", "FR", "ES", "DE", "NL"], ids=["twilio", "vonage", "sns", "http", "smsbox"])
def test_a_code_that_a_provider_brought_signs_in_once(shop, country):
    gateway = shop.by_country[country]
    ada = shop.somebody(country)
    attempt, code = ada.asked(gateway)
    assert ada.finish(attempt, code, "sms").status_code == 200
    assert reason(ada.finish(attempt, code, "sms")) == (401, "attempt-over")
    assert reason(ada.finish(ada.attempt(), code, "sms")) == (401, "wrong-code"), "OB-02"
    assert len(texts(gateway, ada.number)) == 2, "one to confirm the number, one to sign in"
    row = ada.deliveries()[-1]
    assert row["used_at"] and row["bucket"] >= 0 and row["state"] in ("accepted", "delivered") and row["code"] == b""


def test_sns_is_told_that_it_is_no_advertisement(shop):
    ada = shop.somebody("ES")
    [message] = shop.sns.messages(ada.number)
    assert message["attributes"] == {"AWS.SNS.SMS.SMSType": "Transactional"}


def test_a_call_says_the_code_slowly(shop):
    ada = shop.somebody("PT")
    attempt, code = ada.asked(shop.twilio, "voice")
    call = shop.twilio.calls[-1]
    assert call.to == ada.number and call.text.startswith("<Response>") and code not in call.text
    assert shop.twilio.callback(call, "completed").status_code == 204
    assert in_state(ada, "delivered")["channel"] == "voice"
    assert ada.finish(attempt, code, "voice").status_code == 200
    assert [row["cost"] for row in ada.deliveries()] == [30_000, 30_000], "the price of that country"


def test_a_number_can_be_confirmed_by_a_call(shop):
    ada, number = shop.nobody_yet(), new_number("PT")
    token = ada.sign_in()
    begun = ada.add_number(token, number, "voice").json()
    code = code_to(shop.twilio, number)
    assert shop.twilio.to(number)[0].id.startswith("CA")
    assert ada.confirm_number(token, begun["id"], f"{code[:3]} {code[3:]}").status_code == 200


def test_the_http_kind_sends_what_its_template_says(shop):
    ada = shop.somebody("DE")
    record = record_to(shop.any, ada.number)
    sent = record.headers
    assert (record.path, sent["authorization"], sent["content-type"]) == ("/send", "Bearer any secret", "application/json")
    assert record.document["to"] == ada.number and "\n" in record.document["text"] and in_state(ada, "accepted")["reference"] == "abc-1"


@pytest.mark.parametrize("body, why", [({"code": "21610"}, "opted-out"), ({"code": 7}, "error-7")], ids=["opted out", "permanent"])
def test_the_http_kind_reads_refusals(shop, body, why):
    ada = shop.somebody("DE")
    shop.any.answers = [(400, {"Content-Type": "application/json"}, json.dumps(body).encode())]
    assert ada.ask(ada.attempt()).status_code == 202
    assert in_state(ada, "failed")["reason"] == why


# Receipts (OB-08).


class Receipts:
    """How one kind of provider tells what became of its messages."""

    def __init__(self, shop: Shop, country: str, tell, forge, good: str, bad: str):
        self.shop, self.country, self.gateway, self.good, self.bad = shop, country, shop.by_country[country], good, bad
        self._tell, self._forge = tell, forge

    def tell(self, record: Record, status: str) -> requests.Response:
        return self._tell(self.shop, record, status)

    def forge(self, record: Record, status: str) -> list[requests.Response]:
        """What all those that aren't proved are answered."""
        return self._forge(self.shop, record, status)


def place_of(record: Record) -> str:
    return record.callback_url or record.headers.get("x-kannel-dlr-url") or record.document["tell"]


def tell_by_smsbox(shop: Shop, record: Record, status: str) -> requests.Response:
    return requests.get(place_of(record).replace("%d", status), timeout=10)


def tell_by_http(shop: Shop, record: Record, status: str) -> requests.Response:
    return requests.post(place_of(record), json={"status": status}, timeout=10)


def forge_twilio(shop: Shop, record: Record, status: str) -> list[requests.Response]:
    parameters = shop.twilio.report(record, status)
    right = twilio_signature(shop.twilio.token, record.callback_url, parameters)
    other = twilio_signature("0" * 32, record.callback_url, parameters)
    tries = [
        (record.callback_url, {}, parameters), (record.callback_url, {"X-Twilio-Signature": other}, parameters),
        (record.callback_url, {"X-Twilio-Signature": right}, parameters | {"ErrorCode": "30003"}),
        (record.callback_url + "&more=1", {"X-Twilio-Signature": right}, parameters),
        (record.callback_url, {"X-Twilio-Signature": ""}, {}), (record.callback_url, {"X-Twilio-Signature": "%%%"}, parameters)]
    return [requests.post(url, data=form, headers=headers, timeout=10) for url, headers, form in tries]


def forge_vonage(shop: Shop, record: Record, status: str) -> list[requests.Response]:
    body = json.dumps(shop.vonage.report(record, status)).encode()
    signed = {"secret": shop.vonage.signature_secret, "api_key": shop.vonage.key, "application": None, "body": body}
    tokens = [
        vonage_token(**signed | {"secret": "another secret of thirty-two byte"}), vonage_token(**signed, iat=1_600_000_000),
        vonage_token(**signed, payload_hash="0" * 64), vonage_token(**signed, payload_hash=None), vonage_token(**signed, iat=None),
        vonage_token(**signed).rpartition(".")[0] + ".", "", "eyJhbGciOiJub25lIn0." + vonage_token(**signed).split(".")[1] + "."]
    return [requests.post(record.callback_url, data=body, headers={"Authorization": f"Bearer {token}"}, timeout=10) for token in tokens] + [
        requests.post(record.callback_url, data=body, timeout=10)]


def forge_by_token(tell):
    def forge(shop: Shop, record: Record, status: str) -> list[requests.Response]:
        place = place_of(record).replace("%d", status)
        head, _, rest = place.partition("token=")
        token, ampersand, more = rest.partition("&")
        delivery_id = place.partition("delivery=")[2].partition("&")[0]
        # Of another delivery; the same token at another provider's door; without one.
        other = delivery_id[:-1] + ("0" if delivery_id[-1] != "0" else "1")
        others = [
            head + "token=" + ampersand + more, head + "token=" + token[:-2] + "xx" + ampersand + more, head.rstrip("&") + ampersand + more,
            place.replace(delivery_id, other),
            place.replace("/smsbox?", "/any?") if "/smsbox?" in place else place.replace("/any?", "/smsbox?")]
        method = "GET" if "x-kannel-to" in record.headers else "POST"
        return [requests.request(method, url, json={"status": status}, timeout=10) for url in others]
    return forge


KINDS = {
    "twilio": ("PT", lambda shop, record, status: shop.twilio.callback(record, status), forge_twilio, "delivered", "undelivered"),
    "vonage": ("FR", lambda shop, record, status: shop.vonage.callback(record, status), forge_vonage, "delivered", "undeliverable"),
    "kannel": ("NL", tell_by_smsbox, forge_by_token(tell_by_smsbox), "1", "2"),
    "http": ("DE", tell_by_http, forge_by_token(tell_by_http), "ok", "bad"),
}


@pytest.fixture(params=KINDS)
def receipts(shop, request) -> Receipts:
    return Receipts(shop, *KINDS[request.param])


def test_receipts_are_believed_again_and_in_any_order(receipts):
    ada = receipts.shop.somebody(receipts.country)
    ada.asked(receipts.gateway)
    in_state(ada, "accepted")
    record = record_to(receipts.gateway, ada.number)
    assert receipts.tell(record, "something else").status_code == 204 and ada.deliveries()[-1]["state"] == "accepted"
    assert receipts.tell(record, receipts.bad).status_code == 204
    failed = ada.deliveries()[-1]
    assert failed["state"] == "failed" and failed["reason"]
    for status in (receipts.good, receipts.good, receipts.bad, receipts.good):
        assert receipts.tell(record, status).status_code == 204
        row = ada.deliveries()[-1]
        assert (row["state"], row["reason"]) == ("delivered", "")
    times = {receipts.tell(record, receipts.good).status_code: ada.deliveries()[-1]["delivered_at"]}
    assert times == {204: row["delivered_at"]}, "a receipt that is told twice changes nothing"
    assert len(texts(receipts.gateway, ada.number)) == 2, "and sends nothing"


def test_receipts_that_are_not_proved_change_nothing(receipts):
    ada = receipts.shop.somebody(receipts.country)
    ada.asked(receipts.gateway)
    in_state(ada, "accepted")
    record = record_to(receipts.gateway, ada.number)
    answers = receipts.forge(record, receipts.bad)
    assert [answer.status_code for answer in answers] == [403] * len(answers), [answer.text for answer in answers]
    assert ada.deliveries()[-1]["state"] == "accepted"


def test_an_old_receipt_changes_nothing_once_the_code_is_used(receipts):
    """The sign-in it belongs to is over, and even its number may be gone."""
    ada = receipts.shop.somebody(receipts.country)
    attempt, code = ada.asked(receipts.gateway)
    in_state(ada, "accepted")
    assert ada.finish(attempt, code, "sms").status_code == 200
    assert ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}").status_code in (204, 403)
    record = record_to(receipts.gateway, ada.number)
    used_at = ada.deliveries()[-1]["used_at"]
    assert receipts.tell(record, receipts.bad).status_code == 204
    row = ada.deliveries()[-1]
    assert row["used_at"] == used_at and row["bucket"] >= 0
    assert reason(ada.finish(attempt, code, "sms")) == (401, "attempt-over")


def test_nobody_takes_receipts_of_unknown_providers(shop):
    ada = shop.somebody("PT")
    record = record_to(shop.twilio, ada.number)
    place = record.callback_url.replace("/south?", "/{}?")
    for name in ("nobody", "amazon", "..", "north%2f"):
        assert requests.post(place.format(name), data={"MessageStatus": "delivered"}, timeout=10).status_code in (400, 403, 404), name
    # Signed by another provider's secret, for a message that isn't its own.
    parameters = shop.twilio.report(record, "undelivered")
    theirs = twilio_signature(shop.first.token, place.format("one"), parameters)
    requests.post(place.format("one"), data=parameters, headers={"X-Twilio-Signature": theirs}, timeout=10)
    assert in_state(ada, "accepted")


def test_a_receipt_that_comes_before_the_answer_counts(shop):
    """Kannel's SMSC may refuse a number before the gateway's answer is written down."""
    ada = shop.somebody("NL")
    shop.smsbox.delay = 1.5
    try:
        ada.ask(ada.attempt())
        wait_for("the request", lambda: len(texts(shop.smsbox, ada.number)) == 2)
        tell_by_smsbox(shop, record_to(shop.smsbox, ada.number), "16")
        wait_for("the answer", lambda: record_to(shop.smsbox, ada.number).answered)
    finally:
        shop.smsbox.delay = 0
    assert in_state(ada, "failed")["reason"] == "kannel-refused"


# Sending again.


def test_another_message_comes_by_the_other_provider_and_both_codes_are_good(shop):
    ada = shop.somebody("IT")
    for which in (0, 1):
        forget_sends(shop.postern)
        attempt, first = ada.asked(shop.first)
        early = ada.ask(attempt)
        assert reason(early) == (429, "code-just-sent") and 1 <= int(early.headers["Retry-After"]) <= 11
        seconds_pass(shop.postern, 11)
        _, second = ada.asked(shop.second, attempt=attempt)
        assert first != second
        assert ada.finish(attempt, (first, second)[which], "sms").status_code == 200
        rows = ada.deliveries()[-2:]
        assert [(row["provider"], row["cause"]) for row in rows] == [("one", "first"), ("two", "resend")]
        assert [row["used_at"] is not None for row in rows] == [which == 0, which == 1], "the message that helped is credited"
        assert [row["bucket"] >= 0 for row in rows] == [which == 0, which == 1]
        assert rows[0]["resends"] == 1


def test_call_me_instead(shop):
    ada = shop.somebody("PT")
    attempt, text = ada.asked(shop.twilio)
    seconds_pass(shop.postern, 11)
    _, call = ada.asked(shop.twilio, "voice", attempt)
    assert [row["cause"] for row in ada.deliveries()[-2:]] == ["first", "other-channel"]
    assert ada.finish(attempt, text, "voice").status_code == 200, "codes of the text stay good"
    assert [row["used_at"] is not None for row in ada.deliveries()[-2:]] == [True, False]
    assert ada.finish(attempt, call, "voice").status_code == 401


def test_the_answer_says_which_ways_there_are(shop):
    ada = shop.somebody("GB")
    assert {"sms", "voice", "recovery_code"} <= set(ada.begin()["methods"]) and "totp" not in ada.begin()["methods"]


# Who may have a message sent (OB-06).


def test_nothing_is_sent_without_the_right_password(shop):
    ada = shop.somebody("PT")
    before = len(shop.twilio.requests)
    assert shop.postern.try_sign_in(ada.email, "wrong").status_code == 401
    for attempt in ("", "nonsense", ada.attempt()[:-1] + "x", "A" * 43):
        assert ada.ask(attempt).status_code in (400, 401), attempt
    assert ada.ask_step_up("nonsense").status_code == 401
    assert shop.postern.request("POST", PHONES, json={"number": new_number("PT")}).status_code == 401
    assert len(ada.deliveries()) == 1 and len(shop.twilio.requests) == before


def test_nothing_is_sent_to_a_number_that_is_not_confirmed_or_another_s(shop):
    bob = shop.somebody("PT")
    ada = Texted(shop.postern, f"{uuid4().hex[:12]}@example.org").with_app()
    # The app makes its sessions; the number only waits.
    token = ada.sign_in()
    number = new_number("PT")
    begun = ada.add_number(token, number)
    assert begun.status_code == 201, begun.text
    code = code_to(shop.twilio, number)
    started = ada.begin()
    assert not {"sms", "voice"} & set(started["methods"])
    for more in ({}, {"phone": begun.json()["id"]}, {"phone": bob.number_id}, {"phone": "nonsense"}):
        assert reason(ada.ask(started["attempt"], **more)) == (409, "no-number"), more
    assert reason(ada.finish(started["attempt"], code, "sms")) == (401, "wrong-code"), "the code that confirms a number signs nobody in"
    assert len(shop.twilio.to(number)) == 1 and len(shop.twilio.to(bob.number)) == 1


def test_nothing_is_sent_once_an_attempt_is_over(shop):
    ada = shop.somebody("PT")
    finished, code = ada.asked(shop.twilio)
    assert ada.finish(finished, code, "sms").status_code == 200
    assert reason(ada.ask(finished)) == (401, "attempt-over")
    spent = ada.attempt()
    for _ in range(11):
        last = ada.finish(spent, "0000-0000-0000-0000", "recovery_code")
    assert last.status_code in (401, 429)
    forget_sends(shop.postern)
    assert ada.ask(spent).status_code in (401, 429)
    assert len(shop.twilio.to(ada.number)) == 2


# Limits (OB-04).


def test_three_messages_in_ten_minutes_go_to_a_number(shop):
    ada = shop.somebody("PT")
    for _ in range(3):
        assert ada.ask(ada.attempt()).status_code == 202
    refused = ada.ask(ada.attempt())
    assert reason(refused) == (429, "too-many-codes") and 500 <= int(refused.headers["Retry-After"]) <= 601
    wait_for("three messages after the one that confirmed it", lambda: len(shop.twilio.to(ada.number)) == 4)
    assert "number" in shop.postern.command("delivery", "guard")
    assert ada.number[-7:] not in shop.postern.command("delivery", "guard", "--json")


def test_a_number_is_the_same_for_all_accounts(shop):
    ada, bob = shop.somebody("PT"), shop.nobody_yet()
    token = bob.sign_in()
    assert bob.add_number(token, ada.number).status_code == 201
    assert reason(bob.add_number(token, ada.number)) == (429, "code-just-sent"), "the number that waits is the same"
    seconds_pass(shop.postern, 11)
    assert bob.add_number(token, ada.number).status_code == 201
    seconds_pass(shop.postern, 11)
    assert reason(bob.add_number(token, ada.number)) == (429, "too-many-codes")
    assert len(shop.twilio.to(ada.number)) <= 3


def test_five_messages_an_hour_go_to_an_account(shop):
    ada = shop.somebody("PT")
    token, others = ada.token, [new_number("PT"), new_number("PT")]
    for _ in range(2):
        assert ada.ask(ada.attempt()).status_code == 202
    for other in others:
        assert ada.add_number(token, other).status_code == 201
        # Only the newest number waits: what isn't sent yet to the one before never is.
        code_to(shop.twilio, other)
    seconds_pass(shop.postern, 660)
    refused = ada.ask(ada.attempt())
    assert reason(refused) == (429, "too-many-codes") and 2_800 <= int(refused.headers["Retry-After"]) <= 3_000
    wait_for("five messages", lambda: sum(len(shop.twilio.to(number)) for number in [ada.number, *others]) == 5)
    seconds_pass(shop.postern, 3_000)
    assert ada.ask(ada.attempt()).status_code == 202


def test_what_was_refused_is_not_counted(shop):
    """Three go to a number in ten minutes, and five in an hour; being told to wait must not use them up."""
    ada = shop.somebody("PT")
    for _ in range(3):
        assert ada.ask(ada.attempt()).status_code == 202
    for _ in range(4):
        assert ada.ask(ada.attempt()).status_code == 429
    seconds_pass(shop.postern, 660)
    assert ada.ask(ada.attempt()).status_code == 202, "four of the account's five were sent in this hour"


def test_ten_messages_an_hour_go_to_a_network(shop):
    people = [shop.nobody_yet() for _ in range(11)]
    numbers = [new_number("PT") for _ in people]
    tokens = [person.sign_in() for person in people]
    answers = [
        person.add_number(token, number, X_Forwarded_For="203.0.113.77") for person, token, number in zip(people, tokens, numbers)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429], [answer.text for answer in answers]
    wait_for("ten messages", lambda: sum(len(shop.twilio.to(number)) for number in numbers) == 10)
    assert people[10].add_number(tokens[10], numbers[10], X_Forwarded_For="203.0.113.78").status_code == 201


def test_forty_requests_at_once_send_one_message(shop):
    ada = shop.somebody("PT")
    attempt = ada.attempt()
    answers = at_once([lambda: ada.ask(attempt)] * 40)
    assert sorted({answer.status_code for answer in answers}) == [202, 429] and [answer.status_code for answer in answers].count(202) == 1
    wait_for("the message", lambda: len(shop.twilio.to(ada.number)) == 2)


# Where messages go (OB-05).


@pytest.mark.parametrize("number", ["+34612345678", "+12125550123", "+881612345678", "+870773111632", "+8821612345678"],
                         ids=["Spain", "the USA", "a satellite", "Inmarsat", "an international network"])
def test_numbers_elsewhere_are_refused_as_such(texting, number):
    """Also in the list of what the guard refused."""
    served = texting()
    ada = Texted(served.postern, "ada@example.org")
    answer = ada.add_number(ada.sign_in(), number)
    assert answer.status_code == 422 and answer.json()["reason"] in ("number-not-served", "number-invalid"), answer.text
    assert served.one.requests == served.two.requests == []
    if answer.json()["reason"] == "number-not-served":
        [line] = json.loads(served.postern.command("delivery", "guard", "--json"))
        assert (line["rule"], line["refused"]) == ("country", True)


@pytest.mark.parametrize("number", ["+449012345678", "+448081570001", "+447012345678", "+445612345678"],
                         ids=["premium", "toll-free", "personal", "over the Internet"])
def test_numbers_that_are_no_person_s_telephone_are_refused(shop, number):
    ada = shop.nobody_yet()
    token = ada.sign_in()
    for method in ("", "sms", "voice"):
        assert reason(ada.add_number(token, number, method)) == (422, "number-not-served")
    assert shop.kannel.messages(number) == [] and shop.twilio.to(number) == []


def test_a_landline_gets_calls_only(shop):
    ada, number = shop.nobody_yet(), "+442079460018"
    token = ada.sign_in()
    assert reason(ada.add_number(token, number, "sms")) == (422, "number-not-served")
    assert ada.add_number(token, number).status_code == 201
    wait_for("the call", lambda: [call for call in shop.twilio.calls if call.to == number])


def test_a_number_that_is_refused_takes_nothing_away(shop):
    """Neither the number that waits for its code, nor one of the three of a day."""
    ada, number = shop.nobody_yet(), new_number("PT")
    token = ada.sign_in()
    begun = ada.add_number(token, number).json()
    code = code_to(shop.twilio, number)
    for _ in range(3):
        assert ada.add_number(token, "+449012345678").status_code == 422
    assert ada.confirm_number(token, begun["id"], code).status_code == 200


@pytest.mark.parametrize("text", [
    "", "abc", "+", "+1", "00", "+447400", "+44740012345678901", "+351 91 000 00 00 ext 5", "tel:+351910000000;x=1",
])
def test_what_is_no_number_is_refused(shop, text):
    ada = shop.nobody_yet()
    assert ada.add_number(ada.sign_in(), text).status_code in (400, 422)


# Wrong codes (OB-02).


def test_five_wrong_codes_end_all_codes_of_a_sign_in(shop):
    ada = shop.somebody("IT")
    attempt, first = ada.asked(shop.first)
    seconds_pass(shop.postern, 11)
    _, second = ada.asked(shop.second, attempt=attempt)
    wrong = wrong_code(first, second)
    assert [reason(ada.finish(attempt, wrong, "sms")) for _ in range(5)] == [(401, "wrong-code")] * 5
    assert reason(ada.finish(attempt, second, "sms")) == (401, "codes-spent")
    assert reason(ada.finish(attempt, first, "sms")) == (401, "codes-spent")
    seconds_pass(shop.postern, 11)
    assert ada.ask(attempt).status_code == 401
    assert len(shop.first.to(ada.number)) + len(shop.second.to(ada.number)) == 3
    assert ada.finish(attempt, ada.codes[0], "recovery_code").status_code == 200, "another way is open"


def test_four_wrong_codes_leave_the_right_one_good(shop):
    ada = shop.somebody("PT")
    attempt, code = ada.asked(shop.twilio)
    for bad in (wrong_code(code), "12345", "1234567", "abcdef"):
        assert reason(ada.finish(attempt, bad, "sms")) == (401, "wrong-code"), bad
    assert ada.finish(attempt, f"{code[:3]}-{code[3:]}", "sms").status_code == 200


def test_five_wrong_codes_end_the_confirmation_of_a_number(shop):
    ada, number = shop.nobody_yet(), new_number("PT")
    token = ada.sign_in()
    begun = ada.add_number(token, number).json()
    code = code_to(shop.twilio, number)
    assert [reason(ada.confirm_number(token, begun["id"], wrong_code(code))) for _ in range(5)] == [(401, "wrong-code")] * 5
    assert reason(ada.confirm_number(token, begun["id"], code)) == (401, "codes-spent")
    assert ada.begin()["next"] == "done"


def test_wrong_codes_of_all_sign_ins_count_on_one_counter(shop):
    """TO-05: a new sign-in brings no new tries."""
    ada = shop.somebody("PT")
    for _ in range(2):
        forget_sends(shop.postern)
        attempt, code = ada.asked(shop.twilio)
        for _ in range(5):
            assert reason(ada.finish(attempt, wrong_code(code), "sms")) == (401, "wrong-code")
    forget_sends(shop.postern)
    attempt, code = ada.asked(shop.twilio)
    assert reason(ada.finish(attempt, wrong_code(code), "sms")) == (429, "codes-wait")
    assert reason(ada.finish(attempt, code, "sms")) == (429, "codes-wait"), "also the right one waits"


def test_codes_spent_at_a_step_up_come_back_after_ten_minutes(shop):
    """Asking in vain in between must not push that back."""
    ada = shop.somebody("PT")
    assert ada.ask_step_up(ada.token).status_code == 202
    code = code_to(shop.twilio, ada.number, 1)
    for _ in range(5):
        ada.step_up(ada.token, wrong_code(code), "sms")
    forget_sends(shop.postern)
    seconds_pass(shop.postern, 400)
    assert ada.ask_step_up(ada.token).status_code == 401
    seconds_pass(shop.postern, 220)
    assert ada.ask_step_up(ada.token).status_code == 202


def test_who_asks_again_when_codes_are_spent_is_told_to_use_another_way(shop):
    """Neither the sign-in nor the session took too long: a recovery code still does."""
    ada = shop.somebody("PT")
    attempt, code = ada.asked(shop.twilio)
    for _ in range(5):
        ada.finish(attempt, wrong_code(code), "sms")
    page = "/auth/sign-in/second-factor?method=sms"
    sent = Visitor(shop.postern, {"postern-attempt": attempt}).post(page, "/auth/sign-in/second-factor/send", method="sms")
    answers = [ada.ask(attempt)]
    forget_sends(shop.postern)
    assert ada.ask_step_up(ada.token).status_code == 202
    code = code_to(shop.twilio, ada.number, 2)
    for _ in range(5):
        ada.step_up(ada.token, wrong_code(code), "sms")
    answers.append(ada.ask_step_up(ada.token))
    assert [reason(answer) for answer in answers] == [(401, "codes-spent")] * 2
    assert sent.headers["Location"].startswith("/auth/sign-in/second-factor"), "the page with the other ways"


def test_a_code_is_good_only_for_what_it_was_sent_for(shop):
    """OB-02: two sign-ins, a step-up, the confirmation of another number, and another person's sign-in."""
    ada, bob = shop.somebody("PT"), shop.somebody("PT")
    codes, places = {}, {}

    def place(name: str, attempt_of: Texted) -> None:
        forget_sends(shop.postern)
        attempt, codes[name] = attempt_of.asked(shop.twilio)
        places[name] = lambda code: attempt_of.finish(attempt, code, "sms")
    other, session = new_number("PT"), ada.token
    forget_sends(shop.postern)
    begun = ada.add_number(session, other).json()
    codes["confirm"] = code_to(shop.twilio, other)
    assert ada.ask_step_up(session).status_code == 202
    codes["step-up"] = code_to(shop.twilio, ada.number, 1)
    place("sign-in", ada)
    place("another sign-in", ada)
    place("bob's sign-in", bob)
    places["step-up"] = lambda code: ada.step_up(session, code, "sms")
    # Last: a new factor ends sign-ins that are half made.
    places["confirm"] = lambda code: ada.confirm_number(session, begun["id"], code)
    for name, give in places.items():
        for theirs in set(codes.values()) - {codes[name]}:
            assert reason(give(theirs)) == (401, "wrong-code"), name
        assert give(codes[name]).status_code in (200, 204), name


def test_a_code_is_good_for_ten_minutes(shop):
    ada = shop.somebody("PT")
    for seconds, status in ((590, 200), (605, 401)):
        forget_sends(shop.postern)
        attempt, code = ada.asked(shop.twilio)
        seconds_pass(shop.postern, seconds)
        assert ada.finish(attempt, code, "sms").status_code == status


def test_two_hundred_right_codes_at_once_open_one_session(shop):
    ada = shop.somebody("PT")
    attempt, code = ada.asked(shop.twilio)

    def sessions() -> int:
        with sqlite3.connect(shop.postern.sqlite) as database:
            account = bytes.fromhex(ada.id.replace("-", ""))
            return database.execute("SELECT COUNT(*) FROM session WHERE account_id = ?", [account]).fetchone()[0]
    before = sessions()
    answers = at_once([lambda: ada.finish(attempt, code, "sms", )] * MANY)
    assert [answer.status_code for answer in answers].count(200) == 1 and sessions() == before + 1
    assert {answer.status_code for answer in answers} <= {200, 401, 429, 503}
    assert [row["used_at"] is not None for row in ada.deliveries()][-1:] == [True]


def test_codes_and_numbers_outlive_new_keys_and_a_restart(texting):
    served = texting()
    ada = Texted(served.postern, "ada@example.org").with_number(new_number("PT"), served.one)
    attempt, code = ada.asked(served.one)
    served.postern.command("secrets", "rotate")
    served.postern.restart()
    assert reason(ada.add_number(ada.token, ada.number)) == (409, "number-known")
    assert ada.finish(attempt, code, "sms").status_code == 200
    ada.asked(served.one)


# Step-up.


def test_a_text_confirms_that_it_s_you(shop):
    ada = shop.somebody("PT")
    shop.postern.minutes_pass(10)
    assert reason(ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}")) == (403, "step-up-required")
    assert ada.ask_step_up(ada.token).status_code == 202
    done = ada.step_up(ada.token, code_to(shop.twilio, ada.number, 1), "sms")
    assert done.status_code in (200, 204), done.text
    assert ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}").status_code == 204
    assert ada.begin()["next"] == "done"


# Settings.


def test_secrets_come_from_the_environment_and_from_files(make_postern, tmp_path):
    one, two = Twilio(), Twilio()
    try:
        settings = {"one": by_twilio(one), "two": by_twilio(two)}
        for provider in settings.values():
            del provider["secret"]
        postern = make_postern(settings=delivery(settings, {"texts": route("sms", "one"), "calls": route("voice", "two")}))
        assert "POSTERN_DELIVERY_PROVIDERS_ONE_SECRET" in postern.run("serve").stderr
        (tmp_path / "secret").write_text(two.token + "\n")
        postern.environment |= {
            "POSTERN_DELIVERY_PROVIDERS_ONE_SECRET": one.token, "POSTERN_DELIVERY_PROVIDERS_TWO_SECRET_FILE": str(tmp_path / "secret")}
        postern.start()
        ada = Texted(postern, "ada@example.org").with_number(new_number("PT"), one)
        ada.asked(two, "voice")
        assert one.token not in postern.log() and two.token not in postern.log()
    finally:
        one.stop()
        two.stop()


def test_weights_and_providers_change_while_the_server_runs(texting):
    served = texting()
    postern, text = served.postern, served.postern.config.read_text()
    ada = Texted(postern, "ada@example.org").with_number(new_number("PT"), served.one)
    postern.config.write_text(text.replace('"one 1000000", "two 0"', '"one 0", "two 1000000"'))

    def goes_to_two() -> bool:
        forget_sends(postern)
        assert ada.ask(ada.attempt()).status_code == 202
        wait_for("the message", lambda: ada.deliveries()[-1]["state"] == "accepted")
        return ada.deliveries()[-1]["provider"] == "two"
    wait_for("the new weights", goes_to_two, 10, step=0.5)
    postern.config.write_text("nonsense: [")
    forget_sends(postern)
    assert goes_to_two(), "what can't be read changes nothing"
    third = Twilio()
    try:
        new = delivery({"three": by_twilio(third)}, {"texts": route("sms", "three")})
        postern.config.write_text(text[:text.index("delivery:")] + new)

        def goes_to_three() -> bool:
            forget_sends(postern)
            ada.ask(ada.attempt())
            return bool(third.to(ada.number))
        wait_for("the new provider", goes_to_three, 10, step=0.5)
        assert "voice" not in ada.begin()["methods"], "nobody calls any more"
    finally:
        third.stop()


def test_while_a_server_is_tried_out_texts_and_calls_land_in_its_mailbox(postern):
    ada, number = Texted(postern, "ada@example.org"), new_number("PT")
    token = ada.sign_in()
    begun = ada.add_number(token, number).json()
    letter = wait_for("the text", lambda: postern.letters(number))[0]
    assert letter["subject"] == "Text message"
    assert ada.confirm_number(token, begun["id"], code_in(letter["text"])).status_code == 200
    attempt = ada.attempt()
    assert ada.ask(attempt, "voice").status_code == 202
    call = wait_for("the call", lambda: postern.letter(number, "Call"))
    code = "".join(digit for digit in call["text"] if digit.isdigit())
    assert ada.finish(attempt, code, "voice").status_code == 200


def test_a_group_may_forbid_numbers(shop):
    ada = shop.somebody("PT")
    bob = shop.nobody_yet()
    before = len(shop.twilio.requests)
    shop.put_into_staff(ada, bob)
    attempt = ada.begin()
    assert attempt.get("methods") is None or not {"sms", "voice"} & set(attempt["methods"])
    if "attempt" in attempt:
        assert reason(ada.ask(attempt["attempt"])) == (409, "no-number")
    assert reason(bob.add_number(bob.sign_in(), new_number("PT"))) == (403, "phones-not-allowed")
    assert len(shop.twilio.requests) == before


def test_a_group_forbids_numbers_also_while_one_waits_for_its_code(shop):
    ada, number = shop.nobody_yet(), new_number("PT")
    token = ada.sign_in()
    begun = ada.add_number(token, number).json()
    code = code_to(shop.twilio, number)
    shop.put_into_staff(ada)
    assert ada.confirm_number(token, begun["id"], code).status_code in (403, 410)
    seconds_pass(shop.postern, 11)
    assert ada.call(token, "POST", f"{PHONES}/{begun['id']}/send", {"method": "sms"}).status_code in (403, 410)
    assert len(shop.twilio.to(number)) == 1


# A change of numbers (OB-09).


def test_a_second_number_waits_a_day_and_the_first_is_told(shop):
    ada, other = shop.somebody("PT"), new_number("PT")
    old = len(texts(shop.twilio, ada.number))
    begun = ada.add_number(ada.token, other).json()
    done = ada.confirm_number(ada.token, begun["id"], code_to(shop.twilio, other))
    assert done.status_code == 200
    phones = {phone["id"]: phone for phone in ada.call(ada.token, "GET", PHONES).json()["phones"]}
    assert phones[begun["id"]]["methods"] == [] and phones[ada.number_id]["methods"] == ["sms", "voice"]
    wait_for("the text to the first number", lambda: len(texts(shop.twilio, ada.number)) > old)
    notice = texts(shop.twilio, ada.number)[-1]
    assert other[-2:] in notice and "http" not in notice and other not in notice and "Corner Shop" in notice
    wait_for("the letter", lambda: [letter for letter in shop.postern.letters(ada.email) if other[-2:] in letter["text"]])
    attempt = ada.attempt()
    assert reason(ada.ask(attempt, phone=begun["id"])) == (409, "no-number")
    # Without the first one nothing would sign in for a day.
    assert reason(ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}")) == (409, "number-cooling-off")
    with sqlite3.connect(shop.postern.sqlite) as database:
        row = bytes.fromhex(begun["id"].replace("-", ""))
        database.execute("UPDATE phone SET usable_from = usable_from - 86500000000 WHERE id = ?", [row])
    assert ada.ask(ada.attempt(), phone=begun["id"]).status_code == 202
    assert ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}").status_code == 204
    assert {"sms", "voice"} <= set(ada.begin()["methods"])


def test_a_number_that_takes_the_place_of_a_removed_one_waits_too(shop):
    ada, other = shop.somebody("PT"), new_number("PT")
    assert ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}").status_code == 204
    wait_for("the text to the number that went", lambda: len(texts(shop.twilio, ada.number)) == 2)
    begun = ada.add_number(ada.token, other).json()
    assert ada.confirm_number(ada.token, begun["id"], code_to(shop.twilio, other)).status_code == 200
    [phone] = ada.call(ada.token, "GET", PHONES).json()["phones"]
    assert phone["methods"] == [] and phone["usable_from"] > phone["added_at"]


@pytest.mark.parametrize("country", ["GB", "PT", "FR", "ES", "DE", "NL"], ids=["kannel", "twilio", "vonage", "sns", "http", "smsbox"])
def test_every_kind_of_provider_tells_an_old_number_of_the_change(shop, country):
    ada, gateway = shop.somebody(country), shop.by_country[country]
    assert ada.call(ada.token, "DELETE", f"{PHONES}/{ada.number_id}").status_code == 204
    wait_for("the text to the number that went", lambda: len(texts(gateway, ada.number)) == 2, 5)
    assert "was removed from" in texts(gateway, ada.number)[-1]
    if country == "NL":
        # Nobody waits for a report of it: Kannel would ask a place that is none.
        assert record_to(shop.smsbox, ada.number).headers.get("x-kannel-dlr-url", "") == ""


# Settings that can't be.


@pytest.mark.parametrize("change, key", [
    ({"resend_after": "5s"}, "delivery.resend-after"), ({"countries": []}, "delivery.countries"),
    ({"countries": ["UK"]}, "delivery.countries"),
    ({"currency": "euro"}, "delivery.currency"), ({"guard": {"mode": "strict"}}, "delivery.guard.mode"),
    ({"guard": {"spend-per-day": "-1"}}, "delivery.guard.spend-per-day"),
    ({"routes": {"a": route("sms", "nobody")}}, "delivery.routes.a.arms"),
    ({"routes": {"a": route("voice", "one")}}, "delivery.routes.a.arms"),
    ({"routes": {"a": route("sms", "one"), "b": route("sms", "one")}}, "delivery.routes.b"),
    ({"experiments": {"e": {"channel": "sms", "countries": ["PT"], "arms": ["one"], "start": "2026-11-01"}}},
     "delivery.experiments.e.arms"),
    ({"one": {"url": "http://gateway.example.org"}}, "delivery.providers.one.url"),
    ({"one": {"receipt-within": "5s"}}, "delivery.providers.one.receipt-within"),
    ({"one": {"kind": "pigeon"}}, "delivery.providers.one.kind"), ({"one": {"secret": None}}, "delivery.providers.one.secret"),
    ({"one": {"price": "cheap"}}, "delivery.providers.one.price"), ({"one": {"secrets": "x"}}, "delivery.providers.one.secrets"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_settings_that_can_t_be_are_named(make_postern, change, key):
    one = {"kind": "sns", "url": "http://127.0.0.1:9", "region": "eu-west-1", "account": "me", "secret": "s"} | change.get("one", {})
    one = {name: value for name, value in one.items() if value is not None}
    settings = {"providers": {"one": one}, "routes": {"a": route("sms", "one")}} | {
        name: value for name, value in change.items() if name != "one"}
    done = make_postern(settings=delivery(**settings)).run("serve")
    assert done.returncode != 0 and key in done.stderr, done.stderr


# The command line.


def test_the_command_line_tells_what_was_brought(texting):
    experiment = {"channel": "sms", "countries": ["PT"], "arms": ["one 1000000", "two 0"], "start": "2026-11-01"}
    served = texting(experiments={"one-or-two": experiment})
    postern = served.postern
    assert postern.command("delivery", "report") == "No codes were sent by SMS or voice since then.\n"
    assert postern.command("delivery", "report", "--json").strip() in ("[]", "[\n\n]")
    assert postern.command("delivery", "guard") == "It had nothing to say.\n"
    ada = Texted(postern, "ada@example.org").with_number(new_number("PT"), served.one)
    ada.asked(served.one)
    table = postern.command("delivery", "report", "--by", "provider,channel,country,day", "--since", "1d").splitlines()
    assert table[0].split()[:4] == ["PROVIDER", "CHANNEL", "COUNTRY", "DAY"]
    assert table[1].split()[:3] == ["one", "sms", "PT"] and len(table) == 3
    [line] = json.loads(postern.command("delivery", "report", "--json"))
    assert line["by"] == {"provider": "one", "channel": "sms"} and [line[name] for name in ("asked", "accepted", "used")] == [2, 2, 1]
    assert "one" in postern.command("delivery", "experiment", "one-or-two")
    everywhere, portugal = json.loads(postern.command("delivery", "experiment", "one-or-two", "--json"))
    assert (everywhere["country"], portugal["country"], portugal["arms"][0]["sent"]) == ("", "PT", 2)
    for arguments in (
        ["report", "--by", "weather"], ["report", "--since", "7h"], ["experiment", "nothing"], ["outage", "--channel", "fax"],
        ["outage", "--channel", "sms", "--country", "US"], ["outage", "--channel", "sms", "--clear"], ["guard", "--limit", "0"],
    ):
        done = postern.run("delivery", *arguments)
        assert done.returncode != 0 and done.stderr and not done.stdout, arguments


def test_an_outage_that_is_said_by_hand_is_told_to_people(texting):
    served = texting()
    postern = served.postern
    ada = Texted(postern, "ada@example.org").with_number(new_number("PT"), served.one)
    assert "Nothing" in postern.command("delivery", "outage")
    assert json.loads(postern.command("delivery", "outage", "--channel", "sms", "--country", "PT", "--json")) == {"said": True}
    [outage] = json.loads(postern.command("delivery", "outage", "--json"))
    assert (outage["channel"], outage["country"], outage["provider"]) == ("sms", "PT", "")
    attempt = ada.attempt()
    wait_for("the words on the page", lambda: "Texts to Portugal are delayed." in second_step_page(postern, attempt), 14, step=0.3)
    assert "Taken back" in postern.command("delivery", "outage", "--channel", "sms", "--country", "PT", "--clear")
    assert json.loads(postern.command("delivery", "outage", "--json")) == []


# What a day may cost, and blocks of numbers.


def test_what_was_never_sent_costs_nothing(make_postern):
    gateway = Twilio()
    try:
        settings = {"one": by_twilio(gateway, price=0.05)}
        postern = make_postern(settings=delivery(settings, {"texts": route("sms", "one")}, guard={"spend-per-day": 0.1})).start()
        ada = Texted(postern, "ada@example.org").with_number(new_number("PT"), gateway)
        gateway.answers = [gateway.error(21211)]
        assert ada.ask(ada.attempt()).status_code == 202
        in_state(ada, "failed")
        assert ada.ask(ada.attempt()).status_code == 202, "one of the two that a day may cost was sent"
    finally:
        gateway.stop()


def test_the_guard_refuses_a_burst_and_a_day_that_costs_too_much(make_postern):
    gateway = Twilio()
    try:
        guard = {"mode": "enforce", "country-floor": 4, "burst": "2/1h", "spend-per-day": 0.3}
        postern = make_postern(settings=delivery(
            {"one": by_twilio(gateway, price=0.05)}, {"texts": route("sms", "one")}, countries=("GB", "PT"), guard=guard)).start()
        people = [Texted(postern, f"p{index}@example.org") for index in range(8)]
        tokens = [person.sign_in() for person in people]
        answers = [person.add_number(token, f"+35191234560{index}") for index, (person, token) in enumerate(zip(people[:3], tokens))]
        assert [answer.status_code for answer in answers] == [201, 201, 503], "the third of a block of a thousand"
        more = [people[index].add_number(tokens[index], f"+3519200{index}0000") for index in range(3, 6)]
        assert [answer.status_code for answer in more] == [201, 201, 503], "four to a country"
        last = [people[index].add_number(tokens[index], f"+4474001{index}0000") for index in (5, 6, 7)]
        assert [answer.status_code for answer in last] == [201, 201, 503], "0.30 EUR are six messages"
        wait_for("all messages", lambda: len(gateway.messages) == 6)
        rules = [line["rule"] for line in json.loads(postern.command("delivery", "guard", "--json"))]
        assert rules == ["spend-per-day", "country-limit", "burst"]
    finally:
        gateway.stop()
