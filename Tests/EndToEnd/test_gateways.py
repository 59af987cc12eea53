"""The SMS gateways that other tests stand on, each by itself and without Postern."""

import hashlib
import subprocess
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import botocore.session
import jwt
import pytest
import requests
from botocore.exceptions import ClientError

from parts.gateways import TWILIO_SIGNED, VONAGE_CLAIMS, VONAGE_SIGNED, AnyGateway, Twilio, Vonage, code_in, twilio_signature, vonage_token
from parts.kannel import DELIVERED, REFUSED, SILENT, UNDELIVERABLE, Kannel
from parts.processes import plain_environment, real, wait_for
from parts.receiver import Receiver
from parts.sns import SNS

NUMBER = "+447700900123"
TEXT = "123456 is your code for Corner Shop · don’t tell anyone\nCafé €"
TWIML = "<Response><Say>Your code is: 1, 2, 3, 4, 5, 6.</Say><Pause/><Say>Again: 1, 2, 3, 4, 5, 6.</Say></Response>"


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def kannel(tmp_path_factory):
    kannel = Kannel(tmp_path_factory.mktemp("kannel"))
    yield kannel
    kannel.stop()


@pytest.fixture(scope="module")
def sns(tmp_path_factory):
    sns = SNS(tmp_path_factory.mktemp("sns"))
    yield sns
    sns.stop()


@pytest.fixture
def make_gateway():
    made = []

    def make(kind):
        made.append(kind())
        return made[-1]
    yield make
    for gateway in made:
        gateway.stop()


@pytest.fixture
def twilio(make_gateway) -> Twilio:
    return make_gateway(Twilio)


@pytest.fixture
def vonage(make_gateway) -> Vonage:
    return make_gateway(Vonage)


def over_kannel(kannel: Kannel, to: str = NUMBER, text: str = TEXT, report_to: str = "", **headers: str) -> requests.Response:
    headers = {
        "X-Kannel-Username": kannel.user, "X-Kannel-Password": kannel.password, "X-Kannel-From": "Shop", "X-Kannel-To": to,
        "X-Kannel-Coding": "2", "Content-Type": "text/plain; charset=UTF-8",
    } | ({"X-Kannel-DLR-Mask": "19", "X-Kannel-DLR-Url": report_to} if report_to else {}) | headers
    return requests.post(kannel.url, data=text.encode(), headers=headers, timeout=10)


def test_kannel_delivers_a_text(kannel):
    answer = over_kannel(kannel)
    assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    wait_for("the SMS", lambda: kannel.messages(NUMBER))
    assert kannel.messages() == [{"to": NUMBER, "from": "Shop", "text": TEXT}]


def test_kannel_delivers_a_long_text_in_one(kannel):
    to, text = "+447700900124", "long · " * 60
    over_kannel(kannel, to, text)
    wait_for("the SMS", lambda: kannel.messages(to))
    assert kannel.messages(to)[0]["text"] == text


@pytest.mark.parametrize("becomes, said", [(DELIVERED, "1"), (UNDELIVERABLE, "2"), (REFUSED, "16")])
def test_kannel_reports(kannel, receiver, becomes, said):
    kannel.becomes = becomes
    over_kannel(kannel, report_to=f"{receiver.url}/sms/abc?status=%d&said=%A")
    wait_for("the report", lambda: receiver.posts)
    kannel.becomes = DELIVERED
    post, = receiver.posts
    address = urlsplit(post.path)
    assert (post.method, address.path, parse_qs(address.query)["status"]) == ("GET", "/sms/abc", [said])


def test_kannel_reports_late_or_never(kannel, receiver):
    to = "+447700900128"
    kannel.becomes = SILENT
    over_kannel(kannel, to, report_to=f"{receiver.url}/never?%d")
    wait_for("the first SMS", lambda: kannel.messages(to))
    kannel.becomes, kannel.report_after, began = DELIVERED, 0.7, time.monotonic()
    over_kannel(kannel, to, report_to=f"{receiver.url}/late?%d")
    wait_for("the report", lambda: receiver.posts)
    kannel.report_after = 0
    assert time.monotonic() - began > 0.6 and [post.path for post in receiver.posts] == ["/late?1"]


def test_kannel_refuses(kannel):
    for headers, expected in [
        ({"X-Kannel-Password": "wrong"}, (403, "Authorization failed for sendsms")),
        ({"X-Kannel-To": "nobody"}, (400, "Number(s) has/have been denied by white- and/or black-lists.")),
        ({"X-Kannel-To": ""}, (400, "Empty receiver number not allowed, rejected")),
        ({"X-Kannel-From": ""}, (400, "Sender missing and no global set, rejected")),
        ({"Content-Type": "application/json"}, (400, "Invalid content-type")),
    ]:
        answer = over_kannel(kannel, **headers)
        assert (answer.status_code, answer.text) == expected


def test_kannel_keeps_messages_while_the_smsc_is_down(kannel):
    to = "+447700900125"
    kannel.smsc_down()
    answer = over_kannel(kannel, to)
    assert (answer.status_code, answer.text, kannel.messages(to)) == (202, "3: Queued for later delivery", [])
    kannel.smsc_up()
    wait_for("the SMS", lambda: kannel.messages(to))


def over_twilio(twilio: Twilio, kind: str = "Messages", token: str | None = None, timeout: float = 10, **more: str) -> requests.Response:
    form = {"To": NUMBER, "From": "+15005550006"} | ({"Body": TEXT} if kind == "Messages" else {"Twiml": TWIML}) | more
    return requests.post(
        f"{twilio.url}/2010-04-01/Accounts/{twilio.account}/{kind}.json", data=form, auth=(twilio.account, token or twilio.token),
        timeout=timeout)


def over_vonage(vonage: Vonage, secret: str | None = None, token: str = "", timeout: float = 10, **more) -> requests.Response:
    document = {"message_type": "text", "channel": "sms", "to": "447700900123", "from": "Corner Shop", "text": TEXT} | more
    basic, bearer = (vonage.key, secret or vonage.secret), {"Authorization": f"Bearer {token}"}
    return requests.post(
        f"{vonage.url}/v1/messages", json=document, auth=None if token else basic, headers=bearer if token else {}, timeout=timeout)


def test_twilio_s_own_example():
    assert twilio_signature(TWILIO_SIGNED["token"], TWILIO_SIGNED["url"], TWILIO_SIGNED["parameters"]) == TWILIO_SIGNED["signature"]


@pytest.mark.parametrize("kind, status", [("Messages", "delivered"), ("Calls", "completed")])
def test_twilio_takes_and_reports(twilio, receiver, kind, status):
    place = f"{receiver.url}/twilio?a=1&b=%C3%A9"
    answer = over_twilio(twilio, kind, StatusCallback=place)
    message, = twilio.messages
    assert (answer.status_code, answer.json()["sid"], answer.json()["status"]) == (201, message.id, "queued")
    assert message.id.startswith("SM" if kind == "Messages" else "CA") and code_in(message.text) == "123456" and message.answered
    assert (message.to, message.callback_url) == (NUMBER, place)
    assert twilio.callback(message, status).status_code == 204
    post, = receiver.posts
    parameters = dict(parse_qsl(post.body.decode()))
    assert parameters["MessageStatus" if kind == "Messages" else "CallStatus"] == status
    assert post.headers["x-twilio-signature"] == twilio_signature(twilio.token, place, parameters)


def test_twilio_refuses(twilio):
    twilio.opted_out.add("+447700900555")
    twilio.closed_regions.add("+881")
    for more, status, code in [
        ({"token": "wrong"}, 401, 20003), ({"To": "07700900123"}, 400, 21211), ({"To": "+447700900555"}, 400, 21610),
        ({"To": "+88112345678"}, 400, 21408), ({"Body": ""}, 400, 21602), ({"From": ""}, 400, 21603),
        ({"StatusCallback": "/relative"}, 400, 21609), ({"kind": "Calls", "Twiml": ""}, 400, 21205),
        ({"kind": "Calls", "To": "+88112345678"}, 400, 21215), ({"kind": "Faxes"}, 404, 20404),
    ]:
        answer = over_twilio(twilio, **more)
        assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)
    assert twilio.messages == []


def test_vonage_s_own_example():
    theirs = jwt.decode(VONAGE_SIGNED["token"], VONAGE_SIGNED["secret"], ["HS256"], options={"verify_aud": False})
    assert theirs["iss"] == "Online JWT Builder"
    ours = jwt.decode(vonage_token("s" * 32, "a1b2c3d", VONAGE_CLAIMS["application_id"], b"{}"), "s" * 32, ["HS256"])
    assert ours.keys() == VONAGE_CLAIMS.keys() and ours["iss"] == VONAGE_CLAIMS["iss"]


def test_vonage_takes_and_reports(vonage, receiver):
    answer = over_vonage(vonage, webhook_url=f"{receiver.url}/vonage", client_ref="abc")
    message, = vonage.messages
    assert (answer.status_code, answer.json()) == (202, {"message_uuid": message.id})
    assert (message.to, code_in(message.text)) == ("447700900123", "123456")
    vonage.callback(message, "rejected", 1050)
    post, = receiver.posts
    assert (post.document["status"], post.document["message_uuid"], post.document["client_ref"]) == ("rejected", message.id, "abc")
    claims = jwt.decode(post.headers["authorization"].removeprefix("Bearer "), vonage.signature_secret, ["HS256"])
    assert (claims["iss"], claims["api_key"], claims["payload_hash"]) == ("Vonage", vonage.key, hashlib.sha256(post.body).hexdigest())


def test_vonage_takes_the_token_of_an_application(vonage, receiver):
    claims = {"application_id": vonage.application, "iat": int(time.time()), "jti": "one"}
    token = jwt.encode(claims, vonage.private_key, "RS256")
    assert over_vonage(vonage, token=token, webhook_url=receiver.url).status_code == 202
    vonage.callback(vonage.messages[0], "delivered")
    signed = jwt.decode(receiver.posts[0].headers["authorization"].removeprefix("Bearer "), vonage.signature_secret, ["HS256"])
    assert signed["application_id"] == vonage.application
    for wrong in (claims | {"application_id": "another"}, claims | {"iat": int(time.time()) - 1000}, {"iat": claims["iat"]}):
        assert over_vonage(vonage, token=jwt.encode(wrong, vonage.private_key, "RS256")).status_code == 401


def test_vonage_refuses(vonage):
    for more, status in [
        ({"secret": "wrong"}, 401), ({"to": NUMBER}, 422), ({"text": ""}, 422), ({"channel": "fax"}, 422), ({"from": None}, 422),
        ({"webhook_url": "nowhere"}, 422),
    ]:
        answer = over_vonage(vonage, **more)
        assert answer.status_code == status and {"type", "title", "detail", "instance"} <= answer.json().keys()
    assert vonage.messages == []


def over_any(gateway: AnyGateway, timeout: float = 10) -> requests.Response:
    return requests.put(f"{gateway.url}/any?a=b", data=b"text", headers={"X-Key": "k"}, timeout=timeout)


def test_any_gateway_records(make_gateway):
    gateway = make_gateway(AnyGateway)
    assert over_any(gateway).json() == {}
    record, = gateway.messages
    assert (record.method, record.path, record.headers["x-key"], record.raw) == ("PUT", "/any?a=b", "k", b"text")


@pytest.mark.parametrize("kind, send", [(Twilio, over_twilio), (Vonage, over_vonage), (AnyGateway, over_any)])
def test_how_gateways_fail(make_gateway, kind, send):
    gateway = make_gateway(kind)
    gateway.down()
    with pytest.raises(requests.ConnectionError):
        send(gateway)
    gateway.up()
    assert send(gateway).ok and len(gateway.messages) == 1

    gateway.answers = [(503, {"Retry-After": "7"}, b"")]
    answer = send(gateway)
    assert (answer.status_code, answer.headers["Retry-After"], len(gateway.messages)) == (503, "7", 1)
    assert send(gateway).ok and len(gateway.messages) == 2

    gateway.garbage()
    assert send(gateway).status_code == 200 and len(gateway.messages) == 2
    gateway.hang()
    with pytest.raises(requests.ReadTimeout):
        send(gateway, timeout=0.3)
    gateway.well()

    gateway.delay = 0.5
    with pytest.raises(requests.ReadTimeout):
        send(gateway, timeout=0.2)
    late = gateway.messages[-1]
    assert len(gateway.messages) == 3 and late.reached and not late.answered
    assert send(gateway).ok and gateway.messages[-1].answered and len(gateway.requests) == 7


def test_code_in():
    assert code_in("042137 is your code. It is good for 10 minutes.") == "042137"
    assert code_in("<Response><Say>The code is 0. 4. 2. 1. 3. 7.</Say></Response>") == "042137"


def publish(sns: SNS, number: str = NUMBER, secret: str | None = None) -> str:
    client = botocore.session.get_session().create_client(
        "sns", sns.region, endpoint_url=sns.url, aws_access_key_id=sns.access_key, aws_secret_access_key=secret or sns.secret_key)
    kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    return client.publish(PhoneNumber=number, Message=TEXT, MessageAttributes=kind)["MessageId"]


def test_sns_takes_what_botocore_signs(sns):
    message_id = publish(sns)
    assert sns.messages(NUMBER) == [{"id": message_id, "to": NUMBER, "text": TEXT, "attributes": {"AWS.SNS.SMS.SMSType": "Transactional"}}]


def test_sns_takes_what_curl_signs(sns, tmp_path):
    to = "+447700900126"
    answer = subprocess.run(
        [real("curl"), "-sS", "--aws-sigv4", f"aws:amz:{sns.region}:sns", "-u", f"{sns.access_key}:{sns.secret_key}",
         "-d", "Action=Publish", "--data-urlencode", f"PhoneNumber={to}", "--data-urlencode", f"Message={TEXT}", f"{sns.url}/"],
        capture_output=True, text=True, env=plain_environment(tmp_path), check=True).stdout
    message, = sns.messages(to)
    assert message["text"] == TEXT and f"<MessageId>{message['id']}</MessageId>" in answer


def test_sns_refuses(sns):
    for number, secret, expected in [(NUMBER, "wrong", (403, "SignatureDoesNotMatch")), ("nobody", None, (400, "InvalidParameter"))]:
        with pytest.raises(ClientError) as refused:
            publish(sns, number, secret)
        assert (refused.value.response["ResponseMetadata"]["HTTPStatusCode"], refused.value.response["Error"]["Code"]) == expected


def test_sns_says_nothing_of_an_opted_out_number(sns):
    to = "+447700900127"
    sns.opt_out(to)
    assert publish(sns, to) and sns.messages(to) == []
