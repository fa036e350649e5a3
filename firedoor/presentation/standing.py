"""How a response stands, as one word that a card has one sentence for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from firedoor.domain.approval.approval import Approval
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report

Standing = Literal[
    "planning",
    "shadow",  # planned and recorded; nothing is done and nobody is asked
    "pending",  # people are asked to say yes
    "counting",  # some have said yes, and not enough of them
    "escalated",  # nobody answered in time, and more people are asked
    "confirming",  # enough said yes, and each of them is looked up once more
    "undo_pending",  # people are asked to let it be taken back
    "running",
    "parked",  # the kill switch is thrown; it is taken up after the thaw
    "unverified",  # changed, and not yet seen contained
    "contained",  # every change is verified
    "partial",  # what was done is verified; some of the plan was not done
    "rejected",
    "expired",
    "unconfirmed",  # enough said yes, and could not be looked up again: no
    "reverted",  # somebody opened again what was contained
    "failed",
    "undoing",
    "undone",
    "stuck",
    "withdrawn",  # taken back before anything was done
    "dismissed",  # there was nothing to do
    "kept",  # closed, and the containment stays
]

#: Where people are asked, and can answer.
ASKING: frozenset[Standing] = frozenset({"pending", "counting", "escalated", "undo_pending"})

#: What became of one step.
Progress = Literal[
    "waiting",
    "parked",
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
    "parked": "parked",
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
    if is_confirming(report):
        return "confirming"
    if report.asking and report.ask is not None:
        return _asked(report.ask)
    if report.status == "stuck":
        return "stuck"
    if report.status == "undone":
        return "undone"
    closed = is_closed(report)
    if (any(entry.kind == "undoing" for entry in report.entries) and not closed) or _undo_granted(report):
        return "undoing"
    if report.status in ("failed", "reverted", "parked"):
        return report.status
    return _forward(report, set(all_progress(report).values()), closed=closed)


def _undo_granted(report: Report) -> bool:
    ask = report.ask
    return ask is not None and ask.kind == "undo" and ask.missing() == 0 and not ask.unconfirmed


def is_confirming(report: Report) -> bool:
    """Whether enough people said yes, and they are being looked up once more."""
    ask = report.ask
    if ask is None or ask.confirmed or ask.unconfirmed or ask.missing() > 0 or is_closed(report):
        return False
    return not any(vote.decision == "reject" for vote in ask.votes) and decided(report, ask) is None


def _asked(ask: Approval) -> Standing:
    if ask.kind == "undo":
        return "undo_pending"
    if said_yes(ask):
        return "counting"
    return "escalated" if ask.escalated else "pending"


def said_yes(ask: Approval) -> tuple[str, ...]:
    """List the people whose yes counts, in the order in which they said it."""
    counts = frozenset[str]().union(*(ask.approvers(rule) for rule in ask.effective_rules()))
    return tuple(dict.fromkeys(vote.voter.person for vote in ask.votes if vote.voter.person in counts))


def _forward(  # noqa: PLR0911  as above
    report: Report, seen: set[Progress], *, closed: bool
) -> Standing:
    if report.status == "planning" and not seen:
        return "planning"
    begun = seen & {"running", "applied", "verified", "unverified", "failed", "undone"}
    if is_shadow(report) and not begun:
        return "shadow" if "waiting" in seen else "dismissed"
    answer = answered(report)
    if answer in ("rejected", "expired", "unconfirmed"):
        return answer
    if report.parked and "running" not in seen and not closed:
        return "parked"
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


def is_closed(report: Report) -> bool:
    """Whether the response is over."""
    return any(entry.kind == "closed" for entry in report.entries)


def is_shadow(report: Report) -> bool:
    """Whether the playbook only records what it would have done; it travels in the first entry."""
    playbook = report.entries[0].data.get("playbook") if report.entries else None
    return isinstance(playbook, dict) and playbook.get("mode") == "shadow"


def decided(report: Report, ask: Approval) -> str | None:
    """Say as what the ledger closed this ask, "" where it does not say; None while it has not."""
    for entry in reversed(report.entries):
        told = entry.data.get("ask") if entry.kind == "decided" else None
        if isinstance(told, dict) and told.get("id") == ask.id:
            return str(entry.data.get("state") or "")
    return None


def answered(report: Report) -> Literal["granted", "rejected", "expired", "unconfirmed"] | None:
    """Say how the shown ask ended; None while it is open, withdrawn, or when nobody was asked."""
    ask = report.ask
    if ask is None or report.asking or ask.kind != "apply":
        return None
    if any(vote.decision == "reject" for vote in ask.votes):
        return "rejected"
    if ask.unconfirmed:
        return "unconfirmed"
    # An ask that is withdrawn is no longer in the report: what was decided without a yes or a no is silence.
    state = decided(report, ask)
    if ask.missing() == 0 or state == "granted":
        return "granted"
    return None if state is None else "expired"


def by_silence(report: Report) -> bool:
    """Whether what was asked is carried out because nobody said anything."""
    return report.ask is not None and report.ask.missing() > 0 and answered(report) == "granted"
