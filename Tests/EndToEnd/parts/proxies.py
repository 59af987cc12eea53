"""A real nginx and a real Caddy in front of one app on the portal's own host, with no app named."""

import os
from pathlib import Path

from parts.processes import Process, listens, plain_environment, real, wait_for

PARTS = Path(__file__).resolve().parent


def documented(name: str, postern: int, app: int) -> str:
    """The configuration kept here, with the ports of this run."""
    return (PARTS / name).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{postern}").replace("127.0.0.1:3000", f"127.0.0.1:{app}")


def nginx_settings(folder: Path, text: str) -> str:
    """Everything around what stands in the http block."""
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (f"daemon off;\n{'user root;' if os.getuid() == 0 else ''}\nworker_processes 1;\npid {folder}/nginx.pid;\n"
            f"error_log {folder}/error.log;\nevents {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{temporary}{text}}}\n")


class Nginx:
    more = ""

    def __init__(self, folder: Path, port: int, postern: int, app: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.process = folder, port, None
        (folder / "snippet.conf").write_text(documented("one-app.nginx.conf", postern, app))
        self.config, self.errors = folder / "nginx.conf", folder / "error.log"
        self.config.write_text(nginx_settings(folder, f"{self.more}\nserver {{\nlisten 127.0.0.1:{port};\ninclude {folder}/snippet.conf;\n}}\n"))

    def start(self) -> None:
        self.process = Process(
            self.folder, "nginx", [real("nginx"), "-p", str(self.folder), "-e", str(self.errors), "-c", str(self.config)])
        wait_for("nginx to listen", lambda: listens(self.port))

    def stop(self) -> None:
        if self.process:
            self.process.stop()


class LenientNginx(Nginx):
    """One that hands on header names which nginx would drop by itself."""

    more = "underscores_in_headers on;\nignore_invalid_headers off;"


class Caddy:
    def __init__(self, folder: Path, port: int, postern: int, app: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.process = folder, port, None
        site = documented("one-app.Caddyfile", postern, app).replace("app.example.org", f"http://127.0.0.1:{port}")
        self.config = folder / "Caddyfile"
        self.config.write_text("{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n" + site)

    def start(self) -> None:
        environment = plain_environment(self.folder) | {"XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        self.process = Process(
            self.folder, "caddy", [real("caddy"), "run", "--config", str(self.config), "--adapter", "caddyfile"], environment)
        wait_for("Caddy to listen", lambda: listens(self.port))

    def stop(self) -> None:
        if self.process:
            self.process.stop()
