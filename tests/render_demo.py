"""Draws the demo's picture for the README: `python -m tests.render_demo docs/images/demo.svg`."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from tests.pseudo_terminal import PseudoTerminal

#: Fonts of the reader's own machine: a picture fetches nothing.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "ui-monospace, Menlo, DejaVu Sans Mono"
)
_CONTROL = re.compile(r"\x1b\[\?25[hl]|\x1b\[2K|\x1b\[1A|\r")


def draw(told: str) -> str:
    """Turn what a terminal was sent into a picture of it."""
    lines = [line for line in _CONTROL.sub("", told).split("\n") if "starting Temporal" not in line]
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("$ make demo\n" + "\n".join(lines).strip("\n")))
    return console.export_svg(title="make demo", theme=DIMMED_MONOKAI, code_format=_FORMAT, unique_id="demo")


if __name__ == "__main__":
    with PseudoTerminal([sys.executable, "-m", "firedoor.demo"], os.environ) as terminal:
        for question in ("[y/N]: ", "[Y/n]: "):
            terminal.until(question)
            terminal.type("y")
        status = terminal.end()
    if status:
        sys.exit(terminal.seen)
    Path(sys.argv[1]).write_text(draw(terminal.seen), encoding="utf-8")
