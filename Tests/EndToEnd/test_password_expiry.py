"""Passwords that expire, may not come back or must stay a while, and administrators who ask for another (PW-13, PW-14, PW-15, PW-17)."""

import re
import sqlite3
import time

import pytest

from parts.choosing import ANOTHER, LINK_MAIL, NEXT, StolenList, asked_token, change, choose_at_sign_in, links, reset
from parts.expiry import DAY, days_pass, edit
from parts.member import Member
from parts.meter import shown
from parts.phone import Phone
from parts.postern import PASSWORD, Postern, link_in, reason
from parts.processes import wait_for
from parts.visitor import Visitor
from test_faults import start_in_vain
from test_half_made_sign_in import BEARERS, described_doors, opens_no_door, page_doors
from test_pages import save
from test_password_journey import ADA, cookie, give_code, sign_in, try_weak_then_good
from test_password_policy import verdict

CHANGE, PASSWORD_PAGE, PERSON = "/auth/sign-in/change-password", "/auth/account/password", "/auth/admin/people/"
CHOOSE = "Choose another password"
NINETY = "password: {expires-after: 90d, spread: 1s}\n"
# Letters alone, and with a digit.
PLAIN, MIXED = "walnut ferry postcard hinge", "walnut ferry postcard hinge 7"
EXPIRED = (403, "password-expired")


@pytest.fixture
def expiring(make_postern):
    """A server whose passwords last for 90 days."""
    return make_postern(settings=NINETY).start()


def waiting(postern: Postern, email: str = ADA, password: str = PASSWORD) -> str:
    """A sign-in that waits for another password alone."""
    answer = postern.try_sign_in(email, password)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["next"], answer.json()["methods"]) == ("change_password", []) and "session" not in answer.json(), answer.text
    return answer.json()["attempt"]


# At the sign-in.


@pytest.mark.parametrize("has_app", [False, True], ids=["password alone", "with a second factor"])
def test_an_expired_password_is_changed_at_sign_in_and_one_is_where_one_wanted_to_go(expiring, make_browser, has_app):
    """PW-14, PW-15: first the code, then the change, then in; what was open stays open until then."""
    postern, browser, other = expiring, make_browser(), make_browser()
    ada = Member(postern, ADA)
    sign_in(other, postern)
    if has_app:
        ada.with_app()
    days_pass(postern, 91)
    other.open(postern.public_url + "/auth/account")
    assert other.heading == "Profile", "the open session ended with the password"

    page = "/auth/account/sessions"
    sign_in(browser, postern, path=page)
    if has_app:
        assert browser.heading == "Now the code from your phone"
        give_code(browser, ada.phone.wrong())
        assert "isn’t right" in browser.text("#code-error")
        give_code(browser, ada.phone.code())
    assert browser.heading == CHOOSE and browser.url.startswith(postern.public_url + CHANGE)
    assert cookie(browser) is None and postern.gate_status(cookie(other)) == 200
    browser.type(password=PASSWORD)
    browser.press("Change and sign in")
    assert browser.text("#password-error") == "Choose another than the one you have."
    try_weak_then_good(browser, postern, "Change and sign in")
    assert (browser.url, browser.heading) == (postern.public_url + page, "Sessions")
    assert ada.assurance(cookie(browser)) == ("aal2" if has_app else "aal1") and cookie(browser, "postern-attempt") is None
    assert postern.gate_status(cookie(other)) == 401, "a session of the expired password outlived it"
    assert postern.try_sign_in(ADA).status_code == 401
    assert postern.try_sign_in(ADA, NEXT).json()["next"] == ("second_factor" if has_app else "done")


@pytest.mark.parametrize("cause", ["expired", "asked for"])
def test_the_page_says_why_another_password_is_asked_for(expiring, browser, cause):
    expiring.make_account(ADA)
    if cause == "expired":
        days_pass(expiring, 91)
    else:
        expiring.command("account", "require-password-change", ADA)
    sign_in(browser, expiring)
    save(browser, f"change-at-sign-in-{cause.replace(' ', '-')}")
    assert browser.heading == CHOOSE
    assert "stolen" not in browser.text(".lead"), "nobody has stolen it"
    assert ("expired" if cause == "expired" else "administrator") in browser.text(".lead")


def test_without_scripts_an_expired_password_is_changed_as_well(expiring, make_browser):
    browser = make_browser(scripts=False)
    expiring.make_account(ADA)
    days_pass(expiring, 91)
    sign_in(browser, expiring)
    browser.type(password="lantern1")
    browser.press("Change and sign in")
    assert browser.text("#password-error").startswith("That is too easy to guess")
    browser.type(password=NEXT)
    browser.press("Change and sign in")
    assert browser.url == expiring.public_url + "/auth/account"


def test_not_now_leaves_nothing_open(expiring, browser):
    """PW-15."""
    expiring.make_account(ADA)
    days_pass(expiring, 91)
    sign_in(browser, expiring)
    browser.press("Not now")
    assert browser.heading == "Sign in to Postern"
    browser.open(expiring.public_url + CHANGE)
    assert browser.heading == "Sign in to Postern" and expiring.try_sign_in(ADA).json()["next"] == "change_password"


def test_a_password_that_expired_long_ago_opens_nothing_and_by_the_mailed_link_one_is_back_in(mailing, sink, browser):
    """PW-14, PW-15: whoever found it in an old backup must not choose the next one."""
    sink.start()
    postern = mailing(more=NINETY)
    postern.make_account(ADA)
    days_pass(postern, 125)
    sign_in(browser, postern)
    assert browser.heading == "Your password has expired" and "We mailed you a link" in browser.text("main, body")
    assert cookie(browser) is None and cookie(browser, "postern-attempt") is None
    save(browser, "expired-long-ago")
    letter = wait_for("the mail", lambda: next((letter for letter in sink.letters if LINK_MAIL in letter.message["Subject"]), None))
    assert letter.recipients == [ADA]
    browser.open(link_in(letter.part("plain").replace("\r\n", "\n")))
    assert browser.heading == CHOOSE
    try_weak_then_good(browser, postern, "Change the password")
    browser.sign_in(ADA, NEXT)
    assert browser.url == postern.public_url + "/auth/account"


@pytest.mark.parametrize("days, has_app, lets", [
    (89, False, True), (91, False, True), (119, False, True), (121, False, False), (121, True, True), (900, True, True)])
def test_thirty_days_after_it_expired_a_password_alone_changes_nothing_any_more(expiring, days, has_app, lets):
    """PW-14: also over the API, and once for each mail that may be asked for."""
    ada = Member(expiring, ADA)
    if has_app:
        ada.with_app()
    days_pass(expiring, days)
    if not lets:
        for _ in range(5):
            answer = expiring.try_sign_in(ADA)
            assert reason(answer) == EXPIRED and "mailed you a link" in answer.json()["detail"] and "Set-Cookie" not in answer.headers
        assert reason(expiring.try_sign_in(ADA, "not the password")) == (401, "wrong-credentials"), "it says that this one isn't hers"
        assert len(wait_for("the mail", lambda: links(expiring, ADA))) == 1
        return
    if has_app:
        done = ada.finish(ada.attempt(), ada.phone.code())
        assert done.json()["next"] == "change_password", done.text
        attempt = done.json()["attempt"]
    elif days < 90:
        assert expiring.try_sign_in(ADA).json()["next"] == "done"
        return
    else:
        attempt = waiting(expiring)
    assert reason(choose_at_sign_in(expiring, attempt, PASSWORD)) == (422, "password-unchanged")
    done = choose_at_sign_in(expiring, attempt)
    assert done.json()["next"] == "done" and done.json()["session"]["assurance"] == ("aal2" if has_app else "aal1")
    assert reason(choose_at_sign_in(expiring, attempt, ANOTHER)) == (401, "attempt-over")


def test_a_new_password_lasts_again_and_no_session_needs_it_meanwhile(expiring):
    ada = Member(expiring, ADA)
    held = ada.sign_in()
    days_pass(expiring, 91)
    assert expiring.session_status(held) == expiring.gate_status(held) == 200
    assert change(expiring, held, PASSWORD).status_code == 204, "whoever is in can't change an expired one"
    assert expiring.try_sign_in(ADA, NEXT).json()["next"] == "done"
    days_pass(expiring, 89)
    assert expiring.try_sign_in(ADA, NEXT).json()["next"] == "done"
    days_pass(expiring, 2)
    assert expiring.try_sign_in(ADA, NEXT).json()["next"] == "change_password"


def test_where_expiry_is_switched_off_again_an_old_password_opens_as_before(make_postern):
    postern = make_postern(settings=NINETY).start()
    postern.make_account(ADA)
    days_pass(postern, 400)
    assert reason(postern.try_sign_in(ADA)) == EXPIRED
    postern.stop()
    postern.config.write_text(postern.config.read_text().replace(NINETY, ""))
    postern.start()
    assert postern.try_sign_in(ADA).json()["next"] == "done"


def test_when_expiry_is_switched_on_nobody_expires_at_once_and_not_all_on_one_day(make_postern):
    postern = make_postern(settings="password: {spread: 14d}\n").start()
    people = [Member(postern, f"person-{number}@example.org") for number in range(12)]
    owner = Member(postern, "owner@example.org", "owner")
    days_pass(postern, 1_000)
    postern.stop()
    postern.config.write_text(postern.config.read_text().replace("spread: 14d", "spread: 14d, expires-after: 90d"))
    postern.start()
    assert {postern.try_sign_in(person.email).json()["next"] for person in people} == {"done"}
    admin = Visitor(postern, {"postern": owner.sign_in()})
    dates = [expiry_on(admin.get(PERSON + person.id).text) for person in people]
    assert all(dates) and len({date.split(",")[0] for date in dates}) >= 4, dates
    days_pass(postern, 14.01)
    assert {postern.try_sign_in(person.email).json()["next"] for person in people} == {"change_password"}


# What waits for another password opens no other door.


@pytest.fixture(scope="module")
def half(binary, tmp_path_factory):
    """An owner whose expired password alone began a sign-in, and every door that is there."""
    postern = Postern(binary, tmp_path_factory.mktemp("half"), settings=NINETY).start()
    owner = Member(postern, "owner@example.org", "owner")
    Member(postern, ADA)
    pages = sorted(page_doors(Visitor(postern, {"postern": owner.sign_in()})))
    days_pass(postern, 91)
    yield owner, waiting(postern, owner.email), described_doors(postern), pages
    postern.stop()


@pytest.mark.parametrize("how", BEARERS)
def test_a_sign_in_with_an_expired_password_opens_nothing_but_the_choice_of_another(half, how):
    """PW-15."""
    owner, attempt, described, pages = half
    assert {("GET", PASSWORD_PAGE), ("GET", "/auth/account/notifications"), ("GET", "/auth/admin/notifications")} <= set(pages)
    assert {path for _, path, _ in described} >= {"/auth/v1/account/notifications", "/auth/v1/account/password", "/auth/v1/sign-in/change-password"}
    opens_no_door(owner, attempt, described, pages, BEARERS[how](attempt))
    visitor = Visitor(owner.postern, **BEARERS[how](attempt))
    for path in ("/auth/sign-in/second-factor", "/auth/sign-in/enrol"):
        assert Visitor(owner.postern, **BEARERS[how](attempt)).get(path).headers["Location"].startswith("/auth/sign-in?done=attempt-over")
    for path, fields in {"/auth/v1/sign-in/second-factor": {"method": "totp", "code": "123456"}, "/auth/v1/sign-in/authenticators": {"name": "x"}}.items():
        assert reason(visitor.send("POST", path, json={"attempt": attempt} | fields)) == (401, "attempt-over")
    assert (visitor.get(CHANGE).status_code == 200) == ("postern-attempt" in visitor.cookies), "only its own cookie leads to the choice"


def test_after_all_of_it_that_sign_in_was_alive_and_is_finished_once(half):
    owner, attempt, *_ = half
    done = choose_at_sign_in(owner.postern, attempt)
    assert done.status_code == 200 and owner.postern.session_status(done.json()["session"]["token"]) == 200
    assert reason(choose_at_sign_in(owner.postern, attempt, ANOTHER)) == (401, "attempt-over")


# A group asks for a second factor that is not there yet.


@pytest.fixture
def newcomer(make_postern) -> Member:
    postern = make_postern(settings=NINETY + "groups: {staff: {second-factor: {required: yes}}}\n").start()
    ada = Member(postern, ADA)
    ada.join("staff")
    days_pass(postern, 91)
    return ada


def test_where_a_second_factor_is_missing_too_it_is_added_after_the_change(newcomer, browser):
    """PW-15: nothing is open before both."""
    postern, page = newcomer.postern, "/auth/account/sessions"
    sign_in(browser, postern, path=page)
    assert browser.heading == CHOOSE
    browser.open(postern.public_url + "/auth/sign-in/enrol")
    assert browser.heading.startswith("Sign in to"), "an app is added with an expired password"
    sign_in(browser, postern, path=page)
    browser.type(password=NEXT)
    browser.press("Change and sign in")
    assert browser.heading == "Add an authenticator app" and cookie(browser) is None
    assert postern.try_sign_in(ADA).status_code == 401
    browser.press("Show the code to scan")
    secret = re.search(r"secret=([A-Z2-7]+)", browser.driver.page_source)
    newcomer.phone = Phone(secret.group(1) if secret else browser.text("code").replace(" ", ""))
    browser.type(code=newcomer.phone.code())
    browser.press("Switch it on")
    assert browser.heading == "Your recovery codes"
    browser.open(postern.public_url + page)
    assert browser.heading == "Sessions" and newcomer.assurance(cookie(browser)) == "aal2"
    newcomer.password = NEXT
    assert newcomer.begin()["next"] == "second_factor"


def test_a_program_changes_first_and_adds_the_app_then(newcomer):
    """PW-15."""
    postern = newcomer.postern
    attempt = waiting(postern)
    begin = lambda attempt: postern.request("POST", "/auth/v1/sign-in/authenticators", json={"attempt": attempt, "name": "My phone"})
    assert reason(begin(attempt)) == (401, "attempt-over")
    done = choose_at_sign_in(postern, attempt).json()
    assert done["next"] == "enrol_second_factor" and done["methods"] == ["totp"] and "session" not in done
    assert reason(choose_at_sign_in(postern, done["attempt"], ANOTHER)) == (401, "attempt-over"), "it changes a second time"
    assert reason(begin(attempt)) == (401, "attempt-over")
    app = begin(done["attempt"]).json()
    newcomer.phone = Phone(app["secret"])
    confirmed = postern.request("POST", f"/auth/v1/sign-in/authenticators/{app['id']}/confirm",
                                json={"attempt": done["attempt"], "code": newcomer.phone.code()}).json()
    assert (confirmed["next"], confirmed["session"]["assurance"]) == ("done", "aal2")
    newcomer.password = NEXT
    assert newcomer.assurance(newcomer.sign_in()) == "aal2"


# Presets.


def expiry_on(page: str) -> str:
    """What an administrator's page says of when a password expires; nothing if it doesn't."""
    found = re.search(r"\bexpires? (\d[^<]* UTC)", page)
    return found.group(1) if found else ""


def in_words(microseconds: int) -> str:
    when = time.gmtime(microseconds // 1_000_000)
    return f"{when.tm_mday} {time.strftime('%B %Y, %H:%M UTC', when)}"


# Characters, letters and digits, days, how many of the last.
PRESETS = {"modern": (8, False, None, 1), "nist": (15, False, None, 1), "pci": (12, True, 90, 4), "iso": (8, False, 90, 2)}


@pytest.mark.parametrize("scope", ["everybody", "a group"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_asks_for_what_its_standard_says(make_postern, preset, scope):
    """PW-13, PW-14: length, letters and digits, the last ones, the date."""
    fewest, mixes, days, history = PRESETS[preset]
    of_all = f"password: {{preset: {preset}, spread: 1s}}\n"
    of_group = f"password: {{spread: 1s}}\ngroups: {{cards: {{password: {{preset: {preset}}}}}}}\n"
    postern = make_postern(settings=of_all if scope == "everybody" else of_group).start()
    ada, owner = Member(postern, ADA, password=MIXED), Member(postern, "owner@example.org", "owner", password=MIXED)
    others = Member(postern, "other@example.org", password=MIXED)
    admin = Visitor(postern, {"postern": owner.sign_in()})
    if scope == "a group":
        assert admin.post(PERSON + ada.id, PERSON + ada.id + "/join", group="cards").status_code == 303
    days_pass(postern, 2)
    token = ada.sign_in()

    page = Visitor(postern, {"postern": token}).get(PASSWORD_PAGE).text
    assert f"At least {fewest} characters." in page and f'data-fewest="{fewest}"' in page
    assert ("letters and digits are both asked for" in page) == ('data-mixes="yes"' in page) == mixes
    short = "kq7!xZp" if fewest == 8 else "vexed 7 quokka"[:fewest - 1]
    assert len(short) == fewest - 1 and verdict(postern, short, bearer=token)["reason"] == "password-too-short"
    assert reason(change(postern, token, MIXED, short)) == (422, "password-too-short")
    said, answer = verdict(postern, PLAIN, bearer=token), change(postern, token, MIXED, PLAIN)
    if mixes:
        assert (said["acceptable"], said["reason"]) == (False, "password-not-mixed")
        assert "Letters and digits are both asked for." in said["sentences"]
        assert reason(answer) == (422, "password-not-mixed")
        for password in ("walnut ferry postcard", "8417 5520 9968 1374 0265"):
            assert reason(change(postern, token, MIXED, password))[1] == "password-not-mixed", password
    else:
        assert said["acceptable"] and answer.status_code == 204
        assert change(postern, token, PLAIN, MIXED).status_code == (204 if history == 1 else 422)
        if history > 1:
            assert change(postern, token, PLAIN, MIXED + "0").status_code == 204
            assert change(postern, token, MIXED + "0", MIXED).status_code == 204

    # One after the other: the last so many are refused, the one before them is taken again.
    used = [MIXED, *(f"{MIXED} and {number}" for number in range(history))]
    for before, after in zip(used, used[1:]):
        assert change(postern, token, before, after).status_code == 204
    answers = [reason(change(postern, token, used[-1], password)) if password != used[0] else None for password in used]
    assert answers == [None, *[(422, "password-used")] * (history - 1), (422, "password-unchanged")]
    assert change(postern, token, used[-1], used[0]).status_code == 204

    with sqlite3.connect(postern.sqlite) as database:
        set_at, = database.execute("SELECT password_set_at FROM account WHERE email = ?", [ADA]).fetchone()
    assert expiry_on(admin.get(PERSON + ada.id).text) == ("" if days is None else in_words(set_at + days * DAY))
    of_other = admin.get(PERSON + others.id).text
    assert bool(expiry_on(of_other)) == (scope == "everybody" and days is not None)
    if scope == "a group":
        assert verdict(postern, PLAIN, bearer=others.sign_in())["acceptable"], "the group's rule counts for others"


@pytest.mark.parametrize("preset, spared", [("pci", True), ("iso", False)])
def test_a_second_factor_spares_expiry_where_the_standard_says_so(make_postern, preset, spared):
    """PW-14."""
    postern = make_postern(settings=f"password: {{preset: {preset}, spread: 1s}}\n").start()
    ada, bob = Member(postern, ADA, password=MIXED).with_app(), Member(postern, "bob@example.org", password=MIXED)
    days_pass(postern, 91)
    assert ada.finish(ada.attempt(), ada.phone.code()).json()["next"] == ("done" if spared else "change_password")
    waiting(postern, bob.email, MIXED)


def test_the_strictest_of_all_rules_counts(make_postern):
    postern = make_postern(settings=(
        "password: {preset: iso, spread: 1s}\n"
        "groups: {cards: {password: {preset: pci}}, lax: {password: {preset: modern, expires-after: 300d}}}\n")).start()
    ada = Member(postern, ADA, password=MIXED)
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner", password=MIXED).sign_in()})
    page = PERSON + ada.id
    for group in ("cards", "lax"):
        assert owner.post(page, page + "/join", group=group).status_code == 303
    token = ada.sign_in()
    assert verdict(postern, PLAIN, bearer=token)["reason"] == "password-not-mixed"
    days_pass(postern, 91)
    waiting(postern, ADA, MIXED)


def test_the_meter_says_that_letters_and_digits_are_asked_for_as_the_server_does(make_postern, browser):
    postern = make_postern(settings="password: {preset: pci, spread: 1s}\n").start()
    postern.make_account(ADA, password=MIXED)
    days_pass(postern, 91)
    sign_in(browser, postern, MIXED)
    assert browser.heading == CHOOSE
    assert browser.text("#password-hint").endswith("letters and digits are both asked for.")
    says = "Letters and digits are both asked for."
    for password, lacks in {PLAIN: True, PLAIN + "4": False, "8417 5520 9968 1374 0265": True}.items():
        browser.type(password=password)
        wait_for("the meter's word", lambda: (reading := shown(browser)) and reading.words[0] and (says in reading.words) == lacks, 6)
    browser.type(password=PLAIN)
    wait_for("the meter's word", lambda: says in shown(browser).words, 6)
    save(browser, "change-at-sign-in-pci-meter")
    before = shown(browser).words
    browser.press("Change and sign in")
    save(browser, "change-at-sign-in-pci-refused")
    assert browser.heading == CHOOSE and browser.text("#password-error")
    assert shown(browser).words == before, "the server says something else than the page"
    browser.type(password=PLAIN + " 4")
    browser.press("Change and sign in")
    assert browser.heading == "Profile"


@pytest.mark.parametrize("setting, key, allowed", [
    ("password: {preset: strict}", "password.preset", "modern, nist, pci, iso"),
    ("password: {letters-and-digits: both}", "password.letters-and-digits", "yes, no"),
    ("password: {expires-after: 0d}", "password.expires-after", "never, or 1d to 3650d"),
    ("password: {expires-after: 5000d}", "password.expires-after", "never, or 1d to 3650d"),
    ("password: {expires-after: 23h}", "password.expires-after", "never, or 1d to 3650d"),
    ("password: {expires-after: soon}", "password.expires-after", "never, or 1d to 3650d"),
    ("password: {history: 0}", "password.history", "from 1 to 24"),
    ("password: {history: 25}", "password.history", "from 1 to 24"),
    ("password: {minimum-age: 31d}", "password.minimum-age", "at most 30d"),
    ("password: {expires-after: 10d, minimum-age: 11d}", "password.minimum-age", "less than password.expires-after"),
    ("password: {expires-after: 10d, minimum-age: 10d}", "password.minimum-age", "less than password.expires-after"),
    ("password: {reminders: [15, 0]}", "password.reminders", "days from 1 to 90"),
    ("password: {reminders: [91]}", "password.reminders", "days from 1 to 90"),
    ("password: {reminders: [1d]}", "password.reminders", "days from 1 to 90"),
    (f"password: {{reminders: {list(range(1, 12))}}}", "password.reminders", "at most 10"),
    ("password: {spread: never}", "password.spread", "a number with s, m, h or d"),
    ("groups: {cards: {password: {preset: PCI}}}", "groups.cards.password.preset", "modern, nist, pci, iso"),
    ("groups: {cards: {password: {expires-after: 0d}}}", "groups.cards.password.expires-after", "never, or 1d to 3650d"),
    ("groups: {cards: {password: {expires-after: 7d, minimum-age: 8d}}}", "groups.cards.password.minimum-age", "less than groups.cards.password.expires-after"),
    ("groups: {cards: {password: {reminders: [1]}}}", "groups.cards.password.reminders", "password"),
], ids=lambda value: value if value.startswith(("password:", "groups:")) else "")
def test_a_wrong_setting_stops_the_start_and_says_file_line_key_and_what_is_allowed(make_postern, setting, key, allowed):
    postern = make_postern(settings=setting + "\n")
    line = start_in_vain(postern)
    assert f"{postern.config}, line 3" in line, line
    assert key in line and allowed in line, line


# What may come back, and when.

HISTORY = "password: {history: 4, expires-after: 90d, spread: 1s}\n"


@pytest.mark.parametrize("way", ["change", "reset", "at sign-in", "page"])
def test_the_last_four_passwords_are_refused_by_every_way_and_the_fifth_is_not(make_postern, way):
    """PW-13."""
    postern = make_postern(settings=HISTORY).start()
    ada = Member(postern, ADA)
    token = ada.sign_in()
    used = [PASSWORD, NEXT, ANOTHER, PLAIN, MIXED]
    for before, after in zip(used, used[1:]):
        assert change(postern, token, before, after).status_code == 204
    visitor = Visitor(postern, {"postern": ada.postern.sign_in(ADA, MIXED)})

    if way == "change":
        choose = lambda password: change(postern, token, MIXED, password)
    elif way == "reset":
        link = asked_token(postern, ADA)
        choose = lambda password: reset(postern, link, password)
    elif way == "at sign-in":
        days_pass(postern, 91)
        attempt = waiting(postern, ADA, MIXED)
        choose = lambda password: choose_at_sign_in(postern, attempt, password)
    else:
        choose = lambda password: visitor.post(PASSWORD_PAGE, PASSWORD_PAGE, current=MIXED, password=password)
    for password in used[1:]:
        answer, why = choose(password), "password-unchanged" if password == MIXED else "password-used"
        if way == "page":
            assert answer.status_code == 422 and password not in answer.text
            assert ("one of your last 4" in answer.text or "Choose another than the one you have." in answer.text), answer.text
        else:
            assert reason(answer) == (422, why), (password, answer.text)
    assert choose(PASSWORD).status_code in (200, 204, 303)
    assert postern.try_sign_in(ADA, PASSWORD).status_code == 200
    with sqlite3.connect(postern.sqlite) as database:
        assert database.execute("SELECT COUNT(*) FROM password_history").fetchone() == (3,), "more is kept than is asked for"


def test_a_new_password_stays_for_its_minimum_age_unless_it_must_go(make_postern, browser):
    """PW-13: so that nobody runs through the last ones in a minute."""
    postern = make_postern(settings="password: {history: 2, minimum-age: 3d}\n").start()
    ada = Member(postern, ADA)
    token = ada.sign_in()
    answer = change(postern, token, PASSWORD)
    assert reason(answer) == (409, "password-too-soon") and re.search(r"from \d+ \w+ 20\d\d, \d\d:\d\d UTC on", answer.json()["detail"])
    assert reason(change(postern, token, "not the password"))[1] == "wrong-credentials", "it says more than who knows the password may hear"
    browser.hold(postern.public_url, postern=token)
    browser.open(postern.public_url + PASSWORD_PAGE)
    browser.type(current=PASSWORD, password=NEXT)
    browser.press("Change the password")
    assert browser.text(".notice").startswith("Your password is new. You can choose another from ")
    save(browser, "password-too-soon")
    assert reset(postern, asked_token(postern, ADA)).status_code == 204, "a link is always allowed"
    token = postern.sign_in(ADA, NEXT)
    assert reason(change(postern, token, NEXT, ANOTHER)) == (409, "password-too-soon")
    postern.command("account", "require-password-change", ADA)
    assert change(postern, token, NEXT, ANOTHER).status_code == 204, "what is asked for is refused"
    assert reason(change(postern, token, ANOTHER, PLAIN)) == (409, "password-too-soon")
    days_pass(postern, 2.99)
    assert reason(change(postern, token, ANOTHER, PLAIN)) == (409, "password-too-soon")
    days_pass(postern, 0.02)
    assert change(postern, token, ANOTHER, PLAIN).status_code == 204


def test_a_stolen_password_may_be_changed_before_its_minimum_age(make_postern, tmp_path):
    """The mail asks for it, so it must be possible."""
    stolen = StolenList(make_postern("command").binary, tmp_path / "list")
    postern = make_postern(settings=stolen.settings("warn").replace("{breached", "{minimum-age: 3d, breached")).start()
    ada = Member(postern, ADA)
    stolen.spreads(postern, PASSWORD)
    token = ada.sign_in()
    wait_for("the mail", lambda: postern.letter(ADA, "Your password is known"))
    assert change(postern, token, PASSWORD).status_code == 204
    assert reason(change(postern, token, NEXT, ANOTHER)) == (409, "password-too-soon")


# Administrators ask; nobody sets a password for somebody else.


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    postern = Postern(binary, tmp_path_factory.mktemp("house"), settings=NINETY).start()
    people = {role: Member(postern, f"{role}@example.org", role) for role in ("owner", "administrator", "member")}
    yield postern, people, {role: person.sign_in() for role, person in people.items()}
    postern.stop()


def act(browser, label: str) -> None:
    browser.unfold(label)
    save(browser, "person-" + label.lower().replace(" ", "-"))
    browser.press(label)


@pytest.mark.parametrize("role", ["owner", "administrator"])
def test_an_administrator_asks_for_another_password_and_mails_a_link(house, browser, role):
    """PW-17."""
    postern, _, tokens = house
    email = f"asked-by-{role}@example.org"
    person = Member(postern, email)
    held = person.sign_in()
    browser.hold(postern.public_url, postern=tokens[role])
    browser.open(postern.public_url + PERSON + person.id)
    page = browser.text("body")
    assert "You never see or set a password." in page and "Only they ever choose it." in page
    assert re.search(r"Set \d+ \w+ 20\d\d, \d\d:\d\d UTC, expires \d+ \w+ 20\d\d, \d\d:\d\d UTC", page), page
    act(browser, "Ask for another")
    assert browser.url == postern.public_url + PERSON + person.id
    assert "another asked for since" in browser.text("body") and "Ask for another" not in browser.texts("summary")
    save(browser, f"person-asked-by-{role}")
    assert postern.gate_status(held) == 200, "a session ended"
    attempt = waiting(postern, email)

    act(browser, "Mail a link")
    assert browser.url == postern.public_url + PERSON + person.id + "?done=link"
    assert f"A link to choose another password is on its way to {email}." in browser.text(".notice")
    link = wait_for("the mail", lambda: links(postern, email))[0]
    assert link not in browser.driver.page_source and link.rsplit("/", 1)[1] not in browser.driver.page_source
    assert postern.gate_status(held) == 200 and waiting(postern, email), "the one they have stopped working"
    assert choose_at_sign_in(postern, attempt).status_code == 200
    assert postern.try_sign_in(email, NEXT).json()["next"] == "done", "it is asked for again"
    assert reason(reset(postern, link.rsplit("/", 1)[1], ANOTHER)) == (410, "link-invalid")
    browser.open(postern.public_url + PERSON + person.id)
    assert "another asked for" not in browser.text("body") and "Ask for another" in browser.texts("summary")


def test_the_command_line_asks_for_another_password_and_mails_a_link(house):
    """PW-17."""
    postern, *_ = house
    email = "by-command@example.org"
    held = Member(postern, email).sign_in()
    assert "is asked for another password" in postern.command("account", "require-password-change", email)
    assert "was asked already" in postern.command("account", "require-password-change", email)
    assert postern.session_status(held) == 200
    waiting(postern, email)
    assert "gets a link" in postern.command("account", "reset-password", email)
    token = wait_for("the mail", lambda: links(postern, email))[0].rsplit("/", 1)[1]
    assert reset(postern, token).status_code == 204
    assert postern.try_sign_in(email, NEXT).json()["next"] == "done" and postern.session_status(held) == 401
    for command in ("require-password-change", "reset-password"):
        assert "has no account" in postern.run("account", command, "nobody@example.org").stderr
        done = postern.run("account", command, email, "--password-stdin", text=ANOTHER + "\n")
        assert done.returncode != 0 and postern.try_sign_in(email, NEXT).status_code == 200
    postern.command("account", "disable", email)
    assert "isn't open" in postern.command("account", "reset-password", email)


def test_who_was_asked_long_ago_and_is_mailed_a_link_is_told_so(expiring):
    """Nothing has expired."""
    Member(expiring, ADA)
    expiring.command("account", "require-password-change", ADA)
    edit(expiring, "UPDATE account SET password_change_required_at = password_change_required_at - ?", 31 * DAY)
    answer = expiring.try_sign_in(ADA)
    assert answer.status_code == 403 and wait_for("the mail", lambda: links(expiring, ADA))
    assert "expired" not in answer.json()["title"] + answer.json()["detail"], answer.json()


def test_the_record_says_who_had_a_link_mailed(house):
    postern, people, tokens = house
    person = Member(postern, "recorded@example.org")
    owner, page = Visitor(postern, {"postern": tokens["owner"]}), PERSON + person.id
    assert owner.post(page, page + "/start-password-reset").status_code == 303
    with sqlite3.connect(postern.sqlite) as database:
        events = database.execute("SELECT kind, actor, actor_id FROM audit_event WHERE account_id = ? AND kind LIKE 'password.reset%'",
                                  [bytes.fromhex(person.id.replace("-", ""))]).fetchall()
    assert events and {actor for _, actor, _ in events} == {"account"}, f"an administrator's act is written down as a visitor's: {events}"


ACTS = ["require-password-change", "start-password-reset"]


@pytest.mark.parametrize("act_name", ACTS)
def test_an_administrator_asks_nothing_of_an_owner_and_a_member_of_nobody(house, act_name):
    """PW-17."""
    postern, people, tokens = house
    administrator, member = (Visitor(postern, {"postern": tokens[role]}) for role in ("administrator", "member"))
    page = PERSON + people["owner"].id
    shown_page = administrator.get(page).text
    assert not any(name in shown_page for name in ACTS)
    # With the token of a page that they may see.
    answer = administrator.post(PERSON + people["member"].id, f"{page}/{act_name}")
    assert answer.status_code == 403
    for person in people.values():
        answer = member.post("/auth/account", f"{PERSON}{person.id}/{act_name}")
        assert answer.status_code in (403, 404), "a member acts on others"
    stranger = Visitor(postern)
    assert stranger.send("POST", f"{page}/{act_name}", headers={"Sec-Fetch-Site": "same-origin"}, data={}).status_code in (401, 403)
    time.sleep(0.5)
    assert links(postern, people["owner"].email) == links(postern, people["member"].email) == []
    assert {postern.try_sign_in(person.email).json()["next"] for person in people.values()} == {"done"}


def test_no_field_takes_a_password_for_somebody_else(house):
    """PW-17: on no page of the administration, in no call of the API."""
    postern, people, tokens = house
    owner = Visitor(postern, {"postern": tokens["owner"]})
    doors = page_doors(owner)
    assert ("GET", PERSON + people["member"].id) in doors
    for _, path in [door for door in doors if door[0] == "GET" and door[1].startswith("/auth/admin")]:
        text = owner.get(path).text
        assert 'type="password"' not in text and not re.search(r'<(input|textarea)[^>]*name="[^"]*(pass|secret)', text), path
    takers, path = set(), ""
    for line in postern.get("/auth/openapi.yaml").text.splitlines():
        if found := re.fullmatch(r"  (/\S+):", line):
            path = found[1]
        elif re.match(r"  \w+:", line) or re.match(r"\w", line):
            path = ""
        elif path and re.search(r"\bpassword: \{|requestBodies/(Credentials|SignIn)", line):
            takers.add(path)
    # What begins so is of whoever asks, and names nobody else.
    own = {path for path in takers if path.startswith("/auth/v1/account/") and "{" not in path}
    assert takers - own == {
        "/auth/v1/accounts", "/auth/v1/accounts/confirm", "/auth/v1/password/strength", "/auth/v1/reset-password", "/auth/v1/sign-in",
        "/auth/v1/sign-in/change-password", "/auth/v1/session/step-up"}
    assert "/auth/v1/account/password" in own
    # A password that is sent nevertheless is not taken.
    page = PERSON + people["member"].id
    for name in (*ACTS, "enable", "end-sessions"):
        owner.post(page, f"{page}/{name}", password=ANOTHER, new_password=ANOTHER)
    assert postern.try_sign_in(people["member"].email, ANOTHER).status_code == 401
    assert postern.try_sign_in(people["member"].email).status_code == 200
