"""A response drawn as one Slack card: one pure function of its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firedoor.domain.approval import Approval
from firedoor.domain.plan import PlannedStep
from firedoor.domain.response import Report
from firedoor.slack import facts, phrases
from firedoor.slack.blocks import (
    Message,
    actions,
    button,
    confirm,
    context,
    fixed,
    header,
    moment,
    rich,
    section,
)
from firedoor.slack.limits import CONFIRM_TEXT, HEADER, Block, clip, fit
from firedoor.slack.reference import Reference, Verb
from firedoor.slack.standing import Standing, standing
from firedoor.slack.text import emoji, inert, quoted, words

APPROVE = "firedoor.approve"
REJECT = "firedoor.reject"
UNDO = "firedoor.undo"

_ASKING: frozenset[Standing] = frozenset({"pending", "undo_pending"})
_ABOUT_THE_ASK: frozenset[Standing] = frozenset({"pending", "undo_pending", "rejected", "expired"})
#: Where everything has come to rest and people may want it back.
_UNDOABLE: frozenset[Standing] = frozenset(
    {"contained", "unverified", "partial", "rejected", "expired", "reverted", "failed"}
)


def card(report: Report) -> Message:
    """Draw how a response stands."""
    now = standing(report)
    steps = _steps(report, now)
    blocks = [block for block in _blocks(report, now, steps) if block is not None]
    return Message(
        text=phrases.summary(report, now, steps), blocks=fit(blocks, f"firedoor responses {report.id}")
    )


def superseded(report: Report) -> Message:
    """Draw a card whose ask a newer message has taken over; nothing can be pressed on it."""
    says = "Asked again below"
    lines = section(
        emoji("arrow_down"),
        words(" This message is closed: a newer one below asks now. Votes for another plan do not count."),
    )
    blocks = [
        header(_id("head", report), says),
        rich(_id("says", report), lines),
        context(_id("foot", report), _footer(report)),
    ]
    return Message(text=f"{says} · {fixed(report.playbook)}", blocks=tuple(blocks))


def _steps(report: Report, now: Standing) -> tuple[PlannedStep, ...]:
    """Choose the steps that the headline is about."""
    if now in _ABOUT_THE_ASK:
        return report.asked_steps
    wrong = facts.went_wrong(report, now)
    if wrong:
        return wrong
    plan = report.plan.steps if report.plan else ()
    begun = {entry.step for entry in report.entries if entry.kind == "begun"}
    return tuple(step for step in plan if step.outcome == "change" or step.id in begun) or plan


def _blocks(report: Report, now: Standing, steps: tuple[PlannedStep, ...]) -> Iterator[Block | None]:
    yield header(_id("head", report), _headline(report, now, steps))
    yield rich(_id("says", report), section(*_sentence(report, now)))
    if now in _ASKING and report.ask is not None:
        yield from _question(report, report.ask, now, steps)
    else:
        yield from _answer(report, now)
    yield context(_id("foot", report), _footer(report))


def _headline(report: Report, now: Standing, steps: Sequence[PlannedStep]) -> str:
    """Verb first, then what; how many more stands outside of what is cut."""
    first = steps[0].says if steps else report.summary
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    opening = phrases.HEADLINES[now][0] + ("" if now in _ASKING else ":")
    taken = "take back: " if now == "undo_pending" else ""
    return f"{opening} {taken}{inert(first, HEADER - len(opening) - len(taken) - len(more) - 2)}{more}"


def _sentence(report: Report, now: Standing) -> Iterator[dict[str, object]]:
    yield emoji(phrases.PICTURES[now])
    yield words(f" {phrases.HEADLINES[now][1]}")
    if now == "running" and report.ask is not None and report.ask.votes:
        yield words(" It was approved by ")
        yield quoted(phrases.listed([vote.voter.person for vote in report.ask.votes]), 200)
        yield words(".")
    caution = report.entries[0].data.get("caution") if report.entries else None
    if caution and now in _ASKING:
        yield words("\nWhy it is asked: ", bold=True)
        yield quoted(str(caution))


def _question(
    report: Report, ask: Approval, now: Standing, steps: tuple[PlannedStep, ...]
) -> Iterator[Block | None]:
    """What an approver needs: consequences before evidence, who decides, until when, and the buttons."""
    if now == "undo_pending":
        yield facts.give_back(_id("back", report), report, steps)
    else:
        yield facts.where(_id("where", report), report, steps)
        yield facts.price(_id("price", report), report, steps)
        asked = {step.id for step in steps}
        others = [step for step in (report.plan.changes() if report.plan else ()) if step.id not in asked]
        yield facts.outcome(_id("meanwhile", report), report, others, "The rest of this plan")
    yield facts.why(_id("why", report), report)
    yield facts.needs(_id("needs", report), ask)
    yield context(_id("until", report), f":hourglass_flowing_sand: {phrases.deadline(ask)}")
    yield actions(_id("buttons", report), _approve(report, ask, steps), _reject(report, ask))


def _answer(report: Report, now: Standing) -> Iterator[Block | None]:
    """What became of it, who decided, and whether it can still be taken back."""
    if report.ask is not None and now in ("rejected", "expired", "contained", "kept", "partial"):
        yield facts.verdict(_id("verdict", report), report.ask)
    plan = report.plan.steps if report.plan else ()
    yield facts.by_hand(_id("hand", report), report, now)
    yield facts.outcome(_id("outcome", report), report, plan, "Step by step")
    yield facts.why(_id("why", report), report)
    owed = [step for step in plan if step.id in report.owed and step.reversible]
    closed = any(entry.kind == "closed" for entry in report.entries)
    if now in _UNDOABLE and owed and not closed:
        if report.held_until is not None:
            held = f":lock: Held and watched until {moment(report.held_until)}."
            yield context(_id("until", report), f"{held} Undo asks somebody else to let it be taken back.")
        yield actions(_id("buttons", report), _undo(report, owed))


def _approve(report: Report, ask: Approval, steps: Sequence[PlannedStep]) -> Block:
    take_back = ask.kind == "undo"
    breaks = sum(len(step.consequences) for step in steps)
    price = f"Known to break: {breaks or 'nothing'}. Undo: {phrases.undo_of(steps)}."
    lines = [
        f"Plan {ask.fingerprint}",
        "It will be open again:" if take_back else price,
        *(inert(step.says, 120) for step in steps),
    ]
    return button(
        APPROVE,
        "Approve undo" if take_back else "Approve",
        _reference(report, ask, "approve"),
        label=f"Approve plan {ask.fingerprint}",
        style="primary",
        confirm=confirm(
            "Take it all back?" if take_back else "Do this?", clip("\n".join(lines), CONFIRM_TEXT), "Approve"
        ),
    )


def _reject(report: Report, ask: Approval) -> Block:
    return button(
        REJECT,
        "Reject…",
        _reference(report, ask, "reject"),
        label=f"Reject plan {ask.fingerprint}, with a reason",
        style="danger",
    )


def _undo(report: Report, owed: Sequence[PlannedStep]) -> Block:
    asked_before = sum(entry.kind == "undo_requested" for entry in report.entries)
    lines = [
        "Somebody else has to approve it first. Then this is taken back:",
        *(inert(s.says, 120) for s in owed),
    ]
    return button(
        UNDO,
        "Undo…",
        Reference(r=report.id, g=asked_before, d="undo").encode(),
        label="Ask to take back what was contained",
        confirm=confirm("Ask to undo?", "\n".join(lines), "Ask for it", style="danger"),
    )


def _reference(report: Report, ask: Approval, verb: Verb) -> str:
    return Reference(r=report.id, a=ask.id, g=ask.generation, h=ask.plan_sha256, d=verb).encode()


def _footer(report: Report) -> str:
    """The names by which the same thing is found elsewhere; fixed formats only."""
    parts = [f"playbook `{fixed(report.playbook)}@{fixed(report.playbook_sha256[:8])}`"]
    if report.ask is not None:
        parts.insert(0, f"plan `{report.ask.fingerprint}`")
    parts.append(f"`{fixed(report.id)}`")
    return " · ".join(parts)


def _id(part: str, report: Report) -> str:
    """Name a block; Slack wants another name whenever a message is drawn anew."""
    return f"{part}:{len(report.entries)}"
