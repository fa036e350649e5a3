"""Calls to Temporal are bounded as a whole, not call by call."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.temporal.calls import updated


async def test_an_update_that_the_client_asks_for_anew_and_anew_is_still_bounded() -> None:
    asked = 0

    async def the_server_answers_each_call_without_an_outcome() -> None:
        nonlocal asked
        while True:
            asked += 1
            await asyncio.sleep(0)

    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        await updated(the_server_answers_each_call_without_an_outcome, timedelta(milliseconds=5))
    assert asked > 1


async def test_a_client_that_turns_being_stopped_into_its_own_error_is_understood() -> None:
    async def turned() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as temporalio does
            raise WorkflowUpdateRPCTimeoutOrCancelledError from None

    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        await updated(turned, timedelta(milliseconds=1))


async def test_what_an_update_came_to_is_handed_on() -> None:
    async def counted() -> str:
        return "counted"

    assert await updated(counted, timedelta(seconds=5)) == "counted"


def _dropped() -> RPCError:
    """What the server says of an update whose workflow task failed under it (server 1.32)."""
    says = "Unable to perform workflow execution update due to unexpected workflow task failure."
    return RPCError(says, RPCStatusCode.FAILED_PRECONDITION, b"")


async def test_an_update_that_the_server_dropped_is_sent_again() -> None:
    sent = 0

    async def dropped_twice() -> str:
        nonlocal sent
        sent += 1
        if sent <= 2:
            raise _dropped()
        return "counted"

    assert await updated(dropped_twice, timedelta(seconds=5)) == "counted"
    assert sent == 3


async def test_an_update_that_is_dropped_each_time_is_one_that_nobody_answered() -> None:
    async def dropped() -> None:
        raise _dropped()

    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        await updated(dropped, timedelta(milliseconds=5))


async def test_an_update_that_was_refused_for_something_else_is_not_sent_again() -> None:
    sent = 0

    async def nowhere() -> None:
        nonlocal sent
        sent += 1
        raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")

    with pytest.raises(RPCError):
        await updated(nowhere, timedelta(seconds=5))
    assert sent == 1
