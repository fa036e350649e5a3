"""The on-call desk: the one card of a response, drawn anew as it stands, with its thread."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

import structlog
from temporalio import activity

from activities.faults import translated
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.contract import SHOW
from firedoor.domain.errors import Rejected
from firedoor.domain.response import MessageRef, Report, ShowOrder
from firedoor.slack.blocks import Message
from firedoor.slack.card import card, superseded
from firedoor.slack.standing import standing
from firedoor.slack.thread import replies

_log = structlog.get_logger("firedoor.desk")

_REMEMBERED = 2_000  # responses; forgetting one costs at most a second card, which is harmless

#: The message is gone, or too old to be drawn anew.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass
class _Shown:
    """What this worker knows of a response's message, also from tries whose end Temporal never heard."""

    at: tuple[int, int]
    ref: MessageRef
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desk:
    """Writes cards into one channel.

    Every try may run again: a message that was posted and forgotten is posted
    twice at the worst, and votes on both count once.
    """

    def __init__(self, slack: SlackDesk, channel: str) -> None:
        self._slack = slack
        self._channel = channel
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    @activity.defn(name=SHOW)
    async def show(self, order: ShowOrder) -> MessageRef:
        """Show how a response stands; returns where its message is now."""
        with translated():
            shown = self._remembered(order)
            async with shown.turn:
                # What was overtaken while it waited or was tried again must not draw over what is newer.
                if _at(order) >= shown.at:
                    shown.at = _at(order)
                    await self._draw(order.report, shown)
                    await self._tell(order.report, shown)
                return shown.ref

    def _remembered(self, order: ShowOrder) -> _Shown:
        # A response that answers the same incident again has the same id and another message.
        key = f"{order.report.id} {order.report.started.isoformat()}"
        shown = self._shown.get(key)
        if shown is None:
            nowhere = MessageRef(channel=self._channel, ts="")
            shown = self._shown[key] = _Shown(at=(0, 0), ref=order.ref or nowhere)
            while len(self._shown) > _REMEMBERED:
                self._shown.popitem(last=False)
        self._shown.move_to_end(key)
        if order.ref is not None and _age(order.ref) > _age(shown.ref):
            shown.ref = order.ref  # another worker posted it
        return shown

    async def _draw(self, report: Report, shown: _Shown) -> None:
        ref = shown.ref
        if not ref.ts:
            # Nobody is woken for a plan that is still being made: the first message shall be worth reading.
            if standing(report) != "planning":
                await self._post(report, shown)
        elif _asks_anew(report, ref):
            # An edit notifies nobody, so a new ask is a new message; the old one is closed before.
            await self._update(ref, superseded(report))
            await self._post(report, shown)
        elif not await self._update(ref, card(report)):
            await self._post(report, shown)

    async def _post(self, report: Report, shown: _Shown) -> None:
        message = card(report)
        ts = await self._slack.post(self._channel, message.text, message.blocks)
        ask = report.ask if report.asking else None
        shown.ref = MessageRef(
            channel=self._channel,
            ts=ts,
            ask=ask.id if ask else shown.ref.ask,
            generation=ask.generation if ask else shown.ref.generation,
            told=shown.ref.told,
        )

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

    async def _tell(self, report: Report, shown: _Shown) -> None:
        """Add what happened since to the thread."""
        if not shown.ref.ts:
            return
        told = shown.ref.told
        for count, message in replies(report.entries[told:], told, report.id):
            await self._slack.post(shown.ref.channel, message.text, message.blocks, thread=shown.ref.ts)
            told += count
            shown.ref = shown.ref.model_copy(update={"told": told})


def _at(order: ShowOrder) -> tuple[int, int]:
    """Order by what has happened: the ledger outlives a continue-as-new, a version counts within one run."""
    return len(order.report.entries), order.version


def _age(ref: MessageRef) -> tuple[str, int]:
    """Order messages by when Slack took them: its `ts` only grows."""
    return ref.ts, ref.told


def _asks_anew(report: Report, ref: MessageRef) -> bool:
    ask = report.ask
    return report.asking and ask is not None and (ask.id, ask.generation) != (ref.ask, ref.generation)
