"""Codes by SMS: 10,000 a minute through two gateways that are slow and fail, the choice of a way, a report over ten million deliveries."""
import json, pathlib, sqlite3, subprocess, sys, time

from harness import BENCH, BINARY, WORK, free_port, running, send, start, stop, wait_for

HERE = pathlib.Path(__file__).parent
DELIVERIES = 10_000_000


def settings(ports, more=""):
    providers = "".join(
        f'    {name}: {{kind: http, url: "http://127.0.0.1:{port}/m", body: \'{{"to":"{{to}}","text":"{{text}}","id":"{{id}}"}}\', id: id}}\n'
        for name, port in zip(("north", "south"), ports))
    path = WORK / "delivery.yaml"
    path.write_text(f"delivery:\n  countries: [PT]\n  guard: {{country-floor: 1000000}}\n  providers:\n{providers}"
                    f"  routes:\n    texts: {{channel: sms, arms: [north 50, south 50]}}\n{more}")
    return path


def gateway(port):
    process = subprocess.Popen([sys.executable, HERE / "gateways.py", str(port)], stdout=subprocess.PIPE, text=True)
    running.append(process)
    return process


def ended(process):
    process.terminate()
    out, _ = process.communicate(timeout=20)
    running.remove(process)
    return json.loads(out)


def sends(minutes=2, per_minute=10_000):
    """As many as are asked for, over HTTP, by people whose password was right; each goes out by a gateway that takes a second."""
    directory, tokens, number = WORK / "sends", WORK / "waiting", minutes * per_minute
    subprocess.run([BENCH, "waiting", directory, str(number), tokens], check=True, capture_output=True)
    ports = [free_port(), free_port()]
    gateways = [gateway(port) for port in ports]
    port = free_port()
    server = start(BINARY, "serve", "--data-directory", directory, "--listen", f"127.0.0.1:{port}", "--config", settings(ports))
    wait_for(port)
    requests = []
    for token in tokens.read_text().split():
        body = json.dumps({"attempt": token, "method": "sms"})
        requests.append(f"POST /auth/v1/sign-in/second-factor/send HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}")
    asked = send(port, per_minute / 60, minutes * 60, 64, requests)
    database = sqlite3.connect(directory / "postern.sqlite")
    end = time.monotonic() + 30
    while database.execute("SELECT COUNT(*) FROM delivery WHERE due_at IS NOT NULL").fetchone()[0] and time.monotonic() < end:
        time.sleep(0.1)
    states = dict(database.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state").fetchall())
    wishes = database.execute("SELECT COUNT(*) FROM code_wish").fetchone()[0]
    reached = database.execute("SELECT COUNT(DISTINCT wish_id) FROM delivery WHERE state = 'accepted'").fetchone()[0]
    # Refused by both: their people are told so.
    told = database.execute("SELECT COUNT(*) FROM (SELECT 1 FROM delivery GROUP BY wish_id HAVING MIN(state) = 'failed')").fetchone()[0]
    waits = [row[0] / 1000 for row in database.execute("SELECT sent_at - created_at FROM delivery WHERE cause = 'first' ORDER BY 1").fetchall()]
    database.close()
    stop(server)
    got = [ended(process) for process in gateways]
    return {"asked": asked, "wishes": wishes, "reached": reached, "refused_by_both": told, "states": states, "taken": sum(one["taken"] for one in got),
            "different": sum(one["different"] for one in got), "failed": sum(one["failed"] for one in got), "lost": number - reached - told,
            "to_gateway_p50_ms": waits[len(waits) // 2], "to_gateway_p99_ms": waits[len(waits) * 99 // 100]}


def choices():
    path = settings([1, 2], "  auto: yes\n")
    return json.loads(subprocess.run([BENCH, "choices", WORK / "choices", path, "3"], capture_output=True, text=True, check=True).stdout)


def report():
    """A week of ten million deliveries, four providers, twenty countries."""
    directory = WORK / "report"
    subprocess.run([BINARY, "migrate", "--data-directory", directory], check=True, capture_output=True)
    today = int(time.time()) // 86_400
    subprocess.run(["sqlite3", directory / "postern.sqlite", f"""
        PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; PRAGMA cache_size=-400000;
        DROP INDEX delivery_figures; DROP INDEX delivery_by_wish;
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {DELIVERIES - 1})
        INSERT INTO delivery (id, wish_id, phone_id, request, channel, country, provider, experiment, cause, choice, day, created_at, expires_at,
            state, reason, code, code_hash, reference, bucket, resends, is_billed, cost)
        SELECT CAST(printf('%016x', i) AS BLOB), CAST(printf('%016x', i) AS BLOB), x'', 1, CASE WHEN i % 9 = 0 THEN 'voice' ELSE 'sms' END,
            substr('PTBRDEFRESITGBUSNLBEATCHPLSEDKFIIEGRCZHU', 1 + 2 * (i * 7919 % 20), 2), 'provider-' || (i * 31 % 4), '',
            CASE WHEN i % 8 = 0 THEN 'resend' ELSE 'first' END, 'weight', {today} - i * 7 / {DELIVERIES}, 0, 0,
            CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'delivered' END, CASE WHEN i % 50 = 0 THEN 'twilio-30003' ELSE '' END, x'', x'', '',
            CASE WHEN i * 131 % 10 = 0 THEN -1 ELSE 150 + i * 7907 % 97 + i * 104729 % 89 END, i % 8 = 1, 1, 41000 FROM n;"""],
                   check=True, capture_output=True)
    # As the server makes it.
    subprocess.run(["sqlite3", directory / "postern.sqlite", """CREATE INDEX delivery_figures ON delivery
        (day, provider, channel, country, experiment, cause, state, reason, bucket, resends, is_billed, cost)"""], check=True)
    took = []
    for _ in range(3):
        began = time.monotonic()
        out = subprocess.run([BINARY, "delivery", "report", "--since", "7d", "--by", "provider,country", "--json", "--data-directory", directory],
                             capture_output=True, text=True, check=True)
        took.append(time.monotonic() - began)
    assert sum(line["asked"] for line in json.loads(out.stdout)) == DELIVERIES
    subprocess.run(["rm", "-rf", directory], check=True)
    return {"seconds": sorted(took)[1]}


def delivery():
    return {"sends": sends(), "choices": choices(), "report": report()}
