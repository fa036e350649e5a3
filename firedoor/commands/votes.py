"""`firedoor approve`, `reject` and `undo`: a person's word, said from a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from firedoor.commands.options import AsJson, ConfigDirectory
from firedoor.commands.remote import ResponseId, TokenFile, Url, found, gateway, report_of, short
from firedoor.commands.show import card, headline
from firedoor.commands.terminal import err, out, print_json
from firedoor.connectors.gateway import Gateway
from firedoor.domain.approval import RejectReason
from firedoor.domain.errors import Misconfigured, Rejected
from firedoor.slack.phrases import people

Fingerprint = Annotated[
    str | None,
    typer.Option(
        metavar="F",
        help="The plan that you have seen, such as A41B-35E6-E3C5. On a terminal it is shown to you.",
        show_default=False,
    ),
]
_TOLD = {
    "granted": ("✓ ", "green", "it is granted and will be carried out"),
    "rejected": ("✓ ", "green", "it is rejected; nothing of it is done"),
    "waiting": ("… ", "yellow", "recorded, and waiting for the engine to count it"),
}


def approve(
    id: ResponseId,  # noqa: A002
    *,
    fingerprint: Fingerprint = None,
    url: Url = None,
    token_file: TokenFile = None,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Say yes to a plan.

    The fingerprint says which plan you have seen; a plan that changed since is not approved by it.
    """
    there = gateway(url, token_file, config)
    response = found(there, id)
    seen = fingerprint or _seen(there, response, "Approve this?")
    _tell(there.vote(response, "approve", seen), "your yes counts", response, json=json)


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
