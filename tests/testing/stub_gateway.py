"""An app's side of HTTP for the tests of the fake Slack."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers import free_port


class Gateway:
    """An app's side of HTTP, which answers as a test wishes."""

    def __init__(self) -> None:
        self.status, self.body, self.delay = 200, b"", 0.0
        self.answers: Callable[[bytes], bytes] | None = None
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.url = ""


@contextmanager
def stub() -> Iterator[Gateway]:
    """Run one on a free loopback port."""
    gateway = Gateway()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            gateway.requests.append(({key.lower(): value for key, value in self.headers.items()}, body))
            time.sleep(gateway.delay)
            content = gateway.answers(body) if gateway.answers else gateway.body
            self.send_response(gateway.status)
            self.end_headers()
            with suppress(OSError):  # whoever asked waits no longer
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_address[1]}/slack/interactions"
    try:
        yield gateway
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
