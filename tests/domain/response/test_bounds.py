"""Whatever detectors send, a response still reports, takes a vote, undoes, seals, and fits what travels."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import to_json

from firedoor.domain.approval.vote import Vote
from firedoor.domain.evidence.pack import chain
from firedoor.domain.evidence.rules import violations
from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity, too_large
from firedoor.domain.plan.plan import PlannedStep
from firedoor.domain.response.bounds import (
    LONGEST_PAUSE,
    MOST_PLAN,
    PART_BYTES,
    Intake,
    pause_before_plan,
    weight,
)
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Incident, Part, PlanOrder, Report, UndoRequest, finding_hash
from firedoor.domain.response.story import Story, rules_of
from firedoor.domain.response.telling import short
from tests.harness import NOW, PEOPLE, finding, incident_for, playbook
from tests.plans import RESPONDERS, plan_of, planned

TEXT = (
    'incident: "${{ finding.actor.user_name }}"\nsteps: [{id: a, action: toy.shut, params: {door: front}}]\n'
)
INCIDENT = incident_for(playbook(TEXT), finding())
#: A payload of Temporal's is refused from 2 MB on.
PAYLOAD = 2 * 2**20
COUNT = 10_000
_PRINTABLE = "".join(map(chr, range(33, 127)))


class Worst:
    """A detector that sends as much as the door lets through, of text that cannot be made smaller."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._text = "".join(self.dice.choices(_PRINTABLE, k=4_000_000))

    def text(self, size: int) -> str:
        start = self.dice.randrange(len(self._text) - size)
        return self._text[start : start + size]

    def finding(self, number: int) -> Finding:
        size = self.dice.choice((200, 3_000, 30_000, 58_000))
        dice, attributes = self.dice, size // 2_000
        resource = Resource(
            kind="Toy::Door",
            uid=f"arn:toy:door:::{number}{self.text(100)}",
            name=f"d{number}",
            attributes={f"k{each}": self.text(1_900) for each in range(attributes)},
        )
        made = finding(
            uid=f"f-{number}",
            type=self.text(60),
            title=self.text(150),
            severity=dice.choice((Severity.LOW, Severity.HIGH, Severity.HIGH, Severity.CRITICAL)),
            modified=NOW + timedelta(seconds=number),
            resources=(resource,),
            actor=Actor(
                user_name=dice.choice(("mallory", self.text(60))), email=dice.choice((None, self.text(90)))
            ),
        )
        assert too_large(made) is None
        return made


_WORST = Worst(0)


class Lived:
    """A story that is told as the workflow tells it, with a store for the parts of its ledger."""

    def __init__(self) -> None:
        self.now = NOW
        self.story = Story("respond/close_doors/1", INCIDENT, NOW)
        self.story.receive(NOW)
        self.store: dict[str, tuple[Entry, ...]] = {}
        self.rounds = 0
        self.plan()

    def take(self, one: Finding) -> None:
        self.now += timedelta(seconds=0.05)
        if self.story.knows(one):
            return
        if self.story.has_room(one):
            self.story.join(one, self.now)
        else:
            self.story.spill([finding_hash(one)], self.now)
        if self.story.due(self.now):
            self.plan()

    def plan(self) -> None:
        story = self.story
        story.fresh = story.hurry = False
        self.rounds += 1
        order = PlanOrder.of(story.response, story.incident, story.findings)
        assert len(to_json(order)) < PAYLOAD
        assert order.opened().findings == tuple(story.findings)
        story.take_plan(self.now, plan_of(*self._steps()))
        for step in [step for step in story.todo() if step.approval is None]:
            for kind in ("begun", "applied", "verified"):
                story.note(self.now, kind, step.says, step=step.id)
        stretch = tuple(step for step in story.todo() if step.approval is not None)
        if stretch and not story.is_asking(stretch):
            story.open_ask(self.now, "apply", stretch, rules_of(stretch))

    def _steps(self) -> list[PlannedStep]:
        """One step for each resource there is, in the finding's own words; every round changes one."""
        resources = [each for one in self.story.findings for each in one.resources][:1000]
        found = [
            planned(f"a.{n}", says=f"shut {each.uid}"[:200], params={"door": each.uid}, target=each.uid)
            for n, each in enumerate(resources)
        ]
        weld = planned("weld", says=f"weld, for the {self.rounds}th time", approval=RESPONDERS)
        return [*found, weld]

    def hand_on(self) -> None:
        """Continue as new, through JSON, as Temporal does."""
        while entries := self.story.next_part():
            self.keep(entries)
        following = to_json(self.story.next_run())
        assert len(following) < PAYLOAD
        before = self.report()
        self.story = Story(self.story.response, TypeAdapter(Incident).validate_json(following), self.now)
        assert self.report() == before, "the next run tells the same"

    def keep(self, entries: tuple[Entry, ...]) -> None:
        assert 0 < weight(entries) < PAYLOAD
        sha256 = f"{len(self.store):064x}"
        self.store[sha256] = entries
        self.story.take_part(Part(sha256=sha256, entries=len(entries)))

    def report(self) -> Report:
        report = self.story.report(self.now)
        assert len(to_json(report)) < PAYLOAD
        return report

    def ledger(self) -> list[Entry]:
        kept = [entry for part in self.story.parts for entry in self.store[part.sha256]]
        return [*kept, *self.story.entries[self.story.parted :]]


def vote(person: str, asked: str, at: datetime) -> Vote:
    return Vote(
        id=f"{person}-{asked}",
        decision="approve",
        voter=PEOPLE.voter(person),
        door="cli",
        fingerprint=asked,
        at=at,
    )


def say_yes(lived: Lived, slot: Any, person: str) -> None:
    story = lived.story
    ask = story.asks[slot]
    said = vote(person, ask.fingerprint, lived.now)
    assert story.objection(said, lived.now) is None
    story.count(said, lived.now)
    story.confirm(lived.now, slot, {person: PEOPLE.voter(person)})
    assert story.decide(lived.now, slot)


def ends_well(lived: Lived) -> None:
    """A yes counts, undo works, and the ledger is whole and true."""
    story = lived.story
    if story.fresh:
        lived.plan()
    say_yes(lived, "apply", "alice")
    for kind in ("begun", "applied", "verified"):
        story.note(lived.now, kind, "weld", step="weld")
    assert story.undo_objection() is None
    story.ask_undo(UndoRequest(id="u", person="dave", door="cli", at=lived.now), lived.now)
    lived.hand_on()
    story = lived.story
    say_yes(lived, "undo", "bob")
    assert not story.undo_moved(lived.now)
    story.give_back = "a person asked for it, and others agreed"
    for step in story.owed():
        story.note(lived.now, "undoing", step.says, step=step.id)
        story.note(lived.now, "undone", step.says, step=step.id)
        if story.whole > 2 * PART_BYTES:
            lived.hand_on()
            story = lived.story
    story.tell_spilled(lived.now)
    story.note(lived.now, "closed", "closed as undone")
    while entries := story.next_part():
        lived.keep(entries)
    assert weight(story.entries[story.parted :]) < PAYLOAD
    assert story.owed() == ()
    ledger = lived.ledger()
    assert len(chain(ledger)) == len(ledger) == len(story.entries)
    assert violations(story.response, ledger) == []
    joined = [entry.data["finding"] for entry in ledger if entry.kind in ("received", "joined")]
    assert len(joined) == len(story.findings)
    lived.report()


def test_ten_thousand_findings_of_the_worst_kind_leave_a_response_that_works() -> None:
    worst, lived = Worst(1), Lived()
    for number in range(1, COUNT + 1):
        lived.take(worst.finding(number))
        if number % (COUNT // 8) == 0:
            lived.hand_on()
    story = lived.story
    assert story.spilled.count > 0
    assert lived.report().findings_seen == len(story.findings) + story.spilled.count
    assert lived.rounds < 60
    ends_well(lived)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**16), st.booleans()), max_size=25))
def test_whatever_comes_and_wherever_it_hands_on_the_end_is_the_same(events: list[tuple[int, bool]]) -> None:
    lived = Lived()
    for number, (seed, hands_on) in enumerate(events, start=1):
        lived.take(_WORST.finding(number) if seed % 5 else finding(uid=f"f-{seed}"))
        if hands_on:
            lived.hand_on()
    ends_well(lived)


def test_what_is_worse_gets_through_a_full_response() -> None:
    worst, lived = Worst(3), Lived()
    for number in range(1, 400):
        lived.take(worst.finding(number).model_copy(update={"severity": Severity.HIGH}))
    full = lived.story.spilled
    assert full.count > 0
    for number, severity in enumerate((Severity.CRITICAL, Severity.FATAL), start=500):
        one = worst.finding(number).model_copy(update={"severity": severity})
        assert lived.story.has_room(one)
        lived.take(one)
    assert lived.story.spilled == full
    ends_well(lived)


def test_another_detector_gets_through_what_one_has_filled() -> None:
    worst, lived = Worst(4), Lived()
    for number in range(1, 400):
        lived.take(worst.finding(number).model_copy(update={"type": "noise", "severity": Severity.HIGH}))
    assert not lived.story.has_room(finding(uid="x", type="noise", title="1"))
    assert lived.story.has_room(finding(uid="y", source="aws.guardduty", type="other"))


def test_findings_that_are_not_taken_in_are_counted_once_and_named_by_hash() -> None:
    lived = Lived()
    hashes = [f"{number:032x}" for number in range(2_345)]
    for first in range(0, len(hashes), 40):
        lived.story.spill(hashes[first : first + 40], NOW)
        lived.story.spill(hashes[first : first + 40], NOW)  # delivered again
    assert lived.story.spilled.count == len(hashes)
    assert lived.story.spilled.named == tuple(hashes[-50:])
    told = [entry for entry in lived.story.entries if "this response is full" in entry.says]
    assert 0 < len(told) <= 4, "a flood is not told one by one"


def test_a_plan_that_changed_little_costs_little_in_the_ledger() -> None:
    lived = Lived()
    many = [planned(f"a.{number}") for number in range(300)]
    lived.story.take_plan(NOW, plan_of(*many))
    lived.story.take_plan(NOW, plan_of(*many, planned("more")))
    last = lived.story.entries[-1]
    assert last.kind == "planned"
    assert weight(last) < weight(lived.story.entries[-2]) / 10
    assert violations(lived.story.response, lived.story.entries) == []


def test_more_steps_than_fit_are_told_loudly_and_what_fits_is_planned() -> None:
    lived = Lived()
    big = [planned(f"a.{number}", params={"door": "x" * 10_000}) for number in range(100)]
    lived.story.take_plan(NOW, plan_of(*big))
    assert 0 < sum(weight(step) for step in lived.story.steps()) <= MOST_PLAN
    assert lived.story.failed
    assert "do not fit" in lived.story.entries[-1].says


def test_plans_of_a_flood_wait_ever_longer_and_the_first_ones_do_not() -> None:
    pauses = [pause_before_plan(count) for count in range(30)]
    assert pauses[:4] == [timedelta()] * 4
    assert pauses == sorted(pauses)
    assert max(pauses) == LONGEST_PAUSE


def test_the_names_of_the_subjects_are_bounded_for_they_stand_in_every_ask() -> None:
    intake = Intake([finding()])
    taken = 0
    for number in range(100):
        one = finding(uid=f"f-{number}", actor=Actor(user_name=f"{number}" + "n" * 4_000))
        if intake.has_room(one):
            intake.add(one)
            taken += 1
    assert 0 < taken < 10


def test_the_short_form_of_an_entry_keeps_what_later_entries_are_held_against() -> None:
    lived = Lived()
    say_yes(lived, "apply", "alice")
    decided = short(lived.story.entries[-1])
    ask: Any = decided.data["ask"]
    held = lived.story.asks["apply"]
    assert (ask["id"], ask["generation"], decided.data["state"]) == (held.id, held.generation, "granted")
