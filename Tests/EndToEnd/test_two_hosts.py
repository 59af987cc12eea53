"""One sign-in and one sign-out for apps on unrelated names, in a real browser, over TLS."""

import secrets
import socket
import ssl

import pytest

from parts.hosts import ALL, Hosts
from parts.phone import Phone
from parts.postern import PASSWORD
from parts.processes import wait_for
from test_second_factor_journey import add_app, give_code

NAMES = ("Remote-User", "Remote-Account", "Remote-Email", "Remote-Assurance")
SIGN_IN = "Sign in to Postern"


@pytest.fixture(scope="module")
def hosts(binary, tmp_path_factory):
    hosts = Hosts(binary, tmp_path_factory.mktemp("hosts"))
    yield hosts
    hosts.stop()


@pytest.fixture
def browser(make_browser):
    return make_browser(hosts=ALL)


@pytest.fixture
def person(hosts):
    """Address, id and username of somebody new."""
    email = f"person-{secrets.token_hex(6)}@example.org"
    hosts.postern.make_account(email)
    [account] = [account for account in hosts.postern.accounts() if account["email"] == email]
    return account


def sign_in(browser, person) -> None:
    assert browser.heading == SIGN_IN, f"{browser.url}: {browser.heading}"
    browser.sign_in(person["email"], PASSWORD)


def shown(browser) -> dict[str, str]:
    """Who the app says is there."""
    return {name: browser.text(f"[id='{name.lower()}']") for name in NAMES}


def cookies(browser) -> dict[tuple[str, str], str]:
    """All that the browser holds, by host and name."""
    held = browser.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
    return {(cookie["domain"], cookie["name"]): cookie["value"] for cookie in held}


def quiet(browser) -> None:
    """The console has said nothing of policies, or of anything else."""
    assert browser.complaints() == []


def test_one_sign_in_opens_both_apps_and_one_sign_out_closes_them(hosts, browser, person):
    postern, shop, wiki = hosts.postern, hosts.shop, hosts.wiki
    browser.open(shop.url + "/")
    assert browser.url.startswith(postern.public_url + "/auth/sign-in?")
    quiet(browser)
    sign_in(browser, person)
    assert (browser.url, browser.heading) == (shop.url + "/", "Sample app")
    known = {"Remote-User": person["username"], "Remote-Account": person["id"], "Remote-Email": person["email"], "Remote-Assurance": "aal1"}
    assert shown(browser) == known
    browser.open(wiki.url + "/start")
    assert (browser.url, browser.heading) == (wiki.url + "/start", "Sample app"), "the second app asks for another sign-in"
    assert shown(browser) == known
    quiet(browser)

    held = cookies(browser)
    assert {(domain, name) for domain, name in held if name.endswith(("postern", "app"))} == {
        ("id.example.org", "__Host-postern"), ("shop.example", "__Host-postern-app"), ("wiki.test", "__Host-postern-app")}
    tokens = {host: held[host, "__Host-postern-app"] for host in ("shop.example", "wiki.test")}
    assert shop.gate(tokens["shop.example"]) == wiki.gate(tokens["wiki.test"]) == 200
    assert postern.session_status(held["id.example.org", "__Host-postern"]) == 200

    browser.open(shop.url + "/auth/sign-out")
    assert person["email"] in browser.text(".lead")
    browser.press("Sign out")
    assert (browser.url, browser.heading) == (shop.url + "/auth/sign-out", "You are signed out")
    wait_for("both apps to refuse", lambda: {shop.gate(tokens["shop.example"]), wiki.gate(tokens["wiki.test"])} == {401}, 1)
    assert postern.session_status(held["id.example.org", "__Host-postern"]) == 401
    quiet(browser)
    for app in (wiki, shop):
        browser.open(app.url + "/")
        assert browser.url.startswith(postern.public_url + "/auth/sign-in?")
    quiet(browser)


def test_the_page_after_a_sign_out_leads_back_in(hosts, browser, person):
    browser.open(hosts.wiki.url + "/")
    sign_in(browser, person)
    browser.open(hosts.wiki.url + "/auth/sign-out")
    browser.press("Sign out")
    browser.follow("Sign in again")
    sign_in(browser, person)
    assert (browser.url, browser.heading) == (hosts.wiki.url + "/", "Sample app")
    quiet(browser)


@pytest.mark.parametrize("page", [
    "/a/b?c=1&d=2", "/a?q=%C3%A4%2F%26%3D%20+x&q=2&empty", "/w%C3%A4g/%E2%82%AC?x=%25", "/a?to=https://evil.example/%3Fa%3Db&return_to=/b", "/?",
    "/search?q=%27%22%3Cscript%3E", "/long?" + "&".join(f"field{number}=value%20{number}" for number in range(60)),
])
def test_a_deep_link_comes_back_to_exactly_that_page(hosts, browser, person, page):
    app = hosts.apps["shop"]
    before = len(app.seen)
    browser.open(hosts.shop.url + page)
    sign_in(browser, person)
    assert browser.url == hosts.shop.url + page
    assert [seen.path for seen in app.seen[before:]] == [page]
    quiet(browser)


def test_the_apps_see_their_own_cookies_and_none_of_ours(hosts, browser, person):
    for app in (hosts.shop, hosts.wiki):
        browser.open(app.url + "/public/")
        browser.run("document.cookie = 'first=1; Path=/'; document.cookie = 'last=2; Path=/'")
        browser.open(app.url + "/in")
        if app is hosts.shop:
            sign_in(browser, person)
        # A way that begins again leaves both of our cookies there.
        browser.open(app.url + "/auth/begin?return_to=%2Fagain")
        browser.run("document.cookie = 'postern-apple=3; Path=/'")
        browser.open(app.url + "/more")
    for name, app in hosts.apps.items():
        seen = [dict(request.headers).get("Cookie", "") for request in app.seen]
        assert not [line for line in seen if "__Host-" in line], f"{name} sees our cookies"
        assert set(seen[-1].split("; ")) == {"first=1", "last=2", "postern-apple=3"}, seen[-1]


def test_a_session_of_one_app_never_gets_to_another(hosts, person):
    """HT-03: the request line says one host, and Host another."""
    token = hosts.wiki.session(hosts.postern.sign_in(person["email"]))
    assert hosts.wiki.gate(token) == 200
    before = len(hosts.apps["shop"].seen)
    for name in ("shop.example", "wiki.test"):
        for target, host in ((hosts.shop.url + "/in", hosts.wiki.authority), (hosts.wiki.url + "/in", hosts.shop.authority), ("/in", hosts.shop.authority),
                             ("/in", hosts.shop.authority.upper())):
            talk(hosts, name, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-postern-app={token}\r\nConnection: close\r\n\r\n")
            assert hosts.apps["shop"].seen[before:] == [], f"TLS for {name}, {target} and Host: {host}"


def talk(hosts, name: str, request: str) -> bytes:
    """Bytes over TLS, for what no client library would send."""
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", hosts.proxy.ports[0]), timeout=5) as line, context.wrap_socket(line, server_hostname=name) as secure:
        secure.sendall(request.encode())
        answer = b""
        while piece := secure.recv(65_536):
            answer += piece
    return answer


def test_an_app_that_is_open_to_all_in_parts_shows_those_to_strangers_as_nobody(hosts, browser):
    browser.open(hosts.shop.url + "/public/page")
    assert browser.heading == "Sample app" and not "".join(browser.texts("dd"))
    browser.open(hosts.shop.url + "/publicity")
    assert browser.heading == SIGN_IN


def test_two_tabs_that_are_opened_at_once_end_at_their_pages(hosts, browser, person):
    browser.open(hosts.postern.public_url + "/auth/sign-in")
    sign_in(browser, person)
    pages = [f"{host.url}/tab/{number}?x={number}" for number in range(4) for host in (hosts.shop, hosts.wiki)]
    browser.run(f"for (const page of {pages}) open(page);")
    assert in_tabs(browser, pages), "not every tab got in"
    assert len(browser.driver.window_handles) == 9


def test_two_tabs_that_wait_at_the_sign_in_both_end_at_their_pages(hosts, browser, person):
    pages = [f"{hosts.shop.url}/one?a=1", f"{hosts.shop.url}/two?b=2"]
    browser.open(pages[0])
    browser.driver.switch_to.new_window("tab")
    browser.open(pages[1])
    for handle, page in zip(browser.driver.window_handles, pages):
        browser.driver.switch_to.window(handle)
        sign_in(browser, person)
        assert browser.url == page


def in_tabs(browser, pages: list[str]) -> bool:
    """Whether each of these pages comes to stand in a tab."""
    def stand() -> bool:
        seen = set()
        for handle in browser.driver.window_handles:
            browser.driver.switch_to.window(handle)
            if browser.driver.title in ("Sample app", "Scripts run"):
                seen.add(browser.url)
        return set(pages) <= seen
    try:
        return wait_for("all tabs", stand, 10, step=0.2)
    except AssertionError:
        return False


def test_a_page_that_needs_a_second_factor_leads_to_adding_one_and_back(hosts, browser, person, tmp_path):
    page = hosts.shop.url + "/staff/rota?week=12"
    browser.open(page)
    sign_in(browser, person)
    assert (browser.heading, browser.url.split("?")[0]) == ("Security", hosts.postern.public_url + "/auth/account/security")
    browser.press("Add an app")
    phone = add_app(browser, tmp_path, person["email"], "My phone")
    browser.tick("saved")
    browser.press("Use these codes")
    assert (browser.url, browser.heading) == (page, "Sample app"), "it doesn't lead back to the app"
    assert shown(browser)["Remote-Assurance"] == "aal2"
    quiet(browser)

    # With one, it is asked for on the way in.
    browser.open(hosts.shop.url + "/auth/sign-out")
    browser.press("Sign out")
    browser.open(page)
    sign_in(browser, person)
    give_code(browser, phone.code())
    assert (browser.url, browser.heading) == (page, "Sample app")
    quiet(browser)


def call(postern, token: str, path: str, **document) -> dict:
    """A call about authenticators that must succeed."""
    answer = postern.request("POST", "/auth/v1/account/authenticators" + path, headers={"Authorization": f"Bearer {token}"}, json=document)
    assert answer.ok, answer.text
    return answer.json()


def test_somebody_with_a_factor_who_has_not_proved_it_is_asked_for_it(hosts, browser, person):
    """A session that began with a password alone, and an authenticator that was added elsewhere."""
    postern = hosts.postern
    browser.open(hosts.wiki.url + "/")
    sign_in(browser, person)
    other = postern.sign_in(person["email"])
    begun = call(postern, other, "", name="Tablet")
    phone = Phone(begun["secret"])
    call(postern, other, f"/{begun['id']}/confirm", code=phone.code())
    page = hosts.wiki.url + "/staff/x?y=z"
    browser.open(page)
    assert browser.url.startswith(postern.public_url + "/auth/account/step-up?")
    give_code(browser, phone.code())
    assert (browser.url, browser.heading) == (page, "Sample app")
    assert shown(browser)["Remote-Assurance"] == "aal2"
    quiet(browser)
