"""A range service for stolen passwords, as haveibeenpwned.com's: it answers as it is told to, badly too, and keeps what it was sent."""

import hashlib
import random
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from parts.processes import free_port


def sha1(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


@dataclass(frozen=True)
class Seen:
    """A request, as it came."""
    line: str
    headers: list[tuple[str, str]]


class RangeService:
    def __init__(self, port: int | None = None):
        self.port = port or free_port()
        self.seen: list[Seen] = []
        # Counts by hash; 0 is padding.
        self.listed: dict[str, int] = {}
        # How it misbehaves, by the five digits that are asked for; `always` for any.
        self.faults: dict[str, str] = {}
        self.always = ""
        self.at_once = self.most_at_once = 0
        self.server: ThreadingHTTPServer | None = None
        self.lock, self.over = threading.Lock(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/range/"

    def lists(self, *passwords: str, count: int = 7) -> None:
        self.listed |= {sha1(password): count for password in passwords}

    def fails(self, fault: str, *passwords: str) -> None:
        self.faults |= {sha1(password)[:5]: fault for password in passwords}

    def asked(self, password: str) -> int:
        """How often it was asked about what begins like this."""
        return sum(seen.line.split(" ")[1].endswith(sha1(password)[:5]) for seen in list(self.seen))

    def start(self) -> "RangeService":
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.over.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def rows(self, prefix: str) -> bytes:
        """Like the real one: what is listed, among others, then padding; each line ends with CR LF."""
        chance = random.Random(prefix)
        mine = [f"{digest[5:]}:{count}" for digest, count in self.listed.items() if digest.startswith(prefix)]
        others = [f"{chance.getrandbits(140):035X}:{chance.choice([0, 0, 3, 45_210])}" for _ in range(800)]
        rows = mine + others
        chance.shuffle(rows)
        return "\r\n".join(rows).encode()

    def handler(service) -> type:
        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self):
                self.raw_requestline = self.rfile.readline(65_537)
                self.close_connection = True
                if not self.raw_requestline or not self.parse_request():
                    return
                # Whatever follows the headers would be a body.
                self.connection.settimeout(0.05)
                try:
                    body = self.rfile.read1(1)
                except TimeoutError:
                    body = b""
                self.connection.settimeout(None)
                service.seen.append(Seen(self.requestline + (" and a body" if body else ""), self.headers.items()))
                with service.lock:
                    service.at_once += 1
                    service.most_at_once = max(service.most_at_once, service.at_once)
                try:
                    prefix = self.path.rpartition("/")[2]
                    getattr(self, "do_" + (service.always or service.faults.get(prefix, "answer")))(prefix)
                except OSError:
                    pass  # Who asked has hung up.
                finally:
                    with service.lock:
                        service.at_once -= 1

            def say(self, status: int, body: bytes, *headers: tuple[str, str], length: int | None = None) -> None:
                self.send_response_only(status)
                for name, value in (("Content-Type", "text/plain"), ("Content-Length", str(len(body) if length is None else length)), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_answer(self, prefix: str) -> None:
                self.say(200, service.rows(prefix))

            def do_error(self, prefix: str) -> None:
                self.say(500, service.rows(prefix))

            def do_too_many(self, prefix: str) -> None:
                self.say(429, b"", ("Retry-After", "2"))

            def do_empty(self, prefix: str) -> None:
                self.say(200, b"")

            def do_words(self, prefix: str) -> None:
                self.say(200, b"<!doctype html><title>Down for maintenance</title>" + b"0:1\r\n:5\n" * 50)

            def do_noise(self, prefix: str) -> None:
                self.wfile.write(random.Random(prefix).randbytes(5_000))

            def do_cut(self, prefix: str) -> None:
                rows = service.rows(prefix)
                self.say(200, rows[: len(rows) // 2], length=len(rows))

            def do_redirect(self, prefix: str) -> None:
                self.say(302, b"", ("Location", f"http://127.0.0.1:{service.port}/elsewhere/{prefix}"))

            def do_hang(self, prefix: str) -> None:
                # Until whoever asked hangs up.
                self.connection.settimeout(0.05)
                end = time.monotonic() + 60
                while time.monotonic() < end and not service.over.is_set():
                    try:
                        if self.connection.recv(1) == b"":
                            return
                    except TimeoutError:
                        pass

            def do_drip(self, prefix: str) -> None:
                self.say(200, b"", length=100_000)
                while not service.over.wait(0.2):
                    self.wfile.write(b"0")

            def do_endless(self, prefix: str) -> None:
                self.send_response_only(200)
                self.end_headers()
                end = time.monotonic() + 60
                while time.monotonic() < end and not service.over.is_set():
                    self.wfile.write(b"0" * 35 + b":0\r\n")

            def log_message(self, *arguments) -> None:
                pass
        return Handler
