"""The way from the portal to an app's host: a ticket is good once, for half a minute, in one browser, on one host; a session there opens that host alone."""

import os
import re
import sqlite3
import time
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import pytest

from parts.member import Member
from parts.phone import Phone
from parts.postern import Postern, at_once
from parts.processes import wait_for
from parts.visitor import Page
from parts.way_in import AppHost, opened, set_cookies
from test_half_made_sign_in import described_doors

USES = 200 if os.environ.get("POSTERN_SOAK") else 20

# Doors that answer on every host.
ON_EVERY_HOST = {"/auth/health", "/auth/openapi.yaml", "/auth/jwks.json"}
# Doors that an app's host has of its own.
ON_APP_HOSTS = {"/auth/begin", "/auth/enter", "/auth/sign-out"}
PAGES = [
    "/", "/auth", "/auth/sign-in", "/auth/sign-in?return_to=%2Fauth%2Faccount", "/auth/sign-in/second-factor", "/auth/sign-in/enrol", "/auth/sign-up",
    "/auth/setup", "/auth/setup/x", "/auth/confirm", "/auth/confirm/x", "/auth/invitation", "/auth/invitation/x", "/auth/account",
    "/auth/account/sessions", "/auth/account/security", "/auth/account/security/authenticators", "/auth/account/step-up", "/auth/admin", "/auth/admin/people",
    "/auth/account/notifications", "/auth/account/password", "/auth/sign-in/change-password", "/auth/forgot-password", "/auth/reset-password",
    "/auth/account/email", "/auth/new-email", "/auth/new-email/x", "/auth/account/leave", "/auth/account/export", "/auth/admin/people/x", "/auth/admin/apps", "/auth/admin/apps/shop", "/auth/admin/notifications", "/auth/ticket?app=wiki&state=x&need=session&return_to=%2F",
]
FORMS = [
    "/auth/account/name", "/auth/account/sessions/end-others", "/auth/account/sessions/x/end", "/auth/account/step-up", "/auth/account/security/authenticators",
    "/auth/account/security/authenticators/confirm", "/auth/account/security/authenticators/x/rename", "/auth/account/security/authenticators/x/remove",
    "/auth/account/security/recovery-codes", "/auth/account/security/recovery-codes/use", "/auth/account/security/recovery-codes/check",
    "/auth/account/security/trusted-browsers/x/end", "/auth/admin/invitations", "/auth/admin/people/x/username", "/auth/admin/people/x/disable",
    "/auth/admin/people/x/groups", "/auth/admin/people/x/require-password-change", "/auth/admin/people/x/start-password-reset",
    "/auth/account/notifications", "/auth/account/password", "/auth/sign-in/change-password", "/auth/forgot-password", "/auth/reset-password", "/auth/sign-in", "/auth/sign-up", "/auth/sign-in/second-factor", "/auth/sign-in/enrol", "/auth/sign-in/enrol/confirm",
    "/auth/setup", "/auth/confirm", "/auth/invitation", "/auth/account/email", "/auth/new-email", "/auth/account/leave", "/auth/account/stay",
]


class House:
    """A portal with an https address, two apps on unrelated names, and somebody who is signed in."""

    def __init__(self, postern: Postern):
        self.postern = postern
        self.shop = AppHost(postern, "shop", "shop.example", ("/staff/* aal2",))
        self.wiki = AppHost(postern, "wiki", "wiki.test")
        postern.start()
        self.member = Member(postern, "ada@example.org", "owner")
        self.portal = self.member.sign_in()

    def files(self) -> bytes:
        """Everything that the database's files hold."""
        return b"".join(file.read_bytes() for file in sorted(self.postern.data.iterdir()) if file.name.startswith("postern.sqlite"))


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    postern = Postern(binary, tmp_path_factory.mktemp("tickets"), public_url="https://id.example.org")
    yield House(postern)
    postern.stop()


def test_a_ticket_opens_a_session_and_leads_to_the_page_that_was_asked_for(house):
    back = "/cart/12?a=1&b=%C3%A4%2F"
    state, ticket = house.shop.ticket(house.portal, back)
    answer = house.shop.enter(ticket, state)
    assert (answer.status_code, answer.headers["Location"]) == (303, back)
    [line] = [line for line in answer.raw.headers.getlist("Set-Cookie") if line.startswith("__Host-postern-app=")]
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(line.split("; ")) and "domain" not in line.lower()
    assert house.shop.gate(opened(answer, house.shop)) == 200


def test_of_many_uses_of_a_ticket_at_once_exactly_one_opens_a_session(house):
    state, ticket = house.shop.ticket(house.portal)
    answers = at_once([lambda: house.shop.enter(ticket, state)] * USES)
    assert {answer.status_code for answer in answers} == {303}
    tokens = [token for answer in answers if (token := opened(answer, house.shop))]
    assert len(tokens) == 1, f"{len(tokens)} of {USES} opened a session"
    assert house.shop.gate(tokens[0]) == 200


def test_a_used_ticket_leads_back_to_the_beginning(house):
    state, ticket = house.shop.ticket(house.portal, "/cart")
    assert opened(house.shop.enter(ticket, state), house.shop)
    again = house.shop.enter(ticket, state)
    assert (again.status_code, opened(again, house.shop)) == (303, None)
    assert again.headers["Location"].startswith("/auth/begin?return_to=")


def test_a_ticket_is_refused_on_another_apps_host_and_on_the_portal_and_stays_good_at_its_own(house):
    state, ticket = house.shop.ticket(house.portal)
    elsewhere = house.wiki.enter(ticket, state)
    assert elsewhere.status_code == 303 and opened(elsewhere, house.wiki) is None
    portal = house.postern.get(f"/auth/enter?ticket={ticket}", headers={"Cookie": f"__Host-postern-begin={state}", "Accept": "text/html"})
    assert portal.status_code == 404 and opened(portal, house.shop) is None
    assert opened(house.shop.enter(ticket, state), house.shop)


def test_a_ticket_is_refused_after_half_a_minute(house):
    for older, is_good in ((29, True), (30, False), (3_600, False)):
        state, ticket = house.shop.ticket(house.portal)
        with sqlite3.connect(house.postern.sqlite, timeout=10) as database:
            [(end,)] = database.execute("SELECT max(expires_at) FROM ticket").fetchall()
            assert 25 < end / 1_000_000 - time.time() <= 30
            database.execute("UPDATE ticket SET expires_at = expires_at - ?", [older * 1_000_000])
        # A second of the 29 is left for us to ask.
        answer = house.shop.enter(ticket, state)
        assert answer.status_code == 303
        assert bool(opened(answer, house.shop)) == is_good, f"after {older} s"


def test_a_ticket_is_refused_with_another_browsers_state_and_with_none(house):
    state, ticket = house.shop.ticket(house.portal)
    other, _ = house.shop.begin()
    token, first, count, place = state.split(".")
    # The last sign holds four bits: another of the sixteen that may stand there.
    changed = token[:-1] + ("A" if token[-1] != "A" else "Q")
    for wrong in (other, "", "x", token, token[:-1], f"{changed}.{first}.{count}.{place}", f"{token}.{first}.{count}.{place}.x", None):
        answer = house.shop.enter(ticket, wrong)
        assert answer.status_code in (303, 403), f"{wrong}: {answer.status_code}"
        assert opened(answer, house.shop) is None, f"a ticket opened a session with the state {wrong!r}"
    twice = house.shop.get(f"/auth/enter?ticket={ticket}", headers={"Cookie": f"__Host-postern-begin={other}; __Host-postern-begin={state}"})
    assert opened(twice, house.shop) is None
    assert opened(house.shop.enter(ticket, state), house.shop), "a wrong try used the ticket up"


def test_without_the_state_cookie_the_page_says_what_is_wrong(house):
    _, ticket = house.shop.ticket(house.portal)
    answer = house.shop.enter(ticket, None)
    assert answer.status_code == 403 and "https://shop.example" in answer.text


def test_a_ticket_of_a_session_that_has_ended_is_refused(house):
    portal = house.member.sign_in()
    state, ticket = house.shop.ticket(portal)
    assert house.member.call(portal, "DELETE", "/auth/v1/session").status_code == 204
    assert opened(house.shop.enter(ticket, state), house.shop) is None


@pytest.mark.parametrize("ticket", ["", "x", "A" * 43, "A" * 4_000, "%ff%fe", "a&ticket=b", "%00"])
def test_what_is_no_ticket_opens_nothing(house, ticket):
    state, _ = house.shop.begin()
    answer = house.shop.enter(ticket, state)
    assert answer.status_code in (303, 400, 403, 414) and opened(answer, house.shop) is None


def test_neither_the_database_nor_the_log_holds_a_ticket_or_a_token(house):
    state, ticket = house.shop.ticket(house.portal)
    unused_state, unused = house.wiki.ticket(house.portal)
    token = opened(house.shop.enter(ticket, state), house.shop)
    assert house.shop.gate(token) == 200
    secrets = {"a used ticket": ticket, "an unused ticket": unused, "a session's token": token, "the portal's token": house.portal,
               "a state": state.split(".")[0], "an unused state": unused_state.split(".")[0]}
    with sqlite3.connect(house.postern.sqlite) as database:
        dump = "\n".join(database.iterdump())
    stored, said = house.files(), house.postern.log() + house.postern.output()
    for what, secret in secrets.items():
        assert len(secret) >= 40
        raw = decoded(secret)
        assert secret not in dump and secret.encode() not in stored and raw not in stored and raw.hex() not in dump.lower(), f"the database holds {what}"
        assert secret not in said and secret[:20] not in said, f"the log holds {what}"


def decoded(token: str) -> bytes:
    """The random bytes that a token stands for."""
    return urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_two_pages_that_begin_at_once_both_end_at_their_pages(house):
    """Neither knows of the other's state, and the browser keeps the later one."""
    held, first = house.shop.begin("/first")
    held, second = house.shop.begin("/second")
    waiting, ended = [(place, house.portal) for place in (first, second)], []
    tokens = []
    while waiting:
        place, portal = waiting.pop(0)
        ticket = house.shop.ask_ticket(place, portal).headers["Location"].removeprefix(house.shop.url)
        answer = house.shop.get(ticket, {"postern-begin": held})
        if token := opened(answer, house.shop):
            tokens.append(token)
            ended.append(answer.headers["Location"])
            continue
        again = house.shop.get(answer.headers["Location"], {"postern-begin": held})
        held = set_cookies(again)["__Host-postern-begin"]
        waiting.append((again.headers["Location"].removeprefix(house.postern.public_url), portal))
    assert sorted(ended) == ["/first", "/second"]
    assert house.shop.gate(tokens[-1]) == 200


# What a session on an app's host is good for.

def test_a_session_of_an_apps_host_opens_no_door_of_the_account_or_the_administration(house):
    """Neither on that host nor on the portal, by whatever way it comes."""
    token = house.shop.session(house.portal)
    doors = [(method, re.sub(r"\{\w+\}", "x", path)) for method, path, is_open in described_doors(house.postern) if not is_open]
    assert len(doors) >= 15
    doors += [("GET", path) for path in PAGES if path.startswith(("/auth/account", "/auth/admin", "/auth/ticket"))]
    doors += [("POST", path) for path in FORMS if path.startswith(("/auth/account", "/auth/admin"))]
    names = ("__Host-postern-app", "__Host-postern", "__Secure-postern-app", "postern", "postern-app")
    ways = [{"Cookie": f"{name}={token}"} for name in names] + [{"Authorization": f"Bearer {token}"}]
    problems = []
    for authority in (house.shop.authority, house.wiki.authority, house.postern.authority):
        for method, path in doors:
            for way in ways:
                body = {} if method in ("GET", "DELETE") else ({"json": {}} if "/v1/" in path else {"data": {"form_token": "x"}})
                answer = house.postern.request(
                    method, path, headers={"Host": authority, "Sec-Fetch-Site": "same-origin"} | way, **body)
                leads_on = answer.status_code == 303 and (
                    answer.headers["Location"].startswith(("/auth/sign-in?", house.postern.public_url + "/auth/")))
                if not leads_on and answer.status_code not in (401, 403, 404, 421):
                    problems.append((authority, method, path, next(iter(way.items()))[0], answer.status_code))
                if "ada@" in answer.text:
                    problems.append((authority, method, path, "shows who is there"))
    assert not problems, problems
    assert house.shop.gate(token) == 200, "the session has ended on the way"


def test_a_session_of_an_apps_host_is_refused_at_another_apps_host_and_the_portals_at_both(house):
    token = house.shop.session(house.portal)
    assert house.shop.gate(token) == 200
    assert house.wiki.gate(token) == 401
    for host in (house.shop, house.wiki):
        for name in ("postern", "postern-app"):
            assert host.gate(house.portal, name=name) == 401, "a portal's session passes as an app's"
    for name in ("postern", "postern-begin"):
        assert house.shop.gate(token, name=name) == 401


def test_a_bearer_token_of_an_apps_host_passes_no_gate(house):
    token = house.shop.session(house.portal)
    for host in (house.shop, house.wiki):
        answer = host.get("/auth/request", headers={"X-Original-URL": host.url + "/", "Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_signing_out_on_an_apps_host_ends_the_session_everywhere(house):
    portal = house.member.sign_in()
    shop, wiki = house.shop.session(portal), house.wiki.session(portal)
    page = house.shop.get("/auth/sign-out", {"postern-app": shop})
    assert page.status_code == 200 and "ada@example.org" in page.text
    done = house.shop.request("POST", "/auth/sign-out", {"postern-app": shop}, {"Sec-Fetch-Site": "same-origin"}, data={"form_token": Page(page.text).form_token})
    assert done.status_code == 303
    assert house.postern.session_status(portal) == 401
    wait_for("both hosts to refuse", lambda: {house.shop.gate(shop), house.wiki.gate(wiki)} == {401}, 1)


def test_signing_out_needs_a_form_of_ours(house):
    portal = house.member.sign_in()
    shop = house.shop.session(portal)
    token = Page(house.shop.get("/auth/sign-out", {"postern-app": shop}).text).form_token
    for headers, form in (({"Sec-Fetch-Site": "cross-site"}, token), ({"Sec-Fetch-Site": "same-site"}, token), ({"Sec-Fetch-Site": "same-origin"}, "x"),
                          ({"Origin": "https://wiki.test"}, token), ({"Origin": "https://id.example.org"}, token), ({}, token)):
        assert house.shop.request("POST", "/auth/sign-out", {"postern-app": shop}, headers, data={"form_token": form}).status_code == 403
    assert house.postern.session_status(portal) == 200 and house.shop.gate(shop) == 200
    # By a link alone nobody is signed out.
    house.shop.get("/auth/sign-out", {"postern-app": shop})
    assert house.shop.gate(shop) == 200


def test_a_newer_session_on_a_host_replaces_the_older_of_the_same_sign_in(house):
    portal = house.member.sign_in()
    older, newer = house.shop.session(portal), house.shop.session(portal)
    assert house.shop.gate(newer) == 200
    wait_for("the older to be refused", lambda: house.shop.gate(older) == 401, 1)


# Pages on an app's host.

def test_on_an_apps_host_every_other_page_leads_to_the_portal(house):
    token = house.shop.session(house.portal)
    for path in PAGES:
        for cookies in (None, {"postern-app": token}):
            answer = house.shop.get(path, cookies)
            assert (answer.status_code, answer.headers.get("Location")) == (303, house.postern.public_url + path), path
            assert answer.headers["Cache-Control"] == "no-store" and "Set-Cookie" not in answer.headers, path


def test_on_an_apps_host_forms_and_calls_are_refused_but_for_the_sign_out(house):
    token = house.shop.session(house.portal)
    for path in FORMS:
        answer = house.shop.request("POST", path, {"postern-app": token}, {"Sec-Fetch-Site": "same-origin"}, data={"form_token": "x"})
        assert answer.status_code in (404, 421), f"{path}: {answer.status_code}"
    for method, path, _ in described_doors(house.postern):
        if path not in ON_EVERY_HOST | {"/auth/request", "/auth/forward"} and not path.startswith("/auth/envoy"):
            answer = house.shop.request(method, re.sub(r"\{\w+\}", "x", path), {"postern-app": token}, {"Accept": "application/json"}, json={})
            assert answer.status_code in (303, 404, 421) or path in ON_APP_HOSTS, f"{method} {path}: {answer.status_code}"


def test_an_apps_host_has_what_its_pages_load(house):
    for path in ON_EVERY_HOST | {"/auth/assets/postern.css", "/auth/assets/postern.js"}:
        assert house.shop.get(path).status_code == 200, path


def test_the_answers_on_the_way_are_kept_nowhere_and_tell_no_other_site(house):
    state, ticket = house.shop.ticket(house.portal)
    place = house.shop.begin()[1]
    token = house.shop.session(house.portal)
    answers = {
        "begin": house.shop.get("/auth/begin?return_to=%2F"),
        "begin, signed in": house.shop.get("/auth/begin?return_to=%2F", {"postern-app": token}),
        "begin, for a program": house.shop.get("/auth/begin", headers={"Accept": "application/json"}),
        "ticket": house.shop.ask_ticket(place, house.portal),
        "ticket, of a stranger": house.postern.get(place),
        "enter": house.shop.enter(ticket, state),
        "enter, again": house.shop.enter(ticket, state),
        "enter, without its cookie": house.shop.enter(ticket, None),
        "sign-out": house.shop.get("/auth/sign-out", {"postern-app": token}),
        "a page of the portal": house.shop.get("/auth/account"),
        "a call": house.shop.get("/auth/v1/session"),
        "nothing": house.shop.get("/auth/nothing"),
    }
    for what, answer in answers.items():
        assert answer.headers.get("Cache-Control") == "no-store", what
    for what in ("ticket", "enter", "enter, again", "enter, without its cookie"):
        assert answers[what].headers.get("Referrer-Policy") == "no-referrer", what


# Where it leads.

@pytest.mark.parametrize("back", [
    "https://evil.example/", "//evil.example/", "/\\evil.example", "/%2fevil.example", "/%5cevil.example", "/.//evil.example", "javascript:alert(1)", "/auth/sign-out",
    "/auth/begin", "", "x", "/a\r\nSet-Cookie: a=b", "/\tevil.example", "https://shop.example/x", "https://wiki.test/x",
])
def test_the_way_leads_nowhere_but_to_a_page_of_the_app(house, back):
    state, ticket = house.shop.ticket(house.portal, back)
    assert house.shop.enter(ticket, state).headers["Location"] in ("/", "/x")


def test_a_ticket_is_given_for_known_apps_alone(house):
    _, place = house.shop.begin()
    for app in ("nothing", "", "SHOP", "shopp", "shop.example"):
        answer = house.shop.ask_ticket(re.sub(r"app=\w+", f"app={app}", place), house.portal)
        assert answer.status_code == 403 and "Location" not in answer.headers, app


def test_a_stranger_is_led_to_the_sign_in_and_back_to_the_ticket(house):
    _, place = house.shop.begin("/cart?a=1")
    answer = house.postern.get(place, headers={"Accept": "text/html"})
    location = urlsplit(answer.headers["Location"])
    assert (answer.status_code, location.path, parse_qs(location.query)["return_to"]) == (303, "/auth/sign-in", [place])


def test_a_rule_for_a_second_factor_asks_for_it_on_the_way(house):
    token = house.shop.session(house.portal)
    assert house.shop.gate(token, "/staff/a") == 401 and house.shop.gate(token, "/") == 200
    begun = house.shop.get("/auth/begin?return_to=%2Fstaff%2Fa", {"postern-app": token})
    place = begun.headers["Location"].removeprefix(house.postern.public_url)
    assert "need=aal2" in place
    step = house.shop.ask_ticket(place, house.portal)
    assert step.status_code == 303 and step.headers["Location"].startswith("/auth/account/step-up?") and "need=second-factor" in step.headers["Location"]
    # Without any, the security page is where to add one.
    security = house.postern.get(step.headers["Location"], headers={"Cookie": f"__Host-postern={house.portal}", "Accept": "text/html"})
    assert security.headers["Location"].startswith("/auth/account/security?")


def test_a_second_factor_at_the_portal_counts_on_the_apps_host(house):
    ada = Member(house.postern, "ben@example.org")
    portal = ada.sign_in()
    token = house.shop.session(portal)
    ada.phone, _ = ada.add_app(portal, "Phone")
    assert isinstance(ada.phone, Phone) and ada.assurance(portal) == "aal2"
    wait_for("the app's session to prove as much", lambda: house.shop.gate(token, "/staff/a") == 200, 1)
