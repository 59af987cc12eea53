"""Free ports, waiting, and processes that are started and stopped by their own pid."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path


def real(program: str) -> str:
    """The path of a program that must be there: a missing part is an error, never a skip."""
    found = shutil.which(program)
    if not found:
        raise RuntimeError(f"{program} is not installed, and the end-to-end tests need the real one.")
    return found


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, check, seconds: float = 10, step: float = 0.02):
    """Asks until the answer is truthy and returns it."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"After {seconds} s still waiting for {what}.")
        time.sleep(step)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def plain_environment(home: Path) -> dict[str, str]:
    """What children get: nothing of ours that would change how they behave."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"} | {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ
    }


class Process:
    """One child with its output in files."""

    def __init__(self, folder: Path, name: str, command: list[str], environment: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self.out, self.log = folder / f"{name}.out", folder / f"{name}.log"
        with open(self.out, "wb") as out, open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment or plain_environment(folder))

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def lives(self) -> bool:
        return self.child.poll() is None

    def signal(self, number: int) -> None:
        if self.lives:
            self.child.send_signal(number)

    def stop(self, seconds: float = 16) -> int:
        """Asks it to end, waits, and returns its exit code."""
        if self.lives:
            self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()

    def kill(self) -> None:
        if self.lives:
            self.child.kill()
        self.child.wait()
