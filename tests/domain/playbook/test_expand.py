"""Unfolding: the same target has the same id whatever joins, and no target is ever lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity
from firedoor.domain.playbook import expand as unfolding
from firedoor.domain.playbook.expand import applies, incident_of, merged, staged, unfold, waits_for_earlier
from firedoor.domain.playbook.expression import ExpressionError, MissingNameError, context_of
from firedoor.domain.playbook.playbook import Step
from tests.harness import NOW, finding, playbook

SHUT = "steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n"
EACH = Step(
    id="shut_all",
    action="toy.shut",
    for_each="finding.resources",
    as_="door",
    max_targets=3,
    params={"door": "${{ door.name }}"},
)
names = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=8)


def about(*doors: str, **changes: Any) -> Finding:
    return finding(
        resources=tuple(Resource(kind="Toy::Door", uid=f"arn:{name}", name=name) for name in doors), **changes
    )


def ids(step: Step, told: Finding) -> dict[str, str]:
    return {str(call.params["door"]): call.id for call in unfold(0, step, context_of(told))}


class TestForEach:
    @given(names, names)
    def test_a_target_that_joins_leaves_the_ids_of_the_others(
        self, first: list[str], more: list[str]
    ) -> None:
        alone, joined = ids(EACH, about(*first)), ids(EACH, about(*more, *first))
        assert {name: joined[name] for name in alone} == alone

    @given(names)
    def test_every_target_is_planned_once_under_an_id_of_its_own(self, doors: list[str]) -> None:
        found = ids(EACH, about(*doors))
        assert set(found) == set(doors)
        assert len(set(found.values())) == len(set(doors))
        assert all(id_.startswith("shut_all.") for id_ in found.values())

    def test_two_targets_whose_digests_begin_alike_are_both_planned(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An attacker who names things may search for such a pair to hide one behind the other."""
        monkeypatch.setattr(unfolding, "digest", lambda told: "0" * 12 + str(told["params"]["door"]))
        assert ids(EACH, about("a", "b", "a")) == {
            "a": "shut_all.000000000000",
            "b": "shut_all.000000000000b",
        }

    @pytest.mark.parametrize(("count", "crowded"), [(3, False), (4, True)])
    def test_more_targets_than_the_step_allows_are_crowded_and_all_there(
        self, *, count: int, crowded: bool
    ) -> None:
        calls = unfold(0, EACH, context_of(about(*(f"d{n}" for n in range(count)))))
        assert len(calls) == count
        assert {call.crowded for call in calls} == {crowded}

    def test_the_same_target_twice_crowds_nothing(self) -> None:
        calls = unfold(0, EACH, context_of(about(*["a", "b"] * 5)))
        assert [call.crowded for call in calls] == [False, False]

    def test_a_step_that_does_not_say_is_crowded_above_ten(self) -> None:
        silent = EACH.model_copy(update={"max_targets": None})
        for count, crowded in ((10, False), (11, True)):
            calls = unfold(0, silent, context_of(about(*(f"d{n}" for n in range(count)))))
            assert {call.crowded for call in calls} == {crowded}

    def test_beyond_a_thousand_nothing_is_shortened_and_nothing_is_done(self) -> None:
        step = EACH.model_copy(update={"for_each": "many"})
        with pytest.raises(FiredoorError, match=r"1001 targets.*at most 1000.*nothing was done"):
            unfold(0, step, {**context_of(finding()), "many": [{"name": str(n)} for n in range(1001)]})
        assert len(unfold(0, step, {"many": [{"name": str(n)} for n in range(1000)]})) == 1000

    @pytest.mark.parametrize("source", ["finding.uid", "finding.actor", "3", "null", "true"])
    def test_what_is_no_list_is_an_error(self, source: str) -> None:
        with pytest.raises(ExpressionError, match="expected a list"):
            unfold(0, EACH.model_copy(update={"for_each": source}), context_of(finding()))

    def test_its_condition_is_asked_of_each_item(self) -> None:
        step = EACH.model_copy(update={"when": "door.name != 'b'"})
        assert set(ids(step, about("a", "b", "c"))) == {"a", "c"}

    def test_an_empty_list_is_nothing_to_do(self) -> None:
        assert unfold(0, EACH, context_of(finding(resources=()))) == ()


class TestOneStep:
    def test_a_step_keeps_its_own_id_and_stage(self) -> None:
        step = Step(id="a", action="toy.shut", params={"door": "${{ finding.uid }}"})
        (call,) = unfold(4, step, context_of(finding()))
        assert (call.id, call.stage, call.params, call.crowded) == ("a", 4, {"door": "f-1"}, False)

    def test_a_step_whose_condition_is_false_is_not_there(self) -> None:
        step = Step(id="a", action="toy.shut", when="finding.count > 1")
        assert unfold(0, step, context_of(finding())) == ()

    @pytest.mark.parametrize("when", ["finding.count", "finding.actor.email == 'x'", "finding.title > 3"])
    def test_a_condition_that_fails_is_an_error_and_never_a_no(self, when: str) -> None:
        with pytest.raises(ExpressionError):
            unfold(0, Step(id="a", action="toy.shut", when=when), context_of(finding()))

    def test_a_value_that_no_plan_can_carry_is_an_error_of_ours(self) -> None:
        told = finding(resources=(Resource(kind="a", uid="b", attributes={"n": 2**60}),))
        step = Step(id="a", action="toy.shut", params={"n": "${{ finding.resources[0].attributes.n }}"})
        with pytest.raises(ExpressionError, match="no plan can carry"):
            unfold(0, step, context_of(told))


class TestOrder:
    def test_those_of_one_together_share_a_stage(self) -> None:
        text = "  - together:\n      - {id: b, action: toy.shut, params: {door: x}}\n"
        text += "      - {id: c, action: toy.shut, params: {door: x}}\n"
        text += "  - {id: d, action: toy.shut, params: {door: x}}\n"
        assert [(stage, step.id) for stage, step in staged(playbook(SHUT + text))] == [
            (0, "a"),
            (1, "b"),
            (1, "c"),
            (2, "d"),
        ]

    @pytest.mark.parametrize(
        ("changes", "waits"),
        [
            ({}, False),
            ({"when": "steps.a.outcome == 'change'"}, True),
            ({"when": "has(steps.a)"}, True),
            ({"for_each": "steps.a.targets", "as_": "one"}, True),
            ({"params": {"door": ["x", {"y": "${{ steps.a.target }}"}]}}, True),
            ({"params": {"door": "steps.a.target"}}, False),
            ({"params": {"door": "${{ lookup.a.steps }}"}}, False),
            ({"params": {"door": "${{ 'steps' }}"}}, False),
        ],
    )
    def test_a_step_waits_where_it_looks_back(self, *, changes: dict[str, Any], waits: bool) -> None:
        assert waits_for_earlier(Step(**{"id": "b", "action": "toy.shut", **changes})) is waits


class TestWhichPlaybook:
    def test_it_answers_what_its_trigger_and_its_condition_name(self) -> None:
        made = playbook("when: finding.severity >= severity.high\n" + SHUT)
        assert applies(made, finding())
        assert not applies(made, finding(severity=Severity.LOW))
        assert not applies(made, finding(type="Other:Door"))
        assert not applies(made, finding(source="other"))

    def test_a_condition_about_a_missing_fact_is_an_error_and_nothing_acts(self) -> None:
        made = playbook("when: finding.actor.email == 'x'\n" + SHUT)
        with pytest.raises(MissingNameError):
            applies(made, finding())

    def test_a_finding_of_another_kind_is_not_even_asked(self) -> None:
        assert not applies(playbook("when: finding.actor.email == 'x'\n" + SHUT), finding(type="Other"))

    def test_the_incident_is_what_the_playbook_says(self) -> None:
        assert incident_of(playbook(SHUT), finding()) == "arn:toy:door:::front"

    @pytest.mark.parametrize("key", ["", " ", "\t\n"])
    def test_an_empty_incident_would_join_strangers_and_is_an_error(self, key: str) -> None:
        empty = finding(resources=(Resource(kind="Toy::Door", uid=key),))
        with pytest.raises(ExpressionError, match="incident key of close_doors"):
            incident_of(playbook(SHUT), empty)

    def test_an_incident_that_is_no_text_is_an_error(self) -> None:
        with pytest.raises(ExpressionError, match="expected a text"):
            incident_of(playbook('incident: "${{ finding.resources }}"\n' + SHUT), finding())

    def test_an_incident_about_a_missing_fact_is_an_error(self) -> None:
        with pytest.raises(MissingNameError):
            incident_of(playbook('incident: "${{ finding.actor.email }}"\n' + SHUT), finding())


findings = st.lists(
    st.builds(
        lambda uid, severity, doors, actor, minutes, count: about(
            *doors,
            uid=uid,
            severity=severity,
            actor=actor,
            count=count,
            last_seen=NOW + timedelta(minutes=minutes),
            modified=NOW + timedelta(minutes=minutes),
        ),
        st.sampled_from(["f-1", "f-2", "f-3"]),
        st.sampled_from(list(Severity)),
        st.lists(st.sampled_from("abcd"), max_size=3),
        st.builds(
            Actor,
            user_name=st.sampled_from([None, "mallory", "trent"]),
            email=st.sampled_from([None, "m@example.com"]),
            access_key_id=st.sampled_from([None, "AKIA1", "AKIA2"]),
            source_ips=st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2"]), max_size=2).map(tuple),
        ),
        st.integers(0, 90),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=4,
)


class TestMerged:
    @given(findings)
    def test_the_first_ones_identity_and_everyones_facts(self, told: list[Finding]) -> None:
        one = merged(told)
        first = told[0]
        assert (one.uid, one.source, one.type, one.first_seen) == (
            first.uid,
            first.source,
            first.type,
            first.first_seen,
        )
        assert {resource.uid for resource in one.resources} == {
            r.uid for each in told for r in each.resources
        }
        assert one.severity.rank == max(each.severity.rank for each in told)
        assert one.count == sum(each.count for each in told)
        assert set(one.actor.source_ips) == {ip for each in told for ip in each.actor.source_ips}

    @given(findings)
    def test_whom_an_earlier_finding_named_a_later_one_does_not_rename(self, told: list[Finding]) -> None:
        one = merged(told)
        for key in ("user_name", "email", "access_key_id"):
            spoken = [getattr(each.actor, key) for each in told if getattr(each.actor, key)]
            assert getattr(one.actor, key) == (spoken[0] if spoken else None)

    @given(findings)
    def test_it_is_a_finding_still(self, told: list[Finding]) -> None:
        one = merged(told)
        assert Finding.model_validate_json(one.model_dump_json()) == one
