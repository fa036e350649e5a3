"""Our own words in Slack: pictures, deadlines and notifications, free of anything a finding says."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.channels.slack.blocks import fixed, moment
from firedoor.domain.approval.approval import Approval
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation.phrases import HEADLINES, escalates_to, listed, people
from firedoor.presentation.standing import ASKING, Progress, Standing
from firedoor.presentation.times import utc

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

PROGRESS_PICTURES: dict[Progress, str] = {
    "waiting": "white_circle",
    "parked": "snowflake",
    "running": "hourglass_flowing_sand",
    "applied": "hourglass_flowing_sand",
    "verified": "white_check_mark",
    "unverified": "warning",
    "failed": "x",
    "reverted": "rotating_light",
    "undoing": "leftwards_arrow_with_hook",
    "undone": "leftwards_arrow_with_hook",
    "stuck": "rotating_light",
    "already": "heavy_minus_sign",
    "refused": "no_entry_sign",
    "nothing": "heavy_minus_sign",
}


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
