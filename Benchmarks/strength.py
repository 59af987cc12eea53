"""What estimating passwords costs, beside the Python packages zxcvbn and zxcvbn-rs-py on the same passwords; the page's meter; filters of
stolen passwords."""
import hashlib, json, os, random, subprocess, sys, time

from harness import BENCH, BINARY, ROOT, WORK, free_port, start, stop, wait_for

PYTHON = ROOT / ".venv/bin/python"
WORDS = ("password dragon monkey shadow sunshine princess football baseball superman michael jordan jessica ashley charlie hunter summer winter "
         "spring autumn coffee cookie banana orange purple silver golden diamond thunder phoenix falcon tiger eagle guitar piano soccer hockey "
         "ranger yankee cowboy matrix freedom secret welcome london paris berlin madrid correct horse battery staple maria peter thomas andrea "
         "laura").split()
WALKS = "qwerty asdfgh zxcvbn 1qaz2wsx qazwsx poiuyt 123456 987654 qwertyuiop 1q2w3e4r".split()
SIGNS = str.maketrans("aeios", "43105")
LETTERS = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#%+-_"
# On this one the Rust port is slowest.
LEET = "4@8({[</369&#!1|0$5+7%2" * 3

# Thread time of the best of three rounds over the first `count` passwords.
PEER = """
import sys, time, json
if sys.argv[1] == "rust":
    from zxcvbn_rs_py import zxcvbn
else:
    from zxcvbn import zxcvbn
passwords = open(sys.argv[2]).read().split("\\n")[:int(sys.argv[3])]
for password in passwords[:50]: zxcvbn(password)
rates = []
for _ in range(3):
    began = time.thread_time()
    for password in passwords: zxcvbn(password)
    rates.append(len(passwords) / (time.thread_time() - began))
result = {"per_second": int(max(rates))}
if sys.argv[1] == "rust":
    began = time.thread_time()
    zxcvbn(sys.argv[4])
    result["worst_ms"] = (time.thread_time() - began) * 1000
print(json.dumps(result))
"""


def realistic(count):
    """Words with numbers, capitals with years, leet, walks, passphrases, dates, random: made the same way each run."""
    chance = random.Random(7)
    word = lambda: chance.choice(WORDS)
    makers = [
        lambda: word() + str(chance.randrange(100)),
        lambda: word().capitalize() + str(chance.randrange(1950, 2026)) + chance.choice("!@#$."),
        lambda: word().translate(SIGNS) + str(chance.randrange(1000)),
        lambda: chance.choice(WALKS) + word(),
        lambda: "".join(word() for _ in range(4)),
        lambda: f"{chance.randrange(1, 29):02d}{chance.randrange(1, 13):02d}{chance.randrange(1950, 2012)}" + word(),
        lambda: "".join(chance.choice(LETTERS) for _ in range(chance.randrange(10, 21))),
        lambda: word() + chance.choice("-_. ") + word() + chance.choice("-_. ") + chance.choice(WALKS),
    ]
    return [chance.choice(makers)() for _ in range(count)]


def run(*command):
    return json.loads(subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout)


def estimates():
    """Alternated, so that a slow minute is everybody's."""
    passwords, slow = WORK / "passwords", WORK / "slow"
    passwords.write_text("\n".join(realistic(10_000)))
    slow.write_text(LEET)
    rounds = []
    for _ in range(3):
        ours = run(BENCH, "strength", passwords, 3)
        rust = run(PYTHON, "-c", PEER, "rust", passwords, 10_000, LEET)
        rounds.append((ours["per_second"] / rust["per_second"], ours, rust))
    times, ours, rust = sorted(rounds, key=lambda r: r[0])[1]
    python = run(PYTHON, "-c", PEER, "python", passwords, 1_500)
    return {
        "per_second": ours["per_second"], "rust_per_second": rust["per_second"], "python_per_second": python["per_second"],
        "times_rust": times, "rust_worst_ms": rust["worst_ms"], "same_ms": run(BENCH, "strength", slow, 1)["p50_us"] / 1000,
        "worst_ms": run(BENCH, "slowest", 60)["worst_ms"],
    }


def filter_of_ten_million(count=10_000_000):
    hashes, target = WORK / "hashes", WORK / "stolen.filter"
    with hashes.open("w") as file:
        for number in range(count):
            file.write(hashlib.sha1(b"%d" % number).hexdigest().upper() + ":3\n")
    began = time.monotonic()
    build = subprocess.Popen([BINARY, "password", "breached", "build", hashes, "-o", target], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(build.pid, 0)
    took = time.monotonic() - began
    assert status == 0
    hashes.unlink()
    asked = run(BENCH, "filter", target, WORK, 3)
    assert 0.5 <= asked["share_found"] < 0.501, "a look-up missed"
    return {"per_second": asked["per_second"], "build_seconds": took, "build_mb": usage.ru_maxrss / 1024,
            "bytes_per_hash": target.stat().st_size / count}


METER = """
import json, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from parts.browser import Browser
browser = Browser(Path(tempfile.mkdtemp()))
try:
    passwords = json.loads(Path(sys.argv[3]).read_text())
    readies, result = [], None
    for _ in range(5):
        browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        browser.open(sys.argv[2])
        result = browser.driver.execute_async_script('''
            const [passwords, done] = arguments;
            (async () => {
              const began = performance.now();
              const source = fetch(document.querySelector(".strength").dataset.module);
              const { instance } = await WebAssembly.instantiateStreaming(source);
              const { memory, reserve, release, judge } = instance.exports;
              const once = (text) => {
                const bytes = new TextEncoder().encode(text), at = reserve(bytes.length);
                new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
                judge(at, bytes.length, at, 0, 8, 3, 1024);
                release(at);
              };
              once("first");
              const ready = performance.now() - began;
              // A hundred times each: the page's clock has steps of 0.1 ms.
              const times = [];
              for (const password of passwords) {
                const typed = password.slice(0, 1 + times.length % password.length);
                const start = performance.now();
                for (let time = 0; time < 100; time += 1) once(typed);
                times.push((performance.now() - start) / 100);
              }
              times.sort((a, b) => a - b);
              const sizes = performance.getEntriesByType("resource").filter((entry) => /strength/.test(entry.name)).map((entry) => entry.encodedBodySize);
              done({ ready, median: times[times.length >> 1], bytes: sizes.reduce((a, b) => a + b, 0) });
            })();
        ''', passwords)
        readies.append(result["ready"])
    print(json.dumps({"ready_ms": sorted(readies)[2], "keystroke_ms": result["median"], "bytes": result["bytes"]}))
finally:
    browser.close()
"""


def meter():
    """In real Chromium: from the fetch to the first verdict, and a verdict for a keystroke in each of 200 passwords."""
    port = free_port()
    server = start(BINARY, "serve", "--data-directory", WORK / "meter", "--listen", f"127.0.0.1:{port}")
    wait_for(port)
    passwords = WORK / "typed.json"
    passwords.write_text(json.dumps(realistic(200)))
    result = run(PYTHON, "-c", METER, ROOT / "Tests/EndToEnd", f"http://127.0.0.1:{port}/auth/sign-up", passwords)
    stop(server)
    return result
