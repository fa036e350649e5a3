"""A response as the page shows it: the card's content as plain values, one pure function of its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firedoor.domain.plan.plan import PlannedStep, undoable
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report
from firedoor.gateway.page.asked import Asked, Said, asked_of, said_of
from firedoor.presentation.by_hand import went_wrong
from firedoor.presentation.decisions import broken_glass, fallen, review_open
from firedoor.presentation.drift import drift
from firedoor.presentation.phrases import (
    HEADLINES,
    PROGRESS,
    REASONS,
    silence,
    undo_of,
)
from firedoor.presentation.standing import ASKING, Progress, Standing, all_progress, is_closed, standing
from firedoor.presentation.text import inert
from firedoor.presentation.times import utc

_HEAD = 200
_LONGEST_COMMAND = 5000
_BRIEF = 600  # letters of one text of others: a page that nobody can scroll through hides its buttons
#: What a person has to do where we could not, by what became of the step.
_BY_HAND: dict[Progress, str] = {
    "failed": "Do it, and look whether it is half done",
    "stuck": "Take it back",
    "reverted": "Look who opened it, and do it again",
}
_TROUBLE = frozenset({"failed", "stuck", "unverified", "reverted"})


@dataclass(frozen=True)
class Step:
    """One planned step: what, where, what breaks, what became of it."""

    says: str
    target: str
    account: str
    region: str
    breaks: tuple[tuple[str, str], ...]  # what breaks, and how we know
    undo: str
    lost: str
    progress: str
    trouble: str
    by_hand: str  # what a person has to do, "" where nothing
    command: str
    data: str  # how sensitive what it holds is
    drift: str  # what somebody else changed since; an undo leaves that alone


@dataclass(frozen=True)
class Line:
    """One line of the history."""

    at: datetime
    when: str
    kind: str
    step: str
    says: str
    why: str


@dataclass(frozen=True)
class Shown:
    """A whole response."""

    report: Report
    standing: Standing
    headline: str
    means: str
    caution: str
    whose: str
    asked: Asked | None
    asked_steps: tuple[Step, ...]
    stays: tuple[Step, ...]  # of an undo: what it cannot bring back
    others: tuple[Step, ...]
    undo: str
    severity: str
    title: str
    seen: str
    decided: tuple[Said, ...]  # who said what, where nothing is asked any more
    review: Asked | None  # of a broken glass, while others are still asked about it
    glass: tuple[str, str] | None  # who acted alone, and the written reason
    history: tuple[Line, ...]
    owed: tuple[Step, ...]  # what an undo would take back, where one may be asked for
    undo_asked: int
    parked: str  # who froze what, and why; "" where nothing waits for a thaw


def shown(report: Report, now: datetime) -> Shown:
    """Return what the page shows of a response."""
    stands = standing(report)
    became = all_progress(report)
    asking = report.asking and report.ask is not None
    asked = report.asked_steps if asking else ()
    takes_back = asking and report.ask is not None and report.ask.kind == "undo"
    ids = {step.id for step in asked}
    plan = report.plan.steps if report.plan else ()
    steps = {step.id: _step(report, step, became.get(step.id, "waiting")) for step in (*plan, *asked)}
    owed = [] if asking or is_closed(report) else [s for s in plan if s.id in report.owed and s.reversible]
    caution = report.entries[0].data.get("caution") if report.entries else None
    headline, means = HEADLINES[stands]
    if stands in ASKING and report.ask is not None and report.ask.silence_means_yes():
        means = silence(report.ask)
    return Shown(
        report=report,
        standing=stands,
        headline=_headline(
            headline, report, asked or went_wrong(report, stands) or plan, takes_back=takes_back
        ),
        means=means,
        caution=str(caution) if caution and asking else "",
        whose=_whose(report),
        asked=asked_of(report.ask, now, fell=tuple(each.says for each in fallen(report))) if asking else None,
        asked_steps=tuple(steps[s.id] for s in asked if s.reversible or not takes_back),
        stays=tuple(steps[s.id] for s in asked if takes_back and not s.reversible),
        others=tuple(steps[s.id] for s in plan if s.id not in ids),
        undo=undo_of(asked) if asked else "",
        severity=report.finding.severity.value,
        title=inert(report.finding.title or report.finding.type, _BRIEF),
        seen=_seen(report),
        decided=() if asking or report.ask is None else tuple(said_of(vote) for vote in report.ask.votes),
        review=asked_of(report.review, now) if review_open(report) else None,
        glass=broken_glass(report),
        history=tuple(_line(entry) for entry in report.timeline()),
        owed=tuple(steps[s.id] for s in owed),
        parked=inert(report.parked, _BRIEF) if not is_closed(report) else "",
        undo_asked=sum(entry.kind == "undo_requested" for entry in report.entries),
    )


def _headline(opening: str, report: Report, steps: Sequence[PlannedStep], *, takes_back: bool) -> str:
    changes = [step for step in steps if step.outcome == "change"] or list(steps)
    if takes_back:
        changes = list(undoable(changes))
    first = changes[0].says if changes else report.summary
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    opening = opening if opening.endswith("?") else f"{opening}:"
    return f"{opening} {'take back: ' if takes_back else ''}{inert(first, _HEAD)}{more}"


def _whose(report: Report) -> str:
    actor = report.finding.actor
    name = actor.user_name or actor.role_name or actor.email or actor.uid
    kind = actor.kind.value.replace("_", " ").replace("iam ", "IAM ")
    return f"{inert(name, _HEAD)} ({kind})" if name else "the finding names nobody"


def _seen(report: Report) -> str:
    finding = report.finding
    times = "once" if finding.count == 1 else f"{finding.count} times"
    told = f"seen {times}, last {utc(finding.last_seen)}"
    if finding.confidence is not None:
        told += f", confidence {finding.confidence:.2f}"
    told += f", {report.findings_seen} findings together" if report.findings_seen > 1 else ""
    full = f", of which {report.spilled.count} are only counted, for this response is full"
    return told + (full if report.spilled.count else "")


def _step(report: Report, step: PlannedStep, now: Progress) -> Step:
    last = next((entry for entry in reversed(report.entries) if entry.step == step.id), None)
    kind = step.reversibility.kind
    changed = drift(step, report.entries)
    return Step(
        says=inert(step.says, _BRIEF),
        target=inert(step.target or step.action, _BRIEF),
        account=step.account,
        region=step.region,
        breaks=tuple(
            (inert(each.says, _BRIEF), (each.observed or "")[:_BRIEF]) for each in step.consequences
        ),
        undo=undo_of([step]),
        lost=step.reversibility.says if kind != "full" else "",
        progress=PROGRESS[now],
        trouble=inert(last.says, _BRIEF) if last is not None and last.kind in _TROUBLE else "",
        by_hand=_BY_HAND.get(now, ""),
        command=_command(step, now),
        data=f"{step.data} data" if step.data else "",
        drift=inert(changed.says, _BRIEF) if changed is not None else "",
    )


def _command(step: PlannedStep, now: Progress) -> str:
    """The command makes the change: no help where that could not be taken back, and none where it is cut."""
    helps = now in ("failed", "reverted") and len(step.by_hand) <= _LONGEST_COMMAND
    return step.by_hand if helps else ""


# ---- history -------------------------------------------------------------------------


def _line(entry: Entry) -> Line:
    return Line(
        at=entry.at,
        when=utc(entry.at, "%Y-%m-%d %H:%M:%S"),
        kind=entry.kind.replace("_", " "),
        step=entry.step or "",
        says=inert(_planned(entry) or entry.says, _BRIEF),
        why=_why(entry),
    )


def _planned(entry: Entry) -> str:
    """Name the steps of a plan instead of telling each again."""
    plan = entry.data.get("plan")
    steps = plan.get("steps") if isinstance(plan, dict) and entry.kind == "planned" else None
    if not isinstance(steps, list):
        return ""
    return ", ".join(str(step.get("id")) for step in steps if isinstance(step, dict)) or "nothing to do"


def _why(entry: Entry) -> str:
    vote = entry.data.get("vote")
    if not isinstance(vote, dict):
        return ""
    reason = next((says for reason, says in REASONS.items() if vote.get("reason") == reason), "")
    comment = str(vote.get("comment") or "")
    return ": ".join(part for part in (reason, comment) if part)
