"""A benchmark's figures are the medians of its rounds, and its ratios those of each round with itself."""

from __future__ import annotations

import pytest

from tests.bench.results import results_of
from tests.bench.rounds import Block


def blocks(milliseconds: float, cpu: float) -> list[Block]:
    times = (milliseconds, milliseconds, 1000.0)
    return [
        Block(contained=times, answered=times, verified=times, cpu={"x worker": cpu, "aws": 9.0}, calls=12)
    ]


def test_a_slow_round_does_not_move_the_ratio_because_each_round_is_compared_with_itself() -> None:
    quiet = {"ours": blocks(15, 0.3), "floor": blocks(10, 0.15), "floor_one": blocks(5, 0.1)}
    noisy = {"ours": blocks(60, 0.3), "floor": blocks(40, 0.15), "floor_one": blocks(20, 0.1)}
    unlucky = {"ours": blocks(90, 0.3), "floor": blocks(10, 0.15), "floor_one": blocks(5, 0.1)}

    results = results_of([quiet, noisy, unlucky], sizes=(), duplicates=0, redeliveries=100)

    contained, _, cpu, *_ = results.rows
    assert contained.ratios == (1.5, 1.5, 9.0)
    assert (contained.ours, contained.floor) == (60, 10)
    assert (cpu.ours, cpu.floor) == pytest.approx((100, 50))
    assert results.calls["ours"] == 4
