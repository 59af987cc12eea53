"""The rows of jobs and notices in a server's SQLite, and time that passes for them."""

import os
import sqlite3
import time
import uuid
from contextlib import closing

from parts.postern import Postern


def select(postern: Postern, text: str, *values) -> list[tuple]:
    with closing(sqlite3.connect(postern.sqlite, timeout=10)) as database:
        return database.execute(text, values).fetchall()


def change(postern: Postern, text: str, *values) -> int:
    with closing(sqlite3.connect(postern.sqlite, timeout=10)) as database, database:
        return database.execute(text, values).rowcount


def waits_are_over(postern: Postern) -> None:
    """As if everything that failed had waited long enough. What is being done keeps its lease."""
    change(postern, "UPDATE job SET run_at = 0 WHERE state = 'ready' AND lease IS NULL AND tries > 0")


def leases_are_over(postern: Postern) -> int:
    """As if the half minute since a kill had passed; only while no server runs. Returns how many jobs were held."""
    return change(postern, "UPDATE job SET run_at = 0 WHERE state = 'ready' AND lease IS NOT NULL")


def mail_job(postern: Postern, email: str) -> tuple[str, str, int, str]:
    """Id, state, tries and last error of the latest job that mails to an address."""
    [(job, *rest)] = select(
        postern, "SELECT job.id, job.state, job.tries, job.last_error FROM job JOIN notice ON notice.id = job.id WHERE notice.target = ? "
                 "ORDER BY job.id DESC LIMIT 1", email)
    return str(uuid.UUID(bytes=job)), *rest


def notice(postern: Postern, email: str) -> tuple[str, int, str]:
    """State, tries and last error of the latest notice to an address."""
    [found] = select(postern, "SELECT state, tries, last_error FROM notice WHERE target = ? ORDER BY id DESC LIMIT 1", email)
    return found


def insert(postern: Postern, kind: str, payload: bytes = b"\0 no payload of ours", tries: int = 0, run_at: int = 0,
           created_at: int | None = None) -> str:
    """A job row that no server of ours wrote; returns its id."""
    job = uuid.UUID(bytes=bytes(6) + os.urandom(10))
    change(postern, "INSERT INTO job (id, kind, payload, state, run_at, tries, lease, last_error, created_at) "
                    "VALUES (?, ?, ?, 'ready', ?, ?, NULL, '', ?)",
           job.bytes, kind, payload, run_at, tries, time.time_ns() // 1000 if created_at is None else created_at)
    return str(job)


def row(postern: Postern, job: str) -> tuple[str, int, str]:
    """State, tries and last error."""
    [found] = select(postern, "SELECT state, tries, last_error FROM job WHERE id = ?", uuid.UUID(job).bytes)
    return found
