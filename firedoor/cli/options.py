"""The options that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigDirectory = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="DIR",
        help="Where the configuration is; else FIREDOOR_CONFIG, else config/.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.", show_default=False)]
