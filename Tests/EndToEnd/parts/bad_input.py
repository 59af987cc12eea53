"""Requests that no server may choke on: each has a name and its bytes. `HOST` stands for the server's own."""

import json
import random

HOST = b"{HOST}"
BASE = [b"Host: " + HOST, b"Connection: close"]
SEPARATORS = b'(),/;<=>?@[\\]{}"'
SMUGGLED = b"GET /auth/health HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"


def get(*fields: bytes, line: bytes = b"GET /auth/nothing HTTP/1.1", base=BASE) -> bytes:
    return b"\r\n".join([line, *base, *fields]) + b"\r\n\r\n"


def post(path: str, body: bytes, *fields: bytes, kind: bytes = b"application/json") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return get(b"Content-Type: " + kind, length, *fields, line=b"POST " + path.encode() + b" HTTP/1.1") + body


def chunked(body: bytes) -> bytes:
    return get(b"Content-Type: application/json", b"Transfer-Encoding: chunked", line=b"POST /auth/v1/sign-in HTTP/1.1") + body


def sizes():
    yield "a header section over 16 KiB in one field", get(b"X-Long: " + b"a" * 17_000)
    yield "a header section over 16 KiB in many fields", get(*[b"X-%d: " % number + b"a" * 200 for number in range(85)])
    yield "a header section of a mebibyte", get(b"X-Long: " + b"a" * 1_048_576)
    yield "a field of 9 KiB", get(b"X-Long: " + b"a" * 9_216)
    yield "a field name of 20 KiB", get(b"X" * 20_000 + b": a")
    for count in (101, 128, 500, 5_000):
        yield f"{count} fields", get(*[b"X-%d: a" % number for number in range(count)])
    for length in (4_097, 8_192, 20_000, 200_000):
        yield f"an address of {length} bytes", get(line=b"GET /" + b"a" * length + b" HTTP/1.1")
    yield "a method of 10,000 letters", get(line=b"G" * 10_000 + b" / HTTP/1.1")
    for length in (65_537, 1_048_576, 2**31, 2**63 - 1):
        yield f"a body of {length} bytes declared", get(
            b"Content-Type: application/json", b"Content-Length: %d" % length, line=b"POST /auth/v1/sign-in HTTP/1.1") + b"{"
    yield "a body of 70,000 bytes sent", post("/auth/v1/sign-in", b'{"email":"' + b"a" * 70_000 + b'"}')
    yield "a form of 70,000 bytes sent", post("/auth/sign-in", b"email=" + b"a" * 70_000, kind=b"application/x-www-form-urlencoded")


def line_ends():
    whole = get()
    yield "bare LF everywhere", whole.replace(b"\r\n", b"\n")
    yield "bare LF after the request line", whole.replace(b"\r\n", b"\n", 1)
    yield "bare LF after a field", whole.replace(b"close\r\n", b"close\n")
    yield "bare LF at the end of the section", whole[:-2] + b"\n"
    yield "bare CR everywhere", whole.replace(b"\r\n", b"\r")
    yield "bare CR after a field", whole.replace(b"close\r\n", b"close\r")
    yield "bare CR inside a value", get(b"X-A: a\rb")
    yield "bare LF inside a value", get(b"X-A: a\nb")
    yield "a field smuggled behind a bare CR", get(b"X-A: a\rContent-Length: 5")
    yield "NUL inside a value", get(b"X-A: a\0b")
    yield "a folded value", get(b"X-A: a\r\n b")
    yield "a folded value with a tab", get(b"X-A: a\r\n\tb")
    yield "a space before the first field", get(base=[b" Host: " + HOST])
    yield "CR CR LF", whole.replace(b"\r\n", b"\r\r\n")
    yield "a field without a colon", get(b"X-A")
    yield "a field without a name", get(b": a")


def framing():
    post_line = b"POST /auth/v1/sign-in HTTP/1.1"
    both = [b"Content-Length: 4", b"Transfer-Encoding: chunked"]
    for name, fields in {
        "length, then chunked": both, "chunked, then length": both[::-1], "length 0 and chunked": [b"Content-Length: 0", both[1]],
        "two lengths that differ": [b"Content-Length: 4", b"Content-Length: 5"], "two lengths that agree": [b"Content-Length: 4"] * 2,
        "a list of lengths": [b"Content-Length: 4, 4"], "a list of different lengths": [b"Content-Length: 4, 5"],
        "a length with a plus": [b"Content-Length: +4"], "a negative length": [b"Content-Length: -4"], "a hexadecimal length": [b"Content-Length: 0x4"],
        "an empty length": [b"Content-Length: "], "a length in words": [b"Content-Length: four"], "a length with a fraction": [b"Content-Length: 4.0"],
        "a length with a space inside": [b"Content-Length: 4 4"], "a length past 64 bits": [b"Content-Length: 99999999999999999999999"],
        "a length of 2^64": [b"Content-Length: 18446744073709551616"], "a space before the colon of the length": [b"Content-Length : 4"],
        "an unknown encoding": [b"Transfer-Encoding: xchunked"], "identity": [b"Transfer-Encoding: identity", b"Content-Length: 4"],
        "chunked twice": [b"Transfer-Encoding: chunked, chunked"], "chunked, then identity": [b"Transfer-Encoding: chunked, identity"],
        "gzip": [b"Transfer-Encoding: gzip"], "gzip and a length": [b"Transfer-Encoding: gzip", b"Content-Length: 4"],
        "a space before the colon of chunked": [b"Transfer-Encoding : chunked", b"Content-Length: 4"],
        "chunked with a vertical tab": [b"Transfer-Encoding: \x0bchunked", b"Content-Length: 4"],
        "an empty encoding and a length": [b"Transfer-Encoding: ", b"Content-Length: 4"],
        "quoted chunked and a length": [b'Transfer-Encoding: "chunked"', b"Content-Length: 4"],
    }.items():
        request = b"\r\n".join([post_line, b"Host: " + HOST, b"Content-Type: application/json", *fields]) + b"\r\n\r\n"
        yield name, request + b"0\r\n\r\n" + SMUGGLED


def chunks():
    for name, body in {
        "letters as a size": b"zz\r\n", "a negative size": b"-1\r\n{\r\n0\r\n\r\n", "a size with 0x": b"0x4\r\n{}{}\r\n0\r\n\r\n",
        "a size past 64 bits": b"fffffffffffffffff\r\n{}", "a size of 2^63": b"8000000000000000\r\n{}", "an empty size": b"\r\n{}\r\n",
        "no line end after a chunk": b"2\r\n{}0\r\n\r\n", "a chunk longer than its size": b"1\r\n{}\r\n0\r\n\r\n", "a bare LF after a size": b"2\n{}\n0\n\n",
        "an extension of 20 KiB": b"2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n", "a trailer without a colon": b"2\r\n{}\r\n0\r\nX\r\n\r\n",
        "trailers of 100 KiB": b"2\r\n{}\r\n0\r\n" + b"X-T: " + b"a" * 100_000 + b"\r\n\r\n", "random bytes": random.Random(4).randbytes(200),
        "more than 64 KiB in chunks": b"4000\r\n" + b" " * 0x4000 + b"\r\n", "a size with a space": b"2 2\r\n{}\r\n0\r\n\r\n",
    }.items():
        yield "chunks with " + name, chunked(body * 5 if name.startswith("more") else body)


def names_of_fields():
    for byte in [*range(0, 9), 11, 12, *range(14, 32), 32, *SEPARATORS, 127, 128, 255]:
        yield f"a field name with byte {byte:#04x}", get(b"X-A" + bytes([byte]) + b"B: a")
    yield "a space before a colon", get(b"X-A : a")
    yield "a tab before a colon", get(b"X-A\t: a")


def request_lines():
    for line in (
        b"", b"GET", b"GET /", b"GET / HTTP/2.0", b"GET / HTTP/3.0", b"GET / HTTP/0.9", b"GET / HTTP/1", b"GET / http/1.1", b"GET / HTTP/1.1 x",
        b"GET / HTTX/1.1", b"GET  /auth/nothing HTTP/1.1", b"GET\t/auth/nothing\tHTTP/1.1", b"GET /a b HTTP/1.1", b" GET / HTTP/1.1",
        b"/ GET HTTP/1.1", b"G@T / HTTP/1.1", b"get /auth/nothing HTTP/1.1", b"GET nothing HTTP/1.1", b"GET * HTTP/1.1", b"GET /\0 HTTP/1.1",
        b"GET /auth/\xff HTTP/1.1", b"GET /auth/sign-in?x=\xff HTTP/1.1", b"GET /auth/sign-in?x=%ff HTTP/1.1", b"GET /auth/sign-in?x=%zz HTTP/1.1",
        b"GET /auth/sign-in?x=%00 HTTP/1.1", b"GET /auth/sign-in?x=1&x=2 HTTP/1.1", b"GET /auth//sign-in HTTP/1.1", b"GET /auth/./sign-in HTTP/1.1",
        b"GET /auth/../auth/sign-in HTTP/1.1", b"GET /auth/sign-in/ HTTP/1.1", b"GET /auth/%73ign-in HTTP/1.1", b"GET /auth/sign-in;a HTTP/1.1",
        b"GET /AUTH/sign-in HTTP/1.1", b"CONNECT example.org:443 HTTP/1.1", b"TRACE /auth/sign-in HTTP/1.1", b"PRI * HTTP/2.0",
        b"OPTIONS * HTTP/1.1", b"BREW /auth/sign-in HTTP/1.1", b"DELETE /auth/sign-in HTTP/1.1", b"GET http://example.org/auth/health HTTP/1.1",
    ):
        yield f"the request line {line.decode('latin-1')!r}", get(line=line)
    close = [b"Connection: close"]
    for name, fields in {
        "no host": [], "two hosts": [b"Host: " + HOST] * 2, "two different hosts": [b"Host: " + HOST, b"Host: example.org"], "an empty host": [b"Host: "],
        "another host": [b"Host: example.org"], "a host with a user": [b"Host: a@" + HOST], "a host with a path": [b"Host: " + HOST + b"/a"],
        "a host with a space": [b"Host: a b"], "a host with a bad port": [b"Host: 127.0.0.1:99999"], "a host that is no UTF-8": [b"Host: \xff\xfe"],
        "a broken IPv6 host": [b"Host: [::1"], "a list of hosts": [b"Host: " + HOST + b", " + HOST],
    }.items():
        yield name, get(line=b"GET /auth/sign-in HTTP/1.1", base=close + fields)


def other_protocols():
    yield "a TLS hello", bytes.fromhex("160301002f0100002b0303") + bytes(32) + bytes.fromhex("000004c02bc02f0100")
    yield "an SSH greeting", b"SSH-2.0-OpenSSH_9.6\r\n"
    yield "an SMTP greeting", b"EHLO example.org\r\nMAIL FROM:<a@example.org>\r\n"
    yield "a PROXY line", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + get()
    for seed in range(12):
        yield f"random bytes {seed}", random.Random(seed).randbytes(700) + b"\r\n\r\n"


def documents():
    good = '"email":"a@example.org","password":"%s"' % ("x" * 12)
    texts = {
        "nothing": "", "a space": " ", "a byte order mark": "\ufeff{" + good + "}", "null": "null", "a number": "1", "a text": '"a"', "an array": "[]",
        "an empty object": "{}", "no closing brace": "{" + good, "no opening brace": good + "}", "a trailing comma": "{" + good + ",}",
        "something after the end": "{" + good + "} {}", "two documents": "{" + good + "}{" + good + "}", "single quotes": "{'email':'a'}",
        "a comment": "{/*a*/" + good + "}", "names without quotes": "{email:1}", "a doubled key": "{" + good + ',"email":"b@example.org"}',
        "a doubled key, once escaped": "{" + good + ',"\\u0065mail":"b@example.org"}', "an unknown key": "{" + good + ',"admin":true}',
        "a prototype key": "{" + good + ',"__proto__":{}}', "a high surrogate alone": '{"email":"\\ud800","password":"x"}',
        "a low surrogate alone": '{"email":"\\udc00","password":"x"}', "surrogates in reverse": '{"email":"\\udc00\\ud800","password":"x"}',
        "a high surrogate and a letter": '{"email":"\\ud800a","password":"x"}', "half an escape": '{"email":"\\u12"}', "an escape that is none": '{"email":"\\x41"}',
        "a control character": '{"email":"a\nb"}', "NUL in the address": '{"email":"a\\u0000@example.org","password":"x"}',
        "NUL in the password": '{"email":"a@example.org","password":"a\\u0000bcdefgh"}', "a line break in the address": '{"email":"a@b.org\\r\\nBcc: x@y.org","password":"x"}',
        "NaN": '{"email":NaN}', "Infinity": '{"email":-Infinity}', "a number past all": '{"email":1e999}', "a leading zero": '{"email":01}', "a leading plus": '{"email":+1}',
        "33 arrays deep": "[" * 33 + "]" * 33, "1,000 arrays deep": "[" * 1_000 + "]" * 1_000, "60,000 arrays deep": "[" * 60_000,
        "10,000 objects deep": '{"a":' * 10_000 + "1" + "}" * 10_000, "5,000 keys": "{" + ",".join(f'"k{n}":1' for n in range(5_000)) + "}",
        "a password of 2,000 bytes": '{"email":"a@example.org","password":"%s"}' % ("x" * 2_000), "an address of 60,000 bytes": '{"email":"%s@b.org","password":"x"}' % ("a" * 60_000),
    }
    for field in ("email", "password", "keep"):
        for value in (None, 1, 1.5, True, [], {}, ["a"], "a" if field == "keep" else False):
            if field == "keep" and value is True:
                continue
            document = {"email": "a@example.org", "password": "xxxxxxxxxxxx", field: value}
            texts[f"{json.dumps(value)} as {field}"] = json.dumps(document)
    for name, text in texts.items():
        yield "the document: " + name, post("/auth/v1/sign-in", text.encode())
    for name in ("a doubled key", "a high surrogate alone", "33 arrays deep", "null as email", "an address of 60,000 bytes", "an unknown key"):
        yield "the document for a new account: " + name, post("/auth/v1/accounts", texts[name].encode())
    whole = ("{" + good + "}").encode()
    yield "the document: bytes that are no UTF-8", post("/auth/v1/sign-in", whole.replace(b"a@", b"\xff@"))
    yield "the document: an overlong slash", post("/auth/v1/sign-in", whole.replace(b"a@", b"\xc0\xaf@"))
    yield "the document: a surrogate in UTF-8", post("/auth/v1/sign-in", whole.replace(b"a@", b"\xed\xa0\x80@"))
    yield "the document: UTF-16", post("/auth/v1/sign-in", whole.decode().encode("utf-16"))
    for kind in (b"text/plain", b"", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/json5", b"*/*"):
        yield f"the content type {kind.decode()!r}", post("/auth/v1/sign-in", whole, kind=kind)


def forms():
    for name, body in {
        "no token": b"email=a&password=b", "a wrong token": b"form_token=x&email=a", "a broken escape": b"email=%zz", "half an escape": b"email=%4",
        "bytes that are no UTF-8": b"email=%ff", "NUL": b"email=%00", "a field twice": b"email=a&email=b", "65 fields": b"&".join(b"f%d=a" % n for n in range(65)),
        "5,000 fields": b"&".join(b"f%d=a" % n for n in range(5_000)), "only signs": b"&=&=&=%", "JSON": b'{"email":"a"}',
    }.items():
        yield "the form: " + name, post("/auth/sign-in", body, kind=b"application/x-www-form-urlencoded")
    yield "a form in parts", post("/auth/sign-in", b"--x\r\n\r\n--x--", kind=b"multipart/form-data; boundary=x")
    yield "a form from another site", post("/auth/sign-out", b"a=b", b"Sec-Fetch-Site: cross-site", kind=b"application/x-www-form-urlencoded")
    yield "credentials that are no UTF-8", get(b"Authorization: Bearer \xff\xfe", line=b"GET /auth/v1/session HTTP/1.1")
    yield "credentials of 8,000 bytes", get(b"Authorization: Bearer " + b"a" * 8_000, line=b"GET /auth/v1/session HTTP/1.1")
    yield "a cookie that is no UTF-8", get(b"Cookie: postern=\xff", line=b"GET /auth/v1/session HTTP/1.1")
    yield "a forwarded address that is none", get(b"X-Forwarded-For: nobody", line=b"GET /auth/sign-in HTTP/1.1")


def truncated():
    """Requests after which the sender says no more: whole ones cut, and broken chunks."""
    yield from chunks()
    whole = post("/auth/v1/sign-in", b'{"email":"a@example.org","password":"xxxxxxxxxxxx"}')
    for end in range(1, len(whole) - 1, 6):
        yield f"cut after {end} bytes", whole[:end]


CASES = dict(case for table in (
    sizes, line_ends, framing, names_of_fields, request_lines, other_protocols, documents, forms) for case in table())
CUT = dict(truncated())
