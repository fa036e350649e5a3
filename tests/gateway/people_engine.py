"""A directory of people, and an engine that counts votes by the domain's own rules, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.channel.messages import FrozenSet, GatherOrder, Member, VoteAll
from firedoor.domain.core.canonical import digest
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.finding.finding import Severity
from firedoor.domain.people.identity import Identity
from firedoor.domain.people.people import People
from firedoor.domain.response.contract import Status
from firedoor.domain.response.messages import (
    Nudged,
    ReassignRequest,
    Report,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)
from firedoor.gateway.decisions.port import Listed, NotCounted, Waiting
from tests.channels.slack.reports import NOW, every_standing
from tests.fake_slack import TEAM

TOKENS = {"alice": "fd_alice_made_up", "bob": "fd_bob_made_up", "eve": "fd_eve_made_up"}


def _person(name: str, user: str) -> dict[str, object]:
    return {
        "name": name.title(),
        "email": f"{name}@example.com",
        "slack": f"{TEAM}/{user}",
        "token_sha256": hashlib.sha256(TOKENS[name].encode()).hexdigest(),
    }


PEOPLE = People.model_validate(
    {
        "people": {"alice": _person("alice", "U1"), "bob": _person("bob", "U2"), "eve": _person("eve", "U3")},
        "groups": {"secops": ("alice", "bob"), "others": ("eve",)},
    }
)


class MemoryDirectory:
    """The people of a file that is not there; `people` is read at each look, and None is unreadable."""

    def __init__(self, people: Callable[[], People | None]) -> None:
        self._now = people

    async def voter(self, identity: Identity) -> Voter:
        """Look somebody up by what they have proven."""
        people = self._people()
        for key in identity.keys:
            person = {
                "slack": lambda key: people.person_by_slack(*key.split("/", 1)),
                "token": people.person_by_token,
                "oidc": people.person_by_oidc,
                "person": lambda key: key if key in people.people else None,
            }[identity.kind](key)
            if person is not None:
                return people.voter(person)
        raise Absent("nobody here")

    async def person(self, person: str) -> Voter:
        """Look somebody up by their id."""
        return await self.voter(Identity(kind="person", keys=(person,)))

    async def members(self, groups: Iterable[str]) -> Mapping[str, str]:
        """List the people of groups, by id."""
        people = self._people()
        ids = sorted({id_ for group in groups for id_ in people.members(group)})
        return {id_: people.people[id_].name for id_ in ids}

    def _people(self) -> People:
        people = self._now()
        if people is None:
            raise Unavailable("people.yaml is gone")
        return people


class MemoryEngine:
    """One response. `broken` and `waiting` are what may happen instead of an answer."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        report = every_standing()["pending"]
        self.clock = clock
        self.report_now = report.model_copy(update={"ask": _empty(report.ask)})
        self.votes: dict[str, Vote] = {}
        self.undos: dict[str, UndoRequest] = {}
        self.nudges: dict[str, SnoozeRequest | ReassignRequest] = {}
        self.words: dict[str, VoteAll] = {}
        self.gathered: list[GatherOrder] = []
        self.line: tuple[Member, ...] = ()
        self.broken: Exception | None = None
        self.mute: Exception | None = None  # instead of a report
        self.waiting = False
        self.heard: set[str] = set()  # the ids that Temporal would have been asked for

    async def vote(self, response_id: str, vote: Vote) -> VoteReceipt | Waiting:
        """Count a vote; the same id again is the same vote, as Temporal does with an update's id."""
        ask = self._ask(response_id)
        if self.broken:
            raise self.broken
        if self.waiting:
            return Waiting(fingerprint=vote.fingerprint)
        if vote.id not in self.votes:
            objection = ask.objection(vote, self.clock())
            if objection:
                raise NotCounted(objection)
            self.votes[vote.id] = vote
            ask = ask.with_vote(vote)
            self.report_now = self.report_now.model_copy(update={"ask": ask})
        return VoteReceipt(state=ask.state(self.clock()), missing=ask.missing(), fingerprint=ask.fingerprint)

    async def undo(self, response_id: str, request: UndoRequest) -> VoteReceipt | Waiting:
        """Take note of an undo request."""
        ask = self._ask(response_id)
        if self.broken:
            raise self.broken
        self.undos[request.id] = request
        return VoteReceipt(state="pending", missing=2, fingerprint=ask.fingerprint)

    async def snooze(self, response_id: str, request: SnoozeRequest) -> Nudged:
        """Put the reminder off."""
        return self._nudge(response_id, request, request.at + timedelta(minutes=request.minutes))

    async def reassign(self, response_id: str, request: ReassignRequest) -> Nudged:
        """Ask somebody to look."""
        return self._nudge(response_id, request, None)

    async def gather(self, order: GatherOrder) -> FrozenSet:
        """Freeze what stands in `line`."""
        if self.broken:
            raise self.broken
        self.gathered.append(order)
        return FrozenSet(
            sha256=digest([member.response for member in self.line]),
            digest=order.digest,
            playbook="leaked_access_key",
            account="123456789012",
            members=self.line,
            at=self.clock(),
        )

    async def vote_all(self, word: VoteAll) -> Waiting:
        """Leave a word about many."""
        if self.broken:
            raise self.broken
        self.words[word.id] = word
        return Waiting()

    def member(self) -> Member:
        """Return the one response as a member of a digest line."""
        ask = self._ask(self.report_now.id)
        return Member(
            response=self.report_now.id,
            ask=ask.id,
            generation=ask.generation,
            plan_sha256=ask.plan_sha256,
            says="delete a key",
            severity=Severity.HIGH,
        )

    def ask_now(self, **changes: object) -> None:
        """Change the open ask."""
        ask = self._ask(self.report_now.id)
        self.report_now = self.report_now.model_copy(update={"ask": ask.model_copy(update=changes)})

    def _nudge(
        self, response_id: str, request: SnoozeRequest | ReassignRequest, remind_at: datetime | None
    ) -> Nudged:
        ask = self._ask(response_id)
        if self.broken:
            raise self.broken
        if request.fingerprint not in (ask.fingerprint, ask.plan_sha256):
            raise NotCounted("the plan has changed")
        self.nudges[request.id] = request
        to = request.to.person if isinstance(request, ReassignRequest) else None
        return Nudged(remind_at=remind_at, assigned_to=to)

    async def report(self, response_id: str) -> Report:
        """Tell how it stands."""
        self._ask(response_id)
        if self.mute:
            raise self.mute
        return self.report_now

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None, *, asking: bool = False
    ) -> tuple[Listed, ...]:
        """List the one response where it fits."""
        report = self.report_now
        fits = status in (None, report.status) and playbook in (None, report.playbook)
        if asking:
            fits = fits and (report.status == "awaiting_approval" or report.review_open())
        if not fits or (since is not None and report.started < since):
            return ()
        return (Listed(id=report.id, playbook=report.playbook, status=report.status, started=report.started),)

    def _ask(self, response_id: str) -> Approval:
        self.heard.add(response_id)
        if response_id != self.report_now.id or self.report_now.ask is None:
            raise Absent("no response has this id")
        return self.report_now.ask


def _empty(ask: Approval | None) -> Approval | None:
    return ask.model_copy(update={"votes": ()}) if ask else None


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(minutes=1)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def seconds(self) -> float:
        """Tell the time as Slack does."""
        return self.now.timestamp()
