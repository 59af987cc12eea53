"""Changing a password with the current one, and what is sent badly to any page or call on which one is chosen."""

import json

import pytest

from parts.choosing import (
    ANOTHER, CHANGE_MAIL, LINK_MAIL, NEXT, StolenList, asked_link, change, choose_at_sign_in, links, reset, rows)
from parts.member import Member
from parts.meter import error_in
from parts.postern import PASSWORD, Postern, at_once, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor

ADA = "ada@example.org"
CHANGE, RESET, FORGOT, AT_SIGN_IN = "/auth/account/password", "/auth/reset-password", "/auth/forgot-password", "/auth/sign-in/change-password"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def ada(postern) -> Member:
    return Member(postern, ADA)


def test_a_change_keeps_this_session_and_ends_every_other_within_a_second(make_postern):
    """PW-12, SE-06."""
    postern = make_postern(settings="second-factor: {trusted-browsers: 30d}\n").start()
    ada = Member(postern, ADA).with_app()
    trust = ada.finish(ada.attempt(), ada.codes.pop(), "recovery_code", trust=True).json()["trust"]
    here, there, half = ada.sign_in_with_recovery_code(), ada.sign_in_with_recovery_code(), ada.attempt()
    assert reason(change(postern, here, "not the password")) == (401, "wrong-credentials")
    assert change(postern, here, "not the password").json()["field"] == "current"
    assert reason(change(postern, here, PASSWORD, PASSWORD)) == (422, "password-unchanged")
    assert reason(change(postern, here, PASSWORD, "password")) == (422, "password-common")
    assert reason(change(postern, here, PASSWORD, "lantern1")) == (422, "password-too-weak")
    assert reason(change(postern, here, PASSWORD, "short")) == (422, "password-too-short")
    assert [postern.gate_status(held) for held in (here, there)] == [200, 200], "a refusal ended a session"
    assert ada.begin(trust=trust)["next"] == "done", "a refusal ended a trust"

    postern.minutes_pass(16)
    answer = change(postern, here, PASSWORD)
    assert reason(answer) == (403, "step-up-required") and set(answer.json()["methods"]) == {"totp", "recovery_code"}
    assert ada.step_up(here, ada.phone.code()).status_code == 204
    assert change(postern, here, PASSWORD).status_code == 204
    assert postern.gate_status(here) == 200
    wait_for("the other session to end", lambda: postern.gate_status(there) == 401, 1)
    assert reason(ada.finish(half, ada.phone.code())) == (401, "attempt-over")
    ada.password = NEXT
    assert ada.begin(trust=trust)["next"] == "second_factor"
    letter = wait_for("the mail", lambda: postern.letter(ADA, CHANGE_MAIL))
    assert not [word for word in (PASSWORD, NEXT) if word in letter["text"] + letter["html"]]
    assert not [letter for letter in postern.letters(ADA) if letter["subject"].startswith(LINK_MAIL)]


def test_of_two_changes_at_once_one_counts(make_postern):
    postern = make_postern(settings="hashing: {queue: 200}\n").start()
    ada = Member(postern, ADA)
    sessions = [ada.sign_in() for _ in range(8)]
    passwords = [f"{NEXT} number {number}" for number in range(8)]
    answers = [answer.status_code for answer in at_once([
        lambda session=session, password=password: change(postern, session, PASSWORD, password) for session, password in zip(sessions, passwords)])]
    assert answers.count(204) == 1 and set(answers) == {204, 401}, answers
    winner = answers.index(204)
    assert [postern.gate_status(session) for session in sessions] == [200 if number == winner else 401 for number in range(8)]
    assert postern.try_sign_in(ADA, passwords[winner]).status_code == 200


def test_a_wrong_current_password_stands_in_the_history(postern, ada):
    """PW-12."""
    session = ada.sign_in()
    assert change(postern, session, "not the password").status_code == 401
    with_reason = [row for row in rows(postern)["sign_in_attempt"] if "wrong-password" in row]
    assert len(with_reason) == 1


def test_a_browsers_session_goes_on_under_a_new_cookie(postern, ada):
    """SE-02: by the page, and by a call that a page of ours makes."""
    visitor = Visitor(postern, {"postern": ada.sign_in()})
    before = visitor.cookies["postern"]
    done = visitor.post(CHANGE, CHANGE, current=PASSWORD, password=NEXT)
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/account/security?done=password")
    between = visitor.cookies["postern"]
    token = Page(visitor.get(CHANGE).text).form_token
    called = visitor.send("POST", "/auth/v1/account/password", headers=SAME | {"X-CSRF-Token": token}, json={"current": NEXT, "password": ANOTHER})
    assert called.status_code == 204
    assert [postern.gate_status(held) for held in (before, between, visitor.cookies["postern"])] == [401, 401, 200]
    assert len({before, between, visitor.cookies["postern"]}) == 3


def test_a_kept_session_stays_kept(postern, ada):
    visitor = Visitor(postern)
    visitor.post("/auth/sign-in", "/auth/sign-in", email=ADA, password=PASSWORD, keep="yes")
    [line] = visitor.post(CHANGE, CHANGE, current=PASSWORD, password=NEXT).raw.headers.getlist("Set-Cookie")
    assert line.startswith("postern=") and "Max-Age=" in line and "HttpOnly" in line and "SameSite=Lax" in line
    [line] = Visitor(postern, {"postern": postern.sign_in(ADA, NEXT)}).post(CHANGE, CHANGE, current=NEXT, password=ANOTHER).raw.headers.getlist("Set-Cookie")
    assert "Max-Age" not in line


# Sent badly.


class Doors:
    """Everything on which a password is asked for or chosen, each with somebody who may come in."""

    def __init__(self, postern: Postern, stolen: StolenList):
        self.postern = postern
        ada, bob, eve = Member(postern, ADA), Member(postern, "bob@example.org").with_app(), Member(postern, "eve@example.org")
        self.link = asked_link(postern, ADA).rsplit("/", 1)[1]
        self.session, self.cookie = eve.sign_in(), eve.sign_in()
        stolen.spreads(postern, PASSWORD)
        self.attempt = bob.finish(bob.attempt(), bob.phone.code()).json()["attempt"]
        self.people = [ada, bob, eve]
        self.calls = {
            "/auth/v1/forgot-password": {"email": "nobody@example.org"}, "/auth/v1/reset-password": {"token": self.link, "password": NEXT},
            "/auth/v1/account/password": {"current": PASSWORD, "password": NEXT},
            "/auth/v1/sign-in/change-password": {"attempt": self.attempt, "password": NEXT},
        }
        self.forms = {
            FORGOT: ({}, {"email": "nobody@example.org"}), RESET: ({"postern-link": self.link}, {"password": NEXT}),
            CHANGE: ({"postern": self.cookie}, {"current": PASSWORD, "password": NEXT}),
            AT_SIGN_IN: ({"postern-attempt": self.attempt}, {"password": NEXT}),
        }

    def call(self, path: str, document, **more):
        body = {"data": document} if isinstance(document, (str, bytes)) else {"json": document}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.session}"} if "account" in path else {})
        return self.postern.request("POST", path, headers=headers | more.pop("headers", {}), **body)

    def visitor(self, path: str) -> Visitor:
        return Visitor(self.postern, self.forms[path][0])

    def form(self, path: str, **fields) -> tuple:
        """Sends its form with these fields in place of good ones; None leaves one out."""
        good = self.forms[path][1]
        return self.visitor(path).post(path, path, **{name: value for name, value in (good | fields).items() if value is not None})


@pytest.fixture(scope="module")
def doors(binary, tmp_path_factory):
    stolen = StolenList(binary, tmp_path_factory.mktemp("list"))
    postern = Postern(binary, tmp_path_factory.mktemp("doors"), settings=stolen.settings("change")).start()
    yield Doors(postern, stolen)
    postern.stop()


CALLS = ["/auth/v1/forgot-password", "/auth/v1/reset-password", "/auth/v1/account/password", "/auth/v1/sign-in/change-password"]
FORMS = [FORGOT, RESET, CHANGE, AT_SIGN_IN]
# What an empty text is answered with, and one that is far too long.
EMPTY = {"email": (422, "email-invalid"), "token": (410, "link-invalid"), "attempt": (401, "attempt-over"), "current": (401, "wrong-credentials"),
         "password": (422, "password-too-short")}
LONG = EMPTY | {"current": (422, "password-too-long"), "password": (422, "password-too-long")}


@pytest.mark.parametrize("path", CALLS)
def test_a_call_whose_field_is_missing_or_no_text_is_told_which(doors, path):
    good, before = doors.calls[path], accounts(doors)
    for name in good:
        for document in [{key: value for key, value in good.items() if key != name}, *(
                good | {name: value} for value in (None, 1, 1.5, True, [], {}, ["a"]))]:
            answer = doors.call(path, document)
            assert (*reason(answer), answer.json().get("field")) == (400, "malformed", name), f"{name}: {document.get(name, 'missing')!r}"
    assert accounts(doors) == before


@pytest.mark.parametrize("path", CALLS)
def test_a_call_with_bad_fields_is_told_why_and_changes_nothing(doors, path):
    good, before = doors.calls[path], accounts(doors)
    for name in good:
        assert reason(doors.call(path, good | {name: ""})) == EMPTY[name]
        assert reason(doors.call(path, good | {name: "x" * 4_097})) == LONG[name]
        assert reason(doors.call(path, good | {name: "é" * 2_049})) == LONG[name]
        assert reason(doors.call(path, json.dumps(good)[:-1] + f', "{name}": "twice"}}')) == (400, "malformed")
        assert reason(doors.call(path, json.dumps(good | {name: "?"}).replace('"?"', '"\\ud800"'))) == (400, "malformed")
    for name in ("email", "account", "score"):
        if name not in good:
            assert reason(doors.call(path, good | {name: "x"})) == (400, "malformed")
    for text in ("", "null", "[]", '"a"', "{", json.dumps(good) + "{}", "[" * 40 + "]" * 40):
        assert reason(doors.call(path, text)) == (400, "malformed"), text
    assert reason(doors.call(path, good | {"password": "x" * 70_000})) == (413, "too-large")
    assert reason(doors.call(path, json.dumps(good), headers={"Content-Type": "text/plain"})) == (415, "unsupported-media-type")
    assert reason(doors.call(path, good, headers={"Sec-Fetch-Site": "cross-site"})) == (403, "cross-site")
    assert reason(doors.postern.get(path, headers={"Accept": "application/json"})) == (405, "method-not-allowed")
    assert accounts(doors) == before


@pytest.mark.parametrize("path", FORMS)
def test_a_form_with_bad_fields_is_refused_with_words_and_changes_nothing(doors, path):
    good, before = doors.forms[path][1], accounts(doors)
    for name in good:
        # The new password is judged before the current one is.
        status = 401 if name == "current" else 422
        for value in (None, "", "x" * 4_097 if name != "current" else "wrong", "ß" * 2_049 if name != "current" else "also wrong"):
            answer = doors.form(path, **{name: value})
            assert answer.status_code == status, f"{name}: {value!r:.20}"
            assert f'id="{name}-error"' in answer.text and 'aria-invalid="true"' in answer.text
            assert NEXT not in answer.text and PASSWORD not in answer.text, "a typed password is sent back"
        # Not a word about which of two is meant.
        answer = doors.visitor(path).send("POST", path, headers=SAME | {"Content-Type": "application/x-www-form-urlencoded"}, data=(
            "&".join(f"{key}=x" for key in good) + f"&{name}=y&form_token=" + token(doors, path)))
        assert answer.status_code == 400
    if "password" in good:
        assert error_in(doors.form(path, password="x" * 4_097).text).startswith("That is longer than")
        assert error_in(doors.form(path, password=None).text).startswith("That is shorter than 8 characters")
    if "current" in good:
        assert doors.form(path, current="x" * 4_097).status_code == 422
    for body in (b"password=%zz", b"password=%ff", b"password=%00", b"&".join(b"f%d=a" % number for number in range(65))):
        answer = doors.visitor(path).send("POST", path, headers=SAME | {"Content-Type": "application/x-www-form-urlencoded"}, data=body)
        assert 400 <= answer.status_code < 500, body
    answer = doors.visitor(path).send("POST", path, headers=SAME, json=good)
    assert answer.status_code == 415
    assert doors.visitor(path).send("POST", path, headers=SAME, data={"password": "x" * 70_000}).status_code == 413
    assert accounts(doors) == before


def token(doors: Doors, path: str) -> str:
    return Page(doors.visitor(path).get(path).text).form_token


@pytest.mark.parametrize("path", FORMS)
def test_a_form_from_another_site_or_without_its_token_changes_nothing(doors, path):
    """WF-03."""
    before, jobs_before = accounts(doors), rows(doors.postern)["job"]
    visitor = doors.visitor(path)
    good = doors.forms[path][1] | {"form_token": Page(visitor.get(path).text).form_token}
    origin = doors.postern.public_url
    for headers in (
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example"},
        {"Origin": "null"}, {"Origin": origin + "0"}, {"Origin": origin + ".evil.example"}, {"Origin": origin.replace("http:", "https:")},
        {"Origin": origin, "Sec-Fetch-Site": "cross-site"}, {},
    ):
        answer = visitor.send("POST", path, headers=headers, data=good)
        assert answer.status_code == 403 and "That came from another site" in answer.text, headers
    stranger = Visitor(doors.postern)
    other = Page(stranger.get("/auth/sign-in").text).form_token
    for form_token in ("", "x", other, good["form_token"][:-1], good["form_token"][::-1]):
        answer = visitor.send("POST", path, headers=SAME, data=good | {"form_token": form_token})
        assert answer.status_code == 403, form_token
    assert accounts(doors) == before and rows(doors.postern)["job"] == jobs_before


def test_without_what_opens_it_each_door_leads_to_its_beginning(doors):
    visitor = Visitor(doors.postern)
    for path, status, place in ((RESET, 410, None), (CHANGE, 303, "/auth/sign-in?return_to=%2Fauth%2Faccount%2Fpassword"),
                                (AT_SIGN_IN, 303, "/auth/sign-in?done=attempt-over")):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers.get("Location")) == (status, place)
    for held in ({"postern-link": "x" * 43, "postern-attempt": "x" * 43, "postern": "x" * 43}, {"postern-link": "", "postern-attempt": "%", "postern": "é"}):
        visitor = Visitor(doors.postern, held)
        assert [visitor.get(path).status_code for path in (RESET, CHANGE, AT_SIGN_IN)] == [410, 303, 303]
    for path, status in ((RESET, 410), (CHANGE, 401), (AT_SIGN_IN, 303)):
        assert Visitor(doors.postern).post("/auth/sign-in", path, current=PASSWORD, password=NEXT).status_code == status


def test_a_call_with_a_cookie_needs_the_pages_token(doors):
    """WF-03: a bearer token is none that a browser sends by itself, a cookie is."""
    before = accounts(doors)
    visitor, good = doors.visitor(CHANGE), doors.calls["/auth/v1/account/password"]
    for headers in (SAME, SAME | {"X-CSRF-Token": "x"}, {"Origin": "https://evil.example", "X-CSRF-Token": token(doors, CHANGE)}):
        answer = visitor.send("POST", "/auth/v1/account/password", headers=headers, json=good)
        assert answer.status_code == 403
    assert accounts(doors) == before


def test_after_all_of_it_each_door_still_opens_once(doors):
    """Nothing was lost. A form that is sent twice changes nothing the second time."""
    assert "Fatal error" not in doors.postern.log() and doors.postern.process.lives
    for path in (RESET, AT_SIGN_IN, CHANGE):
        visitor, good = doors.visitor(path), doors.forms[path][1]
        copy = Visitor(doors.postern, visitor.cookies)
        form = {"form_token": Page(copy.get(path).text).form_token} | good
        visitor.cookies |= {name: value for name, value in copy.cookies.items() if name == "postern-browser"}
        done = visitor.send("POST", path, headers=SAME, data=form)
        assert done.status_code == 303, f"{path}: {done.status_code}"
        before = accounts(doors)
        again = copy.send("POST", path, headers=SAME, data=form | {"password": ANOTHER})
        assert (again.status_code, accounts(doors)) == ({RESET: 410, AT_SIGN_IN: 303, CHANGE: 403}[path], before)
        if path != AT_SIGN_IN:
            continue
        assert again.headers["Location"] == "/auth/sign-in?done=attempt-over"
        # The new session's browser that goes one step back and sends the old form.
        assert visitor.send("POST", path, headers=SAME, data=form | {"password": ANOTHER}).headers["Location"].startswith("/auth/sign-in?done=attempt-over")
        assert accounts(doors) == before
    assert [doors.postern.try_sign_in(person.email, NEXT).status_code for person in doors.people] == [200] * 3


def accounts(doors: Doors) -> list:
    """What must stay as it is: passwords, links, waiting sign-ins, sessions."""
    found = rows(doors.postern)
    return [[row[:3] for row in found["session"]], found["account"], found["password_reset"], found["sign_in_challenge"]]
