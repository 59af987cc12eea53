#!/usr/bin/env python3
"""A program that calls an API with a key, and gets over its rotation.

    api_key_client.py URL KEY-FILE [CALLS]

The key stands in a file of its own. It is checked before it is sent: a typo costs no call. When the API says that the key was revoked or
has expired, the program says so, names the key that follows, waits until the file holds another one, and goes on where it was.
Python 3.9 or newer, nothing else.
"""
import json
import re
import sys
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def is_key(text: str) -> bool:
    """Whether a text has the form of a key and the checksum that belongs to it."""
    if not re.fullmatch(r"pst_(live|test)_[0-9A-Za-z]{39}", text):
        return False
    number = 0
    for digit in text[-6:]:
        number = number * 62 + DIGITS.index(digit)
    return number == zlib.crc32(text[:-6].encode())


def read_key(file: Path, unlike: str = "") -> str:
    """The key in the file; waits until there is one, and another than the one that is known to be over."""
    told = False
    while True:
        key = file.read_text().strip() if file.exists() else ""
        if key != unlike and is_key(key):
            return key
        if not told:
            print(f"Waiting for {'another' if unlike else 'a'} key in {file}", flush=True)
            told = True
        time.sleep(0.5)


def call(url: str, key: str) -> tuple[int, dict]:
    """Status, and what was told of a refusal."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}", "User-Agent": "api-key-client/1.0"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
            return answer.status, {}
    except urllib.error.HTTPError as refusal:
        # Every proxy hands this header on; the body says the same where the proxy lets it through.
        told = dict(re.findall(r'(\w+)="([^"]*)"', refusal.headers.get("WWW-Authenticate", "")))
        try:
            told |= {name: value for name, value in json.loads(refusal.read()).items() if isinstance(value, str)}
        except ValueError:
            pass
        return refusal.code, told


def main() -> None:
    url, file = sys.argv[1], Path(sys.argv[2])
    calls = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    key, done = read_key(file), 0
    while done < calls:
        status, told = call(url, key)
        if status == 200:
            done += 1
            print(f"{done} of {calls}", flush=True)
            time.sleep(0.2)
        elif status == 401 and told.get("reason") in ("api-key-revoked", "api-key-expired"):
            follows = f", and …{told['successor']} follows" if told.get("successor") else ""
            print(f"The key …{key[-4:]} is over ({told['reason']}{follows}).", flush=True)
            key = read_key(file, unlike=key)
            print(f"Going on with …{key[-4:]}", flush=True)
        elif status in (429, 503):
            time.sleep(1)
        else:
            sys.exit(f"Refused: {status} {told.get('reason', '')}")


if __name__ == "__main__":
    main()
