"""The response, end to end over a toy world, in Temporal's strict sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
import pytest_asyncio
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Vote
from firedoor.domain.finding.finding import Actor, Resource, Severity
from firedoor.domain.guard.protected import Protected, Protection
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.contract import JOIN, VOTE_SIGNAL
from firedoor.domain.response.messages import Report, VoteReceipt
from tests.harness import NOW, PEOPLE, Response, begin, finding, house, playbook, settings_over, signed
from tests.toy_world import ToyWorld

pytestmark = pytest.mark.integration

DOOR = "${{ finding.resources[0].name }}"
SHUT = f"""
steps:
  - id: shut_it
    action: toy.shut
    params: {{door: "{DOOR}"}}
"""
SHUT_AND_WELD = (
    SHUT
    + f"""
  - id: weld_it
    action: toy.weld
    params: {{door: "{DOOR}"}}
"""
)
WELD = f"""
steps:
  - id: weld_it
    action: toy.weld
    params: {{door: "{DOOR}"}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkflowEnvironment]:
    guarded = Protected(protected=(Protection(target="arn:toy:door:::exit", why="the fire exit"),))
    async with house(temporal.client, settings_over(tmp_path_factory.mktemp("house"), protected=guarded)):
        yield temporal


async def accepted_updates(response: Response) -> int:
    """Count what a history keeps of updates; one that is refused leaves nothing."""
    history = await response.handle.fetch_history()
    return sum(
        event.HasField("workflow_execution_update_accepted_event_attributes") for event in history.events
    )


def kinds(report: Report) -> list[str]:
    return [entry.kind for entry in report.entries]


def planned(report: Report) -> tuple[PlannedStep, ...]:
    assert report.plan is not None
    return report.plan.steps


def asked_of(report: Report) -> tuple[str, ...]:
    assert report.ask is not None
    return report.ask.groups()


def the_ask(report: Report) -> Approval:
    assert report.ask is not None
    return report.ask


class TestByItself:
    async def test_a_reversible_step_that_needs_nobody_runs_at_once(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        report = await response.until("contained")
        assert world.state("front") == f"shut {response.incident.artefact}"
        assert world.effects() == ["shut front"]
        assert kinds(report) == ["received", "planned", "begun", "applied", "verified"]

    async def test_after_the_hold_the_response_closes_and_leaves_the_containment(
        self, running, world
    ) -> None:
        response = await begin(running.client, playbook(SHUT + "hold: 1h\n"))
        await response.until("contained")
        await running.fast_forward(response.handle, timedelta(hours=2))
        assert (await response.result()).status == "closed"
        assert world.effects() == ["shut front"]

    async def test_a_door_that_is_shut_already_is_left_alone_and_the_finding_dismissed(
        self, running, world
    ) -> None:
        world.door("front", "shut by somebody")
        response = await begin(running.client, playbook(SHUT))
        report = await response.result()
        assert report.status == "dismissed"
        assert "is shut" in planned(report)[0].says
        assert world.effects() == []

    async def test_a_finding_about_what_does_not_exist_is_dismissed_with_the_reason(
        self, running, world
    ) -> None:
        gone = finding(resources=(Resource(kind="Toy::Door", uid="arn:toy:door:::gone", name="gone"),))
        report = await (await begin(running.client, playbook(SHUT), gone)).result()
        assert report.status == "dismissed"
        assert planned(report)[0].says == "there is no door gone"

    async def test_shadow_plans_and_changes_nothing(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        report = await (await begin(running.client, playbook("mode: shadow\n" + SHUT))).result()
        assert planned(report)[0].outcome == "change"
        assert world.effects() == []

    async def test_what_is_not_seen_yet_is_verified_until_it_settles(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.fault("verify", "front", "not_yet", 3)
        response = await begin(running.client, playbook(SHUT))
        report = await response.until("contained")
        assert kinds(report)[-2:] == ["applied", "verified"]

    async def test_what_never_settles_is_unverified_and_said_so(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.fault("verify", "front", "not_yet", 10_000)
        response = await begin(running.client, playbook(SHUT))
        report = await response.until_seen("unverified")
        assert (await response.until("unverified")).status == "unverified"
        assert "still swinging" in report.entries[-1].says

    async def test_a_vendor_that_is_down_is_asked_again_until_it_answers(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.fault("apply", "front", "unavailable", 3)
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        assert world.effects() == ["shut front"]

    async def test_a_try_that_touched_nothing_leaves_the_next_one_as_careful_as_the_first(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        text = WELD + "    approval: {quorum: 1, within: 30m}\n"
        response = await begin(running.client, playbook(text))
        await response.until_asking()
        world.fault("plan", "front", "unavailable", 2)
        (world.folder / "front.note").write_text("a child stands in it")
        await response.vote("alice")
        again = await response.until_asking(generation=2)
        assert "a child stands in it" in again.asked_steps[0].says
        assert world.effects() == []

    async def test_a_lost_reply_is_one_effect(self, running: WorkflowEnvironment, world: ToyWorld) -> None:
        world.fault("reply", "front", "lost", 1)
        response = await begin(running.client, playbook(SHUT))
        report = await response.until("contained")
        assert world.effects() == ["shut front"]
        assert report.owed == ("shut_it",)


class TestFailure:
    async def test_a_failed_step_gives_back_the_whole_response(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        world.fault("apply", "back", "rejected", 100)
        text = SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
        report = await (await begin(running.client, playbook(text))).result()
        assert report.status == "undone"
        assert world.state("front") == "open"
        assert world.effects() == ["shut front", "open front"]

    async def test_on_failure_continue_keeps_what_was_contained_and_names_what_was_not(
        self, running, world
    ) -> None:
        world.door("back")
        world.fault("apply", "back", "rejected", 100)
        text = "on_failure: continue\nsteps:\n  - together:\n"
        text += "      - {id: a, action: toy.shut, params: {door: back}}\n"
        text += "      - {id: b, action: toy.shut, params: {door: front}}\n"
        response = await begin(running.client, playbook(text))
        report = await response.until("failed")
        assert world.effects() == ["shut front"]
        assert [entry.step for entry in report.entries if entry.kind == "failed"] == ["a"]

    async def test_on_failure_stop_begins_nothing_more(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        world.fault("apply", "front", "rejected", 100)
        text = "on_failure: stop\n" + SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
        response = await begin(running.client, playbook(text))
        report = await response.result()
        assert report.status == "failed"
        assert world.effects() == []

    async def test_what_cannot_be_given_back_ends_stuck(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        world.fault("apply", "back", "rejected", 100)
        world.fault("undo", "front", "rejected", 100)
        text = SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
        report = await (await begin(running.client, playbook(text))).result()
        assert report.status == "stuck"
        assert [entry.step for entry in report.entries if entry.kind == "stuck"] == ["shut_it"]

    async def test_a_protected_target_is_refused_whoever_asks(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("exit")
        about = finding(resources=(Resource(kind="Toy::Door", uid="arn:toy:door:::exit", name="exit"),))
        report = await (await begin(running.client, playbook(SHUT), about)).result()
        assert report.status == "dismissed"
        assert "the fire exit" in planned(report)[0].says
        assert world.effects() == []

    async def test_an_account_that_is_not_ours_is_refused(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        report = await (await begin(running.client, playbook(SHUT), finding(account="999999999999"))).result()
        assert report.status == "dismissed"
        assert "not one of ours" in planned(report)[0].says


class TestOrder:
    async def test_for_each_covers_every_target_once_and_in_parallel(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        names = [f"d{number}" for number in range(5)]
        for name in names:
            world.door(name)
        many = finding(resources=tuple(Resource(kind="D", uid=f"arn:toy:door:::{n}", name=n) for n in names))
        text = "steps:\n  - id: shut_all\n    for_each: finding.resources\n    as: door\n    max_targets: 5\n"
        text += '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
        response = await begin(running.client, playbook(text), many)
        await response.until("contained")
        assert sorted(world.effects()) == sorted(f"shut {name}" for name in names)

    async def test_more_targets_than_expected_are_asked_and_never_shortened(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        many = finding(
            resources=tuple(Resource(kind="D", uid=f"u{n}", name=world.door(f"d{n}")) for n in range(3))
        )
        text = "steps:\n  - id: shut_all\n    for_each: finding.resources\n    as: door\n    max_targets: 2\n"
        text += '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
        response = await begin(running.client, playbook(text), many)
        report = await response.until_asking()
        assert len(report.asked_steps) == 3
        assert world.effects() == []

    async def test_a_step_sees_the_plans_of_earlier_steps(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        text = (
            SHUT
            + "  - id: also\n    action: toy.shut\n    params: {door: back}\n"
            + '    when: steps.shut_it.outcome == "change"\n'
        )
        response = await begin(running.client, playbook(text))
        await response.until("contained")
        assert world.effects() == ["shut front", "shut back"]


class TestPeople:
    async def test_what_cannot_be_undone_is_always_asked(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT_AND_WELD))
        report = await response.until_asking()
        await response.until_seen("verified")
        assert world.effects() == ["shut front"]
        assert asked_of(report) == ("responders",)
        await response.vote("alice")
        await response.until("contained")
        assert world.effects() == ["shut front", "weld front"]

    async def test_no_leaves_the_rest_undone_with_its_reason(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT_AND_WELD))
        await response.until_asking()
        await response.vote("alice", "reject", comment="the locksmith is on her way")
        report = await response.until("contained")
        assert world.effects() == ["shut front"]
        vote = next(entry for entry in report.entries if entry.kind == "voted")
        assert cast("dict[str, Any]", vote.data["vote"])["comment"] == "the locksmith is on her way"

    @pytest.mark.parametrize(
        ("person", "changes", "reason"),
        [
            ("dave", {}, "you are not in responders"),
            ("alice", {"fingerprint": "0000-0000-0000"}, "the plan has changed"),
            ("alice", {"generation": 7}, "out of date"),
            ("alice", {"decision": "reject", "reason": None}, "a no needs its reason"),
        ],
    )
    async def test_a_vote_that_does_not_count_is_refused_with_its_reason(
        self, running: WorkflowEnvironment, world: ToyWorld, person: str, changes: dict[str, Any], reason: str
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        await response.until_asking()
        before = await accepted_updates(response)
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await response.vote(person, **changes)
        assert reason in str(refused.value.cause)
        assert await accepted_updates(response) == before
        assert world.effects() == []

    async def test_a_quorum_counts_people_not_clicks(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        text = WELD + "    approval: {quorum: 2, within: 30m}\n"
        response = await begin(running.client, playbook(text))
        await response.until_asking()
        await response.vote("alice")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await response.vote("alice")
        assert "one vote" in str(refused.value.cause)
        assert world.effects() == []
        await response.vote("bob")
        await response.until("contained")
        assert world.effects() == ["weld front"]

    async def test_a_vote_left_as_a_signal_counts_once_and_by_the_same_rules(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        report = await response.until_asking()
        asked = the_ask(report)

        def vote(person: str) -> Vote:
            unsigned = Vote(
                id=f"{person}-1",
                decision="approve",
                voter=PEOPLE.voter(person),
                door="cli",
                fingerprint=asked.fingerprint,
                ask=asked.id,
                generation=asked.generation,
                at=asked.asked_at,
            )
            return signed(unsigned, response.handle.id)

        await response.handle.signal(VOTE_SIGNAL, vote("dave"))
        await response.handle.signal(VOTE_SIGNAL, vote("alice"))
        await response.handle.signal(VOTE_SIGNAL, vote("alice"))
        report = await response.until("contained")
        assert [entry.says for entry in report.entries if entry.kind == "voted"] == ["alice said approve"]
        assert world.effects() == ["weld front"]

    async def test_the_same_vote_delivered_twice_is_one(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        text = WELD + "    approval: {quorum: 2, within: 30m}\n"
        response = await begin(running.client, playbook(text))
        await response.until_asking()
        first = await response.vote("alice", id="click-1")
        again = await response.vote("alice", id="click-1")
        assert first == again
        assert isinstance(first, VoteReceipt)
        assert first.missing == 1

    async def test_whom_the_finding_is_about_cannot_decide(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        about = finding(actor=Actor(user_name="mallory", email="alice@example.com"))
        response = await begin(running.client, playbook(WELD), about)
        await response.until_asking()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await response.vote("alice")
        assert "about you" in str(refused.value.cause)

    async def test_silence_escalates_to_the_second_group_and_then_means_no(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        await response.until_asking()
        with pytest.raises(WorkflowUpdateFailedError):
            await response.vote("carol")
        await running.fast_forward(response.handle, timedelta(minutes=31))
        report = await response.until_asking(generation=2)
        assert asked_of(report) == ("responders", "leads")
        await running.fast_forward(response.handle, timedelta(minutes=31))
        assert (await response.result()).status == "dismissed"
        assert world.effects() == []

    async def test_the_second_group_may_say_yes_after_escalation(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        await response.until_asking()
        await running.fast_forward(response.handle, timedelta(minutes=31))
        await response.until_asking(generation=2)
        await response.vote("carol")
        await response.until("contained")
        assert world.effects() == ["weld front"]

    async def test_drift_voids_the_votes_and_asks_again(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        text = WELD + "    approval: {quorum: 1, within: 30m}\n"
        response = await begin(running.client, playbook(text))
        asked = await response.until_asking()
        (world.folder / "front.note").write_text("a child stands in it")
        await response.vote("alice")
        again = await response.until_asking(generation=2)
        assert the_ask(again).fingerprint != the_ask(asked).fingerprint
        assert the_ask(again).votes == ()
        assert "a child stands in it" in again.asked_steps[0].says
        assert world.effects() == []
        await response.vote("bob")
        await response.until("contained")
        assert world.effects() == ["weld front"]

    async def test_mode_ask_asks_for_everything_in_one_card(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        text = "mode: ask\n" + SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
        response = await begin(running.client, playbook(text))
        report = await response.until_asking()
        assert [step.id for step in report.asked_steps] == ["shut_it", "shut_back"]
        await response.vote("alice")
        await response.until("contained")
        assert world.effects() == ["shut front", "shut back"]

    async def test_after_a_person_took_it_back_nothing_is_automatic(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT), caution="a person undid this")
        await response.until_asking()
        assert world.effects() == []

    async def test_a_fact_that_joins_while_people_think_is_contained_at_once(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        text = "steps:\n  - id: shut_all\n    for_each: finding.resources\n    as: door\n    max_targets: 5\n"
        text += '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
        text += f'  - id: weld_it\n    action: toy.weld\n    params: {{door: "{DOOR}"}}\n'
        response = await begin(running.client, playbook(text))
        asked = await response.until_asking()
        await response.until_seen("verified")
        more = finding(
            uid="f-2",
            modified=NOW + timedelta(minutes=1),
            resources=(Resource(kind="Toy::Door", uid="arn:toy:door:::back", name="back"),),
        )
        await response.handle.execute_update(JOIN, more)
        report = await response.until_seen("verified", times=2)
        assert world.effects() == ["shut front", "shut back"]
        assert report.ask == asked.ask  # the votes asked for stay good: what was asked has not changed
        await response.vote("alice")
        await response.until("contained")
        assert world.effects() == ["shut front", "shut back", "weld front"]

    async def test_what_people_said_no_to_is_not_asked_again_when_a_fact_joins(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT_AND_WELD))
        await response.until_asking()
        await response.vote("alice", "reject")
        await response.until("contained")
        more = finding(uid="f-2", severity=Severity.CRITICAL, modified=NOW + timedelta(minutes=1))
        await response.handle.execute_update(JOIN, more)
        report = await response.until_seen("planned", times=2)
        report = await response.until("contained")
        assert sum(entry.kind == "asked" for entry in report.entries) == 1


class TestUndo:
    async def test_undo_needs_somebody_else_and_gives_back_newest_first(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back", "ajar")
        text = SHUT + "  - {id: shut_back, action: toy.shut, params: {door: back}}\n"
        response = await begin(running.client, playbook(text))
        await response.until("contained")
        await response.ask_undo("alice")
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await response.vote("alice")
        assert "somebody else" in str(refused.value.cause)
        await response.vote("bob")
        report = await response.result()
        assert report.status == "undone"
        assert (world.state("front"), world.state("back")) == ("open", "ajar")
        assert world.effects() == ["shut front", "shut back", "open back", "open front"]

    async def test_undo_leaves_alone_what_somebody_changed_since(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        world.door("front", "bricked up")
        await response.ask_undo("alice")
        await response.vote("bob")
        report = await response.result()
        assert report.status == "stuck"
        assert world.state("front") == "bricked up"
        assert "bricked up" in next(entry.says for entry in report.entries if entry.kind == "drifted")

    async def test_an_undo_takes_back_only_what_was_approved_and_asks_anew_when_more_was_done_since(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT_AND_WELD))
        asked = the_ask(await response.until_asking())
        await response.until_seen("verified")
        await response.ask_undo("alice")
        first = the_ask(await response.until_asking("undo"))
        # The weld is approved meanwhile, and done.
        await response.vote("alice", fingerprint=asked.fingerprint, ask=asked.id, generation=asked.generation)
        await response.until_seen("verified", times=2)
        await response.vote("bob", fingerprint=first.fingerprint)
        again = the_ask(await response.until_asking("undo", generation=2))
        assert again.fingerprint != first.fingerprint
        assert world.effects() == ["shut front", "weld front"]

    async def test_a_refused_undo_keeps_the_containment(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        await response.ask_undo("alice")
        await response.vote("bob", "reject")
        report = await response.until("contained")
        assert report.owed == ("shut_it",)
        assert world.effects() == ["shut front"]

    async def test_there_is_nothing_to_undo_before_anything_was_done(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(WELD))
        await response.until_asking()
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await response.ask_undo("alice")
        assert "nothing to take back" in str(refused.value.cause)


class TestHold:
    async def test_somebody_who_opens_it_again_is_noticed_and_said_loudly(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        world.door("front", "open")
        await running.fast_forward(response.handle, timedelta(seconds=6))
        report = await response.until("reverted")
        assert report.entries[-1].kind == "reverted"
        assert world.effects() == ["shut front"]

    async def test_what_is_shut_again_by_itself_is_contained_again(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        world.door("front", "open")
        await running.fast_forward(response.handle, timedelta(seconds=6))
        await response.until("reverted")
        world.door("front", f"shut {response.incident.artefact}")
        await running.fast_forward(response.handle, timedelta(seconds=60))
        await response.until("contained")

    async def test_a_containment_with_a_ttl_is_lifted_only_when_people_say_so(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook("hold: 1h\nttl: 2h\n" + SHUT))
        await response.until("contained")
        await running.fast_forward(response.handle, timedelta(hours=2, seconds=5))
        await response.until_asking("undo")
        await response.vote("alice", "reject")
        await response.until("contained")
        assert world.effects() == ["shut front"]
        await running.fast_forward(response.handle, timedelta(hours=2))
        await response.until_asking("undo")
        await response.vote("bob")
        assert (await response.result()).status == "undone"
        assert world.effects() == ["shut front", "open front"]


class TestJoining:
    async def test_a_finding_that_brings_nothing_leaves_no_trace_in_history(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        response = await begin(running.client, playbook(SHUT))
        await response.until("contained")
        before = await accepted_updates(response)
        for _ in range(20):
            with pytest.raises(WorkflowUpdateFailedError):
                await response.handle.execute_update(JOIN, finding())
        assert await accepted_updates(response) == before

    async def test_a_finding_that_brings_a_new_target_is_contained_as_well(
        self, running: WorkflowEnvironment, world: ToyWorld
    ) -> None:
        world.door("back")
        text = "steps:\n  - id: shut_all\n    for_each: finding.resources\n    as: door\n    max_targets: 5\n"
        text += '    action: toy.shut\n    params: {door: "${{ door.name }}"}\n'
        response = await begin(running.client, playbook(text))
        await response.until("contained")
        more = finding(
            uid="f-2",
            severity=Severity.CRITICAL,
            modified=NOW + timedelta(minutes=1),
            resources=(Resource(kind="Toy::Door", uid="arn:toy:door:::back", name="back"),),
        )
        await response.handle.execute_update(JOIN, more)
        report = await response.until_seen("verified", times=2)
        assert world.effects() == ["shut front", "shut back"]
        assert report.findings_seen == 2
