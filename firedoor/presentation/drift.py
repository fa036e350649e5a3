"""Whether the world still holds what a response wrote, as its ledger tells it."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report


def drift(step: PlannedStep, entries: Sequence[Entry]) -> Entry | None:
    """Return what the ledger last says of a change by somebody else; None where what we wrote still holds."""
    found: Entry | None = None
    made = False  # before it was made, what drifts is the plan
    for entry in entries:
        if entry.step != step.id:
            continue
        if entry.kind in ("begun", "verified"):
            found, made = None, entry.kind == "verified"
        elif entry.kind in ("applied", "unverified"):
            made = True
        elif made and (entry.kind in ("reverted", "drifted") or _tells_drift(entry)):
            found = entry
    return found


def opens_again(report: Report, step: PlannedStep) -> bool:
    """Whether an undo would take this step back: it can be, and the world still holds what we wrote."""
    return step.reversible and drift(step, report.entries) is None


def _tells_drift(entry: Entry) -> bool:
    return entry.kind == "noted" and entry.data.get("drift") in (True, "drifted")
