"""A response drawn as one Slack card: one pure function of its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from firedoor.channels.slack import buttons, deciding, facts
from firedoor.channels.slack.blocks import Message, actions, context, fixed, header, moment, rich, section
from firedoor.channels.slack.by_hand import by_hand
from firedoor.channels.slack.limits import HEADER, Block, fit
from firedoor.channels.slack.phrases import PICTURES, deadline, summary
from firedoor.channels.slack.reminder import reminder
from firedoor.channels.slack.render_context import NOWHERE, Around, block_name
from firedoor.channels.slack.superseded import superseded
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.approval.approval import Approval
from firedoor.domain.plan.plan import PlannedStep, undoable
from firedoor.domain.response.messages import Report
from firedoor.presentation import phrases
from firedoor.presentation.by_hand import went_wrong
from firedoor.presentation.decisions import review_open
from firedoor.presentation.standing import ASKING, Standing, by_silence, is_closed, said_yes, standing
from firedoor.presentation.text import inert

__all__ = ["Around", "card", "reminder", "superseded"]

_MOST_ROLES = 3  # in the footer
_ABOUT_THE_ASK: frozenset[Standing] = ASKING | {"confirming", "rejected", "expired", "unconfirmed"}
#: Where the card tells who said what.
_TELLS_VOTES: frozenset[Standing] = frozenset(
    {"confirming", "rejected", "expired", "unconfirmed", "contained", "kept", "partial"}
)
#: Where everything has come to rest and people may want it back.
_UNDOABLE: frozenset[Standing] = frozenset(
    {
        "parked",
        "contained",
        "unverified",
        "partial",
        "rejected",
        "expired",
        "unconfirmed",
        "reverted",
        "failed",
    }
)


def card(report: Report, around: Around = NOWHERE) -> Message:
    """Draw how a response stands."""
    now = standing(report)
    steps = _steps(report, now)
    blocks = [block for block in _blocks(report, now, steps, around) if block is not None]
    return Message(text=summary(report, now, steps), blocks=fit(blocks, f"firedoor responses {report.id}"))


def _steps(report: Report, now: Standing) -> tuple[PlannedStep, ...]:
    """Choose the steps that the headline is about."""
    if now in _ABOUT_THE_ASK:
        return report.asked_steps
    wrong = went_wrong(report, now)
    if wrong:
        return wrong
    plan = report.plan.steps if report.plan else ()
    begun = {entry.step for entry in report.entries if entry.kind == "begun"}
    return tuple(step for step in plan if step.outcome == "change" or step.id in begun) or plan


def _blocks(
    report: Report, now: Standing, steps: tuple[PlannedStep, ...], around: Around
) -> Iterator[Block | None]:
    def name(part: str) -> str:
        return block_name(part, report, around)

    yield header(name("head"), _headline(report, now, steps))
    yield rich(name("says"), section(*_sentence(report, now)))
    if not is_closed(report):
        yield deciding.frozen(name("frozen"), around)
        yield deciding.parked(name("parked"), report)
    yield deciding.limits(name("limits"), report)
    yield deciding.glass(name("glass"), report)
    if now in ASKING and report.ask is not None:
        yield from _question(report, report.ask, now, steps, around)
    else:
        yield from _answer(report, now, around)
    yield context(name("foot"), _footer(report, steps, around))


def _headline(report: Report, now: Standing, steps: Sequence[PlannedStep]) -> str:
    """Verb first, then what; how many more stands outside of what is cut."""
    if now == "undo_pending":  # what cannot be taken back is told below, and never as what will be
        steps = undoable(steps)
    first = steps[0].says if steps else report.summary
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    asking = now in ASKING and report.ask is not None
    some = phrases.so_far(report.ask) if asking and report.ask is not None else ""
    opening = phrases.HEADLINES[now][0] + (f" ({some})" if some else "") + ("" if asking else ":")
    taken = "take back: " if now == "undo_pending" else ""
    return f"{opening} {taken}{inert(first, HEADER - len(opening) - len(taken) - len(more) - 2)}{more}"


def _sentence(report: Report, now: Standing) -> Iterator[Element]:
    ask = report.ask
    if now in ASKING and ask is not None and ask.silence_means_yes():
        yield emoji("warning")
        yield words(f" {phrases.silence(ask)}", bold=True)
    else:
        yield emoji(PICTURES[now])
        yield words(f" {phrases.HEADLINES[now][1]}")
    if now == "counting" and ask is not None:
        yield words(" Yes from ")
        yield quoted(phrases.listed(said_yes(ask)), 200)
        yield words(f"; {ask.missing()} more to go.")
    if now == "running" and ask is not None:
        yield from _approved(report, ask)
    caution = report.entries[0].data.get("caution") if report.entries else None
    if caution and now in ASKING:
        yield words("\nWhy it is asked: ", bold=True)
        yield quoted(str(caution))


def _approved(report: Report, ask: Approval) -> Iterator[Element]:
    if by_silence(report):
        yield words(" Nobody said no in time, and here silence means yes.")
    elif yes := [vote.voter.person for vote in ask.votes if vote.decision == "approve"]:
        yield words(" It was approved by ")
        yield quoted(phrases.listed(yes), 200)
        yield words(".")


def _question(
    report: Report, ask: Approval, now: Standing, steps: tuple[PlannedStep, ...], around: Around
) -> Iterator[Block | None]:
    """What an approver needs: consequences before evidence, who decides, until when, and the buttons."""

    def name(part: str) -> str:
        return block_name(part, report, around)

    if now == "undo_pending":
        yield facts.give_back(name("back"), report, steps)
    else:
        yield facts.where(name("where"), report, steps)
        yield facts.price(name("price"), report, steps)
        asked = {step.id for step in steps}
        others = [step for step in (report.plan.changes() if report.plan else ()) if step.id not in asked]
        yield facts.outcome(name("meanwhile"), report, others, "The rest of this plan")
    yield facts.why(name("why"), report)
    # Only a card that newly asks notifies: who has begun to answer has seen it.
    yield deciding.needs(name("needs"), report, ask, around, calls=not ask.votes)
    yield context(name("until"), f":hourglass_flowing_sand: {deadline(ask)}")
    yield actions(name("buttons"), *buttons.of_ask(report, ask, steps, around))


def _answer(report: Report, now: Standing, around: Around) -> Iterator[Block | None]:
    """What became of it, who decided, and whether it can still be taken back."""

    def name(part: str) -> str:
        return block_name(part, report, around)

    if report.ask is not None and now in _TELLS_VOTES:
        yield deciding.verdict(name("verdict"), report.ask)
    plan = report.plan.steps if report.plan else ()
    yield by_hand(name("hand"), report, now)
    yield facts.outcome(name("outcome"), report, plan, "Step by step")
    yield facts.why(name("why"), report)
    if report.muted_until is not None:
        until = moment(report.muted_until)
        yield context(name("muted"), f":no_bell: The same incident is not asked about again until {until}.")
    owed = [step for step in plan if step.id in report.owed and step.reversible]
    undoable = now in _UNDOABLE and not is_closed(report)
    if undoable and owed and report.held_until is not None:
        held = f":lock: Held and watched until {moment(report.held_until)}."
        yield context(name("until"), f"{held} Undo asks somebody else to let it be taken back.")
    review = report.review if review_open(report) else None
    yield actions(name("buttons"), *buttons.of_rest(report, owed if undoable else (), around, review=review))


def _footer(report: Report, steps: Sequence[PlannedStep], around: Around) -> str:
    """The names by which the same thing is found elsewhere; fixed formats only."""
    parts = [f"playbook `{fixed(report.playbook)}@{fixed(report.playbook_sha256[:8])}`"]
    if report.ask is not None:
        parts.insert(0, f"plan `{report.ask.fingerprint}`")
    roles = dict.fromkeys(around.roles[step.account] for step in steps if step.account in around.roles)
    parts += [f"as `{fixed(role.rpartition(':')[2])}`" for role in list(roles)[:_MOST_ROLES]]
    parts.append(f"`{fixed(report.id)}`")
    return " · ".join(parts)
