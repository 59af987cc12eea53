"""What goes wrong around the server: mistakes at the start, a kill, a stop under load."""

import hashlib
import itertools
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from parts.postern import PASSWORD, Postern
from parts.processes import plain_environment

ROUNDS = 200 if os.environ.get("POSTERN_SOAK") == "1" else 20
THREADS = 16


def start_in_vain(postern: Postern, *more: str) -> str:
    """Starts a server that can't start; returns its one line."""
    begin = time.monotonic()
    command = [postern.binary, "serve", *postern.place(), "--listen", f"127.0.0.1:{postern.port}", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=plain_environment(postern.folder))
    assert time.monotonic() - begin < 2
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"{len(lines)} lines: {done.stderr}"
    assert lines[0].startswith("postern: ")
    return lines[0]


# Mistakes at the start.


def test_a_data_directory_without_a_parent_is_refused_in_one_line(make_postern, tmp_path):
    postern = make_postern(data=tmp_path / "not" / "there")
    line = start_in_vain(postern)
    assert str(postern.data) in line and "No such file or directory" in line and "--data-directory" in line


def test_a_file_in_place_of_the_data_directory_is_refused_in_one_line(make_postern, tmp_path):
    (tmp_path / "file").write_text("kept")
    line = start_in_vain(make_postern(data=tmp_path / "file"))
    assert str(tmp_path / "file") in line
    assert (tmp_path / "file").read_text() == "kept"


def test_a_data_directory_that_cannot_be_written_is_refused_in_one_line(make_postern):
    # Even root can't make files in /proc.
    line = start_in_vain(make_postern(data="/proc/self"))
    assert "/proc/self" in line


def test_a_database_that_is_none_is_refused_in_one_line_and_left_as_it_is(make_postern, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postern.sqlite").write_bytes(b"not a database, but somebody's file " * 50)
    before = digest(tmp_path / "data" / "postern.sqlite")
    line = start_in_vain(make_postern(data=tmp_path / "data"))
    assert "postern.sqlite" in line
    assert digest(tmp_path / "data" / "postern.sqlite") == before


def test_a_taken_port_is_told_in_one_line(make_postern):
    postern = make_postern()
    with socket.socket() as other:
        other.bind(("127.0.0.1", postern.port))
        other.listen()
        # Several times: what else is starting up may have a word to say, or not.
        for _ in range(6):
            line = start_in_vain(postern)
            assert f"127.0.0.1:{postern.port}" in line and "--listen" in line


@pytest.mark.parametrize("text, expected", [
    ("sign-upp: open\n", ["line 3", "sign-upp", "sign-up"]),
    ("sign-up: maybe\n", ["line 3", "sign-up", "maybe", "open, domains, invited, closed"]),
    ("hashing:\n  memory-kib: 8\n", ["line 4", "hashing.memory-kib", "8", "a whole number from"]),
    ("session:\n  idle: soon\n", ["line 4", "session.idle", "soon", "15m, 12h or 30d"]),
    ("sign-up: [open]\n", ["line 3", "sign-up", "a list", "Allowed: one value"]),
    ("sign-up-domains: example.org\n", ["line 3", "sign-up-domains", "one value", "Allowed: a list"]),
    ("site:\n  name: a\n  name: b\n", ["name", "twice"]),
    ("mail: {smtp: 'smtp://a:b@127.0.0.1'}\n", ["mail.smtp", "POSTERN_MAIL_SMTP_PASSWORD"]),
], ids=["unknown key", "unknown choice", "too small a number", "no duration", "a list", "no list", "a doubled key", "a password in a URL"])
def test_a_wrong_setting_is_told_in_one_line_with_file_line_key_and_what_is_allowed(make_postern, text, expected):
    postern = make_postern(settings=text)
    line = start_in_vain(postern)
    assert str(postern.config) in line
    for words in expected:
        assert words in line, f"{words!r} is missing: {line}"


def test_a_settings_file_that_is_no_yaml_is_told_in_one_line(make_postern):
    line = start_in_vain(make_postern(settings="site: {name: 'a\n"))
    assert "is not YAML" in line


def test_a_mistake_in_the_settings_file_never_prints_the_secrets_beside_it(make_postern):
    postern = make_postern(settings="database: postgres://postern:hunter22@127.0.0.1/none\nsite:\n  name: a\n  name: b\n")
    done = postern.run("migrate")
    assert done.returncode == 1
    assert "hunter22" not in done.stdout + done.stderr


def test_a_settings_file_that_is_not_there_is_told_in_one_line(make_postern):
    postern = make_postern()
    postern.config.unlink()
    assert str(postern.config) in start_in_vain(postern)


def test_without_its_key_ring_the_server_does_not_start_and_touches_nothing(make_postern):
    postern = make_postern().start()
    postern.make_account("ada@example.org")
    postern.stop()
    ring = postern.data / "key-ring.json"
    kept = ring.read_bytes()
    ring.unlink()
    before = content(postern)
    line = start_in_vain(postern)
    assert line == (
        f"postern: The key ring {ring} is missing, and this database was sealed with it. "
        "Put it back from its backup, or name its place with key-ring-file. Nothing was changed.")
    assert content(postern) == before
    assert not ring.exists()
    ring.write_bytes(kept)
    postern.start()
    assert postern.try_sign_in("ada@example.org").status_code == 200


def test_with_another_databases_key_ring_the_server_does_not_start(make_postern):
    postern, other = make_postern("one").start(), make_postern("two").start()
    postern.stop(), other.stop()
    (postern.data / "key-ring.json").write_bytes((other.data / "key-ring.json").read_bytes())
    before = content(postern)
    assert "is not the one this database was sealed with" in start_in_vain(postern)
    assert content(postern) == before


def test_nobody_else_can_read_the_database_and_the_key_ring(postern):
    assert stat.S_IMODE(postern.data.stat().st_mode) == 0o700
    for file in postern.data.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name


# Commands beside a running server.


def test_a_backup_is_whole_and_the_keys_can_be_rotated_while_the_server_runs(postern, tmp_path):
    postern.make_account("ada@example.org")
    token = postern.sign_in("ada@example.org")
    postern.command("migrate")
    postern.command("secrets", "rotate")
    postern.command("backup", str(tmp_path / "copy.sqlite"))
    with sqlite3.connect(tmp_path / "copy.sqlite") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT email FROM account").fetchall() == [("ada@example.org",)]
    assert stat.S_IMODE((tmp_path / "copy.sqlite").stat().st_mode) == 0o600
    assert postern.session_status(token) == 200
    postern.sign_up("new@example.org")
    assert postern.mailed_link("new@example.org")
    postern.restart()
    assert postern.session_status(token) == 200


# A kill, and a stop, under load.


class Load:
    """Sixteen threads that sign in and sign up, and remember every answer that said yes."""

    def __init__(self, postern: Postern, tag: str, members: list[str]):
        self.postern, self.tag, self.members = postern, tag, members
        self.tokens: list[str] = []
        self.signed_up: list[str] = []
        self.others: list[int] = []
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(THREADS)]

    def start(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def _work(self, thread: int) -> None:
        for number in itertools.count():
            if self.ends.is_set():
                return
            try:
                if thread % 2:
                    answer = self.postern.try_sign_in(self.members[thread % len(self.members)])
                    if answer.status_code == 200:
                        self.tokens.append(answer.json()["session"]["token"])
                        continue
                else:
                    email = f"{self.tag}-{thread}-{number}@example.org"
                    answer = self.postern.sign_up(email)
                    if answer.status_code == 202:
                        self.signed_up.append(email)
                        continue
                self.others.append(answer.status_code)
            except requests.RequestException:
                if self.ends.wait(0.01):
                    return

    def end(self) -> None:
        self.ends.set()
        for thread in self.threads:
            thread.join()


def test_whatever_was_acknowledged_survives_a_kill_under_load(make_postern):
    postern = make_postern().start()
    members = [f"member{number}@example.org" for number in range(4)]
    for email in members:
        postern.make_account(email)
    acknowledged = 0
    for number in range(ROUNDS):
        load = Load(postern, f"round{number}", members).start()
        time.sleep(0.35 + 0.1 * (number % 4))
        postern.process.kill()
        load.end()
        begin = time.monotonic()
        postern.start()
        assert time.monotonic() - begin <= 2, f"round {number}: the restart took too long"
        with sqlite3.connect(postern.sqlite) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"round {number}"
            known = {email for (email,) in database.execute("SELECT email FROM account")}
        assert [email for email in load.signed_up if email not in known] == [], f"round {number}: sign-ups were lost"
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(postern.session_status, load.tokens)) <= {200}, f"round {number}: sessions were lost"
        assert set(load.others) <= {503}, f"round {number}: {set(load.others)}"
        acknowledged += len(load.tokens) + len(load.signed_up)
    assert acknowledged > ROUNDS * 5, "hardly any load"


def test_a_stop_under_load_answers_every_request_under_way_and_ends_with_success(make_postern):
    postern = make_postern().start()
    postern.make_account("ada@example.org")
    body = b'{"email":"ada@example.org","password":"%s"}' % PASSWORD.encode()
    head = f"POST /auth/v1/sign-in HTTP/1.1\r\nHost: {postern.authority}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    health = f"GET /auth/health HTTP/1.1\r\nHost: {postern.authority}\r\n\r\n".encode()

    # Each line has been accepted, because it has answered once.
    lines = [socket.create_connection(("127.0.0.1", postern.port), timeout=16) for _ in range(THREADS + 2)]
    for line in lines:
        line.sendall(health)
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
    *busy, slow, idle = lines
    for line in busy:
        line.sendall(head.encode() + body)
    slow.sendall(head.encode() + body[:20])
    time.sleep(0.05)
    begin = time.monotonic()
    postern.process.signal(signal.SIGTERM)
    time.sleep(0.2)
    slow.sendall(body[20:])
    answers = [read_answer(line) for line in (*busy, slow)]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * len(answers)
    assert all(b'"token"' in answer for answer in answers)
    assert idle.recv(1) == b"", "an idle connection is closed without a word"
    assert postern.process.child.wait(15) == 0
    assert time.monotonic() - begin < 15
    for line in lines:
        line.close()
    postern.start()
    token = answers[0].split(b'"token":"')[1].split(b'"')[0].decode()
    assert postern.session_status(token) == 200


def read_answer(line: socket.socket) -> bytes:
    """One whole answer; a reset is an error."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.split(b"\r\n\r\n", 1)[1]) < length(answer):
        piece = line.recv(65_536)
        if not piece:
            break
        answer += piece
    return answer


def length(answer: bytes) -> int:
    return int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def test_a_stop_without_load_is_quick(postern):
    begin = time.monotonic()
    assert postern.stop() == 0
    assert time.monotonic() - begin < 2


def digest(file) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def content(postern: Postern) -> list[str]:
    """Everything the database holds."""
    with sqlite3.connect(postern.sqlite) as database:
        return list(database.iterdump())
