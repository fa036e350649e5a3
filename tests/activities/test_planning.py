"""Planning: every step is planned or named; one that cannot be does not sink its siblings."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.registry import Registry, load
from firedoor.domain.approval.policy import ApprovalRule, Policy
from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.domain.finding.finding import Actor, Resource
from firedoor.domain.plan.plan import Plan, PlannedStep
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.messages import PlanOrder
from tests.activities.hands import House, house, write_action
from tests.harness import ACCOUNT, POLICY, TOY, finding, incident_for
from tests.toy_world import ToyWorld

OTHER = "111122223333"
FIND = '''
from typing import Any
from firedoor.domain.action.action import *
from firedoor.domain.core.errors import *

class Door(Params):
    """Which door."""
    door: str

class Owner(Before):
    """Whose it is."""
    door: str
    person: str
    others: tuple[str, ...] = ()

class Find(Lookup):
    """Find whose a door is."""
    summary = "find whose a door is"
    permissions = Permissions(read=("toy:Look",), apply=())
    example = {"door": "front"}
    def __init__(self, site: Site) -> None:
        assert not site.changing
    def read(self, params: Door) -> Owner:
        if params.door == "nobodys":
            raise Absent("nobody has it")
        if params.door == "silent":
            raise Unavailable("no answer")
        return Owner(door=params.door, person="carol", others=("back",))
'''
ODD = '''
from datetime import timedelta
from firedoor.domain.action.action import *
from firedoor.domain.action.action import FULL
from firedoor.domain.core.errors import *

class Door(Params):
    """Which door, and how often."""
    door: str
    times: int = 1

class Was(Before):
    """How it was."""

class Odd(Action):
    """Answer in odd ways."""
    summary = "answer oddly"
    reversibility = FULL
    risk = Risk.LOW
    permissions = Permissions(read=("toy:Look",), apply=("toy:Odd",))
    settles_within = timedelta(seconds=2)
    example = {"door": "front"}
    def __init__(self, site: Site) -> None: ...
    def target(self, params: Door) -> str: return params.door and f"arn:toy:door:::{params.door}"
    def plan(self, params: Door) -> Planned:
        if params.door == "garbage":
            return {"an answer with": "hunter2"}["a key that is not there, hunter2"]
        if params.door == "absent":
            raise Absent("no such door")
        return Already(says="so")
    def apply(self, params: Door, before: Was) -> None: ...
    def verify(self, params: Door, before: Was) -> Verified: ...
    def undo(self, params: Door, before: Was) -> Undone: ...
'''


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The toy actions, a lookup, and an action that answers oddly."""
    folder = tmp_path_factory.mktemp("actions")
    write_action(folder, "plans", "find", FIND)
    write_action(folder, "plans", "odd", ODD)
    yield load([Path(TOY), folder])
    for name in [name for name in sys.modules if name.startswith("firedoor_actions.plans")]:
        del sys.modules[name]


@pytest.fixture
def home(world: ToyWorld, registry: Registry) -> Iterator[House]:
    with house(registry) as made:
        yield made


@pytest.fixture
def book(registry: Registry) -> Any:
    known = {name: Known(entry.spec, entry.params) for name, entry in registry.items()}

    def read(steps: str, **keys: str) -> Playbook:
        head = {
            "playbook": "close_doors",
            "summary": "Close the doors of the toy world.",
            "mode": "active",
            "responds_to": "[{source: toy, types: ['Intrusion:*']}]",
            "incident": '"${{ finding.uid }}"',
        }
        text = "".join(f"{key}: {value}\n" for key, value in {**head, **keys}.items())
        return read_playbook(text + "steps:\n" + steps, "close_doors.yaml", known, None)

    return read


def step(id_: str, action: str = "toy.shut", door: str = "front", **keys: str) -> str:
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return f'  - id: {id_}\n    action: {action}\n    params: {{door: "{door}"}}\n{more}'


def told(plan: Plan) -> dict[str, tuple[str, str]]:
    return {each.id: (each.outcome, each.says) for each in plan.steps}


def only(plan: Plan) -> PlannedStep:
    (each,) = plan.steps
    return each


class TestSteps:
    def test_every_step_is_planned_in_its_order_and_nothing_is_touched(self, home, world, book) -> None:
        world.door("back", "shut by somebody")
        plan = home.plan(book(step("a") + step("b", door="back") + step("c", "toy.weld")))
        assert told(plan) == {
            "a": ("change", "shut door front"),
            "b": ("already", "door back is shut"),
            "c": ("change", "weld door front"),
        }
        assert [each.stage for each in plan.steps] == [0, 1, 2]
        assert world.effects() == []

    def test_a_step_knows_where_it_acts_and_what_its_action_declares(self, home, book) -> None:
        made = only(home.plan(book(step("a", "toy.weld")), finding(region=None)))
        assert (made.account, made.region) == (finding().account, "eu-central-1")
        assert (made.reversibility.kind, made.risk, made.on_failure) == ("none", "high", "undo")
        assert only(home.plan(book(step("a", on_failure="stop"), on_failure="continue"))).on_failure == "stop"
        assert only(home.plan(book(step("a"), on_failure="continue"))).on_failure == "continue"

    def test_a_step_whose_condition_is_false_is_not_there_and_its_reason_is(self, home, book) -> None:
        plan = home.plan(book(step("a", when="finding.count > 1") + step("b")))
        assert set(told(plan)) == {"b"}
        assert plan.left_aside == {
            "a": "its `when` is not met: `finding.count > 1` is false; finding.count is 1"
        }

    def test_a_protected_target_is_refused_with_the_reason(self, home, world, book) -> None:
        world.door("exit")
        home.protect("arn:toy:door:::exit")
        plan = home.plan(book(step("a", door="exit") + step("b")))
        assert told(plan)["a"] == ("refuse", "arn:toy:door:::exit is protected: the fire exit")
        assert told(plan)["b"][0] == "change"

    def test_an_account_that_is_not_ours_is_refused(self, home, book) -> None:
        for account in ("999999999999", None):
            assert only(home.plan(book(step("a")), finding(account=account))).outcome == "refuse"

    def test_a_target_that_has_no_name_is_refused(self, home, book) -> None:
        made = only(home.plan(book(step("a", "plans.odd", "${{ finding.title }}")), finding(title="")))
        assert (made.outcome, made.says) == ("refuse", "the action does not name what it would change")

    def test_facts_of_every_finding_are_planned(self, home, world, book) -> None:
        world.door("back")
        text = step(
            "a", door="${{ door.name }}", for_each="finding.resources", **{"as": "door"}, max_targets="5"
        )
        back = Resource(kind="Toy::Door", uid="arn:toy:door:::back", name="back")
        alone = home.plan(book(text))
        joined = home.plan(book(text), finding(), finding(uid="f-2", resources=(back,)))
        assert len(alone.steps) == 1
        assert set(told(alone)) < set(told(joined))
        assert {each.params["door"] for each in joined.steps} == {"front", "back"}
        assert {each.step for each in joined.steps} == {"a"}


class TestWhoSaysIt:
    """A generic source adds to what vendors said; it takes nothing from it."""

    EACH: ClassVar = {"for_each": "finding.resources", "as": "door", "max_targets": "2"}

    def doors(self, world: ToyWorld, *names: str) -> tuple[Resource, ...]:
        return tuple(Resource(kind="D", uid=name, name=world.door(name)) for name in names)

    def test_many_targets_of_a_generic_source_do_not_make_a_vendors_target_wait(
        self, home, world, book
    ) -> None:
        many = finding(uid="g", generic=True, resources=self.doors(world, "front", "d1", "d2", "d3"))
        for findings in ([many, finding()], [finding(), many]):
            plan = home.plan(book(step("a", door="${{ door.name }}", **self.EACH)), *findings)
            asked = {each.params["door"]: each.approval is not None for each in plan.steps}
            assert asked == {"front": False, "d1": True, "d2": True, "d3": True}

    def test_what_a_generic_source_says_turns_no_condition_off(self, home, world, book) -> None:
        text = step("a", when="finding.resources.all(r, r.name != 'back')")
        told = finding(uid="g", generic=True, resources=self.doors(world, "back"))
        assert [each.id for each in home.plan(book(text), told, finding()).steps] == ["a"]
        assert [each.id for each in home.plan(book(text), told).steps] == []

    def test_what_a_generic_source_says_wrongly_breaks_no_step(self, home, world, book) -> None:
        text = step(
            "a", door="${{ door.name }}", when="has(door.name) && door.attributes.ports > 1", **self.EACH
        )
        front = finding().resources[0].model_copy(update={"attributes": {"ports": 2}})
        odd = Resource(kind="D", uid="odd", name="odd", attributes={"ports": "many"})
        told = finding(uid="g", generic=True, resources=(odd,))
        plan = home.plan(book(text), told, finding(resources=(front,)))
        assert [(each.params["door"], each.outcome) for each in plan.steps] == [("front", "change")]

    def test_what_a_generic_source_adds_is_planned_as_well(self, home, world, book) -> None:
        more = finding(uid="g", generic=True, resources=self.doors(world, "back"))
        plan = home.plan(book(step("a", door="${{ door.name }}", **self.EACH)), finding(), more)
        assert [each.params["door"] for each in plan.steps] == ["front", "back"]


class TestPlace:
    """Each step acts, and is asked for, where its own target is."""

    EACH: ClassVar = {"for_each": "finding.resources", "as": "door", "max_targets": "5"}

    def doors(self, *places: tuple[str | None, str | None]) -> tuple[Resource, ...]:
        return tuple(Resource(kind="D", uid="front", name="front", account=a, region=r) for a, r in places)

    def test_one_name_in_two_accounts_is_planned_in_each(self, home, book) -> None:
        home.guards = home.guards.model_copy(update={"accounts": frozenset({ACCOUNT, OTHER})})
        told = finding(resources=self.doors((OTHER, "eu-west-1"), (None, None), (OTHER, None)))
        plan = home.plan(book(step("a", door="${{ door.name }}", **self.EACH)), told)
        assert [(each.account, each.region, each.outcome) for each in plan.steps] == [
            (OTHER, "eu-west-1", "change"),
            (ACCOUNT, "us-east-1", "change"),
        ], "a region that nobody tells makes no second target of one"

    def test_the_jurisdiction_of_the_target_is_asked_and_not_that_of_the_envelope(self, home, book) -> None:
        told = finding(resources=self.doors((OTHER, None), (None, None)))
        text = step("a", door="${{ door.name }}", **self.EACH)
        assert [each.outcome for each in home.plan(book(text), told).steps] == ["refuse", "change"]
        both = frozenset({ACCOUNT, OTHER})
        home.guards = home.guards.model_copy(update={"accounts": both, "sources": {"acme": {ACCOUNT}}})
        refused = home.plan(book(text), told).steps[0]
        assert (refused.outcome, refused.says) == (
            "refuse",
            f"source 'acme' may not act on account {OTHER}",
        )

    def test_a_source_of_few_accounts_that_was_first_keeps_no_other_from_its_own(self, home, book) -> None:
        sources = {"acme": {ACCOUNT}, "wide": None, "stranger": {ACCOUNT}}
        both = frozenset({ACCOUNT, OTHER})
        home.guards = home.guards.model_copy(update={"accounts": both, "sources": sources})
        more = finding(uid="g", via="wide", resources=self.doors((OTHER, "eu-west-1")))
        text = step("a", door="${{ door.name }}", **self.EACH)
        plan = home.plan(book(text), finding(), more)
        assert [(each.account, each.source, each.outcome) for each in plan.steps] == [
            (ACCOUNT, "acme", "change"),
            (OTHER, "wide", "change"),
        ]
        narrow = more.model_copy(update={"via": "stranger"})
        assert [each.outcome for each in home.plan(book(text), finding(), narrow).steps] == [
            "change",
            "refuse",
        ]

    def test_the_environment_of_the_target_decides_who_is_asked(self, home, book) -> None:
        home.guards = home.guards.model_copy(update={"accounts": frozenset({ACCOUNT, OTHER})})
        seen: list[str] = []
        home.planning._environments = _Heard(seen)
        home.plan(
            book(step("a", door="${{ door.name }}", **self.EACH)),
            finding(resources=self.doors((OTHER, None))),
        )
        assert seen == [OTHER]

    def test_an_actor_of_another_account_of_ours_is_asked_about(self, home, book) -> None:
        home.guards = home.guards.model_copy(update={"accounts": frozenset({ACCOUNT, OTHER})})
        text = step("a", door="${{ finding.actor.user_name }}")
        ours, theirs = (
            only(home.plan(book(text), finding(actor=Actor(user_name="front", account=account))))
            for account in (ACCOUNT, OTHER)
        )
        assert (ours.account, ours.approval) == (ACCOUNT, None)
        assert (theirs.account, theirs.approval) == (OTHER, POLICY.default)

    def test_an_actor_of_a_strange_account_is_refused_and_so_is_looking_for_it(self, home, book) -> None:
        told = finding(actor=Actor(user_name="front", account=OTHER))
        text = '  - {id: owner, lookup: plans.find, params: {door: "${{ finding.actor.user_name }}"}}\n'
        plan = home.plan(book(text + step("a", door="${{ finding.actor.user_name }}")), told)
        assert plan.lookups == {"owner": {"failed": f"account {OTHER} is not one of ours"}}
        assert (only(plan).outcome, only(plan).says) == ("refuse", f"account {OTHER} is not one of ours")

    def test_a_step_whose_place_is_unclear_is_refused_and_its_siblings_are_planned(self, home, book) -> None:
        told = finding(resources=self.doors((OTHER, None), (None, None)))
        unclear = book(step("a", door="${{ finding.resources[0].name }}") + step("b", door="front"))
        reads = {"door": "${{ finding.resources.filter(r, true)[0].name }}"}
        steps = (unclear.steps[0].model_copy(update={"params": reads}), unclear.steps[1])
        plan = home.plan(unclear.model_copy(update={"steps": steps}), told)
        assert [each.outcome for each in plan.steps] == ["refuse", "change"]
        assert "where step a acts is not clear" in plan.steps[0].says


class _Heard(dict[str, str]):
    """Environments that remember which account was asked for."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self._asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.append(key)
        return default


class TestApproval:
    def test_what_cannot_be_undone_is_asked_and_the_rest_is_not(self, home, book) -> None:
        plan = home.plan(book(step("a") + step("b", "toy.weld")))
        assert [each.approval for each in plan.steps] == [None, POLICY.default]
        assert plan.undo_rule == POLICY.default

    def test_caution_asks_for_everything(self, home, book) -> None:
        assert only(home.plan(book(step("a")), caution="a person undid this")).approval == POLICY.default

    def test_more_targets_than_expected_are_all_asked(self, home, world, book) -> None:
        doors = tuple(Resource(kind="D", uid=f"u{n}", name=world.door(f"d{n}")) for n in range(3))
        text = step(
            "a", door="${{ door.name }}", for_each="finding.resources", **{"as": "door"}, max_targets="2"
        )
        plan = home.plan(book(text), finding(resources=doors))
        assert [each.approval for each in plan.steps] == [POLICY.default] * 3

    def test_the_policy_of_the_moment_counts(self, home, book) -> None:
        leads = ApprovalRule(from_=("leads",), quorum=2, within=POLICY.default.within)
        home.policy = Policy(default=leads)
        assert only(home.plan(book(step("a", "toy.weld")))).approval == leads


class TestTrouble:
    def test_a_vendor_that_is_down_is_asked_again_at_first(self, home, world, book) -> None:
        world.fault("plan", "front", "unavailable", 99)
        with pytest.raises(Unavailable):
            home.plan(book(step("a")), patient=True)

    def test_after_some_tries_the_step_is_named_and_its_siblings_are_planned(self, home, world, book) -> None:
        world.door("back")
        world.fault("plan", "front", "unavailable", 99)
        plan = home.plan(book(step("a") + step("b", door="back")))
        assert told(plan) == {
            "a": ("unplanned", "could not be planned: the door front does not answer"),
            "b": ("change", "shut door back"),
        }

    @pytest.mark.parametrize(("attempt", "named"), [(1, False), (3, False), (4, True), (9, True)])
    async def test_how_many_tries_that_are(self, home, world, book, *, attempt: int, named: bool) -> None:
        world.fault("plan", "front", "unavailable", 99)
        order = PlanOrder(
            response="r", incident=incident_for(book(step("a")), finding()), findings=(finding(),)
        )
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, attempt=attempt)
        if named:
            assert only(await environment.run(home.planning.plan, order)).outcome == "unplanned"
        else:
            with pytest.raises(ApplicationError) as again:
                await environment.run(home.planning.plan, order)
            assert not again.value.non_retryable

    def test_an_answer_nobody_foresaw_is_tried_again_and_then_named_without_its_words(
        self, home, world, book
    ) -> None:
        text = step("a", "plans.odd", "garbage") + step("b")
        with pytest.raises(KeyError):
            home.plan(book(text), patient=True)
        plan = home.plan(book(text))
        assert told(plan) == {
            "a": ("unplanned", "could not be planned: KeyError in plans.odd"),
            "b": ("change", "shut door front"),
        }
        assert "hunter2" not in plan.model_dump_json()

    @pytest.mark.parametrize("alone", [True, False])
    def test_what_does_not_exist_is_refused(self, home, book, *, alone: bool) -> None:
        plan = home.plan(book(step("a", "plans.odd", "absent") + ("" if alone else step("b"))))
        assert told(plan)["a"] == ("refuse", "it does not exist: no such door")

    def test_a_final_no_is_a_refusal_with_its_words(self, home, world, book) -> None:
        world.fault("plan", "front", "rejected")
        assert told(home.plan(book(step("a")))) == {"a": ("refuse", "the door front says no")}

    def test_parameters_that_the_finding_gives_in_another_type_are_refused_by_name(self, home, book) -> None:
        text = '  - id: a\n    action: plans.odd\n    params: {door: x, times: "${{ finding.title }}"}\n'
        plan = home.plan(book(text + step("b")), finding(title="1"))
        assert told(plan) == {
            "a": ("refuse", "the finding gives no usable times for plans.odd"),
            "b": ("change", "shut door front"),
        }

    def test_a_fact_that_the_finding_lacks_is_refused_by_name(self, home, book) -> None:
        plan = home.plan(book(step("a", door="${{ finding.actor.email }}") + step("b")))
        assert told(plan)["a"][0] == "refuse"
        assert "asks for 'email', which is not there" in told(plan)["a"][1]
        assert told(plan)["b"][0] == "change"

    @pytest.mark.parametrize("expression", ["1 / (finding.count - 1)", "timestamp('2026-01-01T00:00:00Z')"])
    def test_an_expression_that_fails_refuses_its_own_step_alone(self, home, book, expression: str) -> None:
        plan = home.plan(book(step("a", door="${{ " + expression + " }}") + step("b")))
        assert [each.outcome for each in plan.steps] == ["refuse", "change"]

    def test_a_finding_that_speaks_in_expressions_is_taken_at_its_word(self, home, world, book) -> None:
        trick = "${{ finding.uid }}"
        text = step("a", door="${{ finding.actor.user_name }}")
        made = only(home.plan(book(text), finding(actor=Actor(user_name=trick))))
        assert made.params == {"door": trick}
        assert made.says == f"there is no door {trick}"

    def test_a_playbook_whose_action_this_worker_lacks_is_no_plan_at_all(self, home, book) -> None:
        made = book(step("a"))
        lacking = made.model_copy(
            update={"steps": (made.steps[0].model_copy(update={"action": "toy.burn"}),)}
        )
        with pytest.raises(Rejected, match=r"this worker has no action toy\.burn"):
            home.plan(lacking)


class TestLookingBack:
    def test_a_step_sees_the_plans_of_earlier_ones(self, home, world, book) -> None:
        world.door("back", "shut by somebody")
        text = step("a") + step("b", door="back")
        text += step("c", when="""'steps.a.outcome == "change"'""")
        text += step("d", when="""'steps.b.outcome == "change"'""")
        text += step(
            "e", door="${{ steps.a.params.door }}", when="""'steps.a.before.state.value == "open"'"""
        )
        plan = home.plan(book(text))
        assert list(told(plan)) == ["a", "b", "c", "e"]
        assert plan.steps[-1].params == {"door": "front"}

    def test_a_step_sees_all_targets_of_an_earlier_one(self, home, world, book) -> None:
        world.door("back")
        doors = tuple(Resource(kind="D", uid=f"u{n}", name=name) for n, name in enumerate(["front", "back"]))
        text = step(
            "a", door="${{ door.name }}", for_each="finding.resources", **{"as": "door"}, max_targets="5"
        )
        text += step("b", "toy.weld", when="steps.a.targets.size() == 2")
        plan = home.plan(book(text), finding(resources=doors))
        assert len(plan.steps) == 3

    def test_a_step_that_is_not_there_is_not_seen(self, home, book) -> None:
        text = (
            step("a", when="finding.count > 1")
            + step("b", when="has(steps.a)")
            + step("c", when="'!has(steps.a)'")
        )
        assert list(told(home.plan(book(text)))) == ["c"]


class TestLookups:
    def lookup(self, door: str, **keys: str) -> str:
        more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
        return f'  - id: owner\n    lookup: plans.find\n    params: {{door: "{door}"}}\n{more}'

    def test_what_it_reads_is_seen_by_later_steps_and_stands_in_the_plan(self, home, world, book) -> None:
        world.door("back")
        text = self.lookup("${{ finding.resources[0].name }}")
        text += step(
            "a", door="${{ other }}", for_each="lookup.owner.others", **{"as": "other"}, max_targets="5"
        )
        plan = home.plan(book(text))
        assert plan.lookups == {"owner": {"door": "front", "person": "carol", "others": ["back"]}}
        assert [each.params for each in plan.steps] == [{"door": "back"}]

    def test_one_whose_condition_is_false_reads_nothing(self, home, book) -> None:
        text = (
            self.lookup("silent", when="finding.count > 1") + step("a", when="has(lookup.owner)") + step("b")
        )
        plan = home.plan(book(text))
        assert (plan.lookups, list(told(plan))) == ({}, ["b"])

    def test_one_that_finds_nothing_is_named_and_sinks_only_the_steps_that_need_it(self, home, book) -> None:
        text = self.lookup("nobodys") + step("a") + step("b", door="${{ lookup.owner.person }}")
        plan = home.plan(book(text))
        assert plan.lookups == {"owner": {"failed": "nobody has it"}}
        assert {each.id: each.outcome for each in plan.steps} == {"a": "change", "b": "refuse"}

    def test_one_that_gets_no_answer_is_tried_again(self, home, book) -> None:
        with pytest.raises(Unavailable):
            home.plan(book(self.lookup("silent") + step("a")), patient=True)

    def test_one_that_never_answers_is_named_at_last(self, home, book) -> None:
        plan = home.plan(book(self.lookup("silent") + step("a")), patient=False)
        assert [each.outcome for each in plan.steps] == ["change"]
        assert list(plan.lookups["owner"]) == ["failed"]
