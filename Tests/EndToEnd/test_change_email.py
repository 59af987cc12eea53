"""Another address for an account: asked for with a fresh proof, done by whoever reads mail there, and told to the one before."""

import json
import re
import sqlite3
from contextlib import closing

import pytest
from selenium.webdriver.common.keys import Keys

from parts.choosing import NEXT, asked_token, change, reset, rows
from parts.expiry import edit
from parts.job_rows import select
from parts.member import Member
from parts.postern import PASSWORD, Postern, at_once, link_in, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor

PAGE, LINK_PAGE, NOTICES = "/auth/account/email", "/auth/new-email", "/auth/account/notifications"
ASK, CONFIRM = "/auth/v1/account/email", "/auth/v1/account/email/confirm"
OLD, NEW, OTHER = "ada@example.org", "ada.new@example.org", "bob@example.org"
CONFIRM_MAIL, TAKEN_MAIL = "Confirm your new address", "You have an account already"
ASKED_MAIL, CHANGED_MAIL = "Another address for your account?", "Your account has another address"
OVER = "This link doesn’t work any more"


@pytest.fixture
def ada(postern) -> Member:
    return Member(postern, OLD)


def ask(member: Member, email, token: str | None = None):
    return member.call(token or member.sign_in(), "POST", ASK, {"email": email})


def link_tokens(postern: Postern, email: str) -> list[str]:
    """Those that were mailed to an address, the latest first."""
    return [link_in(letter["text"]).rsplit("/", 1)[1] for letter in postern.letters(email) if letter["subject"].startswith(CONFIRM_MAIL)]


def asked(member: Member, email: str = NEW, token: str | None = None) -> str:
    """Asks, and returns the token of the link that comes."""
    before = len(link_tokens(member.postern, email))
    assert ask(member, email, token).status_code == 202
    return wait_for("the link", lambda: (found := link_tokens(member.postern, email))[before:] and found)[0]


def confirm(postern: Postern, token: str, password: str = PASSWORD):
    return postern.request("POST", CONFIRM, json={"token": token, "password": password})


def emails(postern: Postern) -> set[str]:
    return {email for email, in select(postern, "SELECT email FROM account")}


def gate(postern: Postern, token: str) -> tuple[int, str | None]:
    """What a proxy's question is answered with, and the address that an app is told."""
    answer = postern.get("/auth/request", headers={"Cookie": f"postern={token}"})
    return answer.status_code, answer.headers.get("Remote-Email")


def held(browser) -> str:
    return browser.driver.get_cookie("postern")["value"]


def without_change(postern: Postern, *without: str) -> dict:
    """The whole database but for what merely looking and sending leave there."""
    return rows(postern, "session", "job", "notice", *without)


@pytest.mark.parametrize("has_app, scripts", [(False, True), (True, True), (True, False)], ids=["password alone", "with an app", "with scripts off"])
def test_a_person_moves_to_another_address_once_its_reader_says_so_and_the_old_one_is_told_twice(mailing, sink, make_browser, has_app, scripts):
    """RC-13, RC-16."""
    sink.start()
    postern = mailing()
    ada = Member(postern, OLD)
    if has_app:
        ada.with_app()
    browser, elsewhere = make_browser(scripts=scripts), make_browser(scripts=scripts)
    browser.hold(postern.public_url, postern=ada.sign_in())
    postern.minutes_pass(6)
    browser.open(postern.public_url + "/auth/account")
    browser.follow("Change")
    assert browser.heading == "Confirm it’s you", "an old proof is enough"
    browser.type(code=ada.phone.wrong() if has_app else "not the password")
    browser.press("Continue")
    assert browser.heading == "Confirm it’s you" and browser.texts("#code-error")
    browser.type(code=ada.phone.code() if has_app else PASSWORD)
    browser.press("Continue")
    assert (browser.heading, browser.url) == ("Change your address", postern.public_url + PAGE)
    assert OLD in browser.text("main")
    browser.type(email=NEW)
    browser.press("Send the link")
    assert f"Look into the mail of {NEW}" in browser.text("main")

    [letter] = wait_for("the link", lambda: sink.to(NEW), 20)
    assert letter.message["Subject"].startswith(CONFIRM_MAIL) and letter.over_tls and letter.link in letter.part("html")
    link, token = letter.link, letter.link.rsplit("/", 1)[1]
    assert link == f"{postern.public_url}{LINK_PAGE}/{token}" and len(token) == 43
    [told] = wait_for("the word to the old address", lambda: sink.to(OLD, ASKED_MAIL), 20)
    assert sink.to(OLD, CHANGED_MAIL) == []
    assert token not in str(told.message) and NEW not in str(told.message), "the old address is told where the link went"
    # RC-12: opening it changes nothing, however often and however it is looked at.
    before = without_change(postern)
    for method in ("GET", "HEAD") * 3:
        landing = postern.request(method, f"{LINK_PAGE}/{token}", headers={"Accept": "text/html"})
        assert (landing.status_code, landing.headers["Location"]) == (303, LINK_PAGE), method
        assert landing.headers["Referrer-Policy"] == "no-referrer" and landing.headers["Cache-Control"] == "no-store"
        shown = postern.request(method, LINK_PAGE, headers={"Cookie": f"postern-link={token}", "Accept": "text/html"})
        assert shown.status_code == 200 and shown.headers["Cache-Control"] == "no-store" and token not in shown.text
        assert shown.headers["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin")
    elsewhere.open(link)
    assert (elsewhere.url, elsewhere.heading) == (postern.public_url + LINK_PAGE, "Confirm your new address")
    assert NEW in elsewhere.text("body") and not elsewhere.driver.get_cookie("postern")
    assert without_change(postern) == before and gate(postern, held(browser)) == (200, OLD)

    # The password says whose account it is for.
    elsewhere.type(password="not the password")
    elsewhere.press("Use this address")
    assert elsewhere.text("#password-error").startswith("That isn’t the password of the account that asked.")
    counted = ("audit_event", "sign_in_attempt", "sign_in_chain", "sign_in_tally", "place_day", "password_try", "rate_count")
    assert without_change(postern, *counted) == {name: rows for name, rows in before.items() if name not in counted}
    elsewhere.type(password=PASSWORD)
    elsewhere.press("Use this address")
    wait_for("the gate to tell the new one", lambda: gate(postern, held(browser)) == (200, NEW), 2)
    assert elsewhere.heading == "Your address is changed" and NEW in elsewhere.text("body")
    assert not elsewhere.driver.get_cookie("postern") and not elsewhere.driver.get_cookie("postern-link"), "the link signs in, or is kept"
    assert not any(token in address for address in elsewhere.been_to()), "the token stays in the history"
    browser.open(postern.public_url + "/auth/account")
    assert browser.heading == "Profile" and NEW in browser.text("main") and OLD not in browser.text("main dl")
    assert reason(postern.try_sign_in(OLD)) == (401, "wrong-credentials")
    assert postern.try_sign_in(NEW).status_code == 200
    [changed] = wait_for("the second word to the old address", lambda: sink.to(OLD, CHANGED_MAIL), 20)
    assert NEW in changed.part("plain")

    elsewhere.open(link)
    assert elsewhere.heading == OVER
    elsewhere.open(postern.public_url + LINK_PAGE)
    assert elsewhere.heading == OVER
    assert len(sink.to(NEW)) == len(sink.to(OLD, ASKED_MAIL)) == len(sink.to(OLD, CHANGED_MAIL)) == 1
    assert token not in postern.log() + postern.output()


def test_a_waiting_link_stands_sealed_in_its_job_and_nowhere_else(mailing, sink):
    """No mail server is there yet: everything that is written down waits."""
    postern = mailing()
    ada = Member(postern, OLD)
    session = ada.sign_in()
    assert ask(ada, NEW, session).status_code == 202
    with closing(sqlite3.connect(postern.sqlite, timeout=20)) as database:
        database.execute("PRAGMA wal_checkpoint")
        dump = "\n".join(database.iterdump()).lower()
        jobs = database.execute("SELECT payload FROM job JOIN notice ON notice.id = job.id WHERE notice.target = ?", [NEW]).fetchall()
    files = b"".join(file.read_bytes() for file in postern.data.iterdir() if file.name.startswith("postern.sqlite"))
    assert len(jobs) == 1 and len(jobs[0][0]) > 500, "the payload isn't there"
    listed, shown = ada.call(session, "GET", "/auth/v1/account/notifications").text, postern.command("job", "list", "--json")
    sink.start()
    edit(postern, "UPDATE job SET run_at = 0 WHERE state = 'ready' AND lease IS NULL")
    [letter] = wait_for("the link", lambda: sink.to(NEW), 60)
    token = letter.link.rsplit("/", 1)[1]
    for what, text in {"the database": dump, "its files": files.decode("latin-1"), "the list": listed, "postern job": shown,
                       "the log": postern.log() + postern.output()}.items():
        assert token not in text and token[:20].lower() not in text.lower(), f"{what} holds the token"
        assert "/auth/new-email" not in text, f"{what} holds the link"
    wait_for("the job to be blank", lambda: select(postern, "SELECT length(payload) FROM job JOIN notice ON notice.id = job.id WHERE target = ?", NEW) == [(0,)])
    assert confirm(postern, token).status_code == 204
    assert token not in postern.log() + postern.output()


# What can go wrong on the page.


def submit(visitor: Visitor, email: str):
    return visitor.post(PAGE, PAGE, email=email)


def test_the_page_says_what_is_wrong_with_an_address_and_keeps_what_was_typed(postern, ada):
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    for typed, words in {OLD: "That is your address already.", "no address": "Type it like name@example.org.",
                         "": "Type it like name@example.org.", "a@b@c": "Type it like", "<b>@": "Type it like"}.items():
        answer = submit(visitor, typed)
        assert answer.status_code == 422 and words in answer.text, typed
        assert 'aria-invalid="true"' in answer.text and "<b>@" not in answer.text
        if typed.isascii() and typed.replace(" ", "").isalpha():
            assert f'value="{typed}"' in answer.text
    assert postern.letters(OLD) == [] and select(postern, "SELECT COUNT(*) FROM email_change") == [(0,)]


def test_a_proof_that_gets_old_while_the_address_is_typed_is_asked_for_again(postern, ada):
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    token = Page(visitor.get(PAGE).text).form_token
    postern.minutes_pass(6)
    answer = visitor.send("POST", PAGE, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": token, "email": NEW})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/auth/account/step-up?return_to=%2Fauth%2Faccount%2Femail")
    assert select(postern, "SELECT COUNT(*) FROM email_change") == [(0,)] and postern.letters(NEW) == []


def test_a_taken_address_gives_the_same_answer_and_its_owner_is_told(postern, ada):
    Member(postern, OTHER)
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    free, taken = submit(visitor, NEW), submit(visitor, OTHER)
    assert free.status_code == taken.status_code == 202
    plain = lambda text: re.sub(r'name="form_token" value="[^"]*"', "", text)
    assert plain(taken.text).replace(OTHER, NEW) == plain(free.text)
    wait_for("the mail to its owner", lambda: postern.letter(OTHER, TAKEN_MAIL))
    assert link_tokens(postern, OTHER) == [] and OLD not in postern.letter(OTHER, TAKEN_MAIL)["text"], "its owner is told whose account it was"
    assert wait_for("both words to the old address", lambda: [letter["subject"].startswith(ASKED_MAIL) for letter in postern.letters(OLD)] == [True, True])
    answers = [ask(ada, email) for email in ("another@example.org", OTHER)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    assert emails(postern) == {OLD, OTHER}


def test_whoever_asks_learns_from_no_list_of_theirs_whether_the_address_has_an_account(postern):
    """LG-03: neither the list of notifications nor the export differs."""
    Member(postern, OTHER)
    found = {}
    for name, email in {"free": NEW, "taken": OTHER}.items():
        asker = Member(postern, f"{name}-asker@example.org")
        session = asker.sign_in()
        assert ask(asker, email, session).status_code == 202
        wait_for("the mails", lambda: postern.letters(email) and postern.letters(asker.email))
        export = asker.call(session, "GET", "/auth/v1/account/export").json()
        found[name] = (
            sorted(line["kind"] for line in asker.call(session, "GET", "/auth/v1/account/notifications").json()["notifications"]),
            sorted(line["kind"] for line in export["notifications"]), sorted(line["event"] for line in export["events"]))
    assert found["free"] == found["taken"]


def test_whether_an_earlier_link_still_works_tells_nothing_about_a_later_address(postern):
    """LG-03: a later request ends an earlier link, whoever has the later address."""
    Member(postern, OTHER)
    ends = {}
    for name, later in {"free": "later@example.org", "taken": OTHER}.items():
        asker = Member(postern, f"{name}-asker@example.org")
        earlier = asked(asker, f"{name}-earlier@example.org")
        assert ask(asker, later).status_code == 202
        wait_for("the mail", lambda: postern.letters(later))
        ends[name] = confirm(postern, earlier).status_code
    assert ends == {"free": 410, "taken": 410}


def test_a_sign_up_that_nobody_confirmed_keeps_no_owner_from_their_address(postern, ada):
    """Anybody may type anybody's address into the sign-up."""
    assert postern.sign_up(NEW).status_code == 202
    wait_for("its mail", lambda: postern.letters(NEW))
    assert ask(ada, NEW).status_code == 202
    token = wait_for("the link", lambda: link_tokens(postern, NEW))[0]
    assert confirm(postern, token).status_code == 204
    assert emails(postern) == {NEW} and postern.try_sign_in(NEW).status_code == 200


# What can go wrong with a link.


def dead(postern: Postern, token: str, password: str = PASSWORD) -> None:
    """A link that does nothing, by page and by JSON."""
    assert reason(confirm(postern, token, password)) == (410, "link-invalid")
    visitor = Visitor(postern, {"postern-link": token})
    page = visitor.get(LINK_PAGE)
    assert page.status_code == 410 and OVER in page.text
    form = Page(visitor.get("/auth/sign-in").text).form_token
    done = visitor.send("POST", LINK_PAGE, headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}, data={"form_token": form, "password": password})
    assert done.status_code == 410 and OVER in done.text


def test_a_link_is_good_once_even_for_many_at_once(postern, ada):
    """RC-16."""
    token = asked(ada)
    answers = at_once([lambda: confirm(postern, token)] * 8)
    assert sorted(answer.status_code for answer in answers) == [204] + [410] * 7
    dead(postern, token)
    wait_for("the word", lambda: postern.letter(OLD, CHANGED_MAIL))
    assert emails(postern) == {NEW} and len([letter for letter in postern.letters(OLD) if letter["subject"].startswith(CHANGED_MAIL)]) == 1


def test_a_later_request_ends_an_earlier_one_and_each_link_brings_its_own_address(postern, ada):
    """RC-16."""
    first = asked(ada, "first@example.org")
    second = asked(ada, "second@example.org")
    dead(postern, first)
    assert emails(postern) == {OLD}
    assert confirm(postern, second).status_code == 204
    assert emails(postern) == {"second@example.org"}
    dead(postern, first)


def test_a_link_ends_after_a_day(postern, ada):
    token = asked(ada)
    edit(postern, "UPDATE email_change SET expires_at = expires_at - ?", 23 * 3_600_000_000)
    assert Visitor(postern, {"postern-link": token}).get(LINK_PAGE).status_code == 200
    edit(postern, "UPDATE email_change SET expires_at = expires_at - ?", 2 * 3_600_000_000)
    dead(postern, token)
    assert emails(postern) == {OLD}


@pytest.mark.parametrize("how", ["changed", "reset"])
def test_another_password_makes_the_link_worthless(postern, ada, how):
    token = asked(ada)
    if how == "changed":
        assert change(postern, ada.sign_in(), PASSWORD).status_code == 204
    else:
        assert reset(postern, asked_token(postern, OLD)).status_code == 204
    dead(postern, token, NEXT)
    assert emails(postern) == {OLD} and postern.try_sign_in(OLD, NEXT).status_code == 200


def test_a_link_for_a_password_that_went_to_the_old_address_opens_nothing_after_the_change(postern, ada):
    lost = asked_token(postern, OLD)
    assert confirm(postern, asked(ada)).status_code == 204
    assert reason(reset(postern, lost)) == (410, "link-invalid")
    assert postern.try_sign_in(NEW).status_code == 200
    # And a new one goes to the new address alone.
    asked_token(postern, NEW)


def test_the_password_of_another_account_brings_the_link_to_nobody(postern, ada):
    """Whoever gets the link by mistake gives their address to nobody, and the owner of the account sees that somebody tried."""
    Member(postern, OTHER, password=NEXT)
    token = asked(ada)
    for password in (NEXT, "not the password", ""):
        answer = confirm(postern, token, password)
        assert reason(answer) == (401, "wrong-credentials") and answer.json()["field"] == "password", password
        page = Visitor(postern, {"postern-link": token}).post(LINK_PAGE, LINK_PAGE, password=password)
        assert page.status_code == 401 and "That isn’t the password of the account that asked." in page.text and OLD not in page.text
    assert emails(postern) == {OLD, OTHER}
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    assert "wrong password, 6 times" in visitor.get("/auth/account").text.lower()
    assert confirm(postern, token).status_code == 204


@pytest.mark.parametrize("rescue", ["end-sessions", "require-password-change", "start-password-reset", "disable"])
def test_what_an_administrator_does_for_an_account_in_danger_ends_the_link_as_well(postern, ada, rescue):
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner").sign_in()})
    token, page = asked(ada), f"/auth/admin/people/{ada.id}"
    assert owner.post(page, f"{page}/{rescue}").status_code == 303
    dead(postern, token)
    assert NEW not in emails(postern)


def test_a_site_that_takes_certain_domains_takes_no_other_afterwards(make_postern):
    postern = make_postern(settings="sign-up: domains\nsign-up-domains: [example.org]\n").start()
    ada = Member(postern, OLD)
    session = ada.sign_in()
    assert reason(ask(ada, "ada@evil.example", session)) == (422, "email-invalid")
    page = submit(Visitor(postern, {"postern": session}), "ada@sub.example.org")
    assert page.status_code == 422 and "Only addresses of example.org are taken here." in page.text
    assert confirm(postern, asked(ada, NEW, session)).status_code == 204


def test_an_address_that_somebody_took_meanwhile_stays_theirs(postern, ada):
    token = asked(ada)
    Member(postern, NEW, password=NEXT)
    for _ in range(2):
        assert reason(confirm(postern, token)) == (410, "link-invalid")
        assert Visitor(postern, {"postern-link": token}).post(LINK_PAGE, LINK_PAGE, password=PASSWORD).status_code == 410
    assert emails(postern) == {OLD, NEW}
    assert postern.try_sign_in(OLD).status_code == postern.try_sign_in(NEW, NEXT).status_code == 200


@pytest.mark.parametrize("state", ["disable", "delete"])
def test_the_link_of_a_closed_account_changes_nothing(postern, ada, state):
    token = asked(ada)
    postern.command("account", state, OLD)
    dead(postern, token)
    assert NEW not in emails(postern)


def test_links_of_other_kinds_are_none_for_an_address(postern, ada):
    for token in (asked_token(postern, OLD), ada.sign_in(), "A" * 43, "x", ""):
        assert reason(confirm(postern, token)) == (410, "link-invalid")
    # And one for an address is none for a password or a sign-up.
    token = asked(ada)
    assert reason(reset(postern, token)) == (410, "link-invalid")
    assert reason(postern.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": PASSWORD})) == (410, "link-invalid")
    assert confirm(postern, token).status_code == 204


def test_the_button_needs_a_form_of_ours(postern, ada):
    token = asked(ada)
    visitor = Visitor(postern, {"postern-link": token})
    form = Page(visitor.get(LINK_PAGE).text).form_token
    for headers, data in (({"Sec-Fetch-Site": "cross-site"}, {"form_token": form}), ({"Sec-Fetch-Site": "same-origin"}, {}),
                          ({"Sec-Fetch-Site": "same-origin"}, {"form_token": "x"}), ({"Origin": "https://evil.example"}, {"form_token": form})):
        assert visitor.send("POST", LINK_PAGE, headers=headers, data=data | {"password": PASSWORD}).status_code == 403
    assert emails(postern) == {OLD}
    assert visitor.post(LINK_PAGE, LINK_PAGE, password=PASSWORD).status_code == 200
    assert emails(postern) == {NEW}


# Programs.


def test_a_program_changes_an_address_the_same_way(postern):
    ada = Member(postern, OLD).with_app()
    session = ada.sign_in()
    postern.minutes_pass(6)
    refused = ask(ada, NEW, session)
    assert reason(refused) == (403, "step-up-required") and "totp" in refused.json()["methods"]
    assert ada.step_up(session, ada.phone.code()).status_code == 204
    assert reason(ask(ada, OLD, session)) == (422, "email-invalid") and ask(ada, OLD, session).json()["field"] == "email"
    assert "already" in ask(ada, OLD, session).json()["detail"]
    for email in ("no address", "", "a@", "@b", "a@b\r\nBcc: c@d.example"):
        answer = ask(ada, email, session)
        assert reason(answer) == (422, "email-invalid") and answer.json()["field"] == "email", email
    for document in ({}, {"email": None}, {"email": 1}, {"email": [NEW]}, {"email": NEW, "account": "x"}, []):
        assert reason(ada.call(session, "POST", ASK, document)) == (400, "malformed"), document
    assert reason(postern.request("POST", ASK, json={"email": NEW})) == (401, "sign-in-needed")
    assert reason(postern.request("POST", ASK, json={"email": NEW}, headers={"Cookie": f"postern={session}", "Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert postern.letters(NEW) == []
    token = asked(ada, NEW, session)
    for document in ({}, {"token": token}, {"token": 1, "password": PASSWORD}, {"token": token, "password": PASSWORD, "email": OTHER}):
        assert reason(postern.request("POST", CONFIRM, json=document)) == (400, "malformed"), document
    answer = confirm(postern, token)
    assert (answer.status_code, answer.content) == (204, b"") and "Set-Cookie" not in answer.headers
    assert ada.call(session, "GET", "/auth/v1/account").json()["email"] == NEW
    wait_for("the gate", lambda: gate(postern, session) == (200, NEW), 2)
    dead(postern, token)
    assert postern.session_status(session) == 200, "an open session is ended"


def test_what_was_done_stands_in_ones_own_list_and_in_the_administrations(postern, ada):
    owner = Member(postern, "owner@example.org", "owner")
    session = ada.sign_in()
    assert confirm(postern, asked(ada, NEW, session)).status_code == 204
    wait_for("all", lambda: {line["state"] for line in ada.call(session, "GET", "/auth/v1/account/notifications").json()["notifications"]} == {"sent"})
    mine = Visitor(postern, {"postern": session}).get(NOTICES).text
    everybodys = Visitor(postern, {"postern": owner.sign_in()}).get("/auth/admin/notifications").text
    for words in ("Another address was given", "Address changed"):
        assert words in mine and words in everybodys
    assert "Confirm a new address" in everybodys
    person = Visitor(postern, {"postern": owner.sign_in()}).get(f"/auth/admin/people/{ada.id}").text
    assert NEW in person and json.loads(postern.command("account", "show", NEW, "--json"))["email"] == NEW


def test_one_address_gets_no_more_links_than_a_sign_up_may_send(postern, ada):
    """Nobody can have a stranger's mailbox filled."""
    session = ada.sign_in()
    for _ in range(8):
        assert ask(ada, NEW, session).status_code == 202
    wait_for("five", lambda: len(link_tokens(postern, NEW)) == 5)
    assert confirm(postern, link_tokens(postern, NEW)[0]).status_code == 204


# How the pages are used.


def test_the_page_is_used_with_the_keyboard_alone_and_says_what_each_thing_is(postern, ada, browser):
    browser.hold(postern.public_url, postern=ada.sign_in())
    browser.open(postern.public_url + PAGE)
    active = lambda: browser.driver.switch_to.active_element
    for _ in range(40):
        active().send_keys(Keys.TAB)
        if active().get_attribute("id") == "email":
            break
    assert active().accessible_name == "E-mail" and active().get_attribute("autocomplete") == "email"
    active().send_keys(OLD, Keys.ENTER)
    wait_for("the answer", lambda: browser.texts("#email-error") == ["That is your address already."])
    assert browser.attribute("#email", "aria-describedby") == "email-error" and browser.attribute("#email", "value") == OLD
    browser.type(email=NEW)
    active().send_keys(Keys.TAB)
    assert active().text == "Send the link"
    ring = "const ring = getComputedStyle(document.activeElement); return ring.outlineStyle !== 'none' || ring.boxShadow !== 'none'"
    assert browser.run(ring), "nobody sees where one is"
    active().send_keys(Keys.ENTER)
    # The page's source, not its elements: those of the page before go while one looks.
    wait_for("the answer", lambda: "Look into the mail" in browser.driver.page_source)
    token = wait_for("the link", lambda: link_tokens(postern, NEW))[0]
    browser.open(f"{postern.public_url}{LINK_PAGE}/{token}")
    # It has the focus at once.
    wait_for("the field", lambda: active().accessible_name == "Password")
    assert active().get_attribute("autocomplete") == "current-password"
    active().send_keys(PASSWORD, Keys.TAB)
    assert active().text == "Use this address"
    active().send_keys(Keys.ENTER)
    wait_for("the end", lambda: "Your address is changed</h1>" in browser.driver.page_source)
    assert emails(postern) == {NEW}
