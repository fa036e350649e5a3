"""Who decides, until when, what was said and what a person does by hand, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from firedoor.cli.phrases import clock, span
from firedoor.cli.terminal import grid, joined, safe
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Vote
from firedoor.domain.response.messages import Report
from firedoor.presentation.by_hand import went_wrong
from firedoor.presentation.phrases import REASONS, escalates_to, listed, people
from firedoor.presentation.standing import Standing

_REVIEWED = {
    "granted": ("it was found right", "green"),
    "rejected": ("it was found WRONG: look whether to take it back", "bold red"),
    "expired": ("nobody reviewed it in time", "bold red"),
}


def deciding(ask: Approval, now: datetime) -> Iterator[tuple[Text, Text]]:
    """Say of an ask who decides, how it is said, what was said, and what happens when the time is over."""
    for rule in ask.effective_rules():
        missing = max(0, rule.quorum - len(ask.approvers(rule)))
        told = safe(f"{people(rule.quorum)} of {listed(ask.eligible(rule), 'or')}")
        told.append(f" · {missing} to go" if missing else " · complete", "yellow")
        yield Text("who", "dim"), told.append(" · signed", "bold yellow") if rule.step_up else told
    if ask.step_up:
        yield (
            Text("how", "dim"),
            Text("signed on the page, by a fresh sign-in or a passkey; no is said anywhere"),
        )
    if ask.assigned_to:
        yield Text("asked", "dim"), safe(f"{ask.assigned_to} was asked to look")
    for vote in ask.votes:
        yield Text("said", "dim"), _said(vote)
    if ask.remind_at is not None and now < ask.remind_at:
        yield Text("again", "dim"), Text(f"people are reminded at {clock(ask.remind_at)}")
    left = ask.deadline - now
    in_time = f"in {span(left)}" if left.total_seconds() > 0 else "over"
    yield Text("until", "dim"), Text(f"{clock(ask.deadline)} ({in_time}); ").append_text(_then(ask))


def _then(ask: Approval) -> Text:
    if ask.silence_means_yes():
        return Text("SILENCE IS YES: done without you", "bold red")
    more = escalates_to(ask)
    return safe(f"then {listed(more)} too" if more else "silence is no")


def _said(vote: Vote) -> Text:
    yes = vote.decision == "approve"
    why = vote.comment or (REASONS[vote.reason].lower() if vote.reason else "")
    how = " · ".join(
        word
        for word, so in (
            ("ALONE, breaking the glass", vote.break_glass),
            (f"signed ({vote.proof.kind})" if vote.proof else "", vote.proof is not None),
            ("one word about many", bool(vote.among)),
        )
        if so
    )
    return joined(
        safe(vote.voter.person, "bold"),
        Text("yes" if yes else "no", "green" if yes else "red"),
        Text(how, "bold yellow"),
        safe(why) if why else Text(),
    )


def review(report: Report, now: datetime) -> Iterator[RenderableType]:
    """Show what others are asked about a broken glass, or what they found."""
    asked = report.review
    if asked is None:
        return
    state = asked.state(now)
    title = Text("Glass broken", "bold red")
    if state in _REVIEWED:
        yield joined(title, Text(*_REVIEWED[state]))
        yield grid((Text("said", "dim"), _said(vote)) for vote in asked.votes)
        return
    yield joined(
        title,
        safe(f"by {asked.requester or 'somebody'}; was that right?"),
        Text(asked.fingerprint, "bold yellow"),
    )
    yield grid(deciding(asked, now))


def by_hand(report: Report, stands: Standing) -> Iterator[RenderableType]:
    """Show the commands by which a person does what failed; one that could not be taken back has none."""
    wrong = [step for step in went_wrong(report, stands) if step.by_hand and stands != "stuck"]
    if wrong:
        yield Text("By hand", "bold red")
        for step in wrong:
            yield grid([(safe(step.id, "bold"), safe(step.says))])
            yield safe(f"    {step.by_hand}")
