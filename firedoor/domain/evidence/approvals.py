"""Asks and votes as evidence tells them: of whom, by whom, through which door, with what proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from firedoor.domain.core.canonical import fingerprint
from firedoor.domain.core.value import Value
from firedoor.domain.evidence.fields import as_list, fact, number, text, texts, true
from firedoor.domain.finding.finding import Moment
from firedoor.domain.response.ledger import Entry

_DIGEST = 64


class ProofTold(Value):
    """A yes that was signed: how, by which identity provider or passkey, when, over which plan."""

    kind: str  # oidc or passkey
    by: str
    at: str
    plan_sha256: str


class VoteTold(Value):
    """One vote that counted, as it stands in the ledger; `groups` is what made the person eligible.

    account:      the Slack account that spoke; claims: what the identity provider said that made `groups`.
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


def asks_of(entries: Sequence[Entry]) -> tuple[AskTold, ...]:
    """Gather each ask from the entry that opened it, the votes on it, and the decision."""
    told = _Asks()
    for entry in entries:
        told.read(entry)
    return tuple(told.opened.values())


class _Asks:
    """The asks so far, each generation by itself."""

    def __init__(self) -> None:
        self.opened: dict[tuple[str, int], AskTold] = {}

    def read(self, entry: Entry) -> None:
        """Take in the next entry."""
        ask = fact(entry.data, "ask")
        match entry.kind:
            case "asked" if ask:
                self._asked(entry, ask)
            case "voted":
                self._change(self._about(entry), lambda each: {"votes": (*each.votes, _vote(entry))})
            case "voided":
                self._change(self._about(entry), lambda each: {"votes": tuple(_fell(each.votes, entry))})
            case "decided" if ask:
                key = (text(ask, "id"), number(ask, "generation"))
                self._change(key, lambda each: _decided(each, entry, ask))
            case _:
                pass

    def _asked(self, entry: Entry, ask: Any) -> None:
        told = _ask(entry, ask)
        kept: tuple[VoteTold, ...] = ()
        for key in [key for key, each in self.opened.items() if each.kind == told.kind and not each.outcome]:
            before = self.opened[key]
            if before.id == told.id:
                kept = tuple(vote for vote in _looked_up(before.votes, ask) if not vote.fell)
            ended = {"outcome": _ended(before, told), "decided_at": entry.at}
            self.opened[key] = before.model_copy(update=ended)
        self.opened[told.id, told.generation] = told.model_copy(update={"votes": kept})

    def _change(self, key: tuple[str, int] | None, change: Callable[[AskTold], dict[str, Any]]) -> None:
        if key is not None and key in self.opened:
            self.opened[key] = self.opened[key].model_copy(update=change(self.opened[key]))

    def _about(self, entry: Entry) -> tuple[str, int] | None:
        """Find the newest open ask that a vote names by its fingerprint (short, or the whole digest)."""
        short = _short(text(entry.data, "vote", "fingerprint"))
        open_ = [key for key, ask in self.opened.items() if ask.fingerprint == short and not ask.outcome]
        return open_[-1] if open_ else None


def _ask(entry: Entry, ask: Any) -> AskTold:
    rules = as_list(ask, "rules")
    escalated = true(ask, "escalated")
    groups = [
        group
        for rule in rules
        for key in (("from", "to") if escalated else ("from",))
        for group in texts(rule, key)
    ]
    return AskTold(
        id=text(ask, "id"),
        generation=number(ask, "generation"),
        kind=text(ask, "kind"),
        fingerprint=_short(text(ask, "plan_sha256")),
        groups=tuple(dict.fromkeys(groups)),
        quorum=max((number(rule, "quorum") for rule in rules), default=0),
        asked_at=entry.at,
        deadline=text(ask, "deadline"),
        requester=text(ask, "requester"),
        steps=texts(entry.data, "steps"),
        step_up=any(true(rule, "step_up") for rule in rules),
    )


def _ended(before: AskTold, now: AskTold) -> str:
    """Say why another ask stands in the place of one that was not decided."""
    if before.id != now.id:
        return "superseded"
    return "again" if any(vote.fell for vote in before.votes) else "escalated"


def _decided(each: AskTold, entry: Entry, ask: Any) -> dict[str, Any]:
    outcome = text(entry.data, "state") or entry.says.rpartition(": ")[2]
    granted = outcome == "granted"
    return {
        "outcome": outcome,
        "decided_at": entry.at,
        "silent": granted and not true(ask, "confirmed"),
        "unconfirmed": true(ask, "unconfirmed"),
        "votes": tuple(_looked_up(each.votes, ask)) if true(ask, "confirmed") else each.votes,
    }


def _vote(entry: Entry) -> VoteTold:
    vote = fact(entry.data, "vote")
    proof = fact(vote, "proof")
    return VoteTold(
        at=entry.at,
        person=text(vote, "voter", "person"),
        decision=text(vote, "decision"),
        groups=texts(vote, "voter", "groups"),
        door=text(vote, "door"),
        fingerprint=text(vote, "fingerprint"),
        reason=text(vote, "reason"),
        comment=text(vote, "comment"),
        account=text(vote, "voter", "account"),
        claims=texts(vote, "voter", "claims"),
        proof=ProofTold(**{name: text(proof, name) for name in ProofTold.model_fields}) if proof else None,
        break_glass=true(vote, "break_glass"),
        among=text(vote, "among"),
    )


def _looked_up(votes: Iterable[VoteTold], ask: Any) -> Iterator[VoteTold]:
    """Tell of the votes that still count what the directory said of each when it was asked once more."""
    now = {
        text(vote, "voter", "person"): texts(vote, "voter", "groups")
        for vote in as_list(ask, "votes")
        if text(vote, "decision") == "approve"
    }
    for vote in votes:
        again = now.get(vote.person) if vote.decision == "approve" and not vote.fell else None
        yield vote if again is None else vote.model_copy(update={"groups_again": again})


def _fell(votes: Iterable[VoteTold], entry: Entry) -> Iterator[VoteTold]:
    """Mark the vote that no longer counts, with what the directory says of its voter now."""
    person = text(entry.data, "vote", "voter", "person")
    now = fact(entry.data, "now")
    why = "not in a group that is asked" if now else "not known any more, or not by this account"
    for vote in votes:
        fallen = vote.person == person and vote.decision == "approve"
        changes = {"fell": why, "groups_again": texts(now, "groups")}
        yield vote.model_copy(update=changes) if fallen else vote


def _short(named: str) -> str:
    """Return the fingerprint that people compare; doors may name the plan by its whole digest."""
    return fingerprint(named) if len(named) == _DIGEST else named
