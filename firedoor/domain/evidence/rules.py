"""The laws of a ledger: nothing acts that was not planned, and nothing that is asked without its yes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Vote
from firedoor.domain.core.canonical import canonical, digest, plain
from firedoor.domain.core.value import Value
from firedoor.domain.evidence.asks import Told, quoted
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.ledger import Entry, is_unsure

V = TypeVar("V", bound=Value)

#: Which names of a finding's actor are the subject's own, as `subjects_of` takes them.
_SUBJECT = ("email", "user_name", "session_name", "uid")


class Violation(NamedTuple):
    """What is wrong with one entry; `says` goes on after its name."""

    seq: int
    says: str


def violations(response: str | None, entries: Sequence[Entry]) -> list[Violation]:
    """Hold a ledger against its own laws; `response` is its id, None where that cannot be read.

    It is lived through once more: plans, asks, votes, decisions, deeds. Data of any other
    shape is itself a violation, never an error.
    """
    book = _Book(response)
    wrong: list[Violation] = []
    for seq, entry in enumerate(entries):
        try:
            wrong += [Violation(seq, says) for says in book.read(seq, entry)]
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
            # ValidationError is a ValueError; none of them is quoted, for a forger may have written its text.
            wrong.append(Violation(seq, "cannot be read: a fact is missing, or is not what it should be"))
    return wrong + book.left(len(entries) - 1)


class _Book:
    """What a response knew at each entry, rebuilt from the entries before it."""

    def __init__(self, response: str | None) -> None:
        self._response = response
        self._shadow = False
        self._plan: dict[str, Any] = {}  # the whole of it, as it was planned last
        self._steps: dict[str, Any] = {}  # step id -> its plan now
        self._begun: dict[str, bool] = {}
        self._subjects: set[str] = set()
        self._asks: dict[str, Told] = {}
        self._granted: dict[str, dict[str, Any]] = {"apply": {}, "undo": {}, "review": {}}
        self._gives_back = False
        self._requester: str | None = None
        self._glass: tuple[int, Vote] | None = None  # broken, and its reason is not told yet
        self._unreviewed: tuple[int, str] | None = None  # who acted alone, until others looked at it
        self._laws: dict[str, Callable[[int, Entry], Iterator[str]]] = {
            "received": self._received,
            "joined": self._received,
            "planned": self._planned,
            "drifted": self._drifted,
            "parked": self._parked,
            "moved": self._drifted,
            "asked": self._asked,
            "voted": self._voted,
            "voided": self._voided,
            "glass": self._told_why,
            "decided": self._decided,
            "reviewed": self._reviewed,
            "begun": self._begins,
            "failed": self._failed,
            "undo_requested": self._requested,
            "undoing": self._undoing,
        }

    def read(self, seq: int, entry: Entry) -> Iterator[str]:
        """Read the next entry."""
        if self._glass is not None and entry.kind != "glass":
            self._glass = None
            yield "stands where the reason for breaking the glass belongs"
        law = self._laws.get(entry.kind)
        if law is not None:
            yield from law(seq, entry)

    def left(self, last: int) -> list[Violation]:
        """Tell what is still owed at the end."""
        wrong = []
        if self._glass is not None:
            wrong.append(Violation(self._glass[0], "breaks the glass, and its reason is not told"))
        if self._unreviewed is not None:
            seq = self._unreviewed[0]
            says = f"lets one person act alone, and no review of that is told until entry {last}"
            wrong.append(Violation(seq, says))
        return wrong

    # ---- what it is about, and the plan ----------------------------------------------

    def _received(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        finding: Any = entry.data.get("finding") or {}
        actor = finding.get("actor") or {}
        self._subjects |= {actor[name] for name in _SUBJECT if actor.get(name)}
        playbook: Any = entry.data.get("playbook")
        if playbook is not None:
            self._shadow = playbook["mode"] == "shadow"
            if _as(Playbook, playbook).sha256 != entry.data["playbook_sha256"]:
                yield "holds another playbook than the one whose hash it names"

    def _planned(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        self._plan = dict(entry.data["plan"])  # type: ignore[arg-type]
        kept = {id_: step for id_, step in self._steps.items() if self._begun.get(id_)}
        # A later plan tells what changed, and names what is as it was.
        same: Any = entry.data.get("same", [])
        steps = [*(self._steps[id_] for id_ in same), *self._plan["steps"]]
        fresh = {step["id"]: step for step in steps if not self._begun.get(step["id"])}
        self._steps = {**kept, **fresh}
        yield from ()

    def _drifted(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        self._begun[entry.step or ""] = False
        planned: Any = entry.data.get("plan")
        if planned is not None:
            self._steps[planned["id"]] = planned
        yield from ()

    def _parked(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        if not is_unsure(entry):  # it is planned anew before it is begun once more
            self._begun[entry.step or ""] = False
        yield from ()

    # ---- asks ------------------------------------------------------------------------

    def _asked(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        now = _as(Approval, entry.data["ask"])
        held = self._asks.get(now.kind)
        if held is not None and held.ask.id == now.id:
            yield from held.ask_again(now, entry.at)
            return
        steps = self._asked_about(now, entry)
        self._asks[now.kind] = Told(now, steps)
        if now.votes or now.escalated or now.confirmed or now.unconfirmed:
            yield "opens an ask that is answered already"
        signed = {"response": f"{now.kind} {self._response}", "steps": list(steps.values())}
        if self._response is not None and digest(signed) != now.plan_sha256:
            yield "asks about a plan that is not the one in the ledger: its hash is another"
        yield from self._of_whom(now, steps)

    def _asked_about(self, now: Approval, entry: Entry) -> dict[str, Any]:
        before = self._asks["apply"].steps if now.kind == "review" else self._steps
        ids: Any = entry.data["steps"]
        return {id_: before[id_] for id_ in ids}

    def _of_whom(self, now: Approval, steps: dict[str, Any]) -> Iterator[str]:
        """Compare who is asked, and who may not say yes, with the plan and the findings."""
        glass = self._plan.get("break_glass") or {}
        rules = {
            "apply": [step["approval"] for step in steps.values()],
            "undo": [self._plan["undo_rule"]],
            "review": [glass.get("review")],
        }[now.kind]
        distinct = [rule for place, rule in enumerate(rules) if rule not in rules[:place]]
        if plain(now.rules) != distinct:
            yield "asks other people, or fewer, than the plan says"
        alone = now.kind == "apply"
        if plain(now.storm) != (self._plan.get("storm") if alone else None):
            yield "asks other people about many at once than the plan says"
        if list(now.glass) != (list(glass.get("people", ())) if alone else []):
            yield "lets other people act alone than the plan says"
        owners = {name for step in steps.values() for name in (*step["owners"], step["target"])}
        if self._subjects - set(now.subjects) or (now.kind != "review" and owners - set(now.owners)):
            yield "leaves out somebody who may not say yes to it"
        wanted = {
            "apply": None,
            "undo": self._requester,
            "review": self._unreviewed[1] if self._unreviewed else None,
        }[now.kind]
        if now.requester != wanted:
            yield "names another requester than the ledger does"

    def _voted(self, seq: int, entry: Entry) -> Iterator[str]:
        vote = _as(Vote, entry.data["vote"])
        held = self._about(vote)
        if held is None:
            yield "is a vote on nothing that was asked"
            return
        if vote.break_glass:
            self._glass = seq, vote
        yield from held.vote(vote, entry.at)

    def _about(self, vote: Vote) -> Told | None:
        held = list(self._asks.values())
        by_number = [each for each in held if vote.ask and each.ask.id == vote.ask]
        named = (each for each in held if vote.fingerprint in (each.ask.fingerprint, each.ask.plan_sha256))
        return next(iter(by_number), None) or next(named, None)

    def _voided(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        vote = _as(Vote, entry.data["vote"])
        held = self._about(vote)
        if held is None:
            yield "takes back a vote that nobody gave"
        else:
            yield from held.void(vote)
            if held.over:  # a yes that waited for a thaw: without it nothing is granted any more
                for id_ in held.steps:
                    self._granted[held.ask.kind].pop(id_, None)

    def _told_why(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        broken, self._glass = self._glass, None
        if broken is None:
            yield "tells that the glass was broken, and no vote before it did"
        elif broken[1].comment.strip() not in entry.says:
            yield "does not tell the reason that was given for breaking the glass"

    def _decided(self, seq: int, entry: Entry) -> Iterator[str]:
        decided = _as(Approval, entry.data["ask"])
        state = str(entry.data["state"])
        held = self._asks.get(decided.kind)
        if held is None or held.ask.id != decided.id:
            yield "decides something that nobody was asked"
            return
        wrong = list(held.decide(decided, state, entry.at))
        yield from wrong
        effects = {id_: _effect(step) for id_, step in held.steps.items()}
        granted = self._granted[decided.kind]
        if state == "granted" and not wrong:
            granted.update(effects)
            broken = held.ask.glass_broken_by() if decided.kind == "apply" else None
            if broken is not None:
                self._unreviewed = seq, broken.voter.person
        elif state != "withdrawn":
            for id_, effect in effects.items():
                if granted.get(id_) == effect:
                    del granted[id_]

    def _reviewed(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        held = self._asks.get("review")
        self._unreviewed = None
        if held is None or not held.over:
            yield "tells of a review that nobody was asked for"
        elif entry.data["state"] != held.ask.state(entry.at):
            yield "tells the review otherwise than it was decided"

    # ---- deeds -----------------------------------------------------------------------

    def _begins(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        step = self._steps.get(entry.step or "")
        self._begun[entry.step or ""] = True
        name = quoted(entry.step or "", 80)
        if step is None or step["outcome"] != "change":
            yield f"begins step {name}, and no plan says to"
        elif self._shadow:
            yield f"begins step {name} of a playbook in shadow"
        elif step["approval"] is None and step["reversibility"]["kind"] != "none":
            return
        elif self._granted["apply"].get(entry.step or "") != _effect(step):
            yield f"begins step {name}, and no granted decision covers it as it was planned then"

    def _failed(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        step = self._steps.get(entry.step or "")
        if step is not None and self._begun.get(entry.step or "") and step["on_failure"] == "undo":
            self._gives_back = True
        yield from ()

    def _requested(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        request: Any = entry.data.get("request")
        self._requester = request["person"] if request else None
        yield from ()

    def _undoing(self, seq: int, entry: Entry) -> Iterator[str]:
        del seq
        if not self._gives_back and entry.step not in self._granted["undo"]:
            name = quoted(entry.step or "", 80)
            yield f"takes step {name} back, and nobody let it and nothing failed"


def _as(model: type[V], told: Any) -> V:
    """Read a value as JSON is read, where a list may be a tuple; raises ValueError."""
    return model.model_validate_json(canonical(told))


def _effect(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step's plan without what moves by itself; equal means that it is the one people saw."""
    return {**step, "consequences": [each["says"] for each in step["consequences"]]}
