"""Time that passes for passwords, and the daily run that looks which of them expire."""

import json
import sqlite3
import time

from parts.postern import Postern
from parts.processes import wait_for

DAY = 86_400_000_000


def edit(postern: Postern, statement: str, *values) -> None:
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        database.execute(statement, values)


def days_pass(postern: Postern, days: float) -> None:
    """As if all passwords and rules, and who is in which group, were that much older."""
    passed = int(days * DAY)
    edit(postern, "UPDATE account SET password_set_at = password_set_at - ?1, password_change_required_at = password_change_required_at - ?1", passed)
    edit(postern, "UPDATE password_history SET set_at = set_at - ?", passed)
    edit(postern, "UPDATE password_rule SET since = since - ?", passed)
    edit(postern, "UPDATE account_group_member SET joined_at = joined_at - ?", passed)


def set_days_ago(postern: Postern, email: str, days: float) -> None:
    edit(postern, "UPDATE account SET password_set_at = ? WHERE email = ?", int(time.time() * 1_000_000 - days * DAY), email)


def run_of_the_day(postern: Postern) -> None:
    """Starts the server as if today's run hadn't been, and waits until all that it leaves is done."""
    postern.stop()
    edit(postern, "DELETE FROM job WHERE kind IN ('find-expiring-passwords', 'remind')")
    postern.start()

    def is_done() -> bool:
        with sqlite3.connect(postern.sqlite, timeout=20) as database:
            states = dict.fromkeys(("find-expiring-passwords", "remind"), 0) | dict(database.execute(
                "SELECT kind, SUM(state <> 'done') FROM job WHERE kind IN ('find-expiring-passwords', 'remind') GROUP BY kind"))
            ran, = database.execute("SELECT COUNT(*) FROM job WHERE kind = 'find-expiring-passwords'").fetchone()
        return ran == 1 and not any(states.values())
    wait_for("the day's run", is_done, 40, step=0.1)


def due(postern: Postern, *more: str) -> list[tuple[str, int]]:
    """Whom `postern password due` names, and how many days ahead."""
    return sorted((row["email"], row["threshold"]) for row in json.loads(postern.command("password", "due", "--json", *more)))
