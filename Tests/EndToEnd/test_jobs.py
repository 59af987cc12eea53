"""Jobs: what is written down is done, whatever dies meanwhile; and what administrators see of it."""

import json
import os
import random
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from parts.awkward_mail import ADDRESSED, CONNECTED, LEAVING, TAKEN, AwkwardSink
from parts.job_rows import change, insert, leases_are_over, mail_job, notice, row, select
from parts.postern import Postern, at_once, link_in
from parts.processes import free_port, wait_for
from test_two_nodes import database, sql  # noqa: F401

SOAK = os.environ.get("POSTERN_SOAK") == "1"
KILLS = 200 if SOAK else 20
KILLED_REQUESTS = 1_000 if SOAK else 100
THREADS = 16
ADA = "ada@example.org"
DAILY = "find-expiring-passwords"
# All that are due once a day, in order.
DAILIES = ["delete-leavers", DAILY, "prune-history"]


@pytest.fixture
def sink(certificates):
    """A sink that is not started yet."""
    sink = AwkwardSink(free_port(), certificates)
    yield sink
    sink.stop()


# Kills.


def test_whatever_the_moment_of_a_kill_every_mail_arrives_and_at_most_once_more(mailing, sink):
    """JN-04: in turn, a job that is only held, one whose mail is on its way, one that the mail server has but hasn't said so, and one that
    only has to be written down as done."""
    sink.start()
    postern = mailing()
    twice, points = 0, [CONNECTED, ADDRESSED, TAKEN, LEAVING]
    for number in range(KILLS):
        point = points[number % len(points)]
        # One is under way, the other waits behind it.
        emails = [f"round{number}-{name}@example.org" for name in ("first", "second")]
        sink.hold(point)
        for email in emails:
            assert postern.sign_up(email).status_code == 202
        assert sink.held.wait(10), f"round {number}: nothing came to {point}"
        postern.process.kill()
        sink.release()
        # The lease would end half a minute later.
        # In the first round one of the daily ones may be, too.
        assert leases_are_over(postern) >= 1, f"round {number}, {point}: no job was under way"
        postern.start()
        wait_for(f"round {number}'s mails", lambda: all(sink.ids(email) for email in emails), 30)
        wait_for("the rows to say so", lambda: {mail_job(postern, email)[1] for email in emails} == {"done"}, 10)
        copies = [sink.ids(email) for email in emails]
        assert sum(map(len, copies)) <= 3, f"round {number}, {point}: more than one twice"
        if point in (CONNECTED, ADDRESSED):
            assert [len(ids) for ids in copies] == [1, 1], f"round {number}, {point}"
        assert [len(set(ids)) for ids in copies] == [1, 1], f"round {number}, {point}: the same mail under two Message-IDs"
        assert {notice(postern, email)[0] for email in emails} == {"sent"}
        twice += sum(map(len, copies)) - 2
    assert KILLS // 4 <= twice <= KILLS // 2, "kills after the mail was taken make a second one, others none"
    assert select(postern, "SELECT COUNT(*) FROM job WHERE state <> 'done' OR length(payload) > 0") == [(0,)]
    everybody = [recipient for letter in sink.letters for recipient in letter.recipients]
    assert len(set(everybody)) == 2 * KILLS


def torn(postern: Postern) -> list[tuple]:
    """What was written down in part: accounts, notices and jobs of sign-ups go together."""
    return select(postern, """
        SELECT 'account', email FROM account WHERE
            (SELECT COUNT(*) FROM notice WHERE account_id = account.id AND kind = 'confirm-email') <> 1
            OR (SELECT COUNT(*) FROM job JOIN notice ON notice.id = job.id WHERE account_id = account.id AND job.kind = 'send-mail') <> 1
        UNION ALL SELECT 'notice', target FROM notice WHERE account_id IS NULL OR id NOT IN (SELECT id FROM job)
            OR account_id NOT IN (SELECT id FROM account)
        UNION ALL SELECT 'job', hex(id) FROM job WHERE kind = 'send-mail' AND id NOT IN (SELECT id FROM notice)
        """)


class SignUps:
    """Many at once, each with an address of its own, until they are told to end."""

    def __init__(self, postern: Postern, tag: str):
        self.postern, self.tag = postern, tag
        self.ends = threading.Event()
        self.accepted: list[str] = []
        self.killed: list[str] = []
        self.pool = ThreadPoolExecutor(THREADS)
        self.threads = [self.pool.submit(self._work, number) for number in range(THREADS)]

    def _work(self, thread: int) -> None:
        number = 0
        while not self.ends.is_set():
            number += 1
            email = f"{self.tag}-{thread}-{number}@example.org"
            try:
                answer = self.postern.sign_up(email, "four unrelated plain words")
            except requests.RequestException:
                # Before the kill there is no such end; after it, one is enough.
                self.killed.append(email)
                return
            assert answer.status_code == 202, answer.text
            self.accepted.append(email)

    def end(self) -> None:
        self.ends.set()
        for thread in self.threads:
            thread.result()
        self.pool.shutdown()


def wait_until_they_are_written(postern: Postern) -> None:
    """While somebody else holds the database, sign-ups gather before their transaction. Returns as soon as the first is in the file."""
    log = postern.sqlite.with_name(postern.sqlite.name + "-wal")
    with closing(sqlite3.connect(postern.sqlite, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(0.7)
        before = log.stat().st_mtime_ns
        other.execute("ROLLBACK")
        end = time.monotonic() + 1
        while log.stat().st_mtime_ns == before and time.monotonic() < end:
            pass


def test_a_sign_up_that_a_kill_cuts_off_leaves_account_notice_and_job_or_none_of_them(make_postern):
    """JN-01."""
    postern = make_postern(settings="hashing: {queue: 400}\n").start()
    killed = written = starts = 0
    # A kill between the commit and the answer takes luck.
    while killed < KILLED_REQUESTS or (written == 0 and starts < 60):
        starts += 1
        load = SignUps(postern, f"start{starts}")
        if starts % 4 == 0:
            time.sleep(random.uniform(0.2, 0.8))
        else:
            wait_until_they_are_written(postern)
            time.sleep(random.choice([0, 0.0005, 0.001, 0.002, 0.004]))
        postern.process.kill()
        load.end()
        assert select(postern, "PRAGMA integrity_check") == [("ok",)]
        assert torn(postern) == [], f"start {starts}"
        known = {email for email, in select(postern, "SELECT email FROM account")}
        assert set(load.accepted) <= known, f"start {starts}: what was answered with yes is gone"
        killed += len(load.killed)
        written += len(known & set(load.killed))
        postern.start()
    assert torn(postern) == []
    print(f"{killed} were cut off in {starts} starts; {written} of them were written")
    assert 0 < written < killed, f"of {killed} that were cut off, {written} were written: the kills came at no interesting moment"
    # What the kills left half done is done by the next servers.
    postern.stop()
    leases_are_over(postern)
    postern.start()
    wait_for("all mail", lambda: select(postern, "SELECT COUNT(*) FROM job WHERE state <> 'done'") == [(0,)], 60, step=0.2)
    assert {state for state, in select(postern, "SELECT state FROM notice")} == {"sent"}


# Two nodes.


@pytest.fixture
def make_node(database, make_postern, tmp_path, certificates):  # noqa: F811
    """A node away from loopback: without a mail server, mail waits for one that has it."""
    def make(name: str, sink: AwkwardSink | None = None) -> Postern:
        mail = f"mail:\n  smtp: smtp://127.0.0.1:{sink.port}\n  ca-file: {certificates.authority}\n" if sink else ""
        return make_postern(name, database=database, public_url="https://auth.example.org", settings=(
            f"key-ring-file: {tmp_path}/key-ring.json\nsign-up: open\nhashing: {{queue: 200}}\n{mail}"))
    return make


def test_a_node_is_woken_for_work_that_the_other_or_the_command_line_writes_down(make_node, sink):
    """It would sleep for half a minute else."""
    sink.start()
    first, second = make_node("first").start(), make_node("second", sink).start()
    members = [f"member{number}@example.org" for number in range(3)]
    for email in members:
        first.make_account(email)
    # Both are asleep by now.
    time.sleep(3)
    for number in range(4):
        email = f"new{number}@example.org"
        assert first.sign_up(email).status_code == 202
        wait_for(f"the mail of sign-up {number}", lambda: sink.ids(email), 5)
        time.sleep(1)
    for email in members:
        first.command("account", "reset-password", email)
        wait_for("the mail that the command line asked for", lambda: sink.ids(email), 5)
        time.sleep(1)
    assert second.process.lives and first.process.lives


def test_a_node_that_can_mail_sends_what_waited_for_one(make_node, sink):
    """JN-05: mail that nobody here can send is parked, and nothing else waits for it."""
    first = make_node("first").start()
    assert first.sign_up(ADA).status_code == 202
    [parked] = wait_for("the job", lambda: json.loads(first.command("job", "list", "--state", "parked", "--json")))
    assert (parked["kind"], parked["tries"]) == ("send-mail", 0)
    wait_for("the daily jobs", lambda: sorted(job["kind"] for job in json.loads(first.command("job", "list", "--state", "done", "--json"))) == DAILIES)
    sink.start()
    make_node("second", sink).start()
    wait_for("the mail", lambda: sink.ids(ADA), 40)
    shown = wait_for("the job to be done", lambda: (job := json.loads(first.command("job", "show", parked["id"], "--json")))[
        "state"] == "done" and job)
    assert shown["tries"] == 1


def test_two_nodes_that_send_at_once_send_each_mail_once(make_node, sink):
    """JN-02."""
    sink.start()
    nodes = [make_node(name, sink).start() for name in ("first", "second")]
    emails = [f"new{number}@example.org" for number in range(40)]
    answers = at_once([lambda email=email, node=node: node.sign_up(email) for email, node in zip(emails, nodes * 20)])
    assert {answer.status_code for answer in answers} == {202}
    wait_for("all mails", lambda: all(sink.ids(email) for email in emails), 60)
    time.sleep(1)
    assert [len(sink.ids(email)) for email in emails] == [1] * len(emails)


def test_when_a_node_is_killed_over_a_job_the_other_does_it_within_a_minute(make_node, certificates, sink):
    """JN-04. No time is moved: a lease lasts thirty seconds, and the other node looks when it ends."""
    sinks = [sink, AwkwardSink(free_port(), certificates)]
    nodes = [make_node(name, its).start() for name, its in zip(("first", "second"), sinks)]
    for its in sinks:
        its.start()
        its.hold(CONNECTED)
    try:
        assert nodes[0].sign_up(ADA).status_code == 202
        holder = wait_for("a node to take it", lambda: [number for number in range(2) if sinks[number].held.is_set()])[0]
        nodes[holder].process.kill()
        killed = time.monotonic()
        for its in sinks:
            its.release()
        time.sleep(5)
        assert not any(its.ids(ADA) for its in sinks), "its lease is not over yet"
        wait_for("the other node's mail", lambda: sinks[1 - holder].ids(ADA), 75)
        assert time.monotonic() - killed < 60 + 10
        assert sinks[holder].ids(ADA) == []
        wait_for("the row to say so", lambda: json.loads(nodes[1 - holder].command("job", "list", "--kind", "send-mail", "--json"))[
            0]["state"] == "done")
        [job] = json.loads(nodes[1 - holder].command("job", "list", "--kind", "send-mail", "--json"))
        assert job["tries"] == 2
    finally:
        sinks[1].stop()


def day() -> str:
    """The key of the day's run, which begins at six in the morning UTC."""
    return f"{DAILY}/{(int(time.time()) - 6 * 3_600) // 86_400}"


def test_of_the_daily_job_there_is_one_a_day_on_however_many_nodes_and_after_an_outage_one_for_today(make_node, database):  # noqa: F811
    nodes = [make_node("first"), make_node("second")]
    nodes[0].start()

    def keys() -> list[str]:
        return sql(database, f"SELECT unique_key FROM job WHERE kind = '{DAILY}' ORDER BY unique_key").splitlines()
    wait_for("today's job", keys)
    for _ in range(4):
        for node in nodes:
            node.stop()
        sql(database, f"DELETE FROM job WHERE kind = '{DAILY}'")
        before = day()
        at_once([node.start for node in nodes])
        found = wait_for("today's job", keys)
        assert len(found) == 1 and found[0] in (before, day())
        wait_for("it to be done", lambda: sql(database, f"SELECT state, tries FROM job WHERE kind = '{DAILY}'") == "done|1")
    # Nobody was there for three days: today's is made up for, those before aren't.
    for node in nodes:
        node.stop()
    number = int(day().split("/")[1])
    sql(database, f"UPDATE job SET unique_key = '{DAILY}/{number - 3}' WHERE kind = '{DAILY}'")
    at_once([node.start for node in nodes])
    wait_for("today's job", lambda: len(keys()) > 1)
    for node in nodes:
        node.restart()
    assert keys() in ([f"{DAILY}/{number - 3}", f"{DAILY}/{number}"], [f"{DAILY}/{number - 3}", day()])


# Odd rows.


def test_a_row_that_does_not_open_fails_in_words_and_is_kept_and_the_server_goes_on(mailing, sink):
    """JN-05."""
    sink.start()
    postern = mailing()
    assert postern.sign_up("before@example.org").status_code == 202
    wait_for("a good mail", lambda: sink.ids("before@example.org"))
    odd = [insert(postern, kind, payload) for kind in ("send-mail", "remind", DAILY)
           for payload in (b"", b"\0", os.urandom(200), b"{\"kind\":\"confirm-email\",\"to\":\"eve@example.org\"}", b"\xff" * 100_000)]
    last = insert(postern, "send-mail", os.urandom(64), tries=11)
    for job in odd:
        state, tries, error = wait_for("a try", lambda: (found := row(postern, job))[2] and found, 20)
        assert (state, tries) == ("ready", 1) and "open" in error, error
    state, tries, error = wait_for("the last try", lambda: (found := row(postern, last))[0] == "dead" and found, 10)
    assert tries == 12 and "open" in error
    assert select(postern, "SELECT length(payload) FROM job WHERE hex(id) = ?", last.replace("-", "").upper()) == [(64,)], "it is not kept"
    assert postern.sign_up("after@example.org").status_code == 202
    wait_for("a good mail", lambda: sink.ids("after@example.org"))
    assert "open" in postern.command("job", "show", last)
    assert postern.command("job", "retry", last)
    wait_for("another try", lambda: row(postern, last)[1] == 1, 10)
    assert postern.process.lives and sink.connections > 0 and len(sink.letters) == 2


@pytest.mark.parametrize("numbers", [
    {"run_at": -2**63}, {"run_at": 2**63 - 1}, {"tries": 2**63 - 1}, {"tries": -2**63}, {"created_at": 2**63 - 1}, {"created_at": -2**63},
], ids=lambda numbers: "{} {}".format(*list(numbers.items())[0]))
def test_a_row_with_absurd_numbers_stops_neither_the_server_nor_the_command_line(mailing, sink, numbers):
    sink.start()
    postern = mailing()
    job = insert(postern, "send-mail", **numbers)
    time.sleep(1)
    assert postern.sign_up(ADA).status_code == 202
    wait_for("a good mail", lambda: sink.ids(ADA))
    assert job in postern.command("job", "list", "--limit", "10000")
    assert postern.command("job", "show", job) and json.loads(postern.command("job", "list", "--json"))
    assert postern.command("job", "cancel", job)
    assert postern.process.lives


def test_a_kind_that_nobody_knows_is_parked_and_holds_nobody_up(mailing, sink):
    """JN-05: a newer node has written it down."""
    sink.start()
    postern = mailing()
    job = insert(postern, "fly-kite")
    assert postern.sign_up(ADA).status_code == 202
    wait_for("a good mail", lambda: sink.ids(ADA))
    time.sleep(1)
    assert row(postern, job) == ("ready", 0, "")
    [parked] = json.loads(postern.command("job", "list", "--state", "parked", "--json"))
    assert (parked["id"], parked["kind"], parked["state"]) == (job, "fly-kite", "parked")
    assert re.search(r"State +parked\n", postern.command("job", "show", job))
    assert postern.command("job", "list", "--state", "waiting") == "No jobs.\n"
    postern.command("job", "cancel", job)
    assert row(postern, job)[0] == "cancelled"


# The command line.


def listed(postern: Postern, *arguments: str) -> list[dict]:
    """What `job list` says, in JSON and in words: both must agree."""
    documents = json.loads(postern.command("job", "list", *arguments, "--json"))
    lines = [line.split() for line in postern.command("job", "list", *arguments).splitlines()]
    if documents:
        assert lines[0] == ["STATE", "KIND", "TRIES", "WRITTEN", "ID"]
    else:
        assert lines == [["No", "jobs."]]
    assert lines[1:] == [[job["state"], job["kind"], str(job["tries"]), job["created_at"], job["id"]] for job in documents]
    return documents


def shown(postern: Postern, job: str) -> dict:
    """What `job show` says, in JSON and in words: both must agree."""
    document = json.loads(postern.command("job", "show", job, "--json"))
    words = dict(re.match(r"(Last try|\S+) +(.*)", line).groups() for line in postern.command("job", "show", job).splitlines())
    assert (words["Id"], words["Kind"], words["State"], words["Tries"]) == (
        document["id"], document["kind"], document["state"], str(document["tries"]))
    assert ("Ended" in words) == ("ended_at" in document) and words.get("Last try") == document.get("last_error")
    return document


def give_up(postern: Postern, email: str) -> str:
    """Lets the mail's job fail for the last time; returns its id."""
    job = wait_for("a first try", lambda: (found := mail_job(postern, email))[3] and found[0], 10)
    change(postern, "UPDATE job SET tries = 11, run_at = 0 WHERE id IN (SELECT id FROM notice WHERE target = ?)", email)
    wait_for("the last try", lambda: row(postern, job)[0] == "dead", 10)
    return job


def test_a_mail_that_was_given_up_is_shown_and_arrives_once_it_is_tried_again(mailing, sink):
    """JN-03."""
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    job = give_up(postern, ADA)
    said = "".join(postern.command("job", *words, *more) for words in (["list"], ["show", job]) for more in ([], ["--json"]))
    document = shown(postern, job)
    assert (document["state"], document["tries"], document["kind"]) == ("dead", 12, "send-mail")
    assert document["last_error"] and document["ended_at"] and "payload" not in said
    assert [found["id"] for found in listed(postern, "--state", "dead")] == [job]
    state, _, error = notice(postern, ADA)
    assert (state, error) == ("failed", document["last_error"])

    sink.start()
    assert postern.command("job", "retry", job) == f"{job} is tried again.\n"
    wait_for("the mail", lambda: sink.ids(ADA), 20)
    wait_for("the row to say so", lambda: notice(postern, ADA)[0] == "sent")
    assert notice(postern, ADA)[2] == ""
    document = shown(postern, job)
    assert (document["state"], document["tries"]) == ("done", 1) and "last_error" not in document
    assert len(sink.ids(ADA)) == 1 and job in sink.ids(ADA)[0]
    # Nothing that was said before opened anything.
    token = link_in(sink.letters[0].part("plain").replace("\r\n", "\n")).rsplit("/", 1)[1]
    said += postern.command("job", "show", job, "--json") + postern.log()
    assert token not in said and "confirm-email" not in said and ADA not in said
    done = postern.run("job", "retry", job)
    assert done.returncode == 1 and job in done.stderr and done.stdout == ""
    assert notice(postern, ADA)[0] == "sent" and len(sink.letters) == 1


def test_jobs_are_listed_by_state_and_kind_the_newest_first(mailing, sink):
    postern = mailing()
    for name in ("waiting", "dead", "cancelled"):
        assert postern.sign_up(f"{name}@example.org").status_code == 202
    dead = give_up(postern, "dead@example.org")
    # Still a while before its next try.
    waiting = mail_job(postern, "waiting@example.org")[0]
    cancelled = mail_job(postern, "cancelled@example.org")[0]
    change(postern, "UPDATE job SET run_at = run_at + 3600000000 WHERE state = 'ready'")
    parked = insert(postern, "fly-kite")
    assert postern.command("job", "cancel", cancelled) == f"{cancelled} is cancelled.\n"
    everything = listed(postern)
    assert [job["id"] for job in everything][0] == parked and everything[-1]["kind"] in DAILIES
    assert [job["created_at"] for job in everything] == sorted((job["created_at"] for job in everything), reverse=True)
    states = {job["id"]: job["state"] for job in everything if job["kind"] not in DAILIES}
    assert states == {parked: "parked", waiting: "waiting", dead: "dead", cancelled: "cancelled"}
    for job, state in states.items():
        assert [found["id"] for found in listed(postern, "--state", state)] == [job], state
        assert shown(postern, job)["state"] == state
    assert sorted(job["kind"] for job in listed(postern, "--state", "done")) == DAILIES
    assert listed(postern, "--state", "running") == []
    assert len(listed(postern, "--kind", "send-mail")) == 3 and listed(postern, "--kind", "nothing") == []
    assert [job["id"] for job in listed(postern, "--kind", "send-mail", "--state", "dead")] == [dead]
    assert listed(postern, "--limit", "2") == everything[:2]
    # A cancelled one forgot what it carried, and its mail never comes.
    assert select(postern, "SELECT length(payload) FROM job WHERE state = 'cancelled'") == [(0,)]
    assert notice(postern, "cancelled@example.org")[0] == "failed"
    sink.start()
    change(postern, "UPDATE job SET run_at = 0 WHERE state = 'ready'")
    wait_for("the mail that waited", lambda: sink.ids("waiting@example.org"))
    assert len(sink.letters) == 1


def test_a_limit_counts_jobs_of_the_state_that_was_asked_for(mailing):
    postern = mailing()
    parked = insert(postern, "fly-kite", created_at=1)
    for number in range(3):
        assert postern.sign_up(f"new{number}@example.org").status_code == 202
    wait_for("all to have failed once", lambda: all(mail_job(postern, f"new{number}@example.org")[3] for number in range(3)))
    change(postern, "UPDATE job SET run_at = run_at + 3600000000 WHERE state = 'ready' AND kind = 'send-mail'")
    assert [job["id"] for job in listed(postern, "--state", "parked", "--limit", "2")] == [parked]
    assert len(listed(postern, "--state", "waiting", "--limit", "2")) == 2


def test_a_job_that_is_being_done_is_shown_as_running(mailing, sink):
    sink.start()
    sink.hold(ADDRESSED)
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    assert sink.held.wait(10)
    try:
        [running] = listed(postern, "--state", "running")
        assert (running["kind"], running["tries"]) == ("send-mail", 1)
        assert shown(postern, running["id"])["state"] == "running"
        refused = postern.run("job", "retry", running["id"])
        assert refused.returncode == 1
        assert notice(postern, ADA)[0] == "waiting"
    finally:
        sink.release()
    wait_for("it to be done", lambda: shown(postern, running["id"])["state"] == "done")
    assert len(sink.letters) == 1


def test_a_long_delivery_keeps_its_lease_and_is_not_begun_twice(make_node, sink):
    """JN-03, JN-04: a heartbeat carries the lease over fifteen seconds of a slow mail server, also past the other node's eyes."""
    sink.start()
    sink.hold(TAKEN)
    nodes = [make_node(name, sink).start() for name in ("first", "second")]
    assert nodes[0].sign_up(ADA).status_code == 202
    assert sink.held.wait(10)
    # As if the lease had begun long before: it ends soon, unless it is renewed.
    sql(nodes[0].database, "UPDATE job SET run_at = run_at - 15000000 WHERE lease IS NOT NULL")
    time.sleep(16.5)
    sink.release()
    wait_for("it to be done", lambda: json.loads(nodes[0].command("job", "list", "--kind", "send-mail", "--json"))[0]["state"] == "done")
    [job] = json.loads(nodes[0].command("job", "list", "--kind", "send-mail", "--json"))
    assert job["tries"] == 1 and len(sink.ids(ADA)) == 1


@pytest.mark.parametrize("how", ["cancelled", "dead without what it carried"])
def test_what_cannot_be_tried_again_is_refused_and_nothing_changes(mailing, how):
    postern = mailing()
    assert postern.sign_up(ADA).status_code == 202
    job = give_up(postern, ADA)
    if how == "cancelled":
        postern.command("job", "cancel", job)
    else:
        change(postern, "UPDATE job SET payload = x'' WHERE state = 'dead'")
    before = select(postern, "SELECT * FROM job ORDER BY id"), select(postern, "SELECT * FROM notice ORDER BY id")
    assert notice(postern, ADA)[0] == "failed"
    refused = postern.run("job", "retry", job)
    assert refused.returncode == 1 and job in refused.stderr and len(refused.stderr.splitlines()) == 1
    after = select(postern, "SELECT * FROM job ORDER BY id"), select(postern, "SELECT * FROM notice ORDER BY id")
    assert after == before, "a refused command wrote something"


@pytest.mark.parametrize("arguments, words", [
    (["show", "nothing"], ["nothing", "job list"]), (["show", "019aac2c-7f0e-7a8b-9d2f-6a3f4c1e8b10"], ["There is no job", "job list"]),
    (["show", ""], ["job list"]), (["show", "019aac2c-7f0e-7a8b-9d2f-6a3f4c1e8b10' OR 1=1 --"], ["job list"]),
    (["retry", "nothing"], ["nothing", "job list"]), (["retry", "019aac2c-7f0e-7a8b-9d2f-6a3f4c1e8b10"], ["can't be tried again"]),
    (["cancel", "nothing"], ["nothing", "job list"]), (["cancel", "019aac2c-7f0e-7a8b-9d2f-6a3f4c1e8b10"], ["neither waits"]),
    (["list", "--state", "ready"], ["ready", "waiting, running, done, dead, cancelled, parked"]), (["list", "--state", ""], ["Allowed"]),
    (["list", "--limit", "0"], ["1 to 10000"]), (["list", "--limit", "10001"], ["1 to 10000"]), (["list", "--limit", "-1"], []),
    (["list", "--limit", "many"], ["many"]), (["list", "--limit", "99999999999999999999"], ["limit"]), (["list", "--color"], ["--color"]),
    (["retry"], []), (["fly"], []),
], ids=lambda value: " ".join(value) if value and isinstance(value, list) else None)
def test_a_wrong_word_to_the_command_is_answered_with_what_is_allowed(quiet, arguments, words):
    done = quiet.run("job", *arguments)
    assert done.returncode not in (0, -4, -5, -6, -11) and done.stdout == "", done.stdout
    for word in words:
        assert word in done.stderr, done.stderr
    assert quiet.process.lives


@pytest.fixture(scope="module")
def quiet(binary, tmp_path_factory):
    postern = Postern(binary, tmp_path_factory.mktemp("quiet")).start()
    yield postern
    postern.stop()
