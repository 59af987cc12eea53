"""The second factor as programs and attackers meet it."""

import base64
import html
import json
import re
import sqlite3

import pytest

from parts.member import Member
from parts.phone import Phone, code_of, read_uri, scan, step_now
from parts.postern import PASSWORD, Postern, at_once, reason
from parts.processes import wait_for
from parts.visitor import Visitor

MANY = 40


@pytest.fixture
def ada(postern) -> Member:
    """Somebody with an app and recovery codes."""
    return Member(postern, "ada@example.org").with_app()


# Adding an app.


def test_the_api_answers_a_key_a_link_and_a_picture_that_say_the_same(postern, tmp_path):
    ada = Member(postern, "ada@example.org")
    begun = ada.call(ada.sign_in(), "POST", "/auth/v1/account/authenticators", {"name": "My phone"}).json()
    (tmp_path / "code.png").write_bytes(base64.b64decode(begun["qr_png"], validate=True))
    assert scan(tmp_path / "code.png") == begun["uri"]
    assert begun["qr_svg"].startswith("<svg ")
    assert read_uri(begun["uri"]).items() >= {
        "label": "Postern:ada@example.org", "issuer": "Postern", "secret": begun["secret"]}.items()


def test_an_app_counts_only_after_its_first_right_code(postern):
    """TO-08."""
    ada = Member(postern, "ada@example.org")
    token = ada.sign_in()
    begun = ada.call(token, "POST", "/auth/v1/account/authenticators", {"name": "My phone"}).json()
    phone, confirm = Phone(begun["secret"]), f"/auth/v1/account/authenticators/{begun['id']}/confirm"
    assert reason(ada.call(token, "POST", confirm, {"code": phone.wrong()})) == (401, "wrong-code")
    assert ada.begin()["next"] == "done" and ada.apps(token) == {}
    assert ada.call(token, "POST", confirm, {"code": phone.code()}).status_code == 200
    assert ada.begin()["next"] == "second_factor"
    assert reason(ada.call(token, "POST", confirm, {"code": phone.code()})) == (410, "enrolment-over")


@pytest.mark.parametrize("name", [
    "<img src=x onerror=alert(1)>", "a\"'&</title><script>alert(1)</script>", "{{formToken}}", "Adas Gerät 📱",
], ids=["a picture", "a script", "a template", "German"])
def test_a_name_is_shown_as_it_was_typed_and_is_never_markup(ada, name):
    visitor = Visitor(ada.postern, {"postern": ada.sign_in()})
    [app] = ada.apps(visitor.cookies["postern"]).values()
    assert ada.call(visitor.cookies["postern"], "PATCH", f"/auth/v1/account/authenticators/{app}", {"name": name}).status_code == 204
    owner = Visitor(ada.postern, {"postern": Member(ada.postern, "owner@example.org", "owner").sign_in()})
    half = Visitor(ada.postern, {"postern-attempt": ada.attempt()})
    remove = f"/auth/account/security/authenticators/{app}/remove"
    for looker, page in (
        (visitor, "/auth/account/security"), (visitor, remove), (visitor, "/auth/account/step-up"), (half, "/auth/sign-in/second-factor"),
        (owner, f"/auth/admin/people/{ada.id}"),
    ):
        text = looker.get(page).text
        assert name in html.unescape(text), page
        assert "<img src=x" not in text and "<script>" not in text, page
    for bad in ("", " ", "a" * 61, "a\nb", "a\u202eb", "a\0b"):
        answer = ada.call(visitor.cookies["postern"], "PATCH", f"/auth/v1/account/authenticators/{app}", {"name": bad})
        assert answer.status_code in (400, 422), bad


# Races.


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_a_code_that_arrives_on_forty_sign_ins_at_once_opens_one(make_postern, method):
    """TO-02, RC-02."""
    postern = make_postern(settings="hashing: {queue: 100}\n").start()
    ada = Member(postern, "ada@example.org").with_app()
    attempts = [ada.attempt() for _ in range(MANY)]
    code = ada.phone.code() if method == "totp" else ada.codes[0]
    answers = at_once([lambda attempt=attempt: ada.finish(attempt, code, method) for attempt in attempts])
    assert [answer.status_code for answer in answers].count(200) == 1
    others = {reason(answer) for answer in answers if answer.status_code != 200}
    assert others == {(401, "code-used" if method == "totp" else "wrong-code")}
    with sqlite3.connect(postern.sqlite) as database:
        # One was for adding the app.
        assert database.execute("SELECT COUNT(*) FROM session").fetchone() == (2,)


def test_one_attempt_that_is_finished_forty_times_at_once_opens_one_session(ada):
    attempt = ada.attempt()
    code = ada.phone.code()
    answers = at_once([lambda: ada.finish(attempt, code)] * MANY)
    assert [answer.status_code for answer in answers].count(200) == 1


def test_codes_are_good_before_and_after_the_keys_are_rotated_and_a_restart(ada):
    token = ada.sign_in()
    pending = ada.call(token, "POST", "/auth/v1/account/authenticators", {"name": "Tablet"}).json()
    ada.postern.command("secrets", "rotate")
    done = ada.call(token, "POST", f"/auth/v1/account/authenticators/{pending['id']}/confirm", {"code": Phone(pending["secret"]).code()})
    assert done.status_code == 200
    ada.postern.restart()
    assert ada.assurance(ada.sign_in()) == "aal2"
    assert ada.assurance(ada.sign_in_with_recovery_code()) == "aal2"


# Wrong codes.


def test_after_ten_wrong_codes_the_next_waits_but_a_recovery_code_works_and_ends_the_wait(ada):
    """TO-05."""
    attempt = ada.attempt()
    for _ in range(10):
        assert reason(ada.finish(attempt, ada.phone.wrong())) == (401, "wrong-code")
    assert reason(ada.finish(attempt, ada.phone.wrong())) == (401, "attempt-over"), "RC-04"
    attempt = ada.attempt()
    right = ada.phone.code()
    for code in (ada.phone.wrong(), right):
        answer = ada.finish(attempt, code)
        assert reason(answer) == (429, "codes-wait")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "recovery code" in answer.json()["detail"]
    assert ada.finish(attempt, ada.codes.pop(), "recovery_code").status_code == 200
    assert ada.finish(ada.attempt(), right).status_code == 200, "the right code was not tried while it had to wait, so it is good still"


def test_wrong_codes_are_counted_over_the_sign_in_and_the_step_up(ada):
    token = ada.sign_in()
    attempts = [ada.attempt(), ada.attempt()]
    tries = [lambda: ada.finish(attempts[0], ada.phone.wrong()), lambda: ada.finish(attempts[1], ada.phone.wrong()),
             lambda: ada.step_up(token, ada.phone.wrong())]
    for number in range(10):
        assert reason(tries[number % 3]()) == (401, "wrong-code")
    assert {reason(attempt()) for attempt in tries} == {(429, "codes-wait")}
    assert ada.call(token, "GET", "/auth/v1/session").status_code == 200, "who is signed in stays so"


def test_a_phone_whose_clock_is_off_is_told_so_and_then_understood(ada):
    """TO-04: the window is moved by what two codes agree on, and never widened."""
    now = step_now()
    early = [code_of(ada.phone.secret, now + offset) for offset in (4, 5, 6)]
    assert reason(ada.finish(ada.attempt(), early[0])) == (401, "wrong-code")
    told = ada.finish(ada.attempt(), early[1])
    assert reason(told) == (401, "clock-off")
    assert re.fullmatch(r"Your phone’s clock is 1[2-7]\d seconds ahead\. Switch on automatic time there, .*", told.json()["detail"])
    done = ada.finish(ada.attempt(), early[2])
    assert done.status_code == 200
    page = Visitor(ada.postern, {"postern": done.json()["session"]["token"]}).get("/auth/account/security").text
    assert re.search(r"Clock 1\d\d seconds ahead", page)
    assert reason(ada.finish(ada.attempt(), code_of(ada.phone.secret, now + 9))) == (401, "wrong-code")


# The pages of the second step.


def test_the_second_step_leads_back_only_to_places_here_and_leaves_no_attempt_behind(ada):
    """WF-06."""
    visitor, page = Visitor(ada.postern), "/auth/sign-in/second-factor"
    led = visitor.post("/auth/sign-in", "/auth/sign-in", email=ada.email, password=PASSWORD, keep="yes", return_to="/auth/account/sessions")
    assert led.headers["Location"] == page + "?return_to=%2Fauth%2Faccount%2Fsessions"
    assert "postern" not in visitor.cookies and "postern-attempt" in visitor.cookies
    for place in ("//evil.example", "https://evil.example/", "/\\evil.example", "/auth/sign-out"):
        assert 'name="return_to" value=""' in visitor.send("GET", page, params={"return_to": place}).text
    refused = visitor.post(page, page, method="totp", code=ada.phone.wrong(), return_to="https://evil.example/")
    assert refused.status_code == 401 and "evil" not in refused.text
    code = ada.phone.code()
    done = visitor.post(page, page, method="totp", code=f"{code[:3]} {code[3:]}", return_to="https://evil.example/")
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/account")
    assert "postern" in visitor.cookies and "postern-attempt" not in visitor.cookies
    [session] = [row for row in ada.call(visitor.cookies["postern"], "GET", "/auth/v1/sessions").json()["sessions"] if row["current"]]
    assert session["kept"], "“keep me signed in” was forgotten at the second step"


@pytest.mark.parametrize("page", ["/auth/sign-in/second-factor", "/auth/sign-in/enrol"])
def test_without_a_sign_in_under_way_its_pages_lead_to_the_password(postern, page):
    led = Visitor(postern, {"postern-attempt": "A" * 43}).get(page)
    assert led.status_code == 303 and led.headers["Location"].startswith("/auth/sign-in?done=attempt-over")


def test_a_wrong_recovery_code_is_told_as_one_on_every_page(ada):
    visitor = Visitor(ada.postern, {"postern": ada.sign_in()})
    [app] = ada.apps(visitor.cookies["postern"]).values()
    wrong = "0000-0000-0000-0000"
    remove, step_up = f"/auth/account/security/authenticators/{app}/remove", "/auth/account/step-up"
    half = Visitor(ada.postern, {"postern-attempt": ada.attempt()})
    sign_in = "/auth/sign-in/second-factor"
    for answer in (
        half.post(sign_in, sign_in, method="recovery_code", code=wrong), visitor.post(step_up, step_up, method="recovery_code", code=wrong),
        visitor.post(remove, remove, code=wrong),
    ):
        assert answer.status_code == 401
        assert "recovery code" in answer.text and "Type the 6 digits" not in answer.text


# What a session is worth.


def test_the_gateway_says_how_sure_it_is_of_a_person(ada):
    """One factor or two, as Remote-Assurance."""
    second = ada.sign_in()
    plain = Member(ada.postern, "plain@example.org").sign_in()
    recovered = ada.sign_in_with_recovery_code()
    for token, expected in ((plain, "aal1"), (second, "aal2"), (recovered, "aal2")):
        for path in ("/auth/request", "/auth/forward"):
            answer = ada.postern.get(path, headers={"Cookie": f"postern={token}"})
            assert (answer.status_code, answer.headers["Remote-Assurance"]) == (200, expected)


def test_an_app_is_added_or_removed_only_with_a_proof_of_minutes_ago(ada):
    token = ada.sign_in()
    [app] = ada.apps(token).values()
    ada.postern.minutes_pass(5)
    add = ("POST", "/auth/v1/account/authenticators", {"name": "Tablet"})
    remove = ("DELETE", f"/auth/v1/account/authenticators/{app}")
    for act in (add, remove, ("POST", "/auth/v1/account/recovery-codes", {})):
        answer = ada.call(token, *act)
        assert reason(answer) == (403, "step-up-required")
        assert answer.json()["methods"] == ["totp", "recovery_code"]
    password = ada.call(token, "POST", "/auth/v1/session/step-up", {"method": "password", "password": PASSWORD})
    assert password.status_code == 403, "a password is less than the account has"
    assert ada.step_up(token, ada.phone.code()).status_code == 204
    assert ada.call(token, *add).status_code == 201
    assert ada.call(token, *remove).status_code == 204


def test_trust_in_a_browser_spares_the_second_step_and_ends_with_any_change_of_apps(make_postern):
    postern = make_postern(settings="second-factor: {trusted-browsers: 30d}\n").start()
    ada = Member(postern, "ada@example.org").with_app()
    done = ada.finish(ada.attempt(), ada.phone.code(), trust=True).json()
    trust = done["trust"]
    begun = ada.begin(trust=trust)
    assert (begun["next"], begun["session"]["assurance"]) == ("done", "aal1")
    assert ada.begin(trust=trust[:-1] + ("A" if trust[-1] != "A" else "Q"))["next"] == "second_factor"
    eve = Member(postern, "eve@example.org").with_app()
    assert eve.begin(trust=trust)["next"] == "second_factor", "trust is one account's"

    second, _ = ada.add_app(ada.sign_in_with_recovery_code(), "Tablet")
    assert ada.begin(trust=trust)["next"] == "second_factor", "an app was added"
    trust = ada.finish(ada.attempt(), second.code(), trust=True).json()["trust"]
    token = ada.sign_in_with_recovery_code()
    assert ada.begin(trust=trust)["next"] == "done"
    assert ada.call(token, "DELETE", f"/auth/v1/account/authenticators/{ada.apps(token)['My phone']}").status_code == 204
    assert ada.begin(trust=trust)["next"] == "second_factor", "an app was removed"


def test_without_the_setting_no_browser_is_trusted(ada):
    done = ada.finish(ada.attempt(), ada.phone.code(), trust=True)
    assert done.status_code == 200 and done.json().get("trust") is None


# Mail, logs and files.


def test_every_change_is_told_by_mail_and_no_secret_is_anywhere(postern):
    ada = Member(postern, "ada@example.org").with_app()
    added = wait_for("the mail", lambda: postern.letter(ada.email, "An authenticator app was added"))
    assert "My phone" in added["text"]
    token = ada.sign_in_with_recovery_code()
    used = wait_for("the mail", lambda: postern.letter(ada.email, "A recovery code was used"))
    assert "9 of 10 are left" in used["text"].replace("\n", " ")
    fresh = ada.call(token, "POST", "/auth/v1/account/recovery-codes", {}).json()["recovery_codes"]
    wait_for("the mail", lambda: postern.letter(ada.email, "You have new recovery codes"))
    pending = ada.call(token, "POST", "/auth/v1/account/authenticators", {"name": "Tablet"}).json()["secret"]
    # Right and wrong ones, where errors might repeat them.
    ada.finish(ada.attempt(), ada.phone.code())
    ada.finish(ada.attempt(), ada.codes[0], "recovery_code")
    ada.postern.get("/auth/sign-in/second-factor", params={"code": "none"})
    assert_no_secret_is_kept(postern, [ada.phone.secret, pending], [*ada.codes, *fresh])
    assert ada.call(token, "DELETE", f"/auth/v1/account/authenticators/{ada.apps(token)['My phone']}").status_code == 204
    removed = wait_for("the mail", lambda: postern.letter(ada.email, "An authenticator app was removed"))
    assert "My phone" in removed["text"]
    postern.stop()
    assert_no_secret_is_kept(postern, [ada.phone.secret, pending], [*ada.codes, *fresh])


def assert_no_secret_is_kept(postern: Postern, secrets: list[str], codes: list[str]) -> None:
    """Not in a file of the data directory, in the log or on the terminal, nor in a mail."""
    places = {file.name: file.read_bytes() for file in postern.data.iterdir()}
    assert "postern.sqlite" in places
    places |= {"the log": postern.log().encode(), "the terminal": postern.output().encode()}
    if postern.process.lives:
        places["the mail"] = json.dumps(postern.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()).encode()
    traces = [code.encode() for code in codes] + [code.replace("-", "").encode() for code in codes]
    traces += [secret.lower().encode() for secret in secrets] + [base64.b32decode(secret).hex().encode() for secret in secrets]
    for place, content in places.items():
        small = content.lower()
        assert not any(trace in small for trace in traces), f"a secret stands in {place}"
        assert not any(base64.b32decode(secret) in content for secret in secrets), f"a raw secret stands in {place}"
