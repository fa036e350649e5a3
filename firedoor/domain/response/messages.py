"""The shapes that travel in and out of a response."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic_core import to_json

from firedoor.domain.action.undoing import Made
from firedoor.domain.approval.approval import Approval, AskKind, State
from firedoor.domain.approval.vote import Door, Vote, Voter
from firedoor.domain.approval.words import PublicKey, Word
from firedoor.domain.core.packed import pack, unpack
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Finding, Moment
from firedoor.domain.plan.plan import Plan, PlannedStep
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.contract import Status
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.mute import Muted

_PACKED_FROM = 16_000  # bytes
_FEW = 8  # resources: more of them may take a cloud longer than a workflow task may be held


class Part(Value):
    """Entries of an open ledger that the evidence store holds under their SHA-256."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    entries: int


class Spilled(Value):
    """Findings that were not taken in: how many, the last ones by hash, and a hash over all."""

    count: int = 0
    chain: str = ""
    named: tuple[str, ...] = ()


class Carried(Value):
    """All that a response takes along when it continues as new: what is not here is forgotten.

    Of entries that lie in `parts` it holds the short form. `asks` are open, or the last decided.
    """

    findings: tuple[Finding, ...]
    started: Moment
    versions: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    parts: tuple[Part, ...] = ()
    plan: Plan | None = None
    status: Status = "planning"
    version: int = 0
    held_from: Moment | None = None
    looks: int = 0
    lifts_asked: int = 0
    asks_opened: int = 0
    asks: dict[AskKind, Approval] = Field(default_factory=dict)
    asked_steps: dict[AskKind, tuple[PlannedStep, ...]] = Field(default_factory=dict)
    refused: tuple[str, ...] = ()
    give_back: str = ""
    carrying: bool = False  # it plans, asks and applies; else it holds, gives back or closes
    fresh: bool = False
    cancelled: str = ""
    muted_until: Moment | None = None
    muted: Muted | None = None
    words_refused: int = 0
    spilled: Spilled = Spilled()


class Ended(Value):
    """How a run ended without its own doing: an operator's terminate, a limit of the server's, a failure."""

    how: str
    by_operator: bool = False
    for_good: bool = False  # the operator wants no next run

    def says(self) -> str:
        """Tell it in one clause."""
        return f"its run was ended from outside ({self.how})"


class Incident(Value):
    """What starts a response: the finding, the compiled playbook itself, and the door it came through.

    History pins it: a running response never changes because a file did.
    `caution` says why nothing may be automatic this time ("" where it may).
    `gateway_keys` are the public keys of the gateways whose words count here.
    """

    finding: Finding
    playbook: Playbook
    playbook_sha256: str
    key: str  # the incident key, 64 hex digits; its first 12 name our artefacts
    source: str
    received: Moment
    account: str = ""  # of what the key names, which may be another than the finding's
    gateway_keys: tuple[PublicKey, ...] = ()
    desk: str | None = None  # the channel whose desk is told; None without Slack
    editors: tuple[str, ...] = ()  # names of who last changed the playbook; they cannot say yes to it
    caution: str = ""
    carried: Carried | None = None  # what an earlier run of the same response hands on …
    packed: str = ""  # … or the same, made small to travel
    ended: Ended | None = None  # how the earlier run was ended from outside, where it did not hand on itself
    missed: int = 0  # findings that came while the response before this one closed, and were too many for it
    asks_before: int = 0  # asks of earlier responses to this incident: their cards are none of ours
    next: bool = False  # begun by a response that was closing; Temporal's list still tells its last status

    @property
    def artefact(self) -> str:
        """Twelve hex digits that stand in the name of everything we create for this incident."""
        return self.key[:12]


class PlanOrder(Value):
    """Plan a whole response, reading only, for all findings that are part of it.

    Where they are more than a few kB they travel `packed`.
    """

    response: str
    incident: Incident
    findings: tuple[Finding, ...] = ()
    packed: str = ""

    @classmethod
    def of(cls, response: str, incident: Incident, findings: Sequence[Finding]) -> PlanOrder:
        """Make an order that travels light."""
        if len(findings) == 1 or len(to_json(list(findings))) < _PACKED_FROM:
            return cls(response=response, incident=incident, findings=tuple(findings))
        return cls(response=response, incident=incident, packed=pack(findings))

    def is_small(self) -> bool:
        """Whether it names so few things that a plan of them takes moments."""
        return not self.packed and sum(len(finding.resources) for finding in self.findings) <= _FEW

    def opened(self) -> PlanOrder:
        """Return the order with its findings laid out."""
        if not self.packed:
            return self
        return self.model_copy(update={"findings": tuple(unpack(self.packed, Finding)), "packed": ""})


class StepOrder(Value):
    """Carry out one verb of one planned step."""

    response: str
    artefact: str  # twelve hex digits, in the name of what the step creates
    source: str
    playbook: str
    step: PlannedStep
    gateway_keys: tuple[PublicKey, ...] = ()  # whose words counted
    again: bool = False  # renew what stands already, so that it reaches until now
    made: Made = "no"  # whether the ledger says that the change was made: what undo may believe depends on it
    resumed: bool = False  # an earlier try may have touched the world before a freeze: finish it as planned


class Applied(Value):
    """What became of one `apply`.

    applied:  the change is made; `verified` says whether it is seen already.
    already:  the world was so before we touched it: nothing to give back.
    drifted:  the plan is no longer the one that was approved; `now` is the new one, nothing was touched.
    refused:  a guard or the action said no at the last moment; nothing was touched.
    parked:   the kill switch is thrown; `unsure` where an earlier try may have touched the world.
    """

    outcome: Literal["applied", "already", "drifted", "refused", "parked"]
    says: str
    verified: bool = False
    unsure: bool = False
    now: PlannedStep | None = None


class Watched(Value):
    """One look at what is held: the steps found re-opened, and those that could not be read."""

    reverted: dict[str, str] = Field(default_factory=dict)  # step id -> what was seen
    unknown: dict[str, str] = Field(default_factory=dict)


class GatewayKeys(Value):
    """The public keys of the gateways that a worker knows."""

    keys: tuple[PublicKey, ...]


class KeyOffer(Value):
    """A gateway asks a response to learn its key: which one (its id)."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class VoteReceipt(Value):
    """The answer to a vote that counted."""

    state: State
    missing: int
    fingerprint: str


class UndoRequest(Word):
    """A person asks to take a response back."""

    word: ClassVar[str] = "undo"

    id: str
    person: str
    names: tuple[str, ...] = ()
    door: Door
    why: str = Field(default="", max_length=1000)
    at: Moment


class SnoozeRequest(Word):
    """A person does not want to be reminded now; the deadline stays where it is."""

    word: ClassVar[str] = "snooze"

    id: str
    voter: Voter
    door: Door
    fingerprint: str
    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    at: Moment


class ReassignRequest(Word):
    """A person asks one of those who may decide to look at it; nobody new may decide by that."""

    word: ClassVar[str] = "reassign"

    id: str
    voter: Voter
    door: Door
    fingerprint: str
    to: Voter
    comment: str = Field(default="", max_length=1000)
    at: Moment


class Nudged(Value):
    """The answer to a snooze or a reassignment: when people are reminded, and who is asked to look."""

    remind_at: Moment | None
    assigned_to: str | None


class ConfirmOrder(Value):
    """Look people up once more; `votes` are the yeses they gave, `groups` those that are asked."""

    votes: tuple[Vote, ...]
    groups: tuple[str, ...] = ()
    gateway_keys: tuple[PublicKey, ...] = ()


class Confirmed(Value):
    """People as the directory knows them now, by id; whoever is missing is not known any more."""

    voters: dict[str, Voter]


class Sealed(Value):
    """Where the evidence is, and what is told of its head: the hash of its last entry, count, last time."""

    name: str
    head: str
    entries: int = 0
    last: str = ""

    def says(self) -> str:
        """Tell the head on one line, as `firedoor evidence verify --head` takes it."""
        return f"evidence sealed, head {self.head}:{self.entries}:{self.last}"


class Report(Value):
    """A response as people see it: the query `report`, the HTTP API, the card and the evidence draw on it."""

    id: str
    playbook: str
    playbook_sha256: str
    summary: str
    status: Status
    finding: Finding
    findings_seen: int
    started: datetime
    plan: Plan | None = None
    ask: Approval | None = None  # the open ask, else the last one
    asking: bool = False
    asked_steps: tuple[PlannedStep, ...] = ()
    held_until: datetime | None = None
    owed: tuple[str, ...] = ()  # step ids that undo would take back, newest first
    entries: tuple[Entry, ...] = ()
    versions_seen: tuple[str, ...] = ()  # findings already part of this response
    version: int = 0  # grows with everything there is to tell; a later one wins
    review: Approval | None = None  # of a broken glass, open or decided
    muted_until: Moment | None = None  # until when the same incident is not asked about again
    parked: str = ""  # why steps wait for a thaw: who froze what, and why; "" while none does
    muted: Muted | None = None  # what was called a false positive; what is worse is asked about all the same
    sealed: Sealed | None = None  # the evidence, once it is written
    gateway_keys: tuple[PublicKey, ...] = ()  # the gateways whose words count here
    words_refused: int = 0  # how many came that no gateway of ours signed
    spilled: Spilled = Spilled()  # findings that came when it was full
    asks_opened: int = 0
    ended: str = ""  # how its run was ended from outside: it can do nothing until it is taken up again

    def timeline(self) -> tuple[Entry, ...]:
        """List what people are told: the ledger, then the head of the evidence as an outside witness."""
        if self.sealed is None or not self.entries:
            return self.entries
        return (*self.entries, Entry(at=self.entries[-1].at, kind="noted", says=self.sealed.says()))

    def after_end(self, how: str) -> Report:
        """Tell how it stands when its run was ended from outside: it asks nothing, and cannot act."""
        says = f"its run was ended from outside ({how}); it is taken up again as soon as a worker sees that"
        at = self.entries[-1].at if self.entries else self.started
        return self.model_copy(
            update={
                "asking": False,
                "review": None,
                "status": "failed",
                "ended": how,
                "entries": (*self.entries, Entry(at=at, kind="noted", says=says)),
            }
        )

    def review_open(self) -> bool:
        """Whether others are still asked to look at a broken glass."""
        return self.review is not None and not reviewed(self.entries, self.review)

    def steps_of(self, ask: Approval) -> tuple[PlannedStep, ...]:
        """Name the steps that an ask is about; a review is about what was asked before it."""
        if self.ask is not None and ask.id == self.ask.id:
            return self.asked_steps
        asked = tuple(step for step in self.plan.steps if step.approval is not None) if self.plan else ()
        return asked or self.asked_steps

    def open_asks(self) -> tuple[Approval, ...]:
        """List what waits for people now: the shown ask, and the review of a broken glass."""
        asks = (self.ask if self.asking else None, self.review if self.review_open() else None)
        return tuple(each for each in asks if each is not None)


class PartOrder(Value):
    """Keep some entries of an open response's ledger in the evidence store, until it is sealed."""

    response: str
    entries: tuple[Entry, ...]


class SealOrder(Value):
    """Write the evidence of a response, once: what lies in `parts` of the store, then `entries`."""

    response: str
    entries: tuple[Entry, ...]
    parts: tuple[Part, ...] = ()


def reviewed(entries: Sequence[Entry], review: Approval) -> bool:
    """Whether this very review is over: a glass may be broken more than once in a response."""
    told = (entry.data.get("ask") for entry in entries if entry.kind == "reviewed")
    return any(isinstance(ask, dict) and ask.get("id") == review.id for ask in told)


def last_ask(entries: Sequence[Entry]) -> int:
    """Return the number of the last ask of a response, 0 where nobody was asked."""
    told = (entry.data.get("ask") for entry in entries if entry.kind == "asked")
    ids = (str(ask.get("id", "")) for ask in told if isinstance(ask, dict))
    return max((int(id_) for id_ in ids if id_.isascii() and id_.isdigit()), default=0)


def finding_version(finding: Finding) -> str:
    """Name one version of one finding: the source it came through, its detector, uid, actor, time and facts.

    A detector may tell of several actors under one uid: whose key it is belongs to it as well. And it may
    tell more at the same time: what people raise in Security Hub leaves `UpdatedAt` as it is. It is
    JSON, since senders choose the parts: no choice of theirs looks like another's version.
    """
    return json.dumps([_whose(finding), finding.modified.isoformat(), finding.severity.rank, _what(finding)])


def finding_hash(finding: Finding) -> str:
    """Name all that a finding says, for those that a full response counts."""
    return blake2b(to_json(finding), digest_size=16).hexdigest()


def _whose(finding: Finding) -> str:
    """Name a finding in few bytes, whatever its sender chose: a response keeps many such names."""
    actor = finding.actor
    who = actor.user_name or actor.role_name or actor.uid or ""
    told = json.dumps([finding.via, finding.source, finding.uid, who, actor.access_key_id or ""])
    return blake2b(told.encode(), digest_size=16).hexdigest()


def _what(finding: Finding) -> str:
    """Name in few bytes what a finding is about: all that is acted on, and where."""
    told = finding.model_dump(mode="json", include={"type", "account", "region", "actor", "resources"})
    return blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=8).hexdigest()


def subjects_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Names of whom the findings are about: they cannot decide about themselves."""
    names: dict[str, None] = {}
    for finding in findings:
        actor = finding.actor
        for name in (actor.email, actor.user_name, actor.session_name, actor.uid):
            if name:
                names[name] = None
    return tuple(names)


def taken_back(entries: Sequence[Entry]) -> str:
    """Say who had a response taken back, and when: the reason why the next one asks first."""
    requests = [entry for entry in entries if entry.kind == "undo_requested"]
    last = requests[-1] if requests else None
    told = last.data.get("request") if last else None
    who = told.get("person") if isinstance(told, dict) else None
    when = f" at {last.at:%Y-%m-%d %H:%M} UTC" if last else ""
    return f"{who or 'somebody'} had the last response taken back{when}; nothing is automatic this time"


def muted(report: Report) -> str:
    """Say who called an incident a false positive, and until when it is left alone."""
    votes = report.ask.votes if report.ask else ()
    who = next((vote.voter.person for vote in votes if vote.reason == "false_positive"), "somebody")
    until = f"{report.muted_until:%Y-%m-%d %H:%M} UTC" if report.muted_until else "now"
    return f"{who} called this incident a false positive; it is left alone until {until} ({report.id})"


def worse_than_muted(worse: str) -> str:
    """Say why nothing is automatic in what comes in spite of a false positive."""
    return f"this incident was called a false positive, and now {worse}; nothing is automatic this time"


def seen(versions: Sequence[str], finding: Finding) -> bool:
    """Whether a response has this version of a finding, or a later one of the same finding.

    Of two of the same time the graver one is news, and so is one that is about something else.
    """
    mine = _whose(finding)
    for version in versions:
        whose, modified, *facts = json.loads(version)
        at = datetime.fromisoformat(modified)
        if whose != mine or at < finding.modified:
            continue
        # A version that an earlier release wrote tells no facts.
        if at > finding.modified or not facts:
            return True
        if facts[0] >= finding.severity.rank and facts[1] == _what(finding):
            return True
    return False
