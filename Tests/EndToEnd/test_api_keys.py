"""API keys as programs meet them: real proxies, real clients, two nodes, and the command line."""

import json
import math
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import requests
import yaml

from parts.keys import (
    PROXIES, WAYS, Keys, KeySite, Organization, Script, ask, basic, bearer, challenge, checksum, documented_client, new_organization, nobodys_key, own_keys)
from parts.member import Member
from parts.postern import PASSWORD, Postern, direct, reason
from parts.processes import plain_environment, real, wait_for
from parts.raw import exchange
from parts.sample_app import Seen
from parts.visitor import Visitor
from test_two_nodes import database, nodes  # noqa: F401

ROUNDS = 200 if os.environ.get("POSTERN_SOAK") else 20
CLIENTS = 32
KEY = re.compile(r"pst_(live|test)_[0-9A-Za-z]{39}")
FEATURES = Path(__file__).resolve().parents[2] / "docs/features"


@pytest.fixture(scope="module", params=PROXIES)
def site(request, binary, tmp_path_factory):
    site = KeySite(binary, tmp_path_factory.mktemp("keys"), request.param)
    yield site
    site.stop()
    assert not KEY.search(site.postern.log() + site.postern.output()), "a key stands in the log"


@pytest.fixture(scope="module")
def nginx_site(binary, tmp_path_factory):
    site = KeySite(binary, tmp_path_factory.mktemp("keys"), "nginx")
    yield site
    site.stop()


@pytest.fixture(scope="module")
def shop(site) -> Organization:
    return new_organization(site.postern)


def typo(text: str) -> str:
    """With another letter in the middle."""
    return text[:20] + ("a" if text[20] != "a" else "b") + text[21:]


def headers_of(seen: Seen) -> dict[str, str]:
    """By their names in small letters: proxies write them as they like."""
    return {name.lower(): value for name, value in seen.headers}


# At the gateway, behind real proxies.


@pytest.mark.parametrize("way", WAYS)
def test_a_key_opens_the_api_which_is_told_whose_it_is_and_never_the_key(site, shop, way):
    key = shop.make(scopes=["orders:read", "orders:write"])
    before = len(site.api.seen)
    assert site.get(headers=WAYS[way](key.text)).status_code == 200
    [seen] = site.seen_since(before)
    told = headers_of(seen)
    assert (told["remote-organization"], told["remote-key"], told["remote-scopes"]) == (shop.slug, key.id, "orders:read orders:write")
    assert {told.get(f"remote-{name}", "") for name in ("user", "account", "email", "name", "groups", "assurance")} == {""}
    assert told.get("authorization", "") == told.get("x-api-key", "") == ""
    assert key.text not in str(seen.headers), "the app sees the key"


@pytest.mark.parametrize("kind", ["personal", "guest"])
def test_a_personal_key_and_a_guest_s_open_the_api_too(site, kind):
    if kind == "guest":
        guest = site.postern.request("POST", "/auth/v1/organizations", json={"guest": True}).json()
        text, slug = guest["api_key"]["key"], guest["organization"]["slug"]
    else:
        text, slug = own_keys(Member(site.postern, f"ada-{time.time_ns()}@example.org")).make().text, ""
    before = len(site.api.seen)
    assert site.call(text).status_code == 200
    told = headers_of(site.seen_since(before)[0])
    assert (told.get("remote-organization", ""), told.get("remote-user", ""), len(told["remote-key"])) == (slug, "", 36)


@pytest.mark.parametrize("place", ["/orders?api_key={}", "/orders?access_token={}", "/orders/{}", "/orders?X-Api-Key={}"])
def test_a_key_in_the_address_opens_nothing(site, shop, place):
    """AK-07."""
    before = len(site.api.seen)
    answer = site.get(place.replace("{}", shop.first.text))
    assert answer.status_code == 401 and site.seen_since(before) == []
    assert shop.first.text not in answer.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spoil", [typo, lambda text: text[:-1], lambda text: text + "a", str.upper, lambda text: nobodys_key()],
                         ids=["mistyped", "cut short", "too long", "in capitals", "nobody’s"])
def test_a_key_that_is_none_is_refused(site, shop, way, spoil):
    """AK-08."""
    text, before = spoil(shop.first.text), len(site.api.seen)
    answer = site.get(headers=WAYS[way](text))
    assert answer.status_code == 401 and site.seen_since(before) == []
    # What doesn't even begin as keys do may be anything, where others' credentials go as well.
    if text.startswith("pst_") or way == "header of the app's own":
        assert reason(answer) == (401, "api-key-invalid")


def test_a_revoked_key_is_told_why_since_when_and_what_follows(site, shop):
    old = shop.make("Checkout server")
    assert site.call(old.text).status_code == 200
    new = shop.rotate(old, "0h")
    before = len(site.api.seen)
    for way in WAYS.values():
        answer = site.get(headers=way(old.text))
        told = challenge(answer)
        assert (answer.status_code, told["reason"], told["successor"]) == (401, "api-key-revoked", new.end), answer.headers
        assert told["at"] == answer.json()["at"] == shop.show(old)["ends_at"]
        assert (answer.json()["reason"], answer.json()["successor"]) == ("api-key-revoked", new.end)
    assert site.seen_since(before) == []
    assert site.call(new.text).status_code == 200


def test_a_key_works_as_often_and_from_where_its_owner_said(site, shop):
    often, here = shop.make(rate={"limit": 3, "period": "1h"}), shop.make(addresses=["127.0.0.2"])
    before = len(site.api.seen)
    answers = [site.call(often.text) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2 and len(site.seen_since(before)) == 3
    # The window slides: what was used at its end counts on for a while after it.
    assert reason(answers[3]) == (429, "throttled") and 0 < int(answers[3].headers["Retry-After"]) <= 2 * 3_600
    assert reason(site.call(here.text)) == (403, "api-key-address")
    [status], _, _ = exchange(
        site.port, f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nAuthorization: Bearer {here.text}\r\nConnection: close\r\n\r\n".encode(), source="127.0.0.2")
    assert status == 200


def test_what_a_program_posts_with_a_key_that_is_over_stays_outside(site, shop):
    key = shop.make()
    with direct() as session:
        def post() -> requests.Response:
            return session.post(site.url + "/orders", data=b"x" * 100_000, headers=bearer(key.text), allow_redirects=False, timeout=15)
        before = len(site.api.seen)
        assert post().status_code == 200
        shop.revoke(key)
        assert reason(post()) == (401, "api-key-revoked")
    assert [len(seen.body) for seen in site.seen_since(before)] == [100_000]


def test_an_app_that_names_no_keys_refuses_them(site, shop):
    before = len(site.people.seen)
    for way in WAYS.values():
        answer = site.get(headers=way(shop.first.text), url=site.people_url)
        assert answer.status_code in (401, 403)
        if "Authorization" in way(shop.first.text):
            assert reason(answer) == (403, "api-key-not-accepted")
    assert site.people.seen[before:] == []


def test_basic_never_carries_a_person_s_password(site):
    email = f"ada-{time.time_ns()}@example.org"
    site.postern.make_account(email)
    before = len(site.api.seen)
    assert site.get(headers=basic(email, PASSWORD)).status_code == 401 and site.seen_since(before) == []


def test_programs_that_wait_to_be_asked_for_a_key_are_asked_and_browsers_are_not(site, shop, tmp_path):
    assert site.get().headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "WWW-Authenticate" not in site.get(headers={"Sec-Fetch-Mode": "cors"})
    # git asks once without, and then with what its helper says.
    before = len(site.api.seen)
    helper = f"!f() {{ echo username=anybody; echo password={shop.first.text}; }}; f"
    subprocess.run([real("git"), "-c", f"credential.helper={helper}", "ls-remote", site.url + "/repository.git"], capture_output=True,
                   env=plain_environment(tmp_path) | {"GIT_TERMINAL_PROMPT": "0"}, timeout=20)
    assert "/repository.git/info/refs" in [seen.path.split("?")[0] for seen in site.seen_since(before)], "git didn't get to the app"


# Rotation.


def calls_over_and_over(site: KeySite, text: str, stop: threading.Event) -> list[tuple[float, float, int]]:
    """When each began, when it was answered, and how."""
    made = []
    with direct() as session:
        while not stop.is_set():
            begun = time.time()
            answer = session.get(site.url + "/orders", headers=bearer(text), allow_redirects=False, timeout=15)
            made.append((begun, time.time(), answer.status_code))
    return made


def test_while_32_clients_call_a_key_is_rotated_and_no_call_with_the_new_one_fails(nginx_site):
    """The old one works until the moment that was said, and no longer than a second after it."""
    site, stop = nginx_site, threading.Event()
    shop = new_organization(site.postern)
    old = shop.make("Checkout server")
    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            with_old = [pool.submit(calls_over_and_over, site, old.text, stop) for _ in range(CLIENTS // 2)]
            time.sleep(1)
            new = shop.rotate(old, "24h")
            with_new = [pool.submit(calls_over_and_over, site, new.text, stop) for _ in range(CLIENTS // 2)]
            time.sleep(1)
            since = time.time() - moment(shop.show(old)["rotated_at"])
            ends = moment(shop.change(old, overlap=f"{int(since) + 4}s")["ends_at"])
            assert 2 <= ends - time.time() <= 5, "the end isn't where it was moved to"
            time.sleep(ends + 3 - time.time())
        finally:
            stop.set()
        with_old, with_new = ([call for future in futures for call in future.result()] for futures in (with_old, with_new))
    assert {status for _, _, status in with_new} == {200} and len(with_new) > CLIENTS
    before = [status for _, answered, status in with_old if answered < ends]
    after = [status for begun, _, status in with_old if begun > ends + 1]
    assert set(before) == {200} and set(after) == {401}, (set(before), set(after))
    assert {status for _, _, status in with_old} == {200, 401}


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_documented_client_gets_over_a_rotation(site, shop, tmp_path):
    old = shop.make("Report job")
    script = Script(tmp_path, site.url + "/orders", old.text, 15)
    try:
        script.makes_calls(4)
        new = shop.rotate(old, "0h")
        script.says(f"The key …{old.end} is over (api-key-revoked, and …{new.end} follows).")
        script.says("Waiting for another key")
        assert script.process.lives and script.done() < 15
        script.file.write_text(new.text)
        assert script.process.child.wait(20) == 0, script.process.log.read_text()
        assert f"Going on with …{new.end}" in script.output() and script.output().endswith("15 of 15\n")
    finally:
        script.stop()


# What a key looks like.


@pytest.fixture(scope="module")
def texts(binary, tmp_path_factory) -> list[str]:
    """Keys that a server made, live and test."""
    postern = Postern(binary, tmp_path_factory.mktemp("texts")).start()
    try:
        shop = new_organization(postern)
        return [shop.first.text, *(shop.make(mode=mode).text for mode in ("live", "test") for _ in range(10))]
    finally:
        postern.stop()


def test_a_key_ends_in_the_checksum_that_zlib_makes_of_it(texts):
    """AK-01."""
    assert len(set(texts)) == len(texts) == 21
    for text in texts:
        assert KEY.fullmatch(text) and text[-6:] == checksum(text[:-6])


def test_the_documented_client_knows_a_key_from_every_typo_of_one(texts):
    """AK-08."""
    is_key = documented_client().is_key
    assert all(map(is_key, texts))
    letters = "".join(map(chr, range(33, 127)))
    for text in (texts[0], texts[-1]):
        for place in range(len(text)):
            near = {text[:place] + letter + text[place + 1:] for letter in letters} | {text[:place] + text[place + 1:]}
            assert [wrong for wrong in near - {text} if is_key(wrong)] == []


# Two nodes.


def test_a_key_that_is_revoked_on_one_node_is_refused_on_the_other_within_a_second(nodes):  # noqa: F811
    """AK-05."""
    shop, waits = new_organization(nodes[0]), []
    for number in range(ROUNDS):
        here, there = nodes if number % 2 else nodes[::-1]
        key = shop.make(node=here)
        assert [gate(node, key.text) for node in nodes] == [200, 200], "what one node made opens nothing on the other"
        shop.revoke(key, node=here)
        revoked = time.monotonic()
        assert gate(here, key.text) == 401
        wait_for("the other node to refuse", lambda: gate(there, key.text) == 401, 5, step=0.01)
        waits.append(time.monotonic() - revoked)
    assert sorted(waits)[math.ceil(0.99 * ROUNDS) - 1] <= 1, f"it took up to {max(waits):.2f} s"


def test_keys_end_with_their_owner_on_both_nodes_within_a_second(nodes):  # noqa: F811
    shop, ada = new_organization(nodes[0]), Member(nodes[0], "ada@example.org")
    own = own_keys(ada).make()
    for text, words in ((shop.first.text, ("organization", "end", shop.slug)), (own.text, ("account", "disable", ada.email))):
        assert [gate(node, text) for node in nodes] == [200, 200]
        nodes[0].command(*words)
        wait_for(f"{words[0]} {words[1]} to be known", lambda: [gate(node, text) for node in nodes] == [401, 401], 1)


def gate(node: Postern, text: str) -> int:
    return node.get("/auth/request", headers=bearer(text)).status_code


# By JSON.


def test_a_key_gives_no_more_than_it_has(postern):
    """AK-04."""
    shop, other = new_organization(postern), new_organization(postern, "Another")
    maker = shop.make("Maker", scopes=["keys:write", "orders:read"])
    for terms in ({"scopes": ["*"]}, {"scopes": ["orders:read", "orders:write"]}):
        assert reason(shop.call("POST", document={"name": "More"} | terms, token=maker.text)) == (403, "beyond-own-scopes")
    assert reason(shop.call("PATCH", f"/{maker.id}", {"scopes": ["*"]}, token=maker.text)) == (403, "beyond-own-scopes")
    assert reason(shop.call("POST", f"/{shop.first.id}/rotate", {}, token=maker.text)) == (403, "beyond-own-scopes")
    assert reason(other.call("POST", document={"name": "Theirs"}, token=maker.text)) == (404, "not-found")
    assert shop.call("POST", document={"name": "Less", "scopes": ["orders:read"]}, token=maker.text).status_code == 201


def test_the_last_key_is_revoked_only_when_that_was_said_twice(postern):
    """AK-09."""
    shop = new_organization(postern)
    assert reason(shop.call("DELETE", f"/{shop.first.id}")) == (409, "last-key")
    assert ask(postern, shop.first.text).status_code == 200
    shop.revoke(shop.first)
    assert reason(ask(postern, shop.first.text)) == (401, "api-key-revoked")


def test_who_is_removed_opens_nothing_once_all_keys_that_they_know_are_rotated_without_an_overlap(postern):
    shop, developer = new_organization(postern), Member(postern, "bob@example.org")
    theirs = shop.add(developer, "developer")
    made, changing = theirs.make("Robot"), theirs.make("Report job")
    follows = theirs.rotate(changing, "24h")
    by_key = Keys(postern, theirs.make("Maker", scopes=["keys:write"]).text, shop.place).make("Made by a key")
    known = f"/auth/account/organizations/{shop.id}/known/{developer.id}"
    owner = Visitor(postern, {"postern": shop.session})
    place = f"/auth/account/organizations/{shop.id}"
    assert owner.post(place, f"{place}/members/{developer.id}/remove").headers["Location"] == known
    assert owner.post(known, known, overlap="0h").status_code == 200
    assert {name: ask(postern, key.text).status_code for name, key in
            {"made": made, "follows": follows, "made by a key": by_key, "changing": changing}.items()} == dict.fromkeys(
                ("made", "follows", "made by a key", "changing"), 401)
    assert ask(postern, shop.first.text).status_code == 200


def test_a_key_that_expires_before_its_overlap_is_over_is_said_to_end_then(postern):
    shop = new_organization(postern)
    soon = in_seconds(60)
    key = shop.make(expires_at=soon)
    shop.rotate(key, "24h")
    assert shop.show(key)["ends_at"] == shop.show(key)["expires_at"] == soon


def test_a_key_that_is_over_stays_over_and_who_brings_it_needs_a_new_one(postern):
    shop = new_organization(postern)
    expired, revoked = shop.make(expires_at=in_seconds(2)), shop.make()
    shop.revoke(revoked)
    wait_for("the key to expire", lambda: ask(postern, expired.text).status_code == 401)
    assert reason(ask(postern, revoked.text)) == (401, "api-key-revoked")
    assert late_callers(shop) == {expired.id, revoked.id}
    answer = shop.owner.call(shop.session, "PATCH", f"/auth/v1/organizations/{shop.id}/api-keys/{expired.id}", {"expires_at": None})
    assert reason(answer) == (409, "key-not-rotatable") and ask(postern, expired.text).status_code == 401


def late_callers(shop: Organization) -> set[str]:
    answer = shop.owner.call(shop.session, "GET", f"/auth/v1/organizations/{shop.id}/late-callers")
    return {caller["api_key"] for caller in answer.json()["late_callers"]}


def in_seconds(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + number))


def test_an_account_is_in_20_organizations_at_most(postern):
    owner = Member(postern, "ada@example.org")
    session = owner.sign_in()
    answers = [owner.call(session, "POST", "/auth/v1/organizations", {"name": f"Shop {number}"}) for number in range(21)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]
    assert reason(answers[-1]) == (409, "too-many-organizations")


def test_a_found_key_is_ended_by_whoever_reports_it_and_no_text_of_any_is_kept(make_postern):
    """AK-02."""
    postern = make_postern(settings="log-level: debug\n").start()
    shop = new_organization(postern)
    found, guest = shop.make("Found"), postern.request("POST", "/auth/v1/organizations", json={"guest": True}).json()["api_key"]["key"]
    assert ask(postern, found.text, "203.0.113.9", "robot/1.0").status_code == 200
    successor, unknown = shop.rotate(found), nobodys_key()
    for text in (found.text, found.text, unknown, typo(found.text), "hello"):
        assert postern.request("POST", "/auth/v1/api-keys/leaked", json={"key": text}).status_code == 202
    answer = ask(postern, found.text)
    assert reason(answer) == (401, "api-key-revoked")
    assert not {"at", "successor"} & (answer.json().keys() | challenge(answer).keys()), "who stole it is told what follows"
    # They are tried in every place where one might stand.
    texts = [shop.first.text, found.text, successor.text, guest, unknown, typo(found.text)]
    for text in texts:
        for headers in (way(text) for way in WAYS.values()):
            postern.get(f"/auth/request?key={text}", headers=headers)
        postern.request("POST", "/auth/v1/api-keys/verify", json={"key": text}, headers=bearer(shop.first.text))
        postern.request("POST", f"/auth/v1/{text}", data=text, headers=bearer(text))
    letter = wait_for("the mail", lambda: postern.letter(shop.owner.email, ""))["text"]
    postern.stop()
    log = postern.log() + postern.output()
    kept = b"".join(file.read_bytes() for file in postern.data.rglob("*") if file.is_file())
    assert "debug" in log and b"Found" in kept
    for text in texts:
        assert text[9:42] not in log, "a key stands in the log"
        assert text[9:42].encode() not in kept, "a key is stored"
        assert text[9:42] not in letter


def test_a_guest_has_a_key_in_one_call_without_a_sign_in_and_ends_with_it_at_once(postern):
    made = postern.request("POST", "/auth/v1/organizations", json={"guest": True})
    organization, text = made.json()["organization"], made.json()["api_key"]["key"]
    assert made.status_code == 201 and text.startswith("pst_test_") and organization["guest"]
    assert ask(postern, text).json()["api_key"]["kind"] == "guest" and gate(postern, text) == 200
    assert postern.request("DELETE", f"/auth/v1/organizations/{organization['id']}", headers=bearer(text)).status_code == 204
    assert ask(postern, text).status_code == gate(postern, text) == 401


def test_the_documented_way_to_a_guest_works_as_it_stands_there(postern, tmp_path):
    [script] = re.findall(r"```sh\n(.*?)```", (FEATURES / "organizations.md").read_text(), re.DOTALL)
    script = script.replace("http://127.0.0.1:8080", postern.public_url)
    done = subprocess.run([real("bash"), "-euc", script + 'echo "$guest"'], capture_output=True, text=True, env=plain_environment(tmp_path), timeout=20)
    assert done.returncode == 0 and real("jq"), done.stderr
    assert ask(postern, json.loads(done.stdout)["api_key"]["key"]).status_code == 401, "it is still there"


def test_the_description_of_the_api_is_yaml_whose_references_lead_somewhere(postern):
    answer = postern.get("/auth/openapi.yaml")
    document = yaml.safe_load(answer.text)
    references = list(find_references(document))
    assert answer.status_code == 200 and len(references) > 100
    for reference in references:
        part = document
        for name in reference.removeprefix("#/").split("/"):
            assert name in part, f"{reference} leads nowhere"
            part = part[name]
    assert "/auth/v1/organizations/{id}/api-keys/{key}/rotate" in document["paths"]


def find_references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from find_references(inner)


# On the command line.


def test_a_key_is_made_listed_rotated_and_revoked_on_the_command_line(postern):
    shop = new_organization(postern)
    first_line, text = postern.command(
        "key", "create", "Checkout server", "--organization", shop.slug, "--scope", "orders:read", "--scope", "keys:read",
        "--address", "127.0.0.0/8", "--rate", "600/1m", "--expires-in", "90d").splitlines()
    id = first_line.split()[0]
    assert "Checkout server" in first_line and KEY.fullmatch(text) and text.startswith("pst_live_")
    assert ask(postern, text).json()["api_key"]["scopes"] == ["keys:read", "orders:read"]
    assert ask(postern, text, address="203.0.113.9").status_code == 403

    rotated = postern.command("key", "rotate", id, "--overlap", "1h").splitlines()
    assert rotated[0].split()[1:3] == ["follows", id + ","] and KEY.fullmatch(rotated[1]) and rotated[1] != text
    assert [ask(postern, each).status_code for each in (text, rotated[1])] == [200, 200]
    postern.command("key", "revoke", id)
    wait_for("the key to be refused", lambda: reason(ask(postern, text)) == (401, "api-key-revoked"), 1)

    shown = wait_for("what used it", lambda: (shown := postern.command("key", "show", id)) and "python-requests" in shown and shown)
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if line[:1].strip())
    assert lines["Name"] == "Checkout server" and lines["May"] == "keys:read, orders:read"
    assert lines["State"].startswith("revoked on ")
    assert "127.0.0.1" in shown

    printed = shown + "".join(
        postern.command("key", *words, "--json") for words in (["list", "--organization", shop.slug], ["show", id])) + postern.command("key", "list", "--organization", shop.slug)
    assert text not in printed and rotated[1] not in printed, "a key is shown twice (AK-02)"


def test_keys_are_listed_in_columns_on_the_command_line(postern):
    shop = new_organization(postern)
    old, test = shop.make("A name with spaces"), shop.make("Test", mode="test")
    new = shop.rotate(old)
    heads, *rows = postern.command("key", "list", "--organization", shop.slug).splitlines()
    assert re.split(r"  +", heads) == ["NAME", "KEY", "STATE", "LAST USED", "ID"]
    assert [re.split(r"  +", row) for row in rows] == [
        ["A name with spaces", f"live …{new.end}", "live", "never", new.id], ["Test", f"test …{test.end}", "live", "never", test.id],
        ["A name with spaces", f"live …{old.end}", "ending", "never", old.id], ["First key", f"live …{shop.first.end}", "live", "never", shop.first.id]]
    assert len({line.index(last) for line, last in zip([heads, *rows], ["ID", new.id, test.id, old.id, shop.first.id])}) == 1


def test_json_of_the_command_line_is_the_api_s(postern):
    shop = new_organization(postern)
    made = json.loads(postern.command("key", "create", "Test robot", "--account", shop.owner.email, "--mode", "test", "--json"))
    assert made["mode"] == "test" and made["key"].startswith("pst_test_") and ask(postern, made["key"]).json()["api_key"]["kind"] == "personal"
    follows = json.loads(postern.command("key", "rotate", made["id"], "--json"))
    [newest, oldest] = json.loads(postern.command("key", "list", "--account", shop.owner.email, "--json"))
    assert [(key["id"], key["state"], key.get("key")) for key in (newest, oldest)] == [(follows["id"], "live", None), (made["id"], "ending", None)]
    shown = wait_for("the use", lambda: (shown := json.loads(postern.command("key", "show", made["id"], "--json")))["uses"]["sources"] and shown)
    assert shown["key"]["successor"] == follows["id"] and shown["uses"]["sources"][0]["passed"] == 1


SOMEBODY = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("words, expected", [
    (["create", "Name"], "Name --organization or --account, one of them."),
    (["create", "Name", "--organization", "{slug}", "--account", "{email}"], "Name --organization or --account, one of them."),
    (["create", "Name", "--organization", "nowhere"], "There is no organization 'nowhere'"),
    (["create", "Name", "--account", "nobody@example.org"], "No account has the address 'nobody@example.org'"),
    (["create", "", "--organization", "{slug}"], "1 to 60 characters"),
    (["create", "Name", "--organization", "{slug}", "--scope", "Orders Read"], "--scope: Allowed: up to 20 names"),
    (["create", "Name", "--organization", "{slug}", "--mode", "prod"], "--mode: Allowed: live, test."),
    (["create", "Name", "--organization", "{slug}", "--expires-in", "soon"], "--expires-in"),
    (["create", "Name", "--organization", "{slug}", "--address", "here"], "--address: Allowed: up to 20 addresses"),
    (["create", "Name", "--organization", "{slug}", "--rate", "600"], "--rate: Allowed: a limit"),
    (["create", "Name", "--organization", "{slug}", "--rate", ""], "--rate: Allowed: a limit"),
    (["create", "Name", "--organization", "{slug}", "--rate", "/1m"], "--rate: Allowed: a limit"),
    (["list", "--organization", "{slug}", "--limit", "0"], "--limit is 0. Allowed: 1 to 1000000."),
    (["show", "first"], "'first' is no key's id."), (["show", SOMEBODY], f"There is no key {SOMEBODY}."),
    (["rotate", "{key}", "--overlap", "31d"], "--overlap: Allowed: 0h to 30d"), (["rotate", "{key}", "--overlap=-1h"], "--overlap: Allowed: 0h to 30d"),
    (["rotate", SOMEBODY], f"There is no key {SOMEBODY}."), (["rotate", "{rotated}"], "It has a successor already"),
    (["revoke", "{key}", "--why", "lost"], "--why is 'lost'. Allowed: revoked, leaked, blocked."), (["revoke", SOMEBODY], f"There is no key {SOMEBODY}."),
], ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "")
def test_wrong_words_on_the_command_line_are_refused_in_a_clear_line(counter, words, expected):
    postern, shop, rotated = counter
    known = {"slug": shop.slug, "email": shop.owner.email, "key": shop.first.id, "rotated": rotated.id}
    done = postern.run("key", *(word.format(**known) for word in words))
    lines = done.stderr.splitlines()
    assert done.returncode in (1, 64) and done.stdout == "", (done.returncode, done.stdout, done.stderr)
    assert expected in lines[0], done.stderr
    # The command line's own reader adds how it is used.
    assert len(lines) == 1 or lines[1].startswith("Usage: "), done.stderr


@pytest.fixture(scope="module")
def counter(binary, tmp_path_factory):
    """A server, an organization, and a key of it that has a successor."""
    postern = Postern(binary, tmp_path_factory.mktemp("counter")).start()
    shop = new_organization(postern)
    rotated = shop.make()
    shop.rotate(rotated)
    yield postern, shop, rotated
    postern.stop()


def test_organizations_are_listed_shown_given_an_owner_and_ended_on_the_command_line(postern):
    assert postern.command("organization", "list") == "No organization yet.\n"
    shop = new_organization(postern, "Corner Shop")
    heir = Member(postern, "heir@example.org")
    guest = postern.request("POST", "/auth/v1/organizations", json={"guest": True}).json()["organization"]
    rows = [line.split() for line in postern.command("organization", "list").splitlines()]
    assert rows == [["corner-shop", "Corner", "Shop"], [guest["slug"], "guest", "Guest"]]
    assert [each["slug"] for each in json.loads(postern.command("organization", "list", "--json"))] == ["corner-shop", guest["slug"]]

    session = heir.sign_in()
    assert heir.call(session, "GET", shop.place).status_code == 404
    assert postern.command("organization", "owner", "corner-shop", heir.email) == "heir@example.org is an owner of Corner Shop.\n"
    wait_for("the heir to be in", lambda: heir.call(session, "GET", shop.place).status_code == 200, 1)
    first, *members = postern.command("organization", "show", "corner-shop").splitlines()
    assert first.startswith(f"Corner Shop (corner-shop), {shop.id}, since ")
    assert sorted(line.split() for line in members) == sorted([["owner", heir.email], ["owner", shop.owner.email]])
    shown = json.loads(postern.command("organization", "show", "corner-shop", "--json"))
    assert {member["role"] for member in shown["members"]} == {"owner"} and shown["organization"]["id"] == shop.id

    assert gate(postern, shop.first.text) == 200
    assert postern.command("organization", "end", "corner-shop") == "Corner Shop is over, with all its keys.\n"
    wait_for("its keys to be refused", lambda: gate(postern, shop.first.text) == 401, 1)
    assert heir.call(session, "GET", shop.place).status_code == 404


@pytest.mark.parametrize("words, expected", [
    (["show", "nowhere"], "There is no organization 'nowhere'"), (["end", "nowhere"], "There is no organization 'nowhere'"),
    (["owner", "{slug}", "nobody@example.org"], "No open account has the address nobody@example.org."),
    (["owner", "{slug}", "nobody"], "'nobody' is no e-mail address."), (["owner", "nowhere", "{email}"], "There is no organization 'nowhere'"),
    (["list", "--limit", "many"], "--limit"), (["list", "--limit", "0"], "--limit is 0. Allowed: 1 to 1000000."),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_words_about_organizations_are_refused_in_a_clear_line(counter, words, expected):
    postern, shop, _ = counter
    done = postern.run("organization", *(word.format(slug=shop.slug, email=shop.owner.email) for word in words))
    lines = done.stderr.splitlines()
    assert done.returncode in (1, 64) and done.stdout == "" and expected in lines[0], done.stderr
