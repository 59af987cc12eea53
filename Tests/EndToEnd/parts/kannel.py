"""A real SMS gateway: Debian's Kannel, with an SMSC behind it that does as it is told.

Kannel's own fakesmsc isn't used: 'smsc = fake' makes up a delivery report itself, always "delivered" and at once.
So the SMSC here speaks SMPP 3.4 (https://smpp.org/SMPP_v3_4_Issue1_2.pdf), and Kannel takes real receipts from it.
"""

import socket
import struct
import threading
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

from parts.processes import Process, free_port, listens, real, wait_for

DELIVERED, UNDELIVERABLE, REFUSED, SILENT = "delivered", "undeliverable", "refused", "silent"
"""What becomes of a message: a receipt DELIVRD, a receipt UNDELIV, a refusal of the number by the SMSC, or never a receipt."""

# Commands, parameters and statuses by their numbers in SMPP 3.4, chapter 5.
GENERIC_NACK, BIND_TRANSCEIVER, SUBMIT, DELIVER, UNBIND, ENQUIRE_LINK = 0x80000000, 0x09, 0x04, 0x05, 0x06, 0x15
RESPONSE = 0x80000000
OK, INVALID_COMMAND, INVALID_DESTINATION, BIND_FAILED = 0x00, 0x03, 0x0B, 0x0D
HAS_HEADER, IS_RECEIPT = 0x40, 0x04
UCS_2 = 0x08
INTERNATIONAL = 1

# 3GPP TS 23.038, section 6.2.1: the default alphabet and its extension table.
GSM = ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
       "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
GSM_MORE = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}


def from_gsm(octets: bytes) -> str:
    text, rest = "", iter(octets)
    for octet in rest:
        text += GSM_MORE.get(next(rest, 0), "?") if octet == 0x1B else GSM[octet & 0x7F]
    return text


def address(octets: bytes) -> tuple[str, bytes]:
    """An address of type, plan and digits at the beginning, as a person writes it, and what comes after it."""
    digits, rest = octets[2:].split(b"\0", 1)
    return ("+" if octets[0] == INTERNATIONAL else "") + digits.decode(), rest


def wire(written: str) -> bytes:
    digits = written.removeprefix("+")
    return bytes([INTERNATIONAL if digits != written else 0, 1 if digits.isdigit() else 0]) + digits.encode() + b"\0"


class SMSC:
    """A message centre on loopback for one client at a time."""

    def __init__(self):
        self.port = free_port()
        self.becomes = DELIVERED
        self.report_after = 0.0
        self.submitted: list[dict] = []
        self._parts: dict[tuple, dict[int, bytes]] = defaultdict(dict)
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._last_id = 0
        self._listener: socket.socket | None = None

    def up(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def down(self) -> None:
        """Nobody listens any more, and who was connected is cut off."""
        for line in [self._listener, *self._lines]:
            if line:
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                line.close()
        self._listener, self._lines = None, []

    @property
    def bound(self) -> bool:
        return bool(self._lines)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[line], daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        stream = line.makefile("rb")
        try:
            while len(head := stream.read(16)) == 16:
                length, command, _, sequence = struct.unpack(">IIII", head)
                self._answer(line, command, sequence, stream.read(length - 16))
                if command == UNBIND:
                    break
        except OSError:
            pass
        finally:
            if line in self._lines:
                self._lines.remove(line)
            line.close()

    def _send(self, line: socket.socket, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        with self._lock:
            line.sendall(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)

    def _answer(self, line: socket.socket, command: int, sequence: int, body: bytes) -> None:
        if command == BIND_TRANSCEIVER:
            user, password, _ = body.split(b"\0", 2)
            right = (user, password) == (b"kannel", b"smsc")
            self._send(line, command | RESPONSE, OK if right else BIND_FAILED, sequence, b"SMSC\0" if right else b"")
            if right:
                self._lines.append(line)
        elif command == SUBMIT:
            self._submit(line, sequence, body)
        elif command in (ENQUIRE_LINK, UNBIND):
            self._send(line, command | RESPONSE, OK, sequence)
        elif not command & RESPONSE:
            self._send(line, GENERIC_NACK, INVALID_COMMAND, sequence)

    def _submit(self, line: socket.socket, sequence: int, body: bytes) -> None:
        _, rest = body.split(b"\0", 1)
        sender, rest = address(rest)
        number, rest = address(rest)
        esm = rest[0]
        _, _, rest = rest[3:].split(b"\0", 2)
        registered, _, coding, _, length = rest[:5]
        octets = rest[5:5 + length]
        becomes, report_after = self.becomes, self.report_after
        if becomes == REFUSED:
            self._send(line, SUBMIT | RESPONSE, INVALID_DESTINATION, sequence, b"\0")
            return
        with self._lock:
            self._last_id += 1
            message_id = str(self._last_id)
        self._keep(sender, number, esm, coding, octets)
        self._send(line, SUBMIT | RESPONSE, OK, sequence, message_id.encode() + b"\0")
        if registered & 0x03 and becomes != SILENT:
            state = "DELIVRD" if becomes == DELIVERED else "UNDELIV"
            timer = threading.Timer(report_after, self._report, [line, message_id, sender, number, state])
            timer.daemon = True
            timer.start()

    def _keep(self, sender: str, number: str, esm: int, coding: int, octets: bytes) -> None:
        """Puts the parts of a long message together again: a header of 05 00 03, a reference, how many there are, and which this is."""
        if esm & HAS_HEADER:
            header, octets = octets[1:1 + octets[0]], octets[1 + octets[0]:]
            if header[:2] == b"\x00\x03":
                reference, count, which = header[2:5]
                parts = self._parts[sender, number, reference]
                parts[which] = octets
                if len(parts) < count:
                    return
                octets = b"".join(parts[index] for index in sorted(self._parts.pop((sender, number, reference))))
        text = octets.decode("utf-16-be", "replace") if coding == UCS_2 else from_gsm(octets)
        self.submitted.append({"to": number, "from": sender, "text": text})

    def _report(self, line: socket.socket, message_id: str, sender: str, number: str, state: str) -> None:
        """A receipt as in appendix B of SMPP 3.4: from the one who got the message, to the one who sent it."""
        at = time.strftime("%y%m%d%H%M").encode()
        delivered = b"001" if state == "DELIVRD" else b"000"
        text = b"id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:000 text:" % (
            message_id.encode(), delivered, at, at, state.encode())
        body = (b"\0" + wire(number) + wire(sender) + bytes([IS_RECEIPT, 0, 0]) + b"\0\0" + bytes([0, 0, 0, 0, len(text)]) + text)
        try:
            self._send(line, DELIVER, OK, int(message_id), body)
        except OSError:
            pass


class Kannel:
    """bearerbox and smsbox of one's own. Set `becomes` and `report_after` (seconds) for the messages that come to the SMSC next.

    Kannel answers before the SMSC has the message: wait for it in `messages`, or for its report, before setting them again.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.user, self.password = "postern", "kannel-password"
        self.smsc = SMSC()
        self.admin_port, boxes, self.port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}/cgi-bin/sendsms"
        configuration = folder / "kannel.conf"
        configuration.write_text(f"""
group = core
admin-port = {self.admin_port}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 0

group = smsc
smsc = smpp
smsc-id = SMSC
host = 127.0.0.1
port = {self.smsc.port}
transceiver-mode = true
smsc-username = kannel
smsc-password = smsc
system-type = ""
source-addr-autodetect = true
reconnect-delay = 1
enquire-link-interval = 5

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.port}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {self.user}
password = {self.password}
max-messages = 10
concatenation = true
""")
        self.processes: list[Process] = []
        try:
            self.smsc.up()
            self._start(folder, "bearerbox", configuration)
            wait_for("Kannel's bearerbox", lambda: listens(boxes))
            self._start(folder, "smsbox", configuration)
            wait_for("Kannel's smsbox", lambda: listens(self.port))
            wait_for("Kannel to be bound to the SMSC", lambda: "(online" in self.status())
        except BaseException:
            self.stop()
            raise

    def _start(self, folder: Path, name: str, configuration: Path) -> None:
        self.processes.append(Process(folder, name, [real(f"/usr/sbin/{name}"), "-v", "0", str(configuration)]))

    def status(self) -> str:
        """Kannel's own account of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/status.txt?password=admin", timeout=5) as answer:
            return answer.read().decode()

    @property
    def becomes(self) -> str:
        return self.smsc.becomes

    @becomes.setter
    def becomes(self, what: str) -> None:
        self.smsc.becomes = what

    @property
    def report_after(self) -> float:
        return self.smsc.report_after

    @report_after.setter
    def report_after(self, seconds: float) -> None:
        self.smsc.report_after = seconds

    def messages(self, to: str | None = None) -> list[dict]:
        """What the SMSC took: dictionaries of to, from and text, the latest last."""
        return [message for message in list(self.smsc.submitted) if to in (None, message["to"])]

    def smsc_down(self) -> None:
        self.smsc.down()
        wait_for("Kannel to see that the SMSC is gone", lambda: "(online" not in self.status())

    def smsc_up(self) -> None:
        self.smsc.up()
        wait_for("Kannel to be bound again", lambda: "(online" in self.status())

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.smsc.down()
