"""Board: what the desk of one channel writes next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from firedoor.domain.channel.batches import ALONE
from firedoor.domain.channel.messages import BoardState, Shown, WriteOrder, Written
from firedoor.domain.channel.state import MINUTE, STORM, DeskMemory

_REDRAWN = timedelta(seconds=3)  # between two drawings of a digest
_SETTLED = timedelta(seconds=10)  # after the last ask came, those that differ are asked alone
_AGAIN = timedelta(seconds=10)  # until a write that failed is tried again


class Board(DeskMemory):
    """The desk's choice.

    An outcome is written before a new ask, an ask before a count, and the lines of a
    thread when nothing else waits. What changes while it waits is written once.
    """

    def __init__(self, state: BoardState, now: datetime) -> None:
        super().__init__(state, now)
        self._later: dict[str, datetime] = {}  # what failed, and when it is tried again

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
        calm = self._gathered_until(now)
        if calm is not None:
            wake.append(calm)
        brisk = self.brisk_until(now)
        if brisk is not None and self._bare:
            wake.append(brisk)
        if self.storm(now):
            wake += [self._arrived[-1][0] + _SETTLED, self._arrived[-STORM - 1][0] + MINUTE]
        return None, min((each for each in wake if each > now), default=None)

    def _wanted(self, now: datetime) -> Iterator[tuple[WriteOrder, bool, bool]]:
        """List what is to be written, the most urgent first: the order, is it a new message, is it urgent."""
        shown = list(self.shown.values())
        for each in shown:
            if _is_stale(each) and each.notice.urgency == "outcome":
                yield self._card(each), False, True
        # Three cards are read; what comes on the heels of another then may be the beginning of a storm.
        waits_for_more = self.brisk_until(now) is not None
        fresh = [
            each
            for each in shown
            if not each.digest and (_asks_anew(each) or (each.ref is None and not waits_for_more))
        ]
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
            if opened.unsaid and opened.ref:
                order = self._order(what="cast", ref=opened.ref, casts=opened.casts, said=opened.said)
                yield order, opened.said is None, False
            if opened.reminded and opened.ref:
                told = self.digest(opened.number)
                yield self._order(what="reminder", ref=opened.ref, digest=told), True, False
        # What differs waits until the storm settled.
        settled = not self._arrived or now - self._arrived[-1][0] >= _SETTLED
        if not self.storm(now) or (settled and self.pace.posts(now) < STORM):
            yield from self._wanted_outliers()
        if self._gathered_until(now) is not None:
            return  # a thread is read later; a storm is not the hour for it, also when people are quick
        for each in self.shown.values():
            if each.thread and each.ref is not None:
                yield self._order(what="thread", response=each.notice.response, ref=each.ref), True, False

    def _gathered_until(self, now: datetime) -> datetime | None:
        """When the last digest has stood for nothing new for a minute; None where that is over."""
        joined = [each.joined_at for each in self.digests.values() if each.joined_at is not None]
        calm = max(joined) + MINUTE if joined else now
        return calm if calm > now else None

    def _wanted_outliers(self) -> Iterator[tuple[WriteOrder, bool, bool]]:
        for number, opened in self.digests.items():
            # What differs is told from a digest that is drawn as it stands: it changes with every word.
            if opened.alone >= ALONE or opened.stale:
                continue
            for line in self.digest(number).lines:
                for member in line.alone:
                    each = self.shown.get(member.response)
                    if each is not None and each.ref is None:
                        yield self._card(each), True, False

    def _order(self, **changes: Any) -> WriteOrder:
        return WriteOrder(channel=self._channel, **changes)

    def _card(self, each: Shown) -> WriteOrder:
        return self._order(what="card", response=each.notice.response, ref=each.ref, frozen=self.frozen)

    # ---- what became of it -------------------------------------------------------------

    def written(self, order: WriteOrder, told: Written, now: datetime) -> None:
        """Take in what became of a write."""
        if told.limited:
            self.pace.rest(now + timedelta(seconds=told.limited))
            return
        self._later.pop(_name(order), None)
        (self.pace.posted if told.posted else self.pace.updated)(now)
        if order.digest is not None or order.what == "cast":
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
                "thread": each.thread or told.more or told.version > each.drawn >= 0,
            }
        )

    def _digest_written(self, order: WriteOrder, told: Written, now: datetime) -> None:
        number = order.digest.number if order.digest else self._told_of(order)
        opened = self.digests.get(number)
        if opened is None:
            return
        changes: dict[str, object] = {}
        if order.what == "digest":
            ref = told.ref or opened.ref
            changes |= {"ref": ref, "drawn_at": now, "stale": order.digest != self.digest(number)}
            if ref != opened.ref:  # a new message has a new thread
                changes |= {"said": None, "unsaid": bool(opened.casts)}
        elif order.what == "reminder":
            changes["reminded"] = False
        else:
            changes |= {"said": told.ref or opened.said, "unsaid": order.casts != opened.casts}
        self.digests[number] = opened.model_copy(update=changes)

    def _told_of(self, order: WriteOrder) -> int:
        return next((each.number for each in self.digests.values() if order.ref == each.ref), 0)

    def failed(self, order: WriteOrder, now: datetime) -> None:
        """Put a write that failed off; others go first."""
        self._later[_name(order)] = now + _AGAIN


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
