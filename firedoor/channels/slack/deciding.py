"""Who decides, who has said what, and who acted alone."""

from __future__ import annotations

from collections.abc import Iterator

from firedoor.channels.slack.blocks import bullets, rich, section, usergroup
from firedoor.channels.slack.limits import Block
from firedoor.channels.slack.render_context import Around
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.response.messages import Report
from firedoor.presentation.decisions import FROZEN_MEANS, broken_glass, fallen
from firedoor.presentation.phrases import REASONS, listed, people

_MOST_FALLEN = 4


def needs(block_id: str, report: Report, ask: Approval, around: Around, *, calls: bool) -> Block:
    """Tell who has to say yes and who has said what; with `calls`, the groups are notified."""
    asked = [words("Who decides", bold=True)]
    if ask.requester:
        asked += [words(" · asked for by "), quoted(ask.requester, 80), words(", who cannot say yes to it")]
    if ask.escalated:
        asked.append(words(" · too few answered in time, so more people are asked now"))
    if ask.assigned_to:
        asked += [words(" · "), quoted(ask.assigned_to, 80), words(" is asked to look at it")]
    items = [_needed(ask, rule) for rule in ask.effective_rules()]
    if ask.step_up:
        items.append(
            [words("A yes has to be signed by a fresh sign-in or a passkey, on the page", bold=True)]
        )
    items += [[words("No longer counts: "), quoted(entry.says)] for entry in fallen(report)[-_MOST_FALLEN:]]
    called = list(_mentions(ask, around)) if calls else []
    return rich(block_id, section(*asked), bullets(items), section(*called))


def _needed(ask: Approval, rule: ApprovalRule) -> list[Element]:
    line = [words(f"{people(rule.quorum)} of ", bold=True), quoted(listed(ask.eligible(rule), "or"), 200)]
    approvers = sorted(ask.approvers(rule))
    if approvers:
        line += [words(" · yes from "), quoted(listed(approvers), 200)]
    missing = max(0, rule.quorum - len(approvers))
    return [*line, words(f" · {missing} to go" if missing else " · complete")]


def _mentions(ask: Approval, around: Around) -> Iterator[Element]:
    ids = dict.fromkeys(around.mentions.get(group, "") for group in ask.groups())
    called = [element for element in map(usergroup, ids) if element is not None]
    for number, element in enumerate(called):
        yield words("For " if number == 0 else " ")
        yield element


def verdict(block_id: str, ask: Approval) -> Block | None:
    """Tell who said yes or no, and why; None where nobody did."""
    lines: list[list[Element]] = []
    for vote in ask.votes:
        line = [quoted(vote.voter.person, 80, bold=True)]
        line.append(words(" said yes" if vote.decision == "approve" else " said no"))
        line.append(words(", alone" if vote.break_glass else " to many at once" if vote.among else ""))
        if vote.reason:
            line.append(words(f" ({REASONS[vote.reason].lower()})"))
        if vote.comment:
            line += [words(": “"), quoted(vote.comment), words("”")]
        lines.append(line)
    return rich(block_id, bullets(lines)) if lines else None


def frozen(block_id: str, around: Around) -> Block | None:
    """Tell that the kill switch is thrown; None while it is not."""
    if not around.frozen:
        return None
    return rich(
        block_id,
        section(
            emoji("snowflake"),
            words(" FROZEN: ", bold=True),
            quoted(around.frozen, 400),
            words(f"\n{FROZEN_MEANS}"),
        ),
    )


def parked(block_id: str, report: Report) -> Block | None:
    """Tell what waits for a thaw, who froze it and why; None where nothing does."""
    if not report.parked:
        return None
    return rich(block_id, section(emoji("snowflake"), words(" "), quoted(report.parked, 700)))


def limits(block_id: str, report: Report) -> Block | None:
    """Tell that findings are only counted any more, or that nothing of this response can act now."""
    told: list[Element] = []
    if report.ended:
        told += [emoji("warning"), words(" This response was ended from outside", bold=True)]
        told += [words(" and asks nothing any more; it is taken up again as soon as a worker sees that.")]
    if report.spilled.count:
        count = (
            "1 more finding is" if report.spilled.count == 1 else f"{report.spilled.count} more findings are"
        )
        told += [words("\n")] if told else []
        told += [
            emoji("inbox_tray"),
            words(f" It is full: {count} counted and named by hash in the evidence; "),
        ]
        told += [words("only what is worse is still taken in.")]
    return rich(block_id, section(*told)) if told else None


def glass(block_id: str, report: Report) -> Block | None:
    """Tell loudly who acted alone, why, and what others said of it since; None where nobody did."""
    broken = broken_glass(report)
    if broken is None:
        return None
    who, why = broken
    return rich(
        block_id,
        section(
            emoji("rotating_light"),
            words(" THE GLASS WAS BROKEN", bold=True),
            words(" by " if who else ": "),
            *([quoted(who, 80, bold=True), words(", alone: “")] if who else []),
            quoted(why, 1000),
            words("”" if who else ""),
            words("\nReview: ", bold=True),
            *_reviewed(report),
        ),
    )


def _reviewed(report: Report) -> Iterator[Element]:
    review = report.review
    if review is None:
        yield words("others are asked to look at it as soon as it is carried out.")
        return
    last = next((entry for entry in reversed(report.entries) if entry.kind == "reviewed"), None)
    if last is None:
        yield words(f"{people(review.missing())} of ")
        yield quoted(listed(review.groups(), "or"), 200)
        yield words(" still have to say whether it was right.")
        return
    for vote in review.votes:
        yield quoted(vote.voter.person, 80, bold=True)
        yield words(" said it was right" if vote.decision == "approve" else " said it was WRONG")
        if vote.comment:
            yield words(": “")
            yield quoted(vote.comment)
            yield words("”")
        yield words(". ")
    if not review.votes:
        yield words("nobody looked at it in time.")
