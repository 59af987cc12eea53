"""A sign-in that waits for its second step opens nothing but that step (SE-05)."""

import re

import pytest

from parts.member import Member
from parts.postern import Postern, reason
from parts.visitor import Page, Visitor

# Doors of the second factor that need somebody signed in, and that no page leads to by itself.
MORE_DOORS = [
    ("POST", "/auth/account/security/authenticators/confirm"), ("POST", "/auth/account/security/recovery-codes/use"),
    ("POST", "/auth/account/step-up"), ("POST", "/auth/v1/session/step-up"), ("POST", "/auth/v1/account/recovery-codes"),
    ("GET", "/auth/v1/account/authenticators"), ("POST", "/auth/v1/account/authenticators"), ("GET", "/auth/v1/account/trusted-browsers"),
]


def described_doors(postern: Postern) -> list[tuple[str, str, bool]]:
    """Method, path and whether everybody may come, of every route that openapi.yaml describes."""
    doors, path = [], ""
    for line in postern.get("/auth/openapi.yaml").text.splitlines():
        if found := re.fullmatch(r"  (/\S+):", line):
            path = found[1]
        elif found := re.fullmatch(r"    (get|post|put|patch|delete):", line):
            doors.append((found[1].upper(), path, False))
        elif line.startswith(("      security: []", "      security: [{},")):
            doors[-1] = (*doors[-1][:2], True)
    return doors


def page_doors(owner: Visitor) -> set[tuple[str, str]]:
    """Every page and form of the account and the administration that an owner finds by following links."""
    found, waiting = set(), ["/auth/account", "/auth/admin", "/auth/account/step-up"]
    while waiting:
        path = waiting.pop()
        answer = owner.get(path)
        assert answer.status_code in (200, 303), f"{path}: {answer.status_code}"
        found.add(("GET", path))
        page = Page(answer.text)
        found |= {("POST", action) for action in page.actions if is_inside(action)}
        waiting += [link for link in page.links if is_inside(link) and ("GET", link) not in found and link not in waiting]
    return found


def is_inside(path: str) -> bool:
    return path.startswith(("/auth/account", "/auth/admin"))


BEARERS = {
    "a bearer token": lambda attempt: {"bearer": attempt},
    "the session's cookie": lambda attempt: {"cookies": {"postern": attempt}},
    "its own cookie": lambda attempt: {"cookies": {"postern-attempt": attempt}},
    "all three": lambda attempt: {"bearer": attempt, "cookies": {"postern": attempt, "postern-attempt": attempt}},
}


@pytest.fixture(scope="module")
def half(binary, tmp_path_factory):
    """An owner whose sign-in waits for the second step, and every door that is there."""
    postern = Postern(binary, tmp_path_factory.mktemp("half")).start()
    owner = Member(postern, "owner@example.org", "owner").with_app()
    Member(postern, "ada@example.org")
    pages = page_doors(Visitor(postern, {"postern": owner.sign_in()}))
    yield owner, owner.attempt(), described_doors(postern), sorted(pages)
    postern.stop()


def test_all_doors_were_found(half):
    owner, _, described, pages = half
    assert len(described) >= 10 and ("GET", "/auth/v1/session", False) in described and ("POST", "/auth/v1/sign-in", True) in described
    assert {("GET", "/auth/account/security"), ("GET", f"/auth/admin/people/{owner.id}"), ("POST", "/auth/account/security/authenticators"),
            ("POST", f"/auth/admin/people/{owner.id}/disable"), ("POST", "/auth/account/sessions/end-others")} <= set(pages)
    assert len(pages) >= 25, pages


@pytest.mark.parametrize("how", BEARERS)
def test_a_half_made_sign_in_opens_no_door(half, how):
    owner, attempt, described, pages = half
    opens_no_door(owner, attempt, described, pages, BEARERS[how](attempt))


def opens_no_door(owner: Member, attempt: str, described: list, pages: list, held: dict) -> None:
    """Goes to all of them with what a half-made sign-in holds."""
    visitor, stranger = Visitor(owner.postern, **held), Visitor(owner.postern)
    token = Page(visitor.get("/auth/sign-in").text).form_token
    for method, path in [*pages, *MORE_DOORS]:
        if path.startswith("/auth/v1/"):
            answer = visitor.send(method, path, json={})
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
        elif method == "POST":
            answer = visitor.send(method, path, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": token})
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
        else:
            answer = visitor.get(path)
            assert answer.status_code == 303 and answer.headers["Location"].startswith("/auth/sign-in"), f"{path}: {answer.status_code}"
    for method, path, is_open in described:
        path = re.sub(r"\{\w+\}", owner.id, path)
        answer = visitor.send(method, path, json={})
        expected = stranger.send(method, path, json={})
        assert reason(answer) == reason(expected), f"{method} {path}"
        assert is_open or answer.status_code == 401, f"{method} {path}: {answer.status_code}"
    for path in ("/auth/request", "/auth/forward"):
        assert visitor.send("GET", path, headers={"Accept": "application/json"}).status_code == 401
        led = visitor.send("GET", path, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        assert led.status_code in (401, 302) and "Remote-User" not in led.headers
    assert "postern" not in visitor.cookies or visitor.cookies["postern"] == attempt


def test_after_all_of_it_the_half_made_sign_in_was_alive_and_can_be_finished_once(half):
    owner, attempt, *_ = half
    assert owner.finish(attempt, owner.phone.code()).status_code == 200
    assert reason(owner.finish(attempt, owner.codes.pop(), "recovery_code")) == (401, "attempt-over")


def test_an_attempt_cannot_be_finished_with_codes_of_somebody_else(postern):
    ada, eve = Member(postern, "ada@example.org").with_app(), Member(postern, "eve@example.org").with_app()
    assert reason(ada.finish(ada.attempt(), eve.phone.code())) == (401, "wrong-code")
    assert reason(ada.finish(ada.attempt(), eve.codes[0], "recovery_code")) == (401, "wrong-code")
