"""The on-call desk of one channel: the single writer of its messages, paced, the most urgent first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from firedoor.domain.channel.messages import (
    BoardState,
    Cast,
    CastOrder,
    FrozenSet,
    GatherOrder,
    Notice,
    VoteAll,
    WriteOrder,
    Written,
)
from firedoor.domain.channel.scheduler import Board
from firedoor.domain.response.bounds import RUN_EVENTS
from firedoor.domain.response.contract import BOARD, CAST, DESK, FROZEN, GATHER, TELL, VOTE_ALL, WRITE
from workflows.calling import patient, reason, refuse

#: When the desk looks again although nothing came: whatever it waits for, it does not wait longer.
_IDLE = timedelta(hours=6)
_OVER = "nothing of this line is being asked any more"


@workflow.defn(name=DESK)
class Desk:
    """One desk. What is written next, the board says; this is its order in time."""

    @workflow.init
    def __init__(self, state: BoardState) -> None:
        """Have all state before the first message arrives."""
        self.board = Board(state, workflow.now())
        self.news = False
        self.casts: list[asyncio.Task[None]] = []

    @workflow.run
    async def run(self, state: BoardState) -> None:
        """Write for ever; a long history is left behind by continuing as new."""
        del state  # it came to __init__
        writing = asyncio.create_task(self._write_on())
        while not writing.done():
            try:
                await workflow.wait_condition(writing.done)
            except asyncio.CancelledError:
                workflow.logger.error("somebody tried to cancel the desk; it writes on")
        return writing.result()

    async def _write_on(self) -> None:
        for left in list(self.board.sets.casting):
            self._begin(left)
        while True:
            if self._is_long(1) and not (self._casting() and not self._is_long(2)):
                # A word that is being handed out is handed out again by the next run; each counts it once.
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.board.carry(workflow.now()))
            order, wake = self.board.next(workflow.now())
            if order is not None:
                await self._write(order)
                continue
            self.news = False
            patience = wake - workflow.now() if wake is not None else _IDLE
            try:
                await workflow.wait_condition(
                    lambda: self.news, timeout=max(patience, timedelta(milliseconds=1))
                )
            except TimeoutError:
                continue

    def _is_long(self, times: int) -> bool:
        """Whether this run should hand on, well before any limit; a flood of notices costs an event each."""
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested() and times == 1
        ) or info.get_current_history_length() > times * RUN_EVENTS

    async def _write(self, order: WriteOrder) -> None:
        try:
            written: Written = await workflow.execute_activity(
                WRITE,
                order,
                result_type=Written,
                summary=f"{order.what} {order.response or 'digest'}"[:200],
                **patient("write"),
            )
        except ActivityError as error:
            workflow.logger.warning("the desk could not write: %s", reason(error))
            self.board.failed(order, workflow.now())
            return
        self.board.written(order, written, workflow.now())

    # ---- a word about many -----------------------------------------------------------

    def _casting(self) -> bool:
        self.casts = [task for task in self.casts if not task.done()]
        return bool(self.casts)

    def _begin(self, order: CastOrder) -> None:
        self.casts.append(asyncio.create_task(self._cast(order)))

    async def _cast(self, order: CastOrder) -> None:
        try:
            told: Cast = await workflow.execute_activity(
                CAST,
                order,
                result_type=Cast,
                summary=f"{order.word.decision} {len(order.members)} asks",
                **patient("cast"),
            )
        except ActivityError as error:
            workflow.logger.error("a word about many could not be handed out: %s", reason(error))
            told = Cast(
                word=order.word, counted=0, refused={"it could not be handed out": len(order.members)}
            )
        self.board.cast(order, told)
        self.news = True

    # ---- messages --------------------------------------------------------------------

    @workflow.signal(name=TELL)
    def tell(self, notice: Notice) -> None:
        """Take in what a response has to show."""
        self.board.take(notice, workflow.now())
        self.news = True

    @workflow.signal(name=FROZEN)
    def frozen(self, says: str) -> None:
        """Take in that the kill switch was thrown, or released ("")."""
        self.board.freeze(says)
        self.news = True

    @workflow.update(name=GATHER)
    def gather(self, order: GatherOrder) -> FrozenSet:
        """Freeze what one line of a digest stands for now."""
        frozen = self.board.gather(order, workflow.now())
        if frozen is None:  # the validator has looked
            raise ApplicationError(_OVER, type="Objection")
        return frozen

    @gather.validator
    def _check_gather(self, order: GatherOrder) -> None:
        refuse(None if self.board.line(order) is not None else _OVER)

    @workflow.update(name=VOTE_ALL)
    def vote_all(self, word: VoteAll) -> None:
        """Take one word about every ask of a frozen set; it is durable when this returns."""
        self._begin(self.board.sets.vote(word))

    @vote_all.validator
    def _check_vote_all(self, word: VoteAll) -> None:
        refuse(self.board.sets.objection(word, workflow.now()))

    @workflow.query(name=BOARD)
    def state(self) -> BoardState:
        """Tell what the desk knows."""
        return self.board.carry()
