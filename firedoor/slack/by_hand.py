"""What a person has to do where we could not."""

from __future__ import annotations

from firedoor.domain.plan import PlannedStep
from firedoor.domain.response import Report
from firedoor.slack.blocks import preformatted, rich, section
from firedoor.slack.facts import place
from firedoor.slack.limits import Block, width
from firedoor.slack.standing import Progress, Standing, all_progress
from firedoor.slack.text import quoted, words

_MOST_STEPS = 8
_LONGEST = 900  # of one command; a command that is cut must not be run, so a longer one is not shown

#: What is wrong with a step in a standing that needs a person, and what that person does.
_WRONG: dict[Standing, tuple[Progress, str]] = {
    "failed": ("failed", "Do it, and look whether it is half done: "),
    "stuck": ("stuck", "Take back: "),
    "reverted": ("reverted", "Look who opened it, and do it again: "),
}


def by_hand(block_id: str, report: Report, now: Standing) -> Block | None:
    """Tell what to do and by which command; None where there is nothing of that kind."""
    wrong = went_wrong(report, now)
    if not wrong:
        return None
    parts = [section(words("For a person to do now", bold=True))]
    for step in wrong[:_MOST_STEPS]:
        says = section(words(_WRONG[now][1]), quoted(step.says, bold=True), words(" · "), *place(step))
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


def went_wrong(report: Report, now: Standing) -> tuple[PlannedStep, ...]:
    """Name the steps for which a card of this standing calls a person; empty where nothing went wrong."""
    if now not in _WRONG or report.plan is None:
        return ()
    what = all_progress(report)
    return tuple(step for step in report.plan.steps if what[step.id] == _WRONG[now][0])
