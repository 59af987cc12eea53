"""Mail servers as they shouldn't be: one that stops in the middle of a delivery, refuses, hangs, or lets its answers drip."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from aiosmtpd.smtp import SMTP

from parts.mail_sink import MailSink
from parts.processes import listens, wait_for

# The points of a delivery at which a sink can stop, in their order.
CONNECTED, ADDRESSED, TAKEN, LEAVING = "connected", "addressed", "taken", "leaving"


class AwkwardSink(MailSink):
    """A sink that stops at a point of the delivery, for as long as it is told to, and that can refuse everybody."""

    def __init__(self, port, certificates):
        super().__init__(port, certificates)
        self.hold_at: str | None = None
        self.held = threading.Event()
        self.refusal: str | None = None
        self.contents: list[bytes] = []
        self.port = port

    def hold(self, point: str) -> None:
        self.held.clear()
        self.hold_at = point

    def release(self) -> None:
        self.hold_at = None

    def start(self) -> "AwkwardSink":
        wait_for("the port to be free", lambda: not listens(self.port))
        super().start()
        return self

    async def _pass(self, point: str) -> None:
        while self.hold_at == point:
            self.held.set()
            await asyncio.sleep(0.005)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        await self._pass(CONNECTED)
        return await super().handle_EHLO(server, session, envelope, hostname, responses)

    async def handle_RCPT(self, server, session, envelope, address, options):
        await self._pass(ADDRESSED)
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.contents.append(envelope.content)
        answer = await super().handle_DATA(server, session, envelope)
        await self._pass(TAKEN)
        return answer

    async def handle_QUIT(self, server: SMTP, session, envelope):
        await self._pass(LEAVING)
        return "221 Bye"

    def ids(self, recipient: str) -> list[str]:
        """The Message-IDs of all that an address got."""
        return [letter.message["Message-ID"] for letter in list(self.letters) if recipient in letter.recipients]


class RudeServer:
    """Accepts everybody at once and then does as it likes, in bytes."""

    def __init__(self, port: int):
        self.port = port
        self.connections = 0
        self._open: list[socket.socket] = []
        self._ends = threading.Event()

    def start(self) -> "RudeServer":
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._pool = ThreadPoolExecutor(32)
        self._pool.submit(self._accept)
        return self

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(line)
            self._pool.submit(self._serve, line)

    def _serve(self, line: socket.socket) -> None:
        try:
            self.talk(line)
        except OSError:
            pass

    def talk(self, line: socket.socket) -> None:
        """Hangs: not a word."""
        self._ends.wait()

    def wait(self, seconds: float) -> bool:
        """Waits; false once all is over."""
        return not self._ends.wait(seconds)

    def stop(self) -> None:
        self._ends.set()
        for line in [self._listening, *self._open]:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            line.close()
        self._pool.shutdown()


class DrippingServer(RudeServer):
    """A greeting without end, a few bytes at a time: each shows that it lives."""

    def talk(self, line: socket.socket) -> None:
        while self.wait(0.2):
            line.sendall(b"220-wait\r\n")
