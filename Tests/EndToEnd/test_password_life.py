"""A mailed link to choose another password: it works once, ends what was open, and nobody is told whether there is an account."""

import re

import pytest

from parts.choosing import (
    ANOTHER, CHANGE_MAIL, LINK_MAIL, NEXT, ask, asked_link, asked_token, change, choose_at_sign_in, jobs, links, minutes_pass, reset, rows)
from parts.member import Member
from parts.postern import PASSWORD, Postern, at_once, link_in, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor
from test_setup import setup_link

ADA = "ada@example.org"
RESET, FORGOT = "/auth/reset-password", "/auth/forgot-password"
BUSY = "hashing: {queue: 200}\n"


@pytest.fixture
def ada(postern) -> Member:
    return Member(postern, ADA)


def open_link(postern: Postern, link: str) -> Visitor:
    """A browser that has followed the link."""
    visitor = Visitor(postern)
    landed = visitor.get(link.removeprefix(postern.public_url))
    assert (landed.status_code, landed.headers["Location"]) == (303, RESET)
    return visitor


# A link works once, and ends what the old password opened.


@pytest.mark.parametrize("how", ["page", "program"])
def test_a_link_works_once_and_the_old_password_no_more(postern, ada, how):
    """RC-06, RC-07."""
    link = asked_link(postern, ADA)
    if how == "page":
        visitor = open_link(postern, link)
        copy = Visitor(postern, visitor.cookies)
        copy_token = Page(copy.get(RESET).text).form_token
        done = visitor.post(RESET, RESET, password=NEXT)
        assert (done.status_code, done.headers["Location"]) == (303, "/auth/sign-in?done=reset")
        assert "postern-link" not in visitor.cookies, "the spent link stays in the browser"
        again = copy.send("POST", RESET, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": copy_token, "password": ANOTHER})
        assert again.status_code == 410 and "This link doesn’t work any more" in again.text, "the same form twice"
        assert copy.get(RESET).status_code == 410
    else:
        assert reset(postern, link.rsplit("/", 1)[1]).status_code == 204
    assert reason(reset(postern, link.rsplit("/", 1)[1], ANOTHER)) == (410, "link-invalid")
    assert [postern.try_sign_in(ADA, password).status_code for password in (PASSWORD, NEXT, ANOTHER)] == [401, 200, 401]


def test_of_many_who_use_a_link_at_once_one_sets_the_password(make_postern):
    """RC-06: each with a password of its own, half of them by page."""
    postern = make_postern(settings=BUSY).start()
    postern.make_account(ADA)
    link = asked_link(postern, ADA)
    passwords = [f"{NEXT} number {number}" for number in range(16)]
    visitors = [open_link(postern, link) for _ in passwords[::2]]
    tokens = [Page(visitor.get(RESET).text).form_token for visitor in visitors]
    forms = [lambda visitor=visitor, token=token, password=password: visitor.send(
        "POST", RESET, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": token, "password": password})
        for visitor, token, password in zip(visitors, tokens, passwords[::2])]
    calls = [lambda password=password: reset(postern, link.rsplit("/", 1)[1], password) for password in passwords[1::2]]
    answers = [answer.status_code for answer in at_once(forms + calls)]
    assert sorted(answers) in ([204] + [410] * 15, [303] + [410] * 15), answers
    winner = next(number for number, status in enumerate(answers) if status != 410)
    assert postern.try_sign_in(ADA, (passwords[::2] + passwords[1::2])[winner]).status_code == 200
    assert wait_for("the mail", lambda: postern.letter(ADA, CHANGE_MAIL))
    assert sum(letter["subject"].startswith(CHANGE_MAIL) for letter in postern.letters(ADA)) == 1


def test_a_reset_ends_sessions_half_made_sign_ins_trust_and_links_and_still_asks_for_the_second_factor(make_postern):
    """RC-08, RC-09."""
    postern = make_postern(settings="second-factor: {trusted-browsers: 30d}\n").start()
    ada, eve = Member(postern, ADA).with_app(), Member(postern, "eve@example.org")
    done = ada.finish(ada.attempt(), ada.codes.pop(), "recovery_code", trust=True).json()
    session, trust = done["session"]["token"], done["trust"]
    other = Visitor(postern, {"postern-trust": trust})
    assert other.sign_in(ADA, PASSWORD).headers["Location"] == "/auth/account", "the trust counts before"
    half, eves = ada.attempt(), eve.sign_in()
    token = asked_token(postern, ADA)

    assert reset(postern, token).status_code == 204
    assert [postern.gate_status(held) for held in (session, other.cookies["postern"], eves)] == [401, 401, 200]
    assert postern.session_status(session) == 401
    assert reason(ada.finish(half, ada.phone.code())) == (401, "attempt-over")
    ada.password = NEXT
    assert ada.begin(trust=trust)["next"] == "second_factor", "trust outlived the password"
    assert ada.assurance(ada.sign_in()) == "aal2"
    letter = wait_for("the mail", lambda: postern.letter(ADA, CHANGE_MAIL))
    assert NEXT not in letter["text"] and "/auth/reset-password" not in letter["text"]


# A sign-in is looked after a moment later.
LOOKED_AFTER = ("sign_in_attempt", "place_day", "sign_in_habit", "sign_in_whereabouts")


def test_asking_and_opening_a_link_change_nothing(postern, ada):
    """RC-12, RC-15: neither the page, nor a mail scanner that follows every link, nor its HEAD."""
    session = ada.sign_in()
    before = rows(postern, "password_reset", "password_reset_mail", "job", "notice", "audit_event", *LOOKED_AFTER)
    link = asked_link(postern, ADA)
    assert rows(postern, "password_reset", "password_reset_mail", "job", "notice", "audit_event", *LOOKED_AFTER) == before
    wait_for("the mail's job to be done", lambda: all("ready" not in repr(row) for row in rows(postern)["job"]))
    path, before = link.removeprefix(postern.public_url), rows(postern, *LOOKED_AFTER)
    for method in ["GET", "HEAD"] * 3:
        visitor = Visitor(postern)
        landed = visitor.send(method, path)
        assert (landed.status_code, landed.headers["Location"]) == (303, RESET)
        assert visitor.send(method, RESET).status_code == 200
        assert visitor.send(method, RESET).status_code == 200
    assert rows(postern, *LOOKED_AFTER) == before
    for method in ("POST", "PUT", "DELETE"):
        assert postern.request(method, path).status_code == 405
    assert postern.session_status(session) == 200 and postern.try_sign_in(ADA).status_code == 200
    assert reset(postern, link.rsplit("/", 1)[1]).status_code == 204


def test_a_later_link_ends_the_earlier_one(postern, ada):
    """RC-06."""
    first = asked_link(postern, ADA)
    minutes_pass(postern, 3)
    waiting = open_link(postern, first)
    second = asked_link(postern, ADA)
    assert first != second
    assert waiting.get(RESET).status_code == 410
    assert reason(reset(postern, first.rsplit("/", 1)[1])) == (410, "link-invalid")
    assert reset(postern, second.rsplit("/", 1)[1]).status_code == 204


def test_a_link_is_over_after_an_hour(postern, ada):
    token = asked_token(postern, ADA)
    minutes_pass(postern, 59)
    assert reason(reset(postern, token, "password")) == (422, "password-common"), "it is over too soon"
    minutes_pass(postern, 1)
    assert reason(reset(postern, token)) == (410, "link-invalid")
    assert postern.try_sign_in(ADA).status_code == 200


def test_a_change_of_the_password_and_a_closed_account_end_a_link(postern, ada):
    bob = Member(postern, "bob@example.org")
    token, bobs = asked_token(postern, ADA), asked_token(postern, bob.email)
    assert change(postern, ada.sign_in(), PASSWORD).status_code == 204
    assert reason(reset(postern, token, ANOTHER)) == (410, "link-invalid")
    assert postern.try_sign_in(ADA, NEXT).status_code == 200
    postern.command("account", "disable", bob.email)
    assert reason(reset(postern, bobs)) == (410, "link-invalid")
    postern.command("account", "enable", bob.email)
    assert [postern.try_sign_in(bob.email, password).status_code for password in (PASSWORD, NEXT)] == [200, 401]


def test_the_landing_takes_the_token_out_of_the_address_and_nothing_keeps_it(postern, ada):
    """RC-13."""
    link = asked_link(postern, ADA)
    token = link.rsplit("/", 1)[1]
    landed = postern.get(link.removeprefix(postern.public_url), headers={"Accept": "text/html"})
    assert landed.headers["Referrer-Policy"] == "no-referrer" and "no-store" in landed.headers["Cache-Control"]
    assert token not in landed.headers["Location"] + landed.text
    [cookie] = [line for line in landed.raw.headers.getlist("Set-Cookie") if token in line]
    assert cookie.startswith(f"postern-link={token}; ") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert 0 < int(re.search(r"Max-Age=(\d+)", cookie)[1]) <= 3_600
    assert token not in open_link(postern, link).get(RESET).text
    files = [path.read_bytes() for path in [*postern.data.rglob("*"), postern.process.log, postern.process.out] if path.is_file()]
    assert len(files) >= 4 and not [file for file in files if token.encode() in file], "the token can be read on the disk"


# A link of one purpose opens nothing else.


def test_tokens_of_one_purpose_fail_at_every_other_door(postern, ada):
    """RC-07."""
    ada.with_app()
    postern.sign_up("bob@example.org")
    tokens = {
        "reset": asked_token(postern, ADA), "confirm": postern.mailed_link("bob@example.org").rsplit("/", 1)[1],
        "setup": setup_link(postern.output()).rsplit("/", 1)[1], "session": ada.sign_in_with_recovery_code(), "attempt": ada.attempt(),
    }
    accounts = rows(postern)["account"]
    for kind, token in tokens.items():
        fails_elsewhere(postern, kind, token)
    assert rows(postern)["account"] == accounts
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner").sign_in()})
    owner.post("/auth/admin/people", "/auth/admin/invitations", email="new@example.org")
    fails_elsewhere(postern, "invitation", postern.mailed_link("new@example.org").rsplit("/", 1)[1])
    assert reset(postern, tokens["reset"]).status_code == 204, "something used it up"


def fails_elsewhere(postern: Postern, kind: str, token: str) -> None:
    """At its own door it is known, and refused for what else was sent."""
    answers = {
        "reset": reset(postern, token, "password"), "attempt": choose_at_sign_in(postern, token),
        "confirm": postern.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": ANOTHER}),
        "session": postern.get("/auth/v1/session", headers={"Authorization": f"Bearer {token}"}),
    }
    # A sign-in that waits for a code is none that waits for a password.
    strange = {"reset": (410, "link-invalid"), "attempt": (401, "attempt-over"), "confirm": (410, "link-invalid"), "session": (401, "sign-in-needed")}
    own = {"reset": (422, "password-common"), "confirm": (401, "wrong-credentials"), "session": (200, "")}
    for door, answer in answers.items():
        assert reason(answer) == (own if door == kind else strange).get(door, strange[door]), f"{kind} at {door}"
    visitor = Visitor(postern, {"postern-link": token})
    form_token = Page(visitor.get("/auth/sign-in").text).form_token
    for door, path in {"reset": RESET, "invitation": "/auth/invitation", "setup": "/auth/setup", "confirm": "/auth/confirm"}.items():
        answer = visitor.send("POST", path, headers={"Sec-Fetch-Site": "same-origin"}, data={
            "form_token": form_token, "password": "password", "email": "x@example.org"})
        assert answer.status_code == (410 if door != kind else 401 if door == "confirm" else 422), f"{kind} at {path}: {answer.status_code}"


# To whom a mail goes, and who is told nothing.


def test_the_mail_goes_to_the_address_as_it_was_signed_up_with(postern):
    """RC-10."""
    stored = "Ada.Lovelace@example.org"
    assert postern.sign_up("Ada.Lovelace@EXAMPLE.org").status_code == 202
    token = postern.mailed_link(stored).rsplit("/", 1)[1]
    assert postern.request("POST", "/auth/v1/accounts/confirm", json={"token": token, "password": PASSWORD}).status_code in (200, 204)
    for number, spelling in enumerate(["ada.lovelace@example.org", " ADA.LOVELACE@Example.Org\t", "aDa.lOvElAcE@eXaMpLe.oRg"], 1):
        assert ask(postern, spelling).status_code == 202
        wait_for("the mail", lambda: len(links(postern, stored)) == number)
        minutes_pass(postern, 61)
    letters = postern.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()
    assert {letter["to"] for letter in letters} == {stored}


@pytest.mark.parametrize("address", [
    "аda@example.org", "ada@exаmple.org", "ada@ex\u0430mple.org", "ａda@example.org", "ada@example。org", "ada\u200b@example.org", "ad\u00e5@example.org",
    "ada@example.org\r\nBcc: eve@example.com", "ada@example.org,eve@example.com", "ada@example.org eve@example.com", "<ada@example.org>",
    "ada@example.org\u0000", "ada@example.org@eve.example", "\"ada\"@example.org", "ada@example", "@example.org", "", "a" * 65 + "@example.org",
    "ada@" + "a" * 250 + ".org",
], ids=ascii)
def test_an_address_that_only_looks_like_one_gets_nothing(postern, ada, address):
    """RC-10."""
    before = jobs(postern)
    answer = ask(postern, address)
    assert reason(answer) in ((422, "email-invalid"), (400, "malformed"))
    page = Visitor(postern).post(FORGOT, FORGOT, email=address)
    assert page.status_code == (400 if "\0" in address else 422)
    assert jobs(postern) == before and rows(postern)["password_reset"] == []


def test_addresses_that_differ_by_a_letter_are_others(postern, ada):
    """RC-10: dots, plus signs and the ASCII form of a look-alike are somebody else's."""
    before = jobs(postern)
    for address in ("ada@xn--exmple-cua.org", "a.da@example.org", "ada+reset@example.org", "ada@example.org.evil.example", "ada@example.com"):
        assert ask(postern, address).status_code == 202
    assert jobs(postern) == before


@pytest.mark.parametrize("surface", ["page", "program"])
def test_every_address_gets_the_same_answer_and_only_an_open_account_a_mail(postern, surface):
    """LG-03: unknown, not confirmed, closed, invited, and one that was just asked for."""
    postern.make_account("known@example.org")
    postern.make_account("close@example.org")
    postern.command("account", "disable", "close@example.org")
    postern.sign_up("fresh@example.org")
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner").sign_in()})
    owner.post("/auth/admin/people", "/auth/admin/invitations", email="guest@example.org")
    wait_for("both mails", lambda: postern.letters("fresh@example.org") and postern.letters("guest@example.org"))
    before, seen = jobs(postern), {}
    for email in ("known@example.org", "known@example.org", "KNOWN@example.org", "close@example.org", "fresh@example.org", "guest@example.org",
                  "nobody@example.org"):
        if surface == "page":
            visitor = Visitor(postern, {"postern-browser": "A" * 43})
            answer = visitor.post(FORGOT, FORGOT, email=email)
        else:
            answer = ask(postern, email)
        headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in ("date", "x-request-id")}
        body = answer.text.replace(email, "ADDRESS")
        seen[answer.status_code, tuple(sorted(headers.items())) if len(email) == 17 else (), body] = email
        assert answer.status_code == 202
    assert len({body for _, _, body in seen}) == 1
    assert len({headers for _, headers, _ in seen if headers}) <= 2, "they differ by more than the length of the address"
    assert jobs(postern) == before + 1
    wait_for("the mail", lambda: links(postern, "known@example.org"))
    letters = postern.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()
    assert [letter["to"] for letter in letters if letter["subject"].startswith(LINK_MAIL)] == ["known@example.org"]


HOSTS = [
    {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example;proto=https;for=1.2.3.4"}, {"X-Forwarded-Server": "evil.example"},
    {"X-Host": "evil.example"}, {"X-Original-Host": "evil.example"}, {"X-HTTP-Host-Override": "evil.example"}, {"X-Original-URL": "https://evil.example/"},
    {"X-Rewrite-URL": "https://evil.example/"}, {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "444"}, {"X-Forwarded-Prefix": "//evil.example"},
    {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"},
]


def test_no_header_changes_where_a_link_leads(postern, ada):
    """RC-11."""
    for number, headers in enumerate(HOSTS, 1):
        answer = ask(postern, ADA, headers=headers)
        assert answer.status_code == 202, f"{headers}: {answer.text}"
        found = wait_for("the mail", lambda: links(postern, ADA)[number - 1:] and links(postern, ADA))
        assert re.fullmatch(re.escape(postern.public_url) + r"/auth/reset-password/[\w-]{43}", found[0]), f"{headers}: {found[0]}"
        letter = postern.letters(ADA)[0]
        assert "evil" not in letter["text"] + letter["html"]
        minutes_pass(postern, 61)
    before = jobs(postern)
    for host in ("evil.example", "evil.example:" + str(postern.port), f"{postern.authority}@evil.example", f"{postern.authority}.evil.example"):
        refused = ask(postern, ADA, headers={"Host": host})
        assert refused.status_code in (400, 421), f"{host}: {refused.status_code}"
    assert jobs(postern) == before


def test_500_requests_give_one_mail_and_a_day_of_them_five_an_hour(postern, ada):
    """RC-14."""
    before = jobs(postern)

    def many():
        visitor = Visitor(postern)
        token = Page(visitor.get(FORGOT).text).form_token
        for number in range(25):
            email = ADA.upper() if number % 3 else ADA
            if number % 2:
                answer = visitor.send("POST", FORGOT, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": token, "email": email})
            else:
                answer = ask(postern, email)
            assert answer.status_code == 202
        return 25
    assert sum(at_once([many] * 20)) == 500
    assert jobs(postern) == before + 1
    for _ in range(19):
        minutes_pass(postern, 3)
        assert ask(postern, ADA).status_code == 202
    assert jobs(postern) == before + 5
    minutes_pass(postern, 61)
    assert ask(postern, ADA).status_code == 202 and jobs(postern) == before + 6
    wait_for("the mails", lambda: len(links(postern, ADA)) == 6)
    assert reset(postern, links(postern, ADA)[0].rsplit("/", 1)[1]).status_code == 204, "the last one doesn't work"


# After a power failure.


def test_a_link_survives_a_kill_and_nothing_else_changed(postern, ada):
    session, token = ada.sign_in(), asked_token(postern, ADA)
    changing = ("job", "session", "audit_event", "setup_link")
    before = rows(postern, *changing, *LOOKED_AFTER)
    postern.process.kill()
    postern.start()
    assert rows(postern, *changing, *LOOKED_AFTER) == before
    assert postern.session_status(session) == 200 and postern.try_sign_in(ADA).status_code == 200
    assert ask(postern, ADA).status_code == 202 and rows(postern)["password_reset"] == before["password_reset"], "two minutes are forgotten"
    assert reset(postern, token).status_code == 204
    assert postern.session_status(session) == 401
    assert [postern.try_sign_in(ADA, password).status_code for password in (PASSWORD, NEXT)] == [401, 200]
    postern.process.kill()
    postern.start()
    assert reason(reset(postern, token, ANOTHER)) == (410, "link-invalid"), "after a kill it works again"
    assert [postern.try_sign_in(ADA, password).status_code for password in (PASSWORD, NEXT)] == [401, 200]


def test_a_mail_that_was_asked_for_before_a_kill_is_sent_after_it(mailing, sink):
    """The mail server is down until then."""
    postern = mailing()
    postern.make_account(ADA)
    assert ask(postern, ADA).status_code == 202
    postern.process.kill()
    sink.start()
    postern.start()
    [letter] = wait_for("the mail", lambda: sink.letters, 20)
    token = link_in(letter.part("plain").replace("\r\n", "\n")).rsplit("/", 1)[1]
    assert reset(postern, token).status_code == 204
    assert postern.try_sign_in(ADA, NEXT).status_code == 200
