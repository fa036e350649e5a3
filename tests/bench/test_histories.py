"""History stays small: what a response costs in Temporal's history, of the product's own processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from temporalio.client import Client

from firedoor.app.embedded import NAMESPACE
from tests.bench.houses import running
from tests.bench.rounds import events_of_duplicates, leaked_keys, size_of_chain


@pytest.mark.integration
async def test_a_response_costs_eight_events_and_six_an_action_and_duplicates_none(tmp_path: Path) -> None:
    chains: dict[int, Sequence[tuple[str, str]]] = {}

    def make(aws: str) -> Mapping[int, Sequence[tuple[str, str]]]:
        chains.update({steps: leaked_keys(aws, steps) for steps in (1, 2, 5)})
        return chains

    with running(tmp_path, make) as houses:
        client = await Client.connect(houses.temporal, namespace=NAMESPACE)
        for steps, keys in chains.items():
            assert (await size_of_chain(houses, client, steps, keys)).events <= 8 + 6 * steps
        (key,) = leaked_keys(houses.aws, 1)
        assert await events_of_duplicates(houses, client, key, redeliveries=100) == 0
