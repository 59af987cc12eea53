"""A small app behind Postern's gateway: it says who the proxy says is there."""

import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 3000


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.headers.get("Remote-User", "")
        groups = [name for name in self.headers.get("Remote-Groups", "").split(",") if name]
        hello = f"You are {html.escape(user)}." if user else "Nobody is signed in."
        member = f"<p>Groups: {html.escape(', '.join(groups))}</p>" if groups else ""
        leave = '<p><a href="/auth/sign-out">Sign out</a></p>' if user else ""
        page = f'<!doctype html><html lang="en"><title>App</title><h1>{hello}</h1>{member}{leave}</html>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        # What one person sees is not kept for the next.
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page)


# Loopback, so that only the proxy gets here: whoever reaches this port can claim to be anybody.
ThreadingHTTPServer(("127.0.0.1", PORT), App).serve_forever()
