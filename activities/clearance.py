"""The kill switch as the hands ask for it: right before the world is touched, never from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from temporalio.client import Client

from firedoor.domain.clearance import Freezes
from firedoor.domain.errors import Unavailable
from firedoor.temporal import freezes_of

_WITHIN = 4.0  # seconds


class KillSwitch:
    """Asks Temporal what is frozen. No answer means that nothing may be changed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()

    async def freezes(self) -> Freezes:
        """Tell what is frozen now; raises `Unavailable` where that cannot be known."""
        return await freezes_of(self._client)

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
