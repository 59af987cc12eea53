"""API keys: a million of them at the gateway, verified for apps, listed, and revoked over two nodes."""
import http.client, json, os, statistics, subprocess, time

from harness import *
from jobs import Postgres

KEYS, LISTED, CHECKED = 1_000_000, 100_000, 50_000


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def at_the_gateway():
    """Checks of keys spread over all of them, alternated with a bare route of the same process; then what apps ask, and lists."""
    port, bare, texts = free_port(), free_port(), WORK / "keys"
    server = start(BENCH, "serve-keys", WORK / "keys-data", port, bare, KEYS, LISTED, CHECKED, texts)
    end = time.monotonic() + 900
    while not texts.exists() and time.monotonic() < end:
        time.sleep(0.5)
    wait_for(port)
    organization, asker, *keys = texts.read_text().split()
    script = WORK / "keys.lua"
    script.write_text(
        f'local keys = {{}}\nfor line in io.lines("{texts}") do keys[#keys + 1] = line end\nlocal i = 2\n'
        'function request()\n  i = i + 1\n  if i > #keys then i = 3 end\n'
        '  return wrk.format("GET", nil, {Authorization = "Bearer " .. keys[i]})\nend\n')
    wrk(f"http://127.0.0.1:{port}/auth/request", 10, 32, script)  # every key once
    rounds = []
    for _ in range(5):
        check = wrk(f"http://127.0.0.1:{port}/auth/request", 3, 32, script)
        route = wrk(f"http://127.0.0.1:{bare}/bare", 3, 32, script)
        rounds.append((check, route))
    ask = WORK / "verify.lua"
    ask.write_text(
        f'local keys = {{}}\nfor line in io.lines("{texts}") do keys[#keys + 1] = line end\nlocal i = 2\n'
        f'local headers = {{["Content-Type"] = "application/json", Authorization = "Bearer {asker}"}}\n'
        'function request()\n  i = i + 1\n  if i > #keys then i = 3 end\n'
        '''  return wrk.format("POST", nil, headers, '{"key":"' .. keys[i] .. '"}')\nend\n''')
    most = [wrk(f"http://127.0.0.1:{port}/auth/v1/api-keys/verify", 3, 32, ask) for _ in range(3)]
    load = statistics.median(r[0] for r in most) / 2

    def question(key):
        body = json.dumps({"key": key})
        return (f"POST /auth/v1/api-keys/verify HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json\n"
                f"Authorization: Bearer {asker}\nContent-Length: {len(body)}\n\n{body}")
    asked = [send(port, load, 5, 32, [question(key) for key in keys[:20_000]]) for _ in range(3)]
    assert all(set(answers) == {"200"} for answers in asked), asked
    listed = listing(port, organization, asker)
    stop(server)
    return {
        "checks_per_second": statistics.median(r[0][0] for r in rounds), "bare_route_per_second": statistics.median(r[1][0] for r in rounds),
        "share_of_bare_route": statistics.median(r[0][0] / r[1][0] for r in rounds), "refused": sum(r[0][2] for r in rounds),
        "verified_per_second": statistics.median(r[0] for r in most), "verify_refused": sum(r[2] for r in most),
        "verify_p99_ms": statistics.median(a["200"]["p99_ms"] for a in asked), "verify_p50_ms": statistics.median(a["200"]["p50_ms"] for a in asked),
        "list_p99_ms": percentile(listed, 0.99), "list_p50_ms": percentile(listed, 0.5), "pages": len(listed),
    }


def listing(port, organization, asker):
    """Milliseconds of each page of fifty, from the first to the last key."""
    link, after, times, seen = http.client.HTTPConnection("127.0.0.1", port), "", [], 0
    while True:
        began = time.perf_counter()
        link.request("GET", f"/auth/v1/organizations/{organization}/api-keys{after}", headers={"Authorization": f"Bearer {asker}"})
        answer = link.getresponse()
        page = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, page
        document = json.loads(page)
        seen += len(document["api_keys"])
        if not document["next"]:
            assert seen == LISTED, seen
            return times
        after = f"?after={document['next']}"


def over_two_nodes(rounds=200):
    """From the answer that says a key is revoked, on one node, to the other's first refusal, in ms."""
    postgres = Postgres()
    nodes = []
    try:
        ring = WORK / "two-nodes-ring.json"
        for name in ("one", "two"):
            port = free_port()
            env = os.environ | {"POSTERN_KEY_RING_FILE": str(ring), "POSTERN_PUBLIC_URL": f"http://127.0.0.1:{port}",
                                "POSTERN_ORGANIZATIONS_GUESTS_PER_HOUR": "60000"}
            nodes.append((port, start(BINARY, "serve", "--data-directory", WORK / f"node-{name}", "--database", postgres.url,
                                      "--listen", f"127.0.0.1:{port}", env=env)))
            wait_for(port)
        (first, _), (second, _) = nodes
        here, there = http.client.HTTPConnection("127.0.0.1", first), http.client.HTTPConnection("127.0.0.1", second)

        def call(link, method, path, key="", document=None):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            if document is not None:
                headers["Content-Type"] = "application/json"
            link.request(method, path, json.dumps(document) if document is not None else None, headers)
            answer = link.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
        _, made = call(here, "POST", "/auth/v1/organizations", document={"guest": True})
        place, owner = f"/auth/v1/organizations/{made['organization']['id']}/api-keys", made["api_key"]["key"]
        waits = []
        for number in range(rounds):
            status, document = call(here, "POST", place, owner, {"name": f"key {number}"})
            assert status == 201, document
            key = document["api_key"]
            while call(there, "GET", "/auth/v1/session", key["key"])[0] != 200:
                time.sleep(0.001)
            status, document = call(here, "DELETE", f"{place}/{key['id']}", owner)
            assert status == 200, document
            began = time.perf_counter()
            while call(there, "GET", "/auth/v1/session", key["key"])[0] == 200:
                time.sleep(0.001)
            waits.append((time.perf_counter() - began) * 1000)
        return {"rounds": rounds, "p99_ms": percentile(waits, 0.99), "p50_ms": percentile(waits, 0.5), "max_ms": max(waits)}
    finally:
        for _, node in nodes:
            stop(node)
        postgres.end()


def keys():
    return at_the_gateway() | {"nodes": over_two_nodes()}
