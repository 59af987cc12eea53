"""A place that webhooks are posted to: it keeps what comes, and answers as it is told."""

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NEVER, DRIPPING = "never", "dripping"


def new_secret(count: int = 32) -> str:
    return "whsec_" + base64.b64encode(os.urandom(count)).decode()


@dataclass(frozen=True)
class Posted:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict:
        return json.loads(self.body)

    def signature(self, secret: str) -> str:
        """What Standard Webhooks says that it must be."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Receiver:
    """`answers` are taken in turn, and the last goes on: a status, a status with a place to go to, or one of the words above."""

    def __init__(self, *answers):
        self.answers: list = list(answers) or [204]
        self.posts: list[Posted] = []
        self._ends = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.posts.append(Posted(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                if answer == NEVER:
                    receiver._ends.wait()
                    return
                status, place = answer if isinstance(answer, tuple) else (200 if answer == DRIPPING else answer, None)
                self.send_response(status)
                if place:
                    self.send_header("Location", place)
                if answer != DRIPPING:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                while answer == DRIPPING and not receiver._ends.wait(0.3):
                    self.wfile.write(b"x" * 100)

            do_GET = do_HEAD = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def kinds(self) -> list[str]:
        return [post.document["type"] for post in list(self.posts)]

    def stop(self) -> None:
        self._ends.set()
        self.server.shutdown()
        self.server.server_close()


class Doorbell:
    """Listens on every address of this machine, and counts who comes, without a word."""

    def __init__(self):
        self.socket = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self.socket.getsockname()[1]
        self.rings = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            self.rings += 1
            line.close()

    def stop(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
