"""How plans, asks and responses look in a terminal; the words are those of the cards in Slack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from rich.console import RenderableType
from rich.text import Text

from firedoor.cli.deciding import by_hand, deciding, review
from firedoor.cli.phrases import clock, severity, since, who
from firedoor.cli.terminal import grid, joined, safe
from firedoor.domain.approval.approval import Approval
from firedoor.domain.plan.plan import Plan, PlannedStep, stretches
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Report
from firedoor.presentation.phrases import HEADLINES, PROGRESS
from firedoor.presentation.standing import Progress, Standing, all_progress, standing

#: A sign and a colour for what became of a step.
_SIGNS: Final[dict[Progress, tuple[str, str]]] = {
    "waiting": ("○", "dim"),
    "parked": ("■", "bold yellow"),
    "running": ("…", "cyan"),
    "applied": ("…", "cyan"),
    "verified": ("✓", "green"),
    "unverified": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "reverted": ("✗", "bold red"),
    "undoing": ("…", "cyan"),
    "undone": ("↩", "blue"),
    "stuck": ("✗", "bold red"),
    "already": ("=", "dim"),
    "refused": ("∅", "yellow"),
    "nothing": ("?", "yellow"),
}

_OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "change": ("●", "bold cyan"),
    "already": ("=", "dim"),
    "refuse": ("∅", "yellow"),
    "unplanned": ("?", "bold yellow"),
}
_OUTCOME_WORDS: Final = {
    "already": "it is so already",
    "refuse": "refused",
    "unplanned": "could not be planned",
}

_STANDING_STYLES: Final[dict[Standing, str]] = {
    "contained": "bold green",
    "kept": "bold green",
    "pending": "bold yellow",
    "counting": "bold yellow",
    "escalated": "bold yellow",
    "confirming": "bold yellow",
    "undo_pending": "bold yellow",
    "partial": "bold yellow",
    "parked": "bold yellow",
    "unverified": "bold yellow",
    "failed": "bold red",
    "stuck": "bold red",
    "reverted": "bold red",
    "unconfirmed": "bold red",
    "undone": "bold blue",
}

_KINDS: Final[dict[str, str]] = {
    "asked": "yellow",
    "voted": "yellow",
    "voided": "bold red",
    "parked": "bold yellow",
    "reminded": "dim",
    "snoozed": "dim",
    "reassigned": "yellow",
    "glass": "bold red",
    "reviewed": "bold yellow",
    "decided": "bold yellow",
    "applied": "cyan",
    "verified": "green",
    "failed": "bold red",
    "unverified": "bold yellow",
    "reverted": "bold red",
    "drifted": "yellow",
    "undoing": "blue",
    "undone": "blue",
    "stuck": "bold red",
    "closed": "bold",
}


# ---- a plan --------------------------------------------------------------------------


def planned(
    plan: Plan, became: Mapping[str, Progress] | None = None, *, over: bool = False
) -> Iterator[RenderableType]:
    """Show each step: what, where, what breaks, whether it comes back, who is asked.

    `became` says how far each is; the price of one that is begun, or never will be, need not be told again.
    """
    if not plan.steps:
        yield Text("There is nothing to do.", "dim")
    for step in plan.steps:
        if became is None:
            sign, style = _OUTCOMES[step.outcome]
            state = _OUTCOME_WORDS.get(step.outcome, "")
        else:
            now = became.get(step.id, "waiting")
            sign, style = _SIGNS[now]
            state = PROGRESS[now]
        yield joined(Text(sign, style), safe(step.id, "bold"), Text(step.action, "cyan"), Text(state, style))
        told = became is not None and (over or became.get(step.id) != "waiting")
        yield grid(_what(step) if told else _facts(step), indent=4)
        yield ""
    for name, why in plan.left_aside.items() if became is None else ():
        yield joined(Text("·", "dim"), safe(name, "bold"), Text("left aside", "dim"))
        yield grid([(Text("why", "dim"), safe(why))], indent=4)
        yield ""


def _what(step: PlannedStep) -> Iterator[tuple[Text, Text]]:
    label = {"change": "does", "already": "found", "refuse": "why", "unplanned": "why"}[step.outcome]
    yield Text(label, "dim"), safe(step.says)
    where = [step.target, step.account if step.account not in step.target else "", step.region]
    yield Text("where", "dim"), safe(" · ".join(dict.fromkeys(part for part in where if part)))


def _facts(step: PlannedStep) -> Iterator[tuple[Text, Text]]:
    yield from _what(step)
    if step.outcome != "change":
        return
    if step.before:
        yield Text("now", "dim"), joined(*(_captured(*each) for each in step.before.items()), between="; ")
    for number, each in enumerate(step.consequences):
        told = safe(each.says)
        if each.observed:
            told.append(" (").append_text(safe(each.observed)).append(")")
        yield Text("" if number else "breaks", "dim"), Text("• ").append_text(told)
    yield Text("undo", "dim"), undo_of(step)
    if step.approval is None:
        yield Text("asks", "dim"), Text("nobody: done at once", "green")
    else:
        yield Text("asks", "dim"), Text(who(step.approval), "yellow")


def _captured(name: str, value: JsonValue) -> Text:
    """Say one thing that undo would give back."""
    if isinstance(value, dict) and set(value) == {"state", "value"}:
        value = value["value"] if value["state"] == "value" else value["state"]
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(f"{name.replace('_', ' ')}: {told}", "dim")


def undo_of(step: PlannedStep) -> Text:
    """Say whether a step can be taken back, and what is lost."""
    kind, says = step.reversibility.kind, step.reversibility.says
    if kind == "full":
        return Text("gives everything back", "green")
    if kind == "partial":
        return Text("gives back part; lost is ", "yellow").append_text(safe(says))
    return Text("IMPOSSIBLE: ", "bold red").append_text(safe(says))


def would_ask(plan: Plan, fingerprints: Sequence[str], mode: str) -> Iterator[RenderableType]:
    """Say what would happen at once and what people would be asked, by its fingerprint."""
    changes = plan.changes()
    if mode == "shadow":
        yield Text("In shadow: it would be recorded; nothing would be done and nobody asked.", "dim")
        return
    at_once = [step.id for step in changes if step.approval is None]
    if at_once:
        yield Text.assemble("At once: ", (", ".join(at_once), "bold"))
    for stretch, fingerprint in zip(stretches(changes), fingerprints, strict=True):
        names = ", ".join(step.id for step in stretch)
        yield Text.assemble("Asked:   ", (names, "bold"), "  fingerprint ", (fingerprint, "bold yellow"))


# ---- a response ----------------------------------------------------------------------


def response(report: Report, now: datetime) -> Iterator[RenderableType]:
    """Show one response: how it stands, the plan, the ask, and what happened."""
    yield from headline(report)
    over = any(entry.kind == "closed" for entry in report.entries)
    if report.plan is not None:
        yield from ("", Text("Plan", "bold"), "", *planned(report.plan, all_progress(report), over=over))
    if report.ask is not None and report.asking:
        yield from (*card(report, report.ask, now), "")
    for part in (tuple(review(report, now)), tuple(by_hand(report, standing(report)))):
        if part:
            yield from (*part, "")
    if report.entries:
        yield from (Text("Timeline", "bold"), grid(_timeline(report.timeline(), report.started)))


def headline(report: Report) -> Iterator[RenderableType]:
    """Say in a few lines how a response stands and what it is about."""
    stands = standing(report)
    words, means = HEADLINES[stands]
    finding = report.finding
    yield joined(
        Text(words, _STANDING_STYLES.get(stands, "bold")),
        safe(report.playbook, "bold"),
        safe(report.id, "dim"),
    )
    yield Text(means)
    if report.parked:
        yield safe(report.parked, "bold yellow")
    yield ""
    told = (
        severity(finding.severity.value),
        safe(f"{finding.source} {finding.type}"),
        safe(f"account {finding.account}" if finding.account else ""),
        safe(finding.region or ""),
        Text(f"{report.findings_seen} findings" if report.findings_seen > 1 else ""),
    )
    yield joined(*told, between=" · ")
    if finding.title:
        yield safe(f"“{finding.title}”", "dim")
    held = f"held until {clock(report.held_until)}" if report.held_until else ""
    muted = (
        f"called a false positive; left alone until {clock(report.muted_until)}" if report.muted_until else ""
    )
    started = Text(f"started {clock(report.started)}", "dim")
    yield joined(started, Text(held, "dim"), Text(muted, "yellow"), between=" · ")


def card(report: Report, ask: Approval, now: datetime) -> Iterator[RenderableType]:
    """Show what people are asked, as a card does: the steps, who decides, until when, which fingerprint."""
    title = {"undo": "Approve undo?", "review": "Was it right?"}.get(ask.kind, "Approve?")
    yield joined(Text(title, "bold yellow"), Text(ask.fingerprint, "bold yellow"))
    for step in report.asked_steps:
        line = Text("  • ").append_text(safe(step.says, "bold"))
        yield line.append("  ").append_text(undo_of(step)) if ask.kind == "apply" else line
        for each in step.consequences if ask.kind == "apply" else ():
            yield Text("      breaks ", "dim").append_text(safe(each.says))
    yield grid(deciding(ask, now))


def _timeline(entries: Iterable[Entry], start: datetime) -> Iterator[tuple[Text, ...]]:
    for entry in entries:
        style = _KINDS.get(entry.kind, "")
        what = about(entry.step) + safe(_planned_steps(entry) or entry.says)
        yield Text(since(start, entry.at), "dim"), Text(entry.kind, style), what


def about(step: str | None) -> Text:
    """Begin a line that is about a step."""
    return safe(step, "bold").append(": ") if step else Text()


def _planned_steps(entry: Entry) -> str:
    """Name the steps of a plan instead of telling each again; "" for any other entry."""
    plan = entry.data.get("plan")
    steps = plan.get("steps") if isinstance(plan, dict) and entry.kind == "planned" else None
    if not isinstance(steps, list):
        return ""
    return ", ".join(str(step.get("id")) for step in steps if isinstance(step, dict)) or "nothing to do"
