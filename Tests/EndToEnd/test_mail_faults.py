"""Mail servers that are down, refuse, hang, drip or show a wrong certificate; and what a mail looks like on the wire."""

import email
import time
from email.header import decode_header, make_header

import pytest

from parts.awkward_mail import LEAVING, AwkwardSink, DrippingServer, RudeServer
from parts.choosing import ask
from parts.job_rows import insert, mail_job, notice, row, select, waits_are_over
from parts.mail_sink import Certificates
from parts.member import Member
from parts.postern import link_in
from parts.processes import free_port, wait_for

# Nobody waits for a mail server: its time-out is 20 seconds, and a hash takes some tenths of one on a busy machine.
AT_ONCE = 2
ADA = "ada@example.org"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def sink(port, certificates):
    """A good server, not started yet."""
    sink = AwkwardSink(port, certificates)
    yield sink
    sink.stop()


@pytest.fixture
def rude(port):
    """Starts a server that isn't one; it is stopped at the end."""
    started = []

    def start(kind) -> RudeServer:
        started.append(kind(port).start())
        return started[-1]
    yield start
    for server in started:
        server.stop()


def arrive(postern, sink, emails: list[str], seconds: float = 60) -> None:
    """Waits until each got its mail, once, and the rows say so."""
    def have() -> bool:
        waits_are_over(postern)
        return all(sink.ids(email) for email in emails)
    wait_for("all mails", have, seconds, step=0.1)
    wait_for("the rows to say so", lambda: {notice(postern, email)[0] for email in emails} == {"sent"}, 10)
    assert {email: len(sink.ids(email)) for email in emails} == dict.fromkeys(emails, 1)
    assert {mail_job(postern, email)[1] for email in emails} == {"done"}


def timed(call) -> int:
    begin = time.monotonic()
    status = call().status_code
    took = time.monotonic() - begin
    assert took < AT_ONCE, f"it waited {took:.1f} s"
    return status


@pytest.mark.parametrize("trouble", ["down", "refusing", "hanging", "dripping", "wrong certificate"])
def test_nobody_waits_for_a_mail_server_in_trouble_and_all_mail_arrives_once_it_is_well(mailing, sink, port, rude, tmp_path, trouble):
    """JN-01, JN-04."""
    bad = None
    if trouble == "refusing":
        sink.refusal = "550 No such user here"
        sink.start()
    elif trouble == "hanging":
        bad = rude(RudeServer)
    elif trouble == "dripping":
        bad = rude(DrippingServer)
    elif trouble == "wrong certificate":
        bad = AwkwardSink(port, Certificates.make(tmp_path / "others")).start()
    postern = mailing()
    members = [f"member{number}@example.org" for number in range(4)]
    for email in members:
        postern.make_account(email)
    visitors = [f"new{number}@example.org" for number in range(6)]
    assert {timed(lambda email=email: postern.sign_up(email)) for email in visitors} == {202}
    assert {timed(lambda email=email: postern.try_sign_in(email)) for email in members} == {200}
    assert {timed(lambda email=email: ask(postern, email)) for email in members} == {202}
    assert timed(lambda: postern.get("/auth/health")) == 200
    if trouble in ("hanging", "dripping"):
        wait_for("somebody to be hung up on", lambda: bad.connections, 10)
    else:
        wait_for("a first try to fail", lambda: mail_job(postern, visitors[0])[3], 20)
        assert notice(postern, visitors[0])[0] == "waiting" and notice(postern, visitors[0])[1] >= 1
    assert sink.letters == [] and (trouble != "wrong certificate" or bad.letters == [])

    if bad:
        bad.stop()
    if trouble == "refusing":
        sink.refusal = None
    else:
        sink.start()
    arrive(postern, sink, visitors + members)
    for email in visitors:
        [letter] = [letter for letter in sink.letters if letter.recipients == [email]]
        token = link_in(letter.part("plain").replace("\r\n", "\n")).rsplit("/", 1)[1]
        assert postern.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": "four unrelated plain words"}).ok


def test_a_refusal_is_written_down_in_words_without_the_mails_secret(mailing, sink):
    sink.refusal = "550 No such user here"
    sink.start()
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    _, state, tries, error = wait_for("a first try", lambda: (job := mail_job(postern, ADA)) and job[3] and job, 10)
    assert (state, tries) == ("ready", 1)
    assert error and error == notice(postern, ADA)[2]
    sink.refusal = None
    arrive(postern, sink, [ADA])
    token = link_in(sink.letters[0].part("plain").replace("\r\n", "\n")).rsplit("/", 1)[1]
    assert token not in postern.log() + error and ADA not in error


@pytest.mark.parametrize("kind", [RudeServer, DrippingServer], ids=["hanging", "dripping"])
def test_a_delivery_that_gets_nowhere_is_given_up_and_waits_and_holds_up_no_other_kind(mailing, sink, rude, kind):
    """JN-05: an answer that drips, a few bytes at a time, counts as no answer."""
    bad = rude(kind)
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    wait_for("the connection", lambda: bad.connections, 10)
    # Nothing that can be done, but another kind's line gets to it.
    other = insert(postern, "find-expiring-passwords")
    wait_for("the other kind", lambda: row(postern, other)[2], 10)
    assert mail_job(postern, ADA)[3] == "", "the delivery is over already"
    # It allows twenty seconds.
    wait_for("the delivery to be given up", lambda: mail_job(postern, ADA)[3], 60)
    assert mail_job(postern, ADA)[1] == "ready" and notice(postern, ADA)[0] == "waiting"
    bad.stop()
    sink.start()
    arrive(postern, sink, [ADA])


def test_a_mail_server_that_never_says_goodbye_keeps_no_mail_waiting(mailing, sink):
    """The mail is taken by then: whoever hangs afterwards can't hold up the next for minutes."""
    sink.hold(LEAVING)
    sink.start()
    postern = mailing()
    visitors = [f"new{number}@example.org" for number in range(2)]
    for email in visitors:
        assert postern.sign_up(email).status_code == 202
    assert sink.held.wait(10)
    try:
        wait_for("the second mail", lambda: all(sink.ids(email) for email in visitors), 60)
    finally:
        sink.release()
    wait_for("the rows to say so", lambda: {notice(postern, email)[0] for email in visitors} == {"sent"}, 60)
    assert [len(sink.ids(email)) for email in visitors] == [1, 1]


def test_a_stop_while_the_mail_server_hangs_is_quick_and_loses_no_mail(mailing, sink, rude):
    bad = rude(RudeServer)
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    wait_for("the connection", lambda: bad.connections, 10)
    begin = time.monotonic()
    assert postern.process.stop(60) == 0
    assert time.monotonic() - begin < 30, "the stop waits for the mail server"
    bad.stop()
    sink.start()
    assert mail_job(postern, ADA)[1] == "ready"
    postern.start()
    # A lease that was left behind ends by itself.
    arrive(postern, sink, [ADA], 60)


# What a mail looks like.

HEADERS = {"from", "to", "subject", "date", "message-id", "mime-version", "auto-submitted", "content-type"}


def check_mail(content: bytes, message) -> None:
    """Eight headers and two parts, all on lines that every mail server takes (RFC 5322 §2.1.1)."""
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"") and b"\r" not in content.replace(b"\r\n", b""), "a bare line break"
    assert all(byte < 128 for byte in content)
    # The test's server adds where it came from.
    names = [name.lower() for name in message.keys() if not name.lower().startswith("x-")]
    assert sorted(names) == sorted(HEADERS), names
    assert message.defects == [] and [part.defects for part in message.walk()] == [[]] * 3
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert link_in(text.replace("\r\n", "\n")) in html and html.lstrip().lower().startswith("<!doctype html>")


NAMES = {
    "quotes": "\"Corner\" Shop' <a@example.org>, \\",
    "other scripts": "Läden & Söhne · 日本語 · עברית",
    "encoded words": "=?utf-8?Q?Bcc:_eve=40example.org?=",
    "a line separator": "Corner\u2028Bcc: eve@example.org\u0085Bcc: eve@example.org",
    "sixty letters": "ÿ" * 60,
    "one letter with many marks": "Z" + "\u0303" * 115,
    "a family": "👩\u200d👩\u200d👧\u200d👦" * 60,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_sites_name_adds_no_header_and_no_long_line(make_postern, sink, certificates, name):
    sink.start()
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\u2028", "\\u2028").replace("\u0085", "\\u0085")
    postern = make_postern(settings=(
        f"site:\n  name: \"{quoted}\"\nmail:\n  smtp: smtp://127.0.0.1:{sink.port}\n  ca-file: {certificates.authority}\n"
        "  from: accounts@example.org\n"))
    try:
        postern.start()
    except AssertionError as problem:
        assert "site.name" in str(problem), problem
        return
    assert postern.sign_up(ADA).status_code == 202
    wait_for("a first try", lambda: sink.letters or mail_job(postern, ADA)[3], 10)
    assert sink.letters, f"{mail_job(postern, ADA)[3]}: no mail ever leaves"
    [letter] = sink.letters
    check_mail(sink.contents[0], letter.message)
    [sender] = letter.message["From"].addresses
    assert sender.addr_spec == "accounts@example.org"
    if "\u2028" not in name:
        # The address parser of Python 3.11 leaves the breaks of a long name in (RFC 2047 §6.2 drops them); this one doesn't.
        shown = make_header(decode_header(email.message_from_bytes(sink.contents[0])["From"]))
        assert str(shown) == f"{name} <accounts@example.org>"
        assert str(letter.message["Subject"]).endswith(name)


@pytest.mark.parametrize("key, value", [
    ("site.name", "Corner Shop\\r\\nBcc: eve@example.org"), ("site.name", "Corner Shop\\nBcc: eve@example.org"),
    ("mail.from", "accounts@example.org>\\r\\nBcc: <eve@example.org"), ("mail.from", "a@example.org\\nBcc: eve@example.org"),
    ("mail.from", "a@example.org>, <eve@example.org"),
], ids=["name, CRLF", "name, LF", "sender, CRLF", "sender, LF", "two senders"])
def test_settings_with_line_breaks_are_refused_or_add_no_header(make_postern, sink, certificates, key, value):
    sink.start()
    room, name = key.split(".")
    mail = f"  smtp: smtp://127.0.0.1:{sink.port}\n  ca-file: {certificates.authority}\n"
    line = f"  {name}: \"{value}\"\n"
    postern = make_postern(settings=f"mail:\n{mail}{line if room == 'mail' else ''}" + ("" if room == "mail" else f"{room}:\n{line}"))
    try:
        postern.start()
    except AssertionError as problem:
        assert key in str(problem), problem
        return
    assert postern.sign_up(ADA).status_code == 202
    wait_for("a first try", lambda: sink.letters or mail_job(postern, ADA)[3], 10)
    assert sink.letters, f"{mail_job(postern, ADA)[3]}: no mail ever leaves"
    [letter] = sink.letters
    check_mail(sink.contents[0], letter.message)


def test_addresses_with_line_breaks_quotes_or_other_letters_get_no_mail_and_odd_ones_get_theirs(mailing, sink):
    sink.start()
    postern = mailing(more="hashing: {queue: 200}\n")
    bad = ["ada@example.org\r\nBcc: eve@example.org", "ada@example.org\nBcc:eve@example.org", "ada\r\n@example.org", "\"ada b\"@example.org",
           "ada@example.org>", "<ada@example.org>", "ada@example.org,eve@example.org", "ada@example.org eve@example.org", "ädä@example.org",
           "ada@exämple.org", "ada@example.org\u2028Bcc: eve@example.org", "ada\0@example.org", "ada@[127.0.0.1]", "a" * 65 + "@example.org"]
    for email in bad:
        status = postern.sign_up(email).status_code
        assert 400 <= status < 500, f"{email!r}: {status}"
    odd = ["o'hara+postern@example.org", "!#$%&'*+-/=?^_`{|}~@example.org", "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".org",
           "Ada@xn--exmple-cua.org", "-ada@example.org"]
    for email in odd:
        assert postern.sign_up(email).status_code == 202, email
    wait_for("a mail for each", lambda: len(sink.letters) == len(odd), 30)
    assert sorted(letter.recipients for letter in sink.letters) == sorted([email] for email in odd)
    for content, letter in zip(sink.contents, sink.letters):
        check_mail(content, letter.message)
        [to] = letter.message["To"].addresses
        assert [to.addr_spec] == letter.recipients
    # What mail could be about afterwards: only theirs.
    assert {target for target, in select(postern, "SELECT target FROM notice")} == set(odd)


def test_the_name_that_somebody_gives_an_app_adds_no_header(mailing, sink):
    sink.start()
    postern = mailing()
    ada = Member(postern, ADA)
    session = ada.sign_in()
    names = ["Phone\r\nBcc: eve@example.org", "Phone\nBcc: eve@example.org", "\"Phone\" <eve@example.org>", "Téléphone 電話",
             "Phone\u2028Bcc: eve@example.org", "P" * 60]
    added = 0
    for name in names:
        begun = ada.call(session, "POST", "/auth/v1/account/authenticators", {"name": name})
        if begun.status_code != 201:
            assert 400 <= begun.status_code < 500, f"{name!r}: {begun.status_code}"
            continue
        ada.call(session, "DELETE", f"/auth/v1/account/authenticators/{begun.json()['id']}")
        ada.add_app(session, name)
        added += 1
    assert added >= 2
    wait_for("a mail for each", lambda: len(sink.letters) >= added, 30)
    for content, letter in zip(sink.contents, sink.letters):
        check_mail(content, letter.message)
        assert letter.recipients == [ADA]
