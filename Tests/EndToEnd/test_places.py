"""Databases of places: what they say, what broken ones do, how newer ones come, and that no sign-in waits for any of them."""

import base64
import gzip
import hashlib
import io
import ipaddress
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import tarfile
import threading
import time
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import maxminddb
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from parts import places
from parts.job_rows import select
from parts.postern import PASSWORD, Postern
from parts.processes import wait_for
from parts.visitor import Visitor

ADA = "ada@example.org"
LIFTED = "throttling: {sign-in: {per-address: 100000/1m}}\n"
COUNT = 100_000 if os.environ.get("POSTERN_SOAK") else 10_000


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("good") / "places.mmdb"
    places.write(file)
    return file.read_bytes()


def naming(file: Path) -> str:
    return f"places: {{files: [{file}]}}\n"


def look_up(postern: Postern, addresses: list[str]) -> list[dict]:
    """What `geo lookup -` says of each."""
    postern.data.mkdir(exist_ok=True)
    done = subprocess.run([postern.binary, "geo", "lookup", *postern.place(), "-"], input="\n".join(addresses) + "\n", capture_output=True, text=True,
                          timeout=600, env=postern.environment)
    assert done.returncode == 0, done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def sign_in_from(postern: Postern, address: str, email: str = ADA, password: str = PASSWORD) -> float:
    """Returns how many seconds it took."""
    begin = time.perf_counter()
    answer = postern.request("POST", "/auth/v1/sign-in", json={"email": email, "password": password}, headers={"X-Forwarded-For": address})
    took = time.perf_counter() - begin
    assert answer.status_code == 200, answer.text
    return took


def latest_place(postern: Postern, address: str = places.LISBON) -> str:
    """Signs in from there and returns what the history says of it once it is looked at."""
    sign_in_from(postern, address)
    [(number,)] = select(postern, "SELECT MAX(number) FROM sign_in_attempt WHERE outcome = 'signed-in'")
    wait_for("it to be looked at", lambda: select(postern, "SELECT settled FROM sign_in_attempt WHERE number = ?", number) == [(1,)], 15)
    found = select(postern, "SELECT place.city FROM sign_in_attempt JOIN place ON place.number = sign_in_attempt.place WHERE sign_in_attempt.number = ?", number)
    return found[0][0] if found else ""


# What they say.


def some_networks(chance: random.Random, count: int) -> dict[str, dict]:
    """Records of every shape, IPv4 and IPv6, some inside others. No number is 0 or 1: the writer takes those for false and true."""
    made = {}
    for number in range(count):
        if chance.random() < 0.6:
            network = ipaddress.ip_network((chance.getrandbits(32), chance.randint(8, 30)), strict=False)
        else:
            network = ipaddress.ip_network(((0b001 << 125) | chance.getrandbits(125), chance.randint(16, 64)), strict=False)
        record: dict = {}
        if chance.random() < 0.9:
            record["country"] = {"iso_code": chance.choice(["PT", "NL", "BR", "DE", "FR", "US", "JP", "xx", "TOO", ""]), "names": {"en": "A country"}}
        if chance.random() < 0.6:
            record["city"] = {"names": {"en": chance.choice(["Łódź", "São Tomé", "東京", "A", f"Town {number}", "", "x" * 100]), "de": "Anders"}}
            if chance.random() < 0.5:
                record["subdivisions"] = [{"names": {"en": f"Region {number}"}}, {"names": {"en": "An inner one"}}]
        if chance.random() < 0.8:
            record["location"] = {"latitude": round(chance.uniform(-90, 90), 4), "longitude": round(chance.uniform(-180, 180), 4)}
            if chance.random() < 0.8:
                record["location"]["accuracy_radius"] = chance.choice([5, 20, 500, 1000])
        if chance.random() < 0.8:
            record |= {"autonomous_system_number": chance.choice([65_536, 2**32 - 1, number + 2]), "autonomous_system_organization": f"Network {number}"}
        flag = chance.choice([None, None, None, "is_anonymous", "is_anonymous_vpn", "is_hosting_provider", "is_public_proxy", "is_tor_exit_node", "is_residential_proxy"])
        if flag:
            record[flag] = chance.random() < 0.8
        if chance.random() < 0.1:
            record["connection_type"] = chance.choice(["Cellular", "Corporate"])
        made[str(network)] = record
    return made


def some_addresses(chance: random.Random, networks: list[str], count: int) -> list[str]:
    inside = [ipaddress.ip_network(network) for network in networks]

    def four() -> ipaddress.IPv4Address:
        network = chance.choice(inside)
        if network.version == 4 and chance.random() < 0.7:
            return network[chance.randrange(network.num_addresses)]
        return ipaddress.IPv4Address(chance.getrandbits(32))

    def six() -> ipaddress.IPv6Address:
        network = chance.choice(inside)
        if network.version == 6 and chance.random() < 0.7:
            return network[chance.randrange(network.num_addresses)]
        return ipaddress.IPv6Address(chance.getrandbits(128) if chance.random() < 0.3 else (0b001 << 125) | chance.getrandbits(125))
    ways = {
        "four": lambda: str(four()), "six": lambda: str(six()), "mapped": lambda: f"::ffff:{four()}",
        "6to4": lambda: str(ipaddress.IPv6Address((0x2002 << 112) | (int(four()) << 80) | chance.getrandbits(80))),
    }
    return [ways[chance.choices(list(ways), [4, 4, 1, 1])[0]]() for _ in range(count)]


NOT_PUBLIC = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "3fff::/20")]
GLOBAL = ipaddress.ip_network("2000::/3")


def is_never_looked_up(address) -> bool:
    return any(address in network for network in NOT_PUBLIC if network.version == address.version) or (address.version == 6 and address not in GLOBAL)


def shown_name(record: dict, *path) -> str:
    for step in path:
        record = record[step] if isinstance(record, list) and record else record.get(step, {}) if isinstance(record, dict) else {}
    return record[:80] if isinstance(record, str) else ""


def expected(reader: maxminddb.Reader, text: str) -> dict:
    """What MaxMind's own reader for Python says, in the words of `geo lookup`."""
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    record = {} if is_never_looked_up(address) else reader.get(str(address)) or {}
    country, location = record.get("country", {}).get("iso_code", ""), record.get("location", {})
    city = shown_name(record, "city", "names", "en")
    flags = ("is_anonymous", "is_anonymous_vpn", "is_hosting_provider", "is_public_proxy", "is_tor_exit_node", "is_residential_proxy")
    found = {
        "country": country if len(country) == 2 and country.isupper() else "", "city": city, "region": shown_name(record, "subdivisions", 0, "names", "en"),
        "network_name": record.get("autonomous_system_organization", ""),
        "kind": "anonymous" if any(record.get(flag) for flag in flags) else "mobile" if record.get("connection_type") == "Cellular" else "",
    }
    if "autonomous_system_number" in record:
        found["network"] = record["autonomous_system_number"]
    if location:
        found |= {"latitude": location["latitude"], "longitude": location["longitude"], "radius_km": location.get("accuracy_radius", 100 if city else 1_000)}
    return found


def test_random_addresses_are_where_maxminds_own_reader_says(make_postern, tmp_path):
    chance = random.Random(20)
    networks, file = some_networks(chance, 4_000), tmp_path / "made.mmdb"
    places.write(file, networks)
    addresses = some_addresses(chance, list(networks), COUNT)
    answers = look_up(make_postern(settings=naming(file)), addresses)
    assert len(answers) == len(addresses)
    known = 0
    with maxminddb.open_database(file) as reader:
        for text, answer in zip(addresses, answers):
            right = expected(reader, text)
            found = {name: value for name, value in answer.items() if name not in ("address", "files")}
            assert found == right, f"{text}: {found}, not {right}"
            known += any(right.values())
    assert COUNT / 4 < known < COUNT, f"{known} of {COUNT} were known: nothing was tested"


def test_several_databases_each_add_what_they_know(make_postern, tmp_path):
    cities, networks = tmp_path / "city.mmdb", tmp_path / "asn.mmdb"
    places.write(cities, {"5.1.0.0/16": {"country": {"iso_code": "PT"}, "city": {"names": {"en": "Lisbon"}}}})
    places.write(networks, {"5.0.0.0/8": {"autonomous_system_number": 3243, "autonomous_system_organization": "Example Portugal"},
                            "5.1.0.0/24": {"country": {"iso_code": "ES"}, "autonomous_system_number": 7, "autonomous_system_organization": "Another"}})
    postern = make_postern(settings=f"places: {{files: [{tmp_path / 'not-there.mmdb'}, {cities}, {networks}]}}\n")
    found = [(answer["country"], answer["city"], answer.get("network"), answer["network_name"]) for answer in look_up(postern, ["5.1.7.7", "5.1.0.7", "5.9.9.9", "9.9.9.9"])]
    assert found == [("PT", "Lisbon", 3243, "Example Portugal"), ("PT", "Lisbon", 7, "Another"), ("", "", 3243, "Example Portugal"), ("", "", None, "")]
    assert postern.command("geo", "lookup", "9.9.9.9").startswith("9.9.9.9: place unknown\n")
    said = postern.command("geo", "lookup", "5.1.7.7")
    assert "5.1.7.7: Lisbon, Portugal\n" in said and "Network AS3243, Example Portugal." in said and str(cities) in said
    for address in ("10.0.0.1", "127.0.0.1", "100.64.0.1", "::1", "fe80::1", "2001:db8::1"):
        assert "its place is never looked up" in postern.command("geo", "lookup", address)
    done = postern.run("geo", "lookup", "5.1.7")
    assert done.returncode == 1 and "'5.1.7' is no IPv4 or IPv6 address." in done.stderr


def test_a_lookup_works_before_the_server_ever_ran(make_postern, tmp_path):
    places.write(tmp_path / "places.mmdb")
    postern = make_postern(settings=naming(tmp_path / "places.mmdb"))
    assert json.loads(postern.command("geo", "lookup", "--json", places.LISBON))["city"] == "Lisbon"


def test_a_database_that_cannot_be_used_is_named_by_the_lookup(make_postern, tmp_path):
    """Else nobody finds out why every place is unknown."""
    (tmp_path / "places.mmdb").write_bytes(b"no database")
    postern = make_postern(settings=naming(tmp_path / "places.mmdb"))
    postern.data.mkdir()
    done = postern.run("geo", "lookup", places.LISBON)
    assert str(tmp_path / "places.mmdb") in done.stdout + done.stderr
    assert "set places.files" not in done.stdout, "they are set"


def test_an_old_database_is_said_to_be_old(make_postern, tmp_path, monkeypatch):
    month = time.time() - 31 * 86_400
    monkeypatch.setattr(time, "time", lambda: month)
    places.write(tmp_path / "places.mmdb")
    monkeypatch.undo()
    postern = make_postern(settings=naming(tmp_path / "places.mmdb")).start()
    assert "older than 30 days" in postern.command("geo", "lookup", places.LISBON)
    assert json.loads(postern.command("geo", "lookup", "--json", places.LISBON))["files"][0]["old"] is True
    wait_for("the log to say so", lambda: "older than 30 days" in postern.log(), 10)


def test_what_is_unknown_is_said_to_be_unknown(make_postern, tmp_path):
    places.write(tmp_path / "places.mmdb", {"5.1.0.0/16": {"city": {"names": {"en": "Somewhere"}}}, "5.2.0.0/16": {"autonomous_system_number": 1136}})
    postern = make_postern(settings=naming(tmp_path / "places.mmdb")).start()
    postern.make_account(ADA)
    for number, address in enumerate(("5.1.0.7", "5.2.0.7", "10.0.0.7", "9.9.9.9")):
        assert postern.request("POST", "/auth/v1/sign-in", json={"email": ADA, "password": PASSWORD},
                               headers={"X-Forwarded-For": address, "Postern-Browser": "ABCD"[number] * 42 + "A"}).status_code == 200
        wait_for("it to be looked at", lambda: select(postern, "SELECT COUNT(*) FROM sign_in_attempt WHERE settled = 0") == [(0,)])
    token = postern.sign_in(ADA)
    listed = postern.get("/auth/v1/account/sign-ins", headers={"Authorization": f"Bearer {token}"}).json()["sign_ins"]
    assert [line["place"] for line in listed][1:] == ["", "", "", "Somewhere"]
    letters = wait_for("the mails", lambda: (found := postern.letters(ADA))[2:] and found)
    texts = [letter["text"] for letter in letters]
    assert all("place unknown" in " ".join(text.split()) for text in texts), texts
    visitor = Visitor(postern, {"postern-link": re.search(r"/auth/not-me/(\S+)", texts[0])[1]})
    shown = visitor.get("/auth/not-me").text
    assert "<dd>Place unknown</dd>" in shown and "<dd></dd>" not in shown
    page = Visitor(postern, {"postern": token}).get("/auth/account/history").text
    assert page.count("Place unknown") >= 3
    for text in (*texts, shown, page, postern.command("geo", "lookup", "9.9.9.9"), postern.command("geo", "lookup", "5.1.0.7")):
        assert "all countries" not in text


# Broken ones.


def broken(good: bytes, count: int = 40):
    """The same database, cut and changed."""
    chance = random.Random(4)
    yield from {"empty": b"", "a byte": b"\0", "text": b"hello\n" * 1_000, "zeros": bytes(len(good)), "only the end": good[-400:], "doubled": good + good}.items()
    for number in range(count):
        length = chance.randrange(len(good)) if number % 2 else len(good) - chance.randrange(600)
        yield f"cut to {length}", good[:length]
        changed = bytearray(good)
        # The tree, the data, or the words about both at the end.
        begin, end = chance.choice([(0, len(good)), (0, len(good) // 2), (len(good) - 500, len(good))])
        for _ in range(chance.choice([1, 10, 200])):
            changed[chance.randrange(begin, end)] = chance.getrandbits(8)
        yield f"changed {number}", bytes(changed)


def test_no_broken_file_brings_the_lookup_down(make_postern, tmp_path, good):
    file = tmp_path / "places.mmdb"
    postern = make_postern(settings=naming(file))
    postern.data.mkdir()
    addresses = "\n".join([places.LISBON, places.VPN, places.COUNTRY_ONLY, places.SCRIPT, places.PARIS, "2002:501:7::1", "::ffff:5.1.0.7", "9.9.9.9", "2a00:ffff::1"]) + "\n"
    for name, content in broken(good, 60 if COUNT > 10_000 else 40):
        file.write_bytes(content)
        done = subprocess.run([postern.binary, "geo", "lookup", *postern.place(), "-"], input=addresses, capture_output=True, text=True, timeout=60, env=postern.environment)
        assert done.returncode == 0, f"{name}: ended with {done.returncode}: {done.stderr[-300:]}"
        assert len(done.stdout.splitlines()) == len(addresses.splitlines()), name
    file.unlink()
    file.mkdir()
    assert look_up(postern, [places.LISBON])[0]["country"] == ""
    file.rmdir()
    file.symlink_to("places.mmdb")
    assert look_up(postern, [places.LISBON])[0]["country"] == ""


@pytest.mark.parametrize("kind", ["empty", "text", "zeros", "only the end"])
def test_a_server_starts_with_a_broken_file_and_takes_a_good_one(make_postern, tmp_path, good, kind):
    file = tmp_path / "places.mmdb"
    file.write_bytes(dict(broken(good, 0))[kind])
    postern = make_postern(settings=naming(file)).start()
    postern.make_account(ADA)
    sign_in_from(postern, places.LISBON)
    wait_for("the log to name it", lambda: "a database of places can't be used" in postern.log(), 10)
    assert postern.is_healthy()
    file.write_bytes(good)
    wait_for("the good one to be used", lambda: latest_place(postern) == "Lisbon", 12, step=0.5)


def test_a_server_goes_on_signing_in_while_its_file_is_cut_replaced_and_deleted(make_postern, tmp_path, good):
    file = tmp_path / "places.mmdb"
    file.write_bytes(good)
    postern = make_postern(settings=naming(file) + LIFTED).start()
    postern.make_account(ADA)
    wait_for("the file to be read", lambda: "places are read" in postern.log(), 10)
    assert latest_place(postern) == "Lisbon"
    over, chance, faults = threading.Event(), random.Random(6), []
    bad = itertools.cycle(broken(good, 20))

    def disturb():
        while not over.is_set():
            try:
                way = chance.randrange(5)
                if way == 0:
                    os.truncate(file, chance.randrange(len(good))) if file.exists() else None
                elif way == 1:
                    file.unlink(missing_ok=True)
                elif way == 2:
                    file.write_bytes(next(bad)[1])
                else:
                    (tmp_path / "next").write_bytes(good if way == 3 else next(bad)[1])
                    os.replace(tmp_path / "next", file)
            except OSError as error:
                faults.append(error)
            over.wait(0.03)
    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        end = time.monotonic() + (120 if COUNT > 10_000 else 20)
        for address in itertools.cycle([places.LISBON, places.PARIS, places.VPN, "9.9.9.9"]):
            sign_in_from(postern, address)
            assert postern.process.lives
            if time.monotonic() > end:
                break
    finally:
        over.set()
        thread.join()
    assert faults == []
    file.unlink(missing_ok=True)
    (tmp_path / "next").write_bytes(good)
    os.replace(tmp_path / "next", file)
    wait_for("the good one to be used", lambda: latest_place(postern, places.ROTTERDAM) == "Rotterdam", 20, step=1)
    assert postern.is_healthy()
    for word in ("Fatal", "crash", "SIGBUS"):
        assert word not in postern.log()
    left = [path for path in postern.data.rglob("*") if "mmdb" in path.name or "place" in path.name]
    assert left == [], "copies were left behind"


# Newer ones.


class Maker:
    """Hands out databases, and remembers what it was asked."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.modified = time.time() - 3_600
        self.user: str | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        maker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                maker.asked.append((self.path, headers))
                path = self.path.split("?")[0]
                if path in maker.redirects:
                    return self.answer(302, b"", Location=maker.redirects[path])
                if maker.user and headers.get("authorization") != "Basic " + base64.b64encode(maker.user.encode()).decode():
                    return self.answer(401, b"no", **{"WWW-Authenticate": "Basic"})
                if path not in maker.files:
                    return self.answer(404, b"not here")
                since = headers.get("if-modified-since")
                if since and parsedate_to_datetime(since).timestamp() >= maker.modified:
                    return self.answer(304, b"")
                self.answer(200, maker.files[path], **{"Last-Modified": formatdate(maker.modified, usegmt=True)})

            def answer(self, status: int, body: bytes, **headers: str):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def make_maker():
    made = []

    def make() -> Maker:
        made.append(Maker())
        return made[-1]
    yield make
    for maker in made:
        maker.stop()


@pytest.fixture
def maker(make_maker) -> Maker:
    return make_maker()


def source(url: str, *more: str) -> str:
    return f"places:\n  sources:\n    city:\n      url: {url}\n" + "".join(f"      {line}\n" for line in more)


def updated(postern: Postern) -> dict:
    """What `geo update` says, which ends as it should."""
    done = postern.run("geo", "update", "--json")
    [outcome] = json.loads(done.stdout)
    assert done.returncode == (1 if outcome["outcome"] == "failed" else 0), done.stderr
    assert (outcome["source"], outcome.get("problem") is None) == ("city", outcome["outcome"] != "failed")
    return outcome


def tar(content: bytes, mode: str, name: str = "GeoLite2-City_20261120/GeoLite2-City.mmdb", form=tarfile.USTAR_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=form) as archive:
        folder = tarfile.TarInfo(name.split("/")[0])
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for path, data in ((name.split("/")[0] + "/COPYRIGHT.txt", b"of its maker\n" * 100), (name, content), (name.split("/")[0] + "/LICENSE.txt", b"words")):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


PACKED = {
    "plain": lambda good: good, "gzip": gzip.compress, "tar": lambda good: tar(good, "w"), "tar.gz": lambda good: tar(good, "w:gz"),
    "GNU tar.gz": lambda good: tar(good, "w:gz", form=tarfile.GNU_FORMAT), "pax tar.gz": lambda good: tar(good, "w:gz", form=tarfile.PAX_FORMAT),
    "a long name": lambda good: tar(good, "w:gz", "a" * 60 + "/" + "b" * 60 + ".mmdb"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_database_is_fetched_however_it_is_packed(make_postern, maker, good, kind):
    content = PACKED[kind](good)
    maker.files |= {"/city": content, "/city.sha256": f"{hashlib.sha256(content).hexdigest().upper()}  GeoLite2-City.tar.gz\n".encode()}
    postern = make_postern(settings=source(maker.url + "/city?suffix=x", f"checksum: {maker.url}/city.sha256"))
    outcome = updated(postern)
    assert (outcome["outcome"], outcome["type"]) == ("updated", "Test-City")
    assert look_up(postern, [places.LISBON])[0]["city"] == "Lisbon"
    kept = postern.data / "places/city.mmdb"
    assert kept.read_bytes() == good and kept.stat().st_mode & 0o077 == 0
    assert [path.name for path in kept.parent.iterdir()] == ["city.mmdb"], "something was left behind"


def test_what_is_no_newer_is_not_fetched_again_and_what_is_newer_is(make_postern, maker, good):
    maker.files["/city"] = good
    postern = make_postern(settings=source(maker.url + "/city"))
    assert updated(postern)["outcome"] == "updated"
    assert updated(postern)["outcome"] == "unchanged" and "if-modified-since" in maker.asked[-1][1]
    assert postern.command("geo", "update").endswith("city: there is no newer one.\n")
    maker.modified = time.time() + 5
    assert updated(postern)["outcome"] == "updated"


def bombs(good: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"", "a page": b"<!doctype html><h1>Sign in</h1>", "zeros": bytes(10_000), "cut short": good[:len(good) // 2], "cut off at its end": good[:-100], "only its end": good[-400:],
        "half of a gzip": gzip.compress(os.urandom(5_000) + good)[:-200], "a gzip of a page": gzip.compress(b"<html>"), "an archive of nothing": tar(b"", "w:gz", "a/b.txt"),
        "an archive that ends too early": gzip.compress(tar(good, "w")[:2_500]), "a negative size": gzip.compress(tar(good, "w").replace(b"%011o" % len(good), b"-0000000001")),
        "a huge size": gzip.compress(tar(good, "w").replace(b"%011o" % len(good), b"77777777777")), "an archive with a link": link_archive(),
    }


def link_archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a/b.mmdb")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    return file.getvalue()


def test_rubbish_never_takes_the_place_of_a_database(make_postern, maker, good):
    maker.files["/city"] = good
    postern = make_postern(settings=source(maker.url + "/city"))
    assert updated(postern)["outcome"] == "updated"
    kept = postern.data / "places/city.mmdb"
    maker.modified = time.time() + 3_600
    for name, content in bombs(good).items():
        maker.files["/city"] = content
        outcome = updated(postern)
        assert outcome["outcome"] == "failed", name
        assert kept.read_bytes() == good and [path.name for path in kept.parent.iterdir()] == ["city.mmdb"], name
    del maker.files["/city"]
    assert "404" in updated(postern)["problem"]
    maker.stop()
    assert updated(postern)["outcome"] == "failed" and kept.read_bytes() == good


@pytest.mark.parametrize("checksum, words", [
    (b"0" * 64 + b"  city.mmdb\n", "it isn't what its checksum says"), (b"<html>", "none of SHA-256"), (b"", "none of SHA-256"), (b"0" * 63, "none of SHA-256"), (None, "can't be fetched"),
], ids=["another", "a page", "nothing", "too short", "not there"])
def test_what_differs_from_its_checksum_is_thrown_away(make_postern, maker, good, checksum, words):
    maker.files["/city"] = good
    if checksum is not None:
        maker.files["/sum"] = checksum
    postern = make_postern(settings=source(maker.url + "/city", f"checksum: {maker.url}/sum"))
    assert words in updated(postern)["problem"]
    assert list((postern.data / "places").iterdir()) == []


KEY = "a-licence-key-that-nobody-may-read"


def with_key(postern: Postern, key: str = KEY) -> Postern:
    postern.environment["POSTERN_PLACES_SOURCES_CITY_LICENCE_KEY"] = key
    return postern


def test_the_licence_key_goes_to_its_maker_alone_and_into_no_log(make_postern, make_maker, good):
    maker, other = make_maker(), make_maker()
    maker.user = f"123456:{KEY}"
    maker.files["/direct"] = other.files["/city"] = good
    maker.redirects["/city"] = other.url.replace("127.0.0.1", "localhost") + "/city"
    postern = with_key(make_postern(settings=source(maker.url + "/city", 'account: "123456"')))
    done = postern.run("geo", "update")
    assert done.returncode == 0, done.stdout
    [(_, headers)] = other.asked
    assert "authorization" not in headers and KEY not in str(headers) and base64.b64encode(maker.user.encode()).decode() not in str(headers)
    assert "authorization" in maker.asked[0][1]
    # Another port of the same machine is another server.
    maker.redirects["/city"] = other.url + "/city"
    (postern.data / "places/city.mmdb").unlink()
    assert postern.run("geo", "update").returncode == 0
    assert "authorization" not in other.asked[-1][1]

    maker.redirects.clear()
    wrong = with_key(make_postern("wrong", settings=source(maker.url + "/direct", 'account: "123456"')), KEY + "x")
    refused = wrong.run("geo", "update")
    assert refused.returncode == 1 and "the server answered 401" in refused.stdout
    right = with_key(make_postern("right", settings=source(maker.url + "/direct", 'account: "123456"')))
    said = right.run("geo", "update", "--json")
    assert said.returncode == 0
    right.start()
    time.sleep(1)
    everything = "".join([done.stdout, done.stderr, refused.stdout, refused.stderr, said.stdout, said.stderr, right.log(), right.output()])
    assert KEY not in everything
    assert not [path for path in right.data.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_no_redirect_leads_into_a_file_or_to_another_protocol(make_postern, maker, good, tmp_path):
    (tmp_path / "secret.mmdb").write_bytes(good)
    postern = make_postern(settings=source(maker.url + "/city"))
    for target in (f"file://{tmp_path}/secret.mmdb", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ftp://127.0.0.1/x"):
        maker.redirects["/city"] = target
        assert updated(postern)["outcome"] == "failed", target
    maker.redirects["/city"] = "/city"
    assert updated(postern)["outcome"] == "failed"
    assert list((postern.data / "places").iterdir()) == []


@pytest.mark.parametrize("url", ["http://places.example.org/city.mmdb", "file:///etc/passwd", "ftp://127.0.0.1/x", "city.mmdb", "http://127.0.0.1.example.org/x", "http://127.0.0.1@example.org/x"])
def test_a_database_that_is_fetched_in_the_clear_is_refused_by_the_settings(make_postern, url):
    done = make_postern(settings=source(f'"{url}"')).run("geo", "update")
    assert done.returncode == 1 and "places.sources.city.url" in done.stderr and "https://" in done.stderr


def test_a_running_server_takes_a_new_file_within_seconds(make_postern, maker, good, tmp_path):
    places.write(tmp_path / "other.mmdb", {"5.1.0.0/16": places.city("PT", "Porto", 41.15, -8.61, 20, 3243, "Example Portugal")})
    maker.files["/city"] = good
    postern = make_postern(settings=source(maker.url + "/city")).start()
    postern.make_account(ADA)
    assert updated(postern)["outcome"] in ("updated", "unchanged")
    wait_for("the first", lambda: latest_place(postern) == "Lisbon", 10, step=0.5)
    maker.files["/city"], maker.modified = (tmp_path / "other.mmdb").read_bytes(), time.time() + 10
    assert updated(postern)["outcome"] == "updated"
    begin = time.monotonic()
    wait_for("the next", lambda: latest_place(postern) == "Porto", 10, step=0.5)
    assert time.monotonic() - begin < 10


# No sign-in waits.


def large(file: Path, count: int) -> None:
    writer = MMDBWriter(6, "Test-City", languages=["en"], ipv4_compatible=True, float_type="f64")
    for number in range(count):
        writer.insert_network(IPSet([f"{20 + number // 65_536}.{number // 256 % 256}.{number % 256}.0/24"]), places.city(
            "PT", f"Town number {number}", 38 + number % 1_000 / 1_000, -9 + number % 777 / 1_000, 20, number, f"Network {number}"))
    for network, record in places.PLACES.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(file))


def test_a_sign_in_takes_as_long_with_any_file_or_none(make_postern, tmp_path, good):
    (tmp_path / "small.mmdb").write_bytes(good)
    large(tmp_path / "large.mmdb", 60_000)
    # Whoever opens it waits for a writer that never comes, as on a disk that hangs.
    os.mkfifo(tmp_path / "hanging.mmdb")
    nodes = {name: make_postern(name, settings=LIFTED + (naming(tmp_path / f"{name}.mmdb") if name != "none" else "")).start() for name in ("none", "small", "large", "hanging")}
    for name, node in nodes.items():
        node.make_account(ADA)
        if name in ("small", "large"):
            wait_for("the file to be read", lambda: "places are read" in node.log(), 20)
    times: dict[str, list[float]] = {name: [] for name in nodes}
    for turn in range(64):
        for name, node in sorted(nodes.items(), key=lambda _: random.random()):
            # Each from another network, so that nothing is known before.
            took = sign_in_from(node, f"20.{turn % 200}.{turn % 250}.7")
            if turn >= 4:
                times[name].append(took)
    medians = {name: statistics.median(found) for name, found in times.items()}
    print({name: round(median * 1_000, 1) for name, median in medians.items()})
    for name, median in medians.items():
        assert median < 1.25 * medians["none"], f"{name}: {medians}"
    assert latest_place(nodes["large"], "20.0.7.7") == "Town number 7" and latest_place(nodes["small"]) == "Lisbon"
    assert latest_place(nodes["none"]) == ""
    token = nodes["hanging"].sign_in(ADA)
    listed = nodes["hanging"].get("/auth/v1/account/sign-ins", headers={"Authorization": f"Bearer {token}"}).json()["sign_ins"]
    assert {line["place"] for line in listed} == {""}
    # What can be told without a place is told all the same, if later.
    assert nodes["hanging"].request("POST", "/auth/v1/sign-in", json={"email": ADA, "password": PASSWORD}, headers={"Postern-Browser": "B" * 42 + "A"}).status_code == 200
    wait_for("the mail", lambda: nodes["hanging"].letter(ADA, "A new sign-in to your account"), 150, step=0.5)
    begin = time.monotonic()
    nodes["hanging"].stop()
    assert time.monotonic() - begin < 12, "a disk that hangs keeps the server from ending"
