"""A long life: a response that continues as new while it holds forgets nothing and can be taken back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from firedoor.domain.response import Report
from tests.conftest import temporal_environment
from tests.harness import begin, house, playbook, settings_over
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

PLAYBOOK = """
hold: 7d
steps:
  - {id: shut_it, action: toy.shut, params: {door: front}}
"""


async def test_a_response_that_continues_as_new_keeps_its_ledger_and_its_undo(
    world: ToyWorld, tmp_path: Path
) -> None:
    # The server suggests it after 40 events here, instead of 4 096.
    async with (
        temporal_environment("limit.historyCount.suggestContinueAsNew=40") as env,
        house(env.client, settings_over(tmp_path)),
    ):
        response = await begin(env.client, playbook(PLAYBOOK))
        first = await response.until("contained")
        run_id = (await response.handle.describe()).run_id
        for _ in range(5):
            await env.fast_forward(response.handle, timedelta(hours=12))
            if (await env.client.get_workflow_handle(response.handle.id).describe()).run_id != run_id:
                break
        now = await env.client.get_workflow_handle(response.handle.id).describe()
        assert now.run_id != run_id, "it never continued as new"
        assert now.status == WorkflowExecutionStatus.RUNNING
        response.handle = env.client.get_workflow_handle(response.handle.id, result_type=Report)
        report = await response.report()
        assert report.status == "contained"
        assert report.entries[: len(first.entries)] == first.entries
        assert report.owed == ("shut_it",)
        await response.ask_undo("alice")
        await response.vote("bob")
        await response.until_seen("undone")
        assert world.effects() == ["shut front", "open front"]
