"""What the tests stand on: the binary, servers on free loopback ports, and browsers. All are stopped by their own pid."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from parts.browser import Browser
from parts.mail_sink import Certificates, MailSink
from parts.postern import Postern
from parts.processes import free_port, plain_environment, wait_for
from parts.proxies import Caddy, LenientNginx, Nginx
from parts.site import Site

# Selenium and requests would ask a proxy for loopback.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def binary(tmp_path_factory) -> str:
    """A copy of the built server: a build that goes on meanwhile doesn't change what is tested."""
    built = Path(os.environ.get("POSTERN_BINARY") or Path(__file__).resolve().parents[2] / ".build/debug/postern")
    copy = tmp_path_factory.mktemp("binary") / "postern"

    def take() -> bool:
        try:
            shutil.copy2(built, copy)
            return subprocess.run([copy, "--help"], capture_output=True, env=plain_environment(copy.parent)).returncode == 0
        except OSError:
            return False
    wait_for(f"{built} to be there and to run", take, 60, step=1)
    return str(copy)


@pytest.fixture
def make_postern(binary, tmp_path):
    """Makes nodes; those that still run at the end are stopped."""
    made = []

    def make(name: str = "postern", **more) -> Postern:
        made.append(Postern(binary, tmp_path / name, **more))
        return made[-1]
    yield make
    for postern in made:
        postern.stop()


@pytest.fixture
def postern(make_postern) -> Postern:
    """A running node of one's own."""
    return make_postern().start()


@pytest.fixture(scope="module")
def behind_nginx(binary, tmp_path_factory):
    site = Site(binary, tmp_path_factory.mktemp("nginx"), Nginx)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def behind_lenient_nginx(binary, tmp_path_factory):
    site = Site(binary, tmp_path_factory.mktemp("lenient"), LenientNginx)
    yield site
    site.stop()


@pytest.fixture(scope="module")
def behind_caddy(binary, tmp_path_factory):
    site = Site(binary, tmp_path_factory.mktemp("caddy"), Caddy)
    yield site
    site.stop()


@pytest.fixture
def make_browser(tmp_path):
    made = []

    def make(**more) -> Browser:
        made.append(Browser(tmp_path / f"chromium-{len(made)}", **more))
        return made[-1]
    yield make
    for browser in made:
        browser.close()


@pytest.fixture
def browser(make_browser) -> Browser:
    return make_browser()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture
def sink(certificates):
    """A sink that is not started yet."""
    sink = MailSink(free_port(), certificates)
    yield sink
    sink.stop()


@pytest.fixture
def mailing(make_postern, sink, certificates):
    """Starts a node that sends its mail to the sink."""
    def start(authority=None, more: str = ""):
        return make_postern(settings=(
            f"site:\n  name: Corner Shop\nmail:\n  smtp: smtp://127.0.0.1:{sink.controller.port}\n"
            f"  ca-file: {authority or certificates.authority}\n  from: accounts@example.org\n{more}")).start()
    return start
