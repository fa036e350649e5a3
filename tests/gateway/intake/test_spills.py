"""Findings that a full response only counts go many at a time, and each is durable before it is answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.core.errors import Unavailable
from firedoor.gateway.intake.spills import Spills


class Signals:
    """A Temporal that takes signals, or says why not."""

    def __init__(self, *errors: Exception) -> None:
        self.taken: list[list[str]] = []
        self.errors = list(errors)

    def get_workflow_handle(self, _: str) -> Any:
        return self

    async def signal(self, _: str, hashes: list[str], *, rpc_timeout: Any) -> None:
        del rpc_timeout
        for _number in range(10):
            await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(list(hashes))


async def test_a_thousand_at_once_are_few_signals_and_none_is_lost() -> None:
    temporal = Signals()
    spills = Spills(temporal)  # type: ignore[arg-type]
    hashes = [f"{number:032x}" for number in range(1000)]
    assert all(await asyncio.gather(*(spills.add("r", each) for each in hashes)))
    assert sorted(each for batch in temporal.taken for each in batch) == hashes
    assert len(temporal.taken) <= 2


async def test_what_comes_while_one_is_under_way_goes_with_the_next() -> None:
    temporal = Signals()
    spills = Spills(temporal)  # type: ignore[arg-type]
    first = asyncio.create_task(spills.add("r", "a"))
    for _ in range(4):
        await asyncio.sleep(0)
    more = [asyncio.create_task(spills.add("r", each)) for each in ("b", "c")]
    await asyncio.gather(first, *more)
    assert temporal.taken == [["a"], ["b", "c"]]


async def test_nobody_is_told_that_it_was_taken_when_it_was_not() -> None:
    spills = Spills(Signals(RPCError("down", RPCStatusCode.UNAVAILABLE, b"")))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await spills.add("r", "a")
    assert await spills.add("r", "a"), "the next one is tried anew"


async def test_a_response_that_is_closed_by_now_says_so() -> None:
    spills = Spills(Signals(RPCError("gone", RPCStatusCode.NOT_FOUND, b"")))  # type: ignore[arg-type]
    assert not await spills.add("r", "a")
