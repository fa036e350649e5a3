"""A card whose place a newer message has taken."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from firedoor.channels.slack.blocks import Message, context, fixed, header, rich, section
from firedoor.channels.slack.render_context import NOWHERE, Around, block_name
from firedoor.channels.slack.text import emoji, words
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report

#: drift, joined: the plan is another one. escalation: more people are asked. vote: a yes fell.
#: undo: it is asked whether to take it back. next: the next steps of the plan are asked for.
Why = Literal["drift", "joined", "escalation", "vote", "undo", "next"]

_SAYS: dict[Why, tuple[str, str]] = {
    "drift": (
        "Asked again below: the world changed",
        "The world changed under the plan, so the plan is another one. Votes for this one do not count.",
    ),
    "joined": (
        "Asked again below: there is more to it",
        "Another finding joined, so the plan is another one. Votes for this one do not count.",
    ),
    "escalation": (
        "Asked again below, with more people",
        "Too few answered in time, so it is asked again with more people.",
    ),
    "vote": (
        "Asked again below: a vote fell",
        "Somebody who said yes may not decide any more, so that yes does not count and it is asked again.",
    ),
    "undo": (
        "Undo is asked for below",
        "Somebody asked to take it back, and a newer message below asks whether that may be done.",
    ),
    "next": (
        "The next steps are asked for below",
        "What was asked here is decided. A newer message below asks for the next steps of the plan.",
    ),
}


def superseded(report: Report, why: Why | None = None, around: Around = NOWHERE) -> Message:
    """Draw a card whose ask a newer message has taken over; nothing can be pressed on it."""
    head, says = _SAYS[why or why_anew(report)]
    told = [f"plan `{report.ask.fingerprint}` asks now"] if report.ask is not None else []
    told += [f"playbook `{fixed(report.playbook)}`", f"`{fixed(report.id)}`"]
    blocks = [
        header(block_name("head", report, around), head),
        rich(
            block_name("says", report, around),
            section(emoji("arrow_down"), words(f" This message is closed. {says}")),
        ),
        context(block_name("foot", report, around), " · ".join(told)),
    ]
    return Message(text=f"{head} · {fixed(report.playbook)}", blocks=tuple(blocks))


def why_anew(report: Report) -> Why:
    """Say why people are asked anew, by what the ledger tells since they were asked before."""
    asks = [
        number
        for number, entry in enumerate(report.entries)
        if entry.kind == "asked" and _asked(entry).get("kind") != "review"
    ]
    last = _asked(report.entries[asks[-1]]) if asks else {}
    before = _asked(report.entries[asks[-2]]) if len(asks) > 1 else {}
    since = report.entries[asks[-2] :] if len(asks) > 1 else ()
    kinds = {entry.kind for entry in since}
    if "voided" in kinds:
        return "vote"
    if last.get("escalated") and not before.get("escalated"):
        return "escalation"
    if report.ask is not None and report.ask.kind == "undo" and before.get("kind") != "undo":
        return "undo"
    if "drifted" in kinds:
        return "drift"
    if "joined" in kinds:
        return "joined"
    return "next" if any(_ended(entry) for entry in since) else "drift"


def _asked(entry: Entry) -> dict[str, JsonValue]:
    told = entry.data.get("ask")
    return told if entry.kind == "asked" and isinstance(told, dict) else {}


def _ended(entry: Entry) -> bool:
    """Whether an ask was answered; one that is withdrawn was not."""
    return entry.kind == "decided" and entry.data.get("state") != "withdrawn"
