"""Clearance: the kill switch, one workflow that every hand asks before it touches the world."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

from firedoor.domain.approval.words import Word, keyid_of
from firedoor.domain.guard.clearance import (
    MOST_WAITING,
    ClearanceState,
    FreezeOrder,
    Freezes,
    ThawOrder,
    Waiting,
    freeze_objection,
    frozen,
    thaw_objection,
    thawed,
)
from firedoor.domain.response.contract import (
    CLEARANCE,
    CLEARANCE_ID,
    CLEARANCE_STATE,
    FREEZE,
    FREEZES,
    FROZEN,
    KEYS,
    LEARN_KEY,
    THAW,
    THAWED,
    WAIT,
    desk_id,
)
from firedoor.domain.response.messages import GatewayKeys, KeyOffer
from workflows.calling import patient, reason, refuse
from workflows.hearing import hear

_REMEMBERED = 200  # words that counted; an older one is told by its time
_LEARNS_AGAIN = timedelta(minutes=1)  # how soon it asks again which gateways are ours
_A_BATCH = 20  # responses that are woken before the next ones are
#: When a run hands on to the next: far below what a server lets one run hold.
_MOST_MESSAGES = 500
_MOST_EVENTS = 2000


@workflow.defn(name=CLEARANCE)
class Clearance:
    """Holds what is frozen, for ever; a long history is left behind by continuing as new."""

    @workflow.init
    def __init__(self, state: ClearanceState) -> None:
        """Have all state before the first message arrives."""
        self.now = state.now
        self.waiting = {each.response: each for each in state.waiting}
        self.messages = 0
        self.keys = state.gateway_keys
        self.heard = list(state.heard)
        self.learnt: datetime | None = None
        self.free: dict[str, Waiting] = {}  # those of them that a thaw lets go on, and who are not told yet
        self._thawed()

    @workflow.run
    async def run(self, state: ClearanceState) -> None:
        """Wait for messages, and wake those whom a thaw lets go on; a cancel ends nothing."""
        del state  # it came to __init__
        while True:
            try:
                await self._serve()
            except asyncio.CancelledError:
                workflow.logger.error("somebody tried to cancel the kill switch; it stays as it is")

    async def _serve(self) -> None:
        if not self.keys:
            await self._learn()
        while not self._is_long():
            await workflow.wait_condition(lambda: self._is_long() or bool(self.free))
            await self._wake()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.state())

    def _is_long(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or self.messages >= _MOST_MESSAGES
            or info.get_current_history_length() >= _MOST_EVENTS
        )

    async def _wake(self) -> None:
        """Wake some of those who wait; each is told how many are woken, and spreads itself over time."""
        among = len(self.free)
        batch = list(self.free.values())[:_A_BATCH]
        for each in batch:
            del self.free[each.response], self.waiting[each.response]
        try:
            await asyncio.gather(*(self._signal(each.response, THAWED, among) for each in batch))
        except asyncio.CancelledError:
            for each in batch:  # told once more rather than not at all
                self.waiting.setdefault(each.response, each)
            self._thawed()
            raise

    def _thawed(self) -> None:
        self.free = {id_: each for id_, each in self.waiting.items() if each.is_free(self.now)}

    @workflow.update(name=FREEZE)
    async def freeze(self, order: FreezeOrder) -> Freezes:
        """Throw the switch, and have it shown on every open card."""
        self._count(order)
        self.now = frozen(self.now, order)
        self._thawed()  # those who were to be woken may have to wait on
        workflow.logger.warning("frozen by %s over %s", order.person, order.door)
        await self._tell(order.desk)
        return self.now

    @freeze.validator
    def _check_freeze(self, order: FreezeOrder) -> None:
        hear(order, CLEARANCE_ID, self.keys)
        refuse(self._said_before(order) or freeze_objection(self.now, order))

    @workflow.update(name=THAW)
    async def thaw(self, order: ThawOrder) -> Freezes:
        """Release the switch; who waits for it is woken after this has returned."""
        self._count(order)
        self.now = thawed(self.now, order)
        self._thawed()
        workflow.logger.warning("thawed by %s over %s", order.person, order.door)
        await self._tell(order.desk)
        return self.now

    @thaw.validator
    def _check_thaw(self, order: ThawOrder) -> None:
        hear(order, CLEARANCE_ID, self.keys)
        refuse(self._said_before(order) or thaw_objection(self.now, order))

    def _count(self, order: Word) -> None:
        self.messages += 1
        self.heard = [*self.heard[1 - _REMEMBERED :], order.id]

    def _said_before(self, order: Word) -> str | None:
        """Say why a word does not count: whoever reaches Temporal could send an old one once more."""
        return "this was said already; once is enough" if order.id in self.heard else None

    # ---- whose words count -------------------------------------------------------------

    @workflow.update(name=LEARN_KEY)
    async def learn_key(self, offer: KeyOffer) -> None:
        """Ask a worker which gateways are ours, for one whose key is newer than what is known here."""
        self.messages += 1
        await self._learn()
        if offer.key not in map(keyid_of, self.keys):
            raise ApplicationError("no worker knows this key as one of our gateways'", type="Objection")

    @learn_key.validator
    def _check_learn_key(self, offer: KeyOffer) -> None:
        if offer.key in map(keyid_of, self.keys):
            refuse("this key is known here")
        soon = self.learnt is not None and bool(self.keys) and workflow.now() - self.learnt < _LEARNS_AGAIN
        refuse("which keys are known was asked a moment ago; try again soon" if soon else None)

    async def _learn(self) -> None:
        self.learnt = workflow.now()
        try:
            known: GatewayKeys = await workflow.execute_activity(
                KEYS,
                CLEARANCE_ID,
                result_type=GatewayKeys,
                summary="which gateways are ours?",
                **patient("confirm"),
            )
        except ActivityError as error:
            workflow.logger.error("which gateways are ours could not be asked: %s", reason(error))
            return
        self.keys = known.keys

    @workflow.signal(name=WAIT)
    def wait(self, waiting: Waiting) -> None:
        """Remember a parked response; where nothing is frozen for it any more it is woken at once."""
        self.messages += 1
        if len(self.waiting) < MOST_WAITING or waiting.response in self.waiting:
            self.waiting[waiting.response] = waiting
            if waiting.is_free(self.now):
                self.free[waiting.response] = waiting

    @workflow.query(name=FREEZES)
    def freezes(self) -> Freezes:
        """Tell what is frozen now."""
        return self.now

    @workflow.query(name=CLEARANCE_STATE)
    def state(self) -> ClearanceState:
        """Tell all that it holds, also after it was ended by force."""
        return ClearanceState(
            now=self.now,
            waiting=tuple(self.waiting.values()),
            gateway_keys=self.keys,
            heard=tuple(self.heard),
        )

    async def _tell(self, desk: str | None) -> None:
        if desk is not None:
            await self._signal(desk_id(desk), FROZEN, self.now.says())

    async def _signal(self, whom: str, name: str, told: object) -> None:
        try:
            await workflow.get_external_workflow_handle(whom).signal(name, told)
        except FailureError:
            workflow.logger.info("%s is not there to be told", whom)
