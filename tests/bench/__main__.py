"""`make bench`: Firedoor beside a hand-written floor, in one run, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog
from temporalio.client import Client

from firedoor.app.embedded import NAMESPACE
from tests.bench import asking, page
from tests.bench.asking_page import asking_table
from tests.bench.houses import Houses, running
from tests.bench.office import office
from tests.bench.results import Results, results_of
from tests.bench.rounds import (
    Block,
    block,
    contenders,
    events_of_duplicates,
    idling,
    leaked_keys,
    size_of_chain,
)

_CHAINS = range(1, 6)
_REDELIVERIES = 100


async def measure(
    houses: Houses, chains: Mapping[int, Sequence[tuple[str, str]]], rounds: int, responses: int
) -> Results:
    """Warm up, measure the histories, then the rounds."""
    client = await Client.connect(houses.temporal, namespace=NAMESPACE)
    sizes = [await size_of_chain(houses, client, steps, keys) for steps, keys in chains.items()]
    (twice,) = leaked_keys(houses.aws, 1)
    duplicates = await events_of_duplicates(houses, client, twice, _REDELIVERIES)
    ours, floor, one = contenders(houses)
    for contender in (ours, floor, one):
        await block(houses, client, contender, 10, dict.fromkeys(houses.processes, 0.0))
    measured: list[dict[str, list[Block]]] = []
    for number in range(rounds):
        taken: dict[str, list[Block]] = {}
        idle = await idling(houses)
        # A B B A, and the next round B A A B: being first after the quiet must not favour anybody.
        first, second = (floor, ours) if number % 2 == 0 else (ours, floor)
        for contender in (first, second, one, one, second, first):
            taken.setdefault(contender.name, []).append(
                await block(houses, client, contender, responses, idle)
            )
        measured.append(taken)
        sys.stderr.write(page.line(number, taken))
    return results_of(measured, sizes, duplicates, _REDELIVERIES)


async def measure_asking(folder: Path, said: argparse.Namespace) -> asking.Asking:
    """Measure what people wait for."""
    async with office(folder) as running_office:
        return await asking.measure(
            running_office,
            cards=said.cards,
            few=said.votes // 2,
            asks=said.asks,
            votes=said.votes,
            findings=said.findings,
        )


def main() -> None:
    """Measure, print, and with --write keep the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--responses", type=int, default=20, help="in each block, two blocks a round")
    parser.add_argument("--cards", type=int, default=50, help="cards and deciding votes in a quiet channel")
    parser.add_argument("--asks", type=int, default=2000, help="asks that are open while people vote")
    parser.add_argument("--votes", type=int, default=300, help="with that many open; half as many with 20")
    parser.add_argument("--findings", type=int, default=200, help="at once, into one channel")
    parser.add_argument(
        "--write", action="store_true", help="rewrite docs/reference/performance.md and .json"
    )
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    chains: dict[int, Sequence[tuple[str, str]]] = {}

    def make_chains(aws: str) -> Mapping[int, Sequence[tuple[str, str]]]:
        chains.update({steps: leaked_keys(aws, steps) for steps in _CHAINS})
        return chains

    with (
        tempfile.TemporaryDirectory(prefix="firedoor-bench-") as folder,
        running(Path(folder), make_chains) as houses,
    ):
        results = asyncio.run(measure(houses, chains, arguments.rounds, arguments.responses))
    with tempfile.TemporaryDirectory(prefix="firedoor-bench-") as folder:
        asked = asyncio.run(measure_asking(Path(folder), arguments))
    sys.stdout.write(page.table(results) + "\n" + asking_table(asked))
    if arguments.write:
        page.write(results, asked)


if __name__ == "__main__":
    main()
