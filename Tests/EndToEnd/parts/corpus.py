"""Requests that try to get past a gateway. In their bytes `{HOST}` stands for the app's own host, `{OPEN}` for the host of an app that is open to all,
`{TOKEN}` for a session of somebody who is signed in on the app's host, `{OTHER}` for one of theirs on another app's, `{PORTAL}` for the portal's."""

from dataclasses import dataclass

FORGED = b"forged@example.org"
IDENTITY = ["User", "Account", "Email", "Name", "Groups", "Organization", "Key", "Scopes", "Assurance", "Assertion"]
SPELLINGS = ["Remote-{}", "remote-{}", "REMOTE-{}", "ReMoTe-{}", "Remote_{}", "REMOTE_{}", "remote.{}", "Remote.{}", "remote~{}", "Remote!{}", "Remote+{}", "Remote'{}", "Remote|{}"]


@dataclass(frozen=True)
class Case:
    name: str
    target: bytes = b"/page"
    lines: tuple[bytes, ...] = ()
    method: bytes = b"GET"
    hosts: tuple[bytes, ...] = (b"{HOST}",)
    version: bytes = b"HTTP/1.1"
    body: bytes = b""
    # It says who somebody is, as only the gateway may.
    forges: bool = False
    # It asks for a page that is open to all, in plain letters: it may reach the app, as nobody.
    is_open: bool = False
    # Its cookies or credentials are part of the trick: it is sent as a stranger's alone.
    is_strangers: bool = False

    def message(self, more: tuple[bytes, ...] = (), **places: bytes) -> bytes:
        lines = [b"%s %s %s" % (self.method, self.target, self.version), *(b"Host: " + host for host in self.hosts), b"Connection: close", *self.lines, *more]
        if self.body:
            lines.append(b"Content-Length: %d" % len(self.body))
        return fill(b"\r\n".join(lines) + b"\r\n\r\n" + self.body, **places)


def fill(text: bytes, **places: bytes) -> bytes:
    for name, value in places.items():
        text = text.replace(b"{%s}" % name.encode(), value)
    return text


ODD = {
    "two slashes": b"//x", "three slashes": b"///x//y", "many slashes": b"/" * 300, "encoded dots": b"/%2e%2e/x", "half encoded dots": b"/.%2e/x",
    "encoded dots and slash": b"/..%2f", "plain dots": b"/a/../../x", "one dot": b"/./x", "a dot at the end": b"/x/.", "three dots": b"/.../x",
    "double encoding": b"/%252e%252e%252fx", "triple encoding": b"/%25252e%25252e/x", "a parameter": b"/a;b", "dots with a parameter": b"/..;/x",
    "an encoded parameter": b"/a%3bb", "a backslash": b"/\\x", "an encoded backslash": b"/%5cx", "dots and backslashes": b"/a\\..\\..\\x", "an encoded slash": b"/a%2fb",
    "an encoded slash in capitals": b"/a%2Fb", "an overlong slash": b"/a%c0%afb", "an overlong dot": b"/%c0%ae%c0%ae/x", "a wide slash": b"/a%ef%bc%8fb",
    "letters of other scripts": b"/w%C3%A4g/%E2%82%AC", "an encoded byte that is no UTF-8": b"/%ff%fe?q=%ff", "a byte that is no UTF-8": b"/\xff?q=\xff\xfe",
    "UTF-8 as it is": "/wäg?q=€".encode(), "an encoded NUL": b"/x%00y?q=%00", "an encoded line break": b"/x%0d%0aRemote-User:%20forged@example.org",
    "an encoded line break in the query": b"/x?q=%0d%0aRemote-User:%20forged@example.org", "an encoded tab": b"/%09/x", "an encoded space": b"/a%20b",
    "a broken escape": b"/x%zz", "half an escape": b"/x%2", "a broken escape in the query": b"/x?q=%zz", "IIS's escape": b"/%u002e%u002e/x",
    "quotes and brackets": b"/x?q=\"<script>'{}|^`", "brackets in the path": b"/x[1]{2}|^`\"<>", "another scheme in the query": b"/x?to=https://evil.example/",
    "a number sign": b"/x#y", "an encoded number sign": b"/x%23/../y", "an encoded question mark": b"/x%3fa=b", "two question marks": b"/x??a=b?c", "an empty query": b"/x?",
    "a user before the host": b"/@evil.example", "a bare star": b"*", "no slash": b"x", "nothing but a query": b"?x", "a colon": b"/x:y", "a host of a scheme": b"/http://evil.example/",
    "a long plain query": b"/x?q=" + b"a" * 1_995, "a long query that grows when encoded": b"/x?" + b"&=" * 998 + b"a", "a query of 3,900": b"/x?q=" + b"a" * 3_900,
    "a query of 6,000": b"/x?q=" + b"a" * 6_000, "a long path": b"/" + b"a/" * 1_000, "a long path of escapes": b"/" + b"%41" * 660,
}

# Every one of these asks for something that isn't open, or not in plain letters.
PAST_OPEN = {
    "dots": b"/public/../page", "encoded dots": b"/public/%2e%2e/page", "half encoded dots": b"/public/.%2e/page", "encoded dots and slash": b"/public/..%2fpage",
    "encoded twice": b"/public/%252e%252e/page", "a parameter": b"/public/..;/page", "a parameter at the end": b"/public;/../page", "a backslash": b"/public\\..\\page",
    "an encoded backslash": b"/public/..%5cpage", "two slashes": b"//public/x", "two slashes inside": b"/public//x", "two slashes before dots": b"/public//../page",
    "a dot": b"/public/./x", "a dot first": b"/./public/x", "capitals": b"/PUBLIC/x", "an encoded letter": b"/%70ublic/x", "an encoded slash": b"/public%2fx",
    "an encoded slash inside": b"/public/a%2fb", "more letters": b"/publicity", "a semicolon": b"/public/a;b", "an encoded NUL": b"/public/%00", "a byte that is no UTF-8": b"/public/\xff",
    "an encoded byte that is no UTF-8": b"/public/%ff", "an overlong slash": b"/public/..%c0%afpage", "a broken escape": b"/public/%zz", "an encoded question mark": b"/public/../page%3fx",
    "in the query": b"/page?/public/x", "in the fragment": b"/page#/public/x", "behind a number sign": b"/page%23/../public/x", "behind an encoded question mark": b"/page%3f/../public/x",
    "under the page": b"/page/public/x", "dots back in": b"/page/../public/x", "encoded dots back in": b"/page/%2e%2e/public/x", "by way of the gate": b"/auth/../page",
    "by way of the gate, encoded": b"/auth/%2e%2e/page", "by way of the gate, a slash encoded": b"/auth/..%2fpage", "by way of the gate, a parameter": b"/auth/..;/page",
    "by way of the gate, a backslash": b"/auth\\..\\page", "by way of the gate, twice": b"/auth//../../page", "the gate, doubled": b"//auth/x", "the gate, encoded": b"/%61uth/x",
    "the gate, a slash encoded": b"/auth%2fx", "the gate, in capitals": b"/AUTH/x", "the gate's question": b"/auth/request", "the gate's question, encoded": b"/%61uth/request",
    "the gate's question, doubled": b"//auth/request", "the gate's other question": b"/auth/forward", "the gate's third question": b"/auth/envoy/public/x",
    "a tab": b"/public/%09/../page", "a space": b"/public/%20/../page", "a dot with a space": b"/public/..%20/page", "a dot with a NUL": b"/public/..%00/page",
}

OPEN = [b"/public/x", b"/public", b"/public/", b"/public/a/b?c=../d", b"/public/%C3%A4", b"/public/a%20b"]


def addresses():
    for name, target in ODD.items():
        yield Case("an odd address: " + name, target)
    for name, target in PAST_OPEN.items():
        yield Case("past what is open: " + name, target)
    for target in OPEN:
        yield Case(f"open to all: {target.decode()}", target, is_open=True)
    for name, target in {"its own host": b"http://{HOST}/page", "its own host in capitals": b"HTTP://{HOST}/page", "another host": b"http://evil.example/page", "an open app's host": b"http://{OPEN}/page",
                         "an open app's page": b"http://{OPEN}/public/x", "a user": b"http://{OPEN}@{HOST}/page", "https": b"https://{HOST}/page", "no path": b"http://{HOST}"}.items():
        yield Case("a whole address with " + name, target, is_open=target.endswith(b"/public/x"))


def hosts():
    for name, names in {
        "an open app's": (b"{OPEN}",), "an open app's in capitals": (b"LOCALHOST:80",), "two": (b"{HOST}", b"{OPEN}"), "two, the other way": (b"{OPEN}", b"{HOST}"), "a list": (b"{HOST}, {OPEN}",),
        "a user": (b"{OPEN}@{HOST}",), "a path": (b"{HOST}/public/x?",), "an open app's with a path": (b"{OPEN}/",), "an open app's with a query": (b"{OPEN}?",), "a number sign": (b"{OPEN}#",),
        "a space": (b"{OPEN} {HOST}",), "a tab": (b"{OPEN}\t",), "a dot at the end": (b"localhost.",), "nobody's": (b"evil.example",), "an empty one": (b"",), "none": (), "a byte that is no UTF-8": (b"\xff",),
        "a backslash": (b"{OPEN}\\",), "another port": (b"127.0.0.1:1",),
    }.items():
        for target in (b"/page", b"/public/x"):
            yield Case(f"a Host: {name}, {target.decode()}", target, hosts=names, is_open=target == b"/public/x")
    yield Case("a whole address, and an open app's Host", b"http://{HOST}/page", hosts=(b"{OPEN}",))
    yield Case("an open app's whole address, and no Host", b"http://{OPEN}/page", hosts=())
    yield Case("no Host in HTTP/1.0", hosts=(), version=b"HTTP/1.0")


def identities():
    for name in IDENTITY:
        for spelling in SPELLINGS:
            header = spelling.format(name).encode()
            yield Case(f"a header {header.decode()}", lines=(header + b": " + FORGED,), forges=True)
        yield Case(f"an open page with a header Remote-{name}", b"/public/x", (b"Remote-%s: " % name.encode() + FORGED,), forges=True, is_open=True)


def doubles():
    user, email = b"Remote-User: " + FORGED, b"Remote-Email: " + FORGED
    for name, lines in {
        "twice": (user, user), "in three spellings": (user, b"Remote_User: " + FORGED, b"remote.user: " + FORGED), "named in Connection": (b"Connection: Remote-User", user),
        "named in Connection, with others": (b"Connection: keep-alive, Remote-User, Remote-Email", user, email), "an answer's named in Connection": (b"Connection: Remote-User, Remote-Email, Authorization, Cookie",),
        "the gate's own headers named in Connection": (b"Connection: X-Original-URL, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Uri, Host",), "empty": (b"Remote-User:",), "of spaces": (b"Remote-User:    ",),
        "folded": (b"Remote-User:\r\n " + FORGED,), "folded with a tab": (b"X-A: a\r\n\t" + user,), "folded behind another": (b"X-A: a\r\n " + user,), "before the first": (b" " + user,),
        "with a space before the colon": (b"Remote-User : " + FORGED,), "with a tab before the colon": (b"Remote-User\t: " + FORGED,), "with a NUL in the name": (b"Remote\0-User: " + FORGED,),
        "with a NUL in the value": (b"Remote-User: a\0" + FORGED,), "behind a bare LF": (b"X-A: a\n" + user,), "behind a bare CR": (b"X-A: a\r" + user,), "without a colon": (b"Remote-User",),
        "a name that is no ASCII": ("Rémote-User: ".encode() + FORGED,), "a value that is no UTF-8": (b"Remote-User: \xff\xfe",), "many values": (b"Remote-User: " + b"a, " * 500 + FORGED,), "twenty times": (user,) * 20,
        "in a trailer": (b"Trailer: Remote-User", b"TE: trailers"), "longer": (b"Remote-User-Name: " + FORGED,), "with two hyphens": (b"Remote--User: " + FORGED,), "with X": (b"X-Remote-User: " + FORGED,),
        "with HTTP": (b"HTTP_REMOTE_USER: " + FORGED,), "a CGI name": (b"REMOTE_USER: " + FORGED,), "with a hyphen at the end": (b"Remote-User-: " + FORGED,),
        "an Authorization of its own": (b"Authorization: Basic Zm9yZ2VkOmZvcmdlZA==",), "two Authorizations": (b"Authorization: Basic eDp5", b"Authorization: Bearer x"), "a long Authorization": (b"Authorization: Bearer " + b"a" * 1_600,),
        "a very long Authorization": (b"Authorization: Bearer " + b"a" * 7_000,), "an Authorization that is no UTF-8": (b"Authorization: Bearer \xff",), "an empty Authorization": (b"Authorization:",), "a Proxy-Authorization": (b"Proxy-Authorization: Basic eDp5",),
        "the answer's header for the sign-in": (b"Postern-Sign-In: https://evil.example/", b"Postern-Reason: none"), "a mark of a check": (b"Postern-Check: " + b"A" * 43 + b".1.pass",), "a mark that is none": (b"Postern-Check: ...",),
        "a mark that is no UTF-8": (b"Postern-Check: \xff.1.pass",), "a hundred headers": tuple(b"X-%d: a" % number for number in range(100)), "a header of 7,000": (b"X-Long: " + b"a" * 7_000,),
        "two headers of 7,000": (b"X-Long: " + b"a" * 7_000, b"X-Longer: " + b"a" * 7_000),
        "three headers of 7,000": (b"X-Long: " + b"a" * 7_000, b"X-Longer: " + b"a" * 7_000, b"X-Longest: " + b"a" * 7_000),
    }.items():
        told = any(line.lower().startswith((b"remote-user:", b"remote_user", b"remote.user")) for line in lines)
        yield Case("identity headers " + name if b"emote" in b"".join(lines) else name, lines=lines, forges=told, is_strangers=b"Authorization" in b"".join(lines))


def forwarding():
    ways = {
        "X-Forwarded-For": (b"127.0.0.1", b"10.0.0.1, 127.0.0.1", b"nobody", b"", b"\xff", b"1.2.3.4" * 40),
        "X-Forwarded-Host": (b"{OPEN}", b"evil.example", b"{HOST}, {OPEN}", b"", b"\xff", b"{OPEN}/public/x?"), "X-Forwarded-Proto": (b"https", b"http", b"https://{OPEN}/public/x?", b"", b"javascript"),
        "X-Forwarded-Uri": (b"/public/x", b"/auth/x", b"", b"//x", b"?", b"/public/x HTTP/1.1", b"\xff"), "X-Forwarded-Method": (b"GET", b"OPTIONS", b"", b"\xff"), "X-Forwarded-Port": (b"443", b"0"), "X-Forwarded-Server": (b"{OPEN}",),
        "X-Forwarded-Prefix": (b"/public", b"/auth"), "X-Forwarded-Path": (b"/public/x",), "X-Forwarded-User": (FORGED,), "X-Forwarded-Email": (FORGED,), "X-Forwarded-Groups": (b"admins",), "X-Forwarded-Scheme": (b"https",),
        "X-Forwarded-Ssl": (b"on",), "X-Forwarded": (b"for=127.0.0.1",), "Forwarded": (b"for=127.0.0.1;host={OPEN};proto=https", b'for="[::1]"', b"for=_x;by=_y", b";;", b"\xff"),
        "X-Original-URL": (b"http://{HOST}/public/x", b"http://{OPEN}/", b"/public/x", b"", b"\xff"), "X-Original-Uri": (b"/public/x",), "X-Original-Method": (b"OPTIONS", b"GET", b""), "X-Original-Host": (b"{OPEN}",),
        "X-Original-For": (b"127.0.0.1",), "X-Rewrite-URL": (b"/public/x",), "X-Real-IP": (b"127.0.0.1", b"nobody"), "X-Client-IP": (b"127.0.0.1",), "True-Client-IP": (b"127.0.0.1",), "CF-Connecting-IP": (b"127.0.0.1",),
        "X-Cluster-Client-IP": (b"127.0.0.1",), "X-Envoy-Original-Path": (b"/public/x",), "X-Envoy-External-Address": (b"127.0.0.1",), "X-Auth-Request-User": (FORGED,), "X-Host": (b"{OPEN}",), "X-HTTP-Method-Override": (b"GET",),
        "X-Accel-Redirect": (b"/page",), "Via": (b"1.1 {OPEN}",), "Origin": (b"http://{OPEN}",), "Referer": (b"http://{HOST}/public/x",), "Upgrade": (b"websocket", b"h2c"), "HTTP2-Settings": (b"AAMAAABkAAQAAP__",),
    }
    for header, values in ways.items():
        for value in values:
            yield Case(f"{header}: {value[:40]!r}", lines=(header.encode() + b": " + value,))
    for header in ("X_Forwarded_For", "X_Forwarded_Host", "X_Original_URL", "X_Forwarded_Uri", "x.forwarded.uri"):
        yield Case(f"{header}, in another spelling", lines=(header.encode() + b": http://{OPEN}/public/x",))
    for header, value in (("X-Forwarded-Uri", b"/public/x"), ("X-Forwarded-Host", b"{OPEN}"), ("X-Original-URL", b"http://{OPEN}/public/x"), ("X-Forwarded-For", b"127.0.0.1")):
        yield Case(f"{header}, twice", lines=(header.encode() + b": " + value,) * 2)
    yield Case("all of them at once", lines=tuple(header.encode() + b": " + values[0] for header, values in ways.items() if header != "Upgrade"))


def cookies():
    """None of them is a session, though some are made from one."""
    for name, value in {
        "nothing": b"", "only a name": b"postern-app", "no value": b"postern-app=", "rubbish": b"postern-app=x", "zeros": b"postern-app=" + b"A" * 43, "too short": b"postern-app=" + b"A" * 42, "too long": b"postern-app=" + b"A" * 44,
        "a long one": b"postern-app=" + b"A" * 6_000, "no UTF-8": b"postern-app=\xff\xfe", "a NUL": b"postern-app=%00", "quotes": b'postern-app="{TOKEN}"', "a letter more": b"postern-app={TOKEN}A",
        "a letter before": b"postern-app=A{TOKEN}", "a space inside": b"postern-app={TOKEN} x", "padding": b"postern-app={TOKEN}=", "an escape": b"postern-app=%7B{TOKEN}", "doubled": b"postern-app={TOKEN}; postern-app={TOKEN}",
        "doubled with rubbish first": b"postern-app=x; postern-app={TOKEN}", "doubled with rubbish last": b"postern-app={TOKEN}; postern-app=x", "doubled without a space": b"postern-app={TOKEN};postern-app={TOKEN}",
        "doubled with nothing": b"postern-app={TOKEN}; postern-app=", "another name": b"postern={TOKEN}", "a prefix": b"__Host-postern-app={TOKEN}", "another prefix": b"__Secure-postern-app={TOKEN}", "in capitals": b"Postern-App={TOKEN}",
        "the state's name": b"postern-begin={TOKEN}", "a longer name": b"xpostern-app={TOKEN}", "a name that goes on": b"postern-app2={TOKEN}", "a space after the name": b"postern-app ={TOKEN}", "a space before the value": b"postern-app= {TOKEN}",
        "a comma": b"a=b, postern-app={TOKEN}", "another app's": b"postern-app={OTHER}", "another app's and the portal's": b"postern-app={OTHER}; postern={PORTAL}", "the portal's": b"postern={PORTAL}", "the portal's by the app's name": b"postern-app={PORTAL}",
        "many": b"; ".join(b"c%d=x" % number for number in range(400)), "only semicolons": b";" * 200, "only equals signs": b"=" * 200, "an old version": b"$Version=1; postern-app=x; $Path=/", "a state": b"postern-begin=x.y.z",
        "a state that overflows": b"postern-begin=" + b"A" * 43 + b".99999999999999999999.9.a",
    }.items():
        yield Case("a cookie: " + name, lines=(b"Cookie: " + value,), is_strangers=True)
    yield Case("two lines with a cookie each", lines=(b"Cookie: postern-app={TOKEN}", b"Cookie: postern-app={TOKEN}"), is_strangers=True)
    yield Case("a folded cookie", lines=(b"Cookie: postern-app=\r\n {TOKEN}",), is_strangers=True)
    for name, value in {"another app's session": b"Bearer {OTHER}", "the app's session": b"Bearer {TOKEN}", "rubbish": b"Bearer x", "nothing": b"Bearer", "another scheme": b"Basic {PORTAL}", "a comma": b"Bearer x, Bearer {PORTAL}",
                        "quotes": b'Bearer "{PORTAL}"', "a letter more": b"Bearer {PORTAL}A"}.items():
        yield Case("an Authorization: " + name, lines=(b"Authorization: " + value,), is_strangers=True)


def cut(token: bytes):
    """A session's token with pieces off, and with letters changed."""
    for length in (0, 1, 8, 16, 32, len(token) - 2, len(token) - 1):
        yield Case(f"a token cut to {length}", lines=(b"Cookie: postern-app=" + token[:length],), is_strangers=True)
        yield Case(f"a token without its first {len(token) - length}", lines=(b"Cookie: postern-app=" + token[len(token) - length:],), is_strangers=True)
    for place in (0, len(token) // 2):
        changed = token[:place] + (b"B" if token[place:place + 1] == b"A" else b"A") + token[place + 1:]
        yield Case(f"a token with another letter at {place}", lines=(b"Cookie: postern-app=" + changed,), is_strangers=True)
    yield Case("a token in the other case", lines=(b"Cookie: postern-app=" + token.swapcase(),), is_strangers=True)
    yield Case("a token backwards", lines=(b"Cookie: postern-app=" + token[::-1],), is_strangers=True)


def methods():
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "MKCOL", "SUBSCRIBE", "get", "GETS", "X", "PRI"):
        yield Case(f"the method {method}", method=method.encode())
    for method in ("POST", "PUT"):
        yield Case(f"{method} with a body", method=method.encode(), body=b"a=b&remote-user=forged%40example.org", lines=(b"Content-Type: application/x-www-form-urlencoded",))
        yield Case(f"{method} that waits to go on", method=method.encode(), body=b"x" * 2_000, lines=(b"Expect: 100-continue",))
    yield Case("a preflight", method=b"OPTIONS", lines=(b"Origin: http://{OPEN}", b"Access-Control-Request-Method: GET", b"Access-Control-Request-Headers: remote-user"))
    yield Case("a body of a GET", body=b"x" * 100)
    for accept in (b"text/html", b"application/json", b"*/*", b"\xff", b"text/html;q=0"):
        yield Case(f"Accept: {accept!r}", lines=(b"Accept: " + accept, b"Sec-Fetch-Mode: navigate"))


GROUPS = {
    "addresses": list(addresses()), "hosts": list(hosts()), "identity headers": list(identities()), "doubled and folded headers": list(doubles()), "forwarding headers": list(forwarding()),
    "cookies": list(cookies()), "methods": list(methods()),
}
COUNT = sum(len(cases) for cases in GROUPS.values())
