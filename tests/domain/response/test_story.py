"""Story: in whatever order things happen, every touch of the world is settled or owed; a no is remembered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import to_json

from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from firedoor.domain.approval.vote import Vote
from firedoor.domain.evidence.rules import violations
from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity
from firedoor.domain.plan.plan import PlannedStep, stretches
from firedoor.domain.response.ledger import owed
from firedoor.domain.response.memory import Slot
from firedoor.domain.response.messages import Incident, UndoRequest, last_ask
from firedoor.domain.response.questions import NOTHING_ASKED
from firedoor.domain.response.story import Story, rules_of
from firedoor.domain.response.timeouts import REST, WATCHES
from tests.harness import NOW, PEOPLE, finding, incident_for, playbook
from tests.plans import RESPONDERS, plan_of, planned

TEXT = (
    'steps:\n  - id: shut_it\n    action: toy.shut\n    params: {door: "${{ finding.resources[0].name }}"}\n'
)
INCIDENT = incident_for(playbook(TEXT), finding())
IDS = ("a", "b", "c", "d.000000000000")


def story(incident: Incident = INCIDENT) -> Story:
    told = Story("respond/close_doors/1", incident, NOW)
    told.receive(NOW)
    return told


def vote(person: str, asked: str, decision: str = "approve") -> Vote:
    return Vote(
        id=f"{person}-{asked}",
        decision=decision,
        voter=PEOPLE.voter(person),
        door="cli",
        fingerprint=asked,
        reason="bad_time" if decision == "reject" else None,
        at=NOW,
    )


def resumed(told: Story) -> Story:
    """Carry a story over as Temporal does: through JSON, into the next run."""
    incident = told.incident.model_copy(update={"carried": told.carry()})
    return Story(told.response, TypeAdapter(Incident).validate_json(to_json(incident)), NOW)


# ---- random stories ------------------------------------------------------------------

steps = st.builds(
    lambda id_, outcome, asked, on_failure, says: planned(
        id_,
        outcome=outcome,
        approval=RESPONDERS if asked else None,
        on_failure=on_failure,
        says=says,
        before={} if outcome == "change" else None,
    ),
    st.sampled_from(IDS),
    st.sampled_from(["change", "change", "change", "already", "refuse", "unplanned"]),
    st.booleans(),
    st.sampled_from(["undo", "continue", "stop"]),
    st.sampled_from(["shut it", "shut it anyway"]),
)
plans = st.lists(steps, max_size=4, unique_by=lambda step: step.id).map(lambda made: plan_of(*made))
findings = st.builds(
    lambda uid, severity, name: finding(uid=uid, severity=severity, actor=Actor(user_name=name)),
    st.sampled_from(["f-1", "f-2", "f-3"]),
    st.sampled_from([Severity.HIGH, Severity.FATAL]),
    st.sampled_from(["mallory", "trent"]),
)
events = st.one_of(
    st.tuples(st.just("plan"), plans),
    st.tuples(st.just("join"), findings),
    st.tuples(
        st.just("apply"),
        st.sampled_from(["applied", "verified", "unverified", "failed", "settled", "drifted"]),
    ),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(
        st.just("vote"),
        st.tuples(st.sampled_from(["alice", "bob", "carol"]), st.sampled_from(["approve", "reject"])),
    ),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("decide"), st.none()),
    st.tuples(st.just("ask_undo"), st.sampled_from(["alice", "bob"])),
    st.tuples(st.just("look"), st.sampled_from(["shut", "open", "unknown"])),
    st.tuples(st.just("give_back"), st.sampled_from(["restored", "nothing", "drifted", "failed"])),
)


class Teller:
    """Does to a story what the workflow does, one event at a time, in any order."""

    def __init__(self) -> None:
        self.story = story()
        self.now = NOW
        self.refused: set[str] = set()

    def tell(self, event: str, given_: Any) -> None:
        getattr(self, f"_{event}")(given_)

    def _plan(self, plan: Any) -> None:
        if not self.story.give_back:
            self.story.take_plan(self.now, plan)

    def _join(self, one: Finding) -> None:
        versions = len(self.story.versions)
        if not self.story.knows(one):
            self.story.join(one, self.now)
            assert len(self.story.versions) == versions + 1
        assert self.story.knows(one)

    def _apply(self, outcome: Any) -> None:
        todo = self.story.todo()
        if not todo or self.story.stopped():
            return
        step = todo[0]
        assert step.effect not in self.refused
        self.story.note(self.now, "begun", step.says, step=step.id)
        if outcome == "drifted":
            self.story.note(self.now, "settled", "not as planned", step=step.id)
            self.story.note(self.now, "drifted", "not as planned", step=step.id)
            self.story.replace(step.model_copy(update={"says": step.says + "!"}))
            return
        if outcome in ("verified", "unverified"):
            self.story.note(self.now, "applied", "done", step=step.id)
        self.story.note(self.now, outcome, "so it was", step=step.id)
        if outcome == "failed":
            self.story.step_failed(step)

    def _ask(self, _: None) -> None:
        stretch = next(iter(stretches(self.story.todo())), ())
        if stretch and not self.story.stopped() and not self.story.is_asking(stretch):
            assert not {step.effect for step in stretch} & self.refused
            self.story.open_ask(self.now, "apply", stretch, rules_of(stretch))
            assert self.story.is_asking(stretch)

    def _vote(self, cast: tuple[str, str]) -> None:
        person, decision = cast
        slot: Slot = "undo" if "undo" in self.story.asks else "apply"
        if slot in self.story.asks:
            one = vote(person, self.story.asks[slot].fingerprint, decision)
            if self.story.objection(one, self.now) is None:
                self.story.count(one, self.now)
                assert self.story.objection(one, self.now) is not None

    def _wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        for slot in list(self.story.asks):
            self.story.escalate(self.now, slot)

    def _decide(self, _: None) -> None:
        for slot in list(self.story.asks):
            if not self.story.answered(slot, self.now):
                continue
            granted = self.story.decide(self.now, slot)
            if slot == "undo":
                if granted:
                    self.story.give_back = "a person asked for it"
                del self.story.asks[slot]
            elif not granted and not self.story.give_back:
                todo = self.story.todo()
                self.refused |= {step.effect for step in todo}
                self.story.refuse(todo)

    def _ask_undo(self, person: str) -> None:
        if self.story.undo_objection() is None:
            request = UndoRequest(id="u", person=person, door="cli", at=self.now)
            self.story.ask_undo(request, self.now)
            assert self.story.objection(vote(person, self.story.asks["undo"].fingerprint), self.now)

    def _look(self, seen: str) -> None:
        held = self.story.held()
        before = self.story.version
        told = {step.id: seen for step in held}
        for _ in range(2):
            self.story.looked(
                self.now, held, told if seen == "open" else {}, told if seen == "unknown" else {}
            )
        # A second look that sees the same has nothing to tell.
        assert self.story.version <= before + len(held)
        if seen == "unknown":
            assert self.story.version == before

    def _give_back(self, outcome: str) -> None:
        """Take everything back, newest first."""
        self.story.give_back = self.story.give_back or "a person asked for it"
        self.story.withdraw(self.now)
        assert not self.story.asks.get("apply") or self.story.answered("apply", self.now)
        for step in self.story.owed():
            self.story.note(self.now, "undoing", "take it back", step=step.id)
            if outcome in ("restored", "nothing"):
                self.story.note(self.now, "undone", outcome, step=step.id)
            else:
                if outcome == "drifted":
                    self.story.note(self.now, "drifted", outcome, step=step.id)
                self.story.note(self.now, "stuck", outcome, step=step.id)
        left = {step.id for step in self.story.owed()}
        stuck = {entry.step for entry in self.story.entries if entry.kind == "stuck"}
        assert left <= stuck


def check(told: Story, now: datetime, refused: set[str]) -> None:
    """Check what holds at any moment of any story."""
    begun = {entry.step for entry in told.entries if entry.kind == "begun"}
    owing = {step.id for step in told.owed()}
    for step in begun:
        last = max(n for n, entry in enumerate(told.entries) if (entry.step, entry.kind) == (step, "begun"))
        paid = any(
            entry.step == step and entry.kind in ("settled", "undone") for entry in told.entries[last:]
        )
        assert (step in owing) != paid
    assert {step.id for step in told.held()} <= owing
    todo = told.todo()
    assert not {step.id for step in todo} & told.begun()
    assert not {step.effect for step in todo} & refused
    assert all(step.outcome == "change" for step in todo)
    report = told.report(now)
    assert report.owed == owed(told.entries)
    assert len({step.id for step in told.steps()}) == len(told.steps())


@settings(max_examples=250)
@given(st.lists(events, max_size=30))
def test_any_story_settles_or_owes_what_it_began_and_asks_nothing_twice(told: list[tuple[str, Any]]) -> None:
    teller = Teller()
    turned: int | None = None
    for event, given_ in told:
        teller.tell(event, given_)
        check(teller.story, teller.now, teller.refused)
        if teller.story.give_back and turned is None:
            turned = len(teller.story.entries)
            assert teller.story.stopped()
    if turned is not None:
        assert "begun" not in [entry.kind for entry in teller.story.entries[turned:]]
        assert "asked" not in [entry.kind for entry in teller.story.entries[turned:]]


@settings(max_examples=250)
@given(st.lists(events, max_size=20))
def test_a_story_carried_through_json_into_the_next_run_tells_the_same(told: list[tuple[str, Any]]) -> None:
    teller = Teller()
    for event, given_ in told:
        teller.tell(event, given_)
    teller.tell("wait", 10_000)
    teller.tell("wait", 10_000)
    if teller.story.give_back or "undo" in teller.story.asks:
        return  # never continued as new with an ask open, or while giving back
    again = resumed(teller.story)
    assert again.report(teller.now) == teller.story.report(teller.now)
    assert again.todo() == teller.story.todo()
    assert again.begun() == teller.story.begun()
    assert again.stopped() == teller.story.stopped()
    assert again.resting_status() == teller.story.resting_status()
    assert again.final_status() == teller.story.final_status()
    assert again.next_look() == teller.story.next_look()
    assert all(again.knows(one) for one in teller.story.findings)


# ---- single facts --------------------------------------------------------------------


def contained(*made: PlannedStep) -> Story:
    """Tell of steps that were planned, begun, applied and verified."""
    told = story()
    told.take_plan(NOW, plan_of(*made))
    for step in made:
        for kind in ("begun", "applied", "verified"):
            told.note(NOW, kind, "so it was", step=step.id)
    return told


def test_a_failure_is_not_forgotten_by_the_next_run() -> None:
    told = contained(planned("a"), planned("b", on_failure="continue"))
    told.note(NOW, "failed", "it says no", step="b")
    told.step_failed(planned("b", on_failure="continue"))
    assert (told.resting_status(), told.final_status()) == ("failed", "failed")
    assert (resumed(told).resting_status(), resumed(told).final_status()) == ("failed", "failed")


def test_who_said_yes_is_still_told_by_the_next_run() -> None:
    told = story()
    step = planned("a", approval=RESPONDERS)
    told.take_plan(NOW, plan_of(step))
    opened = told.open_ask(NOW, "apply", (step,), rules_of((step,)))
    told.count(vote("alice", opened.fingerprint), NOW)
    told.confirm(NOW, "apply", {"alice": PEOPLE.voter("alice")})
    again = resumed(told).report(NOW)
    assert again.ask is not None
    assert [one.voter.person for one in again.ask.votes] == ["alice"]
    assert again.asked_steps == (step,)
    assert not again.asking


def test_what_is_begun_keeps_the_plan_it_was_begun_with() -> None:
    told = contained(planned("a"))
    told.take_plan(NOW, plan_of(planned("a", says="shut something else"), planned("b")))
    assert [step.says for step in told.steps()] == ["shut door a", "shut door b"]
    assert [step.id for step in told.todo()] == ["b"]


def test_what_is_owed_is_found_although_a_later_plan_lacks_it() -> None:
    told = contained(planned("a"))
    told.take_plan(NOW, plan_of())
    assert [step.id for step in told.owed()] == ["a"]


def test_shadow_does_nothing_whatever_is_planned() -> None:
    told = story(incident_for(playbook("mode: shadow\n" + TEXT), finding()))
    told.take_plan(NOW, plan_of(planned("a")))
    assert told.todo() == []


def test_a_refused_step_that_becomes_another_is_asked_again() -> None:
    told = story()
    told.take_plan(NOW, plan_of(planned("a", approval=RESPONDERS)))
    told.refuse(told.todo())
    assert told.todo() == []
    told.take_plan(NOW, plan_of(planned("a", approval=RESPONDERS)))
    assert told.todo() == []
    told.take_plan(NOW, plan_of(planned("a", approval=RESPONDERS, says="shut it with a child in it")))
    assert [step.id for step in told.todo()] == ["a"]


@pytest.mark.parametrize(("on_failure", "stopped"), [("undo", True), ("stop", True), ("continue", False)])
def test_what_a_failure_means_for_the_rest_the_step_says(*, on_failure: Any, stopped: bool) -> None:
    told = story()
    step = planned("a", on_failure=on_failure)
    told.take_plan(NOW, plan_of(step, planned("b")))
    told.note(NOW, "begun", "shut", step="a")
    told.note(NOW, "failed", "it says no", step="a")
    told.step_failed(step)
    assert told.stopped() is stopped
    assert bool(told.give_back) is (on_failure == "undo")
    assert [each.id for each in told.owed()] == ["a"]


def test_a_step_that_could_not_be_planned_is_a_failure_that_is_told() -> None:
    told = story()
    told.take_plan(NOW, plan_of(planned("a", outcome="unplanned", says="could not be planned: no answer")))
    assert told.failed
    assert (told.entries[-1].kind, told.entries[-1].says) == ("failed", "could not be planned: no answer")


def test_a_vote_finds_its_ask_by_the_fingerprint() -> None:
    told = contained(planned("a"))
    step = planned("b", approval=RESPONDERS)
    told.take_plan(NOW, plan_of(step))
    assert told.objection(vote("alice", "0000-0000-0000"), NOW) == NOTHING_ASKED
    told.open_ask(NOW, "apply", (step,), rules_of((step,)))
    told.ask_undo(UndoRequest(id="u", person="alice", door="cli", at=NOW), NOW)
    apply_, undo = told.asks["apply"], told.asks["undo"]
    assert apply_.fingerprint != undo.fingerprint
    assert told.slot_of(vote("bob", apply_.fingerprint)) == "apply"
    assert told.slot_of(vote("bob", undo.plan_sha256)) == "undo"
    assert told.slot_of(vote("bob", "0000-0000-0000")) == "undo"
    assert told.objection(vote("alice", apply_.fingerprint), NOW) is None
    assert "somebody else" in (told.objection(vote("alice", undo.fingerprint), NOW) or "")


def test_undo_is_asked_for_once_and_only_where_something_is_owed() -> None:
    told = contained()
    assert told.undo_objection() == "there is nothing to take back here"
    told = contained(planned("a"))
    assert told.undo_objection() is None
    told.ask_undo(UndoRequest(id="u", person="alice", door="cli", at=NOW), NOW)
    assert "is asked for already" in (told.undo_objection() or "")
    told = contained(planned("a"))
    told.give_back = "cancelled"
    assert told.undo_objection() == "everything is being taken back already"


def test_the_subjects_of_joined_findings_cannot_vote_either() -> None:
    told = story()
    told.join(finding(uid="f-2", actor=Actor(email="ALICE@Example.com")), NOW)
    step = planned("a", approval=RESPONDERS)
    told.take_plan(NOW, plan_of(step))
    opened = told.open_ask(NOW, "apply", (step,), rules_of((step,)))
    assert "about you" in (told.objection(vote("alice", opened.fingerprint), NOW) or "")
    assert told.objection(vote("bob", opened.fingerprint), NOW) is None


def test_a_version_of_a_finding_that_is_here_already_brings_nothing() -> None:
    told = story()
    assert told.knows(finding())
    assert told.knows(finding(uid="f-2", title="other words for the same"))
    news = finding(uid="f-2", resources=(Resource(kind="Toy::Door", uid="arn:toy:door:::back"),))
    assert not told.knows(news)
    told.join(news, NOW)
    assert told.knows(news)
    assert told.fresh


def test_looks_come_closer_together_at_first_and_then_rest() -> None:
    told = story()
    looks = []
    for _ in range(7):
        looks.append(told.next_look())
        told.looks += 1
    assert looks[:4] == [NOW + watch for watch in WATCHES]
    assert looks[4:] == [NOW + WATCHES[-1] + REST * n for n in (1, 2, 3)]


def test_what_is_found_open_is_reverted_until_it_is_seen_shut() -> None:
    told = contained(planned("a"), planned("b"))
    assert told.resting_status() == "contained"
    told.looked(NOW, told.held(), {"a": "it is open again"}, {})
    assert told.resting_status() == "reverted"
    told.looked(NOW, told.held(), {}, {"a": "no answer"})
    assert told.resting_status() == "reverted"
    told.looked(NOW, told.held(), {}, {})
    assert told.resting_status() == "contained"


@pytest.mark.parametrize(
    ("kinds", "give_back", "ends"),
    [
        ((), "", "dismissed"),
        (("begun", "applied", "verified"), "", "closed"),
        (("begun", "settled"), "", "dismissed"),
        (("begun", "failed"), "", "failed"),
        (("begun", "applied", "undone"), "asked for", "undone"),
        (("begun", "applied", "stuck"), "asked for", "stuck"),
        (("begun", "failed", "undone"), "step a failed", "undone"),
        ((), "cancelled", "closed"),
    ],
)
def test_how_a_response_ends(kinds: tuple[Any, ...], give_back: str, ends: str) -> None:
    told = story()
    told.take_plan(NOW, plan_of(planned("a")))
    for kind in kinds:
        told.note(NOW, kind, "so it was", step="a")
    told.failed = "failed" in kinds
    told.give_back = give_back
    assert told.final_status() == ends


def test_a_vote_given_in_time_counts_however_late_it_is_heard() -> None:
    """What was left as a signal and is heard after the deadline counts as of when it was given."""
    from datetime import timedelta

    from firedoor.domain.approval.approval import ask
    from firedoor.domain.approval.policy import ApprovalRule
    from firedoor.domain.approval.vote import Vote, Voter

    rule = ApprovalRule(from_=("responders",), quorum=1, within=timedelta(minutes=30))
    opened = ask(number=1, kind="apply", plan_sha256="0" * 64, rules=(rule,), now=NOW)
    vote = Vote(
        id="v",
        decision="approve",
        voter=Voter(person="alice", groups=("responders",)),
        door="slack",
        fingerprint=opened.fingerprint,
        at=NOW + timedelta(minutes=29),
    )
    heard = NOW + timedelta(hours=2)
    assert opened.objection(vote, vote.at) is None
    counted, fallen = opened.with_vote(vote).confirm({"alice": vote.voter})
    assert (counted.state(heard), fallen) == ("granted", ())


def test_a_vote_given_in_time_and_heard_after_the_decision_opens_nothing_again() -> None:
    told = story()
    step = planned("a", approval=RESPONDERS)
    told.take_plan(NOW, plan_of(step))
    opened = told.open_ask(NOW, "apply", (step,), rules_of((step,)))
    late = vote("alice", opened.fingerprint)
    assert told.objection(late, NOW) is None
    assert not told.decide(opened.deadline, "apply")
    assert "already expired" in (told.objection(late, NOW) or "")


# ---- what a stranger found ------------------------------------------------------------


def asking(*steps: PlannedStep, glass: bool = False) -> Story:
    """A story that is at its ask."""
    told = story()
    review = ApprovalRule(from_=("leads",), within=timedelta(hours=4))
    plan = plan_of(*steps)
    if glass:
        plan = plan.model_copy(update={"break_glass": BreakGlass(people=("dave", "alice"), review=review)})
    told.take_plan(NOW, plan)
    reask(told)
    return told


def reask(told: Story) -> str:
    """Ask for what is next; returns the hash of its plan."""
    stretch = next(iter(stretches(told.todo())))
    if not told.is_asking(stretch):
        told.open_ask(NOW, "apply", stretch, rules_of(stretch))
    return told.asks["apply"].plan_sha256


def change(name: str, **more: Any) -> PlannedStep:
    return planned(name, **{"approval": RESPONDERS, "outcome": "change", "before": {}, **more})


def test_whom_a_finding_that_joined_is_about_cannot_say_yes_although_the_plan_is_the_same() -> None:
    told = asking(change("a"))
    seen = told.asks["apply"].plan_sha256
    assert told.objection(vote("alice", seen), NOW) is None
    told.join(finding(uid="f-2", actor=Actor(email="alice@example.com")), NOW)
    assert told.plan is not None
    told.take_plan(NOW, told.plan)
    assert "the finding is about you" in (told.objection(vote("alice", reask(told)), NOW) or "")
    assert told.objection(vote("bob", reask(told)), NOW) is None
    assert violations(told.response, told.entries) == [], "evidence tells it as it was"


def broken(told: Story, who: str) -> str | None:
    """Break the glass of what is asked; returns why not."""
    asked = reask(told)
    word = vote(who, asked).model_copy(update={"break_glass": True, "comment": "it is burning right now"})
    against = told.objection(word, NOW)
    if against is None:
        told.count(word, NOW)
        told.confirm(NOW, "apply", {who: PEOPLE.voter(who)})
        assert told.decide(NOW, "apply")
        for step in told.asked_steps["apply"]:
            told.note(NOW, "begun", "x", step=step.id)
            told.note(NOW, "applied", "x", step=step.id)
    return against


def test_every_broken_glass_has_a_review_of_its_own_and_one_at_a_time() -> None:
    told = asking(change("a"), change("n", approval=None), change("b"), glass=True)
    assert broken(told, "dave") is None
    assert not told.review_over()
    assert "not reviewed yet" in (broken(told, "alice") or "")
    told.end_review(NOW)
    assert told.review_over()
    assert broken(told, "alice") is None
    assert not told.review_over(), "the first review is not the second one's"
    assert told.report(NOW).review_open()


def test_a_card_of_an_earlier_response_to_the_same_incident_is_no_card_of_this_one() -> None:
    first = asking(change("a"))
    old = first.asks["apply"]
    assert last_ask(first.entries) == 1
    again = story(INCIDENT.model_copy(update={"asks_before": last_ask(first.entries)}))
    again.take_plan(NOW, plan_of(change("a")))
    reask(again)
    stale = vote("alice", old.plan_sha256).model_copy(update={"ask": old.id, "generation": old.generation})
    assert again.asks["apply"].plan_sha256 == old.plan_sha256, "the same thing is asked again"
    assert again.objection(stale, NOW) is not None
    assert last_ask(again.entries) == 2
    assert violations(again.response, again.entries) == [], "evidence tells it as it was"
