"""What a run came to: per measure, the median of the rounds' ratios beside the absolute figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from tests.bench.rounds import Block, Size, median

#: In CPU per response, everything counts but the emulator of AWS, which is not ours.
_NOT_OURS = "aws"


@dataclass(frozen=True)
class Row:
    """One measure: medians over all rounds, and ours over the floor per round."""

    name: str
    unit: str
    limit: float
    ours: float
    floor: float
    floor_one: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios: what the limit is about."""
        return median(self.ratios)

    @property
    def ratio_one(self) -> float:
        """Ours over the floor with one activity."""
        return self.ours / self.floor_one


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
            _row(
                "webhook to the key inactive, p50",
                "ms",
                1.5,
                measured,
                lambda blocks: _p50(blocks, "contained"),
            ),
            _row(
                "… and verified, its ledger entries durable, p50",
                "ms",
                1.5,
                measured,
                lambda blocks: _p50(blocks, "verified"),
            ),
            _row("CPU a response, without the emulator", "ms", 2.0, measured, _cpu),
            _row("webhook to its 202, p50", "ms", 0, measured, lambda blocks: _p50(blocks, "answered")),
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


def _row(
    name: str,
    unit: str,
    limit: float,
    measured: Sequence[Mapping[str, Sequence[Block]]],
    figure: Callable[[Sequence[Block]], float],
) -> Row:
    rounds = {who: [figure(taken[who]) for taken in measured] for who in measured[0]}
    return Row(
        name=name,
        unit=unit,
        limit=limit,
        ours=median(rounds["ours"]),
        floor=median(rounds["floor"]),
        floor_one=median(rounds["floor_one"]),
        ratios=tuple(o / f for o, f in zip(rounds["ours"], rounds["floor"], strict=True)),
    )


def _p50(blocks: Sequence[Block], what: str) -> float:
    return median(list(chain.from_iterable(getattr(block, what) for block in blocks)))


def _cpu(blocks: Sequence[Block]) -> float:
    used = sum(seconds for block in blocks for part, seconds in block.cpu.items() if part != _NOT_OURS)
    return 1000 * used / _count(blocks)


def _count(blocks: Sequence[Block]) -> int:
    return sum(len(block.contained) for block in blocks)
