"""One app behind a real proxy with the printed snippet, and people on several loopback addresses in front of it."""

import re
from dataclasses import dataclass
from pathlib import Path

from parts.postern import Postern
from parts.processes import free_port
from parts.raw import exchange
from parts.sample_app import SampleApp, Seen
from parts.snippets import SnippetCaddy, SnippetNginx
from parts.way_in import AppHost

PROXIES = {"nginx": SnippetNginx, "Caddy": SnippetCaddy}
# Two people beside each other: the server's trusted proxy is another.
FIRST, SECOND = "127.0.0.2", "127.0.0.3"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class Front:
    """All pages are open to everybody but those below /members/."""

    def __init__(self, binary: str, folder: Path, proxy: str, settings: str = ""):
        self.port, self.app, self.proxy = free_port(), SampleApp(), None
        self.postern = Postern(binary, folder, settings=settings)
        try:
            self.host = AppHost(self.postern, "one", f"http://127.0.0.1:{self.port}", ("/members/* signed-in", "/* bypass"))
            self.postern.start()
            self.proxy = PROXIES[proxy](folder / "proxy", self.postern, {"one": self.app.port}, [self.port])
            self.proxy.start()
        except BaseException:
            self.stop()
            raise

    def get(self, path: str, source: str = FIRST, token: str | None = None) -> Answer:
        """Opens a page of the app as somebody at this address, perhaps signed in."""
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *([f"Cookie: postern-app={token}"] if token else [])]
        _, answer, _ = exchange(self.port, ("\r\n".join(lines) + "\r\n\r\n").encode(), source=source)
        head, _, body = answer.decode().partition("\r\n\r\n")
        return Answer(int(head.split()[1]), dict(re.findall(r"(?m)^([^:\r\n]+): ([^\r\n]*)\r?$", head)), body)

    def seen_since(self, count: int) -> list[Seen]:
        return self.app.seen[count:]

    def stop(self) -> None:
        if self.proxy:
            self.proxy.stop()
        self.postern.stop()
        self.app.stop()
