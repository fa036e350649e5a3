"""A gateway on a real socket in a process of its own, with the real clock and an engine in memory."""

from __future__ import annotations

import asyncio
import resource
import sys

from firedoor.app.assemble import utc_now
from firedoor.app.gateway import server_of
from firedoor.app.logs import configure_logging
from firedoor.gateway.server import Server
from tests.gateway.door_kit import Gateway


async def main(files: int) -> None:
    """Serve until standard input is closed; the first line told is the port."""
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    configure_logging(json=True)
    server: Server = server_of(Gateway(clock=utc_now).app, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn's own way to tell
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{server.ports[0]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
