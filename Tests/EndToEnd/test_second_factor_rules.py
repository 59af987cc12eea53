"""Who must have a second factor, and what those who run the place do about it."""

import json
import sqlite3
import time
from datetime import datetime, timedelta, timezone

from parts.member import Member
from parts.phone import Phone
from parts.postern import PASSWORD, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor

# Groups that ask for a second factor.


def staff(make_postern, grace: str = "") -> Member:
    """A member of a group that asks for a second factor."""
    postern = make_postern(settings=f"groups: {{staff: {{second-factor: {{required: yes{grace}}}}}}}\n").start()
    ada = Member(postern, "ada@example.org")
    ada.join("staff")
    return ada


def test_a_member_of_such_a_group_signs_in_by_adding_an_app(make_postern):
    ada = staff(make_postern)
    begun = ada.begin()
    assert begun["next"] == "enrol_second_factor" and "session" not in begun
    assert reason(ada.finish(begun["attempt"], "123456")) == (403, "second-factor-required")
    app = ada.postern.request("POST", "/auth/v1/sign-in/authenticators", json={"attempt": begun["attempt"], "name": "My phone"}).json()
    ada.phone = Phone(app["secret"])
    confirm = f"/auth/v1/sign-in/authenticators/{app['id']}/confirm"
    done = ada.postern.request("POST", confirm, json={"attempt": begun["attempt"], "code": ada.phone.code()}).json()
    assert (done["next"], done["session"]["assurance"], len(done["recovery_codes"])) == ("done", "aal2", 10)
    assert ada.assurance(done["session"]["token"]) == "aal2"
    again = ada.postern.request("POST", "/auth/v1/sign-in/authenticators", json={"attempt": begun["attempt"], "name": "Another"})
    assert reason(again) == (401, "attempt-over")
    assert ada.assurance(ada.sign_in()) == "aal2"


def test_a_half_made_sign_in_adds_no_app_beside_one_that_it_cannot_prove(postern):
    ada = Member(postern, "ada@example.org").with_app()
    begin = postern.request("POST", "/auth/v1/sign-in/authenticators", json={"attempt": ada.attempt(), "name": "Eve’s"})
    assert reason(begin) == (401, "attempt-over")


def test_with_a_grace_the_member_signs_in_until_it_is_over(make_postern):
    ada = staff(make_postern, ", grace: 7d")
    begun = ada.begin()
    due = datetime.fromisoformat(begun["enrol_by"])
    assert abs(due - datetime.now(timezone.utc) - timedelta(days=7)) < timedelta(minutes=1)
    assert begun["session"]["assurance"] == "aal1"
    time.sleep(1.1)
    assert ada.begin()["enrol_by"] == begun["enrol_by"], "each sign-in would put it off"
    visitor = Visitor(ada.postern)
    place = visitor.sign_in(ada.email, PASSWORD).headers["Location"]
    assert "Add an authenticator app before" in visitor.get(place).text
    with sqlite3.connect(ada.postern.sqlite) as database:
        database.execute("UPDATE second_factor SET required_since = required_since - ?", [7 * 86_400_000_000])
    assert ada.begin()["next"] == "enrol_second_factor"


# Administration.


def test_the_administration_opens_to_nobody_without_a_second_factor(make_postern):
    """AZ-05."""
    postern = make_postern(administration=None).start()
    boss = Member(postern, "boss@example.org", "administrator")
    visitor = Visitor(postern, {"postern": boss.sign_in()})
    for path in ("/auth/admin", "/auth/admin/people", f"/auth/admin/people/{boss.id}"):
        led = visitor.get(path)
        assert led.status_code == 303 and led.headers["Location"].startswith("/auth/account/step-up?return_to=%2Fauth%2Fadmin")
        assert visitor.get(led.headers["Location"]).headers["Location"].startswith("/auth/account/security?done=needed&return_to=%2Fauth%2Fadmin")
    assert visitor.post("/auth/account", f"/auth/admin/people/{boss.id}/join", group="staff").status_code == 403
    ada = Member(postern, "ada@example.org")
    assert Visitor(postern, {"postern": ada.sign_in()}).get("/auth/admin").status_code == 403
    boss.with_app()
    visitor.cookies["postern"] = boss.sign_in()
    assert visitor.get("/auth/admin").status_code == 200


def test_an_owner_with_an_app_who_gave_only_a_password_is_led_to_the_code_and_back(make_postern):
    postern = make_postern(administration=None, settings="second-factor: {trusted-browsers: 30d}\n").start()
    owner = Member(postern, "owner@example.org", "owner").with_app()
    trust = owner.finish(owner.attempt(), owner.phone.code(), trust=True).json()["trust"]
    visitor = Visitor(postern, {"postern": owner.begin(trust=trust)["session"]["token"]})
    step_up = visitor.get("/auth/admin/people").headers["Location"]
    fields = {"method": "totp", "return_to": "/auth/admin/people", "code": owner.phone.code()}
    assert visitor.post(step_up, "/auth/account/step-up", **fields).headers["Location"] == "/auth/admin/people"
    assert visitor.get("/auth/admin/people").status_code == 200


def test_an_owner_removes_the_factors_of_somebody_who_lost_them(make_postern):
    postern = make_postern(administration=None).start()
    owner, ada = Member(postern, "owner@example.org", "owner").with_app(), Member(postern, "ada@example.org").with_app()
    visitor, page = Visitor(postern, {"postern": owner.sign_in()}), f"/auth/admin/people/{ada.id}"
    session, attempt = ada.sign_in(), ada.attempt()
    assert page + "/reset-factors" in Page(visitor.get(page).text).actions
    postern.minutes_pass(5)
    led = visitor.post(page, page + "/reset-factors")
    assert led.headers["Location"].startswith("/auth/account/step-up?return_to=%2Fauth%2Fadmin%2Fpeople"), "an old proof is enough"
    assert ada.begin()["next"] == "second_factor"
    fields = {"method": "totp", "return_to": page, "code": owner.phone.code()}
    assert visitor.post(led.headers["Location"], "/auth/account/step-up", **fields).headers["Location"] == page
    assert visitor.post(page, page + "/reset-factors").headers["Location"] == page

    assert ada.begin()["next"] == "done"
    assert reason(ada.finish(attempt, ada.codes[0], "recovery_code")) == (401, "attempt-over")
    assert ada.assurance(session) == "aal1", "a proof by what was removed still counts"
    letter = wait_for("the mail", lambda: postern.letter(ada.email, "Your second factor was removed"))
    assert "An administrator removed all" in letter["text"] and PASSWORD not in letter["text"]
    assert "/reset-factors" not in visitor.get(page).text


def test_nobody_resets_their_own_factors_and_administrators_none_of_an_owner(postern):
    owner, boss = Member(postern, "owner@example.org", "owner").with_app(), Member(postern, "boss@example.org", "administrator").with_app()
    for actor, target in ((owner, owner), (boss, boss), (boss, owner)):
        visitor, page = Visitor(postern, {"postern": actor.sign_in()}), f"/auth/admin/people/{target.id}"
        assert page + "/reset-factors" not in Page(visitor.get(page).text).actions
        assert visitor.post(page, page + "/reset-factors").status_code == 403
        assert target.begin()["next"] == "second_factor"


# The command line.


def test_the_command_line_shows_and_removes_factors(postern):
    ada, run = Member(postern, "ada@example.org").with_app(), postern.command
    shown = json.loads(run("account", "factors", ada.email, "--json"))
    assert [app["name"] for app in shown["authenticators"]] == ["My phone"]
    assert (shown["recovery_codes_left"], shown["trusted_browsers"], shown["failures"], shown["stopped"]) == (10, 0, 0, False)
    attempt = ada.attempt()
    for _ in range(10):
        ada.finish(attempt, ada.phone.wrong())
    assert json.loads(run("account", "factors", ada.email, "--json"))["failures"] == 10
    assert json.loads(run("account", "factors", ada.email, "--lift-stop", "--json"))["failures"] == 0
    assert "My phone" in run("account", "factors", ada.email)
    token = ada.sign_in()

    assert run("account", "reset-factors", ada.email) == "ada@example.org has no second factor any more.\n"
    assert run("account", "reset-factors", ada.email) == "ada@example.org had none.\n"
    assert json.loads(run("account", "factors", ada.email, "--json"))["authenticators"] == []
    assert ada.begin()["next"] == "done"
    wait_for("the session to be worth less", lambda: ada.assurance(token) == "aal1", 2)
    wait_for("the mail", lambda: postern.letter(ada.email, "Your second factor was removed"))
    assert postern.run("account", "reset-factors", "nobody@example.org").returncode == 1
