"""Real proxies, set up with what `postern snippet` prints."""

import subprocess
from pathlib import Path

from parts.postern import Postern
from parts.processes import Process, listens, plain_environment, real, wait_for
from parts.proxies import nginx_settings


class SnippetProxy:
    """One proxy in front of some apps: their names, and the ports that the apps themselves listen on."""

    def __init__(self, folder: Path, postern: Postern, apps: dict[str, int], ports: list[int]):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.postern, self.ports, self.process = folder, postern, ports, None
        self.set_up({name: self.snippet(name, port) for name, port in apps.items()})

    proxy = ""

    def snippet(self, app: str, upstream: int) -> str:
        return self.postern.command(
            "snippet", self.proxy, "--app", app, "--upstream", f"127.0.0.1:{upstream}", "--postern", f"127.0.0.1:{self.postern.port}")

    def set_up(self, snippets: dict[str, str]) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        environment = plain_environment(self.folder) | {"XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        self.process = Process(self.folder, self.proxy, self.command(), environment)
        for port in self.ports:
            wait_for(f"{self.proxy} to listen: {self.process.log}", lambda: listens(port))

    def stop(self) -> None:
        if self.process:
            self.process.stop()


class SnippetNginx(SnippetProxy):
    proxy = "nginx"

    def set_up(self, snippets: dict[str, str]) -> None:
        (self.folder / "nginx.conf").write_text(nginx_settings(self.folder, "".join(self.adapted(text) for text in snippets.values())))

    def adapted(self, snippet: str) -> str:
        return snippet.replace("    listen ", "    listen 127.0.0.1:")

    def command(self) -> list[str]:
        return [real("nginx"), "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]


class HostsNginx(SnippetNginx):
    """Ends TLS for every app and for the portal, on one port."""

    def set_up(self, snippets: dict[str, str]) -> None:
        self.key, self.certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(
            [real("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        host = self.postern.public_url.split("//")[1].split(":")[0]
        portal = (f"server {{\n{self.listen}\nserver_name {host};\nlocation / {{ proxy_pass http://127.0.0.1:{self.postern.port}; proxy_set_header Host $http_host; "
                  "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; }\n}\n")
        (self.folder / "nginx.conf").write_text(
            nginx_settings(self.folder, portal + "".join(self.adapted(text) for text in snippets.values())))

    @property
    def listen(self) -> str:
        return f"listen 127.0.0.1:{self.ports[0]} ssl; ssl_certificate {self.certificate}; ssl_certificate_key {self.key};"

    def adapted(self, snippet: str) -> str:
        lines = [self.listen if line.strip().startswith("listen ") else line for line in snippet.splitlines()]
        assert lines.count(self.listen) == 1
        return "\n".join(lines) + "\n"


class SnippetCaddy(SnippetProxy):
    proxy = "caddy"

    def set_up(self, snippets: dict[str, str]) -> None:
        (self.folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n" + "".join(snippets.values()))

    def command(self) -> list[str]:
        return [real("caddy"), "run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]


class SnippetHAProxy(SnippetProxy):
    """Its snippets each name the backend `postern`; only the first one's is kept."""

    proxy = "haproxy"

    def set_up(self, snippets: dict[str, str]) -> None:
        (self.folder / "postern.lua").write_text(self.postern.command("snippet", "haproxy", "--app", next(iter(snippets)), "--lua"))
        texts = list(snippets.values())
        kept = [texts[0]] + [text.replace(f"backend postern\n    mode http\n    server postern 127.0.0.1:{self.postern.port}\n", "") for text in texts[1:]]
        (self.folder / "haproxy.cfg").write_text(
            f"global\n    maxconn 200\n    lua-load {self.folder}/postern.lua\ndefaults\n    timeout connect 5s\n    timeout client 20s\n    timeout server 20s\n"
            + "".join(kept))

    def command(self) -> list[str]:
        return [real("haproxy"), "-db", "-f", str(self.folder / "haproxy.cfg")]
