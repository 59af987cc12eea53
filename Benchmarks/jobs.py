"""Jobs beside what the databases do at most, the daily run over a million accounts, and an import."""
import json, os, pathlib, sqlite3, statistics, subprocess, time, uuid

from harness import BENCH, BINARY, PASSWORD, WORK, free_port, resident_kb, send, start, stop, wait_for

ACCOUNTS, DUE = 1_000_000, 30_000
DAY = 86_400_000_000


def durable_commits(seconds=3):
    """One small row changed in each transaction, as safely as the server's: what SQLite gives at most here."""
    file = WORK / "raw.sqlite"
    database = sqlite3.connect(file, isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, n INTEGER);"
                           "INSERT OR REPLACE INTO t VALUES (1, 0);")
    count, began = 0, time.monotonic()
    while time.monotonic() - began < seconds:
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE t SET n = n + 1 WHERE id = 1")
        database.execute("COMMIT")
        count += 1
    return count / (time.monotonic() - began)


class Postgres:
    """A cluster that writes as safely as one in service."""

    def __init__(self):
        self.folder = pathlib.Path(subprocess.run(["mktemp", "-d", "/tmp/postern-bench-pg-XXXXXX"], capture_output=True, text=True).stdout.strip())
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        if os.getuid() == 0:
            subprocess.run(["chown", "postgres", self.folder], check=True)
        self.do("initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust")
        self.control("start")
        self.url = f"postgres:///postgres?host={self.folder}&user=postgres"

    def do(self, program, *arguments, **options):
        who = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        return subprocess.run([*who, str(self.bin / program), *map(str, arguments)], check=True, capture_output=True, text=True, cwd="/", **options)

    def control(self, word):
        self.do("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-s", "-o",
                f"-c listen_addresses='' -c unix_socket_directories='{self.folder}'", word)

    def sql(self, text):
        self.do("psql", "-h", self.folder, "-U", "postgres", "-q", "-c", text)

    def raw_queue(self, seconds=5):
        """Claim one row and delete it, each in a transaction, by one client: what SKIP LOCKED gives at most here."""
        self.sql("CREATE TABLE q (id BIGSERIAL PRIMARY KEY, payload BYTEA); INSERT INTO q (payload) SELECT '\\x00' FROM generate_series(1, 200000)")
        script = self.folder / "queue.sql"
        script.write_text("BEGIN;\nDELETE FROM q WHERE id = (SELECT id FROM q ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, payload;\nCOMMIT;\n")
        out = self.do("pgbench", "-h", self.folder, "-U", "postgres", "-n", "-M", "prepared", "-c", 1, "-T", seconds, "-f", script).stdout
        return next(float(line.split("=")[1].split()[0]) for line in out.splitlines() if line.startswith("tps"))

    def end(self):
        self.do("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-s", "stop")
        subprocess.run(["rm", "-rf", self.folder], check=True)


def rate(database, jobs, batch):
    # The key ring in it belongs to its database.
    directory = WORK / ("jobs-postgres" if database else f"jobs-{uuid.uuid4().hex}")
    out = subprocess.run([BENCH, "jobs", directory, database, str(jobs), str(batch)], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)["per_second"]


def queues():
    """Alternated with the raw rates, so that a slow minute is everybody's."""
    rounds = [(durable_commits(), rate("", 3_000, 1)) for _ in range(3)]
    postgres = Postgres()
    try:
        raw = postgres.raw_queue()
        one, batches = rate(postgres.url, 10_000, 1), rate(postgres.url, 100_000, 200)
    finally:
        postgres.end()
    return {
        "sqlite_commits": statistics.median(r[0] for r in rounds), "sqlite_jobs": statistics.median(r[1] for r in rounds),
        "sqlite_share": statistics.median(r[1] / r[0] for r in rounds), "postgres_raw": raw, "postgres_jobs": one,
        "postgres_share": one / raw, "postgres_batches": batches,
    }


def fill(file):
    """A million accounts straight into the tables: hashing their passwords would take a day."""
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    now = int(time.time() * 1_000_000)
    database.execute("BEGIN")

    def rows():
        for number in range(ACCOUNTS):
            # 30,000 lie under a reminder's threshold, the others a month or more before it.
            age = 80 if number * DUE % ACCOUNTS < DUE else number % 40
            at = now - age * DAY - number
            yield (uuid.uuid4().bytes, f"person{number}@example.org", f"person{number}@example.org", f"person-{number}", os.urandom(16), "",
                   "member", "active", "none", at, at, at)
    database.executemany("INSERT INTO account (id, email, email_key, username, user_handle, name, role, state, password_hash, password_set_at,"
                         " created_at, confirmed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows())
    database.execute("COMMIT")
    database.close()


def sign_in(port):
    body = json.dumps({"email": "a0@example.com", "password": PASSWORD})
    return (f"POST /auth/v1/sign-in HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json\n"
            f"Content-Length: {len(body)}\n\n{body}")


def daily_run():
    """With sign-ins meanwhile: 15 a second by 4 connections."""
    directory, port = WORK / "daily", free_port()
    subprocess.run([BINARY, "account", "create", "--email", "a0@example.com", "--password-stdin", "--confirmed", "--data-directory", directory],
                   input=PASSWORD + "\n", text=True, check=True, capture_output=True)
    file = directory / "postern.sqlite"
    fill(file)
    settings = WORK / "daily.yaml"
    settings.write_text("password:\n  expires-after: 90d\n  spread: 1h\n")

    def serve():
        server = start(BINARY, "serve", "--config", settings, "--data-directory", directory, "--listen", f"127.0.0.1:{port}")
        wait_for(port)
        return server

    def job():
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return database.execute("SELECT state, ended_at - created_at FROM job WHERE kind = 'find-expiring-passwords'").fetchone()
    # The first start does the day's run with nothing due: a marker stands for it.
    with sqlite3.connect(file) as database:
        today = (int(time.time()) - 6 * 3600) // 86_400
        database.execute("INSERT INTO job (id, kind, payload, state, run_at, tries, last_error, created_at, ended_at, unique_key)"
                         " VALUES (?, 'find-expiring-passwords', x'', 'done', 0, 1, '', 0, ?, ?)",
                         (uuid.uuid4().bytes, int(time.time() * 1_000_000), f"find-expiring-passwords/{today}"))
    server = serve()
    # The disk is still busy with the million.
    os.sync()
    send(port, 15, 5, 4, [sign_in(port)])
    calm = send(port, 15, 20, 4, [sign_in(port)])
    before = resident_kb(server.pid)
    with sqlite3.connect(file, timeout=20) as database:
        database.execute("DELETE FROM job WHERE kind = 'find-expiring-passwords'")
    # The calendar is looked at every half minute.
    while job() is None:
        time.sleep(0.05)
    most = 0
    busy = send(port, 15, 20, 4, [sign_in(port)])
    while job()[0] != "done":
        time.sleep(0.1)
    most = max(most, resident_kb(server.pid))
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        due = database.execute("SELECT COUNT(*) FROM notice").fetchone()[0]
    stop(server)
    assert due == DUE, due
    return {"seconds": job()[1] / 1e6, "due": due, "memory_mb": (most - before) / 1024, "calm_p99_ms": calm["200"]["p99_ms"],
            "busy_p99_ms": busy["200"]["p99_ms"], "times": busy["200"]["p99_ms"] / calm["200"]["p99_ms"]}


def imported(count=50_000):
    file = WORK / "people.csv"
    hash = "$2b$10$" + "abcdefghijklmnopqrstuu" + "q" * 31
    with file.open("w") as out:
        out.write("email,name,password_hash\n")
        for number in range(count):
            out.write(f"person{number}@example.org,Person {number},{hash}\n")
    began = time.monotonic()
    out = subprocess.run([BINARY, "account", "import", file, "--json", "--data-directory", WORK / "imported"], capture_output=True, text=True, check=True)
    took = time.monotonic() - began
    assert json.loads(out.stdout)["made"] == count
    return {"per_second": count / took}
