"""An authenticator app, and the camera that reads its key from a screen."""

import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from parts.processes import real

PERIOD = 30


def code_of(secret: str, step: int) -> str:
    """What an app with this secret shows in a period, as oathtool says."""
    command = [real("oathtool"), "--totp", "--base32", "--now", f"@{step * PERIOD}", "-"]
    done = subprocess.run(command, input=secret, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def step_now() -> int:
    return int(time.time()) // PERIOD


class Phone:
    """Makes codes that were not used yet, in rising order, as the server wants them: of the period before, this one and the next."""

    def __init__(self, secret: str):
        self.secret, self.last = secret, 0

    def code(self) -> str:
        """The next one; waits only after three within half a minute."""
        # Not the period before if that is about to be two periods ago.
        self.last = max(self.last + 1, int(time.time() + 5) // PERIOD - 1)
        while step_now() + 1 < self.last:
            time.sleep(0.2)
        return code_of(self.secret, self.last)

    def codes(self, count: int) -> list[str]:
        return [self.code() for _ in range(count)]

    def wrong(self) -> str:
        """Six digits that are wrong in every period around, also for a clock that is off."""
        near = {code_of(self.secret, step_now() + offset) for offset in range(-12, 13)}
        return next(text for text in map("{:06}".format, range(26)) if text not in near)


def scan(picture: Path | str) -> str:
    """What the one QR code in a picture says."""
    done = subprocess.run(
        [real("zbarimg"), "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)], capture_output=True, text=True)
    assert done.returncode == 0, f"no QR code was found in {picture}: {done.stderr}"
    [text] = done.stdout.splitlines()
    return text


def read_uri(uri: str) -> dict[str, str]:
    """The parts of an otpauth URI; the label as `label`."""
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    return {name: value for name, [value] in parse_qs(parts.query, strict_parsing=True).items()} | {"label": unquote(parts.path[1:])}
