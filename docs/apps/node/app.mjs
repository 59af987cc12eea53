// A small app behind Postern's gateway: it says who the proxy says is there.
import { createServer } from "node:http";

const port = Number(process.argv[2] ?? 3000);
const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const app = createServer((request, response) => {
  const user = request.headers["remote-user"] ?? "";
  const groups = (request.headers["remote-groups"] ?? "").split(",").filter(Boolean);
  const hello = user ? `You are ${escape(user)}.` : "Nobody is signed in.";
  const member = groups.length ? `<p>Groups: ${escape(groups.join(", "))}</p>` : "";
  const leave = user ? '<p><a href="/auth/sign-out">Sign out</a></p>' : "";
  // What one person sees is not kept for the next.
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`<!doctype html><html lang="en"><title>App</title><h1>${hello}</h1>${member}${leave}</html>`);
});

// Loopback, so that only the proxy gets here: whoever reaches this port can claim to be anybody.
app.listen(port, "127.0.0.1");
