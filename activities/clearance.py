"""The kill switch as the hands ask for it: right before the world is touched, never from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from temporalio import activity
from temporalio.client import Client

from activities.error_translation import translated
from firedoor.domain.core.errors import Absent, FiredoorError, Unavailable
from firedoor.domain.guard.clearance import Freezes, Places
from firedoor.domain.response.contract import IS_FROZEN
from firedoor.temporal.calls import freezes_of, stand_up

_PATIENT = 20.0  # seconds; a worker in a storm answers late, and to fail all who wait would double the storm
_WITHIN = 2 * _PATIENT + 5  # it may wait for the question before its own
_PAUSE = 0.2


class KillSwitch:
    """Asks Temporal what is frozen. No answer means that nothing may be changed.

    However many hands ask at once, one question is on its way: it answers all who asked before it was
    sent, and whoever comes later waits for the next. So nobody gets an answer older than their question.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._sent: asyncio.Task[Freezes] | None = None
        self._next: asyncio.Task[Freezes] | None = None
        self._known: Freezes | None = None  # what it held when it was asked last
        self._begun = self._loop.create_task(self._begin())

    async def _begin(self) -> None:
        """Have it run before the first change asks for it; where that fails now, the question does it."""
        with suppress(FiredoorError):
            await stand_up(self._client)

    async def freezes(self) -> Freezes:
        """Tell what is frozen now; raises `Unavailable` where that cannot be known."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._sent))
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[Freezes] | None) -> Freezes:
        if before is not None:
            await asyncio.wait([before])
        self._sent, self._next = self._next, None
        self._known = await self._question()
        return self._known

    async def _question(self) -> Freezes:
        until = self._loop.time() + _PATIENT
        while True:
            try:
                return await self._once()
            except Unavailable:
                if self._loop.time() >= until:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _once(self) -> Freezes:
        try:
            return await freezes_of(self._client)
        except Absent:
            await stand_up(self._client, self._known)
        try:
            return await freezes_of(self._client)
        except Absent as error:
            raise Unavailable(error.found, mend="look at the workflow `clearance` in Temporal") from None

    def ask(self, account: str, playbook: str) -> Callable[[], str | None]:
        """Begin to ask, from a thread; what is returned waits for the answer: why not, or None.

        It is begun with the last look at the world, so that it costs an attacker's time nothing.
        Waiting raises `Unavailable` where no answer comes.
        """
        asked = asyncio.run_coroutine_threadsafe(self.freezes(), self._loop)

        def objection() -> str | None:
            try:
                now = asked.result(_WITHIN)
            except TimeoutError:
                asked.cancel()
                raise Unavailable("whether the kill switch is thrown is not known in time") from None
            return now.objection(account, playbook)

        return objection

    @activity.defn(name=IS_FROZEN)
    async def is_frozen(self, places: Places) -> str:
        """Say why nothing may be changed in one of these places; "" where it may in all."""
        with translated():
            return places.objection(await self.freezes()) or ""
