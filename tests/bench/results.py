"""What a run came to: per measure, the median of the rounds' ratios beside the absolute figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from tests.bench.rounds import Block, Size, median

_EMULATOR = "aws"


@dataclass(frozen=True)
class Row:
    """One measure: medians of the rounds, and in each round ours over a floor."""

    name: str
    limit: float | None
    ours: float  # milliseconds, as all of these
    floor: float
    floor_one: float
    ratios: tuple[float, ...]
    ratios_one: tuple[float, ...]


@dataclass(frozen=True)
class Results:
    """Everything that is reported."""

    rows: tuple[Row, ...]
    cpu: Mapping[str, Mapping[str, float]]  # contender -> process -> CPU milliseconds per response
    calls: Mapping[str, float]
    sizes: tuple[Size, ...]
    duplicates: int
    redeliveries: int
    rounds: int
    responses: int


def results_of(
    measured: Sequence[Mapping[str, Sequence[Block]]],
    sizes: Sequence[Size],
    duplicates: int,
    redeliveries: int,
) -> Results:
    """Bring the rounds together."""
    every = {name: [block for taken in measured for block in taken[name]] for name in measured[0]}
    return Results(
        rows=(
            _row("webhook to the key inactive, p50", 1.5, measured, _p50("contained")),
            _row("… and verified, its ledger entries durable, p50", 1.5, measured, _p50("verified")),
            _row("CPU a response: gateway, worker, Temporal", 2.0, measured, _cpu(without=_EMULATOR)),
            _row("… and the emulator of AWS", 2.0, measured, _cpu()),
            _row("webhook to its 202, p50", None, measured, _p50("answered")),
        ),
        cpu={
            name: {
                part: 1000 * sum(block.cpu[part] for block in blocks) / _count(blocks)
                for part in blocks[0].cpu
            }
            for name, blocks in every.items()
        },
        calls={name: sum(block.calls for block in blocks) / _count(blocks) for name, blocks in every.items()},
        sizes=tuple(sizes),
        duplicates=duplicates,
        redeliveries=redeliveries,
        rounds=len(measured),
        responses=_count(measured[0]["ours"]),
    )


Figure = Callable[[Sequence[Block]], float]


def _row(
    name: str, limit: float | None, measured: Sequence[Mapping[str, Sequence[Block]]], figure: Figure
) -> Row:
    rounds = {who: [figure(taken[who]) for taken in measured] for who in measured[0]}
    return Row(
        name=name,
        limit=limit,
        ours=median(rounds["ours"]),
        floor=median(rounds["floor"]),
        floor_one=median(rounds["floor_one"]),
        ratios=_ratios(rounds["ours"], rounds["floor"]),
        ratios_one=_ratios(rounds["ours"], rounds["floor_one"]),
    )


def _ratios(ours: Sequence[float], floor: Sequence[float]) -> tuple[float, ...]:
    return tuple(o / f for o, f in zip(ours, floor, strict=True))


def _p50(what: str) -> Figure:
    return lambda blocks: median(list(chain.from_iterable(getattr(block, what) for block in blocks)))


def _cpu(without: str = "") -> Figure:
    def figure(blocks: Sequence[Block]) -> float:
        used = sum(seconds for block in blocks for part, seconds in block.cpu.items() if part != without)
        return 1000 * used / _count(blocks)

    return figure


def _count(blocks: Sequence[Block]) -> int:
    return sum(len(block.contained) for block in blocks)
