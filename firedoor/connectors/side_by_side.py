"""Two reads side by side: neither needs the other's answer, and an attacker does not wait for the second."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

_POOL = ThreadPoolExecutor(32, thread_name_prefix="read")


def side_by_side(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Make two reads at once; an error of the first comes before one of the second, as if made in order."""
    other = _POOL.submit(second)
    try:
        mine = first()
    except BaseException:
        other.exception()  # it is waited for, so that no call goes on behind the answer
        raise
    return mine, other.result()
