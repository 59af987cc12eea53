"""Choosing another password: by a mailed link, with the current one, or because it is stolen; and time that passes for links."""

import sqlite3
import subprocess
from pathlib import Path

import requests

from parts.postern import Postern, link_in
from parts.processes import plain_environment, wait_for
from parts.range_service import sha1

NEXT = "seven quiet lanterns drift"
ANOTHER = "umbrella gravel nineteen oboe"
LINK_MAIL = "Choose another password"
CHANGE_MAIL = "Your password was changed"


def ask(postern: Postern, email, **more) -> requests.Response:
    return postern.request("POST", "/auth/v1/forgot-password", json={"email": email}, **more)


def links(postern: Postern, email: str) -> list[str]:
    """Every mailed link to choose another password, the latest first."""
    return [link_in(letter["text"]) for letter in postern.letters(email) if letter["subject"].startswith(LINK_MAIL)]


def asked_link(postern: Postern, email: str) -> str:
    """Asks, and returns the link that comes."""
    before = len(links(postern, email))
    answer = ask(postern, email)
    assert answer.status_code == 202, answer.text
    return wait_for("the link", lambda: (found := links(postern, email))[before:] and found)[0]


def asked_token(postern: Postern, email: str) -> str:
    return asked_link(postern, email).rsplit("/", 1)[1]


def reset(postern: Postern, token, password=NEXT, **more) -> requests.Response:
    return postern.request("POST", "/auth/v1/reset-password", json={"token": token, "password": password}, **more)


def change(postern: Postern, session: str, current, password=NEXT) -> requests.Response:
    return postern.request("POST", "/auth/v1/account/password", json={"current": current, "password": password},
                           headers={"Authorization": f"Bearer {session}"})


def choose_at_sign_in(postern: Postern, attempt, password=NEXT) -> requests.Response:
    return postern.request("POST", "/auth/v1/sign-in/change-password", json={"attempt": attempt, "password": password})


def minutes_pass(postern: Postern, minutes: int) -> None:
    """As if every link had been asked for that much longer ago."""
    with sqlite3.connect(postern.sqlite) as database:
        database.execute("UPDATE password_reset SET expires_at = expires_at - ?", [minutes * 60_000_000])
        database.execute("UPDATE password_reset_mail SET window_at = window_at - ?1, last_at = last_at - ?1", [minutes * 60_000_000])


def rows(postern: Postern, *without: str) -> dict[str, list[tuple]]:
    """Everything in the database but these tables."""
    with sqlite3.connect(postern.sqlite) as database:
        names = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if not name.startswith("sqlite_")]
        return {name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names if name not in without}


def jobs(postern: Postern) -> int:
    """How many there ever were, done or not: each mail is one."""
    with sqlite3.connect(postern.sqlite) as database:
        return database.execute("SELECT COUNT(*) FROM job").fetchone()[0]


class StolenList:
    """A filter of stolen passwords that a server looks into."""

    def __init__(self, binary: str, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.binary, self.folder, self.file = binary, folder, folder / "stolen.filter"
        self.holds()

    def settings(self, at_sign_in: str) -> str:
        return f"password: {{breached: {{filter: '{self.file}', at-sign-in: {at_sign_in}}}}}\n"

    def holds(self, *passwords: str) -> None:
        """From now on it lists these, and a few others."""
        hashes = self.folder / "hashes.txt"
        hashes.write_text("".join(sha1(password) + "\n" for password in [*passwords, *(f"other {number}" for number in range(500))]))
        done = subprocess.run([self.binary, "password", "breached", "build", hashes, "--output", self.file], capture_output=True, text=True,
                              timeout=60, env=plain_environment(self.folder))
        assert done.returncode == 0, done.stderr

    def spreads(self, postern: Postern, *passwords: str) -> None:
        """Lists these, and waits until the server knows."""
        self.holds(*passwords)

        def is_known(password: str) -> bool:
            return postern.request("POST", "/auth/v1/password/strength", json={"password": password}).json().get("reason") == "password-breached"
        wait_for("the new list", lambda: all(map(is_known, passwords)), 5)
