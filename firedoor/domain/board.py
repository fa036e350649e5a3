"""Board: what the desk of one channel has to show, and what of it is written next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from firedoor.domain.desk import (
    BoardState,
    Cast,
    CastOrder,
    Digest,
    GatherOrder,
    Line,
    Notice,
    Opened,
    Shown,
    WriteOrder,
    Written,
)
from firedoor.domain.gathering import Sets, lines
from firedoor.domain.pace import Pace
from firedoor.domain.packed import pack, unpack

#: More new asks than this in a minute are a storm: one message stands in the place of many.
STORM = 5
MINUTE = timedelta(minutes=1)
_REDRAWN = timedelta(seconds=3)  # between two drawings of a digest
_SETTLED = timedelta(seconds=10)  # after the last ask came, those that differ are asked alone
_AGAIN = timedelta(seconds=10)  # until a write that failed is tried again
_KEPT = timedelta(hours=24)  # how long closed responses count in their digest
_MOST = 20_000  # responses on one board
_ALONE = 3  # asks of one digest that differ and get a card of their own; the page has them all


class Board:
    """The desk's memory and its choice. Every method that needs the time is given it.

    An outcome is written before a new ask, an ask before a count, and the lines of a
    thread when nothing else waits. What changes while it waits is written once.
    """

    def __init__(self, state: BoardState, now: datetime) -> None:
        self.shown: dict[str, Shown] = {each.notice.response: each for each in unpack(state.packed, Shown)}
        self.digests: dict[int, Opened] = {each.number: each for each in state.digests}
        self.sets = Sets(state.channel, state.sets, state.casting)
        self.frozen = state.frozen
        self.pace = Pace(now)
        self._channel = state.channel
        self._arrived: deque[tuple[datetime, str, bool]] = deque(
            sorted(
                (each.since, each.notice.response, each.notice.asking)
                for each in self.shown.values()
                if now - each.since < MINUTE
            )
        )
        #: What has no message and no digest that stands for it, in the order of its coming.
        self._bare = {
            each.notice.response: None for each in self.shown.values() if each.ref is None and not each.digest
        }
        self._drawn_up: dict[int, Digest] = {}  # digests as they stand, until something of them changes
        self._later: dict[str, datetime] = {}  # what failed, and when it is tried again

    # ---- what comes ------------------------------------------------------------------

    def take(self, notice: Notice, now: datetime) -> None:
        """Take in what a response has to show; what is older than what is known changes nothing."""
        known = self.shown.get(notice.response)
        if known is not None and known.notice.run == notice.run:
            if notice.version <= known.notice.version:
                return
            asks = notice.asking and (notice.ask, notice.generation) != (
                known.notice.ask,
                known.notice.generation,
            )
            changes = {"notice": notice, "since": now if asks else known.since}
            self.shown[notice.response] = known.model_copy(update=changes)
        else:
            asks = True
            self.shown[notice.response] = Shown(notice=notice, since=now)
        if asks:
            self._arrived.append((now, notice.response, notice.asking))
        if known is not None and known.digest:
            self._touch(known.digest, reminded=notice.asking and notice.reminded > known.notice.reminded)
        if self.shown[notice.response].ref is None and not self.shown[notice.response].digest:
            self._bare[notice.response] = None
        if self.storm(now):
            self._gather_in(now)
        self._let_go(notice.response, now)

    def freeze(self, says: str) -> None:
        """Take in that the kill switch was thrown ("" when it was released)."""
        self.frozen = says
        for number in self.digests:
            self._touch(number)

    def storm(self, now: datetime) -> bool:
        """Whether more came within the last minute than people can read one by one.

        An ask that people have decided already does not count: they keep up with it.
        """
        while self._arrived and now - self._arrived[0][0] >= MINUTE:
            self._arrived.popleft()
        if len(self._arrived) <= STORM:
            return False
        return sum(not asked or self._is_open(response) for _, response, asked in self._arrived) > STORM

    def _is_open(self, response: str) -> bool:
        known = self.shown.get(response)
        return known is not None and known.notice.asking

    def _gather_in(self, now: datetime) -> None:
        """Let one digest stand for everything that has no message of its own yet."""
        if not self._bare:
            return
        number = self._open_digest(now)
        for response in self._bare:
            self.shown[response] = self.shown[response].model_copy(update={"digest": number})
        self._bare.clear()
        self._touch(number)

    def _open_digest(self, now: datetime) -> int:
        """Return the digest of this storm, a new one where the last storm is over."""
        last = max(self.digests, default=0)
        if last and now - (self.digests[last].joined_at or self.digests[last].since) < MINUTE:
            self.digests[last] = self.digests[last].model_copy(update={"joined_at": now})
            return last
        self.digests[last + 1] = Opened(number=last + 1, since=now, joined_at=now)
        return last + 1

    def _touch(self, number: int, *, reminded: bool = False) -> None:
        """Have a digest drawn anew, and its people reminded where somebody of its asks was."""
        self._drawn_up.pop(number, None)
        opened = self.digests.get(number)
        if opened is not None:
            changes = {"stale": True, "reminded": opened.reminded or reminded}
            self.digests[number] = opened.model_copy(update=changes)

    # ---- what is written next ----------------------------------------------------------

    def next(self, now: datetime) -> tuple[WriteOrder | None, datetime | None]:
        """Return what to write now, else when to look again (None: when something comes)."""
        wake: list[datetime] = []
        for order, posts, urgent in self._wanted(now):
            at = self._later.get(_name(order), now)
            at = max(at, self.pace.next_post(now) if posts else self.pace.next_update(now, urgent=urgent))
            if at <= now:
                return order, None
            wake.append(at)
        wake += [each.drawn_at + _REDRAWN for each in self.digests.values() if each.stale and each.drawn_at]
        if self.storm(now):
            wake += [self._arrived[-1][0] + _SETTLED, self._arrived[-STORM - 1][0] + MINUTE]
        return None, min((each for each in wake if each > now), default=None)

    def _wanted(self, now: datetime) -> Iterator[tuple[WriteOrder, bool, bool]]:
        """List what is to be written, the most urgent first: the order, is it a new message, is it urgent."""
        shown = list(self.shown.values())
        for each in shown:
            if _is_stale(each) and each.notice.urgency == "outcome":
                yield self._card(each), False, True
        fresh = [each for each in shown if not each.digest and (each.ref is None or _asks_anew(each))]
        for each in sorted(fresh, key=_first):
            yield self._card(each), True, True
        yield from self._wanted_digests(now)
        for each in shown:
            waits = each.notice.asking or each.notice.reviewing
            if each.ref is not None and waits and each.notice.reminded > each.ref.reminded:
                yield self._order(what="reminder", response=each.notice.response, ref=each.ref), True, True
        for each in shown:
            if _is_stale(each) and each.notice.urgency != "outcome":
                yield self._card(each), False, False
        for each in shown:
            if each.ref is not None and each.notice.asking and each.frozen != self.frozen:
                yield self._card(each), False, False
        yield from self._wanted_of_little_haste(now)

    def _wanted_digests(self, now: datetime) -> Iterator[tuple[WriteOrder, bool, bool]]:
        for opened in self.digests.values():
            due = opened.drawn_at is None or now - opened.drawn_at >= _REDRAWN
            if opened.stale and due:
                told = self.digest(opened.number)
                if told.lines:
                    order = self._order(what="digest", ref=opened.ref, digest=told, frozen=self.frozen)
                    yield order, opened.ref is None, True

    def _wanted_of_little_haste(self, now: datetime) -> Iterator[tuple[WriteOrder, bool, bool]]:
        for opened in self.digests.values():
            for cast in opened.casts if opened.ref else ():
                yield self._order(what="cast", ref=opened.ref, cast=cast), True, False
            if opened.reminded and opened.ref:
                told = self.digest(opened.number)
                yield self._order(what="reminder", ref=opened.ref, digest=told), True, False
        if self.storm(now):
            # A thread is read later; a storm is not the hour for it. What differs waits until it settled.
            if self._arrived and now - self._arrived[-1][0] >= _SETTLED and self.pace.posts(now) < STORM:
                yield from self._wanted_outliers()
            return
        yield from self._wanted_outliers()
        for each in self.shown.values():
            if each.thread and each.ref is not None:
                yield self._order(what="thread", response=each.notice.response, ref=each.ref), True, False

    def _wanted_outliers(self) -> Iterator[tuple[WriteOrder, bool, bool]]:
        for number, opened in self.digests.items():
            if opened.alone >= _ALONE:
                continue
            for line in self.digest(number).lines:
                for member in line.outliers:
                    each = self.shown.get(member.response)
                    if each is not None and each.ref is None:
                        yield self._card(each), True, False

    def _order(self, **changes: Any) -> WriteOrder:
        return WriteOrder(channel=self._channel, **changes)

    def _card(self, each: Shown) -> WriteOrder:
        return self._order(what="card", response=each.notice.response, ref=each.ref, frozen=self.frozen)

    def digest(self, number: int) -> Digest:
        """Draw up a digest as it stands."""
        if number not in self._drawn_up:
            mine = [each for each in self.shown.values() if each.digest == number]
            self._drawn_up[number] = Digest(
                number=number, since=self.digests[number].since, lines=lines(mine)
            )
        return self._drawn_up[number]

    # ---- what became of it -------------------------------------------------------------

    def written(self, order: WriteOrder, told: Written, now: datetime) -> None:
        """Take in what became of a write."""
        if told.limited:
            self.pace.rest(now + timedelta(seconds=told.limited))
            return
        self._later.pop(_name(order), None)
        (self.pace.posted if told.posted else self.pace.updated)(now)
        if order.digest is not None or order.cast is not None:
            self._digest_written(order, told, now)
            return
        each = self.shown.get(order.response)
        if each is None:
            return
        if told.gone or told.ref is None:
            self._drop(order.response)
        elif order.what == "reminder":
            ref = told.ref.model_copy(update={"reminded": each.notice.reminded})
            self.shown[order.response] = each.model_copy(update={"ref": ref})
        elif order.what == "thread":
            self.shown[order.response] = each.model_copy(update={"ref": told.ref, "thread": told.more})
        else:
            self._card_written(each, order, told)
            self._bare.pop(order.response, None)
        self._let_go(order.response, now)

    def _card_written(self, each: Shown, order: WriteOrder, told: Written) -> None:
        ref = told.ref
        if ref is not None and each.notice.asking and told.version >= each.notice.version:
            # What was asked may be decided by now: it is not asked anew for that.
            ref = ref.model_copy(update={"ask": each.notice.ask, "generation": each.notice.generation})
        if each.digest in self.digests:  # it was asked alone: the digest does not stand for it any more
            opened = self.digests[each.digest]
            self.digests[each.digest] = opened.model_copy(update={"alone": opened.alone + 1})
            self._touch(each.digest)
        self.shown[order.response] = each.model_copy(
            update={
                "ref": ref,
                "drawn": max(told.version, each.drawn),
                "digest": 0,
                "frozen": order.frozen,
                "thread": each.thread or told.version > each.drawn,
            }
        )

    def _digest_written(self, order: WriteOrder, told: Written, now: datetime) -> None:
        number = order.digest.number if order.digest else self._of(order)
        opened = self.digests.get(number)
        if opened is None:
            return
        changes: dict[str, object] = {"ref": told.ref or opened.ref}
        if order.what == "digest":
            changes |= {"drawn_at": now, "stale": order.digest != self.digest(number)}
        elif order.what == "reminder":
            changes["reminded"] = False
        else:
            changes["casts"] = opened.casts[1:]
        self.digests[number] = opened.model_copy(update=changes)

    def _of(self, order: WriteOrder) -> int:
        return next((each.number for each in self.digests.values() if order.cast in each.casts), 0)

    def failed(self, order: WriteOrder, now: datetime) -> None:
        """Put a write that failed off; others go first."""
        self._later[_name(order)] = now + _AGAIN

    def _let_go(self, response: str, now: datetime) -> None:
        """Forget what is closed and told; a digest still counts it for a day."""
        each = self.shown.get(response)
        if each is None or not each.notice.closed:
            return
        told = each.ref is not None and each.drawn >= each.notice.version and not each.thread
        opened = self.digests.get(each.digest)
        if told or (opened is not None and now - opened.since >= _KEPT):
            self._drop(response)

    def _drop(self, response: str) -> None:
        self.shown.pop(response, None)
        self._bare.pop(response, None)

    def _sweep(self, now: datetime) -> None:
        """Let go of all that may be, before it is taken along."""
        for response in list(self.shown):
            self._let_go(response, now)
        alive = {each.digest for each in self.shown.values()} | {max(self.digests, default=0)}
        self.digests = {
            number: opened
            for number, opened in self.digests.items()
            if number in alive or now - opened.since < _KEPT
        }
        for response in list(self.shown)[: max(0, len(self.shown) - _MOST)]:
            self._drop(response)

    # ---- a word about many -------------------------------------------------------------

    def line(self, order: GatherOrder) -> Line | None:
        """Return the line of a digest that is asked about; None where nothing of it is asked any more."""
        if order.digest not in self.digests:
            return None
        lines_ = self.digest(order.digest).lines
        return next((each for each in lines_ if each.key == order.key and each.members), None)

    def cast(self, order: CastOrder, told: Cast) -> None:
        """Take in what became of a word about many; the digest's thread tells it."""
        number = self.sets.cast(order)
        if number in self.digests:
            casts = (*self.digests[number].casts, told)
            self.digests[number] = self.digests[number].model_copy(update={"casts": casts})
            self._touch(number)

    # ---- what is taken along -----------------------------------------------------------

    def carry(self, now: datetime | None = None) -> BoardState:
        """Return what the next run of the desk needs; at a moment `now` what is over is let go of."""
        if now is not None:
            self._sweep(now)
        return BoardState(
            channel=self._channel,
            packed=pack(list(self.shown.values())),
            digests=tuple(self.digests.values()),
            sets=self.sets.known(),
            casting=tuple(self.sets.casting),
            frozen=self.frozen,
        )


def _is_stale(each: Shown) -> bool:
    return each.ref is not None and each.drawn < each.notice.version and not _asks_anew(each)


def _asks_anew(each: Shown) -> bool:
    now, ref = each.notice, each.ref
    return now.asking and ref is not None and (now.ask, now.generation) != (ref.ask, ref.generation)


def _first(each: Shown) -> tuple[bool, int, datetime]:
    """Order new messages: outcomes, then asks, the more severe and the older ones first."""
    return each.notice.urgency != "outcome", -each.notice.severity.rank, each.since


def _name(order: WriteOrder) -> str:
    """Name what a write is about, so that one that failed can be put off."""
    number = order.digest.number if order.digest else 0
    return f"{order.what} {order.response} {number}"
