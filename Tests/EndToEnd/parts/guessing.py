"""Passwords that are tried from addresses of one's choice, as a trusted proxy hands them on."""

import itertools
import sqlite3

import requests

from parts.job_rows import select
from parts.postern import Postern, reason

WRONG = "none of the right words"
HERE, THERE = "203.0.113.7", "203.0.113.8"
NOT_RIGHT = (401, "wrong-credentials")
THROTTLED = (429, "throttled")
BLOCKED = (403, "blocked")
# With these a lock comes soon.
SOON = "throttling: {sign-in: {lock-after: 10}}\n"


def attempt(postern: Postern, email: str, password: str = WRONG, address: str | None = HERE, browser: str | None = None) -> requests.Response:
    """One try; with `browser` as a backend sends it that keeps one for its people."""
    headers = {"X-Forwarded-For": address} if address else {}
    headers |= {"Postern-Browser": browser} if browser else {}
    return postern.request("POST", "/auth/v1/sign-in", json={"email": email, "password": password}, headers=headers)


def verdict(*arguments, **more) -> tuple[int, str]:
    """What one try is answered with: its status, and the code of a refusal."""
    return reason(attempt(*arguments, **more))


def lock(postern: Postern, email: str, network: str = "198.51", each: int = 9) -> int:
    """Tries wrong ones, a few from each of many addresses, until all are refused; returns how many were looked at."""
    for number in itertools.count():
        found = verdict(postern, email, address=f"{network}.{number // each // 250}.{number // each % 250 + 1}")
        if found != NOT_RIGHT:
            assert found == BLOCKED, f"try {number + 1}: {found}"
            return number
        assert number < 120, "nothing stops a stranger"


def failures(postern: Postern, address: str = HERE) -> int:
    """How many wrong ones the database counts for an address and whatever account."""
    [(count,)] = select(postern, "SELECT COALESCE(SUM(failures), 0) FROM password_try WHERE place = ?", address)
    return count


def minutes_pass(postern: Postern, minutes: int) -> None:
    """As if all that was counted had been that much earlier. What waits for a release goes on waiting."""
    with sqlite3.connect(postern.sqlite) as database:
        earlier = minutes * 60_000_000
        database.execute("UPDATE password_try SET since_at = since_at - ?1, last_at = last_at - ?1", [earlier])
        database.execute("UPDATE password_try SET next_at = next_at - ? WHERE next_at BETWEEN 1 AND 9000000000000000", [earlier])
        database.execute("UPDATE rate_count SET window_end = window_end - ?", [minutes * 60])
