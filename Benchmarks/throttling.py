"""Throttling beside Rack::Attack, a blocklist of a million networks, rules at the gateway, and a simulation over ten million attempts."""
import json, pathlib, statistics, subprocess, time, uuid

from harness import BENCH, BINARY, WORK, free_port, start, stop, wait_for, wrk
from jobs import Postgres

ATTEMPTS = 10_000_000


def bench(*arguments):
    return json.loads(subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True, check=True).stdout)


TWO_RULES = """throttling:
  rules:
    by-address: {kind: throttle, paths: [/login], methods: [POST], key: [address], limit: 1000000/1h}
    by-email: {kind: throttle, paths: [/login], methods: [POST], key: ["header:x-email"], limit: 1000000/1h}
"""


def decisions():
    """Two rules over a million keys, alternated with Rack::Attack's in-process form."""
    settings = WORK / "two-rules.yaml"
    settings.write_text(TWO_RULES)
    script = pathlib.Path(__file__).parent / "rack_attack.rb"
    rounds = []
    for _ in range(3):
        ours = bench("throttle", settings, 3)
        theirs = json.loads(subprocess.run(["ruby", script, "1000000", "3"], capture_output=True, text=True, check=True).stdout)
        rounds.append((ours, theirs))
    return {
        "per_second": statistics.median(r[0]["per_second"] for r in rounds), "bytes_per_key": statistics.median(r[0]["bytes_per_key"] for r in rounds),
        "rack_attack_per_second": statistics.median(r[1]["per_second"] for r in rounds),
        "times_rack_attack": statistics.median(r[0]["per_second"] / r[1]["per_second"] for r in rounds),
    }


def blocklist():
    return bench("blocklist", 1_000_000)


def twenty_rules():
    rules = ["office: {kind: safelist, addresses: [10.0.0.0/8, 192.168.0.0/16]}", 'scanners: {kind: blocklist, apps: ["*"], user-agents: [sqlmap, nikto]}',
             'secrets: {kind: blocklist, apps: ["*"], paths: [/.env, /wp-admin/*, /.git/*]}']
    rules += [f'area-{number}: {{kind: throttle, apps: ["*"], paths: [/area-{number}/*], methods: [POST], limit: 30/1m}}' for number in range(14)]
    rules += ['everything: {kind: throttle, apps: ["*"], limit: 1000000/1s}', 'agents: {kind: watch, apps: ["*"], key: [user-agent], limit: 1000000/1s}',
              'accounts: {kind: throttle, apps: ["*"], key: [account], limit: 1000000/1s}']
    return "throttling:\n  rules:\n" + "".join(f"    {rule}\n" for rule in rules)


def gateway_with_rules():
    """The gateway's check with and without twenty rules, two of which count each request and one each person."""
    settings = WORK / "twenty-rules.yaml"
    settings.write_text(twenty_rules())
    servers = []
    for name, config in (("without", "-"), ("with", settings)):
        port, tokens = free_port(), WORK / f"tokens-{name}"
        process = start(BENCH, "serve", WORK / f"rules-{name}", port, free_port(), 1_000, tokens, config)
        servers.append((process, port, tokens))
    scripts = []
    for process, port, tokens in servers:
        wait_for(port)
        while not tokens.exists():
            time.sleep(0.1)
        script = WORK / f"rules-{port}.lua"
        script.write_text(
            f'local tokens = {{}}\nfor line in io.lines("{tokens}") do tokens[#tokens + 1] = line:match("%S+") end\nlocal i = 0\n'
            'function request()\n  i = i % #tokens + 1\n  return wrk.format("GET", nil, {Cookie = "postern=" .. tokens[i]})\nend\n')
        scripts.append((f"http://127.0.0.1:{port}/auth/request", script))
        wrk(scripts[-1][0], 2, 32, script)
    rounds = [[wrk(url, 3, 32, script) for url, script in scripts] for _ in range(5)]
    for process, _, _ in servers:
        stop(process)
    assert all(answers[2] == 0 for answers in sum(rounds, [])), "the gateway refused"
    return {"without": statistics.median(r[0][0] for r in rounds), "with": statistics.median(r[1][0] for r in rounds),
            "cost": 1 - statistics.median(r[1][0] / r[0][0] for r in rounds)}


def failures():
    """Wrong passwords as the counters see them, each two transactions, by eight at once on PostgreSQL that writes for good."""
    postgres = Postgres()
    try:
        return bench("failures", WORK / "failures", postgres.url, 20_000, 8)
    finally:
        postgres.end()


def simulation():
    """`postern simulate` over ten million attempts of 200,000 people from 300,000 addresses; one in ten is wrong, and five addresses only guess."""
    directory = WORK / "simulated"
    subprocess.run([BINARY, "migrate", "--data-directory", directory], check=True, capture_output=True)
    now = int(time.time() * 1_000_000)
    first = now - 29 * 86_400_000_000
    step = 28 * 86_400_000_000 // ATTEMPTS
    # In order of time, as they would come.
    subprocess.run(["sqlite3", directory / "postern.sqlite", f"""
        PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ATTEMPTS - 1})
        INSERT INTO sign_in_attempt (number, identifier, outcome, reason, address, browser, spared, known_browser, times, last_at, settled)
        SELECT ({first} + i * {step}) * 1024, CAST(printf('%08x', i * 7919 % 200000) AS BLOB), CASE WHEN i % 10 = 0 OR i % 97 = 0 THEN 'refused' ELSE 'signed-in' END,
            CASE WHEN i % 10 = 0 OR i % 97 = 0 THEN 'wrong-password' ELSE 'password' END,
            CASE WHEN i % 97 = 0 THEN '198.51.100.' || (i / 97 % 5)
                ELSE '10.' || (i * 7919 % 200000 / 65536) || '.' || (i * 7919 % 200000 / 256 % 256) || '.' || (i * 7919 % 200000 % 256) END,
            'Firefox', i % 3 = 0, 0, 1, {first} + i * {step}, 1 FROM n;"""], check=True, capture_output=True)
    policy = WORK / "policy.yaml"
    policy.write_text("throttling:\n  sign-in:\n    lock-after: 50\n")
    began = time.monotonic()
    out = subprocess.run([BINARY, "simulate", "--policy", policy, "--since", "30d", "--json", "--data-directory", directory],
                         capture_output=True, text=True, check=True)
    took = time.monotonic() - began
    found = json.loads(out.stdout)
    assert found["attempts"] == ATTEMPTS, found
    subprocess.run(["rm", "-rf", directory], check=True)
    return {"seconds": took, "refused": sum(rule["refused"] for rule in found["rules"])}


def throttling():
    return {"decisions": decisions(), "blocklist": blocklist(), "gateway": gateway_with_rules(), "failures": failures(), "simulation": simulation()}
