"""One response of the demo, over HTTP as people and detectors have it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from rich.console import RenderableType
from rich.text import Text

from firedoor.cli.phrases import who
from firedoor.cli.remote import report_of
from firedoor.cli.show import card, undo_of
from firedoor.cli.terminal import safe
from firedoor.connectors.demo_aws import Attempt
from firedoor.demo.house import House
from firedoor.demo.stage import Stage
from firedoor.domain.approval.approval import State
from firedoor.domain.core.errors import FiredoorError, Unavailable
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report

_PATIENCE: Final = 45.0  # seconds until something that should happen counts as not happening
_PAUSE: Final = 0.05
_BREATH: Final = 0.005  # between two calls of the witness, who must not eat what the work needs
_ACCEPTED: Final = 202


class Broken(FiredoorError):
    """The demo showed that something is not as Firedoor promises."""


def expect(so: bool, found: str, expected: str = "") -> None:  # noqa: FBT001  what it is about
    """Stop the demo where something is not so."""
    if not so:
        raise Broken(found, expected=expected, mend="this is a fault of Firedoor: please report it")


class Witness:
    """Tries one thing again and again, beside everything else, until it is refused."""

    def __init__(self, attempt: Callable[[], Attempt]) -> None:
        self._attempt = attempt
        # A daemon: whenever Ctrl-C comes, nothing waits for it.
        self._trying = threading.Thread(target=self._try, daemon=True)
        self._answered: list[float] = []
        self._accepted = self._refused = 0.0
        self._stop = False

    def __enter__(self) -> Self:
        """Begin."""
        self._trying.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; where all else went well it must be refused by now, or soon."""
        self._stop = kind is not None
        if kind is None:
            self._trying.join(_PATIENCE)
            self._stop = True
            expect(self._refused > 0, "the attacker was never refused", f"a refusal within {_PATIENCE:.0f} s")

    def accepted(self) -> None:
        """Note that the finding is accepted now."""
        self._accepted = time.monotonic()

    def _try(self) -> None:
        while not self._stop:
            if not self._attempt().answered:
                self._refused = time.monotonic()
                return
            self._answered.append(time.monotonic())
            time.sleep(_BREATH)

    @property
    def milliseconds(self) -> int:
        """From accepting the finding to the first refusal."""
        return max(0, round((self._refused - self._accepted) * 1000))

    def told(self) -> str:
        """Say what it meant for the one who tried."""
        late = sum(moment > self._accepted for moment in self._answered)
        return f"got {late} more answers after the finding was accepted, then none"


class Incident:
    """A response that a finding has started."""

    def __init__(self, house: House, stage: Stage, id_: str) -> None:
        self._house = house
        self._stage = stage
        self.id = id_

    @classmethod
    def posted(cls, house: House, stage: Stage, event: Mapping[str, Any]) -> Self:
        """Post a finding; the answer comes when Temporal holds it."""
        begun = time.monotonic()
        status, answer = house.post(event)
        took = round((time.monotonic() - begun) * 1000)
        expect(
            status == _ACCEPTED and len(answer["responses"]) == 1, f"the gateway answered {status} {answer}"
        )
        id_ = str(answer["responses"][0]["id"])
        stage.good("GuardDuty", f"POST /findings/guardduty  {event['detail']['type']}", f"202 in {took} ms")
        stage.small(f"  {id_}")
        return cls(house, stage, id_)

    def again(self, event: Mapping[str, Any]) -> None:
        """Post the same finding again."""
        status, answer = self._house.post(event)
        told = [(each["id"], each["joined"]) for each in answer["responses"]]
        expect(status == _ACCEPTED and told == [(self.id, True)], f"a repeated finding was answered {answer}")
        self._stage.good("GuardDuty", "posts it once more, as EventBridge may", "202, the same response")

    # ---- what it does ------------------------------------------------------------------

    def plan(self) -> None:
        """Show the plan."""
        report = self.until("the plan", lambda report: report.plan is not None)
        steps = report.plan.steps if report.plan else ()
        expect(bool(steps), "the plan is empty")
        for step in steps:
            expect(step.outcome == "change", f"{step.id} is planned as {step.outcome}: {step.says}")
        self._stage.columns(row for step in steps for row in _planned(step))

    def contained(self) -> None:
        """Wait until everything that needs nobody is verified, and tell when each was."""
        report = self.until("the containment", _contained)
        for step in _automatic(report):
            seen = next(
                entry for entry in report.entries if (entry.kind, entry.step) == ("verified", step.id)
            )
            self._stage.good(step.id, seen.says, f"+{_after(report, seen)} ms")

    def verified(self, step: str) -> None:
        """Wait until one step is seen to hold."""
        self.until(f"{step} verified", lambda report: _has(report, "verified", step))

    def undone(self) -> None:
        """Wait until everything is given back and the evidence is sealed."""
        self.until("the undo", lambda report: report.status == "undone" and bool(self._house.evidence()))

    # ---- what people do ----------------------------------------------------------------

    def asking(self) -> Report:
        """Wait until people are asked."""
        return self.until("the ask", lambda report: report.asking and _contained(report))

    def asked(self) -> Report:
        """Show what people are asked."""
        report = self.asking()
        if report.ask is not None:
            self._stage.card("waiting for people", card(report, report.ask, datetime.now(UTC)))
        return report

    def vote(self, person: str, report: Report) -> dict[str, Any]:
        """Say yes to the plan that was shown."""
        return self._house.person(person).vote(self.id, "approve", _fingerprint(report))

    def approved_by(self, person: str, report: Report) -> None:
        """Say yes, which has to count."""
        missing = self.vote(person, report)["missing"]
        outcome = f"counted, {missing} to go" if missing else self._decision(_fingerprint(report))
        self._stage.good(person.capitalize(), f"says yes to {_fingerprint(report)}", outcome)

    def _decision(self, fingerprint: str) -> State:
        """Wait until everyone who said yes was looked up once more."""

        def decided(report: Report) -> bool:
            return report.ask is not None and report.ask.fingerprint == fingerprint and is_decided(report)

        return state_of(self.until("the decision", decided))

    def approved_twice(self, person: str, report: Report) -> None:
        """Say yes again, which must change nothing."""
        missing = self.vote(person, report)["missing"]
        expect(missing == 1, f"{person}'s second yes left {missing} to go")
        self._stage.good(
            person.capitalize(), "says yes again: one person has one vote", f"still {missing} to go"
        )

    def reject(self, person: str, report: Report, reason: str) -> None:
        """Say no, with a reason."""
        told = self._house.person(person).vote(self.id, "reject", _fingerprint(report), reason)
        expect(told["state"] == "rejected", f"a no was answered {told}")
        self.until("the rest after a no", lambda report: report.status == "contained")

    def undo_asked(self, person: str, why: str) -> Report:
        """Ask for undo; somebody else has to agree."""
        told = self._house.person(person).undo(self.id, why)
        self._stage.good(person.capitalize(), f"asks for undo {told['fingerprint']}", "somebody else decides")
        return self.until(
            "the ask for undo",
            lambda report: report.asking and report.ask is not None and report.ask.kind == "undo",
        )

    # ---- looking -----------------------------------------------------------------------

    def now(self) -> Report:
        """Tell how it stands."""
        return report_of(self._house.person("alice").one(self.id))

    def still_runs(self) -> None:
        """See that all parts are alive; raises Unavailable with the name of one that is not."""
        self._house.still_runs()

    def until(self, what: str, ready: Callable[[Report], bool], *, patience: float = _PATIENCE) -> Report:
        """Wait until something is so; `patience` in seconds. Raises Broken where it does not come."""
        reader = self._house.person("alice")
        until = time.monotonic() + patience
        while time.monotonic() < until:
            self.still_runs()
            try:
                report = report_of(reader.one(self.id))
            except Unavailable:
                continue  # busy; the deadline is ours
            if ready(report):
                return report
            if report.status in ("failed", "stuck", "dismissed"):
                raise Broken(f"the response is {report.status}", expected=what, mend=_last(report))
            time.sleep(_PAUSE)
        raise Broken(f"{what} did not come", expected=f"within {patience:.0f} s")


def state_of(report: Report) -> State:
    """Tell how the ask of a response stands now."""
    return report.ask.state(datetime.now(UTC)) if report.ask else "pending"


def is_decided(report: Report) -> bool:
    """Whether nobody has to say anything any more."""
    return state_of(report) in ("granted", "rejected", "expired")


def _after(report: Report, entry: Entry) -> int:
    """Milliseconds from accepting the finding to an entry of the ledger, by the ledger's own times."""
    received = datetime.fromisoformat(str(report.entries[0].data["received"]))
    return round((entry.at - received) / timedelta(milliseconds=1))


def _planned(step: PlannedStep) -> Iterator[tuple[RenderableType, ...]]:
    yield Text(step.id, "bold"), Text("does", "dim"), safe(step.says, "bold")
    for each in step.consequences[:1]:
        yield Text(), Text("breaks", "dim"), safe(each.says)
    undo = undo_of(step)
    if step.approval is None:
        yield Text(), Text("undo", "dim"), undo.append("; nobody is asked, it is done at once", "green")
    else:
        yield Text(), Text("undo", "dim"), undo
        yield Text(), Text("asks", "dim"), safe(who(step.approval), "yellow")


def _automatic(report: Report) -> tuple[PlannedStep, ...]:
    return tuple(step for step in report.plan.changes() if step.approval is None) if report.plan else ()


def _contained(report: Report) -> bool:
    return bool(_automatic(report)) and all(_has(report, "verified", step.id) for step in _automatic(report))


def _has(report: Report, kind: str, step: str) -> bool:
    return any(entry.kind == kind and entry.step == step for entry in report.entries)


def _fingerprint(report: Report) -> str:
    expect(report.ask is not None, "nobody is asked")
    return report.ask.fingerprint if report.ask else ""


def _last(report: Report) -> str:
    return "; ".join(entry.says for entry in report.entries[-3:])
