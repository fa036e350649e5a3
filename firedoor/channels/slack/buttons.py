"""The buttons of a card: each carries a reference, and none is there that would do nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firedoor.channels.slack.blocks import button, confirm, link
from firedoor.channels.slack.limits import CONFIRM_TEXT, Block
from firedoor.channels.slack.reference import Reference, Verb
from firedoor.channels.slack.render_context import Around
from firedoor.domain.approval.approval import Approval
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report
from firedoor.presentation.drift import opens_again
from firedoor.presentation.phrases import undo_of
from firedoor.presentation.text import clip, inert

APPROVE = "firedoor.approve"
REJECT = "firedoor.reject"
UNDO = "firedoor.undo"
DETAILS = "firedoor.details"
MORE = "firedoor.more"
PAGE = "firedoor.page"  # opens a page of ours; Slack tells us of the press, and nothing follows from it


def of_ask(
    report: Report, ask: Approval, steps: Sequence[PlannedStep], around: Around
) -> Iterator[Block | None]:
    """Yield what can be pressed while people are asked."""
    if ask.step_up:
        yield _page(report, around, "Sign in to approve…", style="primary")
    else:
        yield _approve(report, ask, steps, around)
    yield _reject(report, ask)
    yield _details(report, ask)
    yield button(
        MORE, "More…", _reference(report, ask, "more"), label="Remind me later, or ask somebody to look"
    )
    if not ask.step_up:
        yield _page(report, around)


def of_rest(
    report: Report, owed: Sequence[PlannedStep], around: Around, *, review: Approval | None
) -> Iterator[Block | None]:
    """Yield what can be pressed where nobody is asked.

    `owed` are the steps that can be taken back now; `review` is open while others are
    asked whether breaking the glass was right.
    """
    if review is not None:
        yield from _review(report, review)
    if owed:
        yield _undo(report, owed)
    if report.plan is not None and report.plan.steps:
        yield _details(report, report.ask)
    yield _page(report, around)


def _review(report: Report, review: Approval) -> Iterator[Block]:
    says = f"Breaking the glass for plan {review.fingerprint} was right."
    yield button(
        APPROVE,
        "It was right",
        _reference(report, review, "approve"),
        label="Say that breaking the glass was right",
        confirm=confirm("Was it right?", says, "It was right"),
    )
    yield button(
        REJECT,
        "It was wrong…",
        _reference(report, review, "reject"),
        label="Say that breaking the glass was wrong, with a reason",
        style="danger",
    )


def _approve(report: Report, ask: Approval, steps: Sequence[PlannedStep], around: Around) -> Block:
    take_back = ask.kind == "undo"
    breaks = sum(len(step.consequences) for step in steps)
    price = f"Known to break: {breaks or 'nothing'}. Undo: {undo_of(steps)}."
    told = [step for step in steps if opens_again(report, step)] if take_back else list(steps)
    stays = len(steps) - len(told)
    lines = [
        f"Plan {ask.fingerprint}",
        *(["FROZEN: it waits until it is thawed."] if around.frozen and not take_back else []),
        *([f"{stays} of {len(steps)} stay as they are, see the card."] if stays else []),
        "It will be open again:" if take_back else price,
        *(inert(step.says, 120) for step in told),
    ]
    return button(
        APPROVE,
        "Approve undo" if take_back else "Approve",
        _reference(report, ask, "approve"),
        label=f"Approve plan {ask.fingerprint}",
        style="primary",
        confirm=confirm(
            "Take it back?" if take_back else "Do this?", clip("\n".join(lines), CONFIRM_TEXT), "Approve"
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


def _details(report: Report, ask: Approval | None) -> Block:
    value = _reference(report, ask, "details") if ask else Reference(r=report.id, g=0, d="details").encode()
    return button(DETAILS, "Details…", value, label="Show the exact plan")


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


def _page(report: Report, around: Around, text: str = "Open", *, style: str | None = None) -> Block | None:
    label = f"{text} on the page of this response"
    return link(PAGE, text, around.page_of(report.id), label=label, style=style)


def _reference(report: Report, ask: Approval, verb: Verb) -> str:
    return Reference(r=report.id, a=ask.id, g=ask.generation, h=ask.plan_sha256, d=verb).encode()
