"""The verbs as Temporal calls them: guards first, drift on the first try, finishing on the later ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.verbs import Steps, Watching
from firedoor.domain.action.action import Undone, Verified
from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.messages import Applied, StepOrder, Watched
from tests.activities.hands import ARTEFACT, House, house, order
from tests.plans import planned
from tests.toy_world import ToyWorld


@pytest.fixture
def home(world: ToyWorld) -> Iterator[House]:
    with house() as made:
        yield made


def shut(home: House, door: str = "front", action: str = "toy.shut") -> PlannedStep:
    """Plan a step over the world as it is."""
    shell = planned(
        "shut_it", action=action, params={"door": door}, target="", outcome="unplanned", before=None
    )
    return home.hands.plan_step(shell, ARTEFACT, "acme")


def verbs(home: House, *frozen: Any) -> dict[str, Any]:
    return {
        lent.__temporal_activity_definition.name: lent  # type: ignore[attr-defined]
        for lent in Steps(home.hands, home.planning.raised, *frozen).activities()
    }


async def call(home: House, name: str, told: StepOrder, attempt: int = 1) -> Any:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt)
    return await environment.run(verbs(home)[name], told)


def _nth(attempt: int) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt)
    return environment


async def apply(home: House, told: StepOrder, attempt: int = 1) -> Applied:
    applied: Applied = await call(home, f"{told.step.action}.apply", told, attempt)
    return applied


class TestNames:
    def test_each_verb_has_the_name_that_the_story_calls_it_by(self, home) -> None:
        names = set(verbs(home))
        assert {"toy.shut.apply", "toy.shut.verify", "toy.shut.undo"} <= names
        assert "aws.deactivate_access_key.undo" in names

    def test_what_cannot_be_undone_has_no_undo_and_a_lookup_no_verbs(self, home) -> None:
        names = set(verbs(home))
        assert "toy.weld.apply" in names
        assert "toy.weld.undo" not in names
        assert not [name for name in names if name.startswith("aws.find_key_owner")]

    def test_an_action_this_worker_lacks_is_a_final_no_with_the_way_out(self, home) -> None:
        with pytest.raises(Rejected, match=r"no action toy\.burn; deploy the worker that has it"):
            home.hands.plan_step(planned(action="toy.burn"), ARTEFACT, "acme")


class TestPlan:
    def test_a_plan_says_what_is_there_and_touches_nothing(self, home, world) -> None:
        step = shut(home)
        assert (step.outcome, step.says, step.target) == ("change", "shut door front", "arn:toy:door:::front")
        assert step.before == {"state": {"state": "value", "value": "open"}}
        assert world.effects() == []

    def test_a_plan_that_changes_nothing_captures_nothing(self, home, world) -> None:
        world.door("front", "shut by somebody")
        step = home.hands.plan_step(planned(params={"door": "front"}), ARTEFACT, "acme")
        assert (step.outcome, step.before, step.consequences) == ("already", None, ())

    def test_guards_are_asked_before_the_world(self, home, world) -> None:
        world.fault("plan", "front", "unavailable")
        home.protect("arn:toy:door:::front")
        step = shut(home)
        assert (step.outcome, step.says) == (
            "refuse",
            "arn:toy:door:::front is protected: the fire exit",
        )

    def test_a_final_no_of_the_vendor_is_the_plan(self, home, world) -> None:
        world.fault("plan", "front", "rejected")
        assert (shut(home).outcome, shut(home).outcome) == ("refuse", "change")


class TestApply:
    async def test_what_was_planned_is_done_and_seen(self, home, world) -> None:
        applied = await apply(home, order(shut(home)))
        assert (applied.outcome, applied.verified) == ("applied", True)
        assert world.state("front") == f"shut {ARTEFACT}"

    async def test_what_is_not_seen_yet_is_said_so(self, home, world) -> None:
        step = shut(home)
        world.fault("verify", "front", "not_yet")
        applied = await apply(home, order(step))
        assert (applied.outcome, applied.verified, applied.says) == ("applied", False, "it is still swinging")

    async def test_guards_are_asked_again_right_before_the_world_is_touched(self, home, world) -> None:
        step = shut(home)
        home.protect("arn:toy:door:::front")
        applied = await apply(home, order(step))
        assert (applied.outcome, applied.says) == (
            "refused",
            "arn:toy:door:::front is protected: the fire exit",
        )
        assert world.effects() == []

    async def test_a_freeze_that_is_thrown_while_the_last_look_takes_long_is_seen(
        self, home, world, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("activities.verbs._LOOKED_WITHIN", 0.0)  # any look is a long one
        step, answers = shut(home), iter([None, "the kill switch is thrown: alice froze everything"])
        lent = verbs(home, lambda *_: lambda: next(answers))["toy.shut.apply"]
        applied = await ActivityEnvironment().run(lent, order(step))
        assert (applied.outcome, "kill switch" in applied.says) == ("parked", True)
        assert not applied.unsure
        assert world.effects() == []

    async def test_a_freeze_between_two_tries_parks_what_may_be_made_already_and_it_is_finished_as_it_was(
        self, home, world
    ) -> None:
        step = shut(home)
        thrown = verbs(home, lambda *_: lambda: "alice froze everything")["toy.shut.apply"]
        world.change("front", f"shut {ARTEFACT}", "shut")  # the first try made it, and its word was lost
        parked = await _nth(2).run(thrown, order(step))
        assert (parked.outcome, parked.unsure) == ("parked", True)
        again = order(step).model_copy(update={"resumed": True})
        applied = await apply(home, again)
        assert (applied.outcome, applied.verified) == ("applied", True)
        assert world.effects() == ["shut front"]

    async def test_a_switch_that_does_not_answer_is_asked_some_times_and_then_the_step_waits(
        self, home, world
    ) -> None:
        def silent() -> str | None:
            raise Unavailable("whether the kill switch is thrown is not known")

        lent = verbs(home, lambda *_: silent)["toy.shut.apply"]
        with pytest.raises(ApplicationError, match="not known"):
            await ActivityEnvironment().run(lent, order(shut(home)))
        parked = await _nth(2).run(lent, order(shut(home)))
        assert (parked.outcome, "not known" in parked.says) == ("parked", True)
        assert world.effects() == []

    async def test_guards_are_asked_on_every_later_try_too(self, home, world) -> None:
        step = shut(home)
        home.protect("arn:toy:door:::front")
        with pytest.raises(ApplicationError, match="is protected") as refused:
            await apply(home, order(step), attempt=2)
        assert refused.value.non_retryable
        assert world.effects() == []

    async def test_a_source_that_may_not_act_here_cannot_apply_either(self, home, world) -> None:
        applied = await apply(home, order(shut(home), source="stranger"))
        assert (applied.outcome, applied.says) == ("refused", "no source is called 'stranger'")
        assert world.effects() == []

    async def test_a_world_that_moved_since_the_plan_is_drift_and_is_left_alone(self, home, world) -> None:
        step = shut(home)
        world.door("front", "ajar")
        applied = await apply(home, order(step))
        assert applied.outcome == "drifted"
        assert applied.now is not None
        assert applied.now.before == {"state": {"state": "value", "value": "ajar"}}
        assert applied.now.id == step.id
        assert world.effects() == []

    async def test_what_moves_by_itself_is_no_drift(self, home, world) -> None:
        step = shut(home)
        moved = tuple(each.model_copy(update={"observed": "an hour ago"}) for each in step.consequences)
        assert moved != step.consequences
        applied = await apply(home, order(step.model_copy(update={"consequences": moved})))
        assert applied.outcome == "applied"

    async def test_what_somebody_else_did_meanwhile_is_not_ours(self, home, world) -> None:
        step = shut(home)
        world.door("front", "shut by somebody")
        assert (await apply(home, order(step))).outcome == "already"
        assert world.state("front") == "shut by somebody"

    async def test_what_is_gone_meanwhile_is_refused(self, home, world) -> None:
        step = shut(home)
        (world.folder / "front.door").unlink()
        applied = await apply(home, order(step))
        assert (applied.outcome, applied.says) == ("refused", "there is no door front")

    async def test_a_second_try_finishes_what_the_first_began(self, home, world) -> None:
        step = shut(home)
        world.fault("reply", "front", "lost")
        with pytest.raises(ApplicationError, match="the reply was lost") as lost:
            await apply(home, order(step))
        assert not lost.value.non_retryable
        assert world.effects() == ["shut front"]
        applied = await apply(home, order(step), attempt=2)
        assert (applied.outcome, applied.verified) == ("applied", True)
        assert world.effects() == ["shut front"]

    async def test_a_step_whose_capture_was_lost_is_never_applied_again(self, home, world) -> None:
        step = shut(home).model_copy(update={"before": None})
        with pytest.raises(ApplicationError, match="nothing captured") as refused:
            await apply(home, order(step), attempt=2)
        assert refused.value.non_retryable
        assert world.effects() == []

    async def test_parameters_that_no_longer_fit_are_refused_without_being_shown(self, home, world) -> None:
        step = shut(home).model_copy(update={"params": {"door": ["hunter2"]}})
        for attempt in (1, 2):
            with pytest.raises(ApplicationError, match="does not fit its model at door") as refused:
                await apply(home, order(step), attempt)
            assert refused.value.non_retryable
            assert "hunter2" not in str(refused.value)


class TestVerify:
    async def test_what_is_there_is_verified(self, home, world) -> None:
        step = shut(home)
        await apply(home, order(step))
        verified: Verified = await call(home, "toy.shut.verify", order(step))
        assert (verified.verdict, verified.says) == ("yes", "it is shut")

    async def test_what_is_not_there_yet_is_asked_again_soon(self, home, world) -> None:
        with pytest.raises(ApplicationError, match="it is open") as again:
            await call(home, "toy.shut.verify", order(shut(home)))
        assert (again.value.type, again.value.non_retryable) == ("NotYet", False)
        assert again.value.next_retry_delay is not None


class TestUndo:
    async def test_what_was_captured_is_given_back_once(self, home, world) -> None:
        world.door("front", "ajar")
        step = shut(home)
        await apply(home, order(step))
        outcomes = []
        for attempt in (1, 2):
            undone: Undone = await call(home, "toy.shut.undo", order(step), attempt)
            outcomes.append(undone.outcome)
        assert outcomes == ["restored", "nothing"]
        assert world.state("front") == "ajar"

    async def test_what_never_happened_is_nothing_to_give_back(self, home, world) -> None:
        undone: Undone = await call(home, "toy.shut.undo", order(shut(home)))
        assert undone.outcome == "nothing"
        assert world.effects() == []

    async def test_one_look_that_finds_nothing_is_not_believed_of_what_was_made(self, home, world) -> None:
        step = shut(home)
        await apply(home, order(step))
        world.door("front", "open")  # as an old replica tells it
        made = order(step).model_copy(update={"made": "yes"})
        environment, heard = ActivityEnvironment(), []
        environment.on_heartbeat = lambda *details: heard.append(details)
        undo = verbs(home)["toy.shut.undo"]
        with pytest.raises(ApplicationError, match="it stands as before") as again:
            await environment.run(undo, made)
        assert (again.value.type, again.value.non_retryable) == ("NotYet", False)
        world.door("front", f"shut {ARTEFACT}")  # the truth
        following = ActivityEnvironment()
        following.info = dataclasses.replace(following.info, attempt=2, heartbeat_details=list(heard[-1]))
        undone: Undone = await following.run(undo, made)
        assert (undone.outcome, world.state("front")) == ("restored", "open")

    async def test_a_guard_that_came_later_does_not_keep_what_we_took(self, home, world) -> None:
        step = shut(home)
        await apply(home, order(step))
        home.protect("arn:toy:door:::front")
        undone: Undone = await call(home, "toy.shut.undo", order(step))
        assert undone.outcome == "restored"


class TestWatch:
    async def watch(self, home: House, *steps: PlannedStep) -> Watched:
        watching = Watching(home.hands)
        seen: Watched = await ActivityEnvironment().run(watching.watch, [order(step) for step in steps])
        return seen

    async def test_what_is_open_again_is_told_and_what_is_shut_is_not(self, home, world) -> None:
        world.door("back")
        front, back = shut(home), shut(home, "back").model_copy(update={"id": "shut_back"})
        await apply(home, order(front))
        seen = await self.watch(home, front, back)
        assert (seen.reverted, seen.unknown) == ({"shut_back": "it is open again: it is open"}, {})

    async def test_what_cannot_be_read_is_unknown_and_never_taken_for_contained(self, home, world) -> None:
        world.door("back", "shut by us")
        world.fault("verify", "front", "rejected")
        front = shut(home)
        back = planned("shut_back", params={"door": "back"})
        seen = await self.watch(home, front, back)
        assert (seen.reverted, seen.unknown) == ({}, {"shut_it": "the door front says no"})

    async def test_a_vendor_that_is_down_is_asked_again_as_a_whole(self, home, world) -> None:
        step = shut(home)
        world.fault("verify", "front", "unavailable")
        with pytest.raises(ApplicationError) as again:
            await self.watch(home, step)
        assert not again.value.non_retryable
