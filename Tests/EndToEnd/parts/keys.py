"""API keys, as the people make them and the programs bring them."""

import importlib.util
import re
import secrets
import sys
import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import requests

from parts.member import Member
from parts.postern import Postern, direct
from parts.processes import Process, free_port, wait_for
from parts.sample_app import SampleApp, Seen
from parts.snippets import SnippetCaddy, SnippetHAProxy, SnippetNginx

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CLIENT = Path(__file__).resolve().parents[3] / "docs/api_key_client.py"
PROXIES = {"nginx": SnippetNginx, "Caddy": SnippetCaddy, "HAProxy": SnippetHAProxy}


def checksum(start: str) -> str:
    """zlib's CRC-32 in six base62 digits, the most significant first."""
    number, text = zlib.crc32(start.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def nobodys_key(mode: str = "live") -> str:
    """One of the right form that nobody made."""
    start = f"pst_{mode}_" + "".join(secrets.choice(DIGITS) for _ in range(33))
    return start + checksum(start)


def documented_client():
    """The module of docs/api_key_client.py."""
    spec = importlib.util.spec_from_file_location("api_key_client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def basic(name: str, password: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


# Where a key may stand.
WAYS = {
    "bearer token": bearer,
    "user name of Basic": basic,
    "password of Basic": lambda text: basic("anybody", text),
    "header of the app's own": lambda text: {"X-Api-Key": text},
}


@dataclass(frozen=True)
class Key:
    id: str
    text: str

    @property
    def end(self) -> str:
        return self.text[-4:]


class Keys:
    """Those of one owner, by JSON: somebody's own, or an organization's."""

    def __init__(self, postern: Postern, session: str, place: str):
        self.postern, self.session, self.place = postern, session, place

    def call(self, method: str, path: str = "", document: dict | None = None, node: Postern | None = None, token: str | None = None) -> requests.Response:
        body = {} if document is None else {"json": document}
        return (node or self.postern).request(method, self.place + path, headers=bearer(token or self.session), **body)

    def _made(self, answer: requests.Response) -> Key:
        assert answer.status_code == 201, answer.text
        return Key(answer.json()["api_key"]["id"], answer.json()["api_key"]["key"])

    def make(self, name: str = "A program", node: Postern | None = None, **terms) -> Key:
        return self._made(self.call("POST", document={"name": name} | terms, node=node))

    def rotate(self, key: Key, overlap: str = "24h") -> Key:
        return self._made(self.call("POST", f"/{key.id}/rotate", {"overlap": overlap}))

    def change(self, key: Key, **terms) -> dict:
        answer = self.call("PATCH", f"/{key.id}", terms)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def show(self, key: Key) -> dict:
        answer = self.call("GET", f"/{key.id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def revoke(self, key: Key, node: Postern | None = None) -> None:
        answer = self.call("DELETE", f"/{key.id}", {"confirm": True}, node)
        assert answer.status_code == 200, answer.text


class Organization(Keys):
    """One with an owner, who has just signed in."""

    def __init__(self, owner: Member, name: str = "Acme"):
        session = owner.sign_in()
        made = owner.call(session, "POST", "/auth/v1/organizations", {"name": name})
        assert made.status_code == 201, made.text
        self.owner, self.id, self.slug = owner, made.json()["organization"]["id"], made.json()["organization"]["slug"]
        self.first = self._made(made)
        super().__init__(owner.postern, session, f"/auth/v1/organizations/{self.id}/api-keys")

    def invite(self, email: str, role: str) -> None:
        answer = self.owner.call(self.session, "POST", f"/auth/v1/organizations/{self.id}/invitations", {"email": email, "role": role})
        assert answer.status_code == 202, answer.text

    def add(self, member: Member, role: str) -> Keys:
        """Asks somebody in, and they come; returns the keys as they see them."""
        self.invite(member.email, role)
        session = member.sign_in()
        [asked] = [asked for asked in member.call(session, "GET", "/auth/v1/account/invitations").json()["invitations"] if asked["organization"] == self.id]
        answer = member.call(session, "POST", f"/auth/v1/account/invitations/{asked['id']}/accept", {})
        assert answer.status_code == 204, answer.text
        return Keys(self.postern, session, self.place)


def own_keys(member: Member) -> Keys:
    """Somebody's own, who has just signed in."""
    return Keys(member.postern, member.sign_in(), "/auth/v1/account/api-keys")


def new_organization(postern: Postern, name: str = "Acme") -> Organization:
    return Organization(Member(postern, f"owner-{secrets.token_hex(4)}@example.org"), name)


def ask(postern: Postern, text: str, address: str | None = None, agent: str | None = None) -> requests.Response:
    """A program asks what its key is, perhaps from elsewhere and under a name."""
    more = ({"X-Forwarded-For": address} if address else {}) | ({"User-Agent": agent} if agent is not None else {})
    return postern.get("/auth/v1/session", headers=bearer(text) | more)


def challenge(answer: requests.Response) -> dict[str, str]:
    """What WWW-Authenticate says of a key that is over."""
    return dict(re.findall(r'(\w+)="([^"]*)"', answer.headers.get("WWW-Authenticate", "")))


class KeySite:
    """An API that takes keys and an app that doesn't, behind a real proxy with the printed snippets."""

    def __init__(self, binary: str, folder: Path, proxy: str, settings: str = ""):
        self.api, self.people, self.proxy = SampleApp(), SampleApp(), None
        self.port, other = free_port(), free_port()
        self.url, self.people_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{other}"
        self.postern = Postern(binary, folder, settings=(
            f"apps:\n  api: {{host: '{self.url}', keys: [organization, personal, guest], key-header: X-Api-Key}}\n"
            f"  people: {{host: '{self.people_url}'}}\n{settings}"))
        try:
            self.postern.start()
            self.proxy = PROXIES[proxy](folder / "proxy", self.postern, {"api": self.api.port, "people": self.people.port}, [self.port, other])
            self.proxy.start()
        except BaseException:
            self.stop()
            raise

    def get(self, path: str = "/orders", headers: dict[str, str] | None = None, url: str | None = None) -> requests.Response:
        with direct() as session:
            return session.get((url or self.url) + path, headers=headers, allow_redirects=False, timeout=15)

    def call(self, text: str) -> requests.Response:
        return self.get(headers=bearer(text))

    def seen_since(self, count: int) -> list[Seen]:
        return self.api.seen[count:]

    def stop(self) -> None:
        if self.proxy:
            self.proxy.stop()
        self.postern.stop()
        self.api.stop()
        self.people.stop()


class Script:
    """The documented client, at work in a process of its own."""

    def __init__(self, folder: Path, url: str, text: str, calls: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "key"
        self.file.write_text(text + "\n")
        self.process = Process(folder, "client", [sys.executable, str(CLIENT), url, str(self.file), str(calls)])

    def output(self) -> str:
        return self.process.out.read_text()

    def done(self) -> int:
        """The calls that it has made."""
        return sum(" of " in line for line in self.output().splitlines())

    def makes_calls(self, more: int = 3) -> None:
        until = self.done() + more
        wait_for(f"the client to call {more} times more", lambda: self.done() >= until)

    def says(self, words: str) -> None:
        wait_for(f"the client to say “{words}”", lambda: words in self.output())

    def stop(self) -> None:
        self.process.stop()
