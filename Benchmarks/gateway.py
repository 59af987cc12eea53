"""What the gateway costs behind a real nginx: the snippet as it is printed, in front of a static app, beside the same with another nginx
in Postern's place."""
import http.client, json, statistics, subprocess, urllib.parse

from harness import BINARY, PASSWORD, WORK, cpu_seconds, free_port, start, stop, wait_for, wrk

EMAIL = "a@example.com"


def ask(port, method, path, headers, body=None):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request(method, path, body=body, headers=headers)
    answer = link.getresponse()
    text = answer.read()
    link.close()
    return answer, text


def cookie_of(answer, name):
    lines = [value for key, value in answer.getheaders() if key.lower() == "set-cookie" and value.startswith(name + "=")]
    return lines[0].split(";")[0].split("=", 1)[1]


def enter(front, portal):
    """Signs in at the portal, walks to the app's host and returns its session's cookie."""
    answer, text = ask(portal, "POST", "/auth/v1/sign-in", {"Host": f"127.0.0.1:{portal}", "Content-Type": "application/json"},
                       json.dumps({"email": EMAIL, "password": PASSWORD}))
    token = json.loads(text)["session"]["token"]
    host, led = f"127.0.0.1:{front}", {"Sec-Fetch-Mode": "navigate"}
    begin, _ = ask(front, "GET", "/auth/begin?return_to=%2F", {"Host": host} | led)
    state = cookie_of(begin, "postern-begin")
    ticket = urllib.parse.urlsplit(begin.getheader("Location"))
    given, _ = ask(portal, "GET", f"{ticket.path}?{ticket.query}", {"Host": f"127.0.0.1:{portal}", "Cookie": f"postern={token}"} | led)
    way = urllib.parse.urlsplit(given.getheader("Location"))
    entered, _ = ask(front, "GET", f"{way.path}?{way.query}", {"Host": host, "Cookie": f"postern-begin={state}"} | led)
    return cookie_of(entered, "postern-app")


def through_nginx():
    portal, front, limit_front, limit = free_port(), free_port(), free_port(), free_port()
    directory = WORK / "gateway"
    config = WORK / "gateway.yaml"
    config.write_text(f"public-url: http://127.0.0.1:{portal}\nlisten: 127.0.0.1:{portal}\ntrusted-proxies: [127.0.0.1]\ndata-directory: {directory}\n")

    def command(*words, text=""):
        return subprocess.run([BINARY, *words, "--config", config], input=text, text=True, check=True, capture_output=True).stdout
    command("account", "create", "--email", EMAIL, "--password-stdin", "--confirmed", text=PASSWORD + "\n")
    command("app", "add", "app", "--host", f"http://127.0.0.1:{front}")
    snippet = command("snippet", "nginx", "--app", "app", "--upstream", "APP")
    # A static app in nginx itself: what is measured is the question, not a second hop.
    snippet = snippet.replace("proxy_pass http://APP;", "try_files /none @app;").replace(
        "location @postern", 'location @app { return 200 "ok"; }\n    location @postern')
    same = snippet.replace(f"listen {front};", f"listen {limit_front};").replace(f"127.0.0.1:{portal}", f"127.0.0.1:{limit}").replace(
        "postern-app {", "limit {").replace("http://postern-app;", "http://limit;")
    folders = "".join(f"{kind}_temp_path {WORK}/g-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (WORK / "gateway.conf").write_text(
        f"worker_processes 1; daemon off; pid {WORK}/g.pid; error_log {WORK}/g.err crit; events {{ worker_connections 512; }}\n"
        f"http {{ access_log off; keepalive_requests 100000000; {folders}\n{snippet}\n{same}\n"
        f'server {{ listen 127.0.0.1:{limit}; location / {{ add_header Remote-User a; return 200; }} }} }}')
    server = start(BINARY, "serve", "--config", config)
    wait_for(portal)
    nginx = start("nginx", "-c", WORK / "gateway.conf")
    wait_for(front)
    cookie = enter(front, portal)
    script = WORK / "gateway.lua"
    script.write_text(f'wrk.headers["Cookie"] = "postern-app={cookie}"\n')
    rounds = []
    for _ in range(5):
        before = cpu_seconds(server.pid)
        ours = wrk(f"http://127.0.0.1:{front}/", 3, 32, script)
        used = cpu_seconds(server.pid) - before
        beside = wrk(f"http://127.0.0.1:{limit_front}/", 3, 32, script)
        rounds.append((ours, beside, used * 1e6 / (ours[0] * 3)))
    assert all(ours[2] == 0 and beside[2] == 0 for ours, beside, _ in rounds), "something was refused"
    median = statistics.median
    rate = median(ours[0] for ours, _, _ in rounds)
    # As few connections as bring 70 % of the most: a client that keeps to a rate would need the cores that are measured.
    for connections in range(1, 33):
        calm_rate, calm_p99, _ = wrk(f"http://127.0.0.1:{front}/", 2, connections, script)
        if calm_rate >= rate * 0.7:
            break
    stop(nginx)
    stop(server)
    return {
        "requests_per_second": rate, "limit_per_second": median(beside[0] for _, beside, _ in rounds),
        "share_of_limit": median(ours[0] / beside[0] for ours, beside, _ in rounds), "cpu_us": median(used for _, _, used in rounds),
        "p99_ms_at_70_percent": calm_p99, "connections_at_70_percent": connections, "share_then": calm_rate / rate, "snippet_lines": {
            proxy: lines(command("snippet", proxy, "--app", "app")) for proxy in ("nginx", "caddy", "haproxy", "traefik", "envoy")},
    }


def lines(text):
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))
