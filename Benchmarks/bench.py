#!/usr/bin/env python3
"""Measures what docs/figures.md claims, beside the limit or the peer in the same run.

Run by `make bench` on a quiet machine. Prints JSON and a table, and writes the table into docs/figures.md.
"""
import base64, hmac, json, os, pathlib, re, shutil, statistics, struct, subprocess, sys, time, urllib.request

import gateway
import jobs
import keys
import strength
import delivery
import history
import throttling
from harness import *
from peers import glewlwyd


def check_request(port, token):
    return f"GET /auth/request HTTP/1.1\nHost: 127.0.0.1:{port}\nCookie: postern={token}\n\n"


def sign_in_request(port, email, password=PASSWORD):
    body = json.dumps({"email": email, "password": password})
    return (f"POST /auth/v1/sign-in HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json\n"
            f"Content-Length: {len(body)}\n\n{body}")


def session_checks():
    """The gateway's check with 100,000 live sessions, alternated with a bare route of the same process and with nginx."""
    port, bare, floor = free_port(), free_port(), free_port()
    tokens = WORK / "tokens"
    server = start(BENCH, "serve", WORK / "checks", port, bare, 100_000, tokens)
    wait_for(port, seconds=300)
    end = time.monotonic() + 300
    while not tokens.exists() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(1)
    (WORK / "nginx.conf").write_text(
        f"worker_processes 1; daemon off; pid {WORK}/nginx.pid; error_log {WORK}/nginx.err crit; events {{ worker_connections 512; }}"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {WORK}/b; proxy_temp_path {WORK}/p;"
        f"fastcgi_temp_path {WORK}/f; uwsgi_temp_path {WORK}/u; scgi_temp_path {WORK}/s;"
        f"server {{ listen 127.0.0.1:{floor}; location / {{ return 200; }} }} }}")
    nginx = start("nginx", "-c", WORK / "nginx.conf")
    script = WORK / "check.lua"
    script.write_text(
        f'local tokens = {{}}\nfor line in io.lines("{tokens}") do tokens[#tokens + 1] = line:match("%S+") end\nlocal i = 0\n'
        'function request()\n  i = i % #tokens + 1\n  return wrk.format("GET", nil, {Cookie = "postern=" .. tokens[i]})\nend\n')
    peer, peer_url, peer_script = glewlwyd()
    wrk(f"http://127.0.0.1:{port}/auth/request", 6, 32, script)  # every session once
    rounds = []
    for _ in range(5):
        before = cpu_seconds(server.pid)
        check = wrk(f"http://127.0.0.1:{port}/auth/request", 3, 32, script)
        used = cpu_seconds(server.pid) - before
        route = wrk(f"http://127.0.0.1:{bare}/bare", 3, 32, script)
        limit = wrk(f"http://127.0.0.1:{floor}/", 3, 32, script)
        other = wrk(peer_url, 3, 32, peer_script)
        assert other[2] == 0, "Glewlwyd refused"
        rounds.append((check, route, limit, used * 1e6 / (check[0] * 3), other))
    refused = sum(r[0][2] for r in rounds)
    stop(peer)
    stop(nginx)
    stop(server)
    median = statistics.median
    return {
        "checks_per_second": median(r[0][0] for r in rounds), "bare_route_per_second": median(r[1][0] for r in rounds),
        "nginx_per_second": median(r[2][0] for r in rounds), "share_of_bare_route": median(r[0][0] / r[1][0] for r in rounds),
        "share_of_nginx": median(r[0][0] / r[2][0] for r in rounds), "p99_ms": median(r[0][1] for r in rounds),
        "cpu_us_per_check": median(r[3] for r in rounds), "refused": refused,
        "glewlwyd_per_second": median(r[4][0] for r in rounds), "times_glewlwyd": median(r[0][0] / r[4][0] for r in rounds),
    }


def tokens_of(path):
    """Session tokens, and the secret of each one's authenticator."""
    return [line.split() for line in path.read_text().split("\n")]


def code(secret, when):
    """RFC 6238, so that codes come from elsewhere than the server."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(when) // 30), "sha1").digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1_000_000:06}"


def step_up_request(port, token, secret, when):
    body = json.dumps({"method": "totp", "code": code(secret, when)})
    return (f"POST /auth/v1/session/step-up HTTP/1.1\nHost: 127.0.0.1:{port}\nAuthorization: Bearer {token}\n"
            f"Content-Type: application/json\nContent-Length: {len(body)}\n\n{body}")


def second_factors():
    """Codes verified and spent for good, each of another person: 1,000 a second by 64 connections, then as many as will go."""
    pure = json.loads(subprocess.run([BENCH, "codes", "3"], capture_output=True, text=True, check=True).stdout)
    port, tokens = free_port(), WORK / "tokens-codes"
    server = start(BENCH, "serve", WORK / "codes", port, free_port(), 40_000, tokens)
    while not tokens.exists():
        time.sleep(0.1)
    wait_for(port)
    pairs = tokens_of(tokens)
    rounds = []
    for number in range(3):
        mine = pairs[number * 8_000:(number + 1) * 8_000]
        answers = send(port, 1_000, 8, 64, [step_up_request(port, token, secret, time.time()) for token, secret in mine])
        assert set(answers) == {"204"}, answers
        rounds.append(answers["204"])
    # As many as will go: all due at once, answered when they are.
    rest = pairs[24_000:]
    requests = [step_up_request(port, token, secret, time.time()) for token, secret in rest]
    answers = send(port, 1_000_000, len(requests) / 1_000_000, 64, requests)
    assert set(answers) == {"204"}, answers
    stop(server)
    return {
        "pure_per_second": pure["per_second"],
        "p50_ms_at_1000": statistics.median(r["p50_ms"] for r in rounds), "p99_ms_at_1000": statistics.median(r["p99_ms"] for r in rounds),
        "most_per_second": len(requests) / (answers["204"]["max_ms"] / 1000),
    }


def memory():
    """Resident memory: idle, and with 10,000 and 100,000 sessions in the table."""
    result = {}
    sizes = {}
    for count in (0, 10_000, 100_000):
        port, tokens = free_port(), WORK / f"tokens-{count}"
        directory = WORK / f"memory-{count}"
        if count:
            seeder = start(BENCH, "serve", directory, port, free_port(), count, tokens)
            while not tokens.exists():
                time.sleep(0.1)
            stop(seeder)
        server = start(BINARY, "serve", "--data-directory", directory, "--listen", f"127.0.0.1:{port}")
        wait_for(port)
        time.sleep(1)
        if count == 0:
            result["idle_mb"] = resident_kb(server.pid) / 1024
        else:
            # The same number of requests for both, so that only the sessions differ.
            requests = [check_request(port, token) for token, _ in tokens_of(tokens)]
            answers = send(port, 5_000, 24, 16, requests)
            assert set(answers) == {"200"}, answers
            sizes[count] = resident_kb(server.pid)
        stop(server)
    result["with_10000_sessions_mb"] = sizes[10_000] / 1024
    result["bytes_per_session"] = (sizes[100_000] - sizes[10_000]) * 1024 / 90_000
    return result


def server_with_accounts(count):
    directory, port = WORK / "accounts", free_port()
    shutil.rmtree(directory, ignore_errors=True)
    for number in range(count):
        subprocess.run([BINARY, "account", "create", "--email", f"a{number}@example.com", "--password-stdin", "--confirmed",
                        "--data-directory", directory], input=PASSWORD + "\n", text=True, check=True, capture_output=True)
    server = start(BINARY, "serve", "--data-directory", directory, "--listen", f"127.0.0.1:{port}")
    wait_for(port)
    return server, port


def argon2(threads, seconds):
    program = WORK / "argon2"
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-o", program, ROOT / "Benchmarks/argon2.c", "-largon2", "-lpthread"], check=True)
    return json.loads(subprocess.run([program, str(threads), str(seconds)], capture_output=True, text=True, check=True).stdout)


def sign_ins():
    """Whole sign-ins, durable, against libargon2 in a loop on as many threads."""
    server, port = server_with_accounts(20)
    script = WORK / "sign-in.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nlocal i = 0\nfunction request()\n  i = (i + 1) % 20\n'
        f'  return wrk.format(nil, nil, nil, \'{{"email":"a\' .. i .. \'@example.com","password":"{PASSWORD}"}}\')\nend\n')
    wrk(f"http://127.0.0.1:{port}/auth/v1/sign-in", 3, 8, script)
    rounds = []
    for _ in range(5):
        raw = argon2(CORES, 5)
        before = other_cpu_seconds(server.pid)
        rate, p99, refused = wrk(f"http://127.0.0.1:{port}/auth/v1/sign-in", 6, 8, script)
        used = other_cpu_seconds(server.pid) - before
        rounds.append((rate, raw["per_second"], used / (rate * 6) * 1000, p99, refused))
    stop(server)
    median = statistics.median
    return {
        "sign_ins_per_second": median(r[0] for r in rounds), "argon2_per_second": median(r[1] for r in rounds),
        "share_of_argon2": median(r[0] / r[1] for r in rounds), "other_cpu_ms": median(r[2] for r in rounds),
        "p99_ms": median(r[3] for r in rounds), "refused": sum(r[4] for r in rounds),
    }


def overload(capacity):
    """Ten times more sign-ins than capacity, and what session checks feel of it."""
    server, port = server_with_accounts(20)
    requests = [sign_in_request(port, f"a{number}@example.com") for number in range(20)]
    body = json.dumps({"email": "a0@example.com", "password": PASSWORD}).encode()
    call = urllib.request.Request(f"http://127.0.0.1:{port}/auth/v1/sign-in", body, {"Content-Type": "application/json"})
    token = json.load(urllib.request.urlopen(call))["session"]["token"]
    calm = send(port, 500, 10, 8, [check_request(port, token)])
    flood_file = WORK / "flood"
    flood_file.write_text("\n%%\n".join(requests))
    rate = capacity * 10
    flood = subprocess.Popen([BENCH, "send", str(port), str(rate), "20", "200", flood_file, "nice"], stdout=subprocess.PIPE, text=True)
    time.sleep(4)
    stormy = send(port, 500, 10, 8, [check_request(port, token)])
    answers = json.loads(flood.communicate()[0])
    stop(server)
    return {
        "asked_per_second": rate, "accepted_per_second": answers.get("200", {"count": 0})["count"] / 20,
        "accepted_p99_ms": answers["200"]["p99_ms"], "refused_p99_ms": answers["503"]["p99_ms"], "refused_max_ms": answers["503"]["max_ms"],
        "broken": answers.get("0", {"count": 0})["count"], "check_p99_calm_ms": calm["200"]["p99_ms"],
        "check_p99_flood_ms": stormy["200"]["p99_ms"], "check_p99_times": stormy["200"]["p99_ms"] / calm["200"]["p99_ms"],
    }


def cold_start():
    directory, times = WORK / "cold", []
    for _ in range(8):
        port = free_port()
        began = time.monotonic()
        server = start(BINARY, "serve", "--data-directory", directory, "--listen", f"127.0.0.1:{port}")
        wait_for(port)
        times.append((time.monotonic() - began) * 1000)
        stop(server)
    # The first also makes the database and the key ring.
    return {"first_ms": times[0], "median_ms": statistics.median(times[1:])}


def first_minutes():
    """The README's first command and a browser: from nothing to an app behind a second factor, as the end-to-end test walks it."""
    place = WORK / "first-minutes.json"
    subprocess.run([ROOT / ".venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "Tests/EndToEnd/test_first_minutes.py",
                    "-k", "from_nothing"], check=True, capture_output=True,
                   env=os.environ | {"POSTERN_BINARY": str(BINARY), "POSTERN_FIRST_MINUTES": str(place)})
    return json.loads(place.read_text())


def table(figures):
    checks, memory_, signs, codes, flood, cold, gate = (
        figures[name] for name in ("session_checks", "memory", "sign_ins", "second_factors", "overload", "cold_start", "gateway"))
    slow, brought, past = figures["throttling"], figures["delivery"], figures["history"]
    queue, daily, taken = (figures[name] for name in ("queues", "daily_run", "import"))
    first, guess, sieve, meter = (figures[name] for name in ("first_minutes", "strength", "filter", "meter"))
    rows = [
        ("session checks a second, 100,000 live sessions", f"{checks['checks_per_second']:,.0f}", f"bare Hummingbird route {checks['bare_route_per_second']:,.0f}, nginx {checks['nginx_per_second']:,.0f}", ""),
        ("… share of a bare Hummingbird route", f"{checks['share_of_bare_route']:.0%}", "", "at least 80 %"),
        ("… as often as Glewlwyd checks a session", f"{checks['times_glewlwyd']:.0f} times", f"Glewlwyd {checks['glewlwyd_per_second']:,.0f}", ""),
        ("… share of nginx `return 200`", f"{checks['share_of_nginx']:.0%}", "", ""),
        ("… server CPU a check", f"{checks['cpu_us_per_check']:.1f} µs", "", ""),
        ("requests a second through nginx to a static app", f"{gate['requests_per_second']:,.0f}", f"nginx asked in Postern's place {gate['limit_per_second']:,.0f}", ""),
        ("… share of that", f"{gate['share_of_limit']:.0%}", "", "at least 40 %, aim 60 %"),
        ("… p99 at 70 % of it", f"{gate['p99_ms_at_70_percent']:.2f} ms", f"{gate['connections_at_70_percent']} connections bring {gate['share_then']:.0%}", "at most 2 ms"),
        ("… server CPU a request", f"{gate['cpu_us']:.1f} µs", "", ""),
        ("lines of the snippet", ", ".join(f"{proxy} {count}" for proxy, count in gate["snippet_lines"].items()), "", "aim: nginx 12, Caddy 4"),
        ("first minutes: from the command to an app behind a second factor, by a browser that doesn't hesitate", f"{first['walk_seconds']} s", f"of them until it is ready {first['ready_seconds']} s", "looked at when it grows"),
        ("… characters typed", f"{first['typed_characters']}", "", "looked at when it grows"),
        ("sign-ins a second, all cores", f"{signs['sign_ins_per_second']:.1f}", f"libargon2 alone {signs['argon2_per_second']:.1f}", ""),
        ("… share of libargon2", f"{signs['share_of_argon2']:.0%}", "", "at least 90 %, aim 95 %"),
        ("… CPU a sign-in besides the hashing threads", f"{signs['other_cpu_ms']:.2f} ms", "", "at most 1.2 ms, aim 0.5"),
        ("codes verified and spent for good a second, 64 connections", f"{codes['most_per_second']:,.0f}", "", "at least 1,000"),
        ("… p99 at 1,000 a second", f"{codes['p99_ms_at_1000']:.1f} ms", f"p50 {codes['p50_ms_at_1000']:.1f} ms", "at most 20 ms"),
        ("codes verified a second by one core, without the rest", f"{codes['pure_per_second']:,}", "", "at least 500,000"),
        ("passwords estimated a second by one core", f"{guess['per_second']:,}", f"zxcvbn-rs-py {guess['rust_per_second']:,}, Python zxcvbn {guess['python_per_second']:,}", ""),
        ("… as often as zxcvbn-rs-py", f"{guess['times_rust']:.1f} times", "", "at least 1.5 times, aim 3"),
        ("… the slowest password of 256 bytes that a minute's search found", f"{guess['worst_ms']:.2f} ms", f"one for which zxcvbn-rs-py takes {guess['rust_worst_ms']:.0f} ms: {guess['same_ms']:.2f} ms", "at most 10 ms, aim 2"),
        ("the page's meter: module, lists and script as sent", f"{meter['bytes'] / 1000:.0f} kB", "", "at most 450 kB"),
        ("… ready in Chromium", f"{meter['ready_ms']:.0f} ms", "", "at most 300 ms"),
        ("… a keystroke estimated, median", f"{meter['keystroke_ms']:.3f} ms", "", "under 5 ms"),
        ("stolen passwords: look-ups a second in 10 million", f"{sieve['per_second']:,}", "", "at least 1,000,000"),
        ("… building a filter of 10 million", f"{sieve['build_seconds']:.0f} s", f"{sieve['build_mb']:.0f} MB, {sieve['bytes_per_hash']:.2f} bytes a hash", "at most 60 s and 1 GB"),
        ("requests that two rules decide a second, one core, a million keys", f"{slow['decisions']['per_second']:,}", f"Rack::Attack in its process {slow['decisions']['rack_attack_per_second']:,}", "at least 860,000"),
        ("… as often as Rack::Attack", f"{slow['decisions']['times_rack_attack']:.0f} times", "", ""),
        ("… memory for each key", f"{slow['decisions']['bytes_per_key']:.0f} B", "", "at most 128 B, aim 64"),
        ("a blocklist of a million networks answers in", f"{slow['blocklist']['median_ns']:.0f} ns", f"p99 {slow['blocklist']['p99_ns']:.0f} ns, {slow['blocklist']['mb']:.0f} MB", "at most 1,000 ns"),
        ("session checks a second under 20 rules", f"{slow['gateway']['with']:,.0f}", f"without {slow['gateway']['without']:,.0f}: {slow['gateway']['cost']:.1%} less", "at most 5 % less"),
        ("wrong passwords counted for good a second, PostgreSQL, 8 at once", f"{slow['failures']['per_second']:,}", "", "at least 2,000"),
        ("a simulation over 10 million attempts", f"{slow['simulation']['seconds']:.0f} s", "", "at most 60 s"),
        ("codes sent in two minutes, asked for over HTTP, by two gateways that take a second and fail 2 %", f"{brought['sends']['wishes']:,}", f"refused by both {brought['sends']['refused_by_both']}, lost {brought['sends']['lost']}", "10,000 a minute, none lost"),
        ("… from asking to the gateway, p99", f"{brought['sends']['to_gateway_p99_ms']:.1f} ms", f"p50 {brought['sends']['to_gateway_p50_ms']:.1f} ms", ""),
        ("… the choice of a way, by learning, p99", f"{brought['choices']['p99_us']:.1f} µs", f"p50 {brought['choices']['p50_us']:.1f} µs", "under 50 µs"),
        ("… a report over 10 million deliveries", f"{brought['report']['seconds']:.1f} s", "", "under 5 s"),
        *history_rows(past),
        *key_rows(figures["keys"]),
        ("jobs that do nothing a second, SQLite, one by one", f"{queue['sqlite_jobs']:,.0f}", f"durable commits {queue['sqlite_commits']:,.0f}", ""),
        ("… share of the commits", f"{queue['sqlite_share']:.0%}", "", "at least 40 %"),
        ("… PostgreSQL, one by one", f"{queue['postgres_jobs']:,.0f}", f"a bare SKIP LOCKED loop {queue['postgres_raw']:,.0f}", ""),
        ("… share of that", f"{queue['postgres_share']:.0%}", "", "at least 50 %"),
        ("… PostgreSQL, claimed 200 at a time", f"{queue['postgres_batches']:,.0f}", "", "at least 20,000"),
        ("the daily run over 1,000,000 accounts, 30,000 of them due", f"{daily['seconds']:.0f} s", f"{daily['memory_mb']:.0f} MB more memory", "at most 60 s and 100 MB"),
        ("… sign-ins meanwhile, p99", f"{daily['busy_p99_ms']:.0f} ms", f"without it {daily['calm_p99_ms']:.0f} ms: {daily['times']:.1f} times", "at most 1.5 times"),
        ("accounts imported a second", f"{taken['per_second']:,.0f}", "", "at least 10,000"),
        ("overload: sign-ins asked for / accepted a second", f"{flood['asked_per_second']:.0f} / {flood['accepted_per_second']:.1f}", "", ""),
        ("… accepted, p99", f"{flood['accepted_p99_ms']:.0f} ms", "", "at most 2,000 ms"),
        ("… refused with Retry-After, p99", f"{flood['refused_p99_ms']:.1f} ms", f"longest {flood['refused_max_ms']:.0f} ms", "within 100 ms"),
        ("… session check p99 at 500 a second", f"{flood['check_p99_flood_ms']:.2f} ms", f"without the flood {flood['check_p99_calm_ms']:.2f} ms", "at most 5 times"),
        ("cold start to the first answer", f"{cold['median_ms']:.0f} ms", f"very first {cold['first_ms']:.0f} ms", "at most 300 ms"),
        ("resident memory, idle", f"{memory_['idle_mb']:.1f} MB", "", "at most 60 MB, aim 35"),
        ("… with 10,000 sessions", f"{memory_['with_10000_sessions_mb']:.1f} MB", "", "at most 100 MB"),
        ("… for each session in memory", f"{memory_['bytes_per_session']:.0f} B", "", "at most 250 B"),
        ("stripped binary, static Swift library", f"{figures['binary_bytes'] / 2**20:.1f} MB", f"{figures['binary_bytes'] / 1e6:.1f} million bytes", "at most 70 MB (MB is 2^20 bytes here)"),
    ]
    lines = ["| what | figure | beside it | goal |", "|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def history_rows(past):
    rows = []
    for name, store in (("SQLite", past["sqlite"]), ("PostgreSQL", past["postgres"])):
        small, large = store["small"], store["large"]
        rows += [
            (f"attempts to sign in written a second, {name}, {past['attempts']:,} kept", f"{large['one_a_commit']:,.0f}", f"with a million {small['one_a_commit']:,.0f}: {store['share']:.0%}", "at least 50 %, aim 90 %"),
            ("… a hundred in a transaction", f"{large['hundred_a_commit']:,.0f}", f"with a million {small['hundred_a_commit']:,.0f}: {store['share_of_hundreds']:.0%}", "at least 50 %, aim 90 %"),
            ("… for each of them", f"{large['bytes_each']:.1f} B", f"with a million {small['bytes_each']:.1f} B", "at most 70 B"),
            ("… an account's newest 20, from the disk, p99", f"{large['newest_p99_ms']:.1f} ms", f"p50 {large['newest_p50_ms']:.1f} ms", "at most 50 ms, aim 10"),
            ("… the oldest of 13 months deleted in", f"{large['drop']['seconds']:.1f} s", f"longest write meanwhile {large['drop']['longest_write_ms']:.0f} ms", "at most 60 s, no write over 100 ms"),
            (f"… {large['export']['lines']:,} of one account taken along", f"{large['export']['seconds']:.1f} s", f"{large['export']['more_memory_mb']:.0f} MB more memory", "100,000 in at most 3 s"),
        ]
    place = past["places"]
    return rows + [
        ("places looked up a second by one core", f"{place['per_second']:,.0f}", f"libmaxminddb's whole records {place['libmaxminddb_per_second']:,.0f}: {place['share']:.0%}", "at least 90 %"),
        ("… sign-ins looked after a second", f"{place['settled_per_second']:,.0f}", "", "at least 2,000"),
    ]


def key_rows(brought):
    nodes = brought["nodes"]
    return [
        ("API keys checked a second at the gateway, of a million", f"{brought['checks_per_second']:,.0f}", f"bare Hummingbird route {brought['bare_route_per_second']:,.0f}", ""),
        ("… share of a bare Hummingbird route", f"{brought['share_of_bare_route']:.0%}", "", "at least 80 %"),
        ("… verified for apps a second, by JSON", f"{brought['verified_per_second']:,.0f}", "", ""),
        ("… p99 at half of that", f"{brought['verify_p99_ms']:.2f} ms", f"p50 {brought['verify_p50_ms']:.2f} ms", "at most 5 ms"),
        ("… 100,000 of one organization listed, a page of 50, p99", f"{brought['list_p99_ms']:.2f} ms", f"p50 {brought['list_p50_ms']:.2f} ms, {brought['pages']:,} pages", "at most 5 ms"),
        ("… revoked on one node, refused by the other, p99", f"{nodes['p99_ms']:.0f} ms", f"p50 {nodes['p50_ms']:.0f} ms, {nodes['rounds']} rounds", "at most 1,000 ms"),
    ]


def write_figures(text, section):
    """Replaces one section of docs/figures.md; a section is what stands between its two comments."""
    path = ROOT / "docs/figures.md"
    page = path.read_text()
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    head, rest = page.split(begin)
    path.write_text(head + begin + "\n" + text + "\n" + end + rest.split(end)[1])


def main():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    load = os.getloadavg()[0]
    figures = {"commit": commit, "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "cpu": model, "cores": CORES, "load_before": load,
               "binary_bytes": BINARY.stat().st_size}
    try:
        for name, measure in (("cold_start", cold_start), ("memory", memory), ("session_checks", session_checks),
                              ("gateway", gateway.through_nginx), ("first_minutes", first_minutes), ("sign_ins", sign_ins),
                              ("second_factors", second_factors), ("strength", strength.estimates),
                              ("filter", strength.filter_of_ten_million), ("meter", strength.meter),
                              ("throttling", throttling.throttling), ("delivery", delivery.delivery), ("history", history.history), ("keys", keys.keys), ("queues", jobs.queues), ("daily_run", jobs.daily_run), ("import", jobs.imported)):
            print(f"bench: {name}", file=sys.stderr, flush=True)
            figures[name] = measure()
        print("bench: overload", file=sys.stderr, flush=True)
        figures["overload"] = overload(figures["sign_ins"]["sign_ins_per_second"])
    finally:
        for process in list(running):
            process.kill()
        shutil.rmtree(WORK, ignore_errors=True)
    print(json.dumps(figures, indent=2))
    text = f"{figures['date']}, commit {commit}, {CORES} cores ({model}), load before the run {load:.2f}.\n\n" + table(figures)
    print("\n" + text)
    write_figures(text, "bench")


if __name__ == "__main__":
    main()
