"""The entrance of the embedded Temporal's web page: for reading, and for this machine alone."""

from __future__ import annotations

import argparse

import uvicorn

from firedoor.app.loopback import LoopbackOnly
from firedoor.connectors.temporal_page import TemporalPage


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="firedoor.app.temporal_page")
    parser.add_argument("--port", type=int, required=True, help="where to listen, on 127.0.0.1")
    parser.add_argument("--upstream", required=True, help="where Temporal's own page is")
    asked = parser.parse_args()
    uvicorn.run(
        LoopbackOnly(TemporalPage(asked.upstream)),
        host="127.0.0.1",
        port=asked.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
