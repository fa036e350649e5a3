"""A read that only informs never holds containment up."""

from __future__ import annotations

import threading

import pytest

from activities.aws.informing import Informing
from firedoor.domain.core.errors import Absent, Rejected, Unavailable


def test_an_answer_is_given() -> None:
    assert Informing(lambda: 7).answer() == 7


@pytest.mark.parametrize("error", [Rejected("denied"), Unavailable("slow down"), Absent("none")])
def test_what_is_denied_throttled_or_not_there_is_not_known(error: Exception) -> None:
    def read() -> int:
        raise error

    assert Informing(read).answer() is None


def test_what_is_slow_is_not_known() -> None:
    told = threading.Event()
    asked = Informing(told.wait, within=0.0)
    try:
        assert asked.answer() is None
    finally:
        told.set()


def test_a_fault_of_ours_is_not_swallowed() -> None:
    def read() -> int:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        Informing(read).answer()
