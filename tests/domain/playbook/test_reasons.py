"""Reasons: which part of a condition was not met, what it saw, and never more than a line of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.finding.finding import Finding, Resource, Severity
from firedoor.domain.playbook.expression import ExpressionError, condition, context_of
from firedoor.domain.playbook.playbook import Playbook, Step
from firedoor.domain.playbook.reasons import conjuncts, left_aside, undecided, unmet
from tests.harness import finding, playbook

BOOK = playbook("steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n")
TEXT, QUOTED, RAW = 'x == "&& ("', "y == '\\'&&\"'", 'x == r"a\\"'


def asking(when: str) -> Playbook:
    return BOOK.model_copy(update={"when": when})


def why(when: str, **changes: Any) -> str:
    return unmet(asking(when), finding(**changes))


@pytest.mark.parametrize(
    ("when", "parts"),
    [
        ("a && b", ["a", "b"]),
        (" (a && (b && c)) ", ["a", "b", "c"]),
        ("a && (b || c && d)", ["a", "b || c && d"]),
        ("a || b && c", ["a || b && c"]),
        ("a && b ? c : d", ["a && b ? c : d"]),
        ("(a) && (b)", ["a", "b"]),
        ("x.exists(y, y > 1 && y < 3) && z[a && b]", ["x.exists(y, y > 1 && y < 3)", "z[a && b]"]),
        (TEXT + " && " + QUOTED, [TEXT, QUOTED]),
        (RAW + " && y", [RAW, "y"]),
        ("a", ["a"]),
    ],
)
def test_a_chain_is_taken_apart_where_its_parts_have_to_be_true_together(when: str, parts: list[str]) -> None:
    assert list(conjuncts(when)) == parts


def test_the_part_that_is_false_is_named_with_what_it_saw() -> None:
    when = 'has(finding.actor.user_name)\n  && (finding.severity >= severity.high\n  || finding.type == "x")'
    assert why(when, severity=Severity.LOW) == (
        'its `when` is not met: `finding.severity >= severity.high || finding.type == "x"` is false;'
        " finding.severity is 2 (low), finding.type is 'Intrusion:Door/Open'"
    )


@pytest.mark.parametrize(
    ("when", "seen"),
    [
        ("has(finding.actor.email)", "finding.actor.email is not there"),
        ("finding.resources.exists(r, r.kind == 'X')", "finding.resources holds 1: 'Toy::Door' 'front'"),
        ("finding.resources[0].name == 'back'", "finding.resources[0].name is 'front'"),
        ("finding['type'].startsWith('y')", "finding['type'] is 'Intrusion:Door/Open'"),
        ("finding.resources.size() > 3", "finding.resources holds 1"),
        ("'tags' in finding.resources[0].attributes", "attributes is a map with nothing"),
        ("finding.is_test", "finding.is_test is False"),
    ],
)
def test_it_tells_the_values_that_the_part_names(when: str, seen: str) -> None:
    assert seen in why(when)


def test_what_a_condition_asks_for_and_does_not_find_is_named_with_its_whole_way() -> None:
    told = undecided(asking("finding.count > 0 && finding.actor.email == 'x'"), finding())
    assert "could not be evaluated: `finding.actor.email == 'x'`" in told
    assert told.endswith("finding.actor.email is not there")


def test_a_value_of_another_type_than_asked_for_is_named() -> None:
    told = undecided(asking("finding.title > 3"), finding(title="x"))
    assert "`finding.title > 3`" in told
    assert "finding.title is 'x'" in told


def test_text_of_a_finding_is_quoted_and_short() -> None:
    evil = "`*bold*`\n<!channel> " + "x" * 5000
    told = why("finding.title == ''", title=evil[:4000])
    assert "\n" not in told
    assert len(told) < 200


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=300), max_size=30))
def test_no_reason_is_longer_than_a_few_lines(title: str, names: list[str]) -> None:
    doors = tuple(Resource(kind=name, uid=name, attributes={name: name}) for name in names)
    told = finding(title=title, resources=doors)
    for when in ("finding.title == 'never so'", "finding.resources.exists(r, false)", "finding.x.y"):
        for said in (unmet(asking(when), told), undecided(asking(when), told)):
            assert len(said) <= 700
            assert said.isascii()


@given(
    st.sampled_from(
        [
            "has(finding.actor.email) && finding.actor.email == 'x'",
            "finding.severity >= severity.high && (finding.count > 3 || finding.type == 'x')",
            "finding.actor.user_name == 'a' && finding.actor.role_name == 'b'",
            "finding.resources.all(r, r.name != 'front')",
        ]
    ),
    st.sampled_from(list(Severity)),
)
def test_the_part_that_is_named_is_one_that_is_not_true(when: str, severity: Severity) -> None:
    told: Finding = finding(severity=severity)
    context = context_of(told)
    try:
        if condition(when, context):
            return
    except ExpressionError:
        pass
    named = next(part for part in conjuncts(when) if f"`{part}`" in unmet(asking(when), told))
    try:
        assert not condition(named, context)
    except ExpressionError:
        assert "is not there" in unmet(asking(when), told)


class TestSteps:
    def test_a_step_whose_condition_is_false_says_which_part(self) -> None:
        step = Step(id="a", action="toy.shut", when="finding.count > 1 && finding.count < 9")
        told = left_aside(step, context_of(finding()))
        assert told == "its `when` is not met: `finding.count > 1` is false; finding.count is 1"

    def test_a_list_without_anything_in_it_says_what_it_was_made_of(self) -> None:
        step = Step(id="a", action="toy.shut", for_each="finding.resources.filter(r, r.name == 'x')", as_="d")
        told = left_aside(step, context_of(finding()))
        assert told == "its `for_each` gives nothing; finding.resources holds 1: 'Toy::Door' 'front'"

    def test_a_list_none_of_which_meets_the_condition_shows_its_first(self) -> None:
        step = Step(id="a", action="toy.shut", for_each="finding.resources", as_="d", when="d.name == 'x'")
        both = finding(resources=(*finding().resources, Resource(kind="Toy::Door", uid="b", name="back")))
        told = left_aside(step, context_of(both))
        assert "for any of 2; for the first: `d.name == 'x'` is false; d.name is 'front'" in told
