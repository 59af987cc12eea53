"""HTTP as bytes on a socket, for what no client library would send."""

import re
import socket

STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)


def exchange(port: int, request: bytes, end: bool = False, quiet: float = 0.25, longest: float = 4, source: str = "127.0.0.1") -> tuple[list[int], bytes, bool]:
    """Sends bytes and reads until the server closes, or has answered and says no more.

    Returns the statuses of all answers, the bytes, and whether the server closed the connection.
    """
    answer, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=longest, source_address=(source, 0)) as line:
        try:
            line.sendall(request)
            if end:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            closed = True  # It hung up while we were talking; an answer may still be there to read.
        while True:
            line.settimeout(quiet if answer else longest)
            try:
                piece = line.recv(65_536)
            except TimeoutError:
                break
            except OSError:
                closed = True
                break
            if not piece:
                closed = True
                break
            answer += piece
    return [int(status) for status in STATUS.findall(answer)], answer, closed
