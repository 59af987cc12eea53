"""The second factor as people meet it: in a real browser, with a camera that reads the real screen."""

import base64
import re
import time
from urllib.parse import unquote

import pytest

from parts.member import Member
from parts.phone import Phone, read_uri, scan
from parts.postern import PASSWORD
from parts.processes import wait_for

SECURITY = "/auth/account/security"


def open_security(browser, postern) -> None:
    browser.open(postern.public_url + SECURITY)
    assert browser.heading == "Security"


def give_password(browser, postern, email: str) -> None:
    browser.open(postern.public_url + "/auth/sign-in")
    browser.sign_in(email, PASSWORD)


def give_code(browser, code: str) -> None:
    browser.type(code=code)
    browser.press("Continue")


def sign_out(browser, postern) -> None:
    browser.open(postern.public_url + "/auth/account")
    browser.press("Sign out")


def read_key(browser, tmp_path, email: str, site: str = "Postern") -> str:
    """Scans the key, and compares it with the one to type and the picture to save."""
    assert browser.heading == "Add an authenticator app"
    uri = scan(browser.picture(tmp_path))
    key = read_uri(uri)
    typed = browser.text(".secret").replace(" ", "")
    assert (key["label"], key["issuer"], key["secret"]) == (f"{site}:{email}", site, typed)
    assert re.fullmatch("[A-Z2-7]{32}", typed), "not 160 bits (TO-07)"
    (tmp_path / "link.png").write_bytes(base64.b64decode(browser.attribute("a[download]", "href").removeprefix("data:image/png;base64,")))
    assert scan(tmp_path / "link.png") == uri, "the picture to save says something else"
    return typed


def add_app(browser, tmp_path, email: str, name: str) -> Phone:
    """Reads the key with a phone, and types its first code."""
    phone = Phone(read_key(browser, tmp_path, email))
    browser.type(name=name, code=phone.code())
    browser.press("Switch it on")
    return phone


def save_codes(browser) -> list[str]:
    """Reads ten recovery codes, compares them with those to download, and says that they are saved."""
    assert browser.heading == "Your recovery codes"
    codes = browser.texts(".codes li")
    assert len(set(codes)) == 10
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}", code) for code in codes), codes
    assert [line for line in unquote(browser.attribute("a[download]", "href")).split() if line in codes] == codes
    browser.tick("saved")
    browser.press("Use these codes")
    assert browser.text("[role=status]") == "These recovery codes count from now on."
    return codes


def check(browser, code: str) -> str:
    browser.unfold("Check a code")
    browser.type(check=code)
    browser.press("Check it")
    return browser.text("[role=status]")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_a_person_adds_an_app_signs_in_with_it_and_with_a_recovery_code_and_removes_it(postern, make_browser, tmp_path, scripts):
    email, browser = "ada@example.org", make_browser(scripts=scripts)
    postern.make_account(email)
    give_password(browser, postern, email)
    open_security(browser, postern)
    browser.press("Add an app")
    assert ("Copy the key" in browser.texts("button")) == scripts, "what needs scripts is shown only where they run"
    phone = add_app(browser, tmp_path, email, "Ada’s phone")
    codes = save_codes(browser)

    sign_out(browser, postern)
    code = phone.code()
    give_password(browser, postern, email)
    assert browser.heading == "Now the code from your phone"
    assert "Ada’s phone" in browser.text(".lead")
    give_code(browser, phone.wrong())
    assert browser.text("#code-error") == "That code isn’t right. Type the 6 digits your app shows now."
    give_code(browser, code)
    assert browser.url == postern.public_url + "/auth/account"

    sign_out(browser, postern)
    give_password(browser, postern, email)
    give_code(browser, code)
    assert browser.text("#code-error").startswith("That code was used already"), "TO-02"
    browser.follow("Recovery code")
    assert browser.heading == "Now a recovery code"
    give_code(browser, codes[0].replace("-", "").upper())
    assert browser.url == postern.public_url + "/auth/account"

    open_security(browser, postern)
    assert "9 of 10 left" in browser.text("main")
    browser.press("Make new codes")
    assert browser.text("#old") == "Your old codes stop working when you confirm."
    fresh = save_codes(browser)
    assert not set(fresh) & set(codes)
    assert "would not let you in" in check(browser, codes[1]), "an old code still works (RC-05)"
    assert check(browser, fresh[0]) == check(browser, fresh[0]) == "That code is good. It was not used up."

    browser.unfold("Rename Ada’s phone")
    browser.type(**{browser.attribute("[id^=name-]", "id"): "The old phone"})
    browser.press("Save the name")
    assert browser.texts(".rows .title") == ["The old phone"]

    browser.follow("Remove The old phone")
    browser.type(code=phone.wrong())
    browser.press("Remove The old phone")
    assert "isn’t right" in browser.text("#code-error")
    browser.type(code=phone.code())
    browser.press("Remove The old phone")
    assert browser.text("[role=status]") == "The app is removed. Its codes no longer work."
    assert "No second factor yet" in browser.text("main")
    sign_out(browser, postern)
    give_password(browser, postern, email)
    assert browser.url == postern.public_url + "/auth/account", "the password alone signs in again"

    seen = " ".join(browser.been_to())
    assert seen.count("/auth/account/security") >= 5
    for secret in [phone.secret, *codes, *fresh]:
        assert secret not in seen and secret.replace("-", "") not in seen.lower(), "a secret stands in an address"


def test_the_qr_code_can_be_read_from_every_screen_also_with_long_names(make_postern, browser, tmp_path):
    email = "a.person.with.a.remarkably.long.address.that.nobody.types@a-rather-long-subdomain.example.org"
    site = "Läden & Söhne: “alles”, 50 % off"
    postern = make_postern(settings=f"site: {{name: '{site}'}}\n").start()
    postern.make_account(email)
    give_password(browser, postern, email)
    for width, scheme in ((320, "light"), (320, "dark"), (1280, "light"), (1280, "dark")):
        browser.show_as(width, scheme)
        open_security(browser, postern)
        browser.press("Add an app")
        read_key(browser, tmp_path, email, site)


def test_the_key_and_the_codes_can_be_copied(postern, browser):
    ada = Member(postern, "ada@example.org")
    browser.may_copy()
    browser.hold(postern.public_url, postern=ada.sign_in())
    open_security(browser, postern)
    browser.press("Add an app")
    assert copied(browser) == browser.text(".secret").replace(" ", "")
    ada.with_app()
    browser.hold(postern.public_url, postern=ada.sign_in())
    open_security(browser, postern)
    browser.press("Make new codes")
    assert copied(browser).split("\n") == browser.texts(".codes li")


def copied(browser) -> str:
    """What stands in the clipboard after the button was pressed."""
    browser.driver.find_element("css selector", "[data-copy]").click()
    wait_for("the button to say so", lambda: browser.text("[data-copy]") == "Copied")
    return browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")


def test_a_trusted_browser_is_not_asked_until_the_apps_change_or_its_trust_is_ended(make_postern, make_browser):
    postern = make_postern(settings="second-factor: {trusted-browsers: 30d}\n").start()
    ada, browser, other = Member(postern, "ada@example.org").with_app(), make_browser(), make_browser()
    give_password(browser, postern, ada.email)
    assert "Don’t ask on this browser for 30 days" in browser.text("form")
    browser.tick("trust")
    give_code(browser, ada.phone.code())
    assert assurance(browser) == "aal2"

    sign_out(browser, postern)
    give_password(browser, postern, ada.email)
    assert browser.url == postern.public_url + "/auth/account", "a trusted browser is asked"
    assert assurance(browser) == "aal1", "trust is no proof"
    give_password(other, postern, ada.email)
    assert other.heading == "Now the code from your phone", "another browser is not asked"

    # A second app ends the trust; a recovery code proves who adds it.
    second, _ = ada.add_app(ada.sign_in_with_recovery_code(), "Tablet")
    sign_out(browser, postern)
    give_password(browser, postern, ada.email)
    assert browser.heading == "Now a recovery code", "trust outlived a change of the apps"

    browser.follow("Code from")
    browser.tick("trust")
    give_code(browser, second.code())
    open_security(browser, postern)
    trusted = browser.text("[aria-labelledby=browsers] .title")
    browser.press(f"Stop trusting {trusted}")
    assert browser.text("[role=status]") == "That browser is asked for the second step again."
    sign_out(browser, postern)
    give_password(browser, postern, ada.email)
    assert browser.heading == "Now the code from your phone", "trust that was ended still counts"


def assurance(browser) -> str:
    return browser.driver.execute_async_script(
        "const done = arguments[0]; fetch('/auth/v1/session').then(answer => answer.json()).then(session => done(session.assurance));")


def test_a_member_of_a_group_that_asks_for_it_adds_an_app_on_the_way_in(make_postern, browser, tmp_path):
    postern = make_postern(settings="groups: {staff: {second-factor: {required: yes}}}\n").start()
    ada = Member(postern, "ada@example.org")
    ada.join("staff")
    give_password(browser, postern, ada.email)
    assert browser.url.startswith(postern.public_url + "/auth/sign-in/enrol")
    assert "Your group asks for a second factor" in browser.text(".lead")
    browser.press("Show the code to scan")
    ada.phone = add_app(browser, tmp_path, ada.email, "Work phone")
    assert assurance(browser) == "aal2"
    open_security(browser, postern)
    browser.press("Make new codes")
    ada.codes = save_codes(browser)
    assert ada.assurance(ada.sign_in()) == "aal2"


def test_with_a_grace_a_member_is_told_until_when_to_add_an_app(make_postern, browser):
    postern = make_postern(settings="groups: {staff: {second-factor: {required: yes, grace: 7d}}}\n").start()
    ada = Member(postern, "ada@example.org")
    ada.join("staff")
    due = time.gmtime(time.time() + 7 * 86_400)
    give_password(browser, postern, ada.email)
    notice = browser.text("[role=status]")
    assert "Your group asks for a second factor. Add an authenticator app before " in notice
    assert time.strftime("%Y", due) in notice and re.search(rf"\b0?{due.tm_mday}\b", notice), notice
    assert assurance(browser) == "aal1"


def test_an_owner_adds_an_app_before_the_administration_opens(make_postern, browser, tmp_path):
    """AZ-05, as the server has it without a word in the settings."""
    postern = make_postern(administration=None).start()
    email, admin = "owner@example.org", postern.public_url + "/auth/admin"
    postern.make_account(email, role="owner")
    give_password(browser, postern, email)
    browser.open(admin)
    assert browser.heading == "Security"
    assert browser.text("[role=status]") == "What you opened needs a second factor. Add an authenticator app, and you go on from there."
    browser.press("Add an app")
    phone = add_app(browser, tmp_path, email, "My phone")
    browser.tick("saved")
    browser.press("Use these codes")
    assert (browser.url, browser.heading) == (admin, "Overview"), "adding an app leads on to what asked for it"

    sign_out(browser, postern)
    browser.open(admin)
    browser.sign_in(email, PASSWORD)
    give_code(browser, phone.code())
    assert (browser.url, browser.heading) == (admin, "Overview"), "the second step leads back to where one was going"
