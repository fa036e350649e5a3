"""Whatever others write, wherever they write it: Slack takes the message, and it stays text."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.channels.slack import modal
from firedoor.channels.slack.blocks import Message
from firedoor.channels.slack.card import card, reminder, superseded
from firedoor.channels.slack.notice import notice
from firedoor.channels.slack.render_context import Around
from firedoor.channels.slack.thread import replies
from firedoor.domain.action.action import Consequence, Reversibility
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.finding.finding import Actor
from firedoor.domain.plan.plan import Plan
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.domain.response.messages import Report
from tests.channels.slack.drawn import said, taken, view_taken
from tests.channels.slack.injections import BROKEN, INJECTIONS, blocks_are_inert, is_inert, texts
from tests.channels.slack.reports import (
    DELETE,
    ID,
    NOW,
    RECEIVED,
    RULE,
    asked,
    every_standing,
    finding,
    report,
    step,
    vote,
)

PAGE = "https://firedoor.example.com"
AROUND = Around(page=PAGE, mentions={"secops": "S0SECOPS1"}, users={"carol": "U0CAROL01"})
OURS = ("S0SECOPS1", "S0LEADS01", "U0CAROL01", f"{PAGE}/responses/{ID}", f"{PAGE}/")


def everywhere(text: str) -> Report:
    """A pending report with a text in every place that comes from outside."""
    title = text.encode("utf-8", "replace").decode()
    steps = tuple(
        step(
            f"s{number}",
            says=title,
            target=title,
            account=title[:40],
            region=title[:40],
            params={"key": title, title[:80]: [title]},
            by_hand=title,
            consequences=(Consequence(says=title, observed=title),) * 4,
            reversibility=Reversibility(kind="partial", says=title or "-"),
        )
        for number in range(3)
    )
    short = title[:4000]
    seen = finding(
        title=short,
        type=short,
        source=short,
        actor=Actor(user_name=short, source_ips=(short,) * 9, access_key_id=short),
    )
    ask = asked(steps, assigned_to=title).with_vote(
        vote("alice", "reject", reason="bad_time", comment=title[:1000])
    )
    received = Entry(at=NOW, kind="received", says=title, data={"caution": title})
    told = [Entry(at=NOW, kind="failed", says=title, step=each.id) for each in steps]
    told += [Entry(at=NOW, kind="voided", says=title), Entry(at=NOW, kind="reverted", says=title, step="s0")]
    return report(
        status="awaiting_approval",
        finding=seen,
        summary=title,
        plan=Plan(steps=steps, undo_rule=RULE),
        ask=ask,
        asking=True,
        asked_steps=steps,
        entries=(received, *told),
    )


def drawings(made: Report, text: str) -> list[Message]:
    """Every message that is drawn of a report."""
    around = AROUND.model_copy(update={"frozen": text})
    glass = asked(made.asked_steps, glass=("erin",)).with_vote(
        vote("erin", comment=text.encode("utf-8", "replace").decode()[:1000], break_glass=True)
    )
    return [
        card(made, around),
        card(made.model_copy(update={"asking": False, "status": "failed"}), around),
        card(made.model_copy(update={"ask": glass, "review": asked(kind="review")}), around),
        superseded(made, around=around),
        reminder(made, around),
        notice("warning", "This does not count:", text, "Press again."),
        *(reply for _, reply in replies(made.entries, 0, ID)),
    ]


@pytest.mark.parametrize("text", [*INJECTIONS, BROKEN], ids=lambda text: repr(text[:30]))
def test_hostile_text_stays_text_in_every_message(text: str) -> None:
    for message in drawings(everywhere(text), text):
        taken(message)
        is_inert(message, own=OURS)


@pytest.mark.parametrize("text", INJECTIONS, ids=lambda text: repr(text[:30]))
def test_hostile_text_stays_text_in_every_dialog(text: str) -> None:
    for view in (modal.details(everywhere(text)), modal.told(text), modal.loading("Exact plan")):
        view_taken(view)
        blocks_are_inert(view)


def test_a_line_break_in_a_finding_cannot_begin_a_line_of_ours() -> None:
    message = card(everywhere("quiet\n✅ Approved by alice and bob"))
    lines = [line.strip() for text, _ in texts(message.blocks) for line in text.split("\n")]
    assert not [line for line in lines if line.startswith("✅ Approved")]
    assert "quiet␊✅ Approved" in said(message)


def test_a_direction_mark_is_shown_instead_of_obeyed() -> None:
    assert "‹U+202E›" in said(card(everywhere("user\u202enimda")))


TEXT = st.text(st.characters(codec="utf-8"), max_size=700) | st.sampled_from(INJECTIONS)
LINE = TEXT.map(lambda text: text[:4000])
STEP_IDS = st.sampled_from(["stop_key", "end_sessions", "delete_key", "other"])
KINDS = st.sampled_from(get_args(EntryKind))


@st.composite
def asks(draw: st.DrawFn) -> Approval | None:
    """Any ask, sensible or not."""
    if draw(st.booleans()):
        return None
    rule: dict[str, Any] = {
        "quorum": draw(st.integers(1, 10)),
        "then": draw(st.sampled_from(["reject", "proceed"])),
        "to": (),
        "step_up": draw(st.booleans()),
        "from_": tuple(
            draw(st.lists(st.sampled_from(["secops", "leads", "a" * 64]), min_size=1, max_size=8))
        ),
    }
    facts: dict[str, Any] = {
        "kind": draw(st.sampled_from(["apply", "undo", "review"])),
        "rules": (ApprovalRule(within=RULE.within, **rule), *([RULE] if draw(st.booleans()) else [])),
        "requester": draw(st.none() | LINE),
        "assigned_to": draw(st.none() | LINE | st.just("carol")),
        "escalated": draw(st.booleans()),
        "confirmed": draw(st.booleans()),
        "unconfirmed": draw(st.booleans()),
        "glass": ("erin",),
    }
    votes = draw(
        st.lists(
            st.builds(
                vote,
                st.sampled_from(["alice", "bob", "erin"]) | LINE,
                st.sampled_from(["approve", "reject"]),
                comment=TEXT.map(lambda text: text[:1000]),
                break_glass=st.booleans(),
                among=st.sampled_from(["", "a" * 64]),
            ),
            max_size=5,
        )
    )
    return asked(**facts).model_copy(update={"votes": tuple(votes)})


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any report, sensible or not."""
    base = draw(st.sampled_from(list(every_standing().values())))
    steps = tuple(
        step(
            id_,
            says=draw(TEXT),
            target=draw(TEXT),
            by_hand=draw(TEXT),
            data=draw(st.sampled_from([None, "public", "internal", "confidential", "restricted", "unknown"])),
            outcome=draw(st.sampled_from(["change", "already", "refuse", "unplanned"])),
            consequences=tuple(Consequence(says=draw(TEXT)) for _ in range(draw(st.integers(0, 9)))),
        )
        for id_ in draw(st.lists(STEP_IDS, unique=True))
    )
    extra = tuple(
        Entry(at=NOW, kind=draw(KINDS), says=draw(TEXT), step=draw(st.none() | STEP_IDS))
        for _ in range(draw(st.integers(0, 12)))
    )
    return base.model_copy(
        update={
            "finding": finding(title=draw(LINE), type=draw(LINE), actor=Actor(user_name=draw(LINE))),
            "plan": draw(st.none() | st.just(Plan(steps=steps, undo_rule=RULE))),
            "asked_steps": draw(st.sampled_from([steps, (DELETE,), ()])),
            "ask": draw(st.just(base.ask) | asks()),
            "review": draw(asks()),
            "asking": draw(st.booleans()),
            "entries": draw(st.sampled_from([(RECEIVED, *extra), extra, ()])),
            "status": draw(
                st.sampled_from(
                    ["planning", "containing", "contained", "failed", "reverted", "stuck", "closed"]
                )
            ),
            "muted_until": draw(st.sampled_from([None, NOW])),
            "owed": draw(st.sampled_from([(), ("stop_key",), ("stop_key", "delete_key")])),
        }
    )


AROUNDS = st.builds(
    Around,
    page=st.sampled_from(["", PAGE]) | st.text(max_size=60),
    mentions=st.dictionaries(
        st.sampled_from(["secops", "leads", "secops-leads"]),
        st.sampled_from(["S0SECOPS1", "S0LEADS01"]) | st.text(max_size=20),
    ),
    users=st.dictionaries(st.just("carol"), st.just("U0CAROL01") | st.text(max_size=20)),
    frozen=TEXT,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports(), AROUNDS)
def test_slack_takes_every_message_of_any_report(made: Report, around: Around) -> None:
    for message in (card(made, around), superseded(made, around=around), reminder(made, around)):
        taken(message)
    for _, reply in replies(made.entries, 0, ID):
        taken(reply)
    view_taken(modal.details(made))
