"""The sign-in history: what people, programs and administrators see of it, and that no stranger's words do anything there."""

import csv
import io
import json
import re
import sqlite3
import uuid

import pytest
from selenium.webdriver.common.by import By

from parts import places
from parts.guessing import NOT_RIGHT, WRONG, verdict
from parts.job_rows import change, select
from parts.member import Member
from parts.postern import PASSWORD, Postern, reason
from parts.processes import wait_for
from parts.visitor import Visitor

ADA, BOB, OWNER = "ada@example.org", "bob@example.org", "owner@example.org"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
LIFTED = ("throttling:\n  sign-in: {per-address: 1000000/1m, wait-after: 100/1s, block-after: 100, lock-after: 100, stuffing: 10000/1m}\n")
PAGE, ADMIN, API, ADMIN_API = "/auth/account/history", "/auth/admin/sign-ins", "/auth/v1/account/sign-ins", "/auth/v1/admin/sign-ins"
SHAPE = {"at", "outcome", "reason", "methods", "address", "place", "network", "browser", "system", "known_browser", "session", "times", "last_at", "unusual"}


@pytest.fixture
def postern(make_postern, tmp_path) -> Postern:
    """One that knows places, and who works for a spreadsheet."""
    formula = places.city("PT", "=cmd|' /C calc'!A0", 38, -9, 20, 64_600, "+1,\"two\"")
    places.write(tmp_path / "places.mmdb", places.PLACES | {"5.8.0.0/16": formula})
    return make_postern(settings=f"places: {{files: [{tmp_path / 'places.mmdb'}]}}\n").start()


def attempt(postern: Postern, email: str = ADA, password: str = PASSWORD, address: str = places.LISBON, agent: str = FIREFOX, mark: str | None = None):
    headers = {"X-Forwarded-For": address, "User-Agent": agent} | ({"Postern-Browser": mark} if mark else {})
    return postern.request("POST", "/auth/v1/sign-in", json={"email": email, "password": password}, headers=headers)


def settle(postern: Postern) -> None:
    wait_for("all to be looked at", lambda: select(postern, "SELECT COUNT(*) FROM sign_in_attempt WHERE settled = 0") == [(0,)])


def lived(postern: Postern) -> str:
    """Ada signs in from Lisbon, mistypes three times, and signs in from Rotterdam and São Paulo; returns the session that looks."""
    postern.make_account(ADA)
    here = attempt(postern).json()["session"]["token"]
    settle(postern)
    for _ in range(3):
        assert attempt(postern, password=WRONG, address=places.VPN, agent="curl/8.0").status_code == 401
    for address, agent in ((places.ROTTERDAM, IPHONE), (places.SAO_PAULO, FIREFOX)):
        assert attempt(postern, address=address, agent=agent, mark=agent[-5:].replace(".", "x").ljust(42, "B").replace("/", "x") + "A").status_code == 200
        settle(postern)
    return here


def listed(postern: Postern, token: str, query: str = "", path: str = API):
    return postern.get(path + query, headers={"Authorization": f"Bearer {token}"})


# One's own.


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_the_page_shows_everything_newest_first_filters_it_and_says_whose_times(postern, make_browser, scripts):
    here = lived(postern)
    browser = make_browser(scripts=scripts)
    if scripts:
        browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Australia/Eucla"})
    browser.hold(postern.public_url, postern=here)
    browser.open(postern.public_url + PAGE)
    assert browser.heading == "Sign-in history"
    assert browser.texts(".attempts .what") == ["Signed in", "Signed in", "Wrong password, 3 times", "Signed in"]
    details = browser.texts(".attempts .detail")
    for line, words in zip(details, (["Firefox on Linux", "São Paulo, Brazil"], ["Safari on iPhone", "Rotterdam, South Holland, Netherlands"],
                                     ["curl", "shared way out"], ["Firefox on Linux, this session", "Lisbon, Portugal"])):
        assert all(word in line for word in words), details
    flags = browser.texts(".attempts .flag")
    assert len(flags) >= 2 and "New browser" in flags[0] and "Impossible travel" in flags[0]
    zone, clock = browser.text("[data-zone]"), browser.texts(".attempts .when time")[0]
    at = browser.attribute(".attempts .when time", "datetime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at)
    if scripts:
        assert zone == "Times are in Australia/Eucla."
        minutes = (int(at[11:13]) * 60 + int(at[14:16]) + 525) % 1440
        shown = re.search(r"(\d\d):(\d\d)\s*(AM|PM)?", clock)
        hour = int(shown[1]) % 12 + (12 if shown[3] == "PM" else 0) if shown[3] else int(shown[1])
        assert (hour, int(shown[2])) == divmod(minutes, 60), (at, clock)
        assert browser.run("return policyViolations") == [] and browser.complaints() == []
    else:
        assert zone == "Times are in UTC." and clock == at[11:16]
    assert browser.texts("figcaption b") == ["3 sign-ins and 3 failures"]
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, ".plot svg rect")) == 2
    # The one that looks can't be said to be a stranger's, nor what got nobody in.
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, ".attempts .act")) == 2
    for show, count in {"signed-in": 3, "refused": 1, "unusual": 2, "all": 4}.items():
        browser.driver.find_element(By.CSS_SELECTOR, f"option[value={show}]").click()
        browser.press("Show")
        assert len(browser.texts(".attempts > li")) == count, show
    browser.open(postern.public_url + PAGE + "?show=refused")
    browser.driver.find_element(By.CSS_SELECTOR, ".attempts summary").click()
    assert places.VPN in browser.text(".attempts .facts") and "Example Tunnels" in browser.text(".attempts .facts")


def test_the_history_is_taken_along_as_csv_and_json(postern):
    here = lived(postern)
    assert attempt(postern, address="5.8.0.7", mark="C" * 42 + "A").status_code == 200
    settle(postern)
    visitor = Visitor(postern, {"postern": here})
    answer = visitor.get(PAGE + "/export?format=csv")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/csv") and answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r'attachment; filename="sign-ins-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"])
    lines = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert len(lines) == 5 and answer.content.count(b"\r\n") == 6
    assert set(lines[0]) == SHAPE
    assert lines[0]["place"].startswith("'=cmd|") and lines[0]["network"] == "'+1,\"two\"", "a spreadsheet calculates what a stranger wrote"
    assert not [value for line in lines for value in line.values() if value[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert [line["times"] for line in lines] == ["1", "1", "1", "3", "1"]
    document = json.loads(visitor.get(PAGE + "/export?format=json").content)
    assert [line["at"] for line in document] == [line["at"] for line in lines] == sorted((line["at"] for line in lines), reverse=True)
    assert document == listed(postern, here).json()["sign_ins"]


def test_a_long_history_is_taken_along_whole_and_read_page_by_page(make_postern):
    postern = make_postern(settings=LIFTED).start()
    ada = Member(postern, ADA)
    token = ada.sign_in()
    settle(postern)
    many_sign_ins(postern, ada.id, 2_000)
    lines = Visitor(postern, {"postern": token}).get(PAGE + "/export?format=csv").content.decode().splitlines()
    assert len(lines) == 2_002
    found, query = [], "?limit=200"
    while True:
        answer = listed(postern, token, query).json()
        found += answer["sign_ins"]
        if answer["next"] is None:
            break
        query = f"?limit=200&after={answer['next']}"
    assert len(found) == 2_001 and [line["at"] for line in found] == [line.split(",")[0] for line in lines[1:]]
    # Page by page, as people read it.
    visitor, path, count = Visitor(postern, {"postern": token}), PAGE, 0
    for _ in range(60):
        text = visitor.get(path).text
        count += len(re.findall(r'<p class="what">', text))
        older = re.search(r'<a class="button" href="([^"]+)">Older', text)
        if not older:
            break
        path = older[1].replace("&amp;", "&").replace("&#38;", "&")
    assert count == 2_001


def many_sign_ins(postern: Postern, account: str, count: int) -> None:
    """As many before the first one, a minute apart, as if they had been."""
    owner = uuid.UUID(account).bytes
    with sqlite3.connect(postern.sqlite, timeout=10) as database:
        [(first,)] = database.execute("SELECT MIN(number) FROM sign_in_attempt WHERE account_id = ?", [owner]).fetchall()
        numbers = [first - (step + 1) * 60_000_000 * 1024 for step in range(count)]
        for number, before in zip(numbers, [*numbers[1:], None]):
            database.execute(
                "INSERT INTO sign_in_attempt (number, account_id, identifier, outcome, reason, address, browser, session_id, spared, known_browser, mark, times,"
                " last_at, settled, previous) VALUES (?, ?, NULL, 'signed-in', 'password', '5.1.0.7', ?, NULL, 0, 1, NULL, 1, ?, 1, ?)",
                [number, owner, FIREFOX, number >> 10, before])
        database.execute("UPDATE sign_in_attempt SET previous = ? WHERE number = ?", [numbers[0], first])


def test_programs_get_a_stable_shape_and_a_cursor_that_is_theirs_alone(postern):
    here = lived(postern)
    answer = listed(postern, here, "?limit=2").json()
    assert set(answer) == {"sign_ins", "next"} and len(answer["sign_ins"]) == 2
    latest = answer["sign_ins"][0]
    assert SHAPE - {"session"} <= set(latest) <= SHAPE
    assert (latest["outcome"], latest["reason"], latest["methods"], latest["address"]) == ("signed-in", "", ["password"], places.SAO_PAULO)
    assert (latest["place"], latest["network"], latest["browser"], latest["system"]) == ("São Paulo, Brazil", "Example Brasil", "Firefox", "Linux")
    assert (latest["known_browser"], latest["times"], latest["at"]) == (False, 1, latest["last_at"])
    assert {"new-browser", "travel", "new-country", "new-network"} == {finding["kind"] for finding in latest["unusual"]}
    assert all(set(finding) == {"kind", "confidence", "reason"} and finding["reason"] for finding in latest["unusual"])
    rest = listed(postern, here, f"?limit=2&after={answer['next']}").json()
    assert len(rest["sign_ins"]) == 2
    if rest["next"]:
        assert listed(postern, here, f"?after={rest['next']}").json() == {"sign_ins": [], "next": None}
    assert rest["sign_ins"][0]["reason"] == "wrong-password" and rest["sign_ins"][0]["times"] == 3
    bob = Member(postern, BOB).sign_in()
    cursor = answer["next"]
    for token, after in ((bob, cursor), (here, cursor[:-1] + ("A" if cursor[-1] != "A" else "B")), (here, "x"), (here, ""), (here, "1" * 3_000)):
        assert reason(listed(postern, token, f"?after={after}")) == (400, "malformed"), after
    assert Visitor(postern, {"postern": bob}).get(f"{PAGE}?after={cursor}").status_code == 400
    for query, field in {"?show=everything": "show", "?limit=0": "limit", "?limit=201": "limit", "?limit=x": "limit", "?limit=-1": "limit"}.items():
        refused = listed(postern, here, query)
        assert reason(refused) == (400, "malformed") and refused.json()["field"] == field and "Allowed" in refused.json()["detail"], query
    for path in (API, ADMIN_API):
        assert postern.get(path).status_code == 401
    assert listed(postern, here, path=ADMIN_API).status_code in (403, 404)


def test_everything_anybody_lists_has_all_its_fields(postern):
    """What is unknown is null, not gone."""
    here = lived(postern)
    assert verdict(postern, "nobody@example.org", address="10.0.0.7") == NOT_RIGHT
    for line in listed(postern, here).json()["sign_ins"]:
        assert set(line) == SHAPE
    owner = Member(postern, OWNER, "owner").sign_in()
    for line in listed(postern, owner, path=ADMIN_API).json()["sign_ins"]:
        assert SHAPE <= set(line) <= SHAPE | {"account", "email"}


def test_sessions_say_where_they_are_and_all_end_at_once(postern, make_browser):
    here = lived(postern)
    browser = make_browser()
    browser.hold(postern.public_url, postern=here)
    browser.open(postern.public_url + "/auth/account/sessions")
    assert "Lisbon, Portugal" in browser.text("section[aria-labelledby=this]")
    others = browser.texts("section[aria-labelledby=others] li")
    assert len(others) == 2 and any("Rotterdam" in line for line in others) and any("São Paulo" in line for line in others)
    tokens = [here, attempt(postern).json()["session"]["token"]]
    browser.unfold("End all, this one too")
    browser.press("End all sessions")
    assert browser.heading.startswith("Sign in to ")
    wait_for("all to be over", lambda: [postern.session_status(token) for token in tokens] == [401, 401], 1)
    assert browser.driver.get_cookie("postern") is None


# Strangers' words.


HOSTILE = [
    "<script>throw 'agent'</script> Firefox/1", "<img src=x onerror=window.hit=1>", "'\"><svg onload=window.hit=1>", "javascript:window.hit=1", "</title><script>window.hit=1</script>",
    "{{7*7}} ${7*7} #{7*7}", "Chrome/1 --><script>window.hit=1</script>", "<a href=javascript:window.hit=1 autofocus onfocus=window.hit=1>", "‮<b>Firefox/1", "\"`'<math><mi//xlink:href=\"data:x,<script>window.hit=1</script>\">",
]


def test_no_strangers_words_run_a_script_anywhere(postern, make_browser, tmp_path):
    ada = postern.make_account(ADA)
    owner = Member(postern, OWNER, "owner").sign_in()
    here = attempt(postern).json()["session"]["token"]
    settle(postern)
    for number, agent in enumerate(HOSTILE):
        agent = agent.encode().decode("latin-1")
        assert attempt(postern, address=places.SCRIPT, agent=agent, mark=f"{number:x}".rjust(42, "A") + "A").status_code == 200
        attempt(postern, password=WRONG, address=places.SCRIPT, agent=agent)
        attempt(postern, "<b>x</b>@example.org", WRONG, places.SCRIPT, agent)
    settle(postern)
    letters = wait_for("the mails", lambda: (found := [letter for letter in postern.letters(ADA) if letter["subject"].startswith("A new sign-in to your account")])[4:] and found)
    link = re.search(r"^https?://\S*/auth/not-me/\S+$", letters[0]["text"], re.MULTILINE).group()
    browser = make_browser()
    pages = {
        "history": (here, PAGE), "unusual": (here, PAGE + "?show=unusual"), "sessions": (here, "/auth/account/sessions"), "profile": (here, "/auth/account"),
        "feed": (owner, ADMIN), "feed with a search": (owner, ADMIN + "?email=%3Cscript%3Ewindow.hit%3D1%3C/script%3E&address=%22%3E%3Csvg%20onload=window.hit=1%3E&country=%3Cb&outcome=%27%3E"),
        "person": (owner, f"/auth/admin/people/{ada}"), "overview": (owner, "/auth/admin"), "not me": ("", link.removeprefix(postern.public_url)),
        "was me": ("", link.removeprefix(postern.public_url).replace("not-me", "was-me")),
    }
    for name, (token, path) in pages.items():
        browser.hold(postern.public_url, **({"postern": token} if token else {}))
        browser.open(postern.public_url + path)
        assert_quiet(browser, name)
        if name in ("history", "feed", "sessions", "not me"):
            assert "<script>throw 'place'</script>" in browser.text("body"), f"{name}: the place isn't shown as it is"
    for name, letter in enumerate(letters):
        assert "<script" not in letter["html"] and "<img src=x" not in letter["html"] and "<svg onload" not in letter["html"]
        file = tmp_path / f"{name}.html"
        file.write_text(letter["html"])
        browser.open(file.as_uri())
        assert_quiet(browser, "mail")


def assert_quiet(browser, name: str) -> None:
    assert browser.run("return typeof window.hit") == "undefined", name
    wrong = browser.run("return [...document.querySelectorAll('[onload], [onerror], [onfocus], [href^=\"javascript:\"]')].map(found => found.outerHTML)")
    assert wrong == [], f"{name}: {wrong}"
    assert browser.run("return [...document.scripts].filter(found => !found.src && found.type !== 'application/json').map(found => found.outerHTML)") == [], name
    assert browser.run("return window.policyViolations || []") == [], name
    complaints = [line for line in browser.complaints() if "status of 4" not in line]
    assert complaints == [], f"{name}: {complaints}"


# Everybody's.


def feed(postern: Postern, owner: str, query: str) -> list[tuple[str | None, str, str | None]]:
    answer = listed(postern, owner, query, ADMIN_API)
    assert answer.status_code == 200, answer.text
    return [(line.get("email"), line["outcome"], line.get("address")) for line in answer.json()["sign_ins"]]


def test_administrators_see_everybodys_and_look_for_some(postern, browser):
    lived(postern)
    owner = Member(postern, OWNER, "owner").sign_in()
    postern.make_account(BOB)
    attempt(postern, BOB, address=places.PARIS)
    attempt(postern, "nobody@example.org", WRONG, places.PARIS)
    settle(postern)
    assert len(feed(postern, owner, "")) == 7
    assert feed(postern, owner, f"?email={BOB}") == [(BOB, "signed-in", places.PARIS)]
    assert feed(postern, owner, f"?address={places.VPN}") == feed(postern, owner, "?address=5.4.0.0/16") == [(ADA, "refused", places.VPN)]
    assert {line[2] for line in feed(postern, owner, "?address=2a00:1::/32")} == {places.PARIS}
    assert len(feed(postern, owner, "?country=FR")) == len(feed(postern, owner, "?country=fr")) == 2
    assert [line[1] for line in feed(postern, owner, "?country=FR&outcome=refused")] == ["refused"]
    assert {line[1] for line in feed(postern, owner, "?outcome=signed-in")} == {"signed-in"} and feed(postern, owner, "?outcome=challenged") == []
    assert feed(postern, owner, "?country=ZZ") == []
    first = listed(postern, owner, "?limit=3", ADMIN_API).json()
    assert len(first["sign_ins"]) == 3
    rest = listed(postern, owner, f"?limit=50&after={first['next']}", ADMIN_API).json()
    assert len(rest["sign_ins"]) == 4
    for query, field in {"?email=nobody@example.org": "email", "?email=x": "email", "?address=300.1.1.1": "address", "?address=5.1.0.1/16": "address", "?address=x": "address",
                         "?country=PORTUGAL": "country", "?outcome=maybe": "outcome", "?after=x": "after", "?limit=0": "limit"}.items():
        refused = listed(postern, owner, query, ADMIN_API)
        assert reason(refused) == (400, "malformed") and refused.json()["field"] == field and refused.json()["detail"], query

    browser.hold(postern.public_url, postern=owner)
    browser.open(postern.public_url + ADMIN)
    assert browser.heading == "Sign-ins" and len(browser.texts("section[aria-labelledby=feed] tbody tr")) == 7
    assert browser.texts("[role=alert]") == [], "something is wrong, and nobody says what"
    [vpn] = [line for line in browser.texts("section[aria-labelledby=places] tbody tr") if "Ashburn" in line]
    assert vpn.split()[-2:] == ["0", "3"], "a flood is counted as one try"
    assert any("Rotterdam" in line for line in browser.texts("section[aria-labelledby=places] tbody tr"))
    assert any("Impossible travel" in line for line in browser.texts("section[aria-labelledby=unusual] tbody tr"))
    assert "Test-City" in browser.text("section[aria-labelledby=places] footer")
    browser.type(address="5.4.0.0/16")
    browser.press("Show")
    assert len(browser.texts("section[aria-labelledby=feed] tbody tr")) == 1 and browser.attribute("#address", "value") == "5.4.0.0/16"
    for field, value, words in (("address", "nowhere", "Give an address or a network"), ("email", "nobody@example.org", "No account has that address."), ("country", "X", "Give two letters")):
        browser.open(postern.public_url + ADMIN)
        browser.type(**{field: value})
        browser.press("Show")
        assert words in browser.text("[role=alert]") and browser.attribute(f"#{field}", "value") == value
    assert browser.run("return policyViolations") == [] and browser.complaints() == []


@pytest.mark.parametrize("email", [ADA, "ada+shop@example.org", "o'brien&sons@example.org"])
def test_a_persons_page_leads_to_all_of_their_attempts(postern, browser, email):
    member = Member(postern, email)
    member.sign_in()
    browser.hold(postern.public_url, postern=Member(postern, OWNER, "owner").sign_in())
    browser.open(f"{postern.public_url}/auth/admin/people/{member.id}")
    browser.follow("All of them")
    assert browser.attribute("#email", "value") == email
    assert len(browser.texts("section[aria-labelledby=feed] tbody tr")) == 1


def test_nobody_else_sees_everybodys(postern):
    here = lived(postern)
    member = Visitor(postern, {"postern": here})
    assert member.get(ADMIN).status_code in (403, 404)
    assert postern.get(ADMIN, headers={"Accept": "text/html"}).status_code in (303, 401)
    [(number,)] = select(postern, "SELECT MAX(number) FROM sign_in_attempt")
    bob = Visitor(postern, {"postern": Member(postern, BOB).sign_in()})
    # Somebody else's sign-in is none of theirs to disown.
    assert bob.post(PAGE, PAGE + "/not-me", number=str(number)).status_code == 404
    for value in ("", "x", "-1", "99999999999999999999", "0"):
        assert bob.post(PAGE, PAGE + "/not-me", number=value).status_code in (400, 404), value
    assert postern.session_status(here) == 200 and postern.try_sign_in(ADA).status_code == 200


def test_a_flood_leaves_few_lines_and_says_how_often(make_postern):
    """LO-07."""
    postern = make_postern(settings=LIFTED).start()
    ada = Member(postern, ADA)
    token = ada.sign_in()
    # Nobody signs in to a locked account: what counts is that each is looked at.
    count = 0

    def unlock() -> None:
        change(postern, "DELETE FROM password_try")
    for number in range(1_000):
        if number % 90 == 0:
            unlock()
        count += verdict(postern, ADA, address="5.1.0.7") == NOT_RIGHT
    assert lines_of(postern) == (1, count)
    for number in range(1_000):
        if number % 90 == 0:
            unlock()
        count += verdict(postern, ADA, address=f"5.{number % 200}.{number // 200}.9") == NOT_RIGHT
    lines, times = lines_of(postern)
    # Twenty sources in an hour have a line of their own; two hours where one begins meanwhile.
    assert lines <= 43 and times == count > 1_500, (lines, times, count)
    shared = [line for line in listed(postern, token).json()["sign_ins"] if line["times"] > 1 and line.get("address") is None]
    assert len(shared) == 1 and shared[0]["times"] > 500
    assert "many addresses" in Visitor(postern, {"postern": token}).get(PAGE).text
    # Whoever floods addresses that have no account fills nothing either.
    for number in range(300):
        attempt(postern, f"nobody{number}@example.org", WRONG, "5.9.9.9")
    assert select(postern, "SELECT COUNT(*) FROM sign_in_attempt WHERE account_id IS NULL")[0][0] <= 1_001
    assert "nobody7@" not in str(select(postern, "SELECT * FROM sign_in_attempt WHERE account_id IS NULL"))


def lines_of(postern: Postern) -> tuple[int, int]:
    """How many lines of wrong passwords there are, and how many tries they count."""
    return select(postern, "SELECT COUNT(*), SUM(times) FROM sign_in_attempt WHERE outcome = 'refused' AND reason = 'wrong-password' AND account_id IS NOT NULL")[0]
