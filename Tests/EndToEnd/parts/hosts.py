"""Two apps on unrelated names and a portal on a third, behind one nginx that ends TLS for all of them."""

from pathlib import Path

from parts.postern import Postern
from parts.processes import free_port
from parts.sample_app import SampleApp
from parts.snippets import HostsNginx
from parts.way_in import AppHost

NAMES = {"shop": "shop.example", "wiki": "wiki.test"}
PORTAL = "id.example.org"
ALL = (*NAMES.values(), PORTAL)


class Hosts:
    def __init__(self, binary: str, folder: Path, settings: str = ""):
        port = free_port()
        self.postern = Postern(binary, folder, public_url=f"https://{PORTAL}:{port}", settings=settings)
        self.apps = {name: SampleApp() for name in NAMES}
        self.proxy = None
        try:
            self.shop, self.wiki = [
                AppHost(self.postern, name, f"{host}:{port}", ("/staff/* aal2", "/public/* bypass")) for name, host in NAMES.items()]
            self.postern.start()
            self.proxy = HostsNginx(folder / "proxy", self.postern, {name: app.port for name, app in self.apps.items()}, [port])
            self.proxy.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self.proxy:
            self.proxy.stop()
        self.postern.stop()
        for app in self.apps.values():
            app.stop()
