"""The app behind the gate: it shows who it is told is there, and remembers every request."""

import html
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Seen:
    """A request as it reached the app."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def identity(self) -> dict[str, str]:
        return {name: value for name, value in self.headers if name.lower().startswith("remote")}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients come at once.
    request_queue_size = 128


class SampleApp:
    def __init__(self):
        self.seen: list[Seen] = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = Seen(self.command, self.path, list(self.headers.items()), body)
                app.seen.append(seen)
                wants_json = "application/json" in self.headers.get("Accept", "")
                content = json.dumps(seen.identity()) if wants_json else page(seen)
                self.send_response(200)
                self.send_header("Content-Type", "application/json" if wants_json else "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content.encode())

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def page(seen: Seen) -> str:
    rows = "".join(
        f'<dt>{html.escape(name)}</dt><dd id="{html.escape(name.lower())}">{html.escape(value)}</dd>' for name, value in seen.identity().items())
    return (f'<!doctype html><html lang="en"><title>Sample app</title><link rel="icon" href="data:,"><h1>Sample app</h1>'
            f'<p id="path">{html.escape(seen.path)}</p><dl>{rows}</dl><script>document.title = "Scripts run";</script></html>')
