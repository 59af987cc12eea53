"""A sign-in that wasn't its owner's: the mail that tells of it, and one link that makes the account safe."""

import re
import time
from pathlib import Path

import pytest

from parts import places
from parts.choosing import LINK_MAIL, NEXT
from parts.job_rows import change, select
from parts.member import Member
from parts.postern import PASSWORD, Postern, at_once
from parts.processes import Process, free_port, listens, real, wait_for
from parts.proxies import nginx_settings
from parts.visitor import Page, Visitor

ADA, OWNER = "ada@example.org", "owner@example.org"
NEW_SIGN_IN, SAFE = "A new sign-in to your account", "Your account is locked and safe"
LOCK = "This wasn’t me: lock my account"
OVER = "This link doesn’t work any more"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Doors:
    """One nginx with a door for each address: who comes in by it has that one."""

    def __init__(self, folder: Path, ports: dict[str, int], postern: Postern):
        folder.mkdir(parents=True)
        servers = "".join(
            f"server {{\nlisten 127.0.0.1:{port};\nlocation / {{ proxy_pass http://127.0.0.1:{postern.port}; proxy_set_header Host {postern.authority}; "
            f"proxy_set_header X-Forwarded-For {address}; }}\n}}\n" for address, port in ports.items())
        (folder / "nginx.conf").write_text(nginx_settings(folder, servers))
        self.process = Process(folder, "nginx", [real("nginx"), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
        for port in ports.values():
            wait_for("nginx to listen", lambda: listens(port))


@pytest.fixture
def house(make_postern, sink, certificates, tmp_path):
    """A server that mails to a sink and knows places, and nginx in front: its home is in Lisbon."""
    places.write(tmp_path / "places.mmdb")
    sink.start()
    ports = {places.LISBON: free_port(), places.ROTTERDAM: free_port()}
    postern = make_postern(public_port=ports[places.LISBON], settings=(
        f"site: {{name: Corner Shop}}\nmail:\n  smtp: smtp://127.0.0.1:{sink.controller.port}\n  ca-file: {certificates.authority}\n"
        f"  from: accounts@example.org\nplaces: {{files: [{tmp_path / 'places.mmdb'}]}}\n")).start()
    doors = Doors(tmp_path / "doors", ports, postern)
    postern.abroad = f"http://127.0.0.1:{ports[places.ROTTERDAM]}"
    yield postern
    doors.process.stop()


def words(letter) -> str:
    """Its text, on one line."""
    return " ".join(letter.part("plain").split())


def links(letter) -> tuple[str, str]:
    """Both of a mail: that it wasn't them, and that it was."""
    found = re.findall(r"^https?://\S+\r?$", letter.part("plain"), re.MULTILINE)
    [not_me] = [link.strip() for link in found if "/auth/not-me/" in link]
    [was_me] = [link.strip() for link in found if "/auth/was-me/" in link]
    return not_me, was_me


def sign_in(browser, url: str, password: str = PASSWORD) -> str:
    """Returns the session's token."""
    browser.open(url + "/auth/account")
    browser.sign_in(ADA, password)
    assert browser.heading == "Profile"
    return browser.driver.get_cookie("postern")["value"]


def is_settled(postern: Postern) -> bool:
    return select(postern, "SELECT COUNT(*) FROM sign_in_attempt WHERE settled = 0") == [(0,)]


def sessions(postern: Postern, *tokens: str) -> list[tuple[int, int]]:
    return [(postern.session_status(token), postern.gate_status(token)) for token in tokens]


LIVE, ENDED = (200, 200), (401, 401)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_one_click_in_a_mail_takes_the_account_back_from_a_stranger(house, sink, make_browser, scripts):
    owner = Member(house, OWNER, "owner")
    house.make_account(ADA)
    home, stranger = make_browser(scripts=scripts), make_browser(scripts=scripts)
    here = sign_in(home, house.public_url)
    wait_for("the first to be looked at", lambda: is_settled(house))
    time.sleep(1)
    assert sink.to(ADA) == [], "a first sign-in is told of"

    there = sign_in(stranger, house.abroad)
    letter = wait_for("the mail", lambda: sink.to(ADA, NEW_SIGN_IN))[0]
    text = words(letter)
    assert re.search(r"On \d{1,2} \w+ \d{4}, \d\d:\d\d UTC somebody signed in to your account with Chrome on Linux", text), text
    assert f"from {places.ROTTERDAM} (roughly Rotterdam, South Holland, Netherlands)" in text
    assert "This browser is new to your account." in text
    not_me, was_me = links(letter)
    assert not_me.startswith(house.public_url + "/auth/not-me/") and was_me.startswith(house.public_url + "/auth/was-me/")
    assert not_me in letter.part("html") and was_me in letter.part("html")

    home.open(not_me)
    assert home.heading == "This wasn’t you?" and not_me.rsplit("/", 1)[1] not in home.url
    shown = home.text("main")
    assert "Roughly Rotterdam" in shown and "Chrome on Linux" in shown and places.ROTTERDAM in shown
    time.sleep(1.2)
    assert sessions(house, here, there) == [LIVE, LIVE], "opening the link changed something"
    assert len(sink.to(ADA)) == 1 and select(house, "SELECT COUNT(*) FROM sign_in_case") == [(0,)]

    home.press(LOCK)
    begin = time.monotonic()
    wait_for("the stranger to be outside", lambda: sessions(house, there) == [ENDED], 5, step=0.01)
    took = time.monotonic() - begin
    assert took < 1, f"the stranger was inside for {took:.2f} s more"
    assert sessions(house, here) == [ENDED]
    assert home.heading == SAFE
    done = home.texts("main ul li")
    assert "2 sessions were ended." in done and "Your password opens nothing any more." in done, done
    if scripts:
        assert home.run("return policyViolations") == []
    stranger.open(house.abroad + "/auth/account")
    assert stranger.heading.startswith("Sign in to ")
    refused = house.try_sign_in(ADA)
    assert refused.status_code != 200 and "session" not in refused.json(), refused.text

    reset = wait_for("the link for another password", lambda: sink.to(ADA, LINK_MAIL))[0].link
    told = wait_for("the word", lambda: sink.to(ADA, SAFE))
    assert len(told) == 1 and "2 sessions were ended." in words(told[0])
    assert len(sink.to(ADA)) == 3
    home.open(reset)
    home.type(password=PASSWORD)
    home.press("Change the password")
    assert home.texts("#password-error"), "the password that a stranger knows was taken again"
    home.type(password=NEXT)
    home.press("Change the password")
    assert house.try_sign_in(ADA, NEXT).status_code == 200 and house.try_sign_in(ADA).status_code == 401

    home.hold(house.public_url, postern=owner.sign_in())
    home.open(house.public_url + "/auth/admin/sign-ins")
    assert ADA in home.text("section[aria-labelledby=cases]")
    home.press(f"Close the case of {ADA}")
    assert "Closed" in home.text("section[aria-labelledby=cases]")
    assert "Close" not in home.texts("section[aria-labelledby=cases] button")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "with scripts off"])
def test_yes_this_was_me_teaches_and_the_same_browser_is_told_of_no_more(house, sink, make_browser, scripts):
    house.make_account(ADA)
    home, abroad = make_browser(scripts=scripts), make_browser(scripts=scripts)
    here = sign_in(home, house.public_url)
    wait_for("the first to be looked at", lambda: is_settled(house))
    there = sign_in(abroad, house.abroad)
    _, was_me = links(wait_for("the mail", lambda: sink.to(ADA, NEW_SIGN_IN))[0])
    home.open(was_me)
    assert home.heading == "This was you?"
    home.press("Yes, this was me")
    assert home.heading == "Thank you" and "known from now on" in home.text("main")
    assert sessions(house, here, there) == [LIVE, LIVE]
    for browser, url in ((abroad, house.abroad), (home, house.public_url)):
        browser.driver.delete_cookie("postern")
        sign_in(browser, url)
    wait_for("both to be looked at", lambda: is_settled(house))
    time.sleep(1)
    assert len(sink.to(ADA)) == 1, "a known browser is told of"


def test_who_pressed_yes_may_still_say_that_it_was_not_them(house, sink):
    token, (not_me, was_me) = told(house, sink)
    assert press(house, was_me) == (303, "Thank you")
    assert sessions(house, token) == [LIVE]
    assert press(house, not_me) == (303, SAFE)
    assert sessions(house, token) == [ENDED]
    # And not the other way round.
    assert press(house, was_me)[1] == SAFE and len(select(house, "SELECT id FROM sign_in_case")) == 1


def told(postern: Postern, sink) -> tuple[str, tuple[str, str]]:
    """A sign-in with another browser after a first one: its session, and both links of the mail."""
    postern.make_account(ADA)
    postern.sign_in(ADA)
    wait_for("the first to be looked at", lambda: is_settled(postern))
    answer = postern.request("POST", "/auth/v1/sign-in", json={"email": ADA, "password": PASSWORD},
                             headers={"X-Forwarded-For": places.ROTTERDAM, "User-Agent": FIREFOX, "Postern-Browser": "B" * 42 + "A"})
    letter = wait_for("the mail", lambda: sink.to(ADA, NEW_SIGN_IN))[0]
    assert "Firefox on Linux" in words(letter)
    return answer.json()["session"]["token"], links(letter)


def press(postern: Postern, link: str) -> tuple[int, str]:
    """Opens a link and presses its button, as somebody who isn't signed in; returns the status and the page's title after it."""
    visitor, path = Visitor(postern), link.removeprefix(postern.public_url)
    page = visitor.get(path).headers["Location"]
    form = Page(visitor.get("/auth/sign-in").text).form_token
    done = visitor.send("POST", page, headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}, data={"form_token": form})
    shown = visitor.get(page)
    return done.status_code, re.search(r"<h1[^>]*>([^<]*)</h1>", shown.text)[1]


def test_a_link_works_once_even_for_many_at_once(house, sink):
    token, (not_me, _) = told(house, sink)
    assert {answer for answer in at_once([lambda: press(house, not_me)] * 8)} == {(303, SAFE)}
    assert sessions(house, token) == [ENDED]
    wait_for("the mails", lambda: sink.to(ADA, SAFE) and sink.to(ADA, LINK_MAIL))
    link = sink.to(ADA, LINK_MAIL)[0].link.rsplit("/", 1)[1]
    assert house.request("POST", "/auth/v1/reset-password", json={"token": link, "password": NEXT}).status_code in (200, 204)
    again = house.sign_in(ADA, NEXT)
    assert press(house, not_me) == (303, SAFE)
    time.sleep(1)
    assert sessions(house, again) == [LIVE], "a used link worked again"
    assert len(select(house, "SELECT id FROM sign_in_case")) == 1
    assert (len(sink.to(ADA, SAFE)), len(sink.to(ADA, LINK_MAIL))) == (1, 1)


def test_opening_the_links_however_often_and_however_changes_nothing(house, sink):
    token, found = told(house, sink)
    before = {name: select(house, f"SELECT * FROM {name} ORDER BY 1") for name in ("sign_in_link", "sign_in_case", "session", "sign_in_habit", "password")
              if select(house, "SELECT 1 FROM sqlite_master WHERE name = ?", name)}
    assert len(before) >= 4
    for link in found:
        path = link.removeprefix(house.public_url)
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"):
            for _ in range(10):
                house.request(method, path, headers={"User-Agent": "Mail scanner"})
        scanner = Visitor(house)
        page = scanner.get(path).headers["Location"]
        for _ in range(20):
            assert scanner.get(page).status_code == 200
            assert scanner.send("HEAD", page).status_code in (200, 405)
        # A form from elsewhere.
        form = Page(scanner.get(page).text).form_token
        for headers, data in (({"Sec-Fetch-Site": "cross-site"}, {"form_token": form}), ({"Sec-Fetch-Site": "same-origin"}, {}), ({"Origin": "https://evil.example"}, {"form_token": form})):
            assert scanner.send("POST", page, headers=headers, data=data).status_code == 403
    after = {name: select(house, f"SELECT * FROM {name} ORDER BY 1") for name in before}
    without_seen = lambda tables: {name: rows for name, rows in tables.items() if name != "session"}
    assert without_seen(after) == without_seen(before) and len(after["session"]) == len(before["session"])
    assert sessions(house, token) == [LIVE] and len(sink.to(ADA)) == 1


@pytest.mark.parametrize("way", ["not-me", "was-me"])
def test_a_wrong_link_and_one_that_is_too_old_do_nothing(house, sink, way):
    token, found = told(house, sink)
    link = found[way == "was-me"]
    right = link.rsplit("/", 1)[1]
    change(house, "UPDATE sign_in_link SET expires_at = expires_at - ?", 10 * 86_400_000_000)
    for wrong in (right, right[:-1] + ("A" if right[-1] != "A" else "B"), "A" * 43, right[:-1], right + "A", "x", "%00", "..%2f", "1" * 4_000, token):
        visitor = Visitor(house)
        visitor.get(f"/auth/{way}/{wrong}")
        shown = visitor.get(f"/auth/{way}")
        assert shown.status_code == 410 and OVER in shown.text, wrong
        form = Page(visitor.get("/auth/sign-in").text).form_token
        done = visitor.send("POST", f"/auth/{way}", headers={"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}, data={"form_token": form})
        assert done.status_code == 410, wrong
    assert sessions(house, token) == [LIVE] and select(house, "SELECT answer FROM sign_in_link") == [(None,)]


def test_a_link_leads_to_no_other_account_and_is_none_of_another_kind(house, sink):
    token, (not_me, _) = told(house, sink)
    other = Member(house, "bob@example.org")
    session = other.sign_in()
    secret = not_me.rsplit("/", 1)[1]
    for path, document in (("/auth/v1/reset-password", {"token": secret, "password": NEXT}), ("/auth/v1/accounts/confirm", {"token": secret, "password": NEXT})):
        assert house.request("POST", path, json=document).status_code == 410
    assert house.gate_status(secret) == 401 and house.session_status(secret) == 401
    # Whoever is signed in to another account and opens the link keeps their own.
    visitor = Visitor(house, {"postern": session})
    page = visitor.get(not_me.removeprefix(house.public_url)).headers["Location"]
    assert visitor.post(page, page).status_code == 303
    assert sessions(house, session, token) == [LIVE, ENDED]
    assert secret not in house.log(), "the link stands in the log"


def test_it_can_be_said_in_the_history_as_well(house, sink, make_browser):
    house.make_account(ADA)
    home = make_browser()
    here = sign_in(home, house.public_url)
    wait_for("the first to be looked at", lambda: is_settled(house))
    there = house.sign_in(ADA)
    home.open(house.public_url + "/auth/account/history")
    # One's own has no such button.
    [button] = [found for found in home.texts("summary") if found.startswith("This wasn’t me")]
    home.driver.find_element("css selector", ".act summary").click()
    home.press("Lock my account")
    assert home.heading.startswith("Sign in to ")
    wait_for("both to be over", lambda: sessions(house, here, there) == [ENDED, ENDED], 1)
    wait_for("the mails", lambda: sink.to(ADA, SAFE) and sink.to(ADA, LINK_MAIL))
    assert house.try_sign_in(ADA).status_code != 200


def test_what_was_added_since_is_taken_away_and_an_address_comes_back(house, sink):
    ada = Member(house, ADA)
    ada.sign_in()
    wait_for("the first to be looked at", lambda: is_settled(house))
    thief = house.request("POST", "/auth/v1/sign-in", json={"email": ADA, "password": PASSWORD},
                          headers={"X-Forwarded-For": places.ROTTERDAM, "User-Agent": FIREFOX, "Postern-Browser": "B" * 42 + "A"}).json()["session"]["token"]
    not_me, _ = links(wait_for("the mail", lambda: sink.to(ADA, NEW_SIGN_IN))[0])
    ada.add_app(thief, "The thief's phone")
    assert ada.call(thief, "POST", "/auth/v1/account/email", {"email": "thief@example.org"}).status_code == 202
    confirm = wait_for("the link", lambda: sink.to("thief@example.org"))[-1].link.rsplit("/", 1)[1]
    assert house.request("POST", "/auth/v1/account/email/confirm", json={"token": confirm, "password": PASSWORD}).status_code == 204
    assert select(house, "SELECT email FROM account") == [("thief@example.org",)]
    assert press(house, not_me) == (303, SAFE)
    assert select(house, "SELECT email FROM account") == [(ADA,)]
    assert sessions(house, thief) == [ENDED]
    word = wait_for("the word", lambda: sink.to(ADA, SAFE))[0]
    assert f"Your address is {ADA} again." in words(word) and "Authenticator apps added since then were removed: 1." in words(word)
    link = wait_for("the link", lambda: sink.to(ADA, LINK_MAIL))[0].link.rsplit("/", 1)[1]
    assert sink.to("thief@example.org", LINK_MAIL) == [], "the thief got a link to choose a password"
    assert house.request("POST", "/auth/v1/reset-password", json={"token": link, "password": NEXT}).status_code in (200, 204)
    ada.password = NEXT
    assert "session" in ada.begin(), "the thief's app is still asked for"
