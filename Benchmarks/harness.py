"""What every measurement needs: servers that are stopped again, a load, and a process's own figures."""
import json, os, pathlib, re, signal, socket, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / ".build/postern"
BENCH = ROOT / ".build/release/PosternBenchmarks"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="postern-bench-"))
PASSWORD = "correct horse battery"
CORES = os.cpu_count()
running = []
# Every load comes from one address, and with one person's password many times at once.
os.environ |= {"POSTERN_THROTTLING_SIGN_IN_PER_ADDRESS": "1000000/1d", "POSTERN_THROTTLING_SIGN_IN_WAIT_AFTER": "100/15m",
               "POSTERN_THROTTLING_SIGN_IN_BLOCK_AFTER": "100"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*command, **options):
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    running.append(process)
    return process


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    running.remove(process)


def wait_for(port, path="/auth/health", seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as link:
                link.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                if link.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.002)
    raise SystemExit(f"no answer on port {port}")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def other_cpu_seconds(pid):
    """The CPU of all threads but those that hash, by the scheduler's own nanoseconds: ticks are too coarse for threads that wake for 50 µs."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            if (task / "comm").read_text().strip() != "postern-hash":
                total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # a thread that just ended
    return total / 1e9


def resident_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def wrk(url, seconds, connections, script=None):
    """Requests a second, p99 in ms, and how many answers were not 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"] + (["-s", str(script)] if script else []) + [url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
            int(refused.group(1)) if refused else 0)


def send(port, rate, seconds, connections, requests, nice=False):
    path = WORK / "requests"
    path.write_text("\n%%\n".join(requests))
    done = subprocess.run([BENCH, "send", str(port), str(rate), str(seconds), str(connections), path, "nice" if nice else "-"],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
