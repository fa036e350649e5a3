"""`firedoor responses` and `firedoor approvals`: what is going on, all of one, and what is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.phrases import clock, severity, span
from firedoor.cli.remote import TokenFile, Url, found, gateway, report_of, short
from firedoor.cli.show import response
from firedoor.cli.terminal import err, grid, out, print_json, safe
from firedoor.domain.approval.approval import Approval
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.plan.plan import undoable
from firedoor.domain.response.messages import Report
from firedoor.presentation.phrases import listed, people

_STATUSES = {
    "awaiting_approval": "bold yellow",
    "contained": "green",
    "closed": "green",
    "unverified": "yellow",
    "parked": "bold yellow",
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


def approvals(
    *,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """List what people are asked now: which plan, of whom, until when.

    `firedoor approve`, `reject`, `snooze` and `reassign` answer, with or without Slack.
    """
    there = gateway(url, token_file, config)
    reports, unreadable = [], 0
    for each in there.list(asking="true"):
        try:
            reports.append(report_of(there.one(each["id"])))
        except (Absent, Unavailable):
            unreadable += 1  # told below: one that cannot be read hides no other
    asked = [(report, ask) for report in reports for ask in report.open_asks()]
    asked.sort(key=lambda each: (each[1].deadline, each[0].id))
    if json:
        print_json({"approvals": [_open(*each) for each in asked], "unreadable": unreadable})
    else:
        _approvals(asked, datetime.now(UTC))
    if unreadable:
        err().print(Text(f"! {unreadable} more cannot be read now; they are open all the same", "yellow"))


def _open(report: Report, ask: Approval) -> dict[str, Any]:
    return {
        "response": report.id,
        "ask": ask.id,
        "kind": ask.kind,
        "playbook": report.playbook,
        "account": report.finding.account,
        "severity": report.finding.severity.value,
        "what": [step.says for step in report.steps_of(ask)],
        "who": [
            {"quorum": rule.quorum, "groups": list(ask.eligible(rule))} for rule in ask.effective_rules()
        ],
        "missing": ask.missing(),
        "until": ask.deadline.isoformat(),
        "fingerprint": ask.fingerprint,
        "step_up": ask.step_up,
        "assigned_to": ask.assigned_to,
    }


def _approvals(asked: list[tuple[Report, Approval]], now: datetime) -> None:
    console = out()
    if not asked:
        console.print(Text("Nobody is asked anything now.", "dim"))
        return
    for report, ask in asked:
        steps = report.steps_of(ask)
        if ask.kind == "undo":  # what cannot be taken back is not what is asked
            steps = undoable(steps)
        first = safe(steps[0].says if steps else report.summary, "bold")
        more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
        verb = {"apply": "Approve?", "undo": "Approve undo?", "review": "Was it right to break the glass?"}[
            ask.kind
        ]
        console.print(Text.assemble((short(report.id), "bold"), f"  {verb} ", first, more))
        left = ask.deadline - now
        until = f"{clock(ask.deadline)} ({f'in {span(left)}' if left.total_seconds() > 0 else 'over'})"
        rows = [
            (Text("who", "dim"), safe(_who(ask))),
            (Text("until", "dim"), Text(until)),
            (Text("plan", "dim"), Text(ask.fingerprint, "bold yellow")),
        ]
        if ask.step_up:
            signed = "signed by a fresh sign-in or a passkey, on the page alone"
            rows.append((Text("yes", "dim"), Text(signed, "yellow")))
        if ask.assigned_to:
            rows.append((Text("asked", "dim"), safe(f"{ask.assigned_to} was asked to look")))
        console.print(grid(rows), "")


def _who(ask: Approval) -> str:
    needs = [f"{people(rule.quorum)} of {listed(ask.eligible(rule), 'or')}" for rule in ask.effective_rules()]
    return f"{listed(needs)} · {ask.missing()} to go"


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
