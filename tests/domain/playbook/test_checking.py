"""Checking: every mistake is told where it stands, what was found, what was expected and how to mend it."""

# ruff: noqa: E501 - the printed lines stand here as they are printed

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import pytest
from inline_snapshot import snapshot
from pydantic import Field

from firedoor.domain.action.action import Params
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.problem import Illegible, Problems
from tests.harness import REGISTRY

FILE = "playbooks/close_doors.yaml"
HEAD = """playbook: close_doors
summary: Close the doors of the toy world.
mode: active
responds_to: [{source: toy, types: ['Intrusion:*']}]
incident: "${{ finding.resources[0].uid }}"
"""
SHUT = "steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n"


class Door(Params):
    """Parameters of every kind."""

    door: str
    fast: bool = False
    times: Annotated[int, Field(ge=1)] = 1
    account: str = ""
    tags: dict[str, int] = Field(default_factory=dict)
    ports: tuple[int, ...] = ()


class Who(Params):
    """Parameters of a lookup."""

    key: str


def known() -> dict[str, Known]:
    shut = REGISTRY["toy.shut"].spec
    find = shut.model_copy(update={"name": "toy.find", "kind": "lookup"})
    return {
        "toy.shut": Known(shut, Door),
        "toy.weld": Known(REGISTRY["toy.weld"].spec, Door),
        "toy.find": Known(find, Who),
    }


def check(text: str, head: str = HEAD, file: str = FILE) -> Playbook:
    return read_playbook(head + text, file, known(), frozenset(["responders", "leads"]))


def told(text: str, head: str = HEAD, file: str = FILE) -> list[str]:
    """Check a playbook that is wrong, and return the printed lines."""
    with pytest.raises((Problems, Illegible)) as wrong:
        check(text, head, file)
    return str(wrong.value).removesuffix("\n").replace(file, "F").split("\n")


def step(*parts: str, then: str = "") -> str:
    """Write a playbook of a good step and one more."""
    return SHUT + "  - {" + ", ".join(parts) + "}\n" + then


B = ("id: b", "action: toy.shut")


class TestKeys:
    def test_an_unknown_key_is_named_with_what_was_meant(self) -> None:
        assert told(SHUT + "holdd: 3h\n") == snapshot(
            [
                "F:8:1: unknown key 'holdd'; expected one of when, hold, ttl, on_failure, cases; did you mean 'hold'?"
            ]
        )
        assert told(step(*B, "params: {door: x}", "wenn: 'true'")) == snapshot(
            [
                "F:8:50: unknown key 'wenn'; expected one of lookup, place, when, for_each, as, max_targets, approval, on_failure, together; did you mean 'when'?"
            ]
        )

    def test_a_doubled_key_is_never_settled_silently(self) -> None:
        assert told(SHUT + "mode: ask\n") == snapshot(
            [
                "F:8:1: the key 'mode' a second time (first in line 3); expected each key once; keep one of the two"
            ]
        )

    def test_a_missing_key(self) -> None:
        assert told(SHUT, HEAD.replace("mode: active\n", "").replace("incident", "incidents")) == snapshot(
            [
                "F:4:1: unknown key 'incidents'; expected one of when, mode, incident, hold, ttl, on_failure, cases; did you mean 'incident'?"
            ]
        )
        assert told("") == snapshot(
            [
                "F:1:1: the key 'steps' is missing; expected a list of a mapping with id, action, lookup, params, place, when, for_each, as, max_targets, approval, on_failure, together; add 'steps'"
            ]
        )

    def test_a_time_in_which_nobody_can_answer(self) -> None:
        """Silence would decide at once, and a `ttl` would ask again without a pause."""
        short = "0 seconds for people to answer; expected at least 1s, and better minutes; give people the time to see the question and to read it"
        assert told(step(*B, "params: {door: x}", "approval: {within: 0s}")) == snapshot([f"F:8:69: {short}"])
        assert told(SHUT + "ttl: PT0S\n") == snapshot([f"F:8:6: {short}"])

    def test_a_word_that_is_none_of_the_choices(self) -> None:
        assert told(SHUT, HEAD.replace("mode: active", "mode: activ")) == snapshot(
            ["F:3:7: the text 'activ'; expected one of shadow, ask, active; did you mean 'active'?"]
        )
        assert told(SHUT, HEAD.replace("mode: active", "mode: on")) == snapshot(
            ["F:3:7: the text 'on'; expected one of shadow, ask, active"]
        )

    def test_what_is_no_duration(self) -> None:
        assert told(SHUT + "hold: soon\n") == snapshot(
            ["F:8:7: the text 'soon'; expected a duration such as 15m, 24h, 7d or PT30M"]
        )

    def test_the_name_is_the_files(self) -> None:
        assert told(SHUT, file="playbooks/other.yaml") == snapshot(
            [
                "F:1:11: the playbook is called 'close_doors' in a file called 'other'; expected the file's name; write `playbook: other`"
            ]
        )

    def test_an_incident_that_is_the_same_for_everything(self) -> None:
        assert told(SHUT, HEAD.replace("${{ finding.resources[0].uid }}", "doors")) == snapshot(
            [
                "F:5:11: the incident key is the same for every finding; expected a `${{ … }}` that names what the incident is about"
            ]
        )

    def test_one_that_is_too_large_for_the_history_of_a_response(self) -> None:
        many = [f"  - {{id: s{n}, action: toy.shut, params: {{door: {'x' * 2700}}}}}" for n in range(100)]
        (mistake,) = told("steps:\n" + "\n".join(many))
        assert "bytes as JSON, without its cases; expected at most 262144" in mistake

    def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(self) -> None:
        wrong = step("id: a", "action: toy.shtu", "when: fidning.count > 1", "params: {door: x}")
        assert told(wrong, HEAD.replace("resources", "resorces")) == snapshot(
            [
                "F:5:11: 'finding.resorces[0].uid' asks for 'resorces', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md",
                "F:8:10: step id 'a' stands twice; expected an id of its own; the first one is at F:7:10",
                "F:8:21: there is no action 'toy.shtu'; expected a name from `firedoor actions`; did you mean 'toy.shut'?",
                "F:8:37: the expression 'fidning.count > 1' uses 'fidning', which is nothing here; expected one of finding, lookup, severity, steps; did you mean 'finding'?",
            ]
        )


class TestActions:
    def test_an_unknown_action_with_what_was_meant(self) -> None:
        assert told(step("id: b", "action: toy.shtu", "params: {door: x}")) == snapshot(
            [
                "F:8:21: there is no action 'toy.shtu'; expected a name from `firedoor actions`; did you mean 'toy.shut'?"
            ]
        )

    def test_an_action_like_no_other(self) -> None:
        assert told(step("id: b", "action: aws.frobnicate", "params: {door: x}")) == snapshot(
            [
                "F:8:21: there is no action 'aws.frobnicate'; expected a name from `firedoor actions`; known: toy.shut, toy.weld"
            ]
        )

    def test_a_lookup_is_no_action(self) -> None:
        assert told(step("id: b", "action: toy.find", "params: {key: x}")) == snapshot(
            [
                "F:8:21: there is no action 'toy.find'; expected a name from `firedoor actions`; write `lookup: toy.find`"
            ]
        )
        assert told(step("id: b", "lookup: toy.shut", "params: {door: x}")) == snapshot(
            [
                "F:8:21: there is no lookup 'toy.shut'; expected a name from `firedoor actions`; write `action: toy.shut`"
            ]
        )

    def test_what_is_no_name_of_an_action(self) -> None:
        assert told(step("id: b", "action: shut", "params: {door: x}")) == snapshot(
            ["F:8:21: the text 'shut'; expected text that matches ^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$"]
        )


class TestParams:
    def test_an_unknown_parameter_with_what_was_meant(self) -> None:
        assert told(step(*B, "params: {dor: x}")) == snapshot(
            [
                "F:8:40: unknown key 'dor'; expected one of door, fast, times, account, tags, ports; did you mean 'door'?"
            ]
        )

    def test_a_missing_parameter(self) -> None:
        assert told(step(*B, "params: {fast: true}")) == snapshot(
            ["F:8:39: the key 'door' is missing; expected text; add 'door'"]
        )

    def test_no_parameters_at_all(self) -> None:
        assert told(step(*B)) == snapshot(
            ['F:8:5: step b gives no params; expected door; example: {"door": "front"}']
        )

    def test_a_wrong_type(self) -> None:
        assert told(step(*B, "params: {door: x, times: often}")) == snapshot(
            ["F:8:56: the text 'often'; expected a whole number"]
        )
        assert told(step(*B, "params: {door: [x]}")) == snapshot(["F:8:46: a list; expected text"])

    def test_a_value_out_of_bounds(self) -> None:
        assert told(step(*B, "params: {door: x, times: 0}")) == snapshot(
            ["F:8:56: the number 0; expected at least 1"]
        )

    def test_the_text_true_is_no_boolean(self) -> None:
        assert told(step(*B, 'params: {door: x, fast: "true"}')) == snapshot(
            ['F:8:55: the text "true"; expected true or false; write true, without quotes']
        )
        assert told(step(*B, "params: {door: x, fast: yes}")) == snapshot(
            ["F:8:55: the text 'yes'; expected true or false; write true, without quotes"]
        )

    def test_a_number_in_quotes_is_no_number(self) -> None:
        assert told(step(*B, 'params: {door: x, times: "3"}')) == snapshot(
            ['F:8:56: the text "3"; expected a whole number; write it without quotes']
        )

    def test_an_unquoted_account_is_kept_as_it_is_written(self) -> None:
        made = check(step(*B, "params: {door: 007, account: 012345670123, times: 3, fast: true}"))
        assert made.steps[1].params == {"door": "007", "account": "012345670123", "times": 3, "fast": True}

    def test_what_an_expression_will_give_is_not_judged_however_deep(self) -> None:
        text = (
            'params: {door: x, times: "${{ finding.count }}", tags: {n: "${{ finding.count }}"}, '
            'ports: [22, "${{ finding.count }}"]}'
        )
        assert check(step(*B, text))

    def test_what_stands_beside_an_expression_is(self) -> None:
        assert told(step(*B, 'params: {door: x, ports: ["${{ finding.count }}", ssh]}')) == snapshot(
            ["F:8:81: the text 'ssh'; expected a whole number"]
        )


class TestExpressions:
    def test_one_that_does_not_compile(self) -> None:
        assert told(step(*B, "when: finding.severity >=", "params: {door: x}")) == snapshot(
            [
                "F:8:37: the expression 'finding.severity >=' does not compile: 1:20: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}; expected a CEL expression such as `finding.severity >= severity.high`; see docs/how-to/write-a-playbook.md for the names it may use"
            ]
        )

    def test_an_unknown_name_with_what_was_meant(self) -> None:
        assert told(step(*B, "when: fidning.count > 1", "params: {door: x}")) == snapshot(
            [
                "F:8:37: the expression 'fidning.count > 1' uses 'fidning', which is nothing here; expected one of finding, lookup, severity, steps; did you mean 'finding'?"
            ]
        )

    def test_an_unknown_field(self) -> None:
        assert told(step(*B, "when: finding.actr.email == 'x'", "params: {door: x}")) == snapshot(
            [
                "F:8:37: \"finding.actr.email == 'x'\" asks for 'actr', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md"
            ]
        )
        assert told(step(*B, 'params: {door: "${{ finding.actor.emial }}"}')) == snapshot(
            [
                "F:8:46: 'finding.actor.emial' asks for 'emial', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md"
            ]
        )

    def test_a_step_is_seen_by_later_ones_only(self) -> None:
        assert told(step(*B, "when: steps.b.outcome == 'change'", "params: {door: x}")) == snapshot(
            [
                "F:8:37: \"steps.b.outcome == 'change'\" asks for 'b', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md"
            ]
        )

    def test_lookups_and_steps_are_nothing_before_there_are_any(self) -> None:
        assert told(SHUT + "when: lookup.owner.user == 'x'\n") == snapshot(
            [
                "F:8:7: the expression \"lookup.owner.user == 'x'\" uses 'lookup', which is nothing here; expected one of finding, severity"
            ]
        )
        assert told(SHUT, HEAD.replace("finding.resources[0].uid", "steps.a.target")) == snapshot(
            [
                "F:5:11: the expression 'steps.a.target' uses 'steps', which is nothing here; expected one of finding, severity"
            ]
        )

    def test_a_lookup_that_nobody_made(self) -> None:
        assert told(step(*B, "when: lookup.owner.user == 'x'", "params: {door: x}")) == snapshot(
            [
                "F:8:37: \"lookup.owner.user == 'x'\" asks for 'owner', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md"
            ]
        )

    @pytest.mark.parametrize(
        "when",
        [
            "steps.a.outcome == 'change' && steps.a.account == finding.account",
            "steps.a.before.state.value == 'open'",
            "steps.a.params.door == 'x'",
            "steps.a.targets.size() > 1",
            "finding.resources.exists(r, r.attributes.port == 22)",
            "finding.resources[0].attributes.tags.owner == 'x'",
            "finding.resources[0].attributes['tags']['owner'] == 'x'",
            "has(finding.actor.email) && finding.confidence > 0.5",
            "1 / finding.count == 1",
        ],
    )
    def test_what_only_the_world_can_tell_is_no_mistake(self, when: str) -> None:
        assert check(SHUT + f"  - id: b\n    action: toy.shut\n    when: {when!r}\n    params: {{door: x}}\n")

    def test_what_a_lookup_reads_is_known_to_the_world_alone(self) -> None:
        text = "steps:\n  - {id: owner, lookup: toy.find, params: {key: k}}\n"
        text += '  - {id: b, action: toy.shut, params: {door: "${{ lookup.owner.user.name }}"}}\n'
        assert check(text)

    def test_a_misspelt_name_beside_an_open_one_is_still_found(self) -> None:
        when = "when: 'finding.actr.email == finding.resources[0].attributes.tags.owner'"
        assert told(step(*B, when, "params: {door: x}")) == snapshot(
            [
                "F:8:37: 'finding.actr.email == finding.resources[0].attributes.tags.owner' asks for 'actr', which is not there; expected a field of a finding, or of a step before this one; see docs/reference/finding.md"
            ]
        )

    def test_the_name_of_an_item_is_seen_in_its_step_alone(self) -> None:
        each = ("for_each: finding.resources", "as: door", "max_targets: 3")
        assert check(step(*B, *each, 'params: {door: "${{ door.name }}"}'))
        after = '  - {id: c, action: toy.shut, params: {door: "${{ door.name }}"}}\n'
        assert told(step(*B, *each, "params: {door: x}", then=after)) == snapshot(
            [
                "F:9:46: the expression 'door.name' uses 'door', which is nothing here; expected one of finding, lookup, severity, steps"
            ]
        )

    def test_the_name_of_an_item_hides_no_other(self) -> None:
        each = ("for_each: finding.resources", "as: steps", "max_targets: 3")
        assert told(step(*B, *each, "params: {door: x}")) == snapshot(
            ["F:8:64: `as: steps` hides a name that expressions need; expected another name"]
        )


class TestShape:
    def test_a_doubled_step(self) -> None:
        assert told(step("id: a", "action: toy.shut", "params: {door: x}")) == snapshot(
            ["F:8:10: step id 'a' stands twice; expected an id of its own; the first one is at F:7:10"]
        )

    def test_a_step_is_exactly_one_thing(self) -> None:
        assert told(step("id: b", "params: {door: x}")) == snapshot(
            ["F:8:5: a step is exactly one of action, lookup or together; this one has none"]
        )
        assert told(step(*B, "lookup: toy.find", "params: {door: x}")) == snapshot(
            ["F:8:5: a step is exactly one of action, lookup or together; this one has ['action', 'lookup']"]
        )

    def test_a_step_needs_an_id(self) -> None:
        assert told(step("action: toy.shut", "params: {door: x}")) == snapshot(
            ["F:8:5: a step needs an id, such as `id: stop_key`"]
        )

    def test_for_each_and_as_come_together(self) -> None:
        assert told(step(*B, "for_each: finding.resources", "params: {door: x}")) == snapshot(
            ["F:8:5: `for_each` and `as` come together: the list, and the name of one item of it"]
        )
        assert told(step(*B, "as: door", "params: {door: x}")) == snapshot(
            ["F:8:5: `for_each` and `as` come together: the list, and the name of one item of it"]
        )

    def test_together_holds_actions_only_and_more_than_one(self) -> None:
        one = "steps:\n  - together:\n      - {id: a, action: toy.shut, params: {door: x}}\n"
        assert told(one) == snapshot(["F:8:7: a list; expected it to have at least 2 items"])
        assert told(one + "      - {id: l, lookup: toy.find, params: {key: x}}\n") == snapshot(
            ["F:7:5: `together` holds actions only; write lookups before it"]
        )
        inner = "{id: b, action: toy.shut, params: {door: x}}"
        assert told(one + f"      - together: [{inner}, {inner}]\n") == snapshot(
            ["F:7:5: `together` holds actions only; write lookups before it"]
        )

    @pytest.mark.parametrize(
        ("key", "says"),
        [
            ("id: both", "id"),
            ('when: "false"', "when"),
            ("on_failure: stop", "on_failure"),
            ("max_targets: 3", "max_targets"),
            ("as: door", "as"),
            ("for_each: finding.resources", "for_each"),
            ("params: {door: x}", "params"),
            ("approval: {quorum: 2}", "approval"),
        ],
    )
    def test_together_ignores_nothing_that_is_written_on_it(self, key: str, says: str) -> None:
        text = "steps:\n  - together:\n      - {id: a, action: toy.shut, params: {door: x}}\n"
        text += "      - {id: b, action: toy.shut, params: {door: y}}\n"
        assert told(text + f"    {key}\n") == [
            f"F:7:5: `together` has no {says} of its own; give it to each of its steps"
        ]

    def test_a_lookup_only_reads(self) -> None:
        asks = ("id: l", "lookup: toy.find", "approval: {quorum: 1}", "params: {key: x}")
        assert told(step(*asks)) == snapshot(
            ["F:8:5: a lookup only reads: it takes id, lookup, params, place and when"]
        )


class TestPeople:
    def test_an_unknown_group_with_what_was_meant(self) -> None:
        approval = "approval: {from: [respondres], then: escalate, to: [bosses]}"
        assert told(step("id: b", "action: toy.weld", approval, "params: {door: x}")) == snapshot(
            [
                "F:8:49: there is no group 'respondres' in people.yaml; expected one of leads, responders; did you mean 'responders'?",
                "F:8:83: there is no group 'bosses' in people.yaml; expected one of leads, responders",
            ]
        )

    def test_where_nobody_knows_the_groups_they_are_not_judged(self) -> None:
        text = step("id: b", "action: toy.weld", "approval: {from: [bosses]}", "params: {door: x}")
        assert read_playbook(HEAD + text, FILE, known(), None)

    def test_a_quorum_of_nobody(self) -> None:
        assert told(
            step("id: b", "action: toy.weld", "approval: {quorum: 0}", "params: {door: x}")
        ) == snapshot(["F:8:50: the number 0; expected at least 1"])


def test_a_law_that_is_broken_is_told_with_its_place_and_its_id() -> None:
    text = step("id: b", "action: toy.shut", "for_each: finding.resources", "as: door", "params: {door: x}")
    with pytest.raises(Problems) as wrong:
        check(text)
    assert [(each.law, each.line) for each in wrong.value.problems] == [("bounded-for-each", 8)]


def test_a_playbook_that_is_right_is_read() -> None:
    made = check(SHUT + "hold: 2h\n")
    assert made.hold == timedelta(hours=2)
    assert [each.id for each in made.every_step()] == ["a"]
