"""Fake gateways for messages, at full speed: each takes a second, and two of a hundred fail. Prints what came, when it is told to end."""
import asyncio, json, signal, sys

DELAY, FAILS = 1.0, 50
counts = {"asked": 0, "taken": 0, "failed": 0}
codes = set()


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            body = await reader.readexactly(length)
            counts["asked"] += 1
            number = counts["asked"]
            await asyncio.sleep(DELAY)
            if number % FAILS == 0:
                counts["failed"] += 1
                writer.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}")
            else:
                counts["taken"] += 1
                codes.add(json.loads(body)["id"])
                answer = json.dumps({"id": f"m{number}"}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await over.wait()
    server.close()
    print(json.dumps(counts | {"different": len(codes)}), flush=True)

asyncio.run(main(int(sys.argv[1])))
