"""One call to Temporal: bounded in time, its failures in the house's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio.service import RPCError

from firedoor.domain.errors import Unavailable

T = TypeVar("T")

#: One call; a detector waits at most five seconds for its answer, Slack three.
PATIENCE = timedelta(seconds=2)


async def answered(call: Awaitable[T]) -> T:
    """Wait for one call to Temporal; what it cannot do now is Unavailable."""
    try:
        return await asyncio.wait_for(call, timeout=PATIENCE.total_seconds() + 0.5)
    except TimeoutError:
        raise Unavailable("Temporal does not answer", mend="send it again", retry_after=5) from None
    except RPCError as error:
        raise unavailable(error) from None


def unavailable(error: RPCError) -> Unavailable:
    """Say that Temporal did not take it, and what to look at."""
    return Unavailable(
        f"Temporal does not take it ({error.status.name.lower()})",
        expected="a reachable Temporal with the namespace and search attributes of Firedoor",
        mend="send it again; `firedoor doctor` tells what is wrong",
        retry_after=5,
    )
