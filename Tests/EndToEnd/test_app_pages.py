"""The small apps of docs/apps, run as they are printed, behind a real nginx with the printed snippet."""

import re
import sys
from pathlib import Path

import pytest

from parts.postern import Postern
from parts.processes import Process, free_port, listens, real, wait_for
from parts.snippets import SnippetNginx
from parts.way_in import AppHost

APPS = Path(__file__).resolve().parents[2] / "docs/apps"
PROGRAMS = {"python": ("app.py", "python", lambda: sys.executable), "node": ("app.mjs", "js", lambda: real("node"))}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_shows_the_very_file(name):
    file, language, _ = PROGRAMS[name]
    [code] = re.findall(rf"```{language}\n(.*?)```", (APPS / f"{name}.md").read_text(), re.DOTALL)[:1]
    assert code == (APPS / name / file).read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_app_says_who_is_there_and_nobody_else_reaches_it(binary, tmp_path, browser, name):
    file, _, program = PROGRAMS[name]
    port, front = free_port(), free_port()
    app = Process(tmp_path, name, [program(), str(APPS / name / file), str(port)])
    postern = Postern(binary, tmp_path)
    proxy = None
    try:
        wait_for("the app to listen", lambda: listens(port))
        AppHost(postern, "app", f"http://127.0.0.1:{front}", ("/hello bypass",))
        postern.start()
        proxy = SnippetNginx(tmp_path / "proxy", postern, {"app": port}, [front])
        proxy.start()
        postern.make_account("ada@example.org")
        postern.command("account", "username", "ada@example.org", "lovelace")
        browser.open(f"http://127.0.0.1:{front}/hello")
        assert browser.heading == "Nobody is signed in."
        browser.open(f"http://127.0.0.1:{front}/page")
        browser.sign_in("ada@example.org", "four unrelated plain words")
        assert browser.url == f"http://127.0.0.1:{front}/page"
        assert browser.heading == "You are lovelace."
        browser.follow("Sign out")
        browser.press("Sign out")
        browser.open(f"http://127.0.0.1:{front}/page")
        assert browser.heading == "Sign in to Postern"
    finally:
        if proxy:
            proxy.stop()
        postern.stop()
        app.stop()
