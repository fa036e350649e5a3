"""`firedoor approve`, `reject`, `undo`, `snooze`, `reassign`: a person's word, said from a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.phrases import clock
from firedoor.cli.remote import ResponseId, TokenFile, Url, found, gateway, report_of, short
from firedoor.cli.show import card, headline
from firedoor.cli.terminal import err, out, print_json, safe
from firedoor.connectors.gateway import Gateway
from firedoor.domain.approval.vote import SHORTEST_REASON, RejectReason
from firedoor.domain.core import duration
from firedoor.domain.core.errors import Misconfigured, Rejected
from firedoor.presentation.phrases import people

Fingerprint = Annotated[
    str | None,
    typer.Option(
        metavar="F",
        help="The plan that you have seen, such as A41B-35E6-E3C5. On a terminal it is shown to you.",
        show_default=False,
    ),
]
_LONGEST_SNOOZE = 24 * 60  # minutes
_TOLD = {
    "confirming": ("✓ ", "green", "enough people said yes; each of them is looked up once more"),
    "granted": ("✓ ", "green", "it is granted and will be carried out"),
    "rejected": ("✓ ", "green", "it is rejected; nothing of it is done"),
    "waiting": ("… ", "yellow", "recorded, and waiting for the engine to count it"),
}


def approve(
    id: ResponseId,  # noqa: A002
    *,
    fingerprint: Fingerprint = None,
    break_glass: Annotated[
        str | None,
        typer.Option(
            "--break-glass",
            metavar="REASON",
            help="Say yes alone, if the policy names you, with why it cannot wait. Everybody is told.",
            show_default=False,
        ),
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Say yes to a plan.

    The fingerprint says which plan you have seen; a plan that changed since is not approved by it.
    """
    glass = break_glass is not None
    reason = (break_glass or "").strip()
    if glass and len(reason) < SHORTEST_REASON:
        raise Misconfigured(
            "breaking the glass needs its reason in writing",
            expected=f"{SHORTEST_REASON} characters or more",
            mend='--break-glass "why it cannot wait for the others"',
        )
    there = gateway(url, token_file, config)
    response = found(there, id)
    seen = fingerprint or _seen(there, response, "Approve this ALONE?" if glass else "Approve this?")
    told = there.vote(response, "approve", seen, reason, break_glass=glass)
    _tell(
        told, "the glass is broken, and others review it" if glass else "your yes counts", response, json=json
    )


def reject(
    id: ResponseId,  # noqa: A002
    *,
    reason: Annotated[RejectReason, typer.Option(help="Why not.", show_default=False)],
    comment: Annotated[str, typer.Option(metavar="TEXT", help="A sentence for the next responder.")] = "",
    fingerprint: Fingerprint = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Say no to a plan.

    One no of somebody who may decide is a no.
    """
    there = gateway(url, token_file, config)
    response = found(there, id)
    seen = fingerprint or _seen(there, response, "Reject this?")
    told = there.vote(response, "reject", seen, f"{reason}: {comment}" if comment else reason)
    _tell(told, "your no counts", response, json=json)


def undo(
    id: ResponseId,  # noqa: A002
    *,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why, for who decides about it.")] = "",
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Ask to take a response back.

    Undo is a plan itself: somebody else says yes to it.
    """
    there = gateway(url, token_file, config)
    response = found(there, id)
    told = there.undo(response, why)
    if json:
        print_json({"response": response, **told})
        return
    console = out()
    missing = f"; {people(told['missing'])} needed" if told.get("missing") else ""
    console.print(Text.assemble(("✓ ", "green"), f"undo is asked for{missing}"))
    if told.get("fingerprint"):
        command = f"firedoor approve {short(response)} --fingerprint {told['fingerprint']}"
        console.print(Text.assemble("  somebody else says yes:  ", (command, "cyan")))


def snooze(
    id: ResponseId,  # noqa: A002
    *,
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 30m or 2h.")] = "30m",
    fingerprint: Fingerprint = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Put the reminder of an ask off.

    The deadline stays where it is, and so does what silence means.
    """
    minutes = _minutes(for_)
    there = gateway(url, token_file, config)
    response = found(there, id)
    told = there.snooze(response, fingerprint or _asked(there, response), minutes)
    _nudged(told, response, json=json)


def reassign(
    id: ResponseId,  # noqa: A002
    *,
    to: Annotated[str, typer.Option(metavar="PERSON", help="Their id in people.yaml.", show_default=False)],
    fingerprint: Fingerprint = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Ask one of those who may decide to look at an ask.

    Nobody may decide by that who could not before.
    """
    there = gateway(url, token_file, config)
    response = found(there, id)
    told = there.reassign(response, fingerprint or _asked(there, response), to)
    _nudged(told, response, json=json)


def _minutes(text: str) -> int:
    try:
        minutes = int(duration.parse(text).total_seconds() // 60)
    except ValueError:
        minutes = 0
    if not 1 <= minutes <= _LONGEST_SNOOZE:
        raise Misconfigured(f"--for {text[:40]!r}", expected="a time from 1m to 24h, such as 30m")
    return minutes


def _asked(there: Gateway, response: str) -> str:
    """Return the fingerprint of what is asked now; no decision, so nobody has to have seen it."""
    report = report_of(there.one(response))
    if report.ask is None or not report.asking:
        raise Rejected("nothing is being asked here now", mend=f"firedoor responses {short(response)}")
    return report.ask.fingerprint


def _nudged(told: dict[str, Any], response: str, *, json: bool) -> None:
    if json:
        print_json({"response": response, **told})
        return
    at = told.get("remind_at")
    when = (
        f"people are reminded at {clock(datetime.fromisoformat(at))}" if at else "nobody is reminded any more"
    )
    who = told.get("assigned_to")
    whom = safe(f"{who} is asked to look").append("; ") if who else Text()
    out().print(Text.assemble(("✓ ", "green"), whom, when))


def _seen(there: Gateway, response: str, question: str) -> str:
    """Show what is asked and return its fingerprint; raises where nobody can look at it."""
    report = report_of(there.one(response))
    if report.ask is None or not report.asking:
        raise Rejected("nothing is being asked here now", mend=f"firedoor responses {short(response)}")
    if not on_terminal():
        raise Misconfigured(
            "no fingerprint, and no terminal to show the plan on",
            expected="--fingerprint",
            mend=f"look at `firedoor responses {short(response)}` and name the one you see",
        )
    console = err()
    console.print(*headline(report), "", *card(report, report.ask, datetime.now(UTC)), "")
    if not typer.confirm(question, err=True):
        raise Rejected("you did not say yes; nothing was sent")
    return report.ask.fingerprint


def on_terminal() -> bool:
    """Whether a person can be shown something here, and answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _tell(told: dict[str, Any], counted: str, response: str, *, json: bool) -> None:
    if json:
        print_json({"response": response, **told})
        return
    sign, style, says = _TOLD.get(told["state"], ("✓ ", "green", f"{people(told.get('missing', 0))} to go"))
    lead = "" if told["state"] == "waiting" else f"{counted}: "
    out().print(Text.assemble((sign, style), f"{lead}{says}"))
