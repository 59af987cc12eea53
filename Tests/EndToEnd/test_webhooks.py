"""Places of the site's own: a signed webhook and a Slack channel hear of what changes accounts, and lead nobody inside."""

import json
import re
import time

import pytest

from parts.choosing import ANOTHER, LINK_MAIL, NEXT, asked_link, change
from parts.expiry import DAY, edit, run_of_the_day, set_days_ago
from parts.job_rows import select, waits_are_over
from parts.member import Member
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for
from parts.receiver import DRIPPING, NEVER, Doorbell, Receiver, new_secret
from parts.visitor import Visitor

ADA = "ada@example.org"
HOOK, SLACK = "notifications.webhook", "notifications.slack"
SECRET_PATH = "/services/T0SECRET0/B0SECRET0/abcdefSECRETghijkl"
STANDARD = {"password-changed", "password-stolen", "authenticator-added", "authenticator-removed", "second-factor-reset", "codes-stopped",
            "email-changed", "account-leaving", "account-gone"}


@pytest.fixture
def make_receiver():
    made = []

    def make(*answers) -> Receiver:
        made.append(Receiver(*answers))
        return made[-1]
    yield make
    for receiver in made:
        receiver.stop()


@pytest.fixture
def doorbell():
    bell = Doorbell()
    yield bell
    bell.stop()


def settings(*lines: str, private: str = "yes") -> str:
    return "site: {name: 'Corner Shop'}\nnotifications:\n" + "".join(f"  {line}\n" for line in (*lines, f"allow-private: {private}"))


def webhook(url: str, secret: str, more: str = "") -> str:
    return f"webhook: {{url: '{url}', secret: '{secret}'{more}}}"


def slack(url: str, more: str = "") -> str:
    return f"slack: {{url: '{url}'{more}}}"


def told(postern: Postern, target: str = HOOK) -> list[tuple[str, str, int, str]]:
    """Kind, state, tries and last error of what a place was told, in order."""
    return select(postern, "SELECT kind, state, tries, last_error FROM notice WHERE target = ? ORDER BY id", target)


def changed(member: Member, session: str | None = None, old: str = PASSWORD, new: str = NEXT) -> str:
    """They choose another password; returns the session with which they did."""
    session = session or member.postern.sign_in(member.email, old)
    assert change(member.postern, session, old, new).status_code == 204
    return session


def test_a_webhook_gets_a_signed_word_of_what_changes_an_account(make_postern, make_receiver):
    receiver, secret = make_receiver(), new_secret()
    postern = make_postern(settings=settings(webhook(receiver.url + "/hooks/postern?site=1", secret))).start()
    ada = Member(postern, ADA)
    begin = int(time.time())
    changed(ada)
    [post] = wait_for("the webhook", lambda: receiver.posts, 20)
    assert (post.method, post.path) == ("POST", "/hooks/postern?site=1")
    assert post.headers["content-type"] == "application/json" and "expect" not in post.headers
    assert set(post.headers) <= {"host", "accept", "user-agent", "content-type", "content-length", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert post.headers["webhook-signature"] == post.signature(secret)
    assert post.headers["webhook-signature"] != post.signature(new_secret())
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", post.headers["webhook-id"])
    assert begin - 1 <= int(post.headers["webhook-timestamp"]) <= time.time() + 1
    document = post.document
    assert set(document) == {"data", "timestamp", "type"} and document["type"] == "password-changed"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["timestamp"])
    assert document["data"] == {
        "email": ADA, "id": post.headers["webhook-id"], "site": "Corner Shop", "subject": "Your password was changed · Corner Shop"}
    assert b"http" not in post.body and b"/auth" not in post.body
    wait_for("its row", lambda: told(postern) == [("password-changed", "sent", 1, "")])
    # It is a row of the site's, and no mail of Ada's.
    mine = ada.call(postern.sign_in(ADA, NEXT), "GET", "/auth/v1/account/notifications").json()["notifications"]
    assert {line["channel"] for line in mine} == {"mail"}


def test_a_message_is_tried_again_under_the_same_id_until_it_is_taken(make_postern, make_receiver):
    receiver, secret = make_receiver(500, 429, 204), new_secret()
    postern = make_postern(settings=settings(webhook(receiver.url, secret))).start()
    changed(Member(postern, ADA))
    for count, words in ((1, "it answered 500"), (2, "it answered 429")):
        wait_for("a try in vain", lambda: told(postern) == [("password-changed", "waiting", count, words)], 20)
        assert len(receiver.posts) == count
        waits_are_over(postern)
    wait_for("the try that counts", lambda: told(postern) == [("password-changed", "sent", 3, "")], 20)
    assert len(receiver.posts) == 3 and len({post.headers["webhook-id"] for post in receiver.posts}) == 1
    assert len({post.body for post in receiver.posts}) == 1
    assert all(post.headers["webhook-signature"] == post.signature(secret) for post in receiver.posts)


def test_what_waits_survives_a_kill(make_postern, make_receiver):
    receiver, secret = make_receiver(503, 204), new_secret()
    postern = make_postern(settings=settings(webhook(receiver.url, secret))).start()
    changed(Member(postern, ADA))
    wait_for("a try in vain", lambda: told(postern)[0][2] == 1, 20)
    postern.process.kill()
    waits_are_over(postern)
    postern.start()
    wait_for("the other", lambda: told(postern) == [("password-changed", "sent", 2, "")], 40)
    assert len({post.headers["webhook-id"] for post in receiver.posts}) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_leads_nowhere(make_postern, make_receiver, status):
    """JN-06."""
    elsewhere = make_receiver()
    receiver = make_receiver((status, elsewhere.url + "/inside"))
    postern = make_postern(settings=settings(webhook(receiver.url, new_secret()), slack(receiver.url + SECRET_PATH))).start()
    changed(Member(postern, ADA))
    for target in (HOOK, SLACK):
        wait_for("a try in vain", lambda: told(postern, target) == [("password-changed", "waiting", 1, f"it answered {status}")], 20)
    assert elsewhere.posts == [] and len(receiver.posts) == 2


@pytest.mark.parametrize("how", [NEVER, DRIPPING])
def test_a_place_that_never_ends_its_answer_delays_neither_sign_in_nor_mail_nor_the_other_place(mailing, sink, make_receiver, how):
    sink.start()
    hanging, good = make_receiver(how), make_receiver()
    postern = mailing(more=settings(webhook(hanging.url, new_secret()), slack(good.url + SECRET_PATH)).partition("\n")[2])
    people = [Member(postern, f"person{number}@example.org") for number in range(3)]
    begin = time.monotonic()
    for person in people:
        changed(person)
    wait_for("the first word", lambda: hanging.posts, 20)
    for person in people:
        at = time.monotonic()
        assert postern.try_sign_in(person.email, NEXT).status_code == 200
        assert time.monotonic() - at < 5
    wait_for("everybody's mail, and Slack", lambda: all(sink.to(person.email) for person in people) and len(good.posts) == 3, 30)
    assert time.monotonic() - begin < 30 and len(hanging.posts) < 4
    # After ten seconds it has failed, in words, and is tried later.
    state, tries, error = wait_for("its end", lambda: told(postern)[0][2] and told(postern)[0][1:], 30)
    assert (state, tries) == ("waiting", 1) and "time" in error.lower(), error
    # A stop waits no longer than for that.
    begin = time.monotonic()
    assert postern.stop() == 0 and time.monotonic() - begin < 16


# Inside.

INSIDE = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "2130706433", "0x7f000001", "127.1", "017700000001",
          "[::]", "①②⑦.⓪.⓪.①"]


@pytest.mark.parametrize("host", INSIDE)
def test_nothing_arrives_inside_however_the_address_is_spelled(make_postern, doorbell, host):
    """JN-06."""
    refused(make_postern(settings=inside(host, doorbell.port, "no")).start(), doorbell, host)
    # The same spelling leads there where it may.
    if host.isascii():
        postern = make_postern("open", settings=inside(host, doorbell.port, "yes")).start()
        changed(Member(postern, ADA))
        wait_for("somebody at the door", lambda: doorbell.rings >= 2, 20)


def inside(host: str, port: int, private: str) -> str:
    return settings(webhook(f"https://{host}:{port}/hook", new_secret()), slack(f"https://{host}:{port}{SECRET_PATH}"), private=private)


def refused(postern: Postern, doorbell: Doorbell, host: str = "") -> None:
    changed(Member(postern, ADA))
    for target in (HOOK, SLACK):
        error = wait_for("a try in vain", lambda: (lines := told(postern, target)) and lines[0][3], 30)
        assert "lies inside (notifications.allow-private)" in error or not host.isascii(), error
        assert told(postern, target)[0][1:3] == ("waiting", 1)
    assert doorbell.rings == 0, "it was connected to"


def test_a_name_that_leads_inside_is_refused_when_the_connection_is_made(binary, tmp_path, doorbell):
    """JN-06: with a hosts file of the server's own, in a mount namespace."""
    names = tmp_path / "hosts"
    names.write_text("127.0.0.1 localhost\n127.0.0.1 hooks.example.com\n::1 hooks6.example.com\n::ffff:127.0.0.1 mapped.example.com\n")
    program = tmp_path / "postern-with-hosts"
    program.write_text(f"""#!/bin/sh\nexec unshare -rm sh -c 'mount --bind {names} /etc/hosts && exec "$0" "$@"' {binary} "$@"\n""")
    program.chmod(0o755)
    for number, host in enumerate(("hooks.example.com", "hooks6.example.com", "mapped.example.com")):
        closed, opened = [
            Postern(str(program), tmp_path / f"{private}{number}", settings=inside(host, doorbell.port, private)) for private in ("no", "yes")]
        try:
            before = doorbell.rings
            changed(Member(closed.start(), ADA))
            for target in (HOOK, SLACK):
                error = wait_for("a try in vain", lambda: (lines := told(closed, target)) and lines[0][3], 30)
                assert "lies inside (notifications.allow-private)" in error, error
            assert doorbell.rings == before, f"{host} was connected to"
            changed(Member(opened.start(), ADA))
            wait_for("somebody at the door", lambda: doorbell.rings > before, 20)
        finally:
            closed.stop()
            opened.stop()


def test_no_proxy_of_the_environment_leads_around_the_check(make_postern, doorbell):
    """JN-06."""
    postern = make_postern(settings=inside("127.0.0.1", doorbell.port, "no"))
    postern.environment |= {name: f"http://127.0.0.1:{doorbell.port}" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")}
    refused(postern.start(), doorbell)


# Slack, and which kinds.


def test_slack_gets_a_line_in_which_nothing_is_read_as_its_own(make_postern, make_receiver):
    receiver = make_receiver(200)
    postern = make_postern(settings=settings(slack(receiver.url + SECRET_PATH)).replace("'Corner Shop'", "'A & B <!channel> *bold*'")).start()
    changed(Member(postern, ADA))
    [post] = wait_for("the message", lambda: receiver.posts, 20)
    assert (post.method, post.path, post.headers["content-type"]) == ("POST", SECRET_PATH, "application/json")
    assert post.document == {"text": f"*Your password was changed · A &amp; B &lt;!channel&gt; *bold**\n{ADA}"}
    assert not [name for name in post.headers if name.startswith("webhook-")]
    wait_for("its row", lambda: told(postern, SLACK) == [("password-changed", "sent", 1, "")])


def test_by_default_both_hear_of_what_changes_an_accounts_safety_and_of_nothing_else(make_postern, make_receiver):
    hook, channel, secret = make_receiver(), make_receiver(200), new_secret()
    postern = make_postern(settings=settings(webhook(hook.url, secret), slack(channel.url + SECRET_PATH))).start()
    owner, ada = Member(postern, "owner@example.org", "owner"), Member(postern, ADA)
    admin = Visitor(postern, {"postern": owner.sign_in()})
    person = f"/auth/admin/people/{ada.id}"
    # What nobody but the person hears of.
    postern.sign_up("new@example.org")
    asked_link(postern, ADA)
    ada.with_app()
    session = ada.sign_in()
    ada.add_app(session, "Another")
    assert ada.call(session, "DELETE", f"/auth/v1/account/authenticators/{ada.apps(session)['Another']}").status_code == 204
    changed(ada, session, PASSWORD, NEXT)
    assert ada.call(session, "POST", "/auth/v1/account/email", {"email": "ada.new@example.org"}).status_code == 202
    token = wait_for("the link", lambda: postern.letters("ada.new@example.org"))[0]["text"]
    token = re.search(r"/auth/new-email/(\S+)", token)[1]
    assert postern.request("POST", "/auth/v1/account/email/confirm", json={"token": token, "password": NEXT}).status_code == 204
    assert ada.call(session, "POST", "/auth/v1/account/leave", {"password": NEXT}).status_code == 200
    postern.command("account", "reset-factors", "ada.new@example.org")
    wanted = ["authenticator-added", "authenticator-added", "authenticator-removed", "password-changed", "email-changed", "account-leaving",
              "second-factor-reset"]
    postern.stop()
    edit(postern, "UPDATE account_leaving SET leaves_at = leaves_at - ?", 8 * DAY)
    edit(postern, "DELETE FROM job WHERE kind = 'delete-leavers'")
    postern.start()
    wanted.append("account-gone")
    wait_for("everything", lambda: len(hook.posts) == len(channel.posts) == len(wanted), 30)
    assert hook.kinds() == wanted and set(wanted) <= STANDARD
    assert all(post.headers["webhook-signature"] == post.signature(secret) for post in hook.posts)
    assert [post.document["text"].split("\n")[0].strip("*") for post in channel.posts] == [post.document["data"]["subject"] for post in hook.posts]
    assert hook.posts[-1].document["data"]["email"] == "ada.new@example.org"
    text = b"".join(post.body for post in hook.posts + channel.posts)
    assert token.encode() not in text and b"/auth" not in text and b"http" not in text
    # Administrators see all of it.
    page = admin.get("/auth/admin/notifications").text
    assert HOOK in page and SLACK in page and admin.get(person).status_code in (404, 200)


def test_each_place_hears_of_the_kinds_that_are_listed_for_it(make_postern, make_receiver):
    hook, channel = make_receiver(), make_receiver(200)
    postern = make_postern(settings=settings(
        webhook(hook.url, new_secret(), ", kinds: [password-reset, confirm-email, account-exists, invitation]"),
        slack(channel.url + SECRET_PATH, ", kinds: [password-changed]"))).start()
    ada, owner = Member(postern, ADA), Member(postern, "owner@example.org", "owner")
    link = asked_link(postern, ADA)
    postern.sign_up("new@example.org")
    postern.sign_up(ADA)
    invited = Visitor(postern, {"postern": owner.sign_in()}).post("/auth/admin/people", "/auth/admin/invitations", email="guest@example.org")
    assert invited.status_code in (200, 201, 202, 303)
    changed(ada)
    wait_for("all", lambda: len(hook.posts) == 4 and len(channel.posts) == 1, 20)
    assert hook.kinds() == ["password-reset", "confirm-email", "account-exists", "invitation"]
    assert {post.document["data"]["email"] for post in hook.posts} == {ADA, "new@example.org", "guest@example.org"}
    text = b"".join(post.body for post in hook.posts)
    assert b"http" not in text and link.rsplit("/", 1)[1].encode() not in text, "a link is told"
    assert LINK_MAIL in hook.posts[0].document["data"]["subject"]


def test_reminders_can_be_listed_as_well(make_postern, make_receiver):
    hook = make_receiver()
    postern = make_postern(settings="password: {expires-after: 90d, spread: 1s}\n" + settings(
        webhook(hook.url, new_secret(), ", kinds: [password-expires]"))).start()
    postern.make_account(ADA)
    set_days_ago(postern, ADA, 83.5)
    edit(postern, "UPDATE password_rule SET since = since - ?", 1_000 * DAY)
    run_of_the_day(postern)
    wait_for("the mail", lambda: postern.letter(ADA, "Your password expires"))
    wait_for("the webhook", lambda: hook.kinds() == ["password-expires"], 10)


# Secrets, and settings that are wrong.


def test_no_secret_stands_in_the_log_on_a_page_or_in_a_commands_words(make_postern, make_receiver):
    receiver, secret = make_receiver(500), new_secret()
    hook_url = receiver.url.replace("http://", "http://user:hunter2SECRET@")
    postern = make_postern(settings="log-level: debug\n" + settings(webhook(hook_url, secret), slack(receiver.url + SECRET_PATH))).start()
    owner, ada = Member(postern, "owner@example.org", "owner"), Member(postern, ADA)
    session = changed(ada)
    wait_for("tries in vain", lambda: told(postern)[0][2] == told(postern, SLACK)[0][2] == 1, 20)
    jobs = [row for kind in ("send-webhook", "send-slack") for row in json.loads(postern.command("job", "list", "--json", "--kind", kind))]
    assert len(jobs) == 2
    texts = {
        "the log": postern.log(), "the output": postern.output(), "the page of all": Visitor(postern, {"postern": owner.sign_in()}).get("/auth/admin/notifications").text,
        "one's own page": Visitor(postern, {"postern": session}).get("/auth/account/notifications").text,
        "postern job list": postern.command("job", "list") + json.dumps(jobs),
        "postern job show": "".join(postern.command("job", "show", row["id"]) + postern.command("job", "show", row["id"], "--json") for row in jobs),
        "the rows": repr(select(postern, "SELECT * FROM notice")) + repr(select(postern, "SELECT * FROM job")),
    }
    assert "it answered 500" in texts["postern job show"] and "it answered 500" in texts["the page of all"]
    for what, text in texts.items():
        for secret_text in (secret, secret.removeprefix("whsec_"), SECRET_PATH, "abcdefSECRET", "T0SECRET0", "hunter2SECRET"):
            assert secret_text not in text, f"{what} holds {secret_text}"


SLACK_URL = "http://hooks.slack.example" + SECRET_PATH
WRONG = {
    "a plain http webhook": (settings(webhook("http://hooks.example.com/x", new_secret()), private="no"), HOOK + ".url", "https://"),
    "a plain http webhook by default": ("notifications: {" + webhook("http://hooks.example.com/x", new_secret()) + "}\n", HOOK + ".url", "https://"),
    "no URL at all": (settings(webhook("hooks.example.com", new_secret())), HOOK + ".url", "https://"),
    "another scheme": (settings(webhook("file:///etc/passwd", new_secret())), HOOK + ".url", "https://"),
    "a gopher": (settings(webhook("gopher://127.0.0.1:25/x", new_secret())), HOOK + ".url", "https://"),
    "a URL with a line break": (settings('webhook: {url: "https://hooks.example.com/\\r\\nX: y", secret: "%s"}' % new_secret()), HOOK + ".url", "https://"),
    "no secret": (settings("webhook: {url: 'https://hooks.example.com/x'}"), HOOK + ".secret", "whsec_"),
    "a short secret": (settings(webhook("https://hooks.example.com/x", new_secret(16))), HOOK + ".secret", "24 to 64"),
    "a long secret": (settings(webhook("https://hooks.example.com/x", new_secret(65))), HOOK + ".secret", "24 to 64"),
    "a secret that is none": (settings(webhook("https://hooks.example.com/x", "whsec_!!!hunter2SECRET!!!")), HOOK + ".secret", "base64"),
    "a secret without its prefix": (settings(webhook("https://hooks.example.com/x", new_secret().removeprefix("whsec_"))), HOOK + ".secret", "whsec_"),
    "an unknown kind": (settings(webhook("https://hooks.example.com/x", new_secret(), ", kinds: [password-changed, password-lost]")), HOOK + ".kinds", "password-lost"),
    "an unknown kind for Slack": (settings(slack("https://hooks.slack.example" + SECRET_PATH, ", kinds: [everything]")), SLACK + ".kinds", "everything"),
    "a plain http Slack": (settings(slack(SLACK_URL), private="no"), SLACK + ".url", "https://"),
    "a Slack that is no URL": (settings(slack("T0SECRET0/B0SECRET0/abcdefSECRETghijkl")), SLACK + ".url", "https://"),
    "a Slack with a space": (settings(slack("https://hooks.slack.example/ " + SECRET_PATH)), SLACK + ".url", "https://"),
    "an unknown word": (settings(private="perhaps"), "notifications.allow-private", "yes"),
    "an unknown key": (settings("webhok: {url: 'https://hooks.example.com'}"), "notifications.webhok", ""),
    "an unknown key of Slack": (settings("slack: {uri: 'https://hooks.slack.example" + SECRET_PATH + "'}"), "notifications.slack.uri", ""),
    "an unknown key of the webhook": (settings("webhook: {url: 'https://hooks.example.com', key: '" + new_secret() + "'}"), HOOK + ".key", ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_are_wrong_stop_the_start_in_words_without_the_secret(make_postern, name):
    text, key, allowed = WRONG[name]
    postern = make_postern(settings=text)
    done = postern.run("serve", "--listen", f"127.0.0.1:{postern.port}")
    said = done.stderr + done.stdout
    assert done.returncode not in (0, None) and key in said and allowed in said, said
    assert len(said) < 2_000 and "Fatal" not in said
    for secret in [*re.findall(r"whsec_[A-Za-z0-9+/=!]+", text), "SECRET"]:
        assert secret.removeprefix("whsec_") not in said, f"a secret is printed: {said}"


def test_a_place_that_was_taken_out_of_the_settings_leaves_its_words_waiting_and_nobody_else(make_postern, make_receiver):
    receiver = make_receiver(500)
    postern = make_postern(settings=settings(webhook(receiver.url, new_secret()))).start()
    session = changed(Member(postern, ADA))
    wait_for("a try in vain", lambda: told(postern)[0][2] == 1, 20)
    postern.stop()
    postern.config.write_text(re.sub(r"notifications:\n(  .*\n)+", "", postern.config.read_text()))
    postern.start()
    waits_are_over(postern)
    assert change(postern, session, NEXT, ANOTHER).status_code == 204
    wait_for("the second mail", lambda: postern.letters(ADA), 20)
    assert told(postern)[0][1] == "waiting" and len(receiver.posts) == 1
    assert {row["state"] for row in json.loads(postern.command("job", "list", "--json", "--kind", "send-webhook"))} == {"parked"}
