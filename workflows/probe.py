"""Probe: the shortest way through everything that a response needs, to see whether it works."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from firedoor.domain.response.contract import EXAMINE, PROBE
from workflows.calling import reason

_WITHIN = timedelta(seconds=5)


@workflow.defn(name=PROBE)
class Probe:
    """One look of one worker at itself. It changes nothing."""

    @workflow.run
    async def run(self) -> dict[str, str]:
        """Return what is wrong with what, "" where nothing is."""
        try:
            found: dict[str, str] = await workflow.execute_activity(
                EXAMINE,
                result_type=dict[str, str],
                schedule_to_close_timeout=_WITHIN,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            return {"worker": f"the worker could not look at itself: {reason(error)}"}
        return found
