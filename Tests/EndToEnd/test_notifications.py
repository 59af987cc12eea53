"""Reminders that a password expires, and the pages on which everybody sees what they were told and why."""

import json
import re
import sqlite3
import time
from dataclasses import dataclass

import pytest
from selenium.webdriver.common.keys import Keys

from parts.browser import Browser
from parts.choosing import CHANGE_MAIL, LINK_MAIL, NEXT, asked_link, change, links
from parts.expiry import DAY, due, edit, run_of_the_day, set_days_ago
from parts.member import Member
from parts.postern import Postern, link_in, reason
from parts.processes import wait_for
from parts.visitor import Page, Visitor
from test_pages import LONG, save

OWN, ALL, API = "/auth/account/notifications", "/auth/admin/notifications", "/auth/v1/account/notifications"
NINETY = "password: {expires-after: 90d, spread: 1s}\n"
REMINDER = "Your password expires within "
KIND, OTHER = "password-expires", "api-key-expires"

# Reminders. Days until each one's password expires.
LEFT = {"fortnight": 14.5, "week": 6.5, "day": 0.5, "three-weeks": 20.5, "later": 40.5, "over": -1.5}


def address(name: str) -> str:
    return f"{name}@example.org"


def peopled(make_postern, settings: str = NINETY, left: dict[str, float] = LEFT) -> Postern:
    postern = make_postern(settings=settings).start()
    for name in left:
        postern.make_account(address(name))
    put_off(postern, left)
    return postern


def put_off(postern: Postern, left: dict[str, float], period: int = 90) -> None:
    # The run of the first start must be over: it would tell them at once.
    wait_for("the first day's run", lambda: select_run(postern) == [("done",)], 30)
    for name, days in left.items():
        set_days_ago(postern, address(name), period - days)
    edit(postern, "UPDATE password_rule SET since = since - ?", 1_000 * DAY)


def select_run(postern: Postern) -> list[tuple]:
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        return database.execute("SELECT state FROM job WHERE kind = 'find-expiring-passwords'").fetchall()


def reminders(postern: Postern) -> list[tuple[str, int]]:
    """Who was reminded since the start, and how many days ahead."""
    letters = postern.get("/auth/dev/mailbox", headers={"Accept": "application/json"}).json()
    found = [(letter["to"], letter["subject"].removeprefix(REMINDER)) for letter in letters if letter["subject"].startswith(REMINDER)]
    return sorted((to, 1 if words.startswith("a day") else int(words.split()[0])) for to, words in found)


def notices(postern: Postern) -> list[tuple[str, str, int]]:
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        return database.execute("SELECT target, state, tries FROM notice WHERE kind = ? ORDER BY target, id", [KIND]).fetchall()


def set_to(postern: Postern, old: str, new: str) -> None:
    text = postern.config.read_text()
    assert old in text
    postern.config.write_text(text.replace(old, new))


def test_who_is_due_is_reminded_once_and_as_the_preview_said(make_postern):
    postern = peopled(make_postern)
    wanted = sorted({address("fortnight"): 15, address("week"): 7, address("day"): 1}.items())
    assert due(postern) == wanted
    table = postern.command("password", "due").splitlines()
    assert re.fullmatch(r"PERSON +DAYS +EXPIRES", table[0]) and len(table) == 4
    assert re.search(r"^week@example.org +7 +\d+ \w+ 20\d\d, \d\d:\d\d UTC$", "\n".join(table), re.MULTILINE)

    run_of_the_day(postern)
    assert reminders(postern) == wanted
    letter = postern.letter(address("day"), REMINDER)
    assert letter["subject"] == "Your password expires within a day · Postern"
    assert link_in(letter["text"]) == postern.public_url + "/auth/account/password" and "rule of this site" in letter["text"]
    assert due(postern) == [] and postern.command("password", "due").strip() == "Nobody is due."
    assert notices(postern) == [(email, "sent", 1) for email in sorted(dict(wanted))]

    run_of_the_day(postern)
    run_of_the_day(postern)
    assert reminders(postern) == [] and len(notices(postern)) == 3, "somebody was told twice"


def test_another_list_of_reminders_and_another_period_count_at_the_next_run(make_postern):
    postern = peopled(make_postern)
    run_of_the_day(postern)
    # The nearest alone, also where several were passed by.
    set_to(postern, "spread: 1s", "spread: 1s, reminders: [30, 3]")
    wanted = sorted({address("fortnight"): 30, address("week"): 30, address("day"): 3, address("three-weeks"): 30}.items())
    assert due(postern) == wanted
    run_of_the_day(postern)
    assert reminders(postern) == wanted

    # Five days more for everybody: other dates, and who had expired is due again.
    set_to(postern, "90d", "95d")
    postern.restart()
    edit(postern, "UPDATE password_rule SET since = since - ?", 1_000 * DAY)
    wanted = sorted((address(name), 30) for name in ("fortnight", "week", "day", "three-weeks", "over"))
    assert due(postern) == wanted
    run_of_the_day(postern)
    assert reminders(postern) == wanted

    # With none at all nobody is told.
    set_to(postern, "reminders: [30, 3]", "reminders: []")
    assert due(postern) == []
    put_off(postern, {"later": 0.5}, 95)
    run_of_the_day(postern)
    assert reminders(postern) == []


def test_days_that_the_server_was_down_give_one_mail_with_the_nearest_number(make_postern):
    postern = peopled(make_postern, left={"ada": 14.5})
    run_of_the_day(postern)
    assert reminders(postern) == [(address("ada"), 15)]
    for left, told in {9.5: [], 6.9: [7], 6.5: [], 0.9: [1], 0.4: [], -0.5: []}.items():
        postern.stop()
        before, = sqlite3.connect(postern.sqlite).execute("SELECT password_set_at FROM account").fetchone()
        # The date stays the same thing's: what was sent for it is known.
        now = int(time.time() * 1_000_000)
        moved = now - int((90 - left) * DAY)
        edit(postern, "UPDATE account SET password_set_at = ?", moved)
        edit(postern, "UPDATE notice SET unique_key = REPLACE(unique_key, ?, ?)", str(before + 90 * DAY), str(moved + 90 * DAY))
        run_of_the_day(postern)
        assert reminders(postern) == [(address("ada"), days) for days in told], left


def test_another_password_closed_accounts_and_groups_count_in_the_run(make_postern):
    """Who changed, who is gone, and who is held to a shorter period."""
    postern = peopled(make_postern, "password: {expires-after: 90d, spread: 1s}\ngroups: {cards: {password: {expires-after: 60d}}}\n",
                      {"changed": 6.5, "closed": 6.5, "deleted": 6.5, "carded": 36.5, "other": 36.5, "asked": 6.5})
    token = postern.sign_in(address("changed"))
    assert change(postern, token, "four unrelated plain words").status_code == 204
    postern.command("account", "disable", address("closed"))
    postern.command("account", "delete", address("deleted"))
    owner = Visitor(postern, {"postern": Member(postern, "owner@example.org", "owner").sign_in()})
    carded = next(account["id"] for account in postern.accounts() if account["email"] == address("carded"))
    page = f"/auth/admin/people/{carded}"
    assert owner.post(page, page + "/join", group="cards").status_code == 303
    edit(postern, "UPDATE account_group_member SET joined_at = joined_at - ?", 1_000 * DAY)
    wanted = sorted([(address("asked"), 7), (address("carded"), 7)])
    assert due(postern) == wanted
    run_of_the_day(postern)
    assert reminders(postern) == wanted


def test_who_wants_no_reminders_gets_none_and_the_preview_knows(make_postern, browser):
    postern = peopled(make_postern, left={"ada": 6.5, "bob": 6.5})
    browser.hold(postern.public_url, postern=postern.sign_in(address("ada")))
    browser.open(postern.public_url + OWN)
    assert browser.run(f"return document.querySelector('[name={KIND}]').checked")
    browser.tick(KIND)
    browser.press("Save the choice")
    assert browser.text(".notice") == "Your choice is saved."
    assert not browser.run(f"return document.querySelector('[name={KIND}]').checked")
    said = due(postern)
    run_of_the_day(postern)
    assert reminders(postern) == [(address("bob"), 7)]
    browser.open(postern.public_url + OWN)
    assert not browser.run(f"return document.querySelector('[name={KIND}]').checked"), "the choice is forgotten"
    browser.tick(KIND)
    browser.press("Save the choice")
    run_of_the_day(postern)
    assert reminders(postern) == [(address("ada"), 7)]
    assert said == [(address("bob"), 7)], "`postern password due` names who is not told"


def test_a_reminder_that_is_no_longer_true_when_its_turn_comes_is_dropped_and_the_list_says_so(mailing, sink):
    postern = mailing(more=NINETY)
    ada = Member(postern, address("ada"))
    token = ada.sign_in()
    put_off(postern, {"ada": 6.5})
    postern.stop()
    edit(postern, "DELETE FROM job WHERE kind = 'find-expiring-passwords'")
    postern.start()
    wait_for("a try in vain", lambda: any(tries for *_, tries in notices(postern)), 30)
    [line] = ada.call(token, "GET", API).json()["notifications"]
    assert (line["state"], line["kind"]) == ("waiting", KIND) and line["tries"] and not {"last_error", "ended_at"} & line.keys()
    assert change(postern, token, ada.password).status_code == 204
    sink.start()
    wait_for("its end", lambda: notices(postern)[0][1] != "waiting", 60)
    wait_for("the other mail", lambda: sink.letters, 60)
    assert [letter.message["Subject"] for letter in sink.letters if REMINDER in letter.message["Subject"]] == []
    lines = {line["kind"]: line["state"] for line in ada.call(token, "GET", API).json()["notifications"]}
    assert lines[KIND] == "dropped"
    assert "no longer so when its turn came" in Visitor(postern, {"postern": token}).get(OWN).text


def day_from_now(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))


def test_the_preview_of_a_later_day_names_whom_that_days_run_would_tell(make_postern):
    postern = peopled(make_postern, left={"a": 10.0, "b": 17.0, "c": 40.0})
    now = time.time()
    # Each is told by the run at six on the first day on which so many days or fewer are left.
    days = {}
    for name, left in {"a": 10.0, "b": 17.0, "c": 40.0}.items():
        for ahead in (15, 7, 1):
            at = now + (left - ahead) * 86_400
            run = (int(at) // 86_400) * 86_400 + 6 * 3_600
            run += 86_400 if run < at else 0
            days.setdefault(time.strftime("%Y-%m-%d", time.gmtime(run)), []).append((address(name), ahead))
    for ahead in range(2, 42):
        day = day_from_now(ahead)
        assert due(postern, "--on", day) == sorted(days.get(day, [])), day
    [row] = json.loads(postern.command("password", "due", "--json", "--on", next(day for day in days if days[day] == [(address("c"), 7)])))
    assert set(row) == {"account", "email", "kind", "expires_at", "threshold"} and row["kind"] == KIND
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["expires_at"])
    assert postern.command("password", "due", "--on", day_from_now(80)).strip() == "Nobody is due."


@pytest.mark.parametrize("text", [
    "tomorrow", "2026-13-01", "2026-02-30", "2026-12-32", "2026-00-10", "01.12.2026", "2026-12-1", "2026-12", "2026-12-01T06:00:00Z",
    "2026-12-01 ", "-1"])
def test_a_day_that_is_none_is_refused_in_words(make_postern, text):
    postern = make_postern(settings=NINETY)
    done = postern.run("password", "due", f"--on={text}")
    assert done.returncode != 0 and done.stdout == "", f"it was taken for a day: {done.stdout}"
    assert "--on" in done.stderr and "today or a later day, such as" in done.stderr, done.stderr


# The pages.


@dataclass
class House:
    postern: Postern
    browser: Browser
    ids: dict[str, str]
    cookies: dict[str, dict[str, str]]


def write(postern: Postern, number: int, account: str | None, state: str = "sent", **more) -> None:
    """A row, as if it had been sent a while ago; the higher the number the newer."""
    at = int(time.time() * 1_000_000) - 30 * DAY + number * 60_000_000
    row = {
        "id": bytes.fromhex(f"{at // 1_000:012x}") + b"\x70\x00" + b"\x80" + number.to_bytes(7, "big"),
        "account_id": bytes.fromhex(account.replace("-", "")) if account else None, "kind": KIND, "channel": "mail", "target": f"row-{number}@example.org",
        "subject": f"Row {number}", "state": state, "tries": 1, "last_error": "", "created_at": at, "ended_at": None if state == "waiting" else at,
        "unique_key": None} | more
    with sqlite3.connect(postern.sqlite, timeout=20) as database:
        database.execute(f"INSERT INTO notice ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


ERROR = "550 5.1.1 <b>mailbox</b> is unknown at a-rather-long-name-of-a-mail-server.example.org:587 & there was nobody to be asked"


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    """An owner, somebody with a long address and rows of every state, and somebody with nothing."""
    postern = Postern(binary, tmp_path_factory.mktemp("notices")).start()
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    people = {name: Member(postern, email, role) for name, email, role in (
        ("owner", "owner@example.org", "owner"), ("administrator", "admin@example.org", "administrator"), ("ada", LONG, "member"),
        ("bob", "bob@example.org", "member"))}
    for number, state in enumerate(["sent", "waiting", "failed", "dropped"]):
        write(postern, number, people["ada"].id, state, target=LONG, tries=12 if state == "failed" else 1, last_error=ERROR if state == "failed" else "")
    write(postern, 4, None, kind="invitation", target="somebody@example.org", subject="Your invitation")
    write(postern, 5, people["ada"].id, "waiting", target=LONG, tries=3, last_error="Could not connect to server")
    links_before = len(links(postern, LONG))
    link = asked_link(postern, LONG)
    assert len(links(postern, LONG)) == links_before + 1
    yield House(postern, browser, {name: person.id for name, person in people.items()} | {"link": link},
                {name: {"postern": person.sign_in()} for name, person in people.items()})
    browser.close()
    postern.stop()


def rows_of(browser: Browser) -> list[list[str]]:
    return browser.run("return [...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.innerText.replace(/\\s+/g, ' ').trim()))")


def test_people_see_what_they_were_sent_and_why_and_nothing_of_others(house):
    browser, postern = house.browser, house.postern
    browser.show_as(1280, "light")
    browser.hold(postern.public_url, **house.cookies["ada"])
    browser.open(postern.public_url + "/auth/account")
    browser.follow("Notifications")
    assert (browser.url, browser.heading) == (postern.public_url + OWN, "Notifications")
    assert browser.text("nav [aria-current=page]") == "Notifications"
    rows = rows_of(browser)
    assert len(rows) == 6 and {LONG} == {row[1].removesuffix(" mail") for row in rows}, rows
    assert rows[0][0].startswith("Link to choose another password") and rows[0][2] == "sent"
    assert [row[0] for row in rows[1:]] == [f"Password expires soon Row {number}" for number in (5, 3, 2, 1, 0)]
    assert [row[2] for row in rows[1:]] == [
        "waiting 3 tries", "dropped no longer so when its turn came", "failed 12 tries", "waiting", "sent"], "what a mail server said is for administrators"
    assert all(re.search(r"\d+ \w+ 20\d\d, \d\d:\d\d UTC", row[3]) for row in rows)
    # Of others nothing, whatever is asked for.
    for question in ("?state=sent", "?account=" + house.ids["bob"], "?state="):
        browser.open(postern.public_url + OWN + question)
        assert rows_of(browser) == rows
    browser.hold(postern.public_url, **house.cookies["bob"])
    browser.open(postern.public_url + OWN)
    assert rows_of(browser) == [] and "Nothing was sent to you yet." in browser.text("main, body")
    save(browser, "notifications-none")


def test_administrators_see_everybodys_by_state(house):
    browser, postern = house.browser, house.postern
    browser.show_as(1280, "light")
    browser.hold(postern.public_url, **house.cookies["administrator"])
    browser.open(postern.public_url + "/auth/admin")
    browser.follow("Notifications")
    assert (browser.url, browser.heading) == (postern.public_url + ALL, "Notifications")
    assert len(rows_of(browser)) == 7 and "somebody@example.org" in browser.text("tbody")
    for state, count in {"sent": 3, "waiting": 2, "failed": 1, "dropped": 1}.items():
        browser.driver.find_element("css selector", f"#state option[value={state}]").click()
        browser.press("Show")
        rows = rows_of(browser)
        assert len(rows) == count and all(row[2].startswith(state) for row in rows), state
        assert browser.attribute("#state", "value") == state
    browser.open(postern.public_url + ALL + "?state=failed")
    [row] = rows_of(browser)
    assert ERROR in row[2] and "<b>mailbox</b>" in browser.text("tbody"), "the server's words are taken for a page's"
    browser.follow(LONG)
    assert browser.heading == LONG


def test_the_administrations_list_is_closed_to_members_and_strangers(house):
    postern = house.postern
    for who, status in {"ada": 403, "bob": 403, "owner": 200, "administrator": 200}.items():
        answer = Visitor(postern, house.cookies[who]).get(ALL)
        assert answer.status_code == status and ("somebody@example.org" in answer.text) == (status == 200), who
    for path in (OWN, ALL):
        answer = Visitor(postern).get(path)
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/auth/sign-in")
    assert postern.get(API).status_code == 401


def test_no_token_and_no_link_stands_in_any_list(house):
    postern, token = house.postern, house.ids["link"].rsplit("/", 1)[1]
    ada = Visitor(postern, bearer=house.cookies["ada"]["postern"])
    for text in (Visitor(postern, house.cookies["ada"]).get(OWN).text, Visitor(postern, house.cookies["owner"]).get(ALL).text, ada.get(API).text):
        assert LINK_MAIL in text and token not in text
        assert "/auth/reset-password" not in text and "/auth/confirm" not in text and not re.search(r"[A-Za-z0-9_-]{40,}", re.sub(
            r'(name="form_token" value|href|src|data-\w+|integrity|content|"next")[=:]\s*"[^"]*"', "", text).replace(LONG, ""))
    with sqlite3.connect(postern.sqlite) as database:
        assert token not in repr(database.execute("SELECT * FROM notice").fetchall())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("who, path", [("ada", OWN), ("owner", ALL), ("owner", ALL + "?state=failed"), ("bob", OWN)], ids=["own", "all", "failed", "none"])
def test_the_lists_fit_their_window_and_nothing_complains(house, who, path, width, scheme, request):
    browser = house.browser
    browser.hold(house.postern.public_url, **house.cookies[who])
    browser.show_as(width, scheme)
    browser.complaints()
    browser.open(house.postern.public_url + path)
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    save(browser, f"notifications-{request.node.callspec.id}")
    assert browser.heading == "Notifications"
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert browser.run("return policyViolations") == [] and browser.complaints() == []
    assert browser.run("""
        const seen = [...document.querySelectorAll("main *")].filter(part => part.checkVisibility() && !part.matches(".visually-hidden, .fold thead"));
        return seen.filter(part => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX === "hidden").length;""") == 0, "something is cut off"


@pytest.mark.parametrize("who, path", [("ada", OWN), ("owner", ALL)], ids=["own", "all"])
def test_the_lists_say_to_a_screen_reader_what_each_thing_is(house, who, path):
    browser = house.browser
    browser.show_as(390, "light")
    browser.hold(house.postern.public_url, **house.cookies[who])
    browser.open(house.postern.public_url + path)
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    for field, label in browser.run("return [...document.querySelectorAll('main input:not([type=hidden]), main select')].map(field => "
                                    "[field.name, [...field.labels].map(label => label.textContent.trim()).join()])"):
        assert label, f"{field} has no label"
    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node.get("role", {}).get("value") for node in tree if not node.get("ignored")]
    assert roles.count("table") == 1 and roles.count("columnheader") == 4, "at a phone's width the table is none"
    assert roles.count("cell") == 4 * len(rows_of(browser))
    assert all(browser.run("""
        return [...document.querySelectorAll("section")].map(part => document.getElementById(part.getAttribute("aria-labelledby"))?.textContent);"""))


def test_without_scripts_the_lists_filter_page_and_save_as_well(house, make_browser):
    browser, postern = make_browser(scripts=False), house.postern
    browser.hold(postern.public_url, **house.cookies["owner"])
    browser.open(postern.public_url + ALL)
    browser.driver.find_element("css selector", "#state option[value=failed]").click()
    browser.press("Show")
    assert len(browser.texts("tbody tr")) == 1
    browser.hold(postern.public_url, **house.cookies["bob"])
    browser.open(postern.public_url + OWN)
    for wanted in (False, True):
        browser.tick(KIND)
        browser.press("Save the choice")
        assert browser.text(".notice") == "Your choice is saved."
        assert Visitor(postern, bearer=house.cookies["bob"]["postern"]).get(API).json()["wanted"] == {KIND: wanted, OTHER: True}


def test_the_choice_is_made_with_the_keyboard_alone(house):
    browser, postern = house.browser, house.postern
    browser.show_as(1280, "light")
    browser.hold(postern.public_url, **house.cookies["bob"])
    browser.open(postern.public_url + OWN)
    active = lambda: browser.driver.switch_to.active_element
    for _ in range(40):
        active().send_keys(Keys.TAB)
        if active().get_attribute("name") == KIND:
            break
    assert active().get_attribute("name") == KIND
    ring = "const ring = getComputedStyle(document.activeElement); return ring.outlineStyle !== 'none' || ring.boxShadow !== 'none'"
    assert browser.run(ring), "nobody sees where one is"
    was = active().is_selected()
    active().send_keys(Keys.SPACE, Keys.TAB)
    assert active().get_attribute("name") == OTHER
    active().send_keys(Keys.TAB)
    assert active().text == "Save the choice"
    active().send_keys(Keys.ENTER)
    wait_for("the answer", lambda: browser.texts(".notice") == ["Your choice is saved."])
    assert Visitor(postern, bearer=house.cookies["bob"]["postern"]).get(API).json()["wanted"] == {KIND: not was, OTHER: True}


def test_a_form_from_another_site_or_without_its_token_switches_nothing(house):
    postern, bob = house.postern, Visitor(house.postern, house.cookies["bob"])
    program = Visitor(postern, bearer=house.cookies["bob"]["postern"])
    assert program.send("PATCH", API, json={KIND: True}).status_code == 204
    token = Page(bob.get(OWN).text).form_token
    assert bob.send("POST", OWN, headers={"Sec-Fetch-Site": "cross-site"}, data={"form_token": token}).status_code == 403
    assert bob.send("POST", OWN, headers={"Sec-Fetch-Site": "same-origin"}, data={}).status_code == 403
    others = Page(Visitor(postern, house.cookies["ada"]).get(OWN).text).form_token
    assert bob.send("POST", OWN, headers={"Sec-Fetch-Site": "same-origin"}, data={"form_token": others}).status_code == 403
    assert reason(bob.send("PATCH", API, json={KIND: False}, headers={"Sec-Fetch-Site": "same-origin"})) == (403, "form-expired"), "a cookie alone switches it off"
    assert program.get(API).json()["wanted"] == {KIND: True, OTHER: True}


# The API, and long lists.


@pytest.fixture(scope="module")
def long_house(binary, tmp_path_factory):
    """Two people with 120 and 60 rows, of which every third failed."""
    postern = Postern(binary, tmp_path_factory.mktemp("long")).start()
    owner, ada, bob = Member(postern, "owner@example.org", "owner"), Member(postern, "ada@example.org"), Member(postern, "bob@example.org")
    for number in range(180):
        write(postern, number, bob.id if number % 3 == 0 else ada.id, "failed" if number % 2 == 0 else "sent", last_error="refused" if number % 2 == 0 else "")
    yield postern, owner, ada, bob
    postern.stop()


def pages_of(browser: Browser, url: str) -> list[list[int]]:
    browser.open(url)
    pages = []
    while True:
        pages.append([int(re.search(r"Row (\d+)", row[0]).group(1)) for row in rows_of(browser)])
        if "Older ones" not in browser.texts("a"):
            return pages
        browser.follow("Older ones")


def test_older_ones_are_on_further_pages_each_row_once(long_house, browser):
    postern, owner, ada, bob = long_house
    every = list(range(179, -1, -1))
    mine = {person: [number for number in every if (number % 3 == 0) == (person is bob)] for person in (ada, bob)}
    browser.hold(postern.public_url, postern=owner.sign_in())
    pages = pages_of(browser, postern.public_url + ALL)
    assert [len(page) for page in pages] == [50, 50, 50, 30] and sum(pages, []) == every
    for state, rest in {"failed": 0, "sent": 1}.items():
        pages = pages_of(browser, f"{postern.public_url}{ALL}?state={state}")
        assert [len(page) for page in pages] == [50, 40] and sum(pages, []) == [number for number in every if number % 2 == rest], state
        assert browser.attribute("#state", "value") == state, "the filter is lost on the next page"
    for person in (ada, bob):
        browser.hold(postern.public_url, postern=person.sign_in())
        pages = pages_of(browser, postern.public_url + OWN)
        assert [len(page) for page in pages] == ([50, 50, 20] if person is ada else [50, 10]) and sum(pages, []) == mine[person]


def test_programs_page_through_their_own_alone(long_house):
    postern, _, ada, bob = long_house
    token, found, before, sizes = ada.sign_in(), [], "", []
    while True:
        answer = ada.call(token, "GET", API + before)
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
        document = answer.json()
        assert set(document) == {"notifications", "wanted"} | ({"next"} if "next" in document else set()) and document["wanted"] == {KIND: True, OTHER: True}
        found += document["notifications"]
        sizes.append(len(document["notifications"]))
        if "next" not in document:
            break
        assert document["next"] == found[-1]["id"]
        before = f"?before={document['next']}"
    assert sizes == [50, 50, 20]
    assert [int(line["subject"].removeprefix("Row ")) for line in found] == [number for number in range(179, -1, -1) if number % 3]
    assert {frozenset(line) for line in found} == {
        frozenset({"id", "kind", "why", "channel", "target", "subject", "state", "tries", "created_at", "ended_at"})}
    failed = next(line for line in found if line["state"] == "failed")
    assert (failed["why"], failed["channel"], failed["tries"]) == ("Password expires soon", "mail", 1)
    # Behind a row of somebody else come one's own still, and none of theirs.
    other = bob.call(bob.sign_in(), "GET", API).json()["notifications"][10]
    lines = ada.call(token, "GET", f"{API}?before={other['id']}").json()["notifications"]
    assert lines and {line["id"] for line in lines} <= {line["id"] for line in found}


@pytest.mark.parametrize("before", ["x", "", "123", "0" * 36, "%00", "../../x", "00000000-0000-0000-0000-00000000000g"])
def test_a_page_that_is_none_is_refused_in_words(long_house, before):
    postern, owner, ada, _ = long_house
    answer = ada.call(ada.sign_in(), "GET", f"{API}?before={before}")
    assert reason(answer) == (400, "malformed") and answer.json().get("field") in ("before", None), answer.text
    visitor = Visitor(postern, {"postern": owner.sign_in()})
    for path in (OWN, ALL):
        page = visitor.get(f"{path}?before={before}")
        assert page.status_code == 400 and "<h1" in page.text


@pytest.mark.parametrize("body", [
    {"password-changed": False}, {"password-reset": False}, {KIND: False, "password-stolen": False}, {"passwordExpires": False}, {KIND: "no"}, {KIND: 0},
    {KIND: None}, {KIND: []}, {"wanted": {KIND: False}}, [], "off", {KIND: False, "account": "x"},
], ids=json.dumps)
def test_what_always_comes_cannot_be_switched_off_and_unknown_fields_are_refused(long_house, body):
    postern, _, ada, _ = long_house
    token = ada.sign_in()
    answer = ada.call(token, "PATCH", API, body)
    assert reason(answer) == (400, "malformed"), answer.text
    assert ada.call(token, "GET", API).json()["wanted"] == {KIND: True, OTHER: True}, "some of it was done"
    with sqlite3.connect(postern.sqlite) as database:
        assert database.execute("SELECT COUNT(*) FROM notice_refused").fetchone() == (0,)


def test_a_program_switches_reminders_off_and_on_for_itself_alone(postern):
    ada, bob = Member(postern, "ada@example.org"), Member(postern, "bob@example.org")
    tokens = {person: person.sign_in() for person in (ada, bob)}
    wanted = lambda person: person.call(tokens[person], "GET", API).json()["wanted"][KIND]
    for body, is_wanted in (({KIND: False}, False), ({KIND: False}, False), ({}, False), ({KIND: True}, True), ({KIND: True}, True), ({}, True)):
        answer = ada.call(tokens[ada], "PATCH", API, body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (wanted(ada), wanted(bob)) == (is_wanted, True)
    # A form may only name what can be switched off as well.
    visitor = Visitor(postern, {"postern": tokens[ada]})
    assert visitor.post(OWN, OWN, **{"password-changed": "no", KIND: "yes"}).status_code in (303, 400)
    ada.call(tokens[ada], "PATCH", API, {KIND: False})
    assert change(postern, tokens[ada], ada.password, NEXT).status_code == 204
    assert wait_for("the mail that always comes", lambda: postern.letter(ada.email, CHANGE_MAIL))
    assert reason(postern.request("PATCH", API, json={KIND: False}))[0] == 401


def test_what_happens_to_an_account_stands_in_its_list_and_goes_with_it(postern):
    ada, owner = Member(postern, "ada@example.org"), Member(postern, "owner@example.org", "owner")
    asked_link(postern, ada.email)
    ada.with_app()
    token = ada.sign_in()
    assert change(postern, token, ada.password, NEXT).status_code == 204
    kinds = lambda: [(line["kind"], line["state"], line["target"]) for line in ada.call(token, "GET", API).json()["notifications"]]
    wait_for("all mails", lambda: len(kinds()) == 3 and {state for _, state, _ in kinds()} == {"sent"})
    assert [kind for kind, *_ in kinds()] == ["password-changed", "authenticator-added", "password-reset"], kinds()
    postern.sign_up("new@example.org")
    wait_for("the mail", lambda: postern.letters("new@example.org"))
    admin = Visitor(postern, {"postern": owner.sign_in()})
    assert "Confirm an address" in admin.get(ALL).text
    page = f"/auth/admin/people/{ada.id}"
    assert admin.post(page, page + "/delete").status_code == 303
    with sqlite3.connect(postern.sqlite) as database:
        assert database.execute("SELECT COUNT(*) FROM notice WHERE target = ?", [ada.email]).fetchone() == (0,)
