"""The way from an app's host to the portal and back, one step at a time, as a browser goes it."""

import re
from urllib.parse import parse_qs, urlsplit

import requests

from parts.postern import Postern


class AppHost:
    """An app's host, asked straight at Postern; `host` is its address as people write it."""

    def __init__(self, postern: Postern, name: str, host: str, rules: tuple[str, ...] = ()):
        self.postern, self.name = postern, name
        self.url = host if "://" in host else f"https://{host}"
        self.authority = self.url.split("://")[1]
        postern.command("app", "add", name, "--host", host, *(word for rule in rules for word in ("--rule", rule)))

    @property
    def prefix(self) -> str:
        """Of our cookies' names."""
        return "__Host-" if self.postern.public_url.startswith("https") else ""

    def request(self, method: str, path: str, cookies: dict[str, str] | None = None, headers: dict[str, str] | None = None, **more) -> requests.Response:
        held = {"Cookie": "; ".join(f"{self.prefix}{name}={value}" for name, value in cookies.items())} if cookies else {}
        return self.postern.request(method, path, headers={"Host": self.authority, "Accept": "text/html"} | held | (headers or {}), **more)

    def get(self, path: str, cookies: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> requests.Response:
        return self.request("GET", path, cookies, headers)

    # The way in.

    def begin(self, back: str = "/") -> tuple[str, str]:
        """Returns the state cookie's value, and where on the portal it leads."""
        answer = self.get(f"/auth/begin?return_to={requests.utils.quote(back, safe='')}")
        assert answer.status_code in (302, 303), f"{answer.status_code}: {answer.text[:300]}"
        place = answer.headers["Location"]
        assert place.startswith(self.postern.public_url + "/auth/ticket?"), place
        return set_cookies(answer)[f"{self.prefix}postern-begin"], place.removeprefix(self.postern.public_url)

    def ask_ticket(self, place: str, portal: str) -> requests.Response:
        """What the portal answers somebody who is signed in there."""
        return self.postern.get(place, headers={"Cookie": f"{self.prefix}postern={portal}", "Accept": "text/html"})

    def ticket(self, portal: str, back: str = "/") -> tuple[str, str]:
        """Returns the state cookie's value, and a ticket that is bound to it."""
        state, place = self.begin(back)
        answer = self.ask_ticket(place, portal)
        assert answer.status_code == 303, f"{answer.status_code}: {answer.text[:300]}"
        location = urlsplit(answer.headers["Location"])
        assert (f"{location.scheme}://{location.netloc}", location.path) == (self.url, "/auth/enter"), answer.headers["Location"]
        return state, parse_qs(location.query)["ticket"][0]

    def enter(self, ticket: str, state: str | None) -> requests.Response:
        return self.get(f"/auth/enter?ticket={ticket}", {"postern-begin": state} if state is not None else None)

    def session(self, portal: str, back: str = "/") -> str:
        """The token of a session here, for somebody who is signed in at the portal."""
        state, ticket = self.ticket(portal, back)
        answer = self.enter(ticket, state)
        token = opened(answer, self)
        assert token, f"{answer.status_code}: {answer.headers}"
        return token

    def gate(self, token: str | None, path: str = "/", name: str = "postern-app") -> int:
        """What a proxy's question about a page is answered with."""
        return self.get("/auth/request", {name: token} if token else None, {"X-Original-URL": self.url + path, "X-Forwarded-For": "203.0.113.9"}).status_code


def opened(answer: requests.Response, at: AppHost) -> str | None:
    """The token of the session that an answer opens, if it does."""
    return set_cookies(answer).get(f"{at.prefix}postern-app")


def set_cookies(answer: requests.Response) -> dict[str, str]:
    return dict(re.match(r"([^=]+)=([^;]*)", line).groups() for line in answer.raw.headers.getlist("Set-Cookie"))
