"""A read that only informs: denied, throttled or slow, it is "not known", and nothing waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from firedoor.domain.core.errors import Rejected, Unavailable

T = TypeVar("T")

#: Seconds after which a plan goes on without the answer; a look at AWS takes a tenth of one.
WITHIN: Final = 3.0

_POOL = ThreadPoolExecutor(32, thread_name_prefix="inform")


class Informing(Generic[T]):
    """One such read; it begins at once, beside the reads that decide."""

    def __init__(self, read: Callable[[], T], within: float = WITHIN) -> None:
        self._until = time.monotonic() + within
        self._future = _POOL.submit(read)

    def answer(self) -> T | None:
        """Return the answer, None where there is none by now.

        What the vendor says is not there (`Absent`) is no answer either: a read to which that is one
        catches it itself.
        """
        try:
            return self.result()
        except (Rejected, Unavailable):
            return None

    def result(self) -> T:
        """Return the answer, or raise why there is none; what is slow is `Unavailable`."""
        try:
            return self._future.result(max(self._until - time.monotonic(), 0.0))
        except TimeoutError:
            raise Unavailable("a read that only informs gave no answer in time", code="Slow") from None
