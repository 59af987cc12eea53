"""Recording servers that speak as SMS gateways do, built from their published request and signature formats."""

import base64
import hashlib
import hmac
import json
import re
import select
import socket
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Answer = tuple[int, dict[str, str], bytes]


def in_json(status: int, document: dict, kind: str = "application/json") -> Answer:
    return status, {"Content-Type": kind}, json.dumps(document).encode()


def code_in(text: str) -> str:
    """The six digits in a message, or those that a call says one by one."""
    if text.lstrip().startswith("<"):
        said = ["".join(verb.itertext()) for verb in ElementTree.fromstring(text).iter("Say")]
        # All in one, or each digit by itself.
        for words in [*said, ", ".join(said)]:
            found = re.search(r"(?<!\w)\d(?:\W{1,8}\d){5}(?!\w)", words)
            if found:
                return re.sub(r"\D", "", found[0])
        raise AssertionError(f"No digits are said in {text}")
    return re.search(r"(?<!\d)\d{6}(?!\d)", text)[0]


@dataclass
class Record:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    at: float = field(default_factory=time.time)
    to: str = ""
    text: str = ""
    id: str = ""
    callback_url: str = ""
    status: int | None = None
    reached: bool = False
    """The gateway took it: the person gets it, even when the answer came too late."""
    answered: bool = False
    """The answer went out while somebody still waited for it."""

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))

    @property
    def document(self) -> dict:
        return json.loads(self.raw)

    @property
    def basic(self) -> tuple[str, str] | None:
        """The user and the password of Basic authentication."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return (user, password) if kind == "Basic" else None


class Gateway:
    """What all of them can do. `requests` has all that came, and `messages` those that were taken.

    `answers` are given first, one to a request, in place of the gateway's own: then nothing is taken.
    """

    def __init__(self):
        self.requests: list[Record] = []
        self.answers: list[Answer] = []
        self.delay = 0.0
        self._mode = ""
        self._change = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.up()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[Record]:
        return [record for record in list(self.requests) if record.reached]

    def to(self, number: str) -> list[Record]:
        return [record for record in self.messages if record.to == number]

    def answer(self, record: Record) -> Answer:
        """The gateway's own answer. It fills in the record."""
        raise NotImplementedError

    def up(self) -> None:
        """Listens again, and does as it should."""
        self.well()
        if self._server:
            return
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                gateway._handle(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], OSError):
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Refuses connections."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()

    def garbage(self) -> None:
        """Answers 200 with nonsense from now on, and takes nothing."""
        self._mode = "garbage"

    def hang(self) -> None:
        """Reads requests from now on, takes nothing, and never answers."""
        self._mode = "hang"

    def well(self) -> None:
        """Ends garbage and hanging; those that hung are cut off."""
        self._mode = ""
        self._change.set()
        self._change = threading.Event()

    def stop(self) -> None:
        self.well()
        self.down()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        mode, change = self._mode, self._change
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        record = Record(handler.command, handler.path, headers, body)
        with self._lock:
            self.requests.append(record)
            special = self.answers.pop(0) if self.answers and not mode else None
        if mode == "hang":
            change.wait()
            handler.close_connection = True
            return
        if mode == "garbage":
            status, headers, body = 200, {"Content-Type": "text/html"}, b"<html>\xff\xfe<b>It works!"
        else:
            status, headers, body = special or self.answer(record)
        record.status = status
        if self.delay:
            change.wait(self.delay)
        if still_there(handler.connection):
            body = body.encode() if isinstance(body, str) else body
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                handler.send_header(name, value)
            record.answered = True
            handler.end_headers()
            handler.wfile.write(body)


def still_there(connection: socket.socket) -> bool:
    """Whether the other side hasn't hung up."""
    readable, _, _ = select.select([connection], [], [], 0)
    return not readable or connection.recv(1, socket.MSG_PEEK) != b""


def is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class AnyGateway(Gateway):
    """Takes any request; `answers_with` is what it says to them."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None, body: bytes | str = b"{}"):
        super().__init__()
        self.answers_with = (status, headers or {"Content-Type": "application/json"}, body)

    def answer(self, record: Record) -> Answer:
        record.reached = self.answers_with[0] < 300
        record.id = str(len(self.requests))
        return self.answers_with


TWILIO_SIGNED = {
    "token": "12345",
    "url": "https://mycompany.com/myapp.php?foo=1&bar=2",
    "parameters": {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309", "To": "+18005551212"},
    "signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
}
"""Twilio's own example: twilio-python, tests/unit/test_request_validator.py, and https://www.twilio.com/docs/usage/security"""


def twilio_signature(token: str, url: str, parameters: dict[str, str]) -> str:
    """X-Twilio-Signature, by https://www.twilio.com/docs/usage/security#validating-requests

    The whole URL with its query, then the names and values of the POST parameters with nothing between them, sorted by name.
    """
    signed = url + "".join(name + parameters[name] for name in sorted(parameters))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


class Twilio(Gateway):
    """Messages and calls of https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource and
    https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource

    `opted_out` and `closed_regions` (prefixes such as +44) can be added to.
    """

    NUMBER = re.compile(r"\+[1-9]\d{6,14}")
    # https://www.twilio.com/docs/api/errors has one page for each: .../docs/api/errors/21211
    ERRORS = {
        20003: (401, "Authenticate"),
        20404: (404, "The requested resource {} was not found"),
        20429: (429, "Too Many Requests"),
        21201: (400, "No 'To' number is specified"),
        21205: (400, "Url parameter is required."),
        21211: (400, "Invalid 'To' Phone Number: {}"),
        21213: (400, "A 'From' phone number is required."),
        21215: (400, "Account not authorized to call {}. Perhaps you need to enable some international permissions"),
        21220: (400, "Invalid value for call parameter: {}"),
        21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}"),
        21602: (400, "Message body is required."),
        21603: (400, "A 'From' phone number is required."),
        21604: (400, "A 'To' phone number is required."),
        21609: (400, "The StatusCallback URL {} is not a valid URL."),
        21610: (400, "Attempt to send to unsubscribed recipient"),
        21617: (400, "The concatenated message body exceeds the 1600 character limit"),
        21627: (400, "ValidityPeriod {} is out of range."),
    }

    def __init__(self):
        super().__init__()
        self.account, self.token = "AC" + "0123456789abcdef" * 2, "f0e1d2c3b4a59687" * 2
        self.opted_out: set[str] = set()
        self.closed_regions: set[str] = set()

    @property
    def calls(self) -> list[Record]:
        return [record for record in self.messages if record.id.startswith("CA")]

    def error(self, code: int, what: str = "") -> Answer:
        """The error of a code: also to put into `answers`."""
        status, message = self.ERRORS[code]
        return in_json(status, {
            "code": code, "message": message.format(what), "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status})

    def answer(self, record: Record) -> Answer:
        if record.basic != (self.account, self.token):
            return self.error(20003)
        kind = record.path.removeprefix(f"/2010-04-01/Accounts/{self.account}/")
        if record.method != "POST" or kind not in ("Messages.json", "Calls.json"):
            return self.error(20404, record.path.partition("?")[0])
        is_form = record.headers.get("content-type", "").partition(";")[0] == "application/x-www-form-urlencoded"
        form = record.form if is_form else {}
        record.to, record.callback_url = form.get("To", ""), form.get("StatusCallback", "")
        is_call = kind == "Calls.json"
        record.text = form.get("Twiml" if is_call else "Body", "")
        refusal = self._refuses_call(record, form) if is_call else self._refuses_message(record, form)
        if refusal:
            return refusal
        record.id, record.reached = ("CA" if is_call else "SM") + uuid.uuid4().hex, True
        at = formatdate(record.at)
        document = {
            "sid": record.id, "account_sid": self.account, "api_version": "2010-04-01", "to": record.to, "from": form.get("From"),
            "direction": "outbound-api", "date_created": at, "date_updated": at, "price": None, "price_unit": "USD", "status": "queued",
            "uri": f"/2010-04-01/Accounts/{self.account}/{kind.removesuffix('.json')}/{record.id}.json",
        }
        if not is_call:
            service = form.get("MessagingServiceSid")
            document |= {
                "body": record.text, "date_sent": None, "error_code": None, "error_message": None, "num_media": "0", "num_segments": "1",
                "messaging_service_sid": service, "status": "accepted" if service else "queued"}
        return in_json(201, document)

    def _refuses_message(self, record: Record, form: dict[str, str]) -> Answer | None:
        if not record.to:
            return self.error(21604)
        if not self.NUMBER.fullmatch(record.to):
            return self.error(21211, record.to)
        if not (form.get("From") or form.get("MessagingServiceSid")):
            return self.error(21603)
        if not record.text:
            return self.error(21602)
        if len(record.text) > 1600:
            return self.error(21617)
        if record.callback_url and not is_url(record.callback_url):
            return self.error(21609, record.callback_url)
        if "ValidityPeriod" in form and not in_range(form["ValidityPeriod"], 1, 36000):
            return self.error(21627, form["ValidityPeriod"])
        if record.to.startswith(tuple(self.closed_regions)):
            return self.error(21408, record.to)
        return self.error(21610) if record.to in self.opted_out else None

    def _refuses_call(self, record: Record, form: dict[str, str]) -> Answer | None:
        if not record.to:
            return self.error(21201)
        if not self.NUMBER.fullmatch(record.to):
            return self.error(21211, record.to)
        if not form.get("From"):
            return self.error(21213)
        if not (form.get("Twiml") or form.get("Url")):
            return self.error(21205)
        if len(record.text) > 4000:
            return self.error(21220, "Twiml")
        if record.callback_url and not is_url(record.callback_url):
            return self.error(21609, record.callback_url)
        if form.get("StatusCallbackMethod", "POST") not in ("GET", "POST"):
            return self.error(21220, "StatusCallbackMethod")
        if "Timeout" in form and not in_range(form["Timeout"], 0, 600):
            return self.error(21220, "Timeout")
        return self.error(21215, record.to) if record.to.startswith(tuple(self.closed_regions)) else None

    def report(self, message: Record, status: str, error_code: int | None = None) -> dict[str, str]:
        """The parameters of a status callback, by https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
        and https://www.twilio.com/docs/voice/api/call-resource#statuscallback
        """
        parameters = {"AccountSid": self.account, "ApiVersion": "2010-04-01", "To": message.to, "From": message.form.get("From", "")}
        if message.id.startswith("CA"):
            parameters |= {
                "CallSid": message.id, "CallStatus": status, "Direction": "outbound-api", "CallbackSource": "call-progress-events",
                "Timestamp": formatdate(), "SequenceNumber": "0"}
            return parameters | ({"CallDuration": "9"} if status == "completed" else {})
        parameters |= {"MessageSid": message.id, "MessageStatus": status, "SmsSid": message.id, "SmsStatus": status}
        if "MessagingServiceSid" in message.form:
            parameters["MessagingServiceSid"] = message.form["MessagingServiceSid"]
        return parameters | ({"ErrorCode": str(error_code)} if error_code else {})

    def callback(self, message: Record, status: str, error_code: int | None = None) -> requests.Response:
        """Tells the StatusCallback of a message or a call what has become of it."""
        assert message.callback_url, "The message came without a StatusCallback."
        assert message.form.get("StatusCallbackMethod", "POST") == "POST"
        parameters = self.report(message, status, error_code)
        signature = twilio_signature(self.token, message.callback_url, parameters)
        return requests.post(message.callback_url, data=parameters, timeout=10, allow_redirects=False,
                             headers={"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"})


def in_range(text: str, low: int, high: int) -> bool:
    return text.isdigit() and low <= int(text) <= high


VONAGE_SIGNED = {
    "secret": "qwertyuiopasdfghjklzxcvbnm123456",
    "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1"
             "ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM",
}
"""Vonage's own example of a token and the signature secret that it is right for: vonage-python-sdk, jwt/tests/test_verify_jwt.py.
It has no payload_hash: no example of a whole webhook with its body is published."""

VONAGE_CLAIMS = {
    "iat": 1587494962, "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5", "iss": "Vonage",
    "payload_hash": "d6c0e74b5857df20e3b7e51b30c0c2a40ec73a77879b6f074ddc7a2317dd031b",
    "api_key": "a1b2c3d", "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
}
"""The claims in the documentation of signed webhooks: Nexmo/station, _documentation/en/messages/concepts/signed-webhooks.md"""


def vonage_token(secret: str, api_key: str, application: str | None, body: bytes, **more) -> str:
    """The token of a signed webhook. `more` replaces claims, and None takes one away."""
    claims = {
        "iat": int(time.time()), "jti": str(uuid.uuid4()), "iss": "Vonage", "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": api_key, "application_id": application} | more
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, "HS256")


class Vonage(Gateway):
    """SMS by the Messages API: https://developer.vonage.com/en/api/messages

    It takes an API key and secret by Basic authentication, and the token of an application, signed with its private key. Its documentation
    (https://developer.vonage.com/concepts/guides/authentication) says that webhooks come with the second only. Here they come with both.
    """

    NUMBER = re.compile(r"[1-9]\d{6,14}")
    # https://developer.vonage.com/api-errors and https://developer.vonage.com/api-errors/messages
    ERRORS = {
        "unauthorized": (401, "#unauthorized", "Unauthorized", "You did not provide correct credentials."),
        "low-balance": (402, "#low-balance", "Low balance", "This request could not be performed due to your account balance being low."),
        "not-found": (404, "#not-found", "Not Found", "The requested resource does not exist, or you do not have access to it."),
        "invalid": (422, "/messages#1020", "Invalid params", "The value of one or more parameters is invalid."),
        "throttled": (
            429, "/messages#1000", "Throttled",
            "You have exceeded the submission capacity allowed on this account. Please wait and retry"),
        "internal": (500, "/messages#1030", "Internal error", "There was an error processing your request in the Platform."),
    }

    def __init__(self):
        super().__init__()
        self.key, self.secret, self.signature_secret = "a1b2c3d4", "Vonage-api-secret-1", "Vonage-signature-secret-32-bytes"
        self.application = str(uuid.uuid4())
        self._private_key = rsa.generate_private_key(65537, 2048)

    @property
    def private_key(self) -> str:
        """The application's, in PEM (PKCS #8), as the dashboard gives it."""
        return self._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def _may(self, record: Record) -> bool:
        """The claims by https://developer.vonage.com/en/getting-started/concepts/authentication#json-web-tokens-jwt"""
        kind, _, token = record.headers.get("authorization", "").partition(" ")
        if kind != "Bearer":
            return record.basic == (self.key, self.secret)
        try:
            claims = jwt.decode(token, self._private_key.public_key(), ["RS256"], options={"require": ["application_id", "iat", "jti"]})
        except jwt.InvalidTokenError:
            return False
        return claims["application_id"] == self.application and time.time() < claims.get("exp", claims["iat"] + 15 * 60)

    def error(self, name: str, **more) -> Answer:
        """A problem in the manner of RFC 7807: also to put into `answers`."""
        status, place, title, detail = self.ERRORS[name]
        return in_json(status, {
            "type": "https://developer.vonage.com/api-errors" + place, "title": title, "detail": detail, "instance": uuid.uuid4().hex,
        } | more, "application/problem+json")

    def answer(self, record: Record) -> Answer:
        if (record.method, record.path) != ("POST", "/v1/messages"):
            return self.error("not-found")
        if not self._may(record):
            return self.error("unauthorized")
        wrong = self._wrong(record)
        if wrong:
            return self.error("invalid", invalid_parameters=[{"name": name, "reason": "invalid value"} for name in wrong])
        document = record.document
        record.to, record.text, record.callback_url = document["to"], document["text"], document.get("webhook_url", "")
        record.id, record.reached = str(uuid.uuid4()), True
        return in_json(202, {"message_uuid": record.id})

    def _wrong(self, record: Record) -> list[str]:
        """The names of the parameters that are missing or that the API doesn't take."""
        try:
            document = record.document
        except ValueError:
            return ["body"]
        if record.headers.get("content-type", "").partition(";")[0] != "application/json" or not isinstance(document, dict):
            return ["body"]
        right = {
            "message_type": lambda value: value == "text",
            "channel": lambda value: value == "sms",
            "to": lambda value: bool(self.NUMBER.fullmatch(value)),
            "from": lambda value: bool(re.fullmatch(r"[1-9]\d{6,14}|[\w .&-]{1,11}", value)),
            "text": lambda value: 0 < len(value) <= 1000,
            "client_ref": lambda value: len(value) <= 100,
            "webhook_url": is_url,
        }
        optional = ("client_ref", "webhook_url")
        return [name for name, check in right.items()
                if not (name in optional and name not in document)
                and not (isinstance(document.get(name), str) and check(document[name]))]

    def report(self, message: Record, status: str, error: int | None = None) -> dict:
        """A status webhook, by https://developer.vonage.com/en/messages/concepts/messages-status-callbacks

        The status is submitted, delivered, rejected or undeliverable; the error is a number from .../api-errors/messages.
        """
        document = {
            "message_uuid": message.id, "to": message.to, "from": message.document["from"], "channel": "sms", "status": status,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "usage": {"currency": "EUR", "price": "0.0333"},
            "sms": {"count_total": "1"}, "destination": {"network_code": "12345"},
        }
        if "client_ref" in message.document:
            document["client_ref"] = message.document["client_ref"]
        if error:
            document["error"] = {
                "type": f"https://developer.vonage.com/api-errors/messages#{error}", "title": error, "detail": "Not delivered.",
                "instance": uuid.uuid4().hex}
        return document

    def callback(self, message: Record, status: str, error: int | None = None) -> requests.Response:
        """Tells the webhook_url of a message what has become of it."""
        assert message.callback_url, "The message came without a webhook_url."
        body = json.dumps(self.report(message, status, error)).encode()
        token = vonage_token(self.signature_secret, self.key, None if message.basic else self.application, body)
        return requests.post(message.callback_url, data=body, timeout=10, allow_redirects=False,
                             headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
