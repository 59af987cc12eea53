"""Another password, as people choose it in a real browser: by mail, with the current one, and because it was stolen."""

import pytest

from parts.browser import Browser
from parts.choosing import CHANGE_MAIL, LINK_MAIL, NEXT, StolenList, links
from parts.hosts import ALL, Hosts
from parts.member import Member
from parts.meter import Reading, check, shown
from parts.postern import PASSWORD, Postern, link_in
from parts.processes import wait_for

ADA = "ada@example.org"
WEAK = "lantern1"
SIGN_IN = "Sign in to Postern"


@pytest.fixture
def stolen(binary, tmp_path) -> StolenList:
    return StolenList(binary, tmp_path / "list")


def sign_in(browser: Browser, postern: Postern, password: str = PASSWORD, path: str = "/auth/account") -> None:
    browser.open(postern.public_url + path)
    browser.sign_in(ADA, password)


def give_code(browser: Browser, code: str) -> None:
    browser.type(code=code)
    browser.press("Continue")


def cookie(browser: Browser, name: str = "postern") -> str | None:
    held = browser.driver.get_cookie(name)
    return held and held["value"]


def is_outside(browser: Browser, postern: Postern) -> bool:
    browser.open(postern.public_url + "/auth/account")
    return browser.heading.startswith("Sign in to ")


def verdict(postern: Postern, password: str) -> tuple[list[str], bool]:
    """What the server's own command says of it, and whether it may be set."""
    [found] = check(postern, [password], [ADA])
    return [found["title"], *found["sentences"]], found["acceptable"]


def try_weak_then_good(browser: Browser, postern: Postern, button: str, **more: str) -> None:
    """Fails with a weak one, as the meter said before, and goes on with a good one."""
    words, is_acceptable = verdict(postern, WEAK)
    assert not is_acceptable
    browser.type(password=WEAK, **more)
    wait_for("the meter's word", lambda: (reading := shown(browser)) and reading.words == words, 4)
    low = shown(browser).level
    browser.press(button)
    assert browser.text("#password-error").startswith("That is too easy to guess")
    assert shown(browser) == Reading(low, words), "the server says something else than the page"
    assert browser.attribute("#password", "value") == "" and WEAK not in browser.driver.page_source, "the password came back in the page"
    assert browser.attribute("#password", "aria-invalid") == "true"

    browser.type(password=NEXT[:6], **more)
    wait_for("the meter to be low", lambda: shown(browser).level < "3", 4)
    browser.type(password=NEXT)
    wait_for("the meter to move", lambda: shown(browser).level == "4", 4)
    words, is_acceptable = verdict(postern, NEXT)
    assert is_acceptable
    wait_for("the meter's word", lambda: shown(browser).words == words, 4)
    browser.press(button)
    assert browser.run("return policyViolations") == []


# By mail.


@pytest.mark.parametrize("has_app", [False, True], ids=["password alone", "with a second factor"])
def test_who_forgot_a_password_chooses_another_by_mail_and_all_sessions_end(mailing, sink, make_browser, has_app):
    """RC-06, RC-08, RC-09, RC-13."""
    sink.start()
    postern, browser, old = mailing(), make_browser(traffic=True), make_browser()
    ada = Member(postern, ADA)
    bearer = ada.sign_in()
    sign_in(old, postern)
    if has_app:
        ada.with_app()
    assert old.url.endswith("/auth/account")

    browser.open(postern.public_url + "/auth/sign-in")
    browser.follow("Forgot your password?")
    assert browser.heading == "Forgot your password?"
    browser.type(email=ADA)
    browser.press("Mail me a link")
    assert browser.heading == "Look at your mail" and ADA in browser.text(".lead")
    [letter] = wait_for("the mail", lambda: sent_with(sink, LINK_MAIL))
    assert letter.over_tls and letter.recipients == [ADA]
    link = link_in(letter.part("plain").replace("\r\n", "\n"))
    assert link in letter.part("html")
    token = link.rsplit("/", 1)[1]
    browser.sent()

    browser.open(link)
    assert (browser.url, browser.heading) == (postern.public_url + "/auth/reset-password", "Choose another password")
    try_weak_then_good(browser, postern, "Change the password")
    assert browser.heading == "Sign in to Corner Shop"
    assert browser.text(".notice") == "Your password is another now, and all sessions are ended. Sign in."
    requests = browser.sent()
    assert [request["url"] for request in requests if token in request["url"]] == [link], "the token stands in a later address"
    assert len(requests) >= 5 and not [request for request in requests if token in str(request["headers"]) + request.get("postData", "")]
    assert not [url for url in browser.been_to() if token in url]
    # The meter's password never leaves the page but in its form.
    assert [request["url"] for request in requests if NEXT.split()[0] in request.get("postData", "")] == [postern.public_url + "/auth/reset-password"]
    assert cookie(browser) is None and cookie(browser, "postern-link") is None

    assert is_outside(old, postern) and postern.session_status(bearer) == 401
    sign_in(browser, postern)
    assert "don’t match" in browser.text("#password-error")
    browser.sign_in(ADA, NEXT)
    if has_app:
        assert browser.heading == "Now the code from your phone"
        give_code(browser, ada.phone.code())
    assert browser.url == postern.public_url + "/auth/account"
    [letter] = wait_for("the other mail", lambda: sent_with(sink, CHANGE_MAIL))
    assert letter.recipients == [ADA]
    browser.open(link)
    assert browser.heading == "This link doesn’t work any more"


def sent_with(sink, subject: str) -> list:
    return [letter for letter in sink.letters if subject in letter.message["Subject"]]


def test_without_scripts_the_same_words_stand_in_the_page(postern, make_browser):
    browser = make_browser(scripts=False)
    postern.make_account(ADA)
    browser.open(postern.public_url + "/auth/forgot-password")
    browser.type(email=ADA)
    browser.press("Mail me a link")
    browser.open(wait_for("the mail", lambda: links(postern, ADA))[0])
    assert "Show" not in browser.texts("button"), "what needs scripts is shown only where they run"
    browser.type(password=WEAK)
    assert browser.text("#strength") == ""
    browser.press("Change the password")
    assert browser.text("#password-error").startswith("That is too easy to guess")
    assert browser.text("#strength").split() == " ".join(verdict(postern, WEAK)[0]).split()
    browser.type(password=NEXT)
    browser.press("Change the password")
    browser.sign_in(ADA, NEXT)
    assert browser.url == postern.public_url + "/auth/account"
    browser.open(postern.public_url + "/auth/account/password")
    browser.type(current="wrong words", password=PASSWORD)
    browser.press("Change the password")
    assert browser.text("#current-error") == "That isn’t your password. Check for caps lock."
    browser.type(current=NEXT, password=PASSWORD)
    browser.press("Change the password")
    assert browser.heading == "Security" and postern.try_sign_in(ADA).status_code == 200


# With the current one.


@pytest.mark.parametrize("has_app", [False, True], ids=["password alone", "with a second factor"])
def test_a_person_changes_the_password_and_stays_signed_in_here_alone(postern, make_browser, has_app):
    """PW-12, SE-02, SE-06."""
    browser, other, ada = make_browser(), make_browser(), Member(postern, ADA)
    for each in (browser, other):
        sign_in(each, postern)
    if has_app:
        ada.with_app()
    browser.open(postern.public_url + "/auth/account/security")
    browser.follow("Change it")
    if has_app:
        # Nothing was typed yet that it could lose.
        assert browser.heading == "Confirm it’s you"
        give_code(browser, ada.phone.code())
    assert (browser.url, browser.heading) == (postern.public_url + "/auth/account/password", "Change your password")

    held = cookie(browser)
    browser.type(current="not my password", password=NEXT)
    browser.press("Change the password")
    assert browser.text("#current-error") == "That isn’t your password. Check for caps lock."
    assert browser.driver.find_elements("css selector", "#password-error") == []
    for name in ("current", "password"):
        assert browser.attribute(f"#{name}", "value") == "" and browser.attribute(f"#{name}", "aria-invalid") == ("true" if name == "current" else None)
    assert "not my password" not in browser.driver.page_source and NEXT not in browser.driver.page_source
    browser.type(current=PASSWORD, password=PASSWORD)
    browser.press("Change the password")
    assert browser.text("#password-error") == "Choose another than the one you have."
    assert cookie(browser) == held and postern.gate_status(held) == postern.gate_status(cookie(other)) == 200

    browser.type(current=PASSWORD)
    try_weak_then_good(browser, postern, "Change the password", current=PASSWORD)
    assert browser.heading == "Security"
    assert browser.text("[role=status]") == "Your password is another now. All other sessions are ended."
    assert cookie(browser) != held and postern.gate_status(held) == 401, "the old cookie still opens"
    wait_for("the other browser's session to end", lambda: postern.gate_status(cookie(other)) == 401, 1)
    assert is_outside(other, postern)
    browser.open(postern.public_url + "/auth/account")
    assert browser.heading == "Profile"
    letter = wait_for("the mail", lambda: postern.letter(ADA, CHANGE_MAIL))
    assert link_in(letter["text"]) == postern.public_url + "/auth/account/security"
    assert [postern.try_sign_in(ADA, password).status_code for password in (PASSWORD, NEXT)] == [401, 200]


def test_a_proof_that_grew_old_is_asked_for_before_the_form(postern, browser):
    ada = Member(postern, ADA).with_app()
    browser.hold(postern.public_url, postern=ada.sign_in_with_recovery_code())
    browser.open(postern.public_url + "/auth/account/password")
    assert browser.heading == "Change your password", "a fresh proof is asked for again"
    postern.minutes_pass(16)
    browser.open(postern.public_url + "/auth/account/password")
    assert browser.heading == "Confirm it’s you"
    give_code(browser, ada.codes.pop())
    assert browser.heading == "Change your password"
    # It grows old while somebody thinks about a good password.
    postern.minutes_pass(16)
    browser.type(current=PASSWORD, password=NEXT)
    browser.press("Change the password")
    assert browser.heading == "Confirm it’s you" and postern.try_sign_in(ADA).status_code == 200
    give_code(browser, ada.codes.pop())
    browser.type(current=PASSWORD, password=NEXT)
    browser.press("Change the password")
    assert browser.heading == "Security" and postern.try_sign_in(ADA, NEXT).status_code == 200


def test_a_password_manager_finds_the_page(postern, browser):
    """The W3C's well-known address for changing passwords, signed out and in."""
    postern.make_account(ADA)
    assert postern.get("/.well-known/change-password").status_code in (302, 303, 307)
    assert postern.get("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200").status_code == 404
    browser.open(postern.public_url + "/.well-known/change-password")
    assert browser.heading == SIGN_IN
    browser.sign_in(ADA, PASSWORD)
    assert (browser.url, browser.heading) == (postern.public_url + "/auth/account/password", "Change your password")
    browser.open(postern.public_url + "/.well-known/change-password")
    assert browser.url == postern.public_url + "/auth/account/password"


# Because it was stolen.


def test_a_stolen_password_leads_to_a_mail_and_by_its_link_back_in(make_postern, stolen, browser):
    postern = make_postern(settings=stolen.settings("reset")).start()
    postern.make_account(ADA)
    stolen.spreads(postern, PASSWORD)
    sign_in(browser, postern)
    assert browser.heading == "Choose another password first"
    assert "We mailed you a link: choose another with it, then sign in." in browser.text("main")
    assert cookie(browser) is None and is_outside(browser, postern)
    browser.open(wait_for("the mail", lambda: links(postern, ADA))[0])
    browser.type(password=PASSWORD)
    browser.press("Change the password")
    assert browser.text("#password-error").startswith("It stands on lists of passwords that were stolen from other sites")
    try_weak_then_good(browser, postern, "Change the password")
    browser.sign_in(ADA, NEXT)
    assert browser.url == postern.public_url + "/auth/account"
    browser.open(postern.public_url + "/auth/account/security")
    assert "stolen" not in browser.text("main")


def test_after_the_code_a_stolen_password_is_changed_and_one_is_where_one_wanted_to_go(make_postern, stolen, make_browser):
    """PW-15."""
    postern = make_postern(settings=stolen.settings("change") + "second-factor: {trusted-browsers: 30d}\n").start()
    browser, ada = make_browser(), Member(postern, ADA).with_app()
    sign_in(browser, postern)
    browser.tick("trust")
    give_code(browser, ada.phone.code())
    old = cookie(browser)
    browser.press("Sign out")
    stolen.spreads(postern, PASSWORD)

    page = "/auth/account/sessions"
    sign_in(browser, postern, path=page)
    assert browser.heading == "Now the code from your phone", "a trusted browser skips it"
    give_code(browser, ada.phone.wrong())
    assert "isn’t right" in browser.text("#code-error")
    give_code(browser, ada.phone.code())
    assert browser.heading == "Choose another password" and browser.url.startswith(postern.public_url + "/auth/sign-in/change-password")
    assert cookie(browser) is None
    browser.type(password=PASSWORD)
    browser.press("Change and sign in")
    assert browser.text("#password-error").startswith("It stands on lists of passwords that were stolen from other sites")
    try_weak_then_good(browser, postern, "Change and sign in")
    assert (browser.url, browser.heading) == (postern.public_url + page, "Sessions")
    assert cookie(browser) not in (None, old) and cookie(browser, "postern-attempt") is None
    assert ada.assurance(cookie(browser)) == "aal2"
    browser.press("Sign out")
    sign_in(browser, postern, NEXT)
    assert browser.heading == "Now the code from your phone", "trust outlived the stolen password"


def test_not_now_leaves_nothing_open(make_postern, stolen, browser):
    """PW-15: all is proved by then, so the next at this desk must not be able to choose the password."""
    postern = make_postern(settings=stolen.settings("change")).start()
    ada = Member(postern, ADA).with_app()
    stolen.spreads(postern, PASSWORD)
    sign_in(browser, postern)
    give_code(browser, ada.phone.code())
    browser.press("Not now")
    assert browser.heading == SIGN_IN and is_outside(browser, postern)
    browser.open(postern.public_url + "/auth/sign-in/change-password")
    assert browser.heading == SIGN_IN, "whoever comes next chooses the password, and is signed in"


def test_who_came_from_an_app_is_back_at_its_page(binary, tmp_path, stolen, make_browser):
    """Browsers hold a form's target against every redirect after it."""
    hosts = Hosts(binary, tmp_path / "hosts", settings=stolen.settings("change"))
    try:
        postern, browser = hosts.postern, make_browser(hosts=ALL)
        ada = Member(postern, ADA).with_app()
        stolen.spreads(postern, PASSWORD)
        page = hosts.shop.url + "/orders?from=2026&to=2027"
        browser.open(page)
        browser.sign_in(ADA, PASSWORD)
        give_code(browser, ada.phone.code())
        assert browser.heading == "Choose another password"
        try_weak_then_good(browser, postern, "Change and sign in")
        assert (browser.url, browser.heading) == (page, "Sample app")
        assert browser.text("#remote-assurance") == "aal2"
        assert not [line for line in browser.complaints() if "Content Security Policy" in line]
    finally:
        hosts.stop()
