"""How a response stands, as one word that a card has one sentence for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from firedoor.domain.ledger import Entry
from firedoor.domain.plan import PlannedStep
from firedoor.domain.response import Report

Standing = Literal[
    "planning",
    "shadow",  # planned and recorded; nothing is done and nobody is asked
    "pending",  # people are asked to say yes
    "undo_pending",  # people are asked to let it be taken back
    "running",
    "unverified",  # changed, and not yet seen contained
    "contained",  # every change is verified
    "partial",  # what was done is verified; some of the plan was not done
    "rejected",
    "expired",
    "reverted",  # somebody opened again what was contained
    "failed",
    "undoing",
    "undone",
    "stuck",
    "withdrawn",  # taken back before anything was done
    "dismissed",  # there was nothing to do
    "kept",  # closed, and the containment stays
]

#: What became of one step.
Progress = Literal[
    "waiting",
    "running",
    "applied",
    "verified",
    "unverified",
    "failed",
    "reverted",
    "undoing",
    "undone",
    "stuck",
    "already",
    "refused",
    "nothing",
]

_SAYS_OF_A_STEP: dict[str, Progress] = {
    "begun": "running",
    "applied": "applied",
    "verified": "verified",
    "unverified": "unverified",
    "failed": "failed",
    "reverted": "reverted",
    "undoing": "undoing",
    "undone": "undone",
    "stuck": "stuck",
}


def progress(step: PlannedStep, entries: Iterable[Entry]) -> Progress:
    """Say what became of a step, by the last thing the ledger says of it."""
    now: Progress = "waiting" if step.outcome == "change" else _unchanged(step)
    for entry in entries:
        if entry.step != step.id:
            continue
        if entry.kind == "settled":
            now = "refused" if entry.data.get("outcome") == "refused" else "already"
        elif entry.kind in _SAYS_OF_A_STEP:
            now = _SAYS_OF_A_STEP[entry.kind]
    return now


def _unchanged(step: PlannedStep) -> Progress:
    if step.outcome == "already":
        return "already"
    return "refused" if step.outcome == "refuse" else "nothing"


def all_progress(report: Report) -> dict[str, Progress]:
    """Say what became of every planned step, in the order of the plan."""
    steps = report.plan.steps if report.plan else ()
    return {step.id: progress(step, report.entries) for step in steps}


def standing(report: Report) -> Standing:  # noqa: PLR0911  a ladder of cases, first match wins
    """Say how a response stands. Pure: what an open ask still waits for, the report knows."""
    if report.asking and report.ask is not None:
        return "undo_pending" if report.ask.kind == "undo" else "pending"
    kinds = {entry.kind for entry in report.entries}
    if report.status == "stuck":
        return "stuck"
    if report.status == "undone":
        return "undone"
    if "undoing" in kinds and "closed" not in kinds:
        return "undoing"
    if report.ask is not None and report.ask.kind == "undo" and report.ask.missing() == 0:
        return "undoing"
    if report.status in ("failed", "reverted"):
        return report.status
    return _forward(report, set(all_progress(report).values()), closed="closed" in kinds)


def _forward(  # noqa: PLR0911  as above
    report: Report, seen: set[Progress], *, closed: bool
) -> Standing:
    if report.status == "planning" and not seen:
        return "planning"
    begun = seen & {"running", "applied", "verified", "unverified", "failed", "undone"}
    if is_shadow(report) and not begun:
        return "shadow" if "waiting" in seen else "dismissed"
    answer = answered(report)
    if answer in ("rejected", "expired"):
        return answer
    if "running" in seen or (not closed and "waiting" in seen):
        return "running"
    if seen & {"applied", "unverified"}:
        return "unverified"
    if "verified" in seen:
        whole = seen <= {"verified", "already"}
        return ("kept" if closed else "contained") if whole else "partial"
    if "waiting" in seen:
        return "withdrawn"
    return "failed" if "failed" in seen else "dismissed"


def is_shadow(report: Report) -> bool:
    """Whether the playbook only records what it would have done; it travels in the first entry."""
    playbook = report.entries[0].data.get("playbook") if report.entries else None
    return isinstance(playbook, dict) and playbook.get("mode") == "shadow"


def answered(report: Report) -> Literal["granted", "rejected", "expired"] | None:
    """Say how the shown ask ended; None while it is open, withdrawn, or when nobody was asked."""
    if report.ask is None or report.asking or report.ask.kind != "apply":
        return None
    if any(vote.decision == "reject" for vote in report.ask.votes):
        return "rejected"
    if report.ask.missing() == 0:
        return "granted"
    # An ask that is withdrawn is no longer in the report: what was decided without a yes or a no is silence.
    decided = (entry.data.get("ask") for entry in report.entries if entry.kind == "decided")
    ended = any(isinstance(ask, dict) and ask.get("id") == report.ask.id for ask in decided)
    return "expired" if ended else None
