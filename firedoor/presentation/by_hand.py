"""Which steps call for a person, because we could not."""

from __future__ import annotations

from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation.standing import Progress, Standing, all_progress

#: What is wrong with a step in a standing that needs a person.
_WRONG: dict[Standing, Progress] = {"failed": "failed", "stuck": "stuck", "reverted": "reverted"}


def went_wrong(report: Report, now: Standing) -> tuple[PlannedStep, ...]:
    """Name the steps for which a card of this standing calls a person; empty where nothing went wrong."""
    if now not in _WRONG or report.plan is None:
        return ()
    what = all_progress(report)
    return tuple(step for step in report.plan.steps if what[step.id] == _WRONG[now])
