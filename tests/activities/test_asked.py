"""Who is asked follows from what the world says of a target: whose it is, and how sensitive its data are."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.registry import Registry, load
from activities.verbs import Steps
from firedoor.domain.approval.approval import Approval, ask
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass, FloorRule, Policy
from firedoor.domain.approval.vote import Vote, Voter
from firedoor.domain.finding.finding import Resource
from firedoor.domain.plan.plan import Plan, PlannedStep
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.messages import Applied
from tests.activities.hands import House, house, order, write_action
from tests.harness import ACCOUNT, NOW, POLICY, TOY, finding
from tests.toy_world import ToyWorld

#: An action whose world is one file: what it says there of owners and data is what the plan says.
CLOSE = '''
import json, os
from datetime import timedelta
from pathlib import Path
from firedoor.domain.action.action import *
from firedoor.domain.action.action import FULL

class Vault(Params):
    """Which vault."""
    vault: str

class Was(Before):
    """How it was."""

class Close(Action):
    """Close a vault."""
    summary = "close a vault"
    reversibility = FULL
    risk = Risk.LOW
    permissions = Permissions(read=("toy:Look",), apply=("toy:Close",))
    settles_within = timedelta(seconds=2)
    example = {"vault": "gold"}
    def __init__(self, site: Site) -> None: ...
    def target(self, params: Vault) -> str: return f"arn:toy:vault:::{params.vault}"
    def plan(self, params: Vault) -> Planned:
        told = json.loads((Path(os.environ["TOY_WORLD"]) / "vault.json").read_text())
        if told.get("closed"):
            return Already(says="closed")
        return Change(says="close it", before=Was(), owners=told.get("owners", ()), data=told.get("data"))
    def owners(self, params: Vault) -> tuple[str, ...]:
        looks = Path(os.environ["TOY_WORLD"]) / "looks"
        looks.write_text((looks.read_text() if looks.exists() else "") + "|")
        told = json.loads((Path(os.environ["TOY_WORLD"]) / "vault.json").read_text())
        return tuple(told.get("tagged", ()))
    def by_hand(self, params: Vault) -> str: return f"turn the key of {params.vault}"
    def apply(self, params: Vault, before: Was) -> None: ...
    def verify(self, params: Vault, before: Was) -> Verified:
        return Verified(verdict=Verdict.YES, says="closed")
    def undo(self, params: Vault, before: Was) -> Undone: ...
'''
VAULT = "arn:toy:vault:::gold"
SIGNED = ApprovalRule(from_=("leads",), quorum=2, within=timedelta(minutes=15), step_up=True)
TIERS = POLICY.model_copy(update={"floor": (FloorRule(data=("restricted",), ask=SIGNED),)})


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = write_action(tmp_path_factory.mktemp("actions"), "vaults", "close", CLOSE)
    yield load([Path(TOY), folder])
    del sys.modules["firedoor_actions.vaults.close"]


@pytest.fixture
def home(world: ToyWorld, registry: Registry) -> Iterator[House]:
    with house(registry) as made:
        made.policy = TIERS
        yield made


@pytest.fixture
def book(registry: Registry) -> Playbook:
    known = {name: Known(entry.spec, entry.params) for name, entry in registry.items()}
    text = (
        "playbook: close_vaults\nsummary: Close the vaults of the toy world.\nmode: active\n"
        "responds_to: [{source: toy, types: ['Intrusion:*']}]\nincident: '${{ finding.uid }}'\n"
        "steps:\n  - {id: close, action: vaults.close, params: {vault: gold}}\n"
    )
    return read_playbook(text, "close_vaults.yaml", known, None)


def say(world: ToyWorld, **told: Any) -> None:
    (world.folder / "vault.json").write_text(json.dumps(told))


def only(plan: Plan) -> PlannedStep:
    (each,) = plan.steps
    return each


def about_the_vault(**attributes: Any) -> Any:
    return finding(resources=(Resource(kind="Toy::Vault", uid=VAULT, attributes=attributes),))


async def apply(home: House, step: PlannedStep) -> Applied:
    lent = {
        each.__temporal_activity_definition.name: each  # type: ignore[attr-defined]
        for each in Steps(home.hands, home.planning.raised).activities()
    }
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=1)
    applied: Applied = await environment.run(lent["vaults.close.apply"], order(step))
    return applied


class TestData:
    @pytest.mark.parametrize(
        ("data", "rule"), [("restricted", SIGNED), ("unknown", SIGNED), ("public", None), (None, None)]
    )
    def test_the_worlds_tag_decides_who_is_asked(self, home, world, book, data: str, rule: Any) -> None:
        say(world, data=data)
        step = only(home.plan(book))
        assert (step.data, step.approval) == (data, rule)

    def test_a_finding_that_calls_the_data_public_changes_nothing(self, home, world, book) -> None:
        say(world, data="restricted")
        told = {"classification": "public", "tags": {"DataClassification": "public"}}
        step = only(home.plan(book, about_the_vault(**told)))
        assert (step.data, step.approval) == ("restricted", SIGNED)

    def test_a_step_that_changes_nothing_is_of_no_class(self, home, world, book) -> None:
        say(world, closed=True)
        step = only(home.plan(book))
        assert (step.outcome, step.data, step.by_hand, step.approval) == ("already", None, "", None)

    async def test_an_automatic_step_is_asked_once_its_data_turn_out_to_be_restricted(
        self, home, world, book
    ) -> None:
        """Between plan and apply the world moved: what would have run by itself now needs its people."""
        say(world, data="public")
        step = only(home.plan(book))
        assert step.approval is None
        say(world, data="restricted")
        applied = await apply(home, step)
        assert applied.outcome == "drifted"
        assert applied.now is not None
        assert (applied.now.data, applied.now.approval) == ("restricted", SIGNED)

    async def test_a_tag_that_is_taken_off_does_not_lower_what_is_asked(self, home, world, book) -> None:
        say(world, data="restricted")
        step = only(home.plan(book))
        say(world, data="public")
        applied = await apply(home, step)
        assert applied.now is not None
        assert applied.now.approval == SIGNED


class TestOwners:
    def test_a_finding_adds_owners_to_those_of_the_world(self, home, world, book) -> None:
        say(world, owners=["alice@example.com"])
        told = about_the_vault(Owner="bob@example.com", tags={"owner": "alice@example.com"})
        assert only(home.plan(book, told)).owners == ("alice@example.com", "bob@example.com")
        assert only(home.plan(book, about_the_vault(owner=""))).owners == ("alice@example.com",)

    def test_the_owner_of_another_resource_of_the_finding_keeps_the_vote(self, home, world, book) -> None:
        say(world)
        other = Resource(kind="Toy::Vault", uid="arn:toy:vault:::silver", attributes={"owner": "bob"})
        assert only(home.plan(book, finding(resources=(other,)))).owners == ()

    async def test_an_owner_whom_only_the_finding_named_is_no_drift(self, home, world, book) -> None:
        say(world, owners=["alice@example.com"])
        step = only(home.plan(book, about_the_vault(owner="bob@example.com")))
        assert (await apply(home, step)).outcome == "applied"

    async def test_a_new_owner_voids_the_yes_and_an_old_one_stays(self, home, world, book) -> None:
        say(world, owners=["alice@example.com"])
        step = only(home.plan(book))
        say(world, owners=["carol@example.com"])
        applied = await apply(home, step)
        assert applied.outcome == "drifted"
        assert applied.now is not None
        assert applied.now.owners == ("alice@example.com", "carol@example.com")

    async def test_an_owner_whom_only_a_read_of_its_own_tells_is_looked_up_again_where_somebody_said_yes(
        self, home, world, book
    ) -> None:
        say(world, owners=["alice@example.com"], tagged=["bob@example.com"], data="restricted")
        step = only(home.plan(book))
        assert step.owners == ("alice@example.com", "bob@example.com")
        say(world, owners=["alice@example.com"], tagged=["carol@example.com"], data="restricted")
        applied = await apply(home, step)
        assert applied.outcome == "drifted"
        assert applied.now is not None
        assert applied.now.owners == ("alice@example.com", "bob@example.com", "carol@example.com")

    async def test_where_nobody_was_asked_an_attackers_time_is_not_spent_on_whose_it_is(
        self, home, world, book
    ) -> None:
        say(world, tagged=["bob@example.com"], data="public")
        step = only(home.plan(book))
        assert (step.approval, step.owners) == (None, ("bob@example.com",))
        looks = world.folder / "looks"
        planned = looks.read_text()
        assert (await apply(home, step)).outcome == "applied"
        assert looks.read_text() == planned
        say(world, tagged=["carol@example.com"], data="restricted")
        drifted = await apply(home, step)
        assert drifted.now is not None
        assert drifted.now.owners == ("bob@example.com", "carol@example.com"), "now somebody is asked"

    def test_the_owner_of_a_target_cannot_say_yes_to_it_and_may_say_no(self, home, world, book) -> None:
        say(world, owners=["Alice@Example.com"], data="restricted")
        step = only(home.plan(book))
        assert step.approval is not None
        made = ask(
            number=1,
            kind="apply",
            plan_sha256="0" * 64,
            rules=(step.approval,),
            now=NOW,
            owners=step.owners,
        )
        alice = Voter(person="alice", groups=("leads",), names=("alice@example.com",))
        assert "what would be changed is yours" in (objection(made, alice, "approve") or "")
        assert objection(made, alice, "reject") is None


def objection(made: Approval, voter: Voter, decision: Any) -> str | None:
    vote = Vote(
        id="v",
        decision=decision,
        voter=voter,
        door="http",
        fingerprint=made.fingerprint,
        reason="wrong_action",
        at=NOW,
    )
    return made.objection(vote, NOW)


class TestWholePlan:
    def test_a_failed_step_can_be_done_by_hand(self, home, world, book) -> None:
        say(world)
        assert only(home.plan(book)).by_hand == "turn the key of gold"

    def test_the_plan_carries_what_the_policy_says_of_all_of_it(self, home, world, book) -> None:
        say(world)
        review = ApprovalRule(from_=("leads",), within=timedelta(hours=24))
        glass = BreakGlass(people=("carol",), review=review)
        home.policy = Policy(
            default=POLICY.default, storm=SIGNED, break_glass=glass, mute=timedelta(hours=6), undo=review
        )
        plan = home.plan(book)
        assert (plan.storm, plan.break_glass, plan.mute) == (SIGNED, glass, timedelta(hours=6))
        assert plan.undo_rule == review

    def test_to_open_again_to_many_at_once_or_afterwards_silence_is_never_a_yes(
        self, home, world, book
    ) -> None:
        """It is for what can be taken back in full alone; to open the door again is not that."""
        say(world)
        silent = ApprovalRule(from_=("responders",), within=timedelta(minutes=5), then="proceed")
        glass = BreakGlass(people=("carol",), review=silent)
        home.policy = Policy(default=silent, storm=silent, break_glass=glass)
        plan = home.plan(book)
        assert plan.undo_rule.then == "reject"
        assert plan.storm.then == "reject"
        assert plan.break_glass.review.then == "reject"

    def test_one_plan_is_made_by_one_policy(self, home, world, book) -> None:
        """Somebody edits the file while a plan is made: its steps and its undo come from the same text."""
        say(world, data="restricted")
        given = iter([TIERS])
        home.planning._policy = lambda: next(given)
        assert only(home.plan(book)).approval == SIGNED

    def test_where_the_account_is_counts_as_it_is_described(self, home, world, book) -> None:
        say(world)
        home.policy = POLICY.model_copy(update={"floor": (FloorRule(environment=("prod",), ask=SIGNED),)})
        assert only(home.plan(book)).approval is None
        home.environments[ACCOUNT] = "prod"
        assert only(home.plan(book)).approval == SIGNED
