"""A person's whole way, in a real browser, through a real nginx, to an app behind it."""

import pytest

from parts.postern import PASSWORD


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_a_person_signs_up_reaches_the_app_and_leaves(behind_nginx, make_browser, scripts):
    site, browser = behind_nginx, make_browser(scripts=scripts)
    email = f"ada-{'with' if scripts else 'without'}@example.org"
    page = site.url + "/shop?a=1&b=2"

    browser.open(page)
    assert browser.heading == "Sign in to Postern"
    assert site.app.seen == [] or scripts is False
    browser.follow("Make an account")
    browser.type(email=email, password=PASSWORD)
    browser.press("Make the account")
    assert browser.heading == "Look at your mail"

    browser.open(site.postern.mailed_link(email))
    assert browser.heading == "Confirm your address"
    assert browser.url == site.url + "/auth/confirm", "the link's token stays in the address"
    browser.type(password=PASSWORD)
    browser.press("Confirm the address")
    browser.sign_in(email, PASSWORD)
    assert browser.url == site.url + "/auth/account"

    browser.open(page)
    assert browser.heading == "Sample app"
    assert (browser.driver.title == "Scripts run") == scripts
    assert browser.text("#remote-user") == browser.text("#remote-email") == email

    browser.open(site.url + "/auth/account")
    browser.press("Sign out")
    before = len(site.app.seen)
    browser.open(page)
    assert browser.heading == "Sign in to Postern"
    assert site.seen_since(before) == []

    browser.sign_in(email, PASSWORD)
    assert browser.url == page, "signing in leads back to the page first asked for"
    assert browser.text("#path") == "/shop?a=1&b=2"


def test_a_wrong_password_leaves_a_person_at_the_door(behind_nginx, browser):
    behind_nginx.postern.make_account("eve@example.org")
    before = len(behind_nginx.app.seen)
    browser.open(behind_nginx.url + "/shop")
    browser.sign_in("eve@example.org", "a wrong password altogether")
    assert "don’t match" in browser.text("#password-error")
    browser.open(behind_nginx.url + "/shop")
    assert browser.heading == "Sign in to Postern"
    assert behind_nginx.seen_since(before) == []


def test_a_page_with_a_long_address_still_leads_to_the_sign_in_form_and_back(behind_nginx, browser):
    behind_nginx.postern.make_account("long@example.org")
    page = behind_nginx.url + "/search?" + "&".join(f"k{number}=%41/{number}" for number in range(160))
    assert 1_700 < len(page) < 2_048
    browser.open(page)
    assert browser.heading == "Sign in to Postern"
    browser.sign_in("long@example.org", PASSWORD)
    assert browser.url == page
