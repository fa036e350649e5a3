"""The writer of the on-call desk: one message at a time, drawn from how a response stands at that moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.error_translation import translated
from firedoor.channels.slack import digest as drawn
from firedoor.channels.slack.blocks import Message
from firedoor.channels.slack.card import card
from firedoor.channels.slack.reminder import reminder
from firedoor.channels.slack.render_context import Around
from firedoor.channels.slack.superseded import superseded
from firedoor.channels.slack.thread import replies
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.channel.messages import (
    BoardState,
    MessageRef,
    ShowOrder,
    WriteOrder,
    Written,
)
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.guard.clearance import Freezes
from firedoor.domain.response.contract import BOARD, DESK, SHOW, TASK_QUEUE, TELL, WRITE, desk_id
from firedoor.domain.response.messages import Report
from firedoor.temporal.calls import PATIENCE, answered, report_of, unavailable
from firedoor.temporal.recovery import ended_how

_log = structlog.get_logger("firedoor.desk")

_REMEMBERED = 5_000  # messages; forgetting one costs at most an edit that says what an older one said

#: We cannot write here; another channel may do.
_CLOSED = frozenset(
    {
        "channel_not_found",  # also a private one that we were put out of
        "is_archived",
        "is_inactive",  # what chat.update says of an archived one
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
    }
)
#: The message is gone, or cannot be drawn anew: what there is to say is said in a new one.
_GONE = _CLOSED | {"message_not_found", "cant_update_message", "edit_window_closed"}


class Desk:
    """Writes into the channel of whoever orders it; where that is closed, into `fallback`.

    Every try may run again: a message that was posted and forgotten is posted
    twice at the worst, and votes on both count once.
    """

    def __init__(
        self,
        client: Client,
        slack: SlackDesk,
        around: Callable[[], Awaitable[Around]],
        freezes: Callable[[], Awaitable[Freezes]],
        *,
        fallback: str | None = None,
    ) -> None:
        self._client = client
        self._slack = slack
        self._fallback = fallback
        self._around = around
        self._freezes = freezes
        self._newest: OrderedDict[str, int] = OrderedDict()

    # ---- a response tells the desk ------------------------------------------------------

    @activity.defn(name=SHOW)
    async def show(self, order: ShowOrder) -> None:
        """Hand a notice to the desk, which is started where there is none."""
        state = BoardState(channel=order.channel, frozen=(await self._freezes()).says())
        with translated():
            try:
                await self._tell(order, state, WorkflowIDReusePolicy.REJECT_DUPLICATE)
            except WorkflowAlreadyStartedError:
                # It was ended by force: the next one goes on with its messages, else each is posted twice.
                state = await self._last(order.channel, state)
                await self._tell(order, state, WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def _tell(self, order: ShowOrder, state: BoardState, reuse: WorkflowIDReusePolicy) -> None:
        try:
            await answered(
                self._client.start_workflow(
                    DESK,
                    state,
                    id=desk_id(order.channel),
                    task_queue=TASK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=reuse,
                    static_summary="the on-call desk: the single writer of its channel",
                    # As urgent as the most urgent response, and what it does inherits that: in a storm of
                    # findings it would else tell nobody before all of them are planned.
                    priority=Priority(priority_key=1, fairness_key="desk"),
                    start_signal=TELL,
                    start_signal_args=[order.notice],
                    rpc_timeout=PATIENCE,
                )
            )
        except RPCError as error:
            raise unavailable(error) from None

    async def _last(self, channel: str, fresh: BoardState) -> BoardState:
        """Read what a desk that was ended knew from its history; where nobody can, it begins afresh.

        An operator who ended it wants it to begin afresh: what is asked is posted once more as it changes.
        """
        handle = self._client.get_workflow_handle(desk_id(channel))
        described = await answered(handle.describe(rpc_timeout=PATIENCE))
        if (await ended_how(self._client, described)).by_operator:
            return fresh
        try:
            told: BoardState = await answered(
                handle.query(BOARD, result_type=BoardState, rpc_timeout=PATIENCE)
            )
        except WorkflowQueryFailedError as error:
            _log.exception("desk.unreadable", channel=channel, why=str(error))
            return fresh
        _log.error("desk.taken_up", channel=channel)
        return told.model_copy(update={"frozen": fresh.frozen})

    # ---- the desk writes ----------------------------------------------------------------

    @activity.defn(name=WRITE)
    async def write(self, order: WriteOrder) -> Written:
        """Write one message. A channel that has to rest is told to the desk, not waited for here."""
        with translated():
            try:
                match order.what:
                    case "card":
                        return await self._card(order)
                    case "thread":
                        return await self._thread(order)
                    case "reminder":
                        return await self._reminder(order)
                    case "digest":
                        return await self._digest(order)
                    case "cast":
                        return await self._said(order)
            except Unavailable as error:
                if error.code != "ratelimited":
                    raise
                return Written(limited=error.retry_after or 1.0)

    async def _look(self, order: WriteOrder) -> tuple[Report, Around] | None:
        try:
            report = await report_of(self._client, order.response)
        except Absent:
            return None
        around = await self._around()
        return report, around.model_copy(update={"frozen": order.frozen})

    async def _card(self, order: WriteOrder) -> Written:
        seen = await self._look(order)
        if seen is None:
            return Written(gone=True)
        report, around = seen
        ref = order.ref
        if ref is not None and not self._is_newest(ref, report.version):
            return Written(ref=ref, version=report.version)
        if ref is not None and _asks_anew(report, ref):
            # An edit notifies nobody, so a new ask is a new message; the old one is closed before.
            await self._update(ref, superseded(report, None, around))
            ref = None
        if ref is not None and await self._update(ref, card(report, around)):
            return Written(ref=ref, version=report.version)
        posted = await self._post(order.channel, card(report, around))
        ask = report.ask if report.asking else None
        told = order.ref.told if order.ref else 0
        made = posted.model_copy(
            update={
                "ask": ask.id if ask else "",
                "generation": ask.generation if ask else 0,
                # A first card's thread begins with the beginning, a later one's where the last one ended.
                "told": told,
                "reminded": order.ref.reminded if order.ref else 0,
            }
        )
        # An ask that was just posted says all there is: its thread begins with what becomes of it.
        more = ask is None or bool(ask.votes)
        return Written(ref=made, version=report.version, posted=True, more=more)

    async def _thread(self, order: WriteOrder) -> Written:
        seen = await self._look(order)
        if seen is None or order.ref is None:
            return Written(gone=True)
        report, ref = seen[0], order.ref
        left = report.timeline()[ref.told :]
        for count, message in replies(left, ref.told, report.id)[:1]:
            await self._slack.post(ref.channel, message.text, message.blocks, thread=ref.ts)
            ref = ref.model_copy(update={"told": ref.told + count})
        return Written(ref=ref, version=report.version, posted=True, more=ref.told < len(report.timeline()))

    async def _reminder(self, order: WriteOrder) -> Written:
        """Remind in the thread of a card, and show it in the channel: an edit would wake nobody."""
        if order.ref is None:
            return Written(gone=True)
        if order.digest is not None:
            message = drawn.reminder(order.digest, await self._around())
        else:
            seen = await self._look(order)
            if seen is None or not seen[0].open_asks():
                return Written(ref=order.ref)
            message = reminder(*seen)
        await self._slack.post(
            order.ref.channel, message.text, message.blocks, thread=order.ref.ts, broadcast=True
        )
        return Written(ref=order.ref, posted=True)

    async def _digest(self, order: WriteOrder) -> Written:
        if order.digest is None:
            return Written(gone=True)
        around = (await self._around()).model_copy(update={"frozen": order.frozen})
        message = drawn.digest(order.digest, around)
        if order.ref is not None and await self._update(order.ref, message):
            return Written(ref=order.ref)
        return Written(ref=await self._post(order.channel, message), posted=True)

    async def _said(self, order: WriteOrder) -> Written:
        """Tell in a digest's thread what became of words about many: one message, drawn anew with each."""
        if order.ref is None:
            return Written(gone=True)
        message = drawn.casts(order.casts)
        if order.said is not None and await self._update(order.said, message):
            return Written(ref=order.said)
        channel = order.ref.channel
        ts = await self._slack.post(channel, message.text, message.blocks, thread=order.ref.ts)
        return Written(ref=MessageRef(channel=channel, ts=ts), posted=True)

    async def _post(self, wanted: str, message: Message) -> MessageRef:
        channels: Sequence[str] = [each for each in (wanted, self._fallback) if each]
        for channel in channels:
            try:
                ts = await self._slack.post(channel, message.text, message.blocks)
            except Rejected as error:
                if error.code not in _CLOSED or channel == channels[-1]:
                    raise
                _log.warning("desk.channel_closed", channel=channel, code=error.code, mend=error.mend)
            else:
                return MessageRef(channel=channel, ts=ts)
        raise AssertionError("a desk always has a channel")  # pragma: no cover

    async def _update(self, ref: MessageRef, message: Message) -> bool:
        """Draw a message anew; False when there is no such message any more."""
        try:
            await self._slack.update(ref.channel, ref.ts, message.text, message.blocks)
        except Rejected as error:
            if error.code not in _GONE:
                raise
            _log.warning("desk.message_gone", channel=ref.channel, code=error.code)
            return False
        return True

    def _is_newest(self, ref: MessageRef, version: int) -> bool:
        """Whether nothing newer was drawn here: a try that was given up may still be under way."""
        key = f"{ref.channel} {ref.ts}"
        if version < self._newest.get(key, 0):
            return False
        self._newest[key] = version
        self._newest.move_to_end(key)
        while len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)
        return True


def _asks_anew(report: Report, ref: MessageRef) -> bool:
    ask = report.ask
    return report.asking and ask is not None and (ask.id, ask.generation) != (ref.ask, ref.generation)
