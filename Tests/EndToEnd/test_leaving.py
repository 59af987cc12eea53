"""Taking one's data along, and deleting one's account: proved, thought over for seven days, told, and never the last owner."""

import json
import re
import time
from datetime import datetime, timezone

import pytest
from selenium.webdriver.common.keys import Keys

from parts.expiry import DAY, edit
from parts.job_rows import select
from parts.member import Member
from parts.postern import PASSWORD, Postern, at_once, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor
from test_second_factor_journey import give_code

PAGE, STAY, EXPORT = "/auth/account/leave", "/auth/account/stay", "/auth/account/export"
API, API_EXPORT = "/auth/v1/account/leave", "/auth/v1/account/export"
ADA, BOB = "ada@example.org", "bob@example.org"
LEAVING_MAIL, GONE_MAIL = "Your account will be deleted", "Your account is deleted"
DELETE, KEEP = "Delete the account in seven days", "Keep the account"
KEYS = {"account", "password_set_at", "authenticators", "phones", "recovery_codes_left", "organizations", "api_keys", "sessions", "trusted_browsers", "sign_ins", "notifications", "events"}


def leave(member: Member, token: str, password: str = PASSWORD):
    return member.call(token, "POST", API, {"password": password})


def is_leaving(postern: Postern) -> list[int]:
    return [at for at, in select(postern, "SELECT leaves_at FROM account_leaving ORDER BY leaves_at")]


def run_of_the_day(postern: Postern) -> None:
    """Starts the server as if today's run hadn't been, and waits until it was."""
    postern.stop()
    edit(postern, "DELETE FROM job WHERE kind = 'delete-leavers'")
    postern.start()
    wait_for("the day's run", lambda: select(postern, "SELECT state FROM job WHERE kind = 'delete-leavers'") == [("done",)], 40, step=0.1)


def days_pass(postern: Postern, days: float) -> None:
    edit(postern, "UPDATE account_leaving SET leaves_at = leaves_at - ?", int(days * DAY))


def people(postern: Postern) -> set[str]:
    return {account["email"] for account in postern.accounts()}


def words_of(at: int) -> str:
    """A time as pages and mails say it."""
    when = datetime.fromtimestamp(at / 1_000_000, timezone.utc)
    return f"{when.day} {when:%B %Y}, {when:%H:%M} UTC"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_a_person_takes_their_data_along_leaves_thinks_better_of_it_and_leaves_for_good(mailing, sink, make_browser, tmp_path, scripts):
    sink.start()
    postern = mailing()
    Member(postern, "owner@example.org", "owner")
    ada, browser = Member(postern, ADA).with_app(), make_browser(scripts=scripts)
    browser.hold(postern.public_url, postern=ada.sign_in())
    postern.minutes_pass(6)
    browser.open(postern.public_url + "/auth/account")
    browser.follow("Take your data along")
    assert browser.heading == "Confirm it’s you", "an old proof is enough"
    give_code(browser, ada.phone.wrong())
    assert browser.heading == "Confirm it’s you"
    give_code(browser, ada.phone.code())
    assert (browser.heading, browser.url) == ("Your data", postern.public_url + PAGE)

    folder = tmp_path / "downloads"
    folder.mkdir()
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    browser.driver.find_element("link text", "Download your data").click()
    wait_for("the download", lambda: [file.name for file in folder.iterdir()] == ["account.json"], 20)
    export = json.loads((folder / "account.json").read_text())
    assert set(export) == KEYS and export["account"]["email"] == ADA and len(export["authenticators"]) == 1

    browser.type(password="not the password")
    browser.press(DELETE)
    assert browser.text("#password-error") == "That isn’t your password. Check for caps lock."
    assert is_leaving(postern) == [] and sink.to(ADA, LEAVING_MAIL) == []
    for keeps in (True, False):
        begin = time.time()
        browser.open(postern.public_url + PAGE)
        browser.type(password=PASSWORD)
        browser.press(DELETE)
        [at] = is_leaving(postern)
        assert begin - 2 < at / 1_000_000 - 7 * 86_400 < time.time() + 2
        assert (browser.heading, browser.url) == ("Your data", postern.public_url + PAGE)
        assert f"Your account is deleted after {words_of(at)}." in browser.text("main")
        assert browser.texts("#password") == [] and browser.texts("main button") == [KEEP]
        letter = wait_for("the mail", lambda: sink.to(ADA, LEAVING_MAIL)[(0 if keeps else 1):], 20)[0]
        assert words_of(at) in letter.part("plain").replace("\r\n", " ").replace("\n", " ") and letter.link == postern.public_url + PAGE
        # By the mail's link, and without any new proof.
        postern.minutes_pass(6)
        browser.open(letter.link)
        assert browser.heading == "Your data"
        if keeps:
            browser.press(KEEP)
            assert browser.url == postern.public_url + "/auth/account" and is_leaving(postern) == []
            browser.open(postern.public_url + PAGE)
            give_code(browser, ada.phone.code())
            assert browser.texts("#password") == [""] and KEEP not in browser.texts("button")

    days_pass(postern, 6.9)
    run_of_the_day(postern)
    assert ADA in people(postern), "they had a little time left"
    days_pass(postern, 0.2)
    session = browser.driver.get_cookie("postern")["value"]
    assert postern.gate_status(session) == 200
    run_of_the_day(postern)
    assert people(postern) == {"owner@example.org"}
    assert postern.session_status(session) == postern.gate_status(session) == 401
    browser.open(postern.public_url + "/auth/account")
    assert browser.heading.startswith("Sign in")
    browser.sign_in(ADA, PASSWORD)
    assert browser.heading.startswith("Sign in") and reason(postern.try_sign_in(ADA)) == (401, "wrong-credentials")
    [letter] = wait_for("the last mail", lambda: sink.to(ADA, GONE_MAIL), 20)
    assert "As you asked seven days ago" in letter.part("plain")
    for table in ("account_leaving", "session", "authenticator", "notice"):
        assert select(postern, f"SELECT COUNT(*) FROM {table} WHERE account_id = ?", bytes.fromhex(ada.id.replace("-", ""))) == [(0,)], table


def test_somebody_without_a_second_factor_needs_the_password_alone(postern, browser):
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA)
    browser.hold(postern.public_url, postern=ada.sign_in())
    postern.minutes_pass(60)
    browser.open(postern.public_url + PAGE)
    assert browser.heading == "Your data"
    browser.type(password=PASSWORD)
    browser.press(DELETE)
    led = Visitor(postern, {"postern": browser.driver.get_cookie("postern")["value"]}).get(EXPORT)
    assert led.status_code == 303 and led.headers["Location"].startswith("/auth/account/step-up?return_to="), "an old session takes everything along"
    assert len(is_leaving(postern)) == 1 and wait_for("the mail", lambda: postern.letter(ADA, LEAVING_MAIL))


# The export.


def test_the_export_holds_everything_of_oneself_no_secret_and_nothing_of_others(make_postern):
    postern = make_postern(settings="second-factor: {trusted-browsers: 30d}\ngroups: {staff: {}}\n").start()
    owner, bob, ada = Member(postern, "owner@example.org", "owner"), Member(postern, BOB), Member(postern, ADA).with_app()
    ada.join("staff")
    trusted = ada.finish(ada.attempt(), ada.codes[0], "recovery_code", trust=True).json()
    session = ada.sign_in()
    postern.try_sign_in(ADA, "not the password")
    bob.sign_in()
    reset = postern.request("POST", "/auth/v1/forgot-password", json={"email": ADA})
    assert reset.status_code == 202
    wait_for("the link", lambda: postern.letter(ADA, "Choose another password"))
    page = f"/auth/admin/people/{ada.id}"
    assert Visitor(postern, {"postern": owner.sign_in()}).post(page, page + "/require-password-change").status_code == 303
    answer = ada.call(session, "GET", API_EXPORT)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store" and answer.headers["Content-Type"].startswith("application/json")
    export = answer.json()
    assert set(export) == KEYS
    assert (export["account"]["email"], export["account"]["id"], export["account"]["groups"]) == (ADA, ada.id, ["staff"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", export["password_set_at"])
    assert [app["name"] for app in export["authenticators"]] == ["My phone"] and export["recovery_codes_left"] == 9
    assert len(export["trusted_browsers"]) == 1 and len(export["sessions"]) == 3
    assert {"wrong-password"} <= {attempt["reason"] for attempt in export["sign_ins"]}
    assert {"password-reset", "authenticator-added", "recovery-code-used"} <= {line["kind"] for line in export["notifications"]}
    assert {line["target"] for line in export["notifications"]} == {ADA}
    assert {"yourself"} < {event["by"] for event in export["events"]}
    assert {tuple(sorted(row)) for row in export["notifications"]} == {("at", "channel", "kind", "state", "subject", "target")}
    assert {tuple(sorted(row)) for row in export["events"]} == {("address", "at", "by", "detail", "event")}
    link = re.search(r"/auth/reset-password/(\S+)", postern.letter(ADA, "Choose another password")["text"])[1]
    [(password_hash,)] = select(postern, "SELECT password_hash FROM account WHERE email = ?", ADA)
    for what, secret in {"a session": session, "a trusted browser": trusted["trust"], "an app's key": ada.phone.secret, "a link": link,
                         "a password's hash": str(password_hash), "a hash": "$argon2", "a recovery code": ada.codes[1], "the password": PASSWORD,
                         "bob": "bob@", "bob's id": bob.id, "an owner's address": "owner@", "an owner's id": owner.id,
                         "who put them into a group": "owner-of-staff@"}.items():
        assert secret not in answer.text and secret.replace("-", "") not in answer.text, f"it holds {what}"
    assert not re.search(r"[A-Za-z0-9_-]{40,}|[0-9a-f]{32,}", answer.text.replace(ada.id, "")), "something in it looks like a token"
    # Another's is another's.
    theirs = bob.call(bob.sign_in(), "GET", API_EXPORT)
    assert theirs.json()["account"]["email"] == BOB and ADA not in theirs.text and "My phone" not in theirs.text


def test_the_export_asks_who_holds_a_second_factor_for_it_afresh(postern):
    ada = Member(postern, ADA).with_app()
    session = ada.sign_in()
    visitor = Visitor(postern, {"postern": session})
    done = visitor.get(EXPORT)
    assert done.status_code == 200 and done.headers["Content-Disposition"] == 'attachment; filename="account.json"'
    assert done.headers["X-Content-Type-Options"] == "nosniff" and done.headers["Cache-Control"] == "no-store"
    postern.minutes_pass(6)
    answer = ada.call(session, "GET", API_EXPORT)
    assert reason(answer) == (403, "step-up-required") and "totp" in answer.json()["methods"] and ADA not in answer.text
    for path in (EXPORT, PAGE):
        led = visitor.get(path)
        assert led.status_code == 303 and led.headers["Location"].startswith("/auth/account/step-up?return_to="), path
    assert ada.step_up(session, ada.phone.code()).status_code == 204
    assert ada.call(session, "GET", API_EXPORT).status_code == 200
    for stranger in (Visitor(postern), Visitor(postern, {"postern": "A" * 43})):
        assert stranger.get(EXPORT).headers["Location"].startswith("/auth/sign-in") and stranger.get(PAGE).status_code == 303
        assert reason(stranger.send("GET", API_EXPORT)) == (401, "sign-in-needed")


# Programs, and what is refused.


def test_a_program_leaves_and_stays_the_same_way(postern):
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA).with_app()
    session = ada.sign_in()
    for document in ({}, {"password": 1}, {"password": PASSWORD, "now": True}, []):
        assert reason(ada.call(session, "POST", API, document)) == (400, "malformed"), document
    wrong = leave(ada, session, "not the password")
    assert reason(wrong) == (401, "wrong-credentials") and wrong.json()["field"] == "password"
    assert leave(ada, session, "x" * 5_000).status_code in (401, 422)
    postern.minutes_pass(6)
    assert reason(leave(ada, session)) == (403, "step-up-required")
    assert is_leaving(postern) == []
    assert ada.step_up(session, ada.phone.code()).status_code == 204
    first = leave(ada, session)
    assert first.status_code == 200 and set(first.json()) == {"leaves_at"}
    [at] = is_leaving(postern)
    assert first.json()["leaves_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1_000_000))
    # Again, and many at once: the time stays, and one mail tells.
    assert {answer.text for answer in at_once([lambda: leave(ada, session)] * 4)} == {first.text}
    assert is_leaving(postern) == [at]
    wait_for("the mail", lambda: postern.letter(ADA, LEAVING_MAIL))
    postern.minutes_pass(6)
    for _ in range(2):
        answer = ada.call(session, "DELETE", API)
        assert (answer.status_code, answer.content) == (204, b"")
    assert is_leaving(postern) == []
    assert len([letter for letter in postern.letters(ADA) if letter["subject"].startswith(LEAVING_MAIL)]) == 1
    for method in ("POST", "DELETE"):
        assert reason(postern.request(method, API, json={"password": PASSWORD})) == (401, "sign-in-needed")
    kinds = [line["event"] for line in (ada.step_up(session, ada.phone.code()), ada.call(session, "GET", API_EXPORT))[1].json()["events"]]
    assert {"account.leaving", "account.stayed"} <= set(kinds)


def test_a_wrong_password_stands_in_the_history_as_a_failed_sign_in(postern):
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA)
    session = ada.sign_in()
    assert reason(leave(ada, session, "not the password")) == (401, "wrong-credentials")
    visitor = Visitor(postern, {"postern": session})
    answer = visitor.post(PAGE, PAGE, password="neither this one")
    assert answer.status_code == 401 and "That isn’t your password." in answer.text and "neither this one" not in answer.text
    attempts = ada.call(session, "GET", API_EXPORT).json()["sign_ins"]
    assert [attempt["times"] for attempt in attempts if attempt["reason"] == "wrong-password"] == [2]
    assert "wrong password, 2 times" in visitor.get("/auth/account").text.lower()


def test_forms_that_leave_and_stay_need_their_token(postern):
    Member(postern, "owner@example.org", "owner")
    ada, bob = Member(postern, ADA), Member(postern, BOB)
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    form, others = Page(visitor.get(PAGE).text).form_token, Page(Visitor(postern, {"postern": bob.sign_in()}).get(PAGE).text).form_token
    for path in (PAGE, STAY):
        for headers, token in (({"Sec-Fetch-Site": "cross-site"}, form), ({"Sec-Fetch-Site": "same-origin"}, ""), ({"Sec-Fetch-Site": "same-origin"}, others)):
            assert visitor.send("POST", path, headers=headers, data={"form_token": token, "password": PASSWORD}).status_code == 403
        # No link does it either.
        assert visitor.get(path).status_code in (200, 404, 405)
    assert is_leaving(postern) == []


# Owners.


def test_the_last_owner_cannot_leave_and_is_told_why(postern, browser):
    """AZ-04."""
    owner, admin = Member(postern, "owner@example.org", "owner"), Member(postern, "admin@example.org", "administrator")
    assert reason(leave(owner, owner.sign_in())) == (409, "last-owner")
    browser.hold(postern.public_url, postern=owner.sign_in())
    browser.open(postern.public_url + PAGE)
    browser.type(password=PASSWORD)
    browser.press(DELETE)
    assert "owner" in browser.text("body").lower() and browser.heading != "Your data", browser.text("body")
    assert is_leaving(postern) == [] and postern.letters(owner.email) == []
    assert leave(admin, admin.sign_in()).status_code == 200
    # With another owner they can; a closed one is none.
    Member(postern, "second@example.org", "owner")
    postern.command("account", "disable", "second@example.org")
    assert reason(leave(owner, owner.sign_in())) == (409, "last-owner")
    postern.command("account", "enable", "second@example.org")
    assert leave(owner, owner.sign_in()).status_code == 200


def test_of_two_owners_who_both_leave_one_remains(postern):
    """AZ-04."""
    owners = [Member(postern, f"owner{number}@example.org", "owner") for number in range(2)]
    sessions = [owner.sign_in() for owner in owners]
    answers = at_once([lambda pair=pair: leave(*pair) for pair in zip(owners, sessions)])
    assert [answer.status_code for answer in answers] == [200, 200]
    days_pass(postern, 7.1)
    run_of_the_day(postern)
    [left] = people(postern)
    [stays] = [pair for pair in zip(owners, sessions) if pair[0].email == left]
    assert Visitor(postern, {"postern": stays[1]}).get("/auth/admin").status_code == 200
    run_of_the_day(postern)
    assert people(postern) == {left}, "the last owner goes at the second run"
    [gone] = [owner.email for owner in owners if owner.email != left]
    assert postern.try_sign_in(left).status_code == 200 and postern.try_sign_in(gone).status_code == 401
    # Once somebody else is an owner, they are gone as they asked.
    Member(postern, "third@example.org", "owner")
    run_of_the_day(postern)
    assert people(postern) == {"third@example.org"}


def test_the_owner_who_could_not_go_is_not_shown_a_day_that_has_passed(postern):
    """AZ-04: they stay for now, and the page says so."""
    owners = [Member(postern, f"owner{number}@example.org", "owner") for number in range(2)]
    sessions = [owner.sign_in() for owner in owners]
    for pair in zip(owners, sessions):
        assert leave(*pair).status_code == 200
    days_pass(postern, 7.1)
    run_of_the_day(postern)
    [at] = is_leaving(postern)
    [session] = [session for session in sessions if postern.session_status(session) == 200]
    page = Visitor(postern, {"postern": session}).get(PAGE).text
    assert "owner" in page.lower().split("<main")[1], "nothing says why the account is still there"
    assert f"Your account is deleted after <time datetime" not in page or words_of(at) not in page


def test_an_account_that_is_closed_meanwhile_stays_until_it_is_open_again(postern):
    """What an administrator closed may still be wanted."""
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA)
    assert leave(ada, ada.sign_in()).status_code == 200
    postern.command("account", "disable", ADA)
    days_pass(postern, 7.1)
    run_of_the_day(postern)
    assert people(postern) == {"owner@example.org", ADA}
    postern.command("account", "enable", ADA)
    run_of_the_day(postern)
    assert people(postern) == {"owner@example.org"}


def test_the_address_is_free_again_afterwards(postern):
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA)
    assert leave(ada, ada.sign_in()).status_code == 200
    days_pass(postern, 7.1)
    run_of_the_day(postern)
    wait_for("the last mail", lambda: postern.letter(ADA, GONE_MAIL))
    again = Member(postern, ADA)
    assert again.id != ada.id and len(again.call(again.sign_in(), "GET", API_EXPORT).json()["sign_ins"]) == 1
    assert is_leaving(postern) == []


# How the page is used.


def test_the_page_is_used_with_the_keyboard_alone_and_says_what_each_thing_is(postern, browser):
    Member(postern, "owner@example.org", "owner")
    ada = Member(postern, ADA)
    browser.hold(postern.public_url, postern=ada.sign_in())
    browser.open(postern.public_url + PAGE)
    active = lambda: browser.driver.switch_to.active_element
    ring = "const ring = getComputedStyle(document.activeElement); return ring.outlineStyle !== 'none' || ring.boxShadow !== 'none'"

    def tab_to(words: str) -> None:
        for _ in range(40):
            active().send_keys(Keys.TAB)
            if active().accessible_name == words:
                assert browser.run(ring), f"nobody sees that one is at {words}"
                return
        raise AssertionError(f"the keyboard never comes to {words}")
    tab_to("Download your data")
    tab_to("Password")
    assert active().get_attribute("autocomplete") == "current-password"
    # A password manager sees whose it is.
    assert browser.run("return document.querySelector('[autocomplete=username]').value") == ADA
    active().send_keys("not the password", Keys.ENTER)
    wait_for("the answer", lambda: browser.texts("#password-error"))
    assert "password-error" in browser.attribute("#password", "aria-describedby") and browser.attribute("#password", "value") == ""
    browser.driver.find_element("id", "password").send_keys(PASSWORD, Keys.TAB)
    while active().text != DELETE:
        active().send_keys(Keys.TAB)
    active().send_keys(Keys.ENTER)
    wait_for("the answer", lambda: KEEP in browser.texts("button"))
    tab_to(KEEP)
    active().send_keys(Keys.ENTER)
    wait_for("the end", lambda: browser.url.endswith("/auth/account"))
    assert is_leaving(postern) == []
