"""Postern as its users meet it: a process, a settings file, a data directory and HTTP."""

import json
import re
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from parts.processes import Process, free_port, plain_environment, wait_for

PASSWORD = "four unrelated plain words"


class Postern:
    """One node. Requests go straight to its port, with the host that its public URL names.

    Its administration opens with a password alone, so that tests of other things needn't prove more. `administration=None` leaves that
    as the server has it.
    """

    def __init__(self, binary: str, folder: Path, public_port: int | None = None, settings: str = "", database: str | None = None,
                 data: Path | None = None, administration: str | None = "optional", public_url: str | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.binary, self.folder, self.database = binary, folder, database
        self.environment = plain_environment(folder)
        if administration:
            self.environment["POSTERN_SECOND_FACTOR_ADMINISTRATION"] = administration
        self.data = data or folder / "data"
        self.port = free_port()
        self.authority = f"127.0.0.1:{public_port or self.port}"
        self.public_url = public_url or f"http://{self.authority}"
        self.authority = self.public_url.split("//")[1]
        self.config = folder / "postern.yaml"
        self.config.write_text(f"public-url: {self.public_url}\ntrusted-proxies: [127.0.0.1]\n{settings}")
        self.process: Process | None = None

    # Life.

    def start(self) -> "Postern":
        """Starts it and waits until it is healthy."""
        self.process = Process(
            self.folder, "postern", [self.binary, "serve", *self.place(), "--listen", f"127.0.0.1:{self.port}"], self.environment)
        wait_for("Postern to be healthy", lambda: self.is_healthy() or self._fail_if_dead(), 10)
        return self

    def _fail_if_dead(self) -> bool:
        if not self.process.lives:
            raise AssertionError(f"Postern ended with {self.process.child.returncode}: {self.log()[-500:]}")
        return False

    def restart(self) -> float:
        """Starts it again; returns how many seconds passed until it was healthy."""
        self.stop()
        begin = time.monotonic()
        self.start()
        return time.monotonic() - begin

    def stop(self) -> int | None:
        return self.process.stop() if self.process else None

    def place(self) -> list[str]:
        place = ["--config", str(self.config), "--data-directory", str(self.data)]
        return place + (["--database", self.database] if self.database else [])

    def is_healthy(self) -> bool:
        try:
            return self.get("/auth/health", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def output(self) -> str:
        return self.process.out.read_text()

    def log(self) -> str:
        return self.process.log.read_text()

    @property
    def sqlite(self) -> Path:
        return self.data / "postern.sqlite"

    def minutes_pass(self, minutes: int) -> None:
        """As if all that was proved in sessions were that much longer ago."""
        with sqlite3.connect(self.sqlite) as database:
            database.execute("UPDATE session SET password_proved_at = password_proved_at - ?1, factor_proved_at = factor_proved_at - ?1",
                             [minutes * 60_000_000])

    # The command line.

    def run(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.binary, *arguments, *self.place()], input=text, capture_output=True, text=True, timeout=30, env=self.environment)

    def command(self, *arguments: str, text: str = "") -> str:
        """A command that must succeed; returns what it printed."""
        done = self.run(*arguments, text=text)
        assert done.returncode == 0, f"postern {arguments[0]} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def make_account(self, email: str, role: str = "member", password: str = PASSWORD) -> str:
        """Makes an open account; returns its id."""
        return self.command(
            "account", "create", "--email", email, "--password-stdin", "--confirmed", "--role", role, text=password + "\n").strip()

    # HTTP.

    def request(self, method: str, path: str, **more) -> requests.Response:
        headers = {"Host": self.authority} | more.pop("headers", {})
        with direct() as session:
            return session.request(
                method, f"http://127.0.0.1:{self.port}{path}", headers=headers, allow_redirects=False, **({"timeout": 15} | more))

    def get(self, path: str, **more) -> requests.Response:
        return self.request("GET", path, **more)

    def try_sign_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        return self.request("POST", "/auth/v1/sign-in", json={"email": email, "password": password})

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        """Returns the session's token."""
        answer = self.try_sign_in(email, password)
        assert answer.status_code == 200, f"signing in answered {answer.status_code}"
        return answer.json()["session"]["token"]

    def sign_up(self, email: str, password: str = PASSWORD) -> requests.Response:
        return self.request("POST", "/auth/v1/accounts", json={"email": email, "password": password})

    def session_status(self, token: str) -> int:
        return self.get("/auth/v1/session", headers={"Authorization": f"Bearer {token}"}).status_code

    def gate_status(self, token: str) -> int:
        """What the proxy's question is answered with."""
        return self.get("/auth/request", headers={"Cookie": f"postern={token}"}).status_code

    # Mail.

    def letters(self, email: str) -> list[dict]:
        """What the development mailbox holds for an address, the latest first."""
        letters = self.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()
        return [letter for letter in letters if letter["to"] == email]

    def letter(self, email: str, subject: str) -> dict | None:
        """The latest of them whose subject begins with these words."""
        return next((letter for letter in self.letters(email) if letter["subject"].startswith(subject)), None)

    def mailed_link(self, email: str) -> str:
        """The link in the latest mail to an address, as soon as it lands in the development mailbox."""
        return link_in(wait_for("a mail", lambda: self.letters(email), 10)[0]["text"])

    def accounts(self) -> list[dict]:
        return json.loads(self.command("account", "list", "--json"))


def link_in(text: str) -> str:
    """The link that stands alone on a line."""
    return re.search(r"^https?://\S+$", text, re.MULTILINE).group()


def reason(answer: requests.Response) -> tuple[int, str]:
    """The status of a refusal, and its stable code."""
    return answer.status_code, answer.json().get("reason", "")


def at_once(calls: list) -> list:
    """Makes all calls at the same moment, each on a thread of its own; returns what they answered."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        return call()
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def direct() -> requests.Session:
    """A client that reads no proxy from the environment: all traffic is loopback."""
    session = requests.Session()
    session.trust_env = False
    return session
