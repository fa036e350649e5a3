"""A directory of people, and an engine that counts votes by the domain's own rules, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from firedoor.domain.approval import Approval, Vote
from firedoor.domain.contract import Status
from firedoor.domain.errors import Absent
from firedoor.domain.people import People
from firedoor.domain.response import Report, UndoRequest, VoteReceipt
from firedoor.gateway.votes import Listed, NotCounted, Waiting
from tests.fake_slack import TEAM
from tests.slack.reports import NOW, every_standing

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


class MemoryEngine:
    """One response. `slow` and `broken` are what may happen instead of an answer."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        report = every_standing()["pending"]
        self.clock = clock
        self.report_now = report.model_copy(update={"ask": _empty(report.ask)})
        self.votes: dict[str, Vote] = {}
        self.undos: dict[str, UndoRequest] = {}
        self.broken: Exception | None = None
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

    async def report(self, response_id: str) -> Report:
        """Tell how it stands."""
        self._ask(response_id)
        return self.report_now

    async def list(
        self, status: Status | None, playbook: str | None, since: datetime | None
    ) -> tuple[Listed, ...]:
        """List the one response where it fits."""
        report = self.report_now
        fits = status in (None, report.status) and playbook in (None, report.playbook)
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
