"""A browser without a screen: it keeps cookies, reads pages, and sends their forms as a browser does."""

from html.parser import HTMLParser

import requests

from parts.postern import Postern


class Page(HTMLParser):
    """The links of a page, where its forms are posted to, and their token."""

    def __init__(self, text: str):
        super().__init__()
        self.links: set[str] = set()
        self.actions: set[str] = set()
        self.form_token = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "a":
            self.links.add(values.get("href") or "")
        elif tag == "form":
            (self.actions if values.get("method") == "post" else self.links).add(values.get("action") or "")
        elif values.get("name") == "form_token":
            self.form_token = values.get("value") or ""


class Visitor:
    def __init__(self, postern: Postern, cookies: dict[str, str] | None = None, bearer: str | None = None):
        self.postern, self.cookies = postern, dict(cookies or {})
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}

    def send(self, method: str, path: str, **more) -> requests.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        answer = self.postern.request(method, path, headers=headers | self.headers | more.pop("headers", {}), **more)
        for line in answer.raw.headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.pop(name, None) if "Max-Age=0" in line else self.cookies.update({name: value})
        return answer

    def get(self, path: str) -> requests.Response:
        return self.send("GET", path, headers={"Accept": "text/html"})

    def post(self, page: str, action: str, **fields: str) -> requests.Response:
        """Sends a form that stands on a page."""
        token = Page(self.get(page).text).form_token
        return self.send("POST", action, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": token} | fields)

    def sign_in(self, email: str, password: str) -> requests.Response:
        return self.post("/auth/sign-in", "/auth/sign-in", email=email, password=password)
