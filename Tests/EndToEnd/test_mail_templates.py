"""A site's own words and look of mails: they arrive so, nothing can be slipped in, and what can't be read stops the start with its name."""

import html
import os
import re
import subprocess
from pathlib import Path

import pytest

from parts.awkward_mail import AwkwardSink
from parts.choosing import CHANGE_MAIL, NEXT, ask, change
from parts.member import Member
from parts.postern import Postern
from parts.processes import free_port, wait_for

ADA = "ada@example.org"
WORDS = """
password-changed:
  subject: Läden & <Söhne>, a new password
  opening: Hello! The password of your shop account was changed on {{time}}.
account-exists:
  closing: Good-bye.
authenticator-added:
  opening: Your app is “{{name}}”. {{nothing}}{{link}}{{site}}
"""
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{subject}}</title></head>
<body class="corner"><h1>{{site}}: {{subject}}</h1><p id="o">{{opening}}</p><a href="{{link}}">{{button}}</a><p id="c">{{closing}}</p><small>{{foot}}</small></body></html>
"""
TEXT = """*** {{site}} ***
{{subject}}

{{opening}}

{{button}}:
{{link}}

{{closing}}
({{foot}})
"""


@pytest.fixture
def sink(certificates):
    sink = AwkwardSink(free_port(), certificates).start()
    yield sink
    sink.stop()


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "mail templates"
    made.mkdir()
    return made


@pytest.fixture
def shop(make_postern, sink, certificates, folder):
    """Writes the files down and starts a node that sends mail to the sink."""
    def start(name: str = "Corner Shop", **files: str | bytes) -> Postern:
        write(folder, **files)
        return make_postern(settings=(
            f"site: {{name: '{name}'}}\nmail:\n  smtp: smtp://127.0.0.1:{sink.controller.port}\n  ca-file: {certificates.authority}\n"
            f"  from: accounts@example.org\n  templates: '{folder}'\n")).start()
    return start


def write(folder: Path, **files: str | bytes) -> None:
    for name, text in {"words": "notices.en.yaml", "html": "mail.html", "text": "mail.txt"}.items():
        if name in files:
            (folder / text).write_bytes(files[name] if isinstance(files[name], bytes) else files[name].encode())


def plain(letter) -> str:
    return letter.part("plain").replace("\r\n", "\n")


def changed(postern: Postern) -> None:
    ada = Member(postern, ADA)
    assert change(postern, ada.sign_in(), ada.password, NEXT).status_code == 204


def test_a_site_says_some_words_its_own_way_and_the_others_stay(shop, sink):
    postern = shop(words=WORDS)
    changed(postern)
    [letter] = wait_for("the mail", lambda: sink.to(ADA), 20)
    assert letter.message["Subject"] == "Läden & <Söhne>, a new password · Corner Shop"
    assert re.search(r"\n\nHello! The password of your shop account was changed on \d+\s\w+\s20\d\d,\s\d\d:\d\d\sUTC\.\n\n", plain(letter))
    assert "Wasn't it you? Choose another at once" in plain(letter).replace("\n", " "), "what wasn't said another way is gone"
    assert "Hello! The password of your shop account" in letter.part("html") and "Look at your security page" in letter.part("html")
    assert "Läden &amp; &lt;Söhne&gt;" in letter.part("html")
    assert letter.link == postern.public_url + "/auth/account/security"
    # Another mail, of which nothing was said.
    assert ask(postern, ADA).status_code == 202
    [letter] = wait_for("the other", lambda: sink.to(ADA, "Choose another password"), 20)
    assert letter.message["Subject"] == "Choose another password · Corner Shop" and "It works once, for an hour." in plain(letter).replace("\n", " ")
    assert postern.sign_up(ADA).status_code == 202
    [letter] = wait_for("one with one part said", lambda: sink.to(ADA, "You have an account already"), 20)
    assert "Good-bye." in plain(letter) and "just sign in." in plain(letter)


def test_a_site_has_a_look_of_its_own_in_text_and_html(shop, sink):
    postern = shop(html=HTML, text=TEXT)
    changed(postern)
    [letter] = wait_for("the mail", lambda: sink.to(ADA), 20)
    assert letter.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.message.iter_parts()] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in letter.message.iter_parts()} == {"utf-8"}
    text, page = plain(letter), letter.part("html").replace("\r\n", "\n")
    assert text.startswith(f"*** Corner Shop ***\n{CHANGE_MAIL}\n\nThe password of your account was changed on ")
    assert f"\n\nLook at your security page:\n{postern.public_url}/auth/account/security\n\nWasn't it you?" in text and "\n(Sent to ada@example.org" in text
    assert "<p>" not in text and "&" not in text
    assert page.startswith("<!doctype html>") and '<body class="corner">' in page and f"<h1>Corner Shop: {CHANGE_MAIL}</h1>" in page
    assert f'<a href="{postern.public_url}/auth/account/security">Look at your security page</a>' in page
    assert "Segoe UI" not in page and page.rstrip().endswith("</html>")
    # Lines end as mail's do, and none is too long.
    assert all(len(line) <= 998 for line in sink.contents[0].split(b"\r\n")) and b"\n" not in sink.contents[0].replace(b"\r\n", b"")


@pytest.mark.parametrize("which", ["html", "text"])
def test_one_look_alone_leaves_the_other_as_it_is_built_in(shop, sink, which):
    changed(shop(**{which: {"html": HTML, "text": TEXT}[which]}))
    [letter] = wait_for("the mail", lambda: sink.to(ADA), 20)
    assert ("corner" in letter.part("html"), "***" in plain(letter)) == (which == "html", which == "text")


def test_a_link_in_a_look_of_ones_own_works_and_leads_to_the_public_address(shop, sink):
    postern = shop(html=HTML, text=TEXT)
    postern.make_account(ADA)
    assert ask(postern, ADA, headers={"X-Forwarded-Host": "evil.example"}).status_code == 202
    [letter] = wait_for("the link", lambda: sink.to(ADA), 20)
    assert letter.link.startswith(postern.public_url + "/auth/reset-password/") and f'href="{letter.link}"' in letter.part("html")
    answer = postern.request("POST", "/auth/v1/reset-password", json={"token": letter.link.rsplit("/", 1)[1], "password": NEXT})
    assert answer.status_code == 204
    assert letter.link.rsplit("/", 1)[1] not in postern.log() + postern.output()


NAME = """<img src=x onerror=alert(1)> "&' {{link}}"""


def test_what_people_type_is_escaped_and_read_as_no_template(shop, sink):
    postern = shop(name="Läden <b> & \"co\"", words=WORDS, html=HTML, text=TEXT)
    ada = Member(postern, ADA)
    ada.add_app(ada.sign_in(), NAME)
    [letter] = wait_for("the mail", lambda: sink.to(ADA), 20)
    page = letter.part("html")
    assert "<img" not in page and "<b>" not in page and "{{" not in html.unescape(page).replace(NAME, "")
    assert NAME in html.unescape(page) and 'Läden <b> & "co": An authenticator app was added' in html.unescape(page)
    assert NAME in plain(letter).replace("\n", " ")
    # Values that a notice doesn't have are nothing, not another's.
    assert html.unescape(page).split('id="o">')[1].split("</p>")[0] == f"Your app is “{NAME}”. "


def test_no_subject_of_ones_own_adds_a_header_or_a_recipient(shop, sink):
    words = 'password-changed:\n  subject: "Hello\\r\\nBcc: eve@example.org\\r\\nX-Evil: 1\\r\\n\\r\\nbody"\n  button: "a\\r\\n.\\r\\nb"\n  closing: "\\r\\n.\\r\\nQUIT\\r\\n"\n'
    postern = shop(words=words, text="{{subject}}\n.\n{{closing}}\n..\n" + TEXT)
    changed(postern)
    [letter] = wait_for("the mail", lambda: sink.letters, 20)
    assert letter.recipients == [ADA] and letter.message["Bcc"] is None and letter.message["X-Evil"] is None
    assert set(name.lower() for name in letter.message.keys()) <= {
        "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "auto-submitted", "x-auto-response-suppress", "content-transfer-encoding",
        "x-peer", "x-mailfrom", "x-rcptto"}
    assert "Hello" in letter.message["Subject"] and "\n.\n" in plain(letter), "a line with a dot is lost"
    wait_for("its row", lambda: postern.command("job", "list", "--kind", "send-mail").count("done") == 1)


def test_words_are_read_at_the_start_and_changed_ones_count_after_a_restart(shop, sink, folder):
    postern = shop(words="password-changed: {subject: The first}\n")
    changed(postern)
    wait_for("the mail", lambda: sink.to(ADA, "The first"), 20)
    write(folder, words="password-changed: {subject: The second}\n")
    session = postern.sign_in(ADA, NEXT)
    assert change(postern, session, NEXT, "umbrella gravel nineteen oboe").status_code == 204
    wait_for("the mail", lambda: len(sink.to(ADA, "The first")) == 2, 20)
    postern.restart()
    assert change(postern, session, "umbrella gravel nineteen oboe", NEXT).status_code == 204
    wait_for("the mail", lambda: sink.to(ADA, "The second"), 20)


# What stops the start. Files, and what is said.

WRONG = {
    "an empty folder": ({}, ["notices.en.yaml", "mail.html", "mail.txt"]),
    "an unknown notice": ({"words": "password-lost: {subject: x}\n"}, ["notices.en.yaml", "password-lost", "password-changed"]),
    "an unknown part": ({"words": "password-changed: {subjekt: x}\n"}, ["notices.en.yaml", "password-changed.subjekt", "subject, opening"]),
    "a part that is a list": ({"words": "password-changed: {subject: [x]}\n"}, ["notices.en.yaml"]),
    "a part that is a number": ({"words": "password-changed: {subject: 5}\n"}, ["notices.en.yaml"]),
    "a notice that is a text": ({"words": "password-changed: x\n"}, ["notices.en.yaml"]),
    "a list": ({"words": "- password-changed\n"}, ["notices.en.yaml"]),
    "an empty file": ({"words": ""}, ["notices.en.yaml"]),
    "no YAML": ({"words": "password-changed: {subject: 'x\n"}, ["notices.en.yaml", "YAML"]),
    "a broken word": ({"words": "password-changed: {subject: '{{#time}}x'}\n"}, ["notices.en.yaml", "password-changed.subject"]),
    "a broken word without an end": ({"words": "password-changed: {opening: 'on {{time'}\n"}, ["notices.en.yaml", "password-changed.opening"]),
    "broken HTML": ({"html": "<p>{{#opening}}</p>"}, ["mail.html"]),
    "broken HTML beside good text": ({"html": "<p>{{opening</p>", "text": TEXT}, ["mail.html"]),
    "a broken text": ({"text": "{{/opening}}"}, ["mail.txt"]),
    "words that aren't UTF-8": ({"words": "password-changed: {subject: Läden}\n".encode("latin-1")}, ["notices.en.yaml", "UTF-8"]),
    "HTML that isn't UTF-8": ({"html": HTML.encode() + b"\xff"}, ["mail.html", "UTF-8"]),
    "a text that isn't UTF-8": ({"text": TEXT.encode("utf-16")}, ["mail.txt", "UTF-8"]),
}


def refused(postern: Postern) -> str:
    try:
        done = postern.run("serve", "--listen", f"127.0.0.1:{postern.port}")
    except subprocess.TimeoutExpired:
        raise AssertionError("it started") from None
    assert "Fatal error" not in done.stderr and done.returncode > 0, done.stderr[:500]
    return done.stderr + done.stdout


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_stops_the_start_with_its_name(make_postern, folder, name):
    files, words = WRONG[name]
    write(folder, **files)
    said = refused(make_postern(settings=f"mail: {{templates: '{folder}'}}\n"))
    assert str(folder) in said and all(word in said for word in words), said
    assert len(said) < 2_000


def test_a_folder_that_is_not_there_or_is_none_stops_the_start(make_postern, folder):
    (folder / "file").write_text("x")
    for place in (folder / "nothing", folder / "file"):
        said = refused(make_postern(f"at {place.name}", settings=f"mail: {{templates: '{place}'}}\n"))
        assert "mail.templates" in said and str(place) in said


@pytest.mark.parametrize("what", ["a directory", "a dangling link"])
def test_a_file_that_is_there_but_cannot_be_read_stops_the_start(make_postern, folder, what):
    """Otherwise mail would leave with the built-in look, and nobody would know."""
    write(folder, text=TEXT)
    if what == "a directory":
        (folder / "mail.html").mkdir()
    else:
        os.symlink(folder / "elsewhere", folder / "mail.html")
    assert "mail.html" in refused(make_postern(settings=f"mail: {{templates: '{folder}'}}\n"))
