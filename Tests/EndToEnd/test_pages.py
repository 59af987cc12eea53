"""Every page at the width of a small phone and of a desk, light and dark: no sideways scrolling, no complaints."""

import math
import os
import random
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts import places
from parts.browser import Browser
from parts.choosing import NEXT
from parts.job_rows import select
from parts.key_house import COMPANY, NAME, KeyHouse
from parts.member import Member
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for
from parts.visitor import Visitor

LONG = "a.person.with.a.remarkably.long.address.that.nobody.types@a-rather-long-subdomain.example.org"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
EQUIPPED = LONG.replace("a.person", "an.owner")
# As long as a name may be, and one word.
APP = "The-tablet-that-lies-on-the-kitchen-table-since-last-summer"
APPS = ["reports-of-the-whole-northern-department", "wiki"]

DELIVERY = """delivery:
  countries: [PT, BR, FR, DE, MT]
  resend-after: 10s
  providers: {north: {kind: development, price: 0.041}, a-provider-with-a-long-name: {kind: development, price: 0.047}}
  routes:
    texts: {channel: sms, arms: [north 1, a-provider-with-a-long-name 0]}
    calls: {channel: voice, arms: [north]}
  experiments:
    north-or-south: {channel: sms, countries: [PT, BR, FR, DE, MT], arms: [north 1, a-provider-with-a-long-name 0], start: 2026-11-01}
  guard: {mode: enforce, spend-per-day: 50}
"""


@pytest.fixture(scope="module")
def house(binary, tmp_path_factory):
    """A node with people in it, what each of them holds, and a browser."""
    with ExitStack() as stack:
        file = tmp_path_factory.mktemp("places") / "places.mmdb"
        places.write(file)
        settings = ("second-factor: {trusted-browsers: 30d}\ngroups: {staff: {second-factor: {required: yes}}}\n"
                    f"apps:\n  {APPS[0]}:\n    host: a-rather-long-name-of-a-host.example.org:8443\n    identity: email\n"
                    f"    groups: [staff, a-group-with-a-long-name]\n    rules: ['/open/* bypass', '/team/* aal2', '/staff/* group:staff']\n"
                    f"  {APPS[1]}:\n    host: wiki.test\n    rules: ['/open/* bypass', '/staff/* group:staff']\n"
                    f"throttling:\n  sign-in: {{lock-after: 10}}\n  rules:\n    a-rule-with-quite-a-long-name:\n      kind: throttle\n"
                    "      mode: shadow\n      paths: [/auth/sign-up, /a/path/that/is/longer/than/a/small/screen/is/wide/*]\n      limit: 0/1h\n"
                    f"places: {{files: [{file}]}}\n" + DELIVERY)
        postern = Postern(binary, tmp_path_factory.mktemp("pages"), settings=settings).start()
        stack.callback(postern.stop)
        owner, person = Member(postern, "owner@example.org", "owner"), Member(postern, LONG)
        for _ in range(2):
            postern.sign_in(LONG)
            postern.try_sign_in(LONG, "a wrong password altogether")
        postern.sign_up("new." + LONG)
        postern.mailed_link("new." + LONG)
        for _ in range(11):
            postern.try_sign_in("locked." + LONG, "a wrong password altogether")
        postern.command("block", "add", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/112", "--why", "it asks for everything, all day long, from everywhere")
        postern.get("/auth/sign-up")
        equipped = equip(Member(postern, EQUIPPED))
        newcomer = Member(postern, LONG.replace("a.person", "a.newcomer"))
        newcomer.join("staff")
        reached, waiting = reach(Member(postern, "re." + LONG), "+351912345678"), Member(postern, "wa." + LONG)
        waiting_token = waiting.sign_in()
        number = waiting.call(waiting_token, "POST", "/auth/v1/account/phones", {"number": "+351912345679"}).json()["id"]
        traveller = Member(postern, "tr." + LONG)
        here, links = travels(traveller)
        weeks_of_codes(postern)
        postern.command("delivery", "outage", "--channel", "sms", "--country", "FR")
        keys = KeyHouse(postern, LONG)
        browser = Browser(tmp_path_factory.mktemp("chromium"))
        stack.callback(browser.close)
        yield House(postern, browser, keys.ids | {
            "person": person.id, "equipped": equipped.id, "app": app_of(equipped), "reached": reached.id, "waiting": number, "phone": reached.number,
        }, {
            "stranger": {}, "inside": {"postern": owner.sign_in()}, "person": {"postern": person.sign_in()}, "equipped": {"postern": equipped.token},
            "half": {"postern_attempt": equipped.attempt()}, "newcomer": {"postern_attempt": newcomer.begin()["attempt"]},
            "leaver": leaver(postern), "reached": {"postern": reached.token}, "waiting": {"postern": waiting_token},
            "asked": {"postern_attempt": asked(reached)}, "asks": {"postern_attempt": reached.attempt()},
            "traveller": {"postern": here}, "told": {"postern_link": links[0]}, "disowned": {"postern_link": links[1]}, "owned": {"postern_link": links[2]},
            "onlooker": {"postern": postern.sign_in(LONG.replace("person", "onlooker"))},
        }, {"mover": lambda: mover(postern), "keeper": keys.sign_in, "maker": lambda: maker(postern)})


@dataclass
class House:
    postern: Postern
    browser: Browser
    ids: dict[str, str]
    cookies: dict[str, dict[str, str]]
    # Of who must have just proved who they are, or whose link is good once.
    fresh: dict[str, Callable[[], dict[str, str]]]

    def held_by(self, who: str) -> dict[str, str]:
        return self.fresh[who]() if who in self.fresh else self.cookies[who]


def equip(member: Member) -> Member:
    """Gives them two apps and a trusted browser."""
    member.with_app()
    member.token = member.finish(member.attempt(), member.codes.pop(), "recovery_code").json()["session"]["token"]
    member.add_app(member.token, APP)
    assert member.finish(member.attempt(), member.codes.pop(), "recovery_code", trust=True).json()["trust"]
    return member


def reach(member: Member, number: str) -> Member:
    """Gives them a confirmed number."""
    member.token = member.sign_in()
    member.number = member.call(member.token, "POST", "/auth/v1/account/phones", {"number": number}).json()["id"]
    text = wait_for("a text", lambda: member.postern.letters(number))[0]["text"]
    code = re.search(r"[0-9]{6}", text).group()
    assert member.call(member.token, "POST", f"/auth/v1/account/phones/{member.number}/confirm", {"code": code}).status_code == 200
    return member


def travels(member: Member) -> tuple[str, list[str]]:
    """Gives them a history of sign-ins from many places; returns the session that is left, and three links of what was unusual: the second
    said that it wasn't them, the third that it was."""
    postern = member.postern

    def sign_in(address: str, mark: str, password: str = PASSWORD):
        answer = postern.request("POST", "/auth/v1/sign-in", json={"email": member.email, "password": password},
                                 headers={"X-Forwarded-For": address, "User-Agent": PHONE, "Postern-Browser": mark * 42 + "A"})
        wait_for("it to be looked at", lambda: select(postern, "SELECT COUNT(*) FROM sign_in_attempt WHERE settled = 0") == [(0,)])
        return answer
    sign_in(places.LISBON, "A")
    for number in range(5):
        sign_in(places.VPN if number % 2 else "2a00:1:aaaa:bbbb:cccc:dddd:eeee:ffff", "B", "a wrong password altogether")
    for mark, address in {"C": places.SAO_PAULO, "D": places.ROTTERDAM, "E": places.SCRIPT}.items():
        sign_in(address, mark)
    letters = wait_for("the mails", lambda: (found := postern.letters(member.email))[2:] and found)
    links = [re.search(r"/auth/not-me/(\S+)", letter["text"])[1] for letter in letters[:3]]
    # Who says that one wasn't them voids the links of later ones.
    links = [links[1], links[0], links[2]]
    for way, link in (("was-me", links[2]), ("not-me", links[1])):
        visitor = Visitor(postern, {"postern-link": link})
        assert visitor.post(f"/auth/{way}", f"/auth/{way}").status_code == 303
    # Its password opens nothing any more; what follows was chosen by mail.
    link = wait_for("the link", lambda: postern.letter(member.email, "Choose another password"))["text"]
    token = re.search(r"/auth/reset-password/(\S+)", link)[1]
    assert postern.request("POST", "/auth/v1/reset-password", json={"token": token, "password": NEXT}).status_code == 204
    postern.sign_in(member.email, NEXT)
    return postern.sign_in(member.email, NEXT), links


def asked(member: Member) -> str:
    """A sign-in for which a code was sent."""
    attempt = member.attempt()
    answer = member.postern.request("POST", "/auth/v1/sign-in/second-factor/send", json={"attempt": attempt, "method": "sms"})
    assert answer.status_code == 202
    return attempt


def weeks_of_codes(postern: Postern) -> None:
    """Two weeks of codes by two ways, and what the guard said."""
    chance, today = random.Random(8), int(time.time()) // 86_400
    shares = {"PT": (90, 94), "BR": (84, 90), "FR": (92, 91), "DE": (94, 92), "MT": (88, 92)}
    with sqlite3.connect(postern.sqlite) as database:
        for number in range(6_000):
            country, arm = chance.choice(list(shares)), chance.randrange(2)
            is_used = chance.randrange(100) < shares[country][arm]
            seconds = chance.lognormvariate(3.0 if arm == 0 else 2.6, 0.5)
            bucket = min(531, math.ceil(math.log(seconds * 10) / math.log(1.02))) if is_used else -1
            database.execute(
                "INSERT INTO delivery (id, wish_id, phone_id, request, channel, country, provider, experiment, cause, choice, day, created_at, expires_at,"
                " state, reason, code, code_hash, reference, bucket, resends, is_billed, cost) VALUES (?, ?, x'', 1, 'sms', ?, ?, 'north-or-south', 'first',"
                " 'weight 1 of 2', ?, 0, 0, ?, ?, x'', x'', '', ?, ?, 1, 41000)",
                [secrets.token_bytes(16), secrets.token_bytes(16), country, "north" if arm == 0 else "a-provider-with-a-long-name",
                 today - number % 14, "delivered" if number % 40 else "failed", "" if number % 40 else "no-reply", bucket, int(number % 9 == 0)])
        for number, rule in enumerate(("burst", "country-limit", "per-number")):
            database.execute(
                "INSERT INTO guard_decision (hour, rule, number_range, channel, is_refused, country, detail, at, number)"
                " VALUES (1, ?, '+3519123•••••', 'sms', ?, 'PT', '11 numbers of one thousand within 60 minutes', ?, 12)",
                [rule, number % 2, int(time.time() * 1_000_000)])


def mover(postern: Postern) -> dict[str, str]:
    """Somebody who has just proved who they are, and holds a link that gives them another address."""
    # As long as an address may be before its @.
    person = Member(postern, secrets.token_hex(3) + "." + LONG)
    token, new = person.sign_in(), person.email.replace("@", "@new.")
    assert person.call(token, "POST", "/auth/v1/account/email", {"email": new}).status_code == 202
    return {"postern": token, "postern_link": postern.mailed_link(new).rsplit("/", 1)[1]}


def maker(postern: Postern) -> dict[str, str]:
    """Somebody who has just come, and makes their first key."""
    return {"postern": Member(postern, LONG.replace("person", "maker-" + secrets.token_hex(3))).sign_in()}


def leaver(postern: Postern) -> dict[str, str]:
    """Somebody whose account is about to be deleted."""
    person = Member(postern, "leaves." + LONG)
    token = person.sign_in()
    assert person.call(token, "POST", "/auth/v1/account/leave", {"password": person.password}).status_code == 200
    return {"postern": token}


def app_of(member: Member) -> str:
    return member.apps(member.token)[APP]


@dataclass
class Shown:
    """A page: who looks at it, its address, its heading, and what is pressed on the way."""
    who: str
    path: str
    heading: str
    press: tuple[str, ...] = ()
    # Typed before the last of them, by the ids of the fields.
    typed: tuple[tuple[str, str], ...] = ()
    status: int = 200


PAGES = {
    "sign-in": Shown("stranger", "/auth/sign-in", "Sign in to Postern"),
    "sign-up": Shown("stranger", "/auth/sign-up", "Make your account"),
    "error": Shown("stranger", "/auth/confirm/unknown", "This link doesn’t work any more", status=410),
    "mailbox": Shown("stranger", "/auth/dev/mailbox", "Mailbox"),
    "account": Shown("inside", "/auth/account", "Profile"),
    "sessions": Shown("inside", "/auth/account/sessions", "Sessions"),
    "notifications": Shown("person", "/auth/account/notifications", "Notifications"),
    "overview": Shown("inside", "/auth/admin", "Overview"),
    "people": Shown("inside", "/auth/admin/people", "People"),
    "blocks": Shown("inside", "/auth/admin/blocks", "Blocks"),
    "simulation": Shown("inside", "/auth/admin/simulation", "Simulation"),
    "simulated": Shown("inside", "/auth/admin/simulation?per-address=1&wait-after=3&block-after=3&lock-after=10&stuffing=3&days=7", "Simulation"),
    "person": Shown("inside", "/auth/admin/people/{person}", LONG),
    "person-with-apps": Shown("inside", "/auth/admin/people/{equipped}", EQUIPPED),
    "apps": Shown("inside", "/auth/admin/apps", "Apps"),
    "notices": Shown("inside", "/auth/admin/notifications", "Notifications"),
    "notices-failed": Shown("inside", "/auth/admin/notifications?state=failed", "Notifications"),
    "app": Shown("inside", f"/auth/admin/apps/{APPS[0]}?account={LONG}&path=/team/reports&assurance=aal2", APPS[0]),
    "app-refused": Shown("inside", f"/auth/admin/apps/{APPS[1]}?account=nobody@example.org&path=/open//x", APPS[1]),
    "sign-out": Shown("inside", "/auth/sign-out", "Sign out?"),
    "signed-out": Shown("stranger", "/auth/sign-out", "You are signed out"),
    "account-with-apps": Shown("equipped", "/auth/account", "Profile"),
    "second-step": Shown("half", "/auth/sign-in/second-factor?method=totp", "Now the code from your phone"),
    "second-step-recovery": Shown("half", "/auth/sign-in/second-factor?method=recovery_code", "Now a recovery code"),
    "enrol-at-sign-in": Shown("newcomer", "/auth/sign-in/enrol", "Add an authenticator app"),
    "enrol-at-sign-in-key": Shown("newcomer", "/auth/sign-in/enrol", "Add an authenticator app", press=("Show the code to scan",)),
    "enrol-at-sign-in-wrong": Shown(
        "newcomer", "/auth/sign-in/enrol", "Add an authenticator app", press=("Show the code to scan", "Switch it on"), typed=(("code", "000000"),),
        status=401),
    "security": Shown("inside", "/auth/account/security", "Security"),
    "security-needed": Shown("inside", "/auth/account/security?done=needed", "Security"),
    "security-with-apps": Shown("equipped", "/auth/account/security", "Security"),
    "enrol": Shown("equipped", "/auth/account/security", "Add an authenticator app", press=("Add another",)),
    "recovery-codes": Shown("equipped", "/auth/account/security", "Your recovery codes", press=("Make new codes",)),
    "remove": Shown("equipped", "/auth/account/security/authenticators/{app}/remove", f"Remove “{APP}”"),
    "step-up": Shown("equipped", "/auth/account/step-up", "Confirm it’s you"),
    "step-up-wrong": Shown(
        "equipped", "/auth/account/step-up?method=totp", "Confirm it’s you", press=("Continue",), typed=(("code", "000000"),), status=401),
    "step-up-password": Shown("inside", "/auth/account/step-up", "Confirm it’s you"),
    "email": Shown("mover", "/auth/account/email", "Change your address"),
    "email-wrong": Shown(
        "mover", "/auth/account/email", "Change your address", press=("Send the link",), typed=(("email", "no@" + LONG),), status=422),
    "email-sent": Shown(
        "mover", "/auth/account/email", "Change your address", press=("Send the link",), typed=(("email", "more." + LONG),), status=202),
    "new-email": Shown("mover", "/auth/new-email", "Confirm your new address"),
    "new-email-done": Shown("mover", "/auth/new-email", "Your address is changed", press=("",), typed=(("password", PASSWORD),)),
    "new-email-wrong": Shown("mover", "/auth/new-email", "Confirm your new address", press=("",), typed=(("password", "not the password"),), status=401),
    "new-email-over": Shown("stranger", "/auth/new-email", "This link doesn’t work any more", status=410),
    "leave": Shown("mover", "/auth/account/leave", "Your data"),
    "leave-wrong": Shown(
        "mover", "/auth/account/leave", "Your data", press=("Delete the account in seven days",), typed=(("password", "not the password"),), status=401),
    "delivery": Shown("inside", "/auth/admin/delivery", "Delivery"),
    "delivery-today": Shown("inside", "/auth/admin/delivery?days=1&done=set", "Delivery"),
    "experiment": Shown("inside", "/auth/admin/delivery/experiments/north-or-south", "north-or-south"),
    "person-with-number": Shown("inside", "/auth/admin/people/{reached}", "re." + LONG),
    "security-with-number": Shown("reached", "/auth/account/security", "Security"),
    "add-number": Shown("reached", "/auth/account/security/phones", "Add a telephone number"),
    "add-number-wrong": Shown(
        "reached", "/auth/account/security/phones", "Add a telephone number", press=("Text me a code",), typed=(("number", "hello"),), status=422),
    "confirm-number": Shown("waiting", "/auth/account/security/phones/{waiting}", "Type the code we sent"),
    "remove-number": Shown("reached", "/auth/account/security/phones/{phone}/remove", "Remove +351 ••• ••78"),
    "second-step-by-phone": Shown("asks", "/auth/sign-in/second-factor?method=sms", "Get a code by text message"),
    "second-step-by-call": Shown("asks", "/auth/sign-in/second-factor?method=voice", "Get a code by phone call"),
    "second-step-sent": Shown("asked", "/auth/sign-in/second-factor?method=sms", "Now the code we sent"),
    "second-step-too-soon": Shown("asked", "/auth/sign-in/second-factor?method=sms&problem=code-just-sent", "Now the code we sent"),
    "step-up-by-phone": Shown("reached", "/auth/account/step-up?method=sms", "Confirm it’s you"),
    "history": Shown("traveller", "/auth/account/history", "Sign-in history"),
    "history-unusual": Shown("traveller", "/auth/account/history?show=unusual", "Sign-in history"),
    "history-empty": Shown("inside", "/auth/account/history?show=unusual", "Sign-in history"),
    "sign-ins": Shown("inside", "/auth/admin/sign-ins", "Sign-ins"),
    "sign-ins-found": Shown("inside", "/auth/admin/sign-ins?address=5.3.0.0/16&country=BR", "Sign-ins"),
    "sign-ins-none": Shown("inside", "/auth/admin/sign-ins?country=ZZ", "Sign-ins"),
    "sign-ins-wrong": Shown("inside", "/auth/admin/sign-ins?address=a-word-that-is-no-address-at-all-and-quite-long", "Sign-ins"),
    "sessions-abroad": Shown("traveller", "/auth/account/sessions", "Sessions"),
    "not-me": Shown("told", "/auth/not-me", "This wasn’t you?"),
    "not-me-done": Shown("disowned", "/auth/not-me", "Your account is locked and safe"),
    "not-me-over": Shown("stranger", "/auth/not-me", "This link doesn’t work any more", status=410),
    "was-me": Shown("told", "/auth/was-me", "This was you?"),
    "was-me-done": Shown("owned", "/auth/was-me", "Thank you"),
    "leaving": Shown("leaver", "/auth/account/leave", "Your data"),
    "keys": Shown("keeper", "/auth/account/keys", "API keys"),
    "keys-empty": Shown("person", "/auth/account/keys", "API keys"),
    "new-key": Shown("keeper", "/auth/account/keys/new", "Make a key"),
    "new-key-wrong": Shown(
        "keeper", "/auth/account/keys/new", "Make a key", press=("Make the key",), typed=(("name", NAME), ("addresses", "nowhere")), status=422),
    "key-made": Shown("maker", "/auth/account/keys/new", "The new key", press=("Make the key",), typed=(("name", NAME),)),
    "key-live": Shown("keeper", "/auth/account/keys/{key_live}", NAME),
    "key-changing": Shown("keeper", "/auth/account/keys/{key_changing}", "Report job"),
    "key-over": Shown("keeper", "/auth/account/keys/{key_over}", "Backup"),
    "key-exposed": Shown("keeper", "/auth/account/keys/{key_exposed}?done=changed", "Old printer"),
    "organizations": Shown("keeper", "/auth/account/organizations", "Organizations"),
    "organizations-none": Shown("person", "/auth/account/organizations", "Organizations"),
    "organization": Shown("keeper", "/auth/account/organizations/{organization}", COMPANY),
    "organization-looked-on": Shown("onlooker", "/auth/account/organizations/{organization}", COMPANY),
    "organization-keys": Shown("keeper", "/auth/account/organizations/{organization}/keys", "API keys"),
    "organization-keys-looked-on": Shown("onlooker", "/auth/account/organizations/{organization}/keys", "API keys"),
    "known-keys": Shown("keeper", "/auth/account/organizations/{organization}/known/{developer}", "Keys that they know"),
}


# Words that stick out of their card, or begin at its very edge: no page scrolls for that. What scrolls or is cut off by itself is spared.
STICKING_OUT = """
    const found = [], texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, card = text.parentElement.closest('.card'), range = document.createRange();
        let part = text.parentElement;
        while (part && part !== card && getComputedStyle(part).overflowX === 'visible') part = part.parentElement;
        if (!card || part !== card || !text.data.trim() || !text.parentElement.checkVisibility()) continue;
        range.selectNodeContents(text);
        const place = card.getBoundingClientRect();
        if ([...range.getClientRects()].some(line => line.left < place.left + 4 || line.right > place.right + 1)) found.push(text.data);
    }
    return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window_and_nothing_complains(house, name, width, scheme):
    page, browser = PAGES[name], house.browser
    browser.hold(house.postern.public_url, **house.held_by(page.who))
    browser.show_as(width, scheme)
    browser.complaints()
    show(house, page)
    # Beside the scroll bar there is a little less than the window's width.
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    save(browser, f"{name}-{width}-{scheme}")
    assert browser.heading == page.heading
    assert browser.run("return innerWidth") == width
    assert browser.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"
    assert browser.run(STICKING_OUT) == []
    assert browser.run("return policyViolations") == []
    # Chromium reports a page's own refusal in the console; that is the page under test.
    complaints = [line for line in browser.complaints() if page.status == 200 or f"status of {page.status}" not in line]
    assert complaints == []


def show(house: House, page: Shown) -> None:
    house.browser.open(house.postern.public_url + page.path.format(**house.ids))
    # What Chromium itself would refuse must look right as well.
    house.browser.run("for (const form of document.forms) form.noValidate = true")
    for number, button in enumerate(page.press, 1):
        if number == len(page.press):
            house.browser.type(**dict(page.typed))
        # Without words: the only one there is.
        house.browser.press(button or house.browser.text("form[method=post] button"))


@pytest.mark.parametrize("name", [
    "security", "security-with-apps", "history", "sign-ins", "sessions-abroad", "key-live", "organizations", "organization", "known-keys"])
@pytest.mark.parametrize("width", [320, 1280])
def test_what_unfolds_on_a_page_fits_as_well(house, name, width):
    page, browser = PAGES[name], house.browser
    browser.hold(house.postern.public_url, **house.held_by(page.who))
    browser.show_as(width, "light")
    show(house, page)
    browser.run("for (const part of document.querySelectorAll('main details')) part.open = true")
    wide, room = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    save(browser, f"{name}-unfolded-{width}")
    assert wide <= room <= width, f"the page scrolls sideways: {wide} of {room}"


@pytest.mark.parametrize("name", ["sign-in", "overview"])
def test_light_and_dark_are_two_different_looks(house, name):
    browser, looks = house.browser, set()
    browser.hold(house.postern.public_url, **house.cookies[PAGES[name].who])
    for scheme in ("light", "dark"):
        browser.show_as(1280, scheme)
        show(house, PAGES[name])
        looks.add(browser.run("return getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color"))
    assert len(looks) == 2


def save(browser: Browser, name: str) -> None:
    """Keeps a picture, if POSTERN_SHOTS names a folder."""
    folder = os.environ.get("POSTERN_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.whole_page(Path(folder) / f"{name}.png")
