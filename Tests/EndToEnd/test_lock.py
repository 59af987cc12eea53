"""An account under attack: its owner goes on in the browser that is known, strangers wait, and what ends that."""

import json
import os
from pathlib import Path

import pytest

from parts.browser import Browser
from parts.choosing import NEXT, ask, reset
from parts.guessing import BLOCKED, NOT_RIGHT, SOON, lock, verdict
from parts.job_rows import select
from parts.mail_sink import Letter, MailSink
from parts.member import Member
from parts.postern import PASSWORD, Postern, reason
from parts.processes import wait_for
from parts.visitor import Visitor

ADA, OWNER = "ada@example.org", "owner@example.org"
SUBJECT = "Too many wrong passwords"
STRANGER = "192.0.2.99"
OKAY = (200, "")


def open_sign_in(browser: Browser, postern: Postern, email: str = ADA) -> None:
    browser.open(postern.public_url + "/auth/sign-in")
    browser.sign_in(email, PASSWORD)


def sign_out(browser: Browser, postern: Postern) -> None:
    browser.open(postern.public_url + "/auth/account")
    browser.press("Sign out")


def save(browser: Browser, name: str) -> None:
    """Keeps a picture, if POSTERN_SHOTS names a folder."""
    folder = os.environ.get("POSTERN_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.whole_page(Path(folder) / f"{name}.png")


def lock_letter(sink: MailSink) -> Letter:
    """The one that tells of the lock, as soon as it came."""
    [letter] = wait_for("the mail", lambda: sink.to(ADA, SUBJECT))
    return letter


def is_let_in(postern: Postern, password: str = PASSWORD) -> tuple[int, str]:
    return verdict(postern, ADA, password, STRANGER)


# In browsers.


def test_a_hundred_wrong_ones_keep_strangers_out_and_the_owner_goes_on(mailing, sink, make_browser):
    """LG-09."""
    sink.start()
    postern, owner, fresh = mailing(), make_browser(), make_browser()
    postern.make_account(ADA)
    open_sign_in(owner, postern)
    assert owner.url == postern.public_url + "/auth/account"
    sign_out(owner, postern)

    assert lock(postern, ADA) == 100
    assert is_let_in(postern) == verdict(postern, ADA, address=STRANGER) == BLOCKED
    open_sign_in(fresh, postern)
    assert fresh.url == postern.public_url + "/auth/sign-in"
    said = fresh.text("[role=alert]")
    assert "Too many wrong passwords were tried." in said and "Sign in from a browser that you have used here before" in said
    assert "Forgot your password?" in said and "Forgot your password?" in fresh.texts("a")
    assert fresh.attribute("#email", "value") == ADA and fresh.attribute("#password", "value") == ""
    assert fresh.run("return policyViolations") == []
    save(fresh, "locked")

    for _ in range(2):
        open_sign_in(owner, postern)
        assert owner.url == postern.public_url + "/auth/account", "strangers lock the owner out"
        sign_out(owner, postern)
    assert is_let_in(postern) == BLOCKED, "the owner's sign-in let strangers in as well"


def test_the_mailed_link_lets_a_new_browser_in_once_its_button_is_pressed(mailing, sink, make_browser):
    """RC-12."""
    sink.start()
    postern, fresh = mailing(more=SOON), make_browser()
    postern.make_account(ADA)
    lock(postern, ADA)
    letter = lock_letter(sink)
    assert letter.over_tls and letter.recipients == [ADA] and letter.link in letter.part("html")
    assert postern.public_url + "/auth/unlock/" in letter.link and PASSWORD not in letter.part("plain")
    path = letter.link.removeprefix(postern.public_url)
    for method in ("GET", "HEAD", "GET", "HEAD", "OPTIONS", "GET"):
        assert postern.request(method, path).status_code < 500
    visitor = Visitor(postern)
    for _ in range(3):
        assert visitor.get(path).status_code == 303
        assert visitor.get("/auth/unlock").status_code == 200
    assert visitor.send("POST", "/auth/unlock", headers={"Sec-Fetch-Site": "cross-site"}, data={}).status_code == 403
    assert is_let_in(postern) == BLOCKED, "opening the link is enough"

    fresh.open(letter.link)
    assert (fresh.url, fresh.heading) == (postern.public_url + "/auth/unlock", "Sign in again")
    save(fresh, "unlock")
    open_sign_in(fresh, postern)
    assert fresh.text("[role=alert]").startswith("Too many wrong passwords"), "opening the link is enough"
    fresh.open(letter.link)
    fresh.press("Let me sign in again")
    assert fresh.text(".notice") == "You can sign in again, from any browser."
    save(fresh, "unlocked")
    fresh.sign_in(ADA, PASSWORD)
    assert fresh.url == postern.public_url + "/auth/account"
    assert fresh.run("return policyViolations") == []

    assert is_let_in(postern) == OKAY
    fresh.open(letter.link)
    assert fresh.texts("form[action='/auth/unlock']") == [], "the link opens twice"
    # Whoever begins again locks again, but mails nothing more that day.
    assert lock(postern, ADA) == 10
    assert is_let_in(postern) == BLOCKED and verdict(postern, ADA, address=STRANGER) == BLOCKED
    assert postern.sign_up("later@example.org").status_code == 202
    wait_for("a later mail", lambda: sink.to("later@example.org"))
    assert len(sink.to(ADA, SUBJECT)) == 1


def test_the_link_works_by_the_api_once_and_another_lock_ends_the_one_before(mailing, sink):
    sink.start()
    postern = mailing(more=SOON)
    postern.make_account(ADA)
    lock(postern, ADA)
    token = lock_letter(sink).link.rsplit("/", 1)[1]

    def unlock(text: str):
        return postern.request("POST", "/auth/v1/unlock", json={"token": text})
    for wrong in ("", "x", "A" * 43, token[:-1], token + "A"):
        assert unlock(wrong).status_code in (400, 410, 422), wrong
        assert is_let_in(postern) == BLOCKED
    assert unlock(token).status_code == 204 and is_let_in(postern) == OKAY
    assert unlock(token).status_code == 410


def test_who_has_no_account_or_no_confirmed_address_gets_no_mail(mailing, sink):
    sink.start()
    postern = mailing(more=SOON)
    assert postern.sign_up(ADA).status_code == 202
    wait_for("the mail to confirm", lambda: sink.to(ADA))
    assert lock(postern, ADA) == lock(postern, "nobody@example.org", "198.52") == 10
    assert postern.sign_up("later@example.org").status_code == 202
    wait_for("a later mail", lambda: sink.to("later@example.org"))
    assert not [letter for letter in sink.letters if letter.message["Subject"].startswith(SUBJECT)]


# What ends it.


def by_another_password(postern: Postern, browser: Browser, sink: MailSink) -> str:
    assert ask(postern, ADA).status_code == 202
    [letter] = wait_for("the link", lambda: sink.to(ADA, "Choose another password"))
    assert is_let_in(postern) == BLOCKED, "asking for a link is enough"
    assert reset(postern, letter.link.rsplit("/", 1)[1]).status_code == 204
    return NEXT


def by_command(postern: Postern, browser: Browser, sink: MailSink) -> str:
    assert postern.command("block", "remove", "--account", "ADA@example.org").lower() == f"{ADA} can sign in again.\n"
    return PASSWORD


def by_the_button_of_a_person(postern: Postern, browser: Browser, sink: MailSink) -> str:
    postern.make_account(OWNER, "owner")
    open_sign_in(browser, postern, OWNER)
    [ada] = [account["id"] for account in postern.accounts() if account["email"] == ADA]
    browser.open(f"{postern.public_url}/auth/admin/people/{ada}")
    assert "10 wrong passwords in a row" in browser.text("main")
    browser.unfold("Count anew")
    save(browser, "count-anew")
    browser.press("Count anew")
    assert "wrong passwords in a row" not in browser.text("main")
    return PASSWORD


def by_releasing_the_block(postern: Postern, browser: Browser, sink: MailSink) -> str:
    [block] = [found for found in json.loads(postern.command("block", "list", "--json")) if found["rule"] == "account-lock"]
    assert postern.command("block", "remove", block["id"]) == "Released.\n"
    return PASSWORD


@pytest.mark.parametrize("end", [by_another_password, by_command, by_the_button_of_a_person, by_releasing_the_block], ids=lambda end: end.__name__)
def test_a_lock_ends_with_all_that_was_counted(mailing, sink, browser, end):
    sink.start()
    postern = mailing(more="throttling: {sign-in: {lock-after: 10, wait-after: 4/15m, block-after: 4}}\n")
    postern.make_account(ADA)
    # That address is blocked by itself as well.
    assert [verdict(postern, ADA, address=STRANGER) for _ in range(5)] == [NOT_RIGHT] * 4 + [BLOCKED]
    assert lock(postern, ADA, each=3) == 6
    password = end(postern, browser, sink)
    assert is_let_in(postern, password) == OKAY
    [ada] = [account["id"] for account in postern.accounts() if account["email"] == ADA]
    assert select(postern, "SELECT place FROM password_try WHERE account_key = ?", bytes.fromhex(ada.replace("-", ""))) == []
    assert [found for found in json.loads(postern.command("block", "list", "--json")) if found["who"].startswith(ADA)] == []
    kinds = {found["rule"]: found["state"] for found in json.loads(postern.command("block", "list", "--all", "--json"))}
    assert kinds == {"account-lock": "released", "failures": "released"}
    assert verdict(postern, ADA, address=STRANGER) == NOT_RIGHT


def test_a_release_leaves_the_codes_of_a_second_factor_counted(make_postern):
    """TO-06."""
    postern = make_postern(settings=SOON).start()
    ada = Member(postern, ADA).with_app()
    attempt = ada.attempt()
    for _ in range(10):
        ada.finish(attempt, ada.phone.wrong())
    assert reason(ada.finish(ada.attempt(), ada.phone.wrong())) == (429, "codes-wait")
    lock(postern, ADA)
    postern.command("block", "remove", "--account", ADA)
    assert reason(ada.finish(ada.attempt(), ada.phone.wrong())) == (429, "codes-wait")


def test_nobody_without_an_account_can_be_released_and_strangers_may_not(make_postern):
    postern = make_postern(settings=SOON).start()
    postern.make_account(ADA)
    member = Member(postern, "member@example.org")
    lock(postern, ADA)
    done = postern.run("block", "remove", "--account", "nobody@example.org")
    assert done.returncode == 1 and done.stderr == "postern: No account has that address.\n"
    [ada] = [account["id"] for account in postern.accounts() if account["email"] == ADA]
    visitor = Visitor(postern, {"postern": member.sign_in()})
    assert visitor.post("/auth/account", f"/auth/admin/people/{ada}/release-locks").status_code == 403
    assert is_let_in(postern) == BLOCKED
