"""The first owner: made with a link that only whoever runs the server can read."""

import re

from parts.postern import PASSWORD


def setup_link(text: str) -> str:
    return re.search(r"http://\S+/auth/setup/\S+", text).group()


def make_owner(browser, link: str, email: str) -> None:
    browser.open(link)
    assert browser.heading == "Make the owner’s account"
    browser.type(email=email, password=PASSWORD)
    browser.press("Make the account")


def test_the_printed_link_makes_the_owner_who_opens_the_administration(postern, browser):
    link = setup_link(postern.output())
    assert "/auth/setup/" not in postern.log(), "the link stands in the log"
    make_owner(browser, link, "owner@example.org")
    browser.sign_in("owner@example.org", PASSWORD)
    browser.open(postern.public_url + "/auth/admin")
    assert browser.heading == "Overview"
    browser.open(link)
    assert browser.heading == "This link doesn’t work any more"
    assert [(account["email"], account["role"]) for account in postern.accounts()] == [("owner@example.org", "owner")]
    assert postern.run("setup-link").returncode == 1


def test_a_restart_ends_the_printed_link_and_the_command_prints_one_that_works(postern, browser):
    old = setup_link(postern.output())
    postern.restart()
    printed = setup_link(postern.output())
    browser.open(old)
    assert browser.heading == "This link doesn’t work any more"

    fresh = setup_link(postern.command("setup-link"))
    browser.open(printed)
    assert browser.heading == "This link doesn’t work any more"
    make_owner(browser, fresh, "owner@example.org")
    browser.sign_in("owner@example.org", PASSWORD)
    browser.open(postern.public_url + "/auth/admin")
    assert browser.heading == "Overview"


def test_after_the_owner_is_made_a_restart_prints_no_link(postern):
    postern.make_account("owner@example.org", role="owner")
    postern.restart()
    assert "/auth/setup/" not in postern.output()
