"""What a person has to do where we could not."""

from __future__ import annotations

from firedoor.channels.slack.blocks import preformatted, rich, section
from firedoor.channels.slack.facts import place
from firedoor.channels.slack.limits import Block
from firedoor.channels.slack.text import quoted, words
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation.by_hand import went_wrong
from firedoor.presentation.standing import Standing
from firedoor.presentation.text import width

_MOST_STEPS = 8
_LONGEST = 900  # of one command; a command that is cut must not be run, so a longer one is not shown

#: What that person does.
_TODO: dict[Standing, str] = {
    "failed": "Do it, and look whether it is half done: ",
    "stuck": "Take back: ",
    "reverted": "Look who opened it, and do it again: ",
}


def by_hand(block_id: str, report: Report, now: Standing) -> Block | None:
    """Tell what to do and by which command; None where there is nothing of that kind."""
    wrong = went_wrong(report, now)
    if not wrong:
        return None
    parts = [section(words("For a person to do now", bold=True))]
    for step in wrong[:_MOST_STEPS]:
        says = section(words(_TODO[now]), quoted(step.says, bold=True), words(" · "), *place(step))
        parts += [says, *_command(report, step, now)]
    if len(wrong) > _MOST_STEPS:
        rest = f"… ({len(wrong) - _MOST_STEPS} more, see: firedoor responses {report.id})"
        parts.append(section(words(rest, italic=True)))
    return rich(block_id, *parts)


def _command(report: Report, step: PlannedStep, now: Standing) -> list[Block]:
    """The command makes the change; it is no help where the change could not be taken back."""
    if not step.by_hand or now == "stuck":
        return []
    if width(step.by_hand) > _LONGEST:
        long = f"The command is too long for here: firedoor responses {report.id}"
        return [section(words(long, italic=True))]
    return [section(words("Run this by hand:", bold=True)), preformatted(step.by_hand, _LONGEST * 2)]
