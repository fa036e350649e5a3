"""A person at a prompt, without a terminal: one command in this process, and what it said."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from typer.testing import CliRunner

from firedoor.cli.main import app


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer, read as a program reads it."""
        return json.loads(self.out)


def firedoor(*arguments: object, typed: str | None = None) -> Said:
    """Run one command; an exception that is no exit is a bug, and raised."""
    told = CliRunner().invoke(app, [str(each) for each in arguments], prog_name="firedoor", input=typed)
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return Said(told.exit_code, told.stdout, told.stderr)
