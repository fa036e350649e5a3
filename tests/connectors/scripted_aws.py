"""A loopback HTTP server that answers as a test wrote it, and keeps the headers it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from tests.servers import free_port

IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
    "<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@dataclass
class Scripted:
    """Answers by operation: the body, or (status, body); what is not written is an empty answer."""

    url: str
    date: str = "Tue, 01 Jan 2030 00:00:00 GMT"
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def operations(self) -> list[str]:
        """Name what was asked."""
        return [operation for operation, _ in self.asked]


@contextmanager
def scripted_aws() -> Iterator[Scripted]:
    """Serve until the block ends."""
    port = free_port()
    script = Scripted(f"http://127.0.0.1:{port}", answers={"GetCallerIdentity": (200, IDENTITY)})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            operation = parse_qs(body)["Action"][0]
            script.asked.append((operation, dict(self.headers.items())))
            status, answer = script.answers[operation]
            self.send_response_only(status)
            self.send_header("Date", script.date)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
