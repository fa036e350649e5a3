"""A storm becomes one message: what is alike together, what differs alone, within Slack's limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.channels.slack import digest as drawn
from firedoor.channels.slack import modal
from firedoor.channels.slack.reference import LineReference, SetReference, decode_as
from firedoor.channels.slack.render_context import Around
from firedoor.domain.approval.vote import Voter
from firedoor.domain.channel.messages import Cast, Digest, FrozenSet, Line, Member, VoteAll
from firedoor.domain.finding.finding import Severity
from tests.channels.slack.drawn import buttons, of_type, pressable, said, taken, view_taken
from tests.channels.slack.injections import BROKEN, INJECTIONS, blocks_are_inert, is_inert
from tests.channels.slack.reports import ID, NOW

PAGE = "https://firedoor.example.com"
OURS = (f"{PAGE}/responses/{ID}", f"{PAGE}/")
SHA = "b1" * 32


def member(number: int = 1, says: str = "", **other: Any) -> Member:
    facts: dict[str, Any] = {
        "response": ID,
        "ask": "1",
        "generation": 1,
        "plan_sha256": f"{number:064x}",
        "says": says or f"deactivate access key AKIA{number:016d} of user ci-{number}",
        "severity": Severity.HIGH,
    }
    return Member(**{**facts, **other})


def line(**other: Any) -> Line:
    facts: dict[str, Any] = {
        "key": "leaked_access_key/123456789012",
        "playbook": "leaked_access_key",
        "account": "123456789012",
        "severity": Severity.CRITICAL,
        "alike": 138,
        "says": member(0).says,
        "outliers": 5,
        "alone": tuple(member(number, f"deactivate the key of ci-{number}") for number in range(3)),
        "others": {"contained": 40, "failed": 2},
    }
    return Line(**{**facts, **other})


def digest(*lines: Line, number: int = 3) -> Digest:
    return Digest(number=number, since=NOW, lines=lines)


def everywhere(text: str, lines: int = 3) -> Digest:
    """A digest with a text in every place that comes from outside."""
    members = tuple(member(number, text) for number in range(4))
    return digest(
        *(
            line(
                key=f"{number}{text}",
                playbook=text,
                account=text,
                alike=4,
                says=text,
                outliers=4,
                alone=members,
                others={text: 3, "failed": 1},
            )
            for number in range(lines)
        )
    )


def test_a_digest_counts_what_is_asked_and_shows_what_is_alike_once() -> None:
    message = drawn.digest(digest(line()), Around(page=PAGE))
    taken(message)
    says = said(message)
    assert message.blocks[0]["text"]["text"] == "185 responses in 1 group: 143 ask for a yes and 42 do not"
    assert message.text == message.blocks[0]["text"]["text"]
    for needed in (
        "CRITICAL leaked_access_key in account 123456789012",
        "138 alike, such as: deactivate access key AKIA0000000000000000 of user ci-0",
        "5 asked alone, for they differ:",
        "deactivate the key of ci-0",
        "… and 2 more",
        "Besides: 2 FAILED, 40 contained",
        "one tier more than to one",
    ):
        assert needed in says, needed


def test_what_is_asked_alone_can_be_opened() -> None:
    links = of_type(drawn.digest(digest(line()), Around(page=PAGE)), "link")
    assert {each["url"] for each in links} == {f"{PAGE}/responses/{ID}"}
    assert not of_type(drawn.digest(digest(line())), "link")


def test_the_button_of_a_line_carries_which_line_of_which_digest() -> None:
    message = drawn.digest(digest(line(), line(key="other/1", alike=0), number=7))
    review = [each for each in buttons(message) if each["action_id"].startswith("firedoor.review")]
    assert [each["text"]["text"] for each in review] == ["Review 138…"]
    assert decode_as(LineReference, review[0]["value"]) == LineReference(
        n=7, k="leaked_access_key/123456789012"
    )


def test_the_worst_stands_first() -> None:
    message = drawn.digest(
        digest(
            line(key="a", playbook="mild", severity=Severity.LOW, others={}),
            line(key="b", playbook="bad", severity=Severity.HIGH, others={}),
            line(
                key="c",
                playbook="broken",
                severity=Severity.LOW,
                alike=0,
                outliers=0,
                alone=(),
                others={"failed": 1},
            ),
        )
    )
    says = said(message)
    assert says.index("broken") < says.index("bad") < says.index("mild")


def test_a_digest_says_that_it_is_frozen() -> None:
    says = said(drawn.digest(digest(line()), Around(frozen="dora: because")))
    assert "FROZEN: dora: because" in says


def test_a_digest_that_is_drawn_anew_has_blocks_of_other_names() -> None:
    names = [
        {block["block_id"] for block in drawn.digest(digest(each)).blocks}
        for each in (line(), line(alike=0), line(others={}), line(others={"contained": 42}))
    ]
    frozen = drawn.digest(digest(line()), Around(frozen="dora: because"))
    names.append({block["block_id"] for block in frozen.blocks})
    assert not names[0] & names[3], "as many, and they stand otherwise"
    assert not names[0] & names[4]
    assert not names[0] & names[1]
    assert not names[0] & names[2]


def test_lines_that_do_not_fit_are_counted() -> None:
    many = digest(*(line(key=f"p{n}/1", playbook=f"p{n}") for n in range(500)))
    message = drawn.digest(many, Around(page=PAGE))
    taken(message)
    shown = sum(each["action_id"].startswith("firedoor.review") for each in buttons(message))
    assert shown >= 5
    assert f"… and {500 - shown} more groups, milder than these" in said(message)


@pytest.mark.parametrize("text", [*INJECTIONS, BROKEN], ids=lambda text: repr(text[:30]))
def test_hostile_text_stays_text_in_a_digest_whatever_comes(text: str) -> None:
    around = Around(page=PAGE, frozen=text)
    for lines in (1, 500):
        message = drawn.digest(everywhere(text, lines), around)
        taken(message)
        is_inert(message, own=OURS)
    told = drawn.casts([Cast(word=word(), counted=1, refused={f"{text}{n}": n for n in range(30)})] * 10)
    taken(told)
    is_inert(told)


TEXT = st.text(st.characters(codec="utf-8"), max_size=300) | st.sampled_from(INJECTIONS)
MEMBERS = st.lists(st.builds(member, st.integers(0, 99), TEXT), max_size=3).map(tuple)
LINES = st.builds(
    line,
    key=TEXT,
    playbook=TEXT,
    account=TEXT,
    severity=st.sampled_from(list(Severity)),
    alike=st.integers(0, 10**9),
    says=TEXT,
    outliers=st.integers(0, 10**9),
    alone=MEMBERS,
    others=st.dictionaries(
        st.sampled_from(["failed", "contained"]) | TEXT, st.integers(0, 10**9), max_size=5
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES, max_size=4), st.integers(1, 125), TEXT)
def test_slack_takes_any_digest(some: list[Line], times: int, frozen: str) -> None:
    message = drawn.digest(digest(*some * times), Around(page=PAGE, frozen=frozen))
    taken(message)
    is_inert(message, own=OURS)


def word(**other: Any) -> VoteAll:
    facts: dict[str, Any] = {
        "id": "w1",
        "sha256": SHA,
        "decision": "approve",
        "voter": Voter(person="alice", groups=("secops",)),
        "door": "slack",
        "at": NOW,
    }
    return VoteAll(**{**facts, **other})


def test_the_thread_tells_what_became_of_a_word_about_many() -> None:
    yes = Cast(word=word(), counted=131, refused={"the plan has changed": 5, "you voted": 2})
    told = drawn.casts([yes])
    taken(told)
    assert said(told).startswith(" alice said yes to set B1B1-B1B1-B1B1: it counted on 131 asks, not on 7")
    assert said(told).index("5 × the plan has changed") < said(told).index("2 × you voted")
    both = drawn.casts([yes, Cast(word=word(decision="reject"), counted=1)])
    taken(both)
    assert said(both).index("it counted on 131 asks") < said(both).index("alice said no")
    assert "it counted on 1 ask" in said(both)
    assert both.text == (
        "A yes to many at once: it counted on 131 asks, not on 7; A no to many at once: it counted on 1 ask"
    )


def test_a_digest_reminds_of_what_is_still_asked() -> None:
    message = drawn.reminder(digest(line()), Around(page=PAGE))
    taken(message)
    assert "Still waiting: 143 asks" in said(message)
    assert pressable(message) == {"firedoor.page"}
    over = drawn.reminder(digest(line(alike=0, outliers=0, alone=())))
    assert "Nothing of this is asked any more" in said(over)


# ---- the dialog about a frozen set -----------------------------------------------------------


def frozen_set(**other: Any) -> FrozenSet:
    facts: dict[str, Any] = {
        "sha256": SHA,
        "digest": 3,
        "playbook": "leaked_access_key",
        "account": "123456789012",
        "members": tuple(member(number) for number in range(138)),
        "left_out": 5,
        "at": NOW,
    }
    return FrozenSet(**{**facts, **other})


def test_the_dialog_lists_the_frozen_set_and_names_it_by_its_hash() -> None:
    view = modal.set(frozen_set(), "3 of secops, and 1 of secops-leads")
    view_taken(view)
    told = json.dumps(view, ensure_ascii=False)
    assert "B1B1-B1B1-B1B1" in told
    assert "3 of secops, and 1 of secops-leads" in told
    assert "5 differ from these and are asked alone" in told
    for number in range(138):
        assert f"AKIA{number:016d}" in told
    assert decode_as(SetReference, view["private_metadata"]).s == SHA


@pytest.mark.parametrize("count", [1, 160, 161, 2000])
def test_slack_takes_the_dialog_of_a_set_of_any_size(count: int) -> None:
    view = modal.set(frozen_set(members=tuple(member(number) for number in range(count))), "2 of secops")
    view_taken(view)
    hidden = f"… and {count - 160} more of the same"
    assert (hidden in json.dumps(view, ensure_ascii=False)) == (count > 160)


@pytest.mark.parametrize("text", [*INJECTIONS, BROKEN], ids=lambda text: repr(text[:30]))
def test_hostile_text_stays_text_in_the_dialog_of_a_set(text: str) -> None:
    members = tuple(member(number, text) for number in range(161))
    view = modal.set(frozen_set(members=members, playbook=text, account=text), text)
    view_taken(view)
    blocks_are_inert(view)


def test_a_no_to_a_set_needs_its_reason_and_a_yes_needs_none() -> None:
    assert not modal.set_errors("approve", None, "")
    assert set(modal.set_errors("reject", None, "short")) == {modal.REASON, modal.COMMENT}
    assert not modal.set_errors("reject", "bad_time", "the release runs until seven")
    assert set(modal.set_errors("approve", None, "x" * 1001)) == {modal.COMMENT}
