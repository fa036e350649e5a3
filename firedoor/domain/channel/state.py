"""What the desk of one channel remembers: what came, what stands for it, and what may be forgotten."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from firedoor.domain.channel.batches import Sets, lines
from firedoor.domain.channel.messages import (
    BoardState,
    Cast,
    CastOrder,
    Digest,
    FrozenSet,
    GatherOrder,
    Line,
    Notice,
    Opened,
    Shown,
)
from firedoor.domain.channel.rate_limit import Pace
from firedoor.domain.core.packed import pack, unpack

#: More new asks than this in a minute are a storm: one message stands in the place of many.
STORM = 5
MINUTE = timedelta(minutes=1)
#: With so many cards unanswered, what comes on the heels of another waits a moment: it may become a storm.
_BRISK, _HEELS = 3, timedelta(seconds=2)
_KEPT = timedelta(hours=24)  # how long closed responses count in their digest
_CASTS = 10  # words about a digest that its thread tells, the last ones
#: Bytes of what is known of responses and of the sets, packed: together below the 2 MB of a payload.
_MOST_SHOWN, _MOST_SETS = 1_200_000, 400_000


class DeskMemory:
    """The responses of one channel, their messages and digests; whatever needs the time is given it."""

    def __init__(self, state: BoardState, now: datetime) -> None:
        self.shown: dict[str, Shown] = {each.notice.response: each for each in unpack(state.packed, Shown)}
        self.digests: dict[int, Opened] = {each.number: each for each in state.digests}
        self.sets = Sets(
            state.channel, unpack(state.packed_sets, FrozenSet), unpack(state.packed_casting, CastOrder)
        )
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
        counting = filter(self._counts, self._arrived)
        return sum(1 for _ in islice(counting, STORM + 1)) > STORM

    def brisk_until(self, now: datetime) -> datetime | None:
        """Until when one more new card waits for what it may be part of; None when it does not."""
        if len(self._arrived) <= _BRISK or self._arrived[-1][0] - self._arrived[-2][0] >= _HEELS:
            return None
        until = self._arrived[-1][0] + _HEELS
        if until <= now:
            return None
        cards = sum(1 for each in self._arrived if self._counts(each) and self._has_card(each[1]))
        return until if cards >= _BRISK else None

    def _has_card(self, response: str) -> bool:
        known = self.shown.get(response)
        return known is not None and known.ref is not None

    def _counts(self, arrived: tuple[datetime, str, bool]) -> bool:
        """Whether it is still to be read: an outcome, or an ask that nobody has decided."""
        return not arrived[2] or self._is_open(arrived[1])

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

    def digest(self, number: int) -> Digest:
        """Draw up a digest as it stands."""
        if number not in self._drawn_up:
            self._drawn_up[number] = Digest(
                number=number, since=self.digests[number].since, lines=lines(self._of(number))
            )
        return self._drawn_up[number]

    def _of(self, number: int) -> Iterator[Shown]:
        return (each for each in self.shown.values() if each.digest == number)

    # ---- what may be forgotten ---------------------------------------------------------

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

    # ---- a word about many -------------------------------------------------------------

    def line(self, order: GatherOrder) -> Line | None:
        """Return the line of a digest that is asked about; None where nothing of it is asked any more."""
        if order.digest not in self.digests:
            return None
        lines_ = self.digest(order.digest).lines
        return next((each for each in lines_ if each.key == order.key and each.alike), None)

    def gather(self, order: GatherOrder, now: datetime) -> FrozenSet | None:
        """Freeze what a line of a digest stands for; None where nothing of it is asked any more."""
        line = self.line(order)
        if line is None:
            return None
        return self.sets.freeze(order.digest, line, (each.notice for each in self._of(order.digest)), now)

    def cast(self, order: CastOrder, told: Cast) -> None:
        """Take in what became of a word about many; the digest's thread tells it."""
        number = self.sets.cast(order)
        if number in self.digests:
            casts = (*self.digests[number].casts, told)[-_CASTS:]
            self.digests[number] = self.digests[number].model_copy(update={"casts": casts, "unsaid": True})
            self._touch(number)

    # ---- what is taken along -----------------------------------------------------------

    def carry(self, now: datetime | None = None) -> BoardState:
        """Return what the next run of the desk needs.

        At a moment `now` what is over is let go of, and the oldest of what does not fit into a payload.
        """
        if now is not None:
            self._sweep(now)
        shown, sets = pack(list(self.shown.values())), pack(self.sets.known())
        while now is not None and len(shown) > _MOST_SHOWN:
            # About ten thousand fit. What the oldest ask still stands on the page.
            too_many = 1 - _MOST_SHOWN / len(shown)
            for response in list(self.shown)[: int(len(self.shown) * too_many) + 1]:
                self._drop(response)
            shown = pack(list(self.shown.values()))
        while now is not None and len(sets) > _MOST_SETS:
            self.sets.forget_oldest()
            sets = pack(self.sets.known())
        return BoardState(
            channel=self._channel,
            packed=shown,
            digests=tuple(self.digests.values()),
            packed_sets=sets,
            packed_casting=pack(self.sets.casting),
            frozen=self.frozen,
        )
