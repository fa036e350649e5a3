"""What a person needs to know to decide, one block for each question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firedoor.channels.slack.blocks import bullets, rich, section
from firedoor.channels.slack.limits import Block
from firedoor.channels.slack.phrases import PROGRESS_PICTURES
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.approval.policy import DataClass
from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation.drift import drift
from firedoor.presentation.phrases import PROGRESS, listed, undo_of
from firedoor.presentation.standing import all_progress
from firedoor.presentation.times import utc

_MOST_STEPS = 8
_MOST_CONSEQUENCES = 6


def where(block_id: str, report: Report, steps: Sequence[PlannedStep]) -> Block:
    """Tell whose and where; of several steps also what, for the headline names the first alone."""
    one = section(words("Where: ", bold=True), *place(steps[0])) if len(steps) == 1 else _steps(report, steps)
    return rich(block_id, section(*_whose(report.finding.actor)), one)


def price(block_id: str, report: Report, steps: Sequence[PlannedStep]) -> Block:
    """Tell what breaks, and whether it comes back."""
    consequences = [each for step in steps for each in step.consequences]
    breaks: list[list[Element]] = [
        [quoted(each.says), *([words(" ("), quoted(each.observed), words(")")] if each.observed else [])]
        for each in consequences[:_MOST_CONSEQUENCES]
    ]
    if len(consequences) > _MOST_CONSEQUENCES:
        breaks.append([_more(len(consequences) - _MOST_CONSEQUENCES, report)])
    lost = list(_lost(steps))
    return rich(
        block_id,
        section(words("What will break", bold=True), words("" if breaks else ": nothing that we know of")),
        bullets(breaks),
        section(
            words("Undo: ", bold=True),
            words(undo_of(steps), bold=not _all_back(steps)),
            *(lost[0] if len(lost) == 1 else ()),
        ),
        bullets(lost if len(lost) > 1 else ()),
    )


def _all_back(steps: Sequence[PlannedStep]) -> bool:
    return all(step.reversibility.kind == "full" for step in steps)


def give_back(block_id: str, report: Report, steps: Sequence[PlannedStep]) -> Block:
    """Tell what an undo would open again, newest first, and what it cannot bring back."""
    back = [step for step in steps if step.reversible]
    stays = [
        [quoted(step.says), words(": "), quoted(step.reversibility.says)]
        for step in steps
        if not step.reversible
    ]
    return rich(
        block_id,
        section(*_whose(report.finding.actor)),
        section(words("What would be opened again, newest first", bold=True)),
        bullets([*(_back(report, step) for step in back[:_MOST_STEPS]), *_rest(len(back), report)]),
        section(*([words("What stays, for it cannot be undone", bold=True)] if stays else ())),
        bullets(stays[:_MOST_STEPS]),
    )


def _back(report: Report, step: PlannedStep) -> list[Element]:
    """Tell whether the world still holds what we wrote; what somebody else changed since is left alone."""
    told = [quoted(step.says, bold=True)]
    if step.target:
        told += [words(" · "), *place(step)]
    since = drift(step, report.entries)
    if since is not None:
        told += [words(" — "), emoji("warning"), words(" changed by somebody else since: ", bold=True)]
        return [*told, quoted(since.says), words("; it will be left alone", bold=True)]
    seen = [entry.at for entry in report.entries if entry.step == step.id and entry.kind == "verified"]
    if not seen:
        return told
    # A look asks whether it is contained; whether it is exactly as we made it, the undo itself compares.
    last = f"contained when last looked at, {utc(seen[-1], '%H:%M')}"
    return [*told, words(f" — {last}; what is not as we made it is left alone")]


def _rest(count: int, report: Report) -> list[list[Element]]:
    return [[_more(count - _MOST_STEPS, report)]] if count > _MOST_STEPS else []


def _steps(report: Report, steps: Sequence[PlannedStep]) -> Block:
    items = [
        [quoted(step.says, bold=True), words(" · "), *place(step)]
        if step.target
        else [quoted(step.says, bold=True)]
        for step in steps[:_MOST_STEPS]
    ]
    return bullets([*items, *_rest(len(steps), report)])


def place(step: PlannedStep) -> Iterator[Element]:
    """Tell what a step is about, where that is, and how sensitive it is."""
    yield quoted(step.target or step.action, 200, code=True)
    if step.account:
        yield words(" · account ")
        yield quoted(step.account, 40, code=True)
    if step.region:
        yield words(" · ")
        yield quoted(step.region, 40, code=True)
    if step.data:
        yield words(f" · {_DATA[step.data]}", bold=step.data in _SENSITIVE)


def _whose(actor: Actor) -> Iterator[Element]:
    """Name who holds what the finding is about."""
    name = actor.user_name or actor.role_name or actor.email or actor.uid
    yield words("Whose: ", bold=True)
    if name:
        yield quoted(name, 120, code=True)
        yield words(f" ({_KINDS.get(actor.kind, actor.kind.value.replace('_', ' '))})")
    else:
        yield words("the finding names nobody")


_DATA: dict[DataClass, str] = {
    "public": "public data",
    "internal": "internal data",
    "confidential": "CONFIDENTIAL data",
    "restricted": "RESTRICTED data",
    "unknown": "data of UNKNOWN class",
}
_SENSITIVE: frozenset[DataClass] = frozenset({"confidential", "restricted", "unknown"})
_KINDS = {PrincipalKind.IAM_USER: "IAM user", PrincipalKind.ASSUMED_ROLE: "IAM role"}


def _lost(steps: Sequence[PlannedStep]) -> Iterator[list[Element]]:
    told = dict.fromkeys((step.reversibility.kind, step.reversibility.says) for step in steps)
    for kind, says in list(told)[:_MOST_STEPS]:
        if kind != "full":
            yield [words(": lost is " if kind == "partial" else ": "), quoted(says)]


def outcome(block_id: str, report: Report, steps: Sequence[PlannedStep], title: str) -> Block | None:
    """Tell what became of steps, one line each; None where there are none."""
    if not steps:
        return None
    now = all_progress(report)
    items: list[list[Element]] = []
    for step in steps[:_MOST_STEPS]:
        progress = now.get(step.id, "waiting")
        line = [emoji(PROGRESS_PICTURES[progress]), words(f" {PROGRESS[progress]}: "), quoted(step.says)]
        items.append([*line, *_trouble(report, step.id)])
    return rich(block_id, section(words(title, bold=True)), bullets([*items, *_rest(len(steps), report)]))


def _trouble(report: Report, step: str) -> Iterator[Element]:
    """Say why a step went wrong, where its last word in the ledger is about that."""
    last = next((entry for entry in reversed(report.entries) if entry.step == step), None)
    if last is not None and last.kind in ("failed", "stuck", "unverified", "reverted"):
        yield words(" — ")
        yield quoted(last.says)


def why(block_id: str, report: Report) -> Block:
    """Tell what the detector said."""
    finding = report.finding
    facts: list[list[Element]] = [
        [
            words("type "),
            quoted(finding.type, 150, code=True),
            words(" by "),
            quoted(finding.source, 60, code=True),
        ],
        [words(_seen(finding, report.findings_seen))],
    ]
    if finding.actor.source_ips:
        facts[-1] += [words(" · from "), quoted(listed(finding.actor.source_ips[:3]), 150, code=True)]
    if finding.actor.access_key_id:
        facts[-1] += [words(" · access key "), quoted(finding.actor.access_key_id, 150, code=True)]
    title = [words("Why: ", bold=True), words(f"{finding.severity.value.upper()} ", bold=True)]
    return rich(
        block_id,
        section(*title, words("“"), quoted(finding.title or finding.type), words("”")),
        bullets(facts),
    )


def _seen(finding: Finding, findings: int) -> str:
    times = "once" if finding.count == 1 else f"{finding.count} times"
    told = f"seen {times}, last {utc(finding.last_seen)}"
    if finding.confidence is not None:
        told += f" · confidence {finding.confidence:.2f}"
    return told + (f" · {findings} findings together" if findings > 1 else "")


def _more(count: int, report: Report) -> Element:
    return words(f"… ({count} more, see the thread or: firedoor responses {report.id})", italic=True)
