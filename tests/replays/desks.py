"""The workflows beside the response, each for one short day that is recorded and replayed."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.channel.messages import VoteAll
from firedoor.domain.guard.clearance import ClearanceState, FreezeOrder, ThawOrder
from firedoor.domain.response.contract import (
    CLEARANCE,
    FREEZE,
    TASK_QUEUE,
    THAW,
    VOTE_ALL,
    desk_id,
)
from tests.harness import NOW, PEOPLE, say, signed
from tests.office import opened
from tests.toy_world import ToyWorld

Day = Callable[[WorkflowEnvironment, ToyWorld, Path], Awaitable[WorkflowHandle[Any, Any]]]

_WELD = 'steps:\n  - {id: weld_it, action: toy.weld, params: {door: "${{ finding.resources[0].name }}"}}\n'


async def desk(env: WorkflowEnvironment, world: ToyWorld, folder: Path) -> WorkflowHandle[Any, Any]:
    """One card from ask to done with thread and reminder, a rest that Slack asks for, then a storm."""
    async with opened(env, folder) as office:
        handle = env.client.get_workflow_handle(desk_id(office.channel))
        response = await office.begin(_WELD)
        await office.card("Approve")
        await env.fast_forward(response.handle, timedelta(minutes=16))
        await response.until_seen("reminded")
        office.slack.fail("chat.update", status=429, headers={"Retry-After": "1"})
        await response.vote("alice")
        await office.card("Contained")
        doors = [world.door(f"door{number}") for number in range(8)]
        for door in doors:
            await office.begin(_WELD, door)
        await office.until_async(office.known, 8)
        await office.card("Review")
        frozen = await office.gathered()
        word = VoteAll(
            id="w-1",
            sha256=frozen.sha256,
            decision="reject",
            voter=PEOPLE.voter("alice"),
            door="cli",
            reason="bad_time",
            at=datetime.now(UTC),
        )
        await handle.execute_update(VOTE_ALL, signed(word, desk_id(office.channel)), id=word.id)
        for each in office.responses[1:]:
            if each.handle.id in {member.response for member in frozen.members}:
                await each.result()
        return handle


async def clearance(env: WorkflowEnvironment, world: ToyWorld, folder: Path) -> WorkflowHandle[Any, Any]:
    """The switch is thrown and released."""
    id_ = f"{CLEARANCE}-{uuid.uuid4().hex[:6]}"
    async with opened(env, folder):
        switch = await env.client.start_workflow(CLEARANCE, ClearanceState(), id=id_, task_queue=TASK_QUEUE)
        order = FreezeOrder(id="f", person="bob", door="cli", why="a bug", at=NOW)
        await say(env.client, FREEZE, order, id_)
        await say(env.client, THAW, ThawOrder(id="t", person="alice", door="cli", at=NOW), id_)
        await switch.terminate()
        return switch


#: Every such day, by the name of its recorded history.
DAYS: dict[str, Day] = {day.__name__: day for day in (desk, clearance)}
