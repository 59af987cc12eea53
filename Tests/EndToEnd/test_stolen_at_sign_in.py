"""A password that turns out to be stolen opens nothing any more, where the settings say so: another is chosen by mail, or after the second factor."""

import pytest

from parts.choosing import ANOTHER, CHANGE_MAIL, NEXT, StolenList, ask, asked_token, choose_at_sign_in, links, minutes_pass, reset, rows
from parts.member import Member
from parts.postern import PASSWORD, Postern, at_once, reason
from parts.processes import wait_for
from parts.range_service import RangeService
from parts.visitor import Visitor
from test_half_made_sign_in import BEARERS, described_doors, opens_no_door, page_doors

ADA = "ada@example.org"
SIGN_IN, STEP, CHANGE = "/auth/sign-in", "/auth/sign-in/second-factor", "/auth/sign-in/change-password"
TRUST = "second-factor: {trusted-browsers: 30d}\n"
STOLEN = (403, "password-stolen")


@pytest.fixture
def stolen(binary, tmp_path) -> StolenList:
    return StolenList(binary, tmp_path / "list")


@pytest.fixture
def make_house(make_postern, stolen):
    """Starts a server that holds passwords against a list at sign-in; nothing of use is on it yet."""
    def make(at_sign_in: str, more: str = "") -> Postern:
        return make_postern(settings=stolen.settings(at_sign_in) + more).start()
    return make


def proved(member: Member, code: str | None = None, method: str = "totp", **more) -> str:
    """A sign-in that waits for nothing but another password."""
    done = member.finish(member.attempt(), code or member.phone.code(), method, **more)
    assert done.status_code == 200 and set(done.json()) == {"next", "attempt", "methods"}, done.text
    assert (done.json()["next"], done.json()["methods"]) == ("change_password", []) and "Set-Cookie" not in done.headers
    return done.json()["attempt"]


# A link is mailed.


@pytest.mark.parametrize("at_sign_in, has_app", [("reset", False), ("reset", True), ("change", False)])
def test_a_stolen_password_opens_nothing_and_a_link_is_mailed_once(make_house, stolen, at_sign_in, has_app):
    postern = make_house(at_sign_in)
    ada, bob = Member(postern, ADA), Member(postern, "bob@example.org")
    bob_before = postern.sign_in(bob.email)
    if has_app:
        ada.with_app()
    open_before = ada.sign_in()
    seen_before = [row for row in rows(postern)["session"]]
    stolen.spreads(postern, PASSWORD)

    answer = postern.try_sign_in(ADA)
    assert reason(answer) == STOLEN and "mailed you a link" in answer.json()["detail"] and "Set-Cookie" not in answer.headers
    visitor = Visitor(postern)
    page = visitor.sign_in(ADA, PASSWORD)
    assert page.status_code == 403 and "We mailed you a link: choose another with it, then sign in." in page.text
    assert not {"postern", "postern-attempt"} & set(visitor.cookies)
    assert reason(postern.try_sign_in(ADA, "not the password")) == (401, "wrong-credentials"), "it says that this one isn't hers"
    assert [row[:3] for row in rows(postern)["session"]] == [row[:3] for row in seen_before]
    assert postern.gate_status(open_before) == postern.gate_status(bob_before) == 200

    [link] = wait_for("the mail", lambda: links(postern, ADA))
    assert links(postern, "bob@example.org") == []
    token = link.rsplit("/", 1)[1]
    assert reason(reset(postern, token, PASSWORD)) == (422, "password-breached")
    assert reset(postern, token).status_code == 204
    assert postern.gate_status(open_before) == 401
    assert postern.try_sign_in(ADA, NEXT).json()["next"] == ("second_factor" if has_app else "done")
    assert reason(postern.try_sign_in(ADA)) == (401, "wrong-credentials")


def test_a_refused_sign_in_is_not_noted_as_the_last_one(make_house, stolen):
    postern = make_house("reset")
    postern.make_account(ADA)
    stolen.spreads(postern, PASSWORD)
    assert reason(postern.try_sign_in(ADA)) == STOLEN
    assert "refused" in repr(rows(postern)["sign_in_attempt"])
    [account] = postern.accounts()
    assert not account.get("last_sign_in_at"), "nobody got in, and the account says that somebody did"


def test_links_after_a_stolen_password_count_with_those_that_were_asked_for(make_house, stolen):
    """RC-14: whoever has the password can't flood its owner."""
    postern = make_house("reset")
    postern.make_account(ADA)
    stolen.spreads(postern, PASSWORD)
    ask(postern, ADA)
    for _ in range(20):
        assert reason(postern.try_sign_in(ADA)) == STOLEN
    assert len(wait_for("the mail", lambda: links(postern, ADA))) == 1
    before = rows(postern)["password_reset"]
    for _ in range(15):
        minutes_pass(postern, 3)
        assert reason(postern.try_sign_in(ADA)) == STOLEN
    wait_for("five mails", lambda: len(links(postern, ADA)) == 5)
    assert rows(postern)["password_reset"] != before and len(rows(postern)["password_reset"]) == 1


def test_with_warn_a_stolen_password_still_signs_in(make_house, stolen):
    postern = make_house("warn")
    ada = Member(postern, ADA).with_app()
    stolen.spreads(postern, PASSWORD)
    assert ada.assurance(ada.sign_in_with_recovery_code()) == "aal2"
    assert links(postern, ADA) == []


# After the second factor it is changed on the spot.


@pytest.mark.parametrize("method", ["totp", "recovery_code"])
def test_after_the_second_factor_another_password_is_chosen_and_opens_a_session(make_house, stolen, method):
    """PW-15."""
    postern = make_house("change")
    ada = Member(postern, ADA).with_app()
    open_before = ada.sign_in_with_recovery_code()
    link = asked_token(postern, ADA)
    stolen.spreads(postern, PASSWORD)
    first = ada.attempt()
    assert reason(choose_at_sign_in(postern, first)) == (401, "attempt-over"), "before the second factor"
    assert reason(ada.finish(first, ada.phone.wrong())) == (401, "wrong-code")
    other_half = ada.attempt()
    attempt = proved(ada, ada.phone.code() if method == "totp" else ada.codes.pop(), method)
    assert reason(choose_at_sign_in(postern, first)) == (401, "attempt-over")
    for password, why in {PASSWORD: "password-breached", "password": "password-common", "lantern1": "password-too-weak", "short": "password-too-short"}.items():
        assert reason(choose_at_sign_in(postern, attempt, password)) == (422, why)
    assert reason(ada.finish(attempt, ada.codes[-1], "recovery_code")) == (401, "attempt-over"), "it takes codes"
    assert postern.gate_status(open_before) == 200

    done = choose_at_sign_in(postern, attempt)
    assert done.status_code == 200 and done.json()["next"] == "done" and done.json()["session"]["assurance"] == "aal2"
    assert [postern.gate_status(held) for held in (done.json()["session"]["token"], open_before)] == [200, 401]
    assert reason(choose_at_sign_in(postern, attempt, ANOTHER)) == (401, "attempt-over")
    assert reason(ada.finish(other_half, ada.codes[-1], "recovery_code")) == (401, "attempt-over")
    assert reason(reset(postern, link, ANOTHER)) == (410, "link-invalid"), "an older link outlived it"
    assert wait_for("the mail", lambda: postern.letter(ADA, CHANGE_MAIL))
    assert [postern.try_sign_in(ADA, password).status_code for password in (PASSWORD, NEXT, ANOTHER)] == [401, 200, 401]


def test_of_many_choices_at_once_one_counts(make_house, stolen):
    postern = make_house("change", "hashing: {queue: 100}\n")
    ada = Member(postern, ADA).with_app()
    stolen.spreads(postern, PASSWORD)
    attempts = [proved(ada), proved(ada, ada.codes.pop(), "recovery_code")]
    passwords = [f"{NEXT} number {number}" for number in range(12)]
    answers = at_once([lambda attempt=attempt, password=password: choose_at_sign_in(postern, attempt, password)
                       for attempt, password in zip(attempts * 6, passwords)])
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200] + [401] * 11
    assert postern.try_sign_in(ADA, passwords[statuses.index(200)]).status_code == 200
    assert len(rows(postern)["session"]) == 1


def test_trust_in_a_browser_is_no_second_factor_for_it(make_house, stolen):
    """PW-15."""
    postern = make_house("change", TRUST)
    ada = Member(postern, ADA).with_app()
    trust = ada.finish(ada.attempt(), ada.codes.pop(), "recovery_code", trust=True).json()["trust"]
    assert ada.begin(trust=trust)["next"] == "done"
    stolen.spreads(postern, PASSWORD)
    begun = ada.begin(trust=trust)
    assert begun["next"] == "second_factor" and "session" not in begun
    visitor = Visitor(postern, {"postern-trust": trust})
    assert visitor.sign_in(ADA, PASSWORD).headers["Location"].startswith(STEP) and "postern" not in visitor.cookies
    attempt = proved(ada, trust=True)
    assert choose_at_sign_in(postern, attempt).status_code == 200
    ada.password = NEXT
    assert ada.begin(trust=trust)["next"] == "second_factor", "trust outlived the stolen password"


def test_a_half_made_sign_in_is_over_once_the_password_or_the_account_changes(make_house, stolen):
    postern = make_house("change")
    ada = Member(postern, ADA).with_app()
    link = asked_token(postern, ADA)
    stolen.spreads(postern, PASSWORD)
    attempt = proved(ada)
    assert reset(postern, link).status_code == 204
    assert reason(choose_at_sign_in(postern, attempt, ANOTHER)) == (401, "attempt-over")
    eve = Member(postern, "eve@example.org", password=NEXT).with_app()
    stolen.spreads(postern, NEXT)
    attempt = proved(eve)
    postern.command("account", "disable", eve.email)
    assert reason(choose_at_sign_in(postern, attempt, ANOTHER)) == (401, "attempt-over")
    postern.command("account", "enable", eve.email)
    assert postern.try_sign_in(eve.email, ANOTHER).status_code == 401


def test_the_password_that_had_to_go_is_not_chosen_again_while_no_list_answers(make_postern):
    """PW-15: another is asked for, and what a service found yesterday holds while it is silent today."""
    service = RangeService()
    try:
        service.start()
        postern = make_postern(settings=f"password: {{breached: {{url: '{service.url}', at-sign-in: change}}}}\n").start()
        ada, bob = Member(postern, ADA).with_app(), Member(postern, "bob@example.org")
        service.lists(PASSWORD)
        for member in (ada, bob):
            postern.try_sign_in(member.email)
        wait_for("the service's word", lambda: len(rows(postern)["breached_password"]) == 2, 20)
        service.always = "error"
        assert reason(postern.try_sign_in(bob.email)) == STOLEN
        [link] = wait_for("the mail", lambda: links(postern, bob.email))
        attempt = proved(ada)
        refused = [choose_at_sign_in(postern, attempt, PASSWORD), reset(postern, link.rsplit("/", 1)[1], PASSWORD)]
        assert [answer.status_code for answer in refused] == [422, 422], "the stolen password was taken again"
    finally:
        service.stop()


# What waits for another password opens no other door.


@pytest.fixture(scope="module")
def half(binary, tmp_path_factory):
    """An owner whose sign-in waits for another password, and every door that is there."""
    stolen = StolenList(binary, tmp_path_factory.mktemp("list"))
    postern = Postern(binary, tmp_path_factory.mktemp("half"), settings=stolen.settings("change")).start()
    owner = Member(postern, "owner@example.org", "owner").with_app()
    Member(postern, ADA)
    pages = sorted(page_doors(Visitor(postern, {"postern": owner.sign_in()})))
    stolen.spreads(postern, PASSWORD)
    yield owner, proved(owner), described_doors(postern), pages
    postern.stop()


@pytest.mark.parametrize("how", BEARERS)
def test_a_sign_in_that_waits_for_another_password_opens_no_other_door(half, how):
    """PW-15, SE-05."""
    owner, attempt, described, pages = half
    assert ("GET", "/auth/account/password") in pages and ("POST", "/auth/v1/sign-in/change-password", True) in described
    opens_no_door(owner, attempt, described, pages, BEARERS[how](attempt))
    visitor = Visitor(owner.postern, **BEARERS[how](attempt))
    for path in (STEP, "/auth/sign-in/enrol"):
        assert Visitor(owner.postern, **BEARERS[how](attempt)).get(path).headers["Location"].startswith("/auth/sign-in?done=attempt-over")
    for path, fields in {"/auth/v1/sign-in/second-factor": {"method": "totp", "code": owner.phone.wrong()}, "/auth/v1/sign-in/authenticators": {"name": "x"}}.items():
        assert reason(visitor.send("POST", path, json={"attempt": attempt} | fields)) == (401, "attempt-over")
    cookie = "postern-attempt" in visitor.cookies
    assert (visitor.get(CHANGE).status_code == 200) == cookie, "only its own cookie leads to the choice"


def test_after_all_of_it_that_sign_in_was_alive_and_can_be_finished_once(half):
    owner, attempt, *_ = half
    done = choose_at_sign_in(owner.postern, attempt)
    assert done.status_code == 200 and owner.postern.session_status(done.json()["session"]["token"]) == 200
    assert reason(choose_at_sign_in(owner.postern, attempt, ANOTHER)) == (401, "attempt-over")
