"""`firedoor gateway`: the HTTP side alone."""

from __future__ import annotations

from typing import Annotated

import typer

from firedoor.app.gateway import run
from firedoor.app.logs import configure_logging
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.config.settings import from_environment


def gateway(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="Its port.")] = 8080,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Run the gateway alone.

    Until Ctrl-C. It needs a Temporal (TEMPORAL_ADDRESS, …) and, for anything to happen, a worker:
    `python worker.py`. Logs go to standard error, as JSON with --json or without a terminal.
    """
    configure_logging(json=json or None)
    run(from_environment(config), host, port)
