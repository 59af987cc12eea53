"""The administration's page of blocks, in a real browser."""

import os
import re
from pathlib import Path

import pytest

from parts.browser import Browser
from parts.guessing import BLOCKED, HERE, SOON, lock, verdict
from parts.member import Member
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for
from parts.visitor import Visitor

OWNER, ADA = "owner@example.org", "ada@example.org"
BLOCKS = "/auth/admin/blocks"


@pytest.fixture
def owner(browser, postern) -> Browser:
    """Somebody who looks at the page."""
    postern.make_account(OWNER, "owner")
    return looking(browser, postern)


def looking(browser: Browser, postern: Postern) -> Browser:
    browser.open(f"{postern.public_url}/auth/sign-in?return_to={BLOCKS}")
    browser.sign_in(OWNER, PASSWORD)
    assert (browser.url, browser.heading) == (postern.public_url + BLOCKS, "Blocks")
    return browser


def save(browser: Browser, name: str) -> None:
    """Keeps a picture, if POSTERN_SHOTS names a folder."""
    folder = os.environ.get("POSTERN_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.whole_page(Path(folder) / f"{name}.png")


def block(browser: Browser, network: str, why: str, hours: str = "") -> None:
    browser.type(network=network, why=why)
    browser.run(f"document.getElementById('hours').value = '{hours}'")
    browser.press("Block it")


def listed(browser: Browser) -> list[str]:
    """Every block in one line."""
    return [" ".join(text.split()) for text in browser.texts("[aria-labelledby=list] .rows > li")]


def page_status(postern: Postern, address: str) -> int:
    return postern.get("/auth/sign-in", headers={"X-Forwarded-For": address}).status_code


def test_an_administrator_blocks_a_network_sees_why_and_until_when_and_releases_it(postern, owner):
    assert "Nobody is kept out." in owner.text("main")
    block(owner, "203.0.113.0/24", "it scans <b>us</b>", "168")
    assert owner.text(".notice") == "Blocked. It holds within a second."
    [row] = listed(owner)
    assert "203.0.113.0/24" in row and "it scans <b>us</b>, by an administrator, since" in row
    assert "7 days left." in row and "Nothing is answered to these addresses, on no page and for no app." in row
    save(owner, "blocks")
    wait_for("the block to hold", lambda: page_status(postern, HERE) == 403, 1.5)
    assert page_status(postern, "203.0.114.1") == 200

    owner.unfold("Release 203.0.113.0/24")
    owner.press("Release")
    assert owner.text(".notice") == "Released." and listed(owner) == []
    wait_for("the block to end", lambda: page_status(postern, HERE) == 200, 1.5)
    owner.follow("Also those that ended")
    [row] = listed(owner)
    assert row.startswith("released 203.0.113.0/24") and "UTC by an administrator" in row and "left" not in row
    assert owner.run("return policyViolations") == []


@pytest.mark.parametrize("network, words", [
    ("203.0.113.300", "That is no address or network."), ("203.0.113.1/24", "That is no address or network."),
    ("<script>alert(1)</script>", "That is no address or network."), ("198.51.100.0/24", "That is blocked already."),
    ("127.0.0.0/8", "Your trusted proxy 127.0.0.1 stands there: everybody who comes through it would be blocked."),
    ("0.0.0.0/0", "Your trusted proxy 127.0.0.1 stands there: everybody who comes through it would be blocked."),
])
def test_a_mistake_is_told_beside_what_was_typed_and_blocks_nothing(postern, owner, network, words):
    block(owner, "198.51.100.0/24", "was there before")
    before = postern.command("block", "list", "--all")
    block(owner, network, "“why” & <why>", "168")
    assert owner.text("#network-error").startswith(words)
    assert owner.attribute("#network", "value") == network and owner.attribute("#why", "value") == "“why” & <why>"
    assert owner.attribute("#network", "aria-invalid") == "true"
    assert owner.run("return policyViolations") == []
    save(owner, "blocks-mistake")
    assert postern.command("block", "list", "--all") == before
    assert page_status(postern, "203.0.113.1") == 200


def test_a_mistake_keeps_how_long_it_should_be(owner):
    block(owner, "203.0.113.300", "scans us", "168")
    assert owner.text("#network-error") and owner.attribute("#hours", "value") == "168", "what was chosen is another time now"


def test_blocking_and_releasing_need_a_proof_of_minutes_ago(postern, owner):
    postern.command("block", "add", "198.51.100.0/24", "--why", "was there before")
    postern.minutes_pass(6)
    block(owner, "203.0.113.0/24", "scans us")
    assert owner.heading == "Confirm it’s you" and page_status(postern, HERE) == 200
    owner.type(code=PASSWORD)
    owner.press("Continue")
    assert (owner.url, owner.heading) == (postern.public_url + BLOCKS, "Blocks")
    block(owner, "203.0.113.0/24", "scans us")
    assert len(listed(owner)) == 2
    postern.minutes_pass(6)
    owner.unfold("Release 198.51.100.0/24")
    owner.press("Release")
    assert owner.heading == "Confirm it’s you"
    owner.open(postern.public_url + BLOCKS)
    assert len(listed(owner)) == 2, "it was released without a proof"


def test_a_lock_is_explained_with_its_evidence_and_released_with_all_that_was_counted(make_postern, browser):
    postern = make_postern(settings=SOON).start()
    postern.make_account(OWNER, "owner")
    postern.make_account(ADA)
    lock(postern, ADA)
    assert verdict(postern, ADA, PASSWORD) == BLOCKED
    looking(browser, postern)
    [row] = listed(browser)
    assert ADA in row and "wrong passwords from browsers that aren’t known (10 in a row), by the rule “account-lock”" in row
    assert "Until it is released." in row and "Only browsers that signed in to this account before may try." in row
    refused = browser.texts("[aria-labelledby=refusals] tbody tr")
    assert any("account-lock" in line or "block" in line for line in refused) and all("refused" in line for line in refused), refused
    save(browser, "blocks-lock")
    browser.unfold(f"Release {ADA}")
    browser.press("Release")
    assert verdict(postern, ADA, PASSWORD) == (200, "")


def test_only_administrators_see_and_change_blocks(postern):
    postern.command("block", "add", "198.51.100.0/24")
    [(made, *_)] = [line.split()[::-1] for line in postern.command("block", "list").splitlines()[1:]]
    stranger, member = Visitor(postern), Visitor(postern, {"postern": Member(postern, ADA).sign_in()})
    assert stranger.get(BLOCKS).status_code == 303 and member.get(BLOCKS).status_code == 403
    for action in (BLOCKS, f"{BLOCKS}/{made}/release"):
        assert member.post("/auth/account", action, network="203.0.113.0/24", why="").status_code == 403
        assert stranger.post("/auth/sign-in", action, network="203.0.113.0/24", why="").status_code in (303, 401, 403)
    assert re.findall(r"198\.51\.100\.0/24|203\.0\.113\.0/24", postern.command("block", "list", "--all")) == ["198.51.100.0/24"]
