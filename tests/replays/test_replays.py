"""Recorded histories replay with today's workflow code: a change that breaks running responses fails here.

After a deliberate change, record anew: `FIREDOOR_RECORD=1 pytest tests/replays`, and say in the change
how responses that run meanwhile are carried over (`workflow.patched`, or worker versioning).
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from tests.conftest import temporal_environment
from tests.harness import POLICY, house, settings_over, strict_sandbox
from tests.replays.constructs import CONSTRUCTS
from tests.replays.desks import DAYS
from tests.toy_world import ToyWorld
from workflows.clearance import Clearance
from workflows.desk import Desk
from workflows.respond import Respond

HISTORIES = Path(__file__).parent / "histories"
RECORDING = bool(os.environ.get("FIREDOOR_RECORD"))


def kept(name: str) -> str:
    return (HISTORIES / f"{name}.json").read_text()


def tidy(history: str) -> str:
    """Forget who recorded it and where."""
    told: dict[str, Any] = json.loads(history)

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: "recorded" if key in ("identity", "lastWorkerIdentity", "binaryChecksum") else walk(item)
                for key, item in value.items()
                if key not in ("stackTrace", "workerVersion")
            }
        return [walk(item) for item in value] if isinstance(value, list) else value

    return json.dumps(walk(told), separators=(",", ":"), sort_keys=True) + "\n"


def commands(history: str) -> list[Any]:
    """What the workflow asked of Temporal: names, timeouts, retries, priorities; not ids, times or data."""
    asked: list[Any] = []
    for event in json.loads(history)["events"]:
        kind = event["eventType"].removeprefix("EVENT_TYPE_")
        if kind == "ACTIVITY_TASK_SCHEDULED":
            told = event["activityTaskScheduledEventAttributes"]
            keep = (
                "scheduleToCloseTimeout",
                "startToCloseTimeout",
                "heartbeatTimeout",
                "retryPolicy",
                "priority",
            )
            asked.append([kind, told["activityType"]["name"], {key: told.get(key) for key in keep}])
        elif kind in (
            "MARKER_RECORDED",
            "TIMER_STARTED",
            "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
            "WORKFLOW_EXECUTION_COMPLETED",
        ):
            asked.append([kind])
    return asked


@pytest.mark.skipif(RECORDING, reason="recorded anew below")
@pytest.mark.parametrize("name", sorted({*CONSTRUCTS, *DAYS}))
async def test_a_recorded_history_replays(name: str) -> None:
    replayer = Replayer(
        workflows=[Respond, Desk, Clearance],
        data_converter=pydantic_data_converter,
        workflow_runner=strict_sandbox(),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json("replayed", kept(name)))


async def test_a_history_with_a_step_more_than_the_code_does_not_replay() -> None:
    """The gate can fail: an activity that today's code does not ask for is noticed."""
    told = json.loads(kept("sequence"))
    for event in told["events"]:
        attributes = event.get("activityTaskScheduledEventAttributes")
        if attributes and attributes["activityType"]["name"] == "toy.shut.apply":
            attributes["activityType"]["name"] = "another"
    replayer = Replayer(
        workflows=[Respond],
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer.replay_workflow(WorkflowHistory.from_json("replayed", json.dumps(told)))


def test_every_construct_has_a_history_and_every_history_a_construct() -> None:
    assert {file.stem for file in HISTORIES.glob("*.json")} == {*CONSTRUCTS, *DAYS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(temporal: WorkflowEnvironment, folder: Path) -> AsyncIterator[WorkflowEnvironment]:
    review = ApprovalRule(from_=("leads",), within=timedelta(hours=4))
    policy = POLICY.model_copy(update={"break_glass": BreakGlass(people=("dave",), review=review)})
    async with house(temporal.client, dataclasses.replace(settings_over(folder), policy=policy)):
        yield temporal


#: Replays do not notice changed arguments and timeouts: these run anew and their commands are compared.
GOLDEN = sorted(CONSTRUCTS) if RECORDING else ["granted", "sequence", "undone"]


@pytest.mark.integration
@pytest.mark.parametrize("name", GOLDEN)
async def test_the_commands_of_a_construct_are_those_recorded(
    running: WorkflowEnvironment, world: ToyWorld, folder: Path, name: str
) -> None:
    world.door("back")
    world.people = folder
    response = await CONSTRUCTS[name](running, world)
    history = tidy((await response.handle.fetch_history()).to_json())
    if RECORDING:
        HISTORIES.mkdir(exist_ok=True)
        (HISTORIES / f"{name}.json").write_text(history)
    assert commands(history) == commands(kept(name))


@pytest.mark.integration
@pytest.mark.skipif(not RECORDING, reason="what they write follows the minute's traffic; replayed above")
@pytest.mark.parametrize("name", sorted(DAYS))
async def test_a_day_of_the_other_workflows_is_recorded(world: ToyWorld, tmp_path: Path, name: str) -> None:
    # On a server of its own: the worker of the constructs would take part in it.
    async with temporal_environment() as env:
        handle = await DAYS[name](env, world, tmp_path)
        (HISTORIES / f"{name}.json").write_text(tidy((await handle.fetch_history()).to_json()))
