"""The first minutes of somebody who has just cloned this: the README's first command, a browser, and nothing else.

How long they took and how much had to be typed is written down where `make bench` finds it; a growing figure is looked at.
"""

import json
import os
import random
import re
import socket
import time
from pathlib import Path

import pytest

from parts.phone import Phone, read_uri, scan
from parts.processes import Process, plain_environment, wait_for

EMAIL, PASSWORD = "ada@example.org", "four unrelated plain words"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def two_free_ports() -> int:
    """The first of two free neighbours, below those that the system gives to clients."""
    return next(port for port in random.sample(range(20_000, 32_000), 1_000) if is_free(port) and is_free(port + 1))


class Demo:
    def __init__(self, binary: str, folder: Path):
        self.folder, self.port = folder, two_free_ports()
        self.portal, self.app = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port + 1}"
        # As `make run` does it, on ports that are free here, in a directory where nothing is.
        self.process = Process(folder, "demo", [binary, "demo", "--listen", f"127.0.0.1:{self.port}", "--data-directory", str(folder / "data")],
                               plain_environment(folder))
        wait_for("the demo to say what to open", lambda: "Kept in" in self.output(), 20)

    def output(self) -> str:
        return self.process.out.read_text()

    def stop(self) -> None:
        self.process.stop()


def mailed_link(browser, demo: Demo) -> str | None:
    browser.open(demo.portal + "/auth/dev/mailbox")
    found = re.search(r"http://\S+/auth/confirm/[\w-]+", browser.text("main"))
    return found and found.group()


@pytest.fixture
def demo(binary, tmp_path):
    made = Demo(binary, tmp_path / "demo")
    yield made
    made.stop()


def test_from_nothing_to_an_app_behind_a_second_factor(binary, tmp_path, browser):
    typed = []

    def type(**fields):
        typed.extend(fields.values())
        browser.type(**fields)

    begun = time.monotonic()
    demo = Demo(binary, tmp_path / "demo")
    try:
        ready = time.monotonic()
        browser.open(demo.app)
        assert browser.heading == "Sample app" and "told nothing about you" in browser.text("main")
        browser.follow("The vault")
        assert browser.heading == "Sign in to Postern"
        browser.follow("Make an account")
        type(email=EMAIL, password=PASSWORD)
        browser.press("Make the account")
        browser.open(wait_for("the mail", lambda: mailed_link(browser, demo), 10))
        type(password=PASSWORD)
        browser.press("Confirm the address")
        type(email=EMAIL, password=PASSWORD)
        browser.press("Sign in")

        browser.open(demo.app + "/vault?deep=1")
        assert "needs a second factor" in browser.text("[role=status]")
        browser.press("Add an app")
        phone = Phone(read_uri(scan(browser.picture(tmp_path)))["secret"])
        type(code=phone.code())
        browser.press("Switch it on")
        browser.tick("saved")
        browser.press("Use these codes")
        assert browser.url == demo.app + "/vault?deep=1", "adding an app leads back to the page that asked for it"
        assert browser.text("#user").startswith("ada-")
        assert "aal2" in browser.text("dl")

        browser.follow("Sign out")
        browser.press("Sign out")
        assert browser.heading == "You are signed out"
        browser.open(demo.app + "/vault")
        type(email=EMAIL, password=PASSWORD)
        browser.press("Sign in")
        assert browser.heading != "Sample app"
        browser.open(demo.app + "/vault")
        assert browser.heading == "Sign in to Postern", "a password alone opened the vault"
        done = time.monotonic()
    finally:
        demo.stop()
    figures = {"ready_seconds": round(ready - begun, 2), "walk_seconds": round(done - begun, 1), "typed_characters": sum(map(len, typed))}
    if place := os.environ.get("POSTERN_FIRST_MINUTES"):
        Path(place).write_text(json.dumps(figures))
    # 6 digits once, and the address and the password as often as they are asked for: more is a step that wasn't there.
    assert figures["typed_characters"] <= 3 * len(EMAIL) + 4 * len(PASSWORD) + 6


def test_the_demo_says_three_links_and_an_account_that_works(demo, browser):
    output = demo.output()
    for words in (demo.app, demo.portal + "/auth/dev/mailbox", demo.portal + "/auth/setup/"):
        assert words in output
    email, password = re.search(r"sign in as (\S+) with (\S+)", output).groups()
    browser.open(demo.app + "/members")
    browser.sign_in(email, password)
    assert browser.url == demo.app + "/members"
    assert browser.text("#user").startswith("visitor-")
    assert browser.run("return policyViolations") == []


def test_the_demo_starts_again_with_the_same_account(binary, tmp_path):
    first = Demo(binary, tmp_path / "demo")
    password = re.search(r"with (\S+)", first.output()).group(1)
    first.stop()
    second = Demo(binary, tmp_path / "demo")
    assert password in second.output()
    second.stop()


@pytest.mark.parametrize("arguments, environment", [
    (["--listen", "0.0.0.0:18080"], {}), (["--listen", "192.0.2.1:18080"], {}), ([], {"POSTERN_PUBLIC_URL": "https://id.example.org"}),
])
def test_the_demo_refuses_any_place_but_this_machine(binary, tmp_path, arguments, environment):
    process = Process(tmp_path, "demo", [binary, "demo", "--data-directory", str(tmp_path / "data"), *arguments], plain_environment(tmp_path) | environment)
    assert process.child.wait(10) == 1
    assert "demo" in process.log.read_text() and not (tmp_path / "data").exists()
