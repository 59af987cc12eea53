"""Mail to a real SMTP server over STARTTLS."""

import sqlite3
import time
from urllib.parse import urlsplit

from parts.mail_sink import Certificates
from parts.postern import PASSWORD, link_in
from parts.processes import wait_for


def job(postern) -> tuple[str, int, str]:
    with sqlite3.connect(postern.sqlite) as database:
        return database.execute("SELECT state, tries, last_error FROM job WHERE kind = 'send-mail'").fetchone()


def test_a_confirmation_arrives_over_starttls_with_a_link_to_the_public_address(mailing, sink):
    sink.start()
    postern = mailing()
    assert postern.sign_up("ada@example.org").status_code == 202
    [letter] = wait_for("the mail", lambda: sink.letters, 10)
    assert letter.over_tls
    assert (letter.sender, letter.recipients) == ("accounts@example.org", ["ada@example.org"])
    assert letter.message["To"].addresses[0].addr_spec == "ada@example.org"
    assert letter.message["From"].addresses[0].display_name == "Corner Shop"
    assert "Confirm your address" in letter.message["Subject"]

    link = link_in(letter.part("plain").replace("\r\n", "\n"))
    assert urlsplit(link).netloc == postern.authority
    assert link in letter.part("html")
    token = link.rsplit("/", 1)[1]
    confirmed = postern.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": PASSWORD})
    assert confirmed.status_code in (200, 204)
    assert postern.try_sign_in("ada@example.org").status_code == 200
    assert job(postern)[0] == "done"


def test_a_name_with_line_breaks_or_odd_letters_stays_one_header(make_postern, sink, certificates):
    sink.start()
    postern = make_postern(settings=(
        f"site:\n  name: 'Läden & Söhne <b>, \"quoted\"'\nmail:\n  smtp: smtp://127.0.0.1:{sink.controller.port}\n"
        f"  ca-file: {certificates.authority}\n  from: accounts@example.org\n")).start()
    postern.sign_up("ada@example.org")
    [letter] = wait_for("the mail", lambda: sink.letters, 10)
    assert letter.message["From"].addresses[0].display_name == 'Läden & Söhne <b>, "quoted"'
    assert "<b>" not in letter.part("html")


def test_nothing_is_delivered_to_a_server_that_the_ca_file_does_not_vouch_for(mailing, sink, tmp_path):
    sink.start()
    other = Certificates.make(tmp_path / "others")
    postern = mailing(other.authority)
    assert postern.sign_up("ada@example.org").status_code == 202
    state, tries, error = wait_for("a first try", lambda: job(postern) if job(postern)[2] else None, 10)
    assert (state, tries) == ("ready", 1)
    assert "certificate" in error.lower() or "ssl" in error.lower()
    assert sink.connections >= 1 and sink.letters == []
    assert "auth/confirm-email" not in postern.log(), "the link stands in the log"


def test_a_mail_server_that_is_down_slows_nobody_and_gets_the_mail_once_it_is_up(mailing, sink):
    postern = mailing()
    begin = time.monotonic()
    assert postern.sign_up("ada@example.org").status_code == 202
    assert time.monotonic() - begin < 2
    wait_for("a first try", lambda: job(postern)[2], 10)
    assert job(postern)[0] == "ready"
    sink.start()
    [letter] = wait_for("the mail", lambda: sink.letters, 15)
    assert letter.recipients == ["ada@example.org"]
    wait_for("the job to be done", lambda: job(postern)[0] == "done", 5)


def test_a_mail_under_way_when_the_server_is_stopped_is_not_sent_twice(mailing, sink):
    sink.delay = 1
    sink.start()
    postern = mailing()
    assert postern.sign_up("ada@example.org").status_code == 202
    wait_for("the mail to be under way", lambda: sink.letters, 10)
    assert postern.stop() == 0
    assert job(postern)[0] == "done", "after the next start it would be sent again"
    assert len(sink.letters) == 1
