"""How workflows call activities and refuse updates: one patience a verb, one way to say no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

from firedoor.domain.response.timeouts import AT_ONCE, PATIENCE


def patient(verb: str, *, overall: timedelta | None = None) -> dict[str, Any]:
    """Return timeouts and retries of an activity, by its verb."""
    patience = PATIENCE[verb]
    return {
        "start_to_close_timeout": patience.attempt,
        "schedule_to_close_timeout": overall or patience.overall,
        "heartbeat_timeout": patience.heartbeat,
        "retry_policy": RetryPolicy(
            initial_interval=patience.first_pause, maximum_interval=patience.longest_pause
        ),
    }


def at_once_only() -> dict[str, Any]:
    """Return timeouts of a local activity: one try, well within a workflow task."""
    return {
        "schedule_to_close_timeout": AT_ONCE,
        "retry_policy": RetryPolicy(maximum_attempts=1),
    }


def refuse(objection: str | None) -> None:
    """Refuse an update in its validator, without a trace in history; None lets it through."""
    if objection is not None:
        raise ApplicationError(objection, type="Objection")


def reason(error: ActivityError) -> str:
    """Say why an activity failed, in the words of whoever failed."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (ApplicationError, CancelledError)) and cause.__cause__:
        cause = cause.__cause__
    return str(cause)
