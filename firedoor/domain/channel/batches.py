"""Gathering: many asks as a few lines that a person can read, and as one set that a person can sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from firedoor.domain.approval.vote import member_leaf
from firedoor.domain.channel.messages import CastOrder, FrozenSet, Line, Member, Notice, Shown, VoteAll
from firedoor.domain.core import merkle

_KEPT = timedelta(hours=24)  # how long a set may be voted on
_MOST = 50  # sets
#: Members of one set and of all that are kept: what a workflow hands on is bounded (2 MB a payload).
MOST_MEMBERS, _MOST_KEPT = 1_000, 4_000
_MOST_CASTING = 4  # words, which a next run of the desk takes along with all of their asks
ALONE = 3  # asks of one digest that differ and get a card of their own; the page has them all


def lines(shown: Iterable[Shown]) -> tuple[Line, ...]:
    """Group what has no message of its own by playbook and account, the most severe first."""
    groups: dict[tuple[str, str], list[Notice]] = {}
    for each in shown:
        groups.setdefault((each.notice.playbook, each.notice.account), []).append(each.notice)
    made = [_line(playbook, account, mine) for (playbook, account), mine in sorted(groups.items())]
    return tuple(sorted(made, key=lambda line: (-line.severity.rank, line.key)))


def _line(playbook: str, account: str, told: Sequence[Notice]) -> Line:
    alike, outliers = _parted(told)
    return Line(
        key=_key(playbook, account),
        playbook=playbook,
        account=account,
        severity=max({each.severity for each in told}, key=lambda severity: severity.rank),
        alike=len(alike),
        says=alike[0].says if alike else "",
        outliers=len(outliers),
        alone=tuple(_member(each) for each in outliers[:ALONE]),
        others=dict(Counter(each.status for each in told if not each.asking)),
    )


def _key(playbook: str, account: str) -> str:
    return f"{playbook}/{account}"


def _parted(told: Iterable[Notice]) -> tuple[list[Notice], list[Notice]]:
    """Part what is asked into what is alike and what differs, each in the order of the responses' ids."""
    asking = sorted((each for each in told if each.asking), key=lambda each: each.response)
    usual = _usual(asking)
    return [each for each in asking if each.alike == usual], [each for each in asking if each.alike != usual]


def _usual(asking: Sequence[Notice]) -> str:
    """Say which kind of ask is the usual one: the most frequent, the first of them where several are."""
    counts = Counter(each.alike for each in asking)
    return max(sorted(counts), key=lambda kind: counts[kind], default="")


def _member(told: Notice) -> Member:
    return Member(
        response=told.response,
        ask=told.ask,
        generation=told.generation,
        plan_sha256=told.plan_sha256,
        says=told.says,
        severity=told.severity,
    )


class Sets:
    """The sets that somebody looked at, and the words about them that are not handed out yet."""

    def __init__(self, channel: str, sets: Iterable[FrozenSet], casting: Iterable[CastOrder]) -> None:
        self.casting = list(casting)
        self._channel = channel
        self._sets = {each.sha256: each for each in sets}

    def known(self) -> tuple[FrozenSet, ...]:
        """List the sets that may be voted on, oldest first."""
        return tuple(self._sets.values())

    def forget_oldest(self) -> None:
        """Forget the set that was looked at first."""
        del self._sets[next(iter(self._sets))]

    def freeze(self, digest_: int, line: Line, told: Iterable[Notice], now: datetime) -> FrozenSet:
        """Freeze what is asked and alike in a line; the hash covers every ask, its generation and plan."""
        alike, outliers = _parted(each for each in told if _key(each.playbook, each.account) == line.key)
        members = tuple(_member(each) for each in alike[:MOST_MEMBERS])
        made = FrozenSet(
            sha256=merkle.root([self._opening(digest_), *leaves_of(members)]),
            digest=digest_,
            playbook=line.playbook,
            account=line.account,
            members=members,
            left_out=len(outliers),
            more=len(alike) - len(members),
            at=now,
        )
        self._keep(made, now)
        return made

    def _keep(self, made: FrozenSet, now: datetime) -> None:
        """Keep a set with those before it that may still be voted on, as many as can be taken along."""
        kept, room = [made], _MOST_KEPT - len(made.members)
        for each in reversed(self._sets.values()):
            room -= len(each.members)
            if room < 0 or len(kept) == _MOST or now - each.at >= _KEPT:
                break
            if each.sha256 != made.sha256:
                kept.append(each)
        self._sets = {each.sha256: each for each in reversed(kept)}

    def objection(self, word: VoteAll, now: datetime) -> str | None:
        """Why a word about a set is not taken; None where it is."""
        known = self._sets.get(word.sha256)
        if known is None or now - known.at >= _KEPT:
            return "this set is not known any more; open the review again to see what is asked now"
        if len(self.casting) >= _MOST_CASTING:
            return "several words about many are being handed out just now; say it again in a moment"
        if word.decision == "reject" and word.reason is None:
            return "a no needs its reason: false_positive, wrong_action, bad_time or handled_elsewhere"
        return None

    def vote(self, word: VoteAll) -> CastOrder:
        """Take a word about a set; it is handed to each of its asks. The caller has asked for objections."""
        known = self._sets[word.sha256]
        order = CastOrder(word=word, members=known.members, opening=self._opening(known.digest))
        self.casting.append(order)
        return order

    def cast(self, order: CastOrder) -> int:
        """Forget a word that was handed out; returns the number of its digest, 0 where that is forgotten."""
        self.casting.remove(order)
        known = self._sets.get(order.word.sha256)
        return known.digest if known is not None else 0

    def _opening(self, digest_: int) -> str:
        """Return what comes before the asks in the hash of a set: where it was looked at."""
        return merkle.leaf({"channel": self._channel, "digest": digest_})


def leaves_of(members: Sequence[Member]) -> list[str]:
    """Return the hash of each ask of a set; from these the set's own is made."""
    return [member_leaf(each.response, each.ask, each.generation, each.plan_sha256) for each in members]
