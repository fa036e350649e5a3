"""Spills: findings that a full response only counts, handed over many at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.core.errors import Unavailable
from firedoor.domain.response.contract import SPILL
from firedoor.temporal.calls import PATIENCE, unavailable


@dataclass
class _Batch:
    hashes: list[str] = field(default_factory=list)
    sent: asyncio.Task[bool] | None = None


class Spills:
    """One signal is on its way to a response at a time; what comes meanwhile goes with the next one.

    So a flood costs a history few events, and each finding is still durable before it is answered.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._next: dict[str, _Batch] = {}
        self._last: dict[str, asyncio.Task[bool]] = {}

    async def add(self, response: str, sha256: str) -> bool:
        """Hand one over; False where the response is not open any more."""
        batch = self._next.get(response)
        if batch is None:
            batch = self._next[response] = _Batch()
            batch.sent = asyncio.create_task(self._send(response, batch, self._last.get(response)))
            self._last[response] = batch.sent
        batch.hashes.append(sha256)
        if batch.sent is None:  # pragma: no cover - it is set above
            return False
        return await asyncio.shield(batch.sent)

    async def _send(self, response: str, batch: _Batch, before: asyncio.Task[bool] | None) -> bool:
        if before is not None:
            await asyncio.wait([before])
        await asyncio.sleep(0)  # whoever came with it goes with it
        del self._next[response]
        try:
            handle = self._client.get_workflow_handle(response)
            await asyncio.wait_for(
                handle.signal(SPILL, batch.hashes, rpc_timeout=PATIENCE), PATIENCE.total_seconds() + 0.5
            )
        except TimeoutError:
            raise Unavailable("Temporal does not answer", mend="send it again", retry_after=5) from None
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise unavailable(error) from None
        finally:
            if self._last.get(response) is batch.sent:
                del self._last[response]
        return True
