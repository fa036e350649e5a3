"""What others know, asked once at a time and believed for at most a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from firedoor.domain.core.errors import FiredoorError, Unavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

#: How long an answer is believed, counted from when it was asked for: what it says was true after that.
BELIEVED = timedelta(seconds=60)
#: How long nobody is asked again after a failure, so that a vendor who is down is not asked at every click.
_RESTS = timedelta(seconds=2)
_MANY = 1_000  # answers; those that nobody believes any more are dropped beyond


@dataclass(frozen=True)
class _Answer(Generic[V]):
    at: datetime
    value: V | None = None
    failed: Unavailable | None = None


class Answers(Generic[K, V]):
    """Answers to one kind of question. Callers that ask the same at once share one call.

    Whatever goes wrong is `Unavailable`, never an older answer. `within` bounds a
    call in seconds; `clock` tells the time with its zone.
    """

    def __init__(
        self, ask: Callable[[K], Awaitable[V]], *, what: str, clock: Callable[[], datetime], within: float
    ) -> None:
        self._ask = ask
        self._what = what  # how the failure is told, such as `Slack`
        self._clock = clock
        self._within = within
        self._known: dict[K, _Answer[V]] = {}
        self._asking: dict[K, asyncio.Task[_Answer[V]]] = {}

    async def of(self, key: K) -> V:
        """Return the answer for `key`, at most a minute old; raises `Unavailable`."""
        answer = self._known.get(key)
        if answer is None or not self._holds(answer):
            answer = await self._asked(key)
        if answer.failed is not None:
            raise Unavailable(answer.failed.found, mend=answer.failed.mend)
        return answer.value  # type: ignore[return-value]  # no failure, so there is one (it may be None)

    def _holds(self, answer: _Answer[V]) -> bool:
        # A clock that was set back makes an age negative; how old the answer is cannot be told then.
        return timedelta() <= self._clock() - answer.at < (_RESTS if answer.failed else BELIEVED)

    async def _asked(self, key: K) -> _Answer[V]:
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._call(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: one caller who gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _call(self, key: K) -> _Answer[V]:
        at = self._clock()
        try:
            async with asyncio.timeout(self._within):
                answer = _Answer(at, value=await self._ask(key))
        except TimeoutError:
            answer = _Answer(at, failed=Unavailable(f"{self._what} did not answer in time"))
        except FiredoorError as error:
            answer = _Answer(at, failed=Unavailable(error.found, mend=error.mend))
        except (OSError, ValueError, TypeError, LookupError) as error:
            # An answer in a shape that nobody foresaw; its words may hold anything.
            answer = _Answer(
                at, failed=Unavailable(f"{self._what} gave no usable answer: {type(error).__name__}")
            )
        if len(self._known) >= _MANY:
            self._known = {known: each for known, each in self._known.items() if self._holds(each)}
        self._known[key] = answer
        return answer
