"""API keys as people meet them: in a real browser, with a program that uses a key meanwhile."""

import re

import pytest

from parts.keys import KeySite, Script, ask
from parts.member import Member
from parts.postern import PASSWORD
from parts.processes import wait_for
from test_first_minutes import demo  # noqa: F401

ORGANIZATIONS = "/auth/account/organizations"


@pytest.fixture
def site(binary, tmp_path):
    site = KeySite(binary, tmp_path / "site", "nginx")
    yield site
    site.stop()


def come_in(browser, postern, email: str) -> None:
    browser.open(postern.public_url + "/auth/sign-in")
    browser.sign_in(email, PASSWORD)


def make_organization(browser, postern, name: str) -> tuple[str, str]:
    """Returns its page's address, and its first key."""
    browser.open(postern.public_url + ORGANIZATIONS)
    browser.type(name=name)
    browser.press("Make it")
    text = take_key(browser)
    assert browser.heading == name
    return browser.url, text


def take_key(browser) -> str:
    """Copies the key that is shown once, and goes on."""
    assert browser.heading == "The new key"
    text = browser.text(".secret")
    browser.follow("I have stored it")
    assert text not in browser.driver.page_source
    return text


def make_key(browser, keys: str, name: str) -> str:
    browser.open(keys)
    browser.follow("Make a key")
    browser.type(name=name)
    browser.press("Make the key")
    text = take_key(browser)
    assert browser.url == keys and text[-4:] in browser.text("tbody")
    return text


def rotate(browser, overlap: str) -> str:
    """On a key's page: presses the button, and comes back."""
    browser.driver.find_element("css selector", f"#overlap option[value='{overlap}']").click()
    browser.press("Make the new key")
    return take_key(browser)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_a_key_is_rotated_while_a_program_uses_it_and_nobody_has_to_look_anything_up(site, make_browser, tmp_path, scripts):
    postern, browser = site.postern, make_browser(scripts=scripts)
    postern.make_account("ada@example.org")
    come_in(browser, postern, "ada@example.org")
    browser.complaints()
    place, first = make_organization(browser, postern, "Corner Shop")
    keys = browser.attribute(".page-head a.button", "href")
    assert keys == place + "/keys"
    old = make_key(browser, keys, "Checkout server")
    assert site.call(first).status_code == site.call(old).status_code == 200

    script = Script(tmp_path / "script", site.url + "/orders", old, 100_000)
    try:
        script.makes_calls()
        browser.follow("Checkout server")
        assert "Used " in browser.text("figcaption")
        new = rotate(browser, "24h")
        assert browser.heading == "Checkout server" and new[-4:] in browser.text(".page-head")
        assert browser.text("#over") == "Changing over" and browser.text("#over ~ p").startswith("Both keys work.")
        assert browser.text("section[aria-labelledby=over] h3") == "This key is still used from"
        # The call that the test itself made is there too.
        rows = browser.texts("section[aria-labelledby=over] tbody tr")
        [row] = [row for row in rows if "api-key-client/1.0" in row]
        assert row.startswith("127.0.0.1")
        assert site.call(new).status_code == 200

        browser.press("Give it 7 more days")
        assert browser.text("[role=status]") == "The end is moved."
        browser.press("Cut it now")
        assert browser.text("[role=status]") == "It is cut: from now on it is refused."
        script.says(f"The key …{old[-4:]} is over (api-key-revoked, and …{new[-4:]} follows).")
        browser.open(browser.url)
        assert "api-key-client/1.0" in browser.text("section[aria-labelledby=late] tbody")

        browser.open(keys)
        assert browser.text("#needs") == "Needs a new key"
        late = browser.text("section[aria-labelledby=needs] li")
        assert all(words in late for words in ("api-key-client/1.0", "127.0.0.1", "Checkout server", "…" + old[-4:])), late
        script.file.write_text(new)
        script.says(f"Going on with …{new[-4:]}")
        script.makes_calls()
    finally:
        script.stop()
    assert browser.complaints() == [] and (not scripts or browser.run("return policyViolations") == [])


def test_keys_are_made_and_ended_only_by_who_has_just_proved_who_they_are(site, browser):
    postern = site.postern
    postern.make_account("ada@example.org")
    come_in(browser, postern, "ada@example.org")
    place, text = make_organization(browser, postern, "Corner Shop")

    def prove(heading: str) -> None:
        assert browser.heading == "Confirm it’s you"
        browser.type(code=PASSWORD)
        browser.press("Continue")
        assert browser.heading == heading
    postern.minutes_pass(10)
    browser.open(postern.public_url + ORGANIZATIONS)
    browser.follow("Confirm it’s you first")
    prove("Organizations")
    assert "Make it" in browser.texts("button")

    postern.minutes_pass(10)
    browser.open(place + "/keys/new")
    prove("Make a key")
    browser.type(name="Robot")
    browser.press("Make the key")
    robot = take_key(browser)

    browser.follow("Robot")
    for button in ("Make the new key", "Revoke it now"):
        if button.startswith("Revoke"):
            browser.unfold("Revoke")
        postern.minutes_pass(10)
        browser.press(button)
        prove("Robot")
        assert site.call(robot).status_code == 200 and "works." in browser.text(".page-head")
    # Later the page has no forms: it asks first.
    postern.minutes_pass(10)
    browser.open(browser.url)
    assert "Make the new key" not in browser.texts("button")
    browser.follow("Confirm it’s you")
    prove("Robot")
    assert "Make the new key" in browser.texts("button")
    browser.open(place)
    browser.unfold("End it")
    postern.minutes_pass(10)
    browser.press("End Corner Shop")
    prove("Corner Shop")
    assert site.call(text).status_code == 200
    browser.unfold("End it")
    browser.press("End Corner Shop")
    assert browser.text("[role=status]") == "It is over, with all its keys." and site.call(text).status_code == 401


def test_who_is_removed_leaves_keys_that_one_button_rotates(site, make_browser):
    postern, owner, developer = site.postern, make_browser(), make_browser()
    for email in ("ada@example.org", "bob@example.org"):
        postern.make_account(email)
    come_in(owner, postern, "ada@example.org")
    place, first = make_organization(owner, postern, "Corner Shop")
    owner.type(email="bob@example.org")
    owner.press("Invite")
    assert owner.text("[role=status]").startswith("The invitation is on its way.") and "bob@example.org" in owner.text("section[aria-labelledby=invite] .rows")

    # There is no token in the mail: whoever has the address joins.
    developer.open(postern.mailed_link("bob@example.org"))
    developer.sign_in("bob@example.org", PASSWORD)
    assert developer.url == postern.public_url + ORGANIZATIONS
    assert "Corner Shop" in developer.text("section[aria-labelledby=asked]") and "As developer." in developer.text("section[aria-labelledby=asked]")
    developer.press("Join Corner Shop")
    assert developer.text("[role=status]") == "You are in."
    made = [make_key(developer, place + "/keys", name) for name in ("Robot", "Report job")]
    developer.open(place)
    assert developer.heading == "Corner Shop" and "Invite" not in developer.texts("button")

    owner.open(place)
    assert owner.texts("section[aria-labelledby=members] .title") == ["ada@example.org (you)", "bob@example.org"]
    owner.unfold("Remove bob@example.org")
    owner.press("Remove them")
    assert owner.heading == "Keys that they know" and owner.texts(".rows .title") == ["Robot", "Report job"]
    assert [site.call(text).status_code for text in made] == [200, 200], "keys ended with who made them"
    owner.unfold("Rotate all 2")
    owner.press("Rotate all 2")
    assert owner.heading == "The new keys" and owner.texts("main h2") == ["Robot", "Report job"]
    new = owner.texts(".secret")
    assert len({*new, *made}) == 4 and [site.call(text).status_code for text in new + made + [first]] == [200] * 5
    owner.follow("I have stored them")
    assert owner.url == place + "/keys" and owner.text("tbody").count("Replaced, ends ") == 2

    developer.open(place + "/keys")
    assert developer.heading != "API keys", "who was removed still looks on"
    developer.open(postern.public_url + ORGANIZATIONS)
    assert "None yet" in developer.text("main")


@pytest.mark.parametrize("end", ["revoked", "replaced"])
def test_the_demo_s_dashboard_says_that_its_key_is_over_and_goes_on_with_the_new_one(demo, browser, end):  # noqa: F811
    email, password = re.search(r"sign in as (\S+) with (\S+)", demo.output()).groups()
    keys = demo.portal + "/auth/account/keys"
    browser.open(keys)
    browser.sign_in(email, password)
    assert browser.url == keys
    old = make_key(browser, keys, "Dashboard")

    browser.open(demo.app)
    browser.follow("Dashboard")
    assert keys in browser.text("#state")
    browser.type(key=old)
    browser.press("Use this key")
    assert browser.text("#state").startswith("The key works.") and browser.texts("tbody tr")
    assert old not in browser.driver.page_source

    browser.open(keys)
    browser.follow("Dashboard")
    if end == "revoked":
        browser.unfold("Revoke")
        browser.press("Revoke it now")
        assert browser.text("[role=status]") == "It is revoked: from now on it is refused."
        new = make_key(browser, keys, "Dashboard again")
    else:
        new = rotate(browser, "0h")
    browser.open(demo.app + "/dashboard")
    told = browser.text("#state")
    assert told.startswith("That key was revoked (api-key-revoked, since ") and "waits for the new key" in told
    assert browser.texts("#successor") == ([] if end == "revoked" else [new[-4:]])
    browser.type(key=new)
    browser.press("Use this key")
    assert browser.text("#state").startswith("The key works.")
    assert browser.run("return policyViolations") == []
