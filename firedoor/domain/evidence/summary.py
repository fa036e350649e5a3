"""The view that people have of evidence: who did what when, how long it took, and what is left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.core.value import Value
from firedoor.domain.evidence.approvals import AskTold, asks_of
from firedoor.domain.evidence.fields import as_list, moment, text, texts
from firedoor.domain.evidence.pack import Pack
from firedoor.domain.finding.finding import Moment
from firedoor.domain.response.ledger import Entry, EntryKind, owed

#: Who is named where no person is: the response itself.
FIREDOOR = "firedoor"

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
    witness: str  # the head as it was told outside of the file
    keyid: str


def summarise(pack: Pack) -> Summary:
    """Draw the summary of a pack. A fact that an older or newer Firedoor wrote differently is left empty."""
    entries = pack.entries
    received = next((entry.data for entry in entries if entry.kind == "received"), {})
    return Summary(
        response=pack.head.response,
        playbook=text(received, "playbook", "playbook"),
        playbook_sha256=text(received, "playbook_sha256"),
        status=next(
            (text(entry.data, "status") for entry in reversed(entries) if entry.kind == "closed"), ""
        ),
        finding={name: text(received, "finding", name) for name in _FINDING},
        figures=_figures(entries),
        timeline=tuple(_rows(entries)),
        asks=tuple(asks_of(entries)),
        refused=tuple(_refused(entries)),
        left=tuple(_left(entries)),
        head=pack.head.head,
        head_fingerprint=fingerprint(pack.head.head),
        witness=str(pack.head.witness()),
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
    if entry.kind != "voided":
        for way in (("vote", "voter", "person"), ("request", "person"), ("request", "voter", "person")):
            if person := text(entry.data, *way):
                return person
    return text(entry.data, "finding", "source") or FIREDOOR


# ---- what was refused ----------------------------------------------------------------


def _refused(entries: Sequence[Entry]) -> Iterable[Refused]:
    """List what was not carried out: by the last plan, or right before the world was touched."""
    planned: dict[str, tuple[Entry, Any]] = {}
    for entry in entries:
        if entry.kind == "planned":
            # A later plan tells what changed, and names what is as it was.
            same = {id_: planned[id_] for id_ in texts(entry.data, "same") if id_ in planned}
            changed = {text(step, "id"): (entry, step) for step in as_list(entry.data, "plan", "steps")}
            planned = same | changed
    for entry, step in planned.values():
        if text(step, "outcome") == "refuse":
            yield Refused(step=text(step, "id"), at=entry.at, says=text(step, "says"))
    for entry in entries:
        if entry.kind == "settled" and text(entry.data, "outcome") == "refused":
            yield Refused(step=entry.step or "", at=entry.at, says=entry.says)


# ---- figures -------------------------------------------------------------------------


def _figures(entries: Sequence[Entry]) -> Figures:
    received = moment(next((e.data for e in entries if e.kind == "received"), {}), "received") or _first(
        entries, "received"
    )
    begun, verified, closed = _first(entries, "begun"), _first(entries, "verified"), _first(entries, "closed")
    return Figures(
        detected=moment(next((e.data for e in entries if e.kind == "received"), {}), "finding", "last_seen"),
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
            (ask.decided_at - ask.asked_at for ask in asks_of(entries) if ask.decided_at and _holds_up(ask)),
            start=timedelta(),
        ),
    )


def _holds_up(ask: AskTold) -> bool:
    """Whether anything waits for an answer; a review is about what was done."""
    return ask.kind != "review"


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
