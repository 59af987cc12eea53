"""The sign-in history at a million and at ten million attempts (POSTERN_BENCH_HISTORY says another number), on both databases, and places."""

import json
import os
import pathlib
import subprocess
import time

from harness import BENCH, ROOT, WORK
from jobs import Postgres

SMALL = 1_000_000
LARGE = int(os.environ.get("POSTERN_BENCH_HISTORY", 10_000_000))


def bench(*words):
    out = subprocess.run([BENCH, "history", *map(str, words)], capture_output=True, text=True, check=True).stdout
    return json.loads(out) if out else None


def forget(*folders):
    """Takes files out of the machine's memory: what is asked next comes from the disk."""
    subprocess.run(["sync"], check=True)
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                file = os.open(path, os.O_RDONLY)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)


def sqlite_bytes(directory):
    return int(subprocess.run(["sqlite3", directory / "postern.sqlite", "SELECT SUM(pgsize) FROM dbstat WHERE name IN ('sign_in_block', "
                               "'sign_in_chain', 'sign_in_attempt', 'sqlite_autoindex_sign_in_chain_1', 'sqlite_autoindex_sign_in_attempt_1')"],
                              capture_output=True, text=True, check=True).stdout)


def on_sqlite(number):
    directory = WORK / f"history-{number}"
    began = time.monotonic()
    bench("fill", directory, "-", number)
    figures = {"fill_seconds": time.monotonic() - began, "bytes_each": sqlite_bytes(directory) / number}
    forget(directory)
    figures |= {"newest_" + key: value for key, value in bench("newest", directory, "-", 300).items()}
    figures |= bench("rates", directory, "-", 0)
    if number == LARGE:
        figures |= {"export": bench("export", directory, "-", 0), "drop": bench("drop", directory, "-", 0)}
    subprocess.run(["rm", "-rf", directory], check=True)
    return figures


def on_postgres(number):
    postgres = Postgres()
    directory = WORK / f"history-postgres-{number}"
    try:
        bench("fill", directory, postgres.url, number)
        for text in ("VACUUM ANALYZE", "CHECKPOINT"):
            postgres.sql(text)
        size = postgres.do("psql", "-h", postgres.folder, "-U", "postgres", "-At", "-c",
                           "SELECT pg_total_relation_size('sign_in_block') + pg_total_relation_size('sign_in_chain') + pg_total_relation_size('sign_in_attempt')").stdout
        figures = {"bytes_each": int(size) / number}
        postgres.control("restart")
        forget(postgres.folder)
        figures |= {"newest_" + key: value for key, value in bench("newest", directory, postgres.url, 300).items()}
        figures |= bench("rates", directory, postgres.url, 0)
        if number == LARGE:
            figures |= {"export": bench("export", directory, postgres.url, 0), "drop": bench("drop", directory, postgres.url, 0)}
    finally:
        postgres.end()
    return figures


MAKE = """
import random, sys
from mmdb_writer import MMDBWriter
from netaddr import IPNetwork, IPSet
number = random.Random(5)
writer = MMDBWriter(6, "Bench-City", languages=["en"], description="made", ipv4_compatible=True, float_type="f64")
hosts = []
for _ in range(60_000):
    city, first, bits = number.randrange(20_000), number.getrandbits(32), number.choice((20, 22, 23, 24, 24, 24, 26, 28))
    network = IPNetwork(f"{11 + (first >> 24) % 80}.{first >> 16 & 255}.{first >> 8 & 255}.{first & 255}/{bits}").cidr
    hosts.append(network.first + number.randrange(2 ** (32 - bits)))
    country = "ABCDEFGHIJKLMN"[city % 14] + "ABCDEFGHIJKLM"[city % 13]
    writer.insert_network(IPSet([network]), {
        "city": {"geoname_id": 2_900_000 + city, "names": {"en": f"City {city}", "de": f"Stadt {city}"}},
        "country": {"iso_code": country, "geoname_id": city % 182, "names": {"en": f"Country {country}", "de": f"Land {country}"}},
        "continent": {"code": "EU", "names": {"en": "Europe", "de": "Europa"}}, "postal": {"code": str(10_000 + city)},
        "location": {"latitude": city / 300, "longitude": city / 150, "accuracy_radius": 20, "time_zone": "Europe/Berlin"},
        "subdivisions": [{"iso_code": "BE", "names": {"en": f"Land {city % 900}"}}],
        "autonomous_system_number": city % 9_000, "autonomous_system_organization": f"Network {city % 9_000}"})
writer.to_db_file(sys.argv[1])
with open(sys.argv[2], "wb") as file:
    for _ in range(65_536):
        file.write((number.choice(hosts) if number.random() < .95 else number.getrandbits(32) & 0x3FFFFFFF | 0x0B000000).to_bytes(4, "little"))
"""


def places():
    """Whole records with libmaxminddb alone, and as sign-ins are looked after; then the whole of that work."""
    database, addresses, program = WORK / "places.mmdb", WORK / "addresses", WORK / "mmdb"
    subprocess.run([ROOT / ".venv/bin/python", "-c", MAKE, database, addresses], check=True)
    subprocess.run(["gcc", "-O2", "-o", program, ROOT / "Benchmarks/mmdb.c", "-lmaxminddb"], check=True)
    rounds = []
    for _ in range(3):
        raw = json.loads(subprocess.run([program, database, addresses, "2"], capture_output=True, text=True, check=True).stdout)
        ours = json.loads(subprocess.run([BENCH, "places", database, addresses, "2"], capture_output=True, text=True, check=True).stdout)
        rounds.append((ours["per_cpu_second"] / raw["per_cpu_second"], ours["per_cpu_second"], raw["per_cpu_second"], ours["found"], raw["found"]))
    share, ours, raw, found, found_raw = sorted(rounds)[1]
    assert abs(found - found_raw) < 0.06, rounds
    directory = WORK / "history-settled"
    bench("fill", directory, "-", 100_000)
    settled = bench("settle", directory, "-", 20_000, database)
    assert settled["attempts"] >= 20_000, settled
    return {"share": share, "per_second": ours, "libmaxminddb_per_second": raw, "settled_per_second": settled["per_second"]}


def history():
    figures = {"places": places()}
    for name, measure in (("sqlite", on_sqlite), ("postgres", on_postgres)):
        small, large = measure(SMALL), measure(LARGE)
        figures[name] = {"small": small, "large": large, "share": large["one_a_commit"] / small["one_a_commit"],
                         "share_of_hundreds": large["hundred_a_commit"] / small["hundred_a_commit"]}
    return figures | {"attempts": LARGE}
