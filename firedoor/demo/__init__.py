"""`firedoor demo`: a leaked key contained, approved, undone and proven, on this machine alone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def run(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Answer every question with yes, for scripts.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with evidence and logs.")] = False,
    slack: Annotated[
        bool, typer.Option("--slack", help="Ask in a fake Slack: open its page, and press as two people.")
    ] = False,
) -> None:
    """See an incident contained, approved, undone and proven.

    A real Temporal, an AWS emulator that checks signatures and policies, the gateway and a worker
    start on free ports of this machine and are stopped at the end. Each line is checked: where one
    is not so, the demo says it and ends with status 1.
    """
    from firedoor.demo.house import House  # noqa: PLC0415  the list of commands need not import all of this
    from firedoor.demo.stage import Stage  # noqa: PLC0415
    from firedoor.demo.story import tell  # noqa: PLC0415

    stage = Stage(asks=not yes and sys.stdin.isatty() and sys.stdout.isatty(), told_yes=yes)
    with House(keep=keep, stage=stage, slack=slack) as house:
        tell(house, stage)
