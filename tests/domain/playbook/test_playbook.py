"""Playbook: what is written is what travels, and reads back as the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from firedoor.domain.playbook.playbook import Playbook, Trigger
from firedoor.domain.yaml.reader import dump, load, read
from tests.harness import KNOWN, finding, playbook

RICH = """
when: finding.severity >= severity.high && has(finding.account)
hold: 36h
ttl: P7D
on_failure: continue
steps:
  - id: shut_all
    action: toy.shut
    for_each: finding.resources
    as: door
    max_targets: 3
    when: door.kind == "Toy::Door"
    params: {door: "${{ door.name }}"}
    on_failure: stop
  - together:
      - {id: shut_front, action: toy.shut, params: {door: front}}
      - {id: shut_back, action: toy.shut, params: {door: "back: it's \\"the\\" one # really"}}
  - id: weld_it
    action: toy.weld
    params: {door: 012345670123}
    approval: {from: [responders], quorum: 2, within: 90m, then: escalate, to: [leads]}
cases:
  - given: toy/one.json
    lookups: {tags: [{a: 1.5}, null, true, "true"]}
    expect: [shut_all]
    because: "it is: open"
"""


def test_a_valid_playbook_written_down_again_reads_as_the_same() -> None:
    made = playbook(RICH)
    assert load(read(dump(made), "playbooks/close_doors.yaml"), Playbook) == made


def test_a_valid_playbook_passes_through_temporals_history_unchanged() -> None:
    made = playbook(RICH)
    there = TypeAdapter(Playbook).validate_json(to_json(made))
    assert there == made
    assert there.sha256 == made.sha256


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e15, 1e15)
    | st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C", "Z"]), max_size=12
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), values, max_size=3))
def test_whatever_parameters_hold_survives_both_ways(params: dict[str, Any]) -> None:
    base = playbook(RICH)
    step = base.steps[0].model_copy(update={"params": params})
    made = base.model_copy(update={"steps": (step,)})
    assert load(read(dump(made), "x.yaml"), Playbook) == made
    assert TypeAdapter(Playbook).validate_json(to_json(made)) == made


def test_the_hash_is_of_what_decides_and_not_of_the_cases() -> None:
    made = playbook(RICH)
    assert made.model_copy(update={"cases": ()}).sha256 == made.sha256
    for change in (
        {"mode": "ask"},
        {"hold": made.hold * 2},
        {"incident": "${{ finding.uid }}"},
        {"when": None},
    ):
        assert made.model_copy(update=change).sha256 != made.sha256


def test_steps_inside_together_are_steps() -> None:
    assert [step.id for step in playbook(RICH).every_step()] == [
        "shut_all",
        "shut_front",
        "shut_back",
        "weld_it",
    ]


@pytest.mark.parametrize(
    ("pattern", "type_", "matches"),
    [
        ("Intrusion:*", "Intrusion:Door/Open", True),
        ("Intrusion:*", "intrusion:Door/Open", False),
        ("Intrusion:Door", "Intrusion:Door/Open", False),
        ("*:Door/*", "Intrusion:Door/Open", True),
        ("Intrusion:*", "Intrusion:Door\nOpen", True),
    ],
)
def test_a_trigger_matches_types_by_their_pattern_and_its_own_source_only(
    *, pattern: str, type_: str, matches: bool
) -> None:
    trigger = Trigger(source="toy", types=(pattern,))
    assert trigger.matches(finding(type=type_)) is matches
    assert not trigger.matches(finding(type=type_, source="other"))


@pytest.mark.parametrize(
    "change",
    [
        {"playbook": "Close-Doors"},
        {"playbook": "../etc/passwd"},
        {"summary": "short"},
        {"mode": "on"},
        {"steps": ()},
        {"responds_to": ()},
        {"incident": ""},
        {"on_failure": "ignore"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_what_is_no_playbook_is_refused_whoever_makes_it(change: dict[str, Any]) -> None:
    raw = playbook(RICH).model_dump(mode="json", by_alias=True)
    with pytest.raises(ValidationError, match=next(iter(change))):
        TypeAdapter(Playbook).validate_json(to_json({**raw, **change}))


def test_no_playbook_knows_the_toy_actions_by_accident() -> None:
    assert {name for name in KNOWN if name.startswith("toy.")} == {"toy.shut", "toy.weld"}
