"""The dialog that shows the exact plan: what a vote signs, byte for byte."""

from __future__ import annotations

from typing import Any

from firedoor.channels.slack.blocks import preformatted, rich, section
from firedoor.channels.slack.limits import WHOLE_VIEW, Block, fit
from firedoor.channels.slack.modal.words import view
from firedoor.channels.slack.text import Element, quoted, words
from firedoor.domain.approval.approval import Approval
from firedoor.domain.core.canonical import canonical
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Report

_MOST_STEPS = 20
_PARAMS = 2000  # characters of one step's parameters


def details(report: Report) -> dict[str, Any]:
    """Return the exact plan of what is asked, else of the whole response."""
    plan = report.plan.steps if report.plan else ()
    steps = report.asked_steps if report.ask is not None and report.asked_steps else plan
    shown = steps[:_MOST_STEPS]
    more = f"firedoor responses {report.id}"
    blocks = [rich("plan", _plan(report, len(steps)), _elsewhere(report))]
    blocks += [_step(number, step) for number, step in enumerate(shown)]
    if len(steps) > len(shown):
        hidden = words(f"… ({len(steps) - len(shown)} more, see {more})", italic=True)
        blocks.append(rich("rest", section(hidden)))
    return view("Exact plan", list(fit(blocks, more, WHOLE_VIEW)))


def _plan(report: Report, count: int) -> Block:
    if report.ask is None:
        return section(words(f"Nothing is asked here. {count} steps are planned."))
    return section(
        words("Plan ", bold=True),
        quoted(report.ask.fingerprint, code=True),
        words("\nSHA-256 ", bold=True),
        quoted(report.ask.plan_sha256, code=True),
        words(f"\nIt covers {count} {'step' if count == 1 else 'steps'}; {_yes(report.ask)}"),
    )


def _yes(ask: Approval) -> str:
    if ask.kind == "undo":
        return "a yes TAKES BACK exactly these, newest first, where that can be done."
    return "a yes is a yes to exactly these."


def _elsewhere(report: Report) -> Block:
    return section(
        words("Check it elsewhere: ", bold=True), quoted(f"firedoor responses {report.id}", 300, code=True)
    )


def _step(number: int, step: PlannedStep) -> Block:
    told: list[Element] = [
        words(f"{number + 1}. ", bold=True),
        quoted(step.says, bold=True),
        words("\naction "),
        quoted(step.action, 80, code=True),
        words(" · target "),
        quoted(step.target or "none", 300, code=True),
        words(" · account "),
        quoted(step.account or "none", 40, code=True),
        words(" · region "),
        quoted(step.region or "none", 40, code=True),
    ]
    params = canonical(step.params).decode("utf-8", "replace")
    return rich(f"step:{number}", section(*told), preformatted(params, _PARAMS))
