"""The message that reminds people of an open ask: an edit of the card would notify nobody."""

from __future__ import annotations

from collections.abc import Iterator

from firedoor.channels.slack.blocks import (
    Message,
    actions,
    bullets,
    context,
    fixed,
    link,
    rich,
    section,
    user,
    usergroup,
)
from firedoor.channels.slack.buttons import PAGE
from firedoor.channels.slack.limits import fit
from firedoor.channels.slack.phrases import deadline, what
from firedoor.channels.slack.render_context import NOWHERE, Around, block_name
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.approval.approval import Approval, AskKind
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation import phrases
from firedoor.presentation.standing import ASKING, standing
from firedoor.presentation.times import utc


def reminder(report: Report, around: Around = NOWHERE) -> Message:
    """Draw it, for the thread of the card and the channel: what, until when, who is missing.

    Where nobody is asked any more it says so and notifies nobody.
    """
    ask = report.ask if standing(report) in ASKING else report.review if report.review_open() else None
    if ask is None:
        says = "Nothing is asked here any more"
        return Message(text=says, blocks=(rich(block_name("remind", report, around), section(words(says))),))
    blocks = [
        rich(
            block_name("remind", report, around),
            section(*_opening(report, ask)),
            bullets(_missing(ask)),
            section(*_called(ask, around)),
        ),
        context(block_name("until", report, around), f":hourglass_flowing_sand: {deadline(ask)}"),
        actions(block_name("open", report, around), _page(report, around)),
    ]
    drawn = [block for block in blocks if block is not None]
    return Message(text=_text(report, ask), blocks=fit(drawn, f"firedoor responses {report.id}"))


def _opening(report: Report, ask: Approval) -> Iterator[Element]:
    yield emoji("bell")
    if ask.kind == "review":
        yield words(" The glass was broken: ", bold=True)
        yield words("please look whether that was right. ")
        yield quoted(_first(report.steps_of(ask)), bold=True)
        yield words(" · plan ")
        yield quoted(ask.fingerprint, code=True)
        return
    yield words(" Still waiting: ", bold=True)
    if ask.kind == "undo":
        yield words("may this be taken back? ")
    yield quoted(_first(report.asked_steps), bold=True)
    if len(report.asked_steps) > 1:
        yield words(f" and {len(report.asked_steps) - 1} more")
    yield words(" · plan ")
    yield quoted(ask.fingerprint, code=True)


def _first(steps: tuple[PlannedStep, ...]) -> str:
    return steps[0].says if steps else "a plan"


def _missing(ask: Approval) -> Iterator[list[Element]]:
    """Tell of each rule that lacks a yes how many people are missing, of whom."""
    for rule in ask.effective_rules():
        missing = rule.quorum - len(ask.approvers(rule))
        if missing > 0:
            groups = quoted(phrases.listed(ask.eligible(rule), "or"), 200)
            yield [words(f"{phrases.people(missing)} of ", bold=True), groups, words(" still needed")]


def _called(ask: Approval, around: Around) -> Iterator[Element]:
    """Notify whoever was asked to look, else the groups that lack a yes."""
    if ask.assigned_to:
        called = user(around.users.get(ask.assigned_to, ""))
        yield words("For ")
        yield called or quoted(ask.assigned_to, 80, bold=True)
        yield words(", who is asked to look at it")
        return
    wanting = [rule for rule in ask.effective_rules() if len(ask.approvers(rule)) < rule.quorum]
    groups = dict.fromkeys(group for rule in wanting for group in ask.eligible(rule))
    found = [usergroup(around.mentions.get(group, "")) for group in groups]
    for number, element in enumerate(each for each in found if each is not None):
        yield words(" " if number else "For ")
        yield element


_WHAT_OF: dict[AskKind, str] = {
    "apply": "Reminder: approve",
    "undo": "Reminder: approve undo of",
    "review": "Please review the broken glass:",
}


def _page(report: Report, around: Around) -> dict[str, object] | None:
    return link(PAGE, "Open", around.page_of(report.id), label="Open the page of this response")


def _text(report: Report, ask: Approval) -> str:
    return " · ".join(
        (
            f"{_WHAT_OF[ask.kind]} {what(report.steps_of(ask))}",
            f"{report.finding.severity.value}, {fixed(report.playbook)}",
            f"{phrases.people(ask.missing())} needed by {utc(ask.deadline)}",
            f"plan {ask.fingerprint}",
        )
    )
