"""People with telephones, the settings of gateways, and what the database knows of the codes that went out."""

import json
import sqlite3
from itertools import count

import requests

from parts.gateways import AnyGateway, Record, Twilio, Vonage, code_in
from parts.kannel import Kannel
from parts.member import Member
from parts.postern import Postern
from parts.processes import wait_for
from parts.sns import SNS

PHONES = "/auth/v1/account/phones"
MOBILE = {
    "GB": "+44740{:07}", "PT": "+35191{:07}", "FR": "+3361{:07}", "ES": "+3461{:07}", "DE": "+491512{:07}", "IT": "+39312{:07}",
    "NL": "+3161{:07}", "AT": "+43664{:06}", "CH": "+4178{:07}", "SE": "+4670{:07}", "PL": "+4851{:07}", "CZ": "+420601{:06}",
}
"""Mobile numbers by country."""
_numbers = count(230_017, 13)


def new_number(country: str = "GB") -> str:
    """A mobile number that no other test has."""
    return MOBILE[country].format(next(_numbers))


# Settings. JSON is YAML.


def by_twilio(gateway: Twilio, **more) -> dict:
    return {"kind": "twilio", "url": gateway.url, "account": gateway.account, "secret": gateway.token, "from": "+15005550006"} | more


def by_vonage(gateway: Vonage, **more) -> dict:
    return {"kind": "vonage", "url": gateway.url, "account": gateway.key, "secret": gateway.secret, "from": "Shop",
            "signature-secret": gateway.signature_secret} | more


def by_kannel(gateway: Kannel, **more) -> dict:
    return {"kind": "kannel", "url": gateway.url, "account": gateway.user, "secret": gateway.password, "from": "12345"} | more


def by_sns(gateway: SNS, **more) -> dict:
    return {"kind": "sns", "url": gateway.url, "region": gateway.region, "account": gateway.access_key, "secret": gateway.secret_key} | more


def by_http(gateway: AnyGateway, **more) -> dict:
    return {
        "kind": "http", "url": gateway.url + "/send", "channels": ["sms"], "content": "json", "secret": "any secret",
        "headers": ["Authorization: Bearer {secret}"], "body": '{"to":"{to}","text":"{text}","tell":"{receipt}"}', "id": "data.id",
        "error": "code", "opted-out": ["21610"], "permanent": ["7"], "status": "status", "delivered": ["ok"], "failed": ["bad"]} | more


def route(channel: str, *arms: str, to: tuple[str, ...] = ()) -> dict:
    return {"channel": channel, "arms": list(arms)} | ({"countries": list(to)} if to else {})


def delivery(providers: dict[str, dict], routes: dict[str, dict], countries: tuple[str, ...] = ("GB", "PT", "FR"), **more) -> str:
    """The part of a settings file."""
    document = {"countries": list(countries), "currency": "EUR", "resend-after": "10s", "providers": providers, "routes": routes}
    return "delivery: " + json.dumps(document | {name.replace("_", "-"): value for name, value in more.items()}) + "\n"


# People.


class Texted(Member):
    """Somebody whose codes come by telephone."""

    number, number_id, token = "", "", ""

    def add_number(self, token: str, number: str, method: str = "", **headers: str) -> requests.Response:
        """Asks for it; it waits for its code then."""
        document = {"number": number} | ({"method": method} if method else {})
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.postern.request("POST", PHONES, json=document, headers={"Authorization": f"Bearer {token}"} | more)

    def confirm_number(self, token: str, number_id: str, code: str) -> requests.Response:
        return self.call(token, "POST", f"{PHONES}/{number_id}/confirm", {"code": code})

    def with_number(self, number: str, gateway) -> "Texted":
        """With a confirmed number; the code is taken from what the gateway brought."""
        token = self.token = self.sign_in()
        before = len(texts(gateway, number))
        begun = self.add_number(token, number)
        assert begun.status_code == 201, begun.text
        self.number, self.number_id = number, begun.json()["id"]
        done = self.confirm_number(token, self.number_id, code_to(gateway, number, before))
        assert done.status_code == 200, done.text
        self.codes = done.json().get("recovery_codes", [])
        return self

    def ask(self, attempt: str, method: str = "sms", **more: str) -> requests.Response:
        """Has a code sent for a sign-in."""
        return self.postern.request(
            "POST", "/auth/v1/sign-in/second-factor/send", json={"attempt": attempt, "method": method} | more)

    def ask_step_up(self, token: str, method: str = "sms") -> requests.Response:
        return self.call(token, "POST", "/auth/v1/session/step-up/send", {"method": method})

    def asked(self, gateway, method: str = "sms", attempt: str = "") -> tuple[str, str]:
        """A sign-in, and the code that came for it."""
        attempt, before = attempt or self.attempt(), len(texts(gateway, self.number))
        answer = self.ask(attempt, method)
        assert answer.status_code == 202, answer.text
        return attempt, code_to(gateway, self.number, before)

    def deliveries(self) -> list[dict]:
        """All that were written down for the number, the earliest first."""
        return deliveries(self.postern, self.number_id)


# What came, and what is known of it.


def texts(gateway, number: str) -> list[str]:
    """What a gateway took for a number, whatever its kind."""
    if isinstance(gateway, (Kannel, SNS)):
        return [message["text"] for message in gateway.messages(number)]
    if isinstance(gateway, AnyGateway):
        return [text_of(record) for record in gateway.messages if number_of(record) == number]
    return [record.text for record in gateway.to(number.removeprefix("+") if isinstance(gateway, Vonage) else number)]


def number_of(record: Record) -> str:
    return record.headers.get("x-kannel-to") or record.document["to"]


def text_of(record: Record) -> str:
    return record.raw.decode() if "x-kannel-to" in record.headers else record.document["text"]


def record_to(gateway, number: str) -> Record:
    """The latest request for a number that a gateway took."""
    digits = number.removeprefix("+")
    return [record for record in gateway.messages if (record.to or number_of(record)).removeprefix("+") == digits][-1]


def code_to(gateway, number: str, before: int = 0) -> str:
    """The code in the next message to a number, after so many."""
    wait_for(f"a message to {number}", lambda: len(texts(gateway, number)) > before, 15)
    return code_in(texts(gateway, number)[before])


def second_step_page(postern: Postern, attempt: str) -> str:
    """The page of a half-made sign-in that asks for the code of a text."""
    headers = {"Cookie": f"postern-attempt={attempt}", "Accept": "text/html"}
    return postern.get("/auth/sign-in/second-factor?method=sms", headers=headers).text


def wrong_code(*right: str) -> str:
    return next(text for text in map("{:06}".format, range(42, 99)) if text not in right)


def deliveries(postern: Postern, number_id: str) -> list[dict]:
    with sqlite3.connect(postern.sqlite) as database:
        database.row_factory = sqlite3.Row
        found = database.execute("SELECT * FROM delivery WHERE phone_id = ? ORDER BY id", [bytes.fromhex(number_id.replace("-", ""))])
        return [dict(row) for row in found]


def forget_sends(postern: Postern) -> None:
    """As if nothing had been sent in the last hour, and no number been added today."""
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        database.execute("DELETE FROM send_gate")
        database.execute("DELETE FROM rate_count")


def seconds_pass(postern: Postern, seconds: int) -> None:
    """As if all codes had been asked for that much earlier."""
    by = seconds * 1_000_000
    gates = ", ".join(f"t{index} = max(0, t{index} - {by})" for index in range(1, 11))
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        database.execute(f"UPDATE send_gate SET {gates}")
        database.execute(f"UPDATE delivery SET created_at = created_at - {by}, expires_at = expires_at - {by}, due_at = due_at - {by}")
        database.execute(f"UPDATE code_wish SET created_at = created_at - {by}, expires_at = expires_at - {by}")
