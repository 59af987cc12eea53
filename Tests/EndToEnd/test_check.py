"""`postern check` against real proxies: silent about a good one, and right about each thing that is planted wrong."""

import json
import re
import sys
from pathlib import Path

import pytest

from parts.postern import Postern
from parts.processes import Process, free_port, listens, plain_environment, wait_for
from parts.sample_app import SampleApp
from parts.snippets import SnippetCaddy, SnippetNginx


class Echo:
    """The echo that the check itself prints, on a port of its own."""

    def __init__(self, folder: Path, code: str):
        self.port = free_port()
        self.process = Process(folder, "echo", [sys.executable, "-c", code.replace("3000", str(self.port))])
        wait_for("the echo to listen", lambda: listens(self.port))

    def stop(self) -> None:
        self.process.stop()


class Checked:
    """One app behind a proxy whose configuration was changed before it started."""

    def __init__(self, binary: str, folder: Path, proxy, change=lambda text, site: text, settings=lambda text: text, echo: str = ""):
        self.port = free_port()
        self.app = Echo(folder, echo) if echo else SampleApp()
        self.postern = Postern(binary, folder)
        self.postern.config.write_text(settings(self.postern.config.read_text()))
        self.postern.command("app", "add", "app", "--host", f"http://127.0.0.1:{self.port}", "--rule", "/open/* bypass")
        site = self

        class Changed(proxy):
            def snippet(self, app, upstream):
                text = super().snippet(app, upstream)
                changed = change(text, site)
                return changed
        self.postern.start()
        try:
            self.proxy = Changed(folder / "proxy", self.postern, {"app": self.app.port}, [self.port])
            self.proxy.start()
        except BaseException:
            self.postern.stop()
            self.app.stop()
            raise

    def check(self) -> tuple[int, dict[str, dict]]:
        done = self.postern.run("check", f"http://127.0.0.1:{self.port}", "--json")
        assert done.stdout, done.stderr
        return done.returncode, {finding["name"]: finding for finding in json.loads(done.stdout)}

    def stop(self) -> None:
        self.proxy.stop()
        self.postern.stop()
        self.app.stop()


@pytest.fixture
def checked(binary, tmp_path):
    made = []

    def make(proxy, **more) -> Checked:
        made.append(Checked(binary, tmp_path / f"site-{len(made)}", proxy, **more))
        return made[-1]
    yield make
    for site in made:
        site.stop()


def echo_of(findings: dict[str, dict]) -> str:
    """The code that the check says to put in the app's place."""
    return re.search(r"python3 -c '(.*)'", findings["what the app sees"]["change"], re.DOTALL).group(1)


def bad(findings: dict[str, dict]) -> set[str]:
    return {name for name, finding in findings.items() if finding["verdict"] == "bad"}


@pytest.mark.parametrize("proxy", [SnippetNginx, SnippetCaddy])
def test_a_good_proxy_has_nothing_to_change_and_an_echo_shows_the_rest(checked, proxy):
    status, findings = checked(proxy).check()
    assert (status, bad(findings)) == (0, set()), findings
    assert findings["what the app sees"]["verdict"] == "not-seen"
    status, findings = checked(proxy, echo=echo_of(findings)).check()
    assert status == 0, findings
    assert {finding["verdict"] for finding in findings.values()} == {"ok"}, findings


def without(*words: str):
    """Takes away all lines, or `;`-ended directives within lines, that hold these words."""
    def change(text: str, _) -> str:
        for word in words:
            pattern = rf"[^;{{}}\n]*{re.escape(word)}[^;\n]*;"
            assert re.search(pattern, text), f"nothing to take away: {word}"
            text = re.sub(pattern, "", text)
        return text
    return change


def swap(*pairs: tuple[str, str]):
    def change(text: str, site) -> str:
        for old, new in pairs:
            assert old in text, f"nothing to swap: {old}"
            text = text.replace(old, new.replace("APP", f"127.0.0.1:{site.app.port}"))
        return text
    return change


def settings_without_proxies(text: str) -> str:
    return text.replace("trusted-proxies: [127.0.0.1]\n", "")


ECHOED = "with the echo"
NGINX = {
    "the app's location asks nobody": (swap(("auth_request /auth/request; ", "")), "gated"),
    "any answer will do": (swap(("auth_request /auth/request;", "satisfy any; allow all; auth_request /auth/request;")), "gated"),
    "the decoded path is shown": (lambda text, site: re.sub(r"(X-Original-URL \S+)\$request_uri", r"\1$uri", text), "original URL"),
    "what was opened isn't said": (without("X-Original-URL"), "original URL"),
    "another host is said": (lambda text, site: re.sub(r"X-Original-URL \$scheme://[^$]+", "X-Original-URL $scheme://elsewhere.example", text), "original URL"),
    "the method isn't said": (without("X-Original-Method"), "original method"),
    "the client's own X-Forwarded-For is handed on": (swap(("X-Forwarded-For $remote_addr", "X-Forwarded-For $http_x_forwarded_for")), "client address"),
    "nobody says who asks": (swap(("X-Forwarded-For $remote_addr", "X-Forwarded-For \"\"")), "client address"),
    "no way to the sign-in": (without("error_page"), "way to the sign-in"),
    "/auth/ goes to the app": (lambda text, site: re.sub(r"location /auth/ \{ proxy_pass [^;]+;", f"location /auth/ {{ proxy_pass http://127.0.0.1:{site.app.port};", text), "/auth/ here"),
    "another host at /auth/": (lambda text, site: re.sub(r"(location /auth/ .*?)Host \S+;", r"\1Host elsewhere.example;", text), "/auth/ here"),
    "no cookie gets out of /auth/": (swap(("location /auth/ {", "location /auth/ { proxy_hide_header Set-Cookie;")), "/auth/ here"),
    "the cookie gets a domain": (lambda text, site: re.sub(r"location /auth/ \{", "location /auth/ { proxy_cookie_path / \"/; Domain=example.org\";", text), "/auth/ here"),
}
NGINX_ECHOED = {
    "our cookies reach the app": (lambda text, site: re.sub(r"proxy_set_header Cookie \S+;", "proxy_set_header Cookie $http_cookie;", text), "what the app sees"),
    "all cookies are taken": (lambda text, site: re.sub(r"proxy_set_header Cookie \S+;", "proxy_set_header Cookie \"\";", text), "what the app sees"),
    "the client's headers are hidden from Postern and shown to the app": (
        lambda text, site: re.sub(r"auth_request_set \$postern_user [^;]+; proxy_set_header Remote-User [^;]+;", "proxy_set_header Remote-User $http_remote_user;", text)
        .replace("internal;", "internal; proxy_pass_request_headers off; proxy_set_header Cookie $http_cookie; proxy_set_header Postern-Check $http_postern_check;"),
        "forged identity"),
    "a fixed user": (lambda text, site: re.sub(r"proxy_set_header Remote-User [^;]+;", "proxy_set_header Remote-User admin;", text), "what the app sees"),
}
CADDY = {
    "nobody is asked": (lambda text, site: re.sub(r"\tforward_auth @app .*?\n\t\}\n", "", text, flags=re.DOTALL), "gated"),
    "another path is said": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up X-Forwarded-Uri /")), "original URL"),
    "another host is said": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up X-Forwarded-Host elsewhere.example")), "original URL"),
    "another scheme is said": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up X-Forwarded-Proto https")), "original URL"),
    "the method isn't said": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up X-Forwarded-Method GET")), "original method"),
    "the client's own X-Forwarded-For is handed on": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up X-Forwarded-For {http.request.header.Forwarded}"), ("header_up X-Forwarded-For {http.request.header.Forwarded}", "header_up X-Forwarded-For {http.request.header.X-Real-Ip}")), "client address"),
    "nobody says who asks": (swap(("uri /auth/forward", "uri /auth/forward\n\t\theader_up -X-Forwarded-For")), "client address"),
    "/auth/ goes to the app": (lambda text, site: re.sub(r"reverse_proxy /auth/\* \S+", f"reverse_proxy /auth/* 127.0.0.1:{site.app.port}", text), "/auth/ here"),
    "another host at /auth/": (lambda text, site: re.sub(r"(reverse_proxy /auth/\* \S+)", r"\1 {\n\t\theader_up Host elsewhere.example\n\t}", text), "/auth/ here"),
    "no cookie gets out of /auth/": (lambda text, site: re.sub(r"(reverse_proxy /auth/\* \S+)", r"\1 {\n\t\theader_down -Set-Cookie\n\t}", text), "/auth/ here"),
}
CADDY_ECHOED = {
    "our cookies reach the app": (lambda text, site: re.sub(r"\trequest_header @app Cookie .*\n", "", text), "what the app sees"),
    "a fixed user": (lambda text, site: re.sub(r"\treverse_proxy (127\S+)\n\}", r"\treverse_proxy \1 {\n\t\theader_up Remote-User admin\n\t}\n}", text), "what the app sees"),
}
PLANTED = [
    (proxy, words, change, name, echoed)
    for proxy, faults, echoed in [(SnippetNginx, NGINX, False), (SnippetNginx, NGINX_ECHOED, True), (SnippetCaddy, CADDY, False), (SnippetCaddy, CADDY_ECHOED, True)]
    for words, (change, name) in faults.items()
]


@pytest.fixture(scope="module")
def echo(binary, tmp_path_factory):
    """What the check prints for the app's place; asked once."""
    site = Checked(binary, tmp_path_factory.mktemp("echo"), SnippetNginx)
    try:
        return echo_of(site.check()[1])
    finally:
        site.stop()


@pytest.mark.parametrize("proxy, words, change, name, echoed", PLANTED, ids=[f"{proxy.proxy}: {words}" for proxy, words, *_ in PLANTED])
def test_what_is_planted_wrong_is_found_and_the_line_is_named(checked, echo, proxy, words, change, name, echoed):
    status, findings = checked(proxy, change=change, echo=echo if echoed else "").check()
    assert status == 1
    assert name in bad(findings), findings
    assert findings[name]["change"], "no line to change"


@pytest.mark.parametrize("proxy", [SnippetNginx, SnippetCaddy])
def test_a_proxy_that_the_settings_do_not_name_is_found(checked, proxy):
    status, findings = checked(proxy, settings=settings_without_proxies).check()
    assert status == 1
    assert "trusted proxy" in bad(findings)
    assert findings["trusted proxy"]["change"].endswith("trusted-proxies: [127.0.0.1]")


def test_the_table_for_people_says_the_same_and_an_unknown_app_is_one_clear_line(checked):
    site = checked(SnippetNginx, change=NGINX["the app's location asks nobody"][0])
    shown = site.postern.run("check", f"http://127.0.0.1:{site.port}")
    assert shown.returncode == 1
    assert re.search(r"^BAD  gated", shown.stdout, re.MULTILINE) and "auth_request /auth/request;" in shown.stdout
    unknown = site.postern.run("check", "https://nobody.example")
    assert (unknown.returncode, unknown.stdout) == (1, "") and "app add" in unknown.stderr
    site.proxy.stop()
    gone = site.postern.run("check", f"http://127.0.0.1:{site.port}")
    assert gone.returncode == 1 and "doesn’t answer" in gone.stdout
