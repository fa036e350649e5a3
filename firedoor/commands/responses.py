"""`firedoor responses`: what is going on, and all of one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from firedoor.commands.options import AsJson, ConfigDirectory
from firedoor.commands.phrases import clock, severity
from firedoor.commands.remote import TokenFile, Url, found, gateway, report_of, short
from firedoor.commands.show import response
from firedoor.commands.terminal import grid, out, print_json, safe

_STATUSES = {
    "awaiting_approval": "bold yellow",
    "contained": "green",
    "closed": "green",
    "unverified": "yellow",
    "reverted": "bold red",
    "failed": "bold red",
    "stuck": "bold red",
    "undone": "blue",
    "containing": "cyan",
    "planning": "cyan",
}


def responses(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", show_default=False)] = None,  # noqa: A002
    *,
    status: Annotated[str | None, typer.Option(help="Only those, such as awaiting_approval.")] = None,
    playbook: Annotated[str | None, typer.Option(help="Only those of a playbook.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those since a time, or for 24h.")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """List responses, or show one.

    With ID: how it stands, its plan, what is asked, and everything that happened.
    """
    there = gateway(url, token_file, config)
    if id is None:
        listed = there.list(status=status, playbook=playbook, since=since)
        if json:
            print_json({"responses": listed})
        else:
            _list(listed)
        return
    view = there.one(found(there, id))
    if json:
        print_json(view)
        return
    report = report_of(view)
    console = out()
    console.print(*response(report, datetime.now(UTC)))
    if report.asking and report.ask is not None:
        flags = f" --fingerprint {report.ask.fingerprint}"
        console.print("", grid(_answers(short(report.id), flags)))
    elif report.owed:
        console.print(
            "", grid([(Text("take it back", "dim"), Text(f"firedoor undo {short(report.id)}", "cyan"))])
        )


def _answers(name: str, flags: str) -> list[tuple[Text, Text]]:
    return [
        (Text("say yes", "dim"), Text(f"firedoor approve {name}{flags}", "cyan")),
        (Text("say no", "dim"), Text(f"firedoor reject {name}{flags} --reason false_positive", "cyan")),
    ]


def _list(listed: list[dict[str, Any]]) -> None:
    console = out()
    if not listed:
        console.print(Text("No response fits.", "dim"))
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in ("id", "status", "playbook", "severity", "account", "started"):
        table.add_column(column, no_wrap=True)
    for each in listed:
        started = datetime.fromisoformat(each["started"])
        table.add_row(
            Text(short(each["id"]), "bold"),
            Text(each["status"].replace("_", " "), _STATUSES.get(each["status"], "")),
            safe(each["playbook"]),
            severity(each["severity"]),
            safe(each["account"] or "-"),
            Text(clock(started), "dim"),
        )
    console.print(table)
