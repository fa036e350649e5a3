"""The stage: how the demo speaks to the person who watches it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_WIDTH = 100
_NAMES = 16  # columns for who speaks
_GOOD, _BAD = "bold green", "bold red"


class Stage:
    """A console of a hundred columns, with a clock that runs from the beginning.

    `asks` tells whether somebody is there to answer; else every answer is yes, and
    `told_yes` whether that was wished for.
    """

    def __init__(self, *, asks: bool, told_yes: bool) -> None:
        self.asks = asks
        self.told_yes = told_yes
        self._console = Console(highlight=False, markup=False, emoji=False)
        if self._console.width > _WIDTH or not self._console.is_terminal:
            self._console.width = _WIDTH
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begun

    def show(self, *parts: RenderableType) -> None:
        """Print each part on lines of its own, without blanks at their ends."""
        with self._console.capture() as captured:
            for part in parts:
                self._console.print(part)
        self._console.file.write("\n".join(line.rstrip() for line in captured.get().split("\n")))
        self._console.file.flush()

    def act(self, title: str, *sentences: str) -> None:
        """Open an act."""
        self.show("", Rule(Text(f" {title} ", "bold"), style="dim", align="left"))
        for sentence in sentences:
            self.say(sentence)

    def say(self, sentence: str) -> None:
        """Tell what is going on."""
        self.show(Padding(Text(sentence, "italic"), (0, 0, 0, 1)))

    def small(self, sentence: str) -> None:
        """Add what may be skipped."""
        self.show(Padding(Text(sentence, "dim"), (0, 0, 0, 1)))

    def path(self, path: Path) -> None:
        """Name a file, and where it is, each on one line whatever its length."""
        for part, style in ((path.name, "cyan"), (f"in {path.parent}", "dim")):
            self._console.print(Text(f"   {part}", style), soft_wrap=True)

    def end(self) -> None:
        """Say that nothing was otherwise."""
        told = f"every line of this was checked, and was so, in {self.seconds:.0f} s"
        self.show("", Text.assemble((" ✓ ", _GOOD), (told, "bold")))

    def line(self, who: str, what: str | Text, outcome: str = "", style: str = "") -> None:
        """Tell who does what, and on the right what became of it."""
        told = Text(what) if isinstance(what, str) else what
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(width=_NAMES, no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        row.add_row(Text(who, "bold"), told, Text(outcome, style))
        self.show(Padding(row, (0, 1, 0, 3)))

    def good(self, who: str, what: str | Text, outcome: str) -> None:
        """Tell what went as it should for us."""
        self.line(who, what, outcome, _GOOD)

    def bad(self, who: str, what: str | Text, outcome: str) -> None:
        """Tell what went as an attacker wants it."""
        self.line(who, what, outcome, _BAD)

    def columns(self, rows: Iterable[tuple[RenderableType, ...]]) -> None:
        """Lay rows out in columns."""
        table = Table.grid(padding=(0, 2, 0, 0))
        for row in rows:
            while len(table.columns) < len(row):
                table.add_column(no_wrap=len(table.columns) < len(row) - 1, overflow="fold")
            table.add_row(*row)
        self.show(Padding(table, (0, 1, 0, 3)))

    def card(self, title: str, parts: Iterable[RenderableType]) -> None:
        """Show what people decide about."""
        body = Table.grid()
        for part in parts:
            body.add_row(part)
        framed = Panel(
            body, title=Text(f" {title} ", "bold yellow"), title_align="left", border_style="yellow"
        )
        self.show(Padding(framed, (0, 1, 0, 1)))

    def ask(self, question: str, *, default: bool) -> bool:
        """Ask the person, who may just press Enter; answer yes for whoever is not there."""
        if not self.asks:
            why = "--yes" if self.told_yes else "there is no terminal, so as with --yes"
            self.show(
                Padding(Text.assemble(("? ", "bold yellow"), (question, "bold"), f"  yes ({why})"), (0, 1))
            )
            return True
        return typer.confirm(typer.style(f" ? {question}", bold=True), default=default)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show that something takes its time, to people."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(Text(what, "dim")):
            yield
