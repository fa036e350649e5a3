"""Gathering: many asks as a few lines that a person can read, and as one set that a person can sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from firedoor.domain.canonical import digest
from firedoor.domain.desk import CastOrder, FrozenSet, Line, Member, Shown, VoteAll

_KEPT = timedelta(hours=24)  # how long a set may be voted on
_MOST = 50  # sets


def lines(shown: Iterable[Shown]) -> tuple[Line, ...]:
    """Group what has no message of its own by playbook and account, the most severe first."""
    groups: dict[tuple[str, str], list[Shown]] = {}
    for each in shown:
        groups.setdefault((each.notice.playbook, each.notice.account), []).append(each)
    made = [_line(playbook, account, mine) for (playbook, account), mine in sorted(groups.items())]
    return tuple(sorted(made, key=lambda line: (-line.severity.rank, line.key)))


def _line(playbook: str, account: str, shown: Sequence[Shown]) -> Line:
    asking = sorted((each for each in shown if each.notice.asking), key=lambda each: each.notice.response)
    usual = _usual(asking)
    return Line(
        key=f"{playbook}/{account}",
        playbook=playbook,
        account=account,
        severity=max((each.notice.severity for each in shown), key=lambda severity: severity.rank),
        members=tuple(_member(each) for each in asking if each.notice.alike == usual),
        outliers=tuple(_member(each) for each in asking if each.notice.alike != usual),
        others=dict(Counter(each.notice.status for each in shown if not each.notice.asking)),
    )


def _usual(asking: Sequence[Shown]) -> str:
    """Say which kind of ask is the usual one: the most frequent, the first of them where several are."""
    counts = Counter(each.notice.alike for each in asking)
    return max(sorted(counts), key=lambda kind: counts[kind], default="")


def _member(each: Shown) -> Member:
    told = each.notice
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

    def freeze(self, number: int, line: Line, now: datetime) -> FrozenSet:
        """Freeze the asks of a line; the hash covers every ask, its generation and its plan."""
        signed = {"channel": self._channel, "digest": number, "members": line.members}
        made = FrozenSet(
            sha256=digest(signed),
            digest=number,
            playbook=line.playbook,
            account=line.account,
            members=line.members,
            left_out=len(line.outliers),
            at=now,
        )
        kept = [each for each in self._sets.values() if now - each.at < _KEPT and each.sha256 != made.sha256]
        self._sets = {each.sha256: each for each in (*kept[-_MOST + 1 :], made)}
        return made

    def objection(self, word: VoteAll, now: datetime) -> str | None:
        """Why a word about a set is not taken; None where it is."""
        known = self._sets.get(word.sha256)
        if known is None or now - known.at >= _KEPT:
            return "this set is not known any more; open the review again to see what is asked now"
        if word.decision == "reject" and word.reason is None:
            return "a no needs its reason: false_positive, wrong_action, bad_time or handled_elsewhere"
        return None

    def vote(self, word: VoteAll) -> CastOrder:
        """Take a word about a set; it is handed to each of its asks. The caller has asked for objections."""
        order = CastOrder(word=word, members=self._sets[word.sha256].members)
        self.casting.append(order)
        return order

    def cast(self, order: CastOrder) -> int:
        """Forget a word that was handed out; returns the number of its digest, 0 where that is forgotten."""
        self.casting.remove(order)
        known = self._sets.get(order.word.sha256)
        return known.digest if known is not None else 0
