"""The view that people have of evidence: who did what when, how long it took, and what is left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from firedoor.domain.canonical import fingerprint
from firedoor.domain.evidence import Pack
from firedoor.domain.finding import Moment
from firedoor.domain.ledger import Entry, EntryKind, owed
from firedoor.domain.value import Value

#: Who is named where no person is: the response itself.
FIREDOOR = "firedoor"

_DIGEST = 64
_CHANGED = frozenset({"applied", "verified", "unverified", "reverted", "failed", "stuck"})


class Row(Value):
    """One line of the timeline. `after` counts from the first entry."""

    seq: int
    at: Moment
    after: timedelta
    kind: EntryKind
    what: str
    who: str
    step: str | None = None


class ProofTold(Value):
    """A yes that was signed: how, by which identity provider or passkey, when, over which plan."""

    kind: str  # oidc or passkey
    by: str
    at: str
    plan_sha256: str


class VoteTold(Value):
    """One vote that counted, as it stands in the ledger; `groups` is what made the person eligible.

    account:      the Slack account that spoke; claims: what the identity provider said that made for `groups`.
    groups_again: the groups when everyone was looked up once more; None where that was not done.
    fell:         why the vote no longer counted then, "" where it did.
    among:        the hash of the set, where many asks were answered at once.
    """

    at: Moment
    person: str
    decision: str
    groups: tuple[str, ...]
    door: str
    fingerprint: str
    reason: str = ""
    comment: str = ""
    account: str = ""
    claims: tuple[str, ...] = ()
    groups_again: tuple[str, ...] | None = None
    fell: str = ""
    proof: ProofTold | None = None
    break_glass: bool = False
    among: str = ""


class AskTold(Value):
    """One generation of one ask: what was asked of whom until when, who answered, and how it ended.

    outcome: granted, rejected, expired, withdrawn; escalated = more people were asked; again = it was
    asked once more, for a vote fell; superseded = something else was asked instead; "" = it did not end.
    silent: nobody had to say yes, for the policy lets silence mean yes. unconfirmed: nobody could be
    looked up again, and that meant no.
    """

    id: str
    generation: int
    kind: str  # apply, undo or review
    fingerprint: str
    groups: tuple[str, ...]
    quorum: int
    asked_at: Moment
    deadline: str
    requester: str = ""
    steps: tuple[str, ...] = ()
    step_up: bool = False
    votes: tuple[VoteTold, ...] = ()
    outcome: str = ""
    silent: bool = False
    unconfirmed: bool = False
    decided_at: Moment | None = None


class Refused(Value):
    """A step that was not carried out because a guard, the kill switch or the action itself said no."""

    step: str
    at: Moment
    says: str


class Figures(Value):
    """The moments auditors ask for, None where it did not come to that; durations count from `received`."""

    detected: Moment | None = None
    received: Moment | None = None
    first_begun: Moment | None = None
    first_applied: Moment | None = None
    first_verified: Moment | None = None
    first_undone: Moment | None = None
    closed: Moment | None = None
    to_begin: timedelta | None = None
    to_verify: timedelta | None = None
    lasted: timedelta | None = None
    waited_for_people: timedelta = timedelta()


class Left(Value):
    """A step that was begun and not given back: what the response leaves behind in the world."""

    step: str
    what: str  # what was approved
    state: EntryKind  # the last thing known about it
    says: str
    since: Moment


class Summary(Value):
    """A response as its evidence tells it, in plain values. All text is data: escape it before showing it."""

    response: str
    playbook: str
    playbook_sha256: str
    status: str
    finding: dict[str, str]  # source, type, title, severity, account, region, uid, raw_sha256
    figures: Figures
    timeline: tuple[Row, ...]
    asks: tuple[AskTold, ...]
    refused: tuple[Refused, ...]
    left: tuple[Left, ...]
    head: str
    head_fingerprint: str
    keyid: str


def summarise(pack: Pack) -> Summary:
    """Draw the summary of a pack. A fact that an older or newer Firedoor wrote differently is left empty."""
    entries = pack.entries
    received = next((entry.data for entry in entries if entry.kind == "received"), {})
    return Summary(
        response=pack.head.response,
        playbook=_text(received, "playbook", "playbook"),
        playbook_sha256=_text(received, "playbook_sha256"),
        status=next(
            (_text(entry.data, "status") for entry in reversed(entries) if entry.kind == "closed"), ""
        ),
        finding={name: _text(received, "finding", name) for name in _FINDING},
        figures=_figures(entries),
        timeline=tuple(_rows(entries)),
        asks=tuple(asks_of(entries)),
        refused=tuple(_refused(entries)),
        left=tuple(_left(entries)),
        head=pack.head.head,
        head_fingerprint=fingerprint(pack.head.head),
        keyid=pack.keyid,
    )


_FINDING = ("source", "type", "title", "severity", "account", "region", "uid", "raw_sha256")


def _rows(entries: Sequence[Entry]) -> Iterable[Row]:
    for seq, entry in enumerate(entries):
        yield Row(
            seq=seq,
            at=entry.at,
            after=entry.at - entries[0].at,
            kind=entry.kind,
            what=entry.says,
            who=_who(entry),
            step=entry.step,
        )


def _who(entry: Entry) -> str:
    """Name the person an entry is by, or the detector, or ourselves."""
    person = _text(entry.data, "vote", "voter", "person") or _text(entry.data, "request", "person")
    return person or _text(entry.data, "finding", "source") or FIREDOOR


# ---- asks and votes ------------------------------------------------------------------


def _asks(entries: Sequence[Entry]) -> Iterable[AskTold]:
    """Gather each ask from the entry that opened it, the votes on it, and the decision."""
    opened: dict[tuple[str, int], AskTold] = {}
    for entry in entries:
        ask = _get(entry.data, "ask")
        if entry.kind == "asked" and ask:
            told = _ask(entry, ask)
            for key in [key for key, each in opened.items() if each.id == told.id and not each.outcome]:
                opened[key] = opened[key].model_copy(update={"outcome": "escalated", "decided_at": entry.at})
            opened[told.id, told.generation] = told
        elif entry.kind == "voted":
            about = _asked_about(opened, entry)
            if about:
                votes = (*opened[about].votes, _vote(entry))
                opened[about] = opened[about].model_copy(update={"votes": votes})
        elif entry.kind == "decided" and ask:
            key = (_text(ask, "id"), _number(ask, "generation"))
            if key in opened:
                outcome = entry.says.rpartition(": ")[2]
                opened[key] = opened[key].model_copy(update={"outcome": outcome, "decided_at": entry.at})
    return opened.values()


def _ask(entry: Entry, ask: Any) -> AskTold:
    rules = _list(ask, "rules")
    escalated = _get(ask, "escalated") is True
    groups = [
        group
        for rule in rules
        for key in (("from", "to") if escalated else ("from",))
        for group in _texts(rule, key)
    ]
    return AskTold(
        id=_text(ask, "id"),
        generation=_number(ask, "generation"),
        kind=_text(ask, "kind"),
        fingerprint=_short(_text(ask, "plan_sha256")),
        groups=tuple(dict.fromkeys(groups)),
        quorum=max((_number(rule, "quorum") for rule in rules), default=0),
        asked_at=entry.at,
        deadline=_text(ask, "deadline"),
        requester=_text(ask, "requester"),
    )


def _vote(entry: Entry) -> VoteTold:
    vote = _get(entry.data, "vote")
    return VoteTold(
        at=entry.at,
        person=_text(vote, "voter", "person"),
        decision=_text(vote, "decision"),
        groups=_texts(_get(vote, "voter"), "groups"),
        door=_text(vote, "door"),
        fingerprint=_text(vote, "fingerprint"),
        reason=_text(vote, "reason"),
        comment=_text(vote, "comment"),
    )


def _asked_about(opened: dict[tuple[str, int], AskTold], entry: Entry) -> tuple[str, int] | None:
    """Find the newest open ask that a vote names by its fingerprint (short, or the whole digest)."""
    short = _short(_text(entry.data, "vote", "fingerprint"))
    return next(
        (key for key, ask in reversed(opened.items()) if ask.fingerprint == short and not ask.outcome), None
    )


def _short(named: str) -> str:
    """Return the fingerprint that people compare; doors may name the plan by its whole digest."""
    return fingerprint(named) if len(named) == _DIGEST else named


# ---- figures -------------------------------------------------------------------------


def _figures(entries: Sequence[Entry]) -> Figures:
    received = _moment(next((e.data for e in entries if e.kind == "received"), {}), "received") or _first(
        entries, "received"
    )
    begun, verified, closed = _first(entries, "begun"), _first(entries, "verified"), _first(entries, "closed")
    return Figures(
        detected=_moment(next((e.data for e in entries if e.kind == "received"), {}), "finding", "last_seen"),
        received=received,
        first_begun=begun,
        first_applied=_first(entries, "applied"),
        first_verified=verified,
        first_undone=_first(entries, "undone"),
        closed=closed,
        to_begin=_between(received, begun),
        to_verify=_between(received, verified),
        lasted=_between(received, closed),
        waited_for_people=sum(
            (ask.decided_at - ask.asked_at for ask in _asks(entries) if ask.decided_at), start=timedelta()
        ),
    )


def _first(entries: Iterable[Entry], kind: EntryKind) -> datetime | None:
    return next((entry.at for entry in entries if entry.kind == kind), None)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else end - start


# ---- what is left --------------------------------------------------------------------


def _left(entries: Sequence[Entry]) -> Iterable[Left]:
    """List the steps that are still owed, in the order in which they were begun."""
    for step in reversed(owed(entries)):
        about = [entry for entry in entries if entry.step == step]
        begun = next(entry for entry in reversed(about) if entry.kind == "begun")
        last = next((entry for entry in reversed(about) if entry.kind in _CHANGED), begun)
        yield Left(step=step, what=begun.says, state=last.kind, says=last.says, since=begun.at)


# ---- reading data that another version may have written ------------------------------


def _get(data: Any, *way: str) -> Any:
    for key in way:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _text(data: Any, *way: str) -> str:
    value = _get(data, *way)
    return value if isinstance(value, str) else ""


def _number(data: Any, *way: str) -> int:
    value = _get(data, *way)
    return value if isinstance(value, int) else 0


def _list(data: Any, *way: str) -> list[Any]:
    value = _get(data, *way)
    return value if isinstance(value, list) else []


def _texts(data: Any, *way: str) -> tuple[str, ...]:
    return tuple(value for value in _list(data, *way) if isinstance(value, str))


def _moment(data: Any, *way: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(data, *way))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
