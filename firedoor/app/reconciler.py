"""Reconciler: looks once a minute for responses whose run was ended from outside, and has them taken up."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from firedoor.domain.core.errors import FiredoorError, Rejected
from firedoor.domain.response.contract import RESPOND
from firedoor.temporal.recovery import taken_up

log = structlog.get_logger("firedoor.temporal.recovery")

EVERY = timedelta(minutes=1)
#: How far it looks back: longer than any house is without a worker, and within what servers keep.
_BACK = timedelta(days=30)
_WITHIN = timedelta(seconds=20)  # for reading a long history once more
_MOST = 500  # runs in one look; the rest is for the next
_REMEMBERED = 10_000
_ENDED = "('Terminated', 'Failed', 'TimedOut', 'Canceled')"


class Reconciler:
    """One look after the other. Every worker has one; of several that see the same run one takes it up."""

    def __init__(self, client: Client, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._clock = clock
        self._done: OrderedDict[str, None] = OrderedDict()  # run ids that need no second look

    async def run(self) -> None:
        """Look for ever; a look that fails is made again."""
        while True:
            try:
                await self.look()
            except (FiredoorError, RPCError, TimeoutError) as error:
                log.warning("ended responses could not be looked for", why=str(error))
            # Workers that were started together do not all ask in the same second.
            await asyncio.sleep(EVERY.total_seconds() * random.uniform(1, 1.2))  # noqa: S311 - no secret

    async def look(self) -> int:
        """Take up what was ended from outside; returns how many there were."""
        since = (self._clock() - _BACK).isoformat()
        wanted = f"WorkflowType = '{RESPOND}' AND ExecutionStatus IN {_ENDED} AND CloseTime > '{since}'"
        found = [each async for each in self._client.list_workflows(wanted, limit=_MOST)]
        count = 0
        for each in found:
            if each.run_id not in self._done:
                count += await self._take_up(each.id, each.run_id)
        return count

    async def _take_up(self, response: str, run: str) -> bool:
        latest = await self._client.get_workflow_handle(response).describe()
        try:
            done = latest.run_id == run and await taken_up(self._client, response, within=_WITHIN)
        except Rejected:
            done = False  # it is told in the log and counted; a newer worker may be able to
        except FiredoorError as error:
            log.warning("a response that was ended waits", response=response, why=str(error))
            return False
        self._done[run] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return done
