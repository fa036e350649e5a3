"""What was decided, what fell, and who acted alone, as a report tells it."""

from __future__ import annotations

from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report

#: What a freeze means to those who read a card or a page.
FROZEN_MEANS = (
    "No change is made there until it is thawed. A yes still counts, and waits for that. Where nobody "
    "answers in time meanwhile, it is asked for again after the thaw. Taking something back stays possible."
)


def fallen(report: Report) -> tuple[Entry, ...]:
    """List the votes that fell since people were asked last."""
    since: list[Entry] = []
    for entry in report.entries:
        if entry.kind == "voided":
            since.append(entry)
        elif entry.kind == "decided":
            since.clear()
    return tuple(since)


def broken_glass(report: Report) -> tuple[str, str] | None:
    """Return who acted alone and the written reason; None where nobody did.

    Once another ask is shown, the review of it tells that there was one, and the ledger whose.
    """
    vote = report.ask.glass_broken_by() if report.ask is not None else None
    if vote is not None:
        return vote.voter.person, vote.comment
    if report.review is None:
        return None
    for entry in reversed(report.entries):
        told = entry.data.get("vote") if entry.kind == "voted" else None
        if isinstance(told, dict) and told.get("break_glass"):
            voter = told.get("voter")
            who = voter.get("person") if isinstance(voter, dict) else ""
            return str(who or ""), str(told.get("comment") or "")
    return "", "see the thread"


def review_open(report: Report) -> bool:
    """Whether others are still asked if breaking the glass was right."""
    return report.review is not None and not any(entry.kind == "reviewed" for entry in report.entries)
