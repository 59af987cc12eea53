"""The meter beside a new password: as pages say it with and without scripts, and as the command line says it."""

import html
import json
import re
import subprocess
from dataclasses import dataclass

from parts.browser import Browser
from parts.postern import Postern


@dataclass(frozen=True)
class Reading:
    """What the meter says: a level from 0 to 4, a title, sentences."""
    level: str
    words: list[str]


def reading_in(page: str) -> Reading | None:
    """What stands in a page as the server sent it; None if its meter is hidden."""
    head, body = re.search(r'<div class="strength"([^>]*)>.*?<output[^>]*>(.*?)</output>', page, re.DOTALL).groups()
    if re.search(r"\shidden$", head):
        return None
    words = re.findall(r"<(?:b|span)>(.*?)</(?:b|span)>", body, re.DOTALL)
    return Reading(re.search(r'data-score="(\d?)"', head).group(1), [html.unescape(text) for text in words])


def error_in(page: str) -> str:
    """What stands at the password's field; nothing if it was not refused."""
    found = re.search(r'id="password-error">.*?<span>(.*?)</span>', page, re.DOTALL)
    return html.unescape(found.group(1)) if found else ""


def shown(browser: Browser) -> Reading | None:
    """What a browser shows now."""
    level, hidden, words = browser.run(
        "const meter = document.querySelector('.strength');"
        "return [meter.dataset.score, meter.hidden, [...meter.querySelectorAll('.says b, .says span')].map(part => part.textContent)]")
    return None if hidden else Reading(level, words)


def check(postern: Postern, passwords: list[str], about: list[str] = ()) -> list[dict]:
    """What `postern password check` says with this server's settings."""
    known = [word for text in about for word in ("--about", text)]
    done = subprocess.run(
        [postern.binary, "password", "check", "--json", "--config", str(postern.config), *known],
        input="".join(password + "\n" for password in passwords).encode(), capture_output=True, timeout=300, env=postern.environment)
    assert done.returncode == 0, f"postern password check ended with {done.returncode}: {done.stderr.decode()[-500:]}"
    # Not splitlines(): titles and sentences may hold none of its other line ends, but nobody promised.
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]
