"""What a response is started with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from temporalio.client import Client

from firedoor.domain.response.messages import Incident
from firedoor.gateway.intake.dispatch import Engine
from tests.harness import GATEWAY_KEY, NOW, finding, playbook


class Started:
    """Stands where Temporal would: keeps what is started."""

    def __init__(self) -> None:
        self.incidents: list[Incident] = []

    async def start_workflow(self, name: str, incident: Incident, **how: Any) -> None:
        del name, how
        self.incidents.append(incident)


async def test_a_response_carries_the_playbook_that_is_in_force_and_its_hash_whatever_was_before() -> None:
    first = playbook("steps:\n  - {id: shut_it, action: toy.shut, params: {door: front}}\n")
    second = playbook("steps:\n  - {id: shut_it, action: toy.shut, params: {door: back}}\n")
    in_force, client = [first], Started()
    engine = Engine(cast("Client", client), lambda: in_force, lambda: NOW, gateway_keys=(GATEWAY_KEY,))
    for number, now in enumerate((first, first, second, first)):
        in_force[:] = [now]
        await engine.take(finding(modified=NOW + timedelta(minutes=number)), source="acme")
    carried = [(each.playbook, each.playbook_sha256) for each in client.incidents]
    assert carried == [(now, now.sha256) for now in (first, first, second, first)]
    assert first.sha256 != second.sha256
