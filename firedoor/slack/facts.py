"""What a person needs to know to decide, one block for each question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firedoor.domain.approval import Approval
from firedoor.domain.finding import Actor, Finding, PrincipalKind
from firedoor.domain.plan import PlannedStep
from firedoor.domain.response import Report
from firedoor.slack.blocks import bullets, rich, section, utc
from firedoor.slack.limits import Block
from firedoor.slack.phrases import PROGRESS, REASONS, listed, people, undo_of
from firedoor.slack.standing import Progress, Standing, all_progress
from firedoor.slack.text import Element, emoji, quoted, words

_MOST_STEPS = 8
_MOST_CONSEQUENCES = 6


def where(block_id: str, report: Report, steps: Sequence[PlannedStep]) -> Block:
    """Tell whose and where; of several steps also what, for the headline names the first alone."""
    one = (
        section(words("Where: ", bold=True), *_where(steps[0])) if len(steps) == 1 else _steps(report, steps)
    )
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
        section(words("Undo: ", bold=True), words(undo_of(steps)), *(lost[0] if len(lost) == 1 else ())),
        bullets(lost if len(lost) > 1 else ()),
    )


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
        section(words("What would be taken back", bold=True)),
        _steps(report, back),
        section(*([words("What stays, for it cannot be undone", bold=True)] if stays else ())),
        bullets(stays[:_MOST_STEPS]),
    )


def by_hand(block_id: str, report: Report, now: Standing) -> Block | None:
    """Tell a person what to do where we could not; None where there is nothing of that kind."""
    items = [
        [words(_WRONG[now][1]), quoted(step.says, bold=True), words(" · "), *_where(step)]
        for step in went_wrong(report, now)[:_MOST_STEPS]
    ]
    return (
        rich(block_id, section(words("For a person to do now", bold=True)), bullets(items)) if items else None
    )


#: What is wrong with a step in a standing that needs a person, and what that person does.
_WRONG: dict[Standing, tuple[Progress, str]] = {
    "failed": ("failed", "do it, and look whether it is half done: "),
    "stuck": ("stuck", "take back: "),
    "reverted": ("reverted", "look who opened it, and do again: "),
}


def went_wrong(report: Report, now: Standing) -> tuple[PlannedStep, ...]:
    """Name the steps for which a card of this standing calls a person; empty where nothing went wrong."""
    if now not in _WRONG or report.plan is None:
        return ()
    what = all_progress(report)
    return tuple(step for step in report.plan.steps if what[step.id] == _WRONG[now][0])


def _steps(report: Report, steps: Sequence[PlannedStep]) -> Block:
    items = [
        [quoted(step.says, bold=True), words(" · "), *_where(step)]
        if step.target
        else [quoted(step.says, bold=True)]
        for step in steps[:_MOST_STEPS]
    ]
    if len(steps) > _MOST_STEPS:
        items.append([_more(len(steps) - _MOST_STEPS, report)])
    return bullets(items)


def _where(step: PlannedStep) -> Iterator[Element]:
    yield quoted(step.target or step.action, 200, code=True)
    if step.account:
        yield words(" · account ")
        yield quoted(step.account, 40, code=True)
    if step.region:
        yield words(" · ")
        yield quoted(step.region, 40, code=True)


def _whose(actor: Actor) -> Iterator[Element]:
    """Name who holds what the finding is about."""
    name = actor.user_name or actor.role_name or actor.email or actor.uid
    yield words("Whose: ", bold=True)
    if name:
        yield quoted(name, 120, code=True)
        yield words(f" ({_KINDS.get(actor.kind, actor.kind.value.replace('_', ' '))})")
    else:
        yield words("the finding names nobody")


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
        picture, says = PROGRESS[now.get(step.id, "waiting")]
        line = [emoji(picture), words(f" {says}: "), quoted(step.says)]
        items.append([*line, *_trouble(report, step.id)])
    if len(steps) > _MOST_STEPS:
        items.append([_more(len(steps) - _MOST_STEPS, report)])
    return rich(block_id, section(words(title, bold=True)), bullets(items))


def _trouble(report: Report, step: str) -> Iterator[Element]:
    """Say why a step went wrong, where its last word in the ledger is about that."""
    last = next((entry for entry in reversed(report.entries) if entry.step == step), None)
    if last is not None and last.kind in ("failed", "stuck", "unverified", "reverted"):
        yield words(" — ")
        yield quoted(last.says)


def needs(block_id: str, ask: Approval) -> Block:
    """Tell who has to say yes and who has said what."""
    items: list[list[Element]] = []
    for rule in ask.rules:
        approvers = sorted(ask.approvers(rule))
        line = [words(f"{people(rule.quorum)} of ", bold=True), quoted(listed(ask.eligible(rule), "or"), 200)]
        if approvers:
            line += [words(" · yes from "), quoted(listed(approvers), 200)]
        missing = max(0, rule.quorum - len(approvers))
        items.append([*line, words(f" · {missing} to go" if missing else " · complete")])
    asked = [words("Who decides", bold=True)]
    if ask.requester:
        asked += [words(" · asked for by "), quoted(ask.requester, 80), words(", who cannot say yes to it")]
    if ask.escalated:
        asked.append(words(" · nobody answered in time, so more people are asked now"))
    return rich(block_id, section(*asked), bullets(items))


def verdict(block_id: str, ask: Approval) -> Block | None:
    """Tell who said yes or no, and why; None where nobody did."""
    lines: list[list[Element]] = []
    for vote in ask.votes:
        line = [quoted(vote.voter.person, 80, bold=True)]
        line.append(words(" said yes" if vote.decision == "approve" else " said no"))
        if vote.reason:
            line.append(words(f" ({REASONS[vote.reason].lower()})"))
        if vote.comment:
            line += [words(": “"), quoted(vote.comment), words("”")]
        lines.append(line)
    return rich(block_id, bullets(lines)) if lines else None


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
