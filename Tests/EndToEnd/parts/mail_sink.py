"""A real SMTP server that takes mail over STARTTLS only, and keeps it."""

import asyncio
import email
import email.policy
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.controller import Controller

from parts.postern import link_in
from parts.processes import real


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server certificate for 127.0.0.1 that it vouches for."""

    authority: Path
    certificate: Path
    key: Path

    @staticmethod
    def make(folder: Path) -> "Certificates":
        folder.mkdir(parents=True)
        made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test authority",
                "-keyout", folder / "ca.key", "-out", made.authority)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1",
                "-keyout", made.key, "-out", folder / "server.csr")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", folder / "server.csr", "-CA", made.authority, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", folder / "names", "-out", made.certificate)
        return made


def openssl(*arguments) -> None:
    subprocess.run([real("openssl"), *map(str, arguments)], check=True, capture_output=True)


@dataclass(frozen=True)
class Letter:
    sender: str
    recipients: list[str]
    over_tls: bool
    message: email.message.EmailMessage

    def part(self, kind: str) -> str:
        return self.message.get_body((kind,)).get_content()

    @property
    def link(self) -> str:
        """The one that stands alone on a line of the text."""
        return link_in(self.part("plain").replace("\r\n", "\n"))


class MailSink:
    def __init__(self, port: int, certificates: Certificates):
        self.letters: list[Letter] = []
        self.connections = 0
        self.delay = 0.0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self.controller = Controller(self, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)

    def start(self) -> "MailSink":
        self.controller.start()
        return self

    def stop(self) -> None:
        self.controller.stop(no_assert=True)

    def to(self, email: str, subject: str = "") -> list[Letter]:
        """What came for an address with a subject that begins so, the latest last."""
        return [letter for letter in list(self.letters) if email in letter.recipients and letter.message["Subject"].startswith(subject)]

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.letters.append(Letter(envelope.mail_from, list(envelope.rcpt_tos), session.ssl is not None, message))
        await asyncio.sleep(self.delay)
        return "250 OK"
