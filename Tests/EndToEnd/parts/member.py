"""Somebody with an account, and perhaps with a phone, who talks JSON to the server."""

import requests

from parts.phone import Phone
from parts.postern import PASSWORD, Postern
from parts.visitor import Visitor


class Member:
    def __init__(self, postern: Postern, email: str, role: str = "member", password: str = PASSWORD):
        self.postern, self.email, self.password = postern, email, password
        self.id = postern.make_account(email, role, password)
        self.phone: Phone | None = None
        self.codes: list[str] = []

    def with_app(self) -> "Member":
        """With an authenticator app and recovery codes from now on."""
        self.phone, self.codes = self.add_app(self.sign_in(), "My phone")
        return self

    def join(self, group: str) -> None:
        """Puts them into a group, as an owner does on the person page."""
        owner = Visitor(self.postern, {"postern": Member(self.postern, f"owner-of-{group}@example.org", "owner").sign_in()})
        page = f"/auth/admin/people/{self.id}"
        assert owner.post(page, page + "/join", group=group).status_code == 303

    # A call with a session's token; each returns the answer.

    def call(self, token: str, method: str, path: str, document: dict | None = None, node: Postern | None = None) -> requests.Response:
        body = {} if document is None else {"json": document}
        return (node or self.postern).request(method, path, headers={"Authorization": f"Bearer {token}"}, **body)

    def assurance(self, token: str) -> str:
        return self.call(token, "GET", "/auth/v1/session").json()["assurance"]

    def add_app(self, token: str, name: str) -> tuple[Phone, list[str]]:
        """Adds an app; returns it, and recovery codes if it is the first."""
        begun = self.call(token, "POST", "/auth/v1/account/authenticators", {"name": name})
        assert begun.status_code == 201, begun.text
        phone = Phone(begun.json()["secret"])
        done = self.call(token, "POST", f"/auth/v1/account/authenticators/{begun.json()['id']}/confirm", {"code": phone.code()})
        assert done.status_code == 200, done.text
        return phone, done.json().get("recovery_codes", [])

    def apps(self, token: str) -> dict[str, str]:
        """Ids by name."""
        listed = self.call(token, "GET", "/auth/v1/account/authenticators").json()["authenticators"]
        return {app["name"]: app["id"] for app in listed}

    def step_up(self, token: str, code: str, method: str = "totp") -> requests.Response:
        return self.call(token, "POST", "/auth/v1/session/step-up", {"method": method, "code": code})

    # Signing in.

    def begin(self, node: Postern | None = None, trust: str | None = None) -> dict:
        """The answer to the password."""
        cookies = {"Cookie": f"postern-trust={trust}"} if trust else {}
        answer = (node or self.postern).request(
            "POST", "/auth/v1/sign-in", json={"email": self.email, "password": self.password}, headers=cookies)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def attempt(self, node: Postern | None = None) -> str:
        """A sign-in that waits for its second step."""
        begun = self.begin(node)
        assert begun["next"] == "second_factor" and "session" not in begun, begun
        return begun["attempt"]

    def finish(self, attempt: str, code: str, method: str = "totp", node: Postern | None = None, **more) -> requests.Response:
        return (node or self.postern).request(
            "POST", "/auth/v1/sign-in/second-factor", json={"attempt": attempt, "method": method, "code": code} | more)

    def sign_in(self) -> str:
        """Signs in with all there is; returns the session's token."""
        if not self.phone:
            return self.begin()["session"]["token"]
        done = self.finish(self.attempt(), self.phone.code())
        assert done.status_code == 200, done.text
        return done.json()["session"]["token"]

    def sign_in_with_recovery_code(self) -> str:
        done = self.finish(self.attempt(), self.codes.pop(), "recovery_code")
        assert done.status_code == 200, done.text
        return done.json()["session"]["token"]
