"""Expressions: precise errors, strict booleans, and data that is never code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from pydantic import JsonValue

from firedoor.domain.finding.finding import Actor, Resource, Severity
from firedoor.domain.playbook.expression import (
    ExpressionError,
    MissingNameError,
    condition,
    context_of,
    evaluate,
    expressions,
    fill,
)
from tests.harness import finding

CODE = ["${{ 1 + 1 }}", "finding.uid", "${{ finding.uid }}", "{{ uid }}", "true || true", "$" + "{{ }}", "}}"]


class TestDataIsNeverCode:
    @pytest.mark.parametrize("text", CODE)
    def test_a_finding_that_speaks_in_expressions_stays_text(self, text: str) -> None:
        context = context_of(finding(title=text, actor=Actor(user_name=text)))
        assert fill("${{ finding.title }}", context) == text
        assert fill(" ${{ finding.title }}\n", context) == text
        assert fill("the title ${{ finding.title }}.", context) == f"the title {text}."
        filled = fill({"a": ["${{ finding.title }}", "${{ finding.actor.user_name }}!"]}, context)
        assert filled == {"a": [text, f"{text}!"]}
        assert evaluate("finding.title == finding.actor.user_name", context) is True

    @given(st.text(max_size=40))
    def test_no_text_changes_on_its_way_through_a_template(self, text: str) -> None:
        assert fill("<${{ said }}|${{ said }}>", {"said": text}) == f"<{text}|{text}>"
        assert fill("${{ said }}", {"said": text}) == text

    def test_keys_of_a_mapping_are_never_filled(self) -> None:
        assert fill({"${{ 1 }}": "${{ 1 }}"}, {}) == {"${{ 1 }}": 1}

    @given(st.text(max_size=40))
    def test_text_without_an_expression_is_left_as_it_is(self, text: str) -> None:
        if "${{" not in text:
            assert fill(text, {}) == text

    def test_an_expression_reaches_nothing_but_its_data(self) -> None:
        for source in ("__import__('os')", "open('x')", "finding.__class__", "getattr(finding, 'uid')"):
            with pytest.raises(ExpressionError):
                evaluate(source, context_of(finding()))


class TestWhatExpressionsSee:
    def test_severities_compare_in_their_order(self) -> None:
        high = context_of(finding(severity=Severity.HIGH))
        assert condition("finding.severity >= severity.high", high)
        assert not condition("finding.severity > severity.high", high)
        assert condition("severity.fatal > severity.critical", high)

    def test_has_means_what_it_says(self) -> None:
        without = context_of(finding(actor=Actor()))
        assert condition("has(finding.actor.email)", without) is False
        told = context_of(finding(actor=Actor(email="mallory@example.com")))
        assert condition("has(finding.actor.email)", told) is True

    def test_nothing_else_has_a_name(self) -> None:
        assert set(context_of(finding())) == {"finding", "severity", "steps", "lookup"}


class TestTypes:
    @pytest.mark.parametrize("source", ["1", "'true'", "[true]", "null", "finding.count", "finding.uid"])
    def test_a_condition_that_is_no_boolean_is_an_error_and_never_a_truth(self, source: str) -> None:
        with pytest.raises(ExpressionError, match="expected true or false"):
            condition(source, context_of(finding()))

    @pytest.mark.parametrize("source", ["finding.count == '1'", "'1' == finding.count"])
    def test_text_and_numbers_are_never_equal(self, source: str) -> None:
        assert condition(source, context_of(finding())) is False

    def test_a_value_that_is_one_expression_keeps_its_type(self) -> None:
        context = {"data": {"n": 3, "yes": True, "list": [1, "a"], "map": {"k": 1.5}, "none": None}}
        for key, value in context["data"].items():
            kept = fill("${{ data." + key + " }}", context)
            assert kept == value
            assert type(kept) is type(value)

    def test_inside_text_a_boolean_is_written_as_yaml_writes_it(self) -> None:
        assert fill("x=${{ 1 == 1 }} y=${{ 2 }}", {}) == "x=true y=2"

    @pytest.mark.parametrize("source", ["1.5", "[1]", "{'a': 1}", "null"])
    def test_inside_text_nothing_else_is_guessed_at(self, source: str) -> None:
        with pytest.raises(ExpressionError, match="inside text; expected text or a whole number"):
            fill("x ${{ " + source + " }}", {})

    @pytest.mark.parametrize(
        "source",
        [
            "data.huge",
            "[data.huge]",
            "0.0 / 0.0",
            "timestamp('2026-01-01T00:00:00Z')",
            "b'x'",
            "duration('1h')",
        ],
    )
    def test_what_no_plan_can_carry_is_an_error_before_anything_is_planned(self, source: str) -> None:
        with pytest.raises(ExpressionError, match="gives what no plan can carry"):
            fill("${{ " + source + " }}", {"data": {"huge": 2**60}})


class TestErrors:
    def test_a_missing_field_names_itself(self) -> None:
        with pytest.raises(MissingNameError) as missing:
            evaluate("finding.actor.email == 'x'", context_of(finding()))
        assert missing.value.name == "email"
        assert str(missing.value) == snapshot(
            "\"finding.actor.email == 'x'\" asks for 'email', which is not there; expected a field that this "
            "finding or step has; guard it with has(…), or correct its name"
        )

    def test_a_broken_expression_names_its_place(self) -> None:
        with pytest.raises(ExpressionError, match=r"'finding\.severity >=' does not compile.*1:20"):
            evaluate("finding.severity >=", {})

    @pytest.mark.parametrize(
        "source",
        [
            "1 / 0",
            "1 % 0",
            "9223372036854775807 + 1",
            "-9223372036854775808 - 1",
            "finding.resources[99].uid",
            "finding.title.uid",
            "finding.count > '1'",
            "finding.title.matches('(')",
            "int(finding.title)",
            "nothing_here",
            "nothing_here(1)",
            "finding.title && true",
        ],
    )
    def test_whatever_fails_is_an_error_of_ours_that_names_the_expression(self, source: str) -> None:
        with pytest.raises(ExpressionError) as failed:
            evaluate(source, context_of(finding()))
        assert source in str(failed.value)

    def test_a_pattern_that_would_hang_other_engines_answers_at_once(self) -> None:
        context = context_of(finding(title="a" * 4000 + "!"))
        assert condition("finding.title.matches('^(a+)+$')", context) is False


class TestListing:
    def test_every_expression_of_a_value_is_listed_however_deep(self) -> None:
        value: JsonValue = {
            "a": ["x ${{ one }} ${{two}}", {"b": "${{ three }}"}],
            "c": 4,
            "d": None,
            "${{ key }}": "e",
        }
        assert list(expressions(value)) == ["one", "two", "three"]

    def test_a_finding_with_numbers_beyond_json_is_still_compared(self) -> None:
        huge = finding(resources=(Resource(kind="a", uid="b", attributes={"n": 10**25}),))
        assert condition("finding.uid == 'f-1'", context_of(huge))
