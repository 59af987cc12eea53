"""An app behind a gateway: real proxies with the printed snippets, and the questions that Traefik and Envoy ask, byte for byte."""

import re
import secrets
from pathlib import Path

from parts.corpus import Case, fill
from parts.postern import Postern
from parts.processes import free_port
from parts.raw import exchange
from parts.sample_app import SampleApp
from parts.snippets import SnippetCaddy, SnippetHAProxy, SnippetNginx
from parts.way_in import AppHost

Headers = list[tuple[str, str]]


class Gate:
    """Two apps: `one` has some pages that are open to all, `open` has hardly any others. Somebody is signed in at both."""

    def __init__(self, binary: str, folder: Path):
        self.postern = Postern(binary, folder)
        self.port, other = free_port(), free_port()
        self.one = AppHost(self.postern, "one", f"http://127.0.0.1:{self.port}", ("/public/* bypass",))
        self.open = AppHost(self.postern, "open", f"http://localhost:{other}", ("/members/* signed-in", "/* bypass"))
        self.postern.start()
        try:
            self.let_in()
        except BaseException:
            self.postern.stop()
            raise

    def let_in(self) -> None:
        email = f"member-{secrets.token_hex(4)}@example.org"
        self.postern.make_account(email)
        [self.member] = self.postern.accounts()
        portal = self.postern.sign_in(email)
        self.places = {
            "HOST": self.one.authority.encode(), "OPEN": self.open.authority.encode(), "TOKEN": self.one.session(portal).encode(),
            "OTHER": self.open.session(portal, "/members/").encode(), "PORTAL": portal.encode(),
        }
        assert self.one.gate(self.places["TOKEN"].decode()) == 200

    def send(self, case: Case, signed_in: bool = False, source: str = "127.0.0.1") -> tuple[list[int], bytes, list[Headers]]:
        """Returns the statuses, the answer, and the headers of every request that got past the gate."""
        raise NotImplementedError

    def message(self, case: Case, signed_in: bool) -> bytes:
        return case.message((b"Cookie: theme=dark; postern-app={TOKEN}; lang=en",) if signed_in else (), **self.places)

    def stop(self) -> None:
        self.postern.stop()


class ProxyGate(Gate):
    proxy_type = None

    def __init__(self, binary: str, folder: Path):
        super().__init__(binary, folder)
        self.app, self.open_app, self.proxy = SampleApp(), SampleApp(), None
        try:
            self.proxy = self.proxy_type(
                folder / "proxy", self.postern, {"one": self.app.port, "open": self.open_app.port},
                [self.port, int(self.open.authority.split(":")[1])])
            self.proxy.start()
        except BaseException:
            self.stop()
            raise

    def send(self, case, signed_in=False, source="127.0.0.1"):
        before = len(self.app.seen)
        statuses, answer, _ = exchange(self.port, self.message(case, signed_in), source=source)
        return statuses, answer, [seen.headers for seen in self.app.seen[before:]]

    def stop(self) -> None:
        if self.proxy:
            self.proxy.stop()
        super().stop()
        self.app.stop()
        self.open_app.stop()


class NginxGate(ProxyGate):
    proxy_type = SnippetNginx


class CaddyGate(ProxyGate):
    proxy_type = SnippetCaddy


class HAProxyGate(ProxyGate):
    proxy_type = SnippetHAProxy


class Replay(Gate):
    """The question goes straight to Postern, as the proxy would ask it. What it answers with 200 has got past, with the headers of the answer."""

    def question(self, method: bytes, target: bytes, hosts: list[bytes], lines: list[bytes], source: str) -> bytes:
        raise NotImplementedError

    def send(self, case, signed_in=False, source="127.0.0.1"):
        head, body = self.message(case, signed_in).split(b"\r\n\r\n", 1)
        first, *lines = re.split(rb"\r\n(?![ \t])", head)
        method, target = first.split(b" ", 1)[0], first.split(b" ", 1)[1].rsplit(b" ", 1)[0]
        hosts = [line[6:] for line in lines if line.startswith(b"Host: ")]
        lines = [line for line in lines if not line.lower().startswith(HOP_BY_HOP)]
        whole = re.match(rb"(?i)https?://([^/?]*)(.*)", target)
        if whole:
            hosts, target = [whole[1]], whole[2] or b"/"
        statuses, answer, _ = exchange(self.postern.port, self.question(method, target, hosts, lines, source))
        # Both proxies go by the host, so that another app's request isn't this app's.
        if statuses != [200] or not hosts or hosts[0].strip().lower() != self.one.authority.encode():
            return statuses, answer, []
        headers = re.findall(rb"(?m)^([^:\r\n]+): ([^\r\n]*)\r$", answer)
        return statuses, answer, [[(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]]


HOP_BY_HOP = (b"host:", b"connection:", b"te:", b"trailer:", b"upgrade:", b"content-length:", b"transfer-encoding:", b"expect:", b"keep-alive:", b"proxy-")
TRAEFIK_SETS = (b"x-forwarded-for:", b"x-forwarded-method:", b"x-forwarded-proto:", b"x-forwarded-host:", b"x-forwarded-uri:", b"x-forwarded-port:", b"x-forwarded-server:", b"x-real-ip:")
ENVOY_SHOWS = (b"cookie:", b"authorization:", b"accept:", b"user-agent:", b"sec-fetch-mode:")


class TraefikReplay(Replay):
    def question(self, method, target, hosts, lines, source):
        kept = [line for line in lines if not line.lower().startswith(TRAEFIK_SETS)]
        host = hosts[0] if hosts else b""
        return b"\r\n".join([
            b"GET /auth/forward HTTP/1.1", b"Host: 127.0.0.1:%d" % self.postern.port, *kept, b"X-Forwarded-For: " + source.encode(), b"X-Forwarded-Host: " + host,
            b"X-Forwarded-Method: " + method, b"X-Forwarded-Port: 80", b"X-Forwarded-Proto: http", b"X-Forwarded-Server: traefik", b"X-Forwarded-Uri: " + target,
            b"Accept-Encoding: gzip", b"Connection: close"]) + b"\r\n\r\n"


class EnvoyReplay(Replay):
    def question(self, method, target, hosts, lines, source):
        kept = [line for line in lines if line.lower().startswith(ENVOY_SHOWS)]
        return b"\r\n".join([
            method + b" /auth/envoy" + target + b" HTTP/1.1", *(b"host: " + host for host in hosts[:1]), *kept, b"x-forwarded-for: " + source.encode(), b"x-forwarded-proto: http",
            b"content-length: 0", b"connection: close"]) + b"\r\n\r\n"


GATES = {"nginx": NginxGate, "Caddy": CaddyGate, "HAProxy": HAProxyGate, "Traefik": TraefikReplay, "Envoy": EnvoyReplay}
REAL = ["nginx", "Caddy", "HAProxy"]
QUESTIONS = {
    "request": b"GET /auth/request HTTP/1.1\r\nHost: {HOST}\r\nX-Original-URL: http://{HOST}/public/x\r\n",
    "forward": b"GET /auth/forward HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /public/x\r\nX-Forwarded-Proto: http\r\n",
    "envoy": b"GET /auth/envoy/public/x HTTP/1.1\r\nHost: {HOST}\r\n",
}


def ask(gate: Gate, question: str, lines: tuple[bytes, ...], source: str) -> list[int]:
    """A gate's question, straight from a peer of one's choice."""
    text = QUESTIONS[question] + b"".join(line + b"\r\n" for line in lines) + b"Connection: close\r\n\r\n"
    return exchange(gate.postern.port, fill(text, **gate.places), source=source)[0]
