"""Our own words about steps, people and time, free of anything a finding says."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import RejectReason
from firedoor.domain.plan.plan import PlannedStep
from firedoor.presentation.standing import Progress, Standing, said_yes

#: Every standing is another sentence: the first words of its headline, and what they mean.
HEADLINES: dict[Standing, tuple[str, str]] = {
    "planning": ("Looking into it", "Nothing is changed yet: the plan is being made, reading only."),
    "shadow": ("Would do", "This playbook is in shadow: nothing was changed and nobody is asked."),
    "pending": ("Approve?", "Nothing of this is done until enough people say yes."),
    "counting": ("Approve too?", "Not enough people have said yes yet, so nothing of this is done."),
    "escalated": (
        "Approve now?",
        "Too few answered in time, so more people are asked. Nothing of this is done before.",
    ),
    "confirming": (
        "Recording",
        "Enough people said yes. Each of them is being looked up once more before anything is done.",
    ),
    "undo_pending": ("Approve undo?", "It stays contained until enough people say yes."),
    "running": ("Doing", "It is being carried out. It is not done yet."),
    "parked": ("Parked", "Frozen: nothing more is done now. It waits, and is taken up after the thaw."),
    "unverified": ("Changed", "The change is made, but it is not seen to hold yet. Do not count on it."),
    "contained": ("Contained", "Done: every change is verified."),
    "partial": ("Contained in part", "What was done is verified. Some of the plan was not done, see below."),
    "rejected": ("Rejected", "Somebody said no: nothing of what was asked is done."),
    "expired": (
        "No answer",
        "Too few answered in time. Silence means no: nothing of what was asked is done.",
    ),
    "unconfirmed": (
        "Not carried out",
        "Nobody who said yes could be looked up again, and unreachable means no: it is not done.",
    ),
    "reverted": ("RE-OPENED", "What was contained is open again, and not by us. A person should look now."),
    "failed": ("FAILED", "It is not contained as planned. A person has to act by hand, see below."),
    "undoing": ("Taking back", "It is being given back. It is not done yet."),
    "undone": ("Undone", "Everything of ours is taken back."),
    "stuck": ("STUCK", "It could not all be given back. A person has to act by hand, see below."),
    "withdrawn": ("Withdrawn", "It was called off before anything was done."),
    "dismissed": ("Nothing to do", "Nothing was changed."),
    "kept": ("Contained and closed", "Every change is verified and stays. The response is over."),
}


PROGRESS: dict[Progress, str] = {
    "waiting": "not begun",
    "parked": "parked until the thaw",
    "running": "being done",
    "applied": "done, not verified yet",
    "verified": "verified",
    "unverified": "not seen to hold",
    "failed": "failed",
    "reverted": "open again",
    "undoing": "being taken back",
    "undone": "taken back",
    "stuck": "could not be taken back",
    "already": "was so already",
    "refused": "refused",
    "nothing": "could not be planned",
}

REASONS: dict[RejectReason, str] = {
    "false_positive": "False positive",
    "wrong_action": "Real, but the wrong action",
    "bad_time": "Real, but a bad time",
    "handled_elsewhere": "Handled another way",
    "other": "Something else",
}


def people(count: int) -> str:
    """Count people."""
    return "1 person" if count == 1 else f"{count} people"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names as a sentence does."""
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} {joint} {names[-1]}"


def undo_of(steps: Sequence[PlannedStep]) -> str:
    """Say in one or two words whether these steps can be taken back."""
    kinds = {step.reversibility.kind for step in steps}
    if kinds <= {"full"}:
        return "yes, all of it"
    if kinds == {"none"}:
        return "NO, it cannot be undone"
    return "only in part"


def silence(ask: Approval) -> str:
    """Say what silence does where it means yes; it takes the place of "nothing is done before"."""
    what = "it is taken back" if ask.kind == "undo" else "it is done"
    return f"SILENCE MEANS YES HERE: unless somebody says no in time, {what} without you."


def escalates_to(ask: Approval) -> tuple[str, ...]:
    """Name the groups that are asked as well when the time is over; none where silence ends it."""
    wanting = [rule for rule in ask.effective_rules() if len(ask.approvers(rule)) < rule.quorum]
    if ask.escalated or any(rule.then == "reject" for rule in wanting):
        return ()
    return tuple(dict.fromkeys(group for rule in wanting if rule.then == "escalate" for group in rule.to))


def so_far(ask: Approval) -> str:
    """Say how many of how many said yes; "" while nobody did."""
    given = len(said_yes(ask))
    return f"{given} of {given + ask.missing()}" if given else ""
