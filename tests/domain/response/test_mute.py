"""Mute: what people called a false positive is left alone, and what is worse than it is asked about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from firedoor.domain.approval.vote import Vote
from firedoor.domain.finding.finding import Resource, Severity
from firedoor.domain.response.messages import Incident
from firedoor.domain.response.mute import Muted
from firedoor.domain.response.story import Story, rules_of
from tests.harness import NOW, PEOPLE, finding, incident_for, playbook
from tests.plans import RESPONDERS, plan_of, planned

TEXT = 'steps:\n  - {id: shut_it, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}\n'
INCIDENT = incident_for(playbook(TEXT), finding())
LATER = NOW + timedelta(hours=1)
OTHER_DOOR = (Resource(kind="Toy::Door", uid="arn:toy:door:::back", name="back"),)
WORSE: list[dict[str, Any]] = [
    {"severity": Severity.CRITICAL},
    {"source": "aws.guardduty"},
    {"type": "Intrusion:Window/Broken"},
    {"via": "another"},
]
ALIKE: list[dict[str, Any]] = [{"count": 9}, {"severity": Severity.LOW}, {"resources": OTHER_DOOR}]


def called_false(incident: Incident = INCIDENT) -> Story:
    """A response whose only step was asked about, and called a false positive."""
    story = Story("respond/close_doors/1", incident, NOW)
    story.receive(NOW)
    ask(story)
    return story


def ask(story: Story) -> None:
    story.take_plan(NOW, plan_of(planned("shut_it", approval=RESPONDERS)))
    steps = tuple(story.todo())
    assert steps
    opened = story.open_ask(NOW, "apply", steps, rules_of(steps))
    no = Vote(
        id="no",
        decision="reject",
        reason="false_positive",
        voter=PEOPLE.voter("alice"),
        door="cli",
        fingerprint=opened.fingerprint,
        at=NOW,
    )
    story.count(no, NOW)
    assert not story.decide(NOW, "apply")
    story.refuse(steps)
    assert story.todo() == []


@pytest.mark.parametrize("change", WORSE, ids=str)
def test_what_is_worse_than_what_was_muted_is_planned_and_asked_about_and_never_automatic(
    change: Any,
) -> None:
    story = called_false()
    story.join(finding(uid="f-2", modified=LATER, **change), LATER)
    assert story.fresh
    assert "nothing is automatic this time" in story.incident.caution
    assert "it is asked about" in story.entries[-1].says
    story.take_plan(LATER, plan_of(planned("shut_it", approval=RESPONDERS)))
    assert [step.id for step in story.todo()] == ["shut_it"]
    assert not story.is_asking(tuple(story.todo()))


@pytest.mark.parametrize("change", ALIKE, ids=str)
def test_what_is_no_worse_is_left_alone(change: Any) -> None:
    story = called_false()
    story.join(finding(uid="f-2", modified=LATER, **change), LATER)
    assert not story.fresh
    assert story.incident.caution == ""
    story.take_plan(LATER, plan_of(planned("shut_it", approval=RESPONDERS)))
    assert story.todo() == []


def test_what_is_worse_again_while_people_are_asked_withdraws_no_ask() -> None:
    story = called_false()
    story.join(finding(uid="f-2", modified=LATER, severity=Severity.CRITICAL), LATER)
    story.take_plan(LATER, plan_of(planned("shut_it", approval=RESPONDERS)))
    steps = tuple(story.todo())
    opened = story.open_ask(LATER, "apply", steps, rules_of(steps))
    story.join(finding(uid="f-3", modified=LATER, severity=Severity.FATAL), LATER)
    assert story.asks["apply"].id == opened.id
    assert not story.answered("apply", LATER)


def test_what_was_worse_and_called_false_as_well_is_left_alone_from_then_on() -> None:
    story = called_false()
    worse = {"severity": Severity.CRITICAL, "type": "Intrusion:Window/Broken"}
    story.join(finding(uid="f-2", **worse), NOW)
    ask(story)
    story.fresh = False
    story.join(finding(uid="f-3", **worse), NOW)
    assert not story.fresh


@pytest.mark.parametrize("change", WORSE, ids=str)
def test_what_is_worse_and_comes_while_the_response_closes_begins_the_next_one_with_caution(
    change: Any,
) -> None:
    story = called_false()
    story.closing = True
    story.join(finding(uid="f-2", modified=LATER, count=2), LATER)
    assert story.next_incident(LATER) is None
    story.join(finding(uid="f-3", modified=LATER, **change), LATER)
    following = story.next_incident(LATER)
    assert following is not None
    assert (following.finding.uid, "false positive" in following.caution) == ("f-3", True)


def test_the_mute_is_carried_into_the_next_run_and_told_to_the_gateway() -> None:
    story = called_false()
    carried = story.carry()
    again = Story(story.response, story.incident.model_copy(update={"carried": carried}), NOW)
    assert again.muted == story.report(NOW).muted == Muted.of([finding()])


def test_when_the_mute_is_over_everything_is_news_again() -> None:
    story = called_false()
    assert story.muted_until is not None
    story.join(finding(uid="f-2", count=2), story.muted_until)
    assert story.fresh
