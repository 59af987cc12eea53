"""The whole house: an app behind a proxy that asks Postern."""

from pathlib import Path

from parts.postern import Postern
from parts.processes import free_port
from parts.sample_app import SampleApp, Seen


class Site:
    def __init__(self, binary: str, folder: Path, proxy):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = SampleApp()
        self.postern = Postern(binary, folder, public_port=self.port)
        self.proxy = proxy(folder / "proxy", self.port, self.postern.port, self.app.port)
        try:
            self.postern.start()
            self.proxy.start()
        except BaseException:
            self.stop()
            raise

    def seen_since(self, count: int) -> list[Seen]:
        """What reached the app after it had seen that many requests."""
        return self.app.seen[count:]

    def stop(self) -> None:
        self.proxy.stop()
        self.postern.stop()
        self.app.stop()
