"""Every page at the width of a small phone and of a desk, light and dark: no sideways scrolling, no complaints."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from parts.browser import Browser
from parts.postern import PASSWORD, Postern

LONG = "a.person.with.a.remarkably.long.address.that.nobody.types@a-rather-long-subdomain.example.org"


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    """A node with people in it, and a browser in which an administrator is signed in."""
    with ExitStack() as stack:
        postern = Postern(binary, tmp_path_factory.mktemp("pages")).start()
        stack.callback(postern.stop)
        postern.make_account("owner@example.org", role="owner")
        person = postern.make_account(LONG)
        for _ in range(2):
            postern.sign_in(LONG)
            postern.try_sign_in(LONG, "a wrong password altogether")
        postern.sign_up("new." + LONG)
        postern.mailed_link("new." + LONG)
        browsers = {}
        for who in ("stranger", "inside"):
            browsers[who] = Browser(tmp_path_factory.mktemp("chromium"))
            stack.callback(browsers[who].close)
        browsers["inside"].open(postern.public_url + "/auth/sign-in")
        browsers["inside"].sign_in("owner@example.org", PASSWORD)
        yield {"postern": postern, "person": person} | browsers


PAGES = {
    "sign-in": ("stranger", "/auth/sign-in", "Sign in to Postern"),
    "sign-up": ("stranger", "/auth/sign-up", "Make your account"),
    "error": ("stranger", "/auth/confirm-email/unknown", "This link doesn’t work any more"),
    "mailbox": ("stranger", "/auth/dev/mailbox", "Mailbox"),
    "account": ("inside", "/auth/account", "Profile"),
    "sessions": ("inside", "/auth/account/sessions", "Sessions"),
    "overview": ("inside", "/auth/admin", "Overview"),
    "people": ("inside", "/auth/admin/people", "People"),
    "person": ("inside", "/auth/admin/people/{person}", LONG),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_nothing_complains(house, name, width, scheme):
    who, path, heading = PAGES[name]
    browser, url = house[who], house["postern"].public_url + path.format(**house)
    browser.show_as(width, scheme)
    browser.complaints()
    browser.open(url)
    save(browser, f"{name}-{width}-{scheme}")
    assert browser.heading == heading
    assert browser.run("return innerWidth") == width
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    # Beside the scroll bar there is a little less than the window's width.
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"
    assert browser.run("return policyViolations") == []
    # Chromium reports a page's own 410 in the console; that is the page under test.
    complaints = [line for line in browser.complaints() if not (name == "error" and "status of 410" in line)]
    assert complaints == []


@pytest.mark.parametrize("name", ["sign-in", "overview"])
def test_light_and_dark_are_two_different_looks(house, name):
    who, path, _ = PAGES[name]
    browser, looks = house[who], set()
    for scheme in ("light", "dark"):
        browser.show_as(1280, scheme)
        browser.open(house["postern"].public_url + path)
        looks.add(browser.run("return getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color"))
    assert len(looks) == 2


def save(browser: Browser, name: str) -> None:
    """Keeps a picture, if POSTERN_SHOTS names a folder."""
    folder = os.environ.get("POSTERN_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.driver.save_screenshot(str(Path(folder) / f"{name}.png"))
