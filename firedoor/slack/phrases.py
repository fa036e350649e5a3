"""Our own words about steps, people and time, free of anything a finding says."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.domain.approval import Approval
from firedoor.domain.plan import PlannedStep
from firedoor.domain.response import Report
from firedoor.domain.vote import RejectReason
from firedoor.slack.blocks import fixed, moment, utc
from firedoor.slack.standing import ASKING, Progress, Standing, said_yes

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

PICTURES: dict[Standing, str] = {
    "planning": "mag",
    "shadow": "ghost",
    "pending": "raised_hand",
    "counting": "raised_hand",
    "escalated": "rotating_light",
    "confirming": "hourglass_flowing_sand",
    "undo_pending": "raised_hand",
    "running": "hourglass_flowing_sand",
    "parked": "snowflake",
    "unverified": "hourglass_flowing_sand",
    "contained": "white_check_mark",
    "partial": "warning",
    "rejected": "no_entry_sign",
    "expired": "hourglass",
    "unconfirmed": "no_entry_sign",
    "reverted": "rotating_light",
    "failed": "rotating_light",
    "undoing": "leftwards_arrow_with_hook",
    "undone": "leftwards_arrow_with_hook",
    "stuck": "rotating_light",
    "withdrawn": "no_entry_sign",
    "dismissed": "heavy_minus_sign",
    "kept": "lock",
}

PROGRESS: dict[Progress, tuple[str, str]] = {
    "waiting": ("white_circle", "not begun"),
    "parked": ("snowflake", "parked until the thaw"),
    "running": ("hourglass_flowing_sand", "being done"),
    "applied": ("hourglass_flowing_sand", "done, not verified yet"),
    "verified": ("white_check_mark", "verified"),
    "unverified": ("warning", "not seen to hold"),
    "failed": ("x", "failed"),
    "reverted": ("rotating_light", "open again"),
    "undoing": ("leftwards_arrow_with_hook", "being taken back"),
    "undone": ("leftwards_arrow_with_hook", "taken back"),
    "stuck": ("rotating_light", "could not be taken back"),
    "already": ("heavy_minus_sign", "was so already"),
    "refused": ("no_entry_sign", "refused"),
    "nothing": ("heavy_minus_sign", "could not be planned"),
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


def deadline(ask: Approval) -> str:
    """Say until when an answer counts and what happens then; markup of our own words."""
    return f"Answer by {moment(ask.deadline)}. After that {_then(ask)}."


def _then(ask: Approval) -> str:
    undo = ask.kind == "undo"
    meanwhile = "it stays contained" if undo else "nothing is done"
    if ask.silence_means_yes():
        done = "IT IS TAKEN BACK WITHOUT YOU" if undo else "IT IS DONE WITHOUT YOU"
        return f"*{done}*: silence means yes"
    more = escalates_to(ask)
    if more:
        names = listed([fixed(group) for group in more])
        return f"*{names} are asked too*, in a new message; until they answer {meanwhile}"
    return f"*silence means no*: {meanwhile}"


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


def summary(report: Report, standing: Standing, steps: Sequence[PlannedStep]) -> str:
    """Say in one line of fixed-format words what a notification shows."""
    parts = [f"{HEADLINES[standing][0]} {what(steps)}"]
    parts.append(f"{report.finding.severity.value}, {fixed(report.playbook)}")
    if standing in ASKING and report.ask is not None:
        parts.append(f"{people(report.ask.missing())} needed by {utc(report.ask.deadline)}")
        parts.append(f"plan {report.ask.fingerprint}")
    return " · ".join(parts)


def what(steps: Sequence[PlannedStep]) -> str:
    """Name what steps do and in which accounts, in words of fixed format."""
    verbs = listed(list(dict.fromkeys(_verb(step.action) for step in steps))) or "no change"
    where = listed(sorted({fixed(step.account) for step in steps if step.account}))
    return verbs + (f" in {where}" if where else "")


def _verb(action: str) -> str:
    """Turn `aws.delete_access_key` into `delete access key`."""
    return fixed(action.rpartition(".")[2]).replace("_", " ")
