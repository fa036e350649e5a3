"""The terminal: plain text made harmless, colours for people only, errors as found, expected and mend."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.domain.core.errors import FiredoorError, Misconfigured, Unreadable
from firedoor.presentation.text import inert

#: The exit statuses of every command.
DONE, NO, WRONG_USE = 0, 1, 2

_WIDE = 4000  # where a program reads, no line is broken: grep and copying find whole sentences and paths
_LONGEST = 2000


class Printer:
    """A console that leaves no blanks at the end of a line, so that what is piped or copied is clean."""

    def __init__(self, *, stderr: bool) -> None:
        # Made anew for each use: whoever reads the output may have changed since. No markup and no
        # emoji names: the text may be a finding's.
        self._console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
        self.is_terminal = self._console.is_terminal
        if not self.is_terminal:
            self._console.width = _WIDE

    def print(self, *parts: RenderableType) -> None:
        """Print each part on lines of its own."""
        with self._console.capture() as captured:
            for part in parts or ("",):
                self._console.print(part)
        text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
        self._console.file.write(text)
        self._console.file.flush()


def out() -> Printer:
    """Return where answers go."""
    return Printer(stderr=False)


def err() -> Printer:
    """Return where errors and progress go."""
    return Printer(stderr=True)


def safe(text: str, style: str = "") -> Text:
    """Return text that others wrote as one visible line: no escape sequence and no direction mark acts."""
    return Text(inert(text, _LONGEST), style=style)


def lines(text: str, style: str = "") -> Text:
    """Return text of several lines, each made harmless by itself."""
    return Text("\n").join([safe(line, style) if line.strip() else Text() for line in text.splitlines()])


def joined(*parts: Text | str, between: str = "  ") -> Text:
    """Join what is not empty."""
    texts = [Text(part) if isinstance(part, str) else part for part in parts]
    return Text(between).join([text for text in texts if text.plain])


def print_json(value: Any) -> None:
    """Print one JSON value. ASCII alone: nothing in it can act on a terminal."""
    typer.echo(json.dumps(value, indent=2))


def grid(rows: Iterable[tuple[RenderableType, ...]], *, indent: int = 2) -> Padding:
    """Lay rows out in columns without lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    width = 0
    for row in rows:
        for column in range(width, len(row)):
            table.add_column(no_wrap=column == 0, overflow="fold")
            width += 1
        table.add_row(*row)
    return Padding(table, (0, 0, 0, indent))


def complain(error: FiredoorError) -> None:
    """Say an error to a person."""
    for found, expected, mend in _each(error):
        console = err()
        console.print(Text("✗ ", "bold red") + lines(found, "bold"))
        rows = [
            (Text(name, "dim"), lines(says))
            for name, says in (("expected", expected), ("mend", mend))
            if says
        ]
        if rows:
            console.print(grid(rows))


def _each(error: FiredoorError) -> list[tuple[str, str, str]]:
    problems = getattr(error, "problems", None)
    if problems is None:
        return [(error.found, error.expected, error.mend)]
    return [
        (f"{each.file}:{each.line}:{each.column}: {each.found}", each.expected, each.mend)
        for each in problems
    ]


def status_of(error: FiredoorError) -> int:
    """Return 2 where the command was used wrongly, or its files are not in order, and 1 for a plain no."""
    if isinstance(error, (Misconfigured, Unreadable)) or hasattr(error, "problems"):
        return WRONG_USE
    return NO
