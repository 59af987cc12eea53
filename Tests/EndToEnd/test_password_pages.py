"""The pages on which another password is asked for and chosen: what password managers and screen readers find, paste, and how they look (PW-16)."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from selenium.webdriver.common.keys import Keys

from parts.browser import Browser
from parts.choosing import NEXT, StolenList, asked_link
from parts.member import Member
from parts.meter import shown
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for
from test_pages import LONG, save

RESET, FORGOT, CHANGE, AT_SIGN_IN = "/auth/reset-password", "/auth/forgot-password", "/auth/account/password", "/auth/sign-in/change-password"
LINK_PAGE = "Choose another password"


@dataclass
class House:
    postern: Postern
    browser: Browser
    cookies: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    """People with a long address: one with a link, one signed in, one whose sign-in waits for another password."""
    with ExitStack() as stack:
        stolen = StolenList(binary, tmp_path_factory.mktemp("list"))
        postern = Postern(binary, tmp_path_factory.mktemp("pages"), settings=stolen.settings("change")).start()
        stack.callback(postern.stop)
        forgetful, inside, waiting = Member(postern, LONG), Member(postern, "in." + LONG), Member(postern, "out." + LONG).with_app()
        link, session = asked_link(postern, LONG).rsplit("/", 1)[1], inside.sign_in()
        stolen.spreads(postern, PASSWORD)
        attempt = waiting.finish(waiting.attempt(), waiting.phone.code()).json()["attempt"]
        # Whoever signs in with it is told on the security page from then on.
        postern.try_sign_in(inside.email)
        browser = Browser(tmp_path_factory.mktemp("chromium"))
        stack.callback(browser.close)
        yield House(postern, browser, {
            "stranger": {}, "link": {"postern_link": link}, "inside": {"postern": session}, "waiting": {"postern_attempt": attempt}})


@dataclass
class Shown:
    """A page: who looks at it, its address and heading, what is typed, and the button that is pressed."""
    who: str
    path: str
    heading: str
    typed: tuple[tuple[str, str], ...] = ()
    press: str = ""
    status: int = 200


PAGES = {
    "forgot": Shown("stranger", FORGOT, "Forgot your password?"),
    "forgot-wrong": Shown("stranger", FORGOT, "Forgot your password?", (("email", "no address at all"),), "Mail me a link", 422),
    "forgot-sent": Shown("stranger", FORGOT, "Look at your mail", (("email", LONG),), "Mail me a link"),
    "reset": Shown("link", RESET, LINK_PAGE),
    "reset-weak": Shown("link", RESET, LINK_PAGE, (("password", "lantern1"),), "Change the password", 422),
    "reset-good": Shown("link", RESET, LINK_PAGE, (("password", NEXT),)),
    "reset-over": Shown("stranger", RESET, "This link doesn’t work any more", status=410),
    "reset-done": Shown("stranger", "/auth/sign-in?done=reset", "Sign in to Postern"),
    "attempt-over": Shown("stranger", AT_SIGN_IN, "Sign in to Postern"),
    "change": Shown("inside", CHANGE, "Change your password"),
    "change-wrong": Shown("inside", CHANGE, "Change your password", (("current", "not the password"), ("password", NEXT)), "Change the password", 401),
    "change-weak": Shown("inside", CHANGE, "Change your password", (("current", PASSWORD), ("password", "lantern1")), "Change the password", 422),
    "changed": Shown("inside", "/auth/account/security?done=password", "Security"),
    "at-sign-in": Shown("waiting", AT_SIGN_IN, LINK_PAGE),
    "at-sign-in-stolen": Shown("waiting", AT_SIGN_IN, LINK_PAGE, (("password", PASSWORD),), "Change and sign in", 422),
    "stolen": Shown("stranger", "/auth/sign-in", "Choose another password first", (("email", LONG), ("password", PASSWORD)), "Sign in", 403),
}


def show(house: House, page: Shown) -> None:
    browser = house.browser
    browser.hold(house.postern.public_url, **house.cookies[page.who])
    browser.open(house.postern.public_url + page.path)
    # What Chromium itself would refuse must look right as well.
    browser.run("for (const form of document.forms) form.noValidate = true")
    browser.type(**dict(page.typed))
    if page.press:
        browser.press(page.press)
    elif page.typed:
        wait_for("the meter's word", lambda: shown(browser) and shown(browser).words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_nothing_complains(house, name, width, scheme):
    page, browser = PAGES[name], house.browser
    browser.show_as(width, scheme)
    browser.complaints()
    show(house, page)
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    save(browser, f"password-{name}-{width}-{scheme}")
    assert browser.heading == page.heading
    assert browser.run("return innerWidth") == width
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"
    assert browser.run("return policyViolations") == []
    assert [line for line in browser.complaints() if page.status == 200 or f"status of {page.status}" not in line] == []


# What a password manager reads: each field's tokens, hidden ones too.
FIELDS = {
    "forgot": {"email": "username"},
    "reset": {"username": "username", "password": "new-password"}, "reset-weak": {"username": "username", "password": "new-password"},
    "change": {"username": "username", "current": "current-password", "password": "new-password"},
    "change-wrong": {"username": "username", "current": "current-password", "password": "new-password"},
    "at-sign-in": {"username": "username", "password": "new-password"},
    "at-sign-in-stolen": {"username": "username", "password": "new-password"},
    "reset-done": {"email": "username", "password": "current-password"},
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_password_manager_finds_which_field_is_which_and_whose_password_it_is(house, name):
    """PW-16."""
    browser, page = house.browser, PAGES[name]
    show(house, page)
    fields = browser.run("""
        const fields = [...document.querySelectorAll("form[method=post] input:not([name=form_token], [name=return_to], [type=checkbox])")];
        return fields.map(field => [field.name, field.autocomplete, field.value]);""")
    assert {name: token for name, token, _ in fields} == FIELDS[name]
    owner = {"link": LONG, "inside": "in." + LONG, "waiting": "out." + LONG}.get(page.who)
    if owner:
        assert dict((name, value) for name, _, value in fields)["username"] == owner


@pytest.mark.parametrize("name", ["forgot", "forgot-wrong", "reset", "reset-weak", "change", "change-wrong", "at-sign-in", "at-sign-in-stolen"])
def test_every_field_has_its_label_and_every_error_its_field(house, name):
    """PW-16."""
    browser = house.browser
    show(house, PAGES[name])
    for field, label, described, is_marked in browser.run("""
        return [...document.querySelectorAll("main input, form input")].filter(field => field.checkVisibility()).map(field => [
          field.id, [...field.labels].map(label => label.textContent.trim()).join(),
          (field.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean).map(id => !!document.getElementById(id)),
          field.getAttribute("aria-invalid") === "true"]);"""):
        assert label and all(described), f"{field} has no label, or says that it is described by what isn't there"
        assert is_marked == bool(browser.driver.find_elements("css selector", f"#{field}-error")), f"{field} and its error don't agree"
        if is_marked:
            assert f"{field}-error" in browser.attribute(f"#{field}", "aria-describedby")


@pytest.mark.parametrize("name", ["reset", "change", "at-sign-in"])
def test_passwords_are_pasted_shown_and_judged(house, name):
    """PW-16: with the keys that people press, and as a password manager fills it in."""
    browser = house.browser
    browser.may_copy()
    show(house, PAGES[name])
    for field in ("current", "password") if name == "change" else ("password",):
        browser.driver.execute_async_script("navigator.clipboard.writeText(arguments[0]).then(arguments[1])", NEXT)
        browser.driver.find_element("id", field).send_keys(Keys.CONTROL, "v")
        assert browser.attribute(f"#{field}", "value") == NEXT, f"nothing can be pasted into {field}"
    wait_for("the meter", lambda: (reading := shown(browser)) and reading.level == "4", 4)
    assert browser.attribute("#password", "type") == "password"
    browser.driver.find_element("css selector", "[data-show=password]").click()
    assert (browser.attribute("#password", "type"), browser.attribute("#password", "value")) == ("text", NEXT)
    browser.driver.find_element("id", "password").clear()
    browser.driver.execute_cdp_cmd("Input.insertText", {"text": "lantern1"})
    assert browser.attribute("#password", "value") == "lantern1"
    wait_for("the meter", lambda: shown(browser).level < "3", 4)


@pytest.mark.parametrize("name, button", [("reset", "Change the password"), ("change", "Change the password"), ("at-sign-in", "Change and sign in")])
def test_a_form_is_filled_in_and_sent_with_the_keyboard_alone(house, name, button):
    browser = house.browser
    show(house, PAGES[name])
    names = browser.run("return [...document.querySelectorAll('form[method=post] input')].filter(field => field.checkVisibility()).map(field => field.id)")
    active = lambda: browser.driver.switch_to.active_element
    for _ in range(40):
        if active().get_attribute("id") == names[0]:
            break
        active().send_keys(Keys.TAB)
    for field in names:
        assert active().get_attribute("id") == field
        active().send_keys("lantern1", Keys.TAB)
    while active().get_attribute("data-show"):
        active().send_keys(Keys.TAB)
    assert active().text == button
    active().send_keys(Keys.ENTER)
    wait_for("the answer", lambda: browser.driver.find_elements("css selector", "#password-error"))
