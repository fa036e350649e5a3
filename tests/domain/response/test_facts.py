"""Facts: whatever a playbook can see of a finding makes it news, and nothing else does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import JsonValue

from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind, Resource, Severity
from firedoor.domain.playbook.expand import merged
from firedoor.domain.response.facts import facts_of, fields_read
from firedoor.domain.response.messages import finding_version, seen
from firedoor.domain.response.story import Story
from tests.harness import NOW, finding, incident_for, playbook
from tests.plans import plan_of, planned

LATER = NOW + timedelta(minutes=5)
TEXT = 'steps:\n  - {id: shut_it, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}\n'
DOOR = {"kind": "Toy::Door", "uid": "arn:toy:door:::front", "name": "front"}


def door(**changes: Any) -> dict[str, Any]:
    return {"resources": (Resource(**{**DOOR, **changes}),)}


def actor(**changes: Any) -> dict[str, Any]:
    return {"actor": Actor(**{"user_name": "mallory", **changes})}


CHANGES: list[dict[str, Any]] = [
    {"severity": Severity.CRITICAL},
    {"type": "Intrusion:Window/Open"},
    {"source": "other"},
    {"account": "111122223333"},
    {"region": "eu-west-1"},
    {"confidence": 0.9},
    {"via": "another"},
    door(uid="arn:toy:door:::back"),
    door(kind="Toy::Gate"),
    door(name="back"),
    door(account="111122223333"),
    door(region="eu-west-1"),
    door(attributes={"ports": [22]}),
    door(attributes={"tags": {"classification": "public"}}),
    actor(user_name="trent"),
    actor(kind=PrincipalKind.IAM_USER),
    actor(account="111122223333"),
    actor(uid="AIDAMALLORY"),
    actor(role_name="admin"),
    actor(access_key_id="AKIA0"),
    actor(session_name="evening"),
    actor(email="mallory@example.com"),
    actor(source_ips=("192.0.2.1",)),
]


def knows(told: Finding, *known: Finding, text: str = TEXT) -> bool:
    story = Story("respond/close_doors/1", incident_for(playbook(text), known[0]), NOW)
    for each in known[1:]:
        story.join(each, NOW)
    return story.knows(told)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_whatever_an_expression_can_see_is_news(change: dict[str, Any]) -> None:
    assert not knows(finding(uid="f-2", modified=LATER, **change), finding())


def test_no_field_of_a_resource_or_an_actor_is_forgotten() -> None:
    """A field that somebody adds is seen by expressions at once, and has to be news at once."""
    told: dict[str, set[str]] = {"resources": set(), "actor": set()}
    for change in CHANGES:
        for key, value in change.items():
            if key == "resources":
                told[key] |= {
                    each for each in Resource.model_fields if getattr(value[0], each) != DOOR.get(each)
                }
            elif key == "actor":
                told[key] |= value.model_fields_set
    assert told == {"resources": set(Resource.model_fields), "actor": set(Actor.model_fields)}


def test_what_says_the_same_again_is_no_news() -> None:
    again = finding(
        uid="f-2",
        count=7,
        title="again",
        last_seen=LATER,
        modified=LATER,
        url="https://x",
        raw_sha256="1" * 64,
    )
    assert knows(again, finding())
    assert facts_of(again) == facts_of(finding())


@pytest.mark.parametrize(
    ("field", "value"), [("count", 7), ("title", "again"), ("last_seen", LATER), ("url", "https://x")]
)
def test_what_only_a_playbook_that_reads_it_can_see_is_news_to_that_one(field: str, value: Any) -> None:
    told = finding(uid="f-2", modified=LATER, **{field: value})
    assert knows(told, finding())
    for reading in (
        f"string(finding.{field}) != ''",
        f"string(finding['{field}']) != ''",
        "size(finding) > 1",
    ):
        assert not knows(told, finding(), text=f'when: "{reading}"\n' + TEXT), reading


def test_a_playbook_reads_what_any_of_its_expressions_names() -> None:
    text = (
        'when: "finding.count > 1"\nsteps:\n'
        '  - {id: a, action: toy.shut, when: "finding.title != \'\'", params: {door: "${{ finding.uid }}"}}\n'
    )
    assert fields_read(playbook(text)) >= {"count", "title", "uid", "resources"}


@pytest.mark.parametrize(
    "lie",
    [{}, door(name="hidden"), {"severity": Severity.FATAL}, door(attributes={"ports": [1, 22]})],
    ids=str,
)
def test_what_one_detector_said_does_not_make_anothers_word_known(lie: dict[str, Any]) -> None:
    genuine = finding(uid="g-1", source="aws.guardduty", via="guardduty", modified=LATER)
    forged = finding(source="generic", via="scanner", generic=True, **lie)
    assert not knows(genuine, forged)


def test_a_list_that_grew_is_news_and_one_that_is_a_part_is_not() -> None:
    first = finding(**door(attributes={"ports": [22, 3389]}))
    assert knows(finding(uid="f-2", **door(attributes={"ports": [3389]})), first)
    assert not knows(finding(uid="f-2", **door(attributes={"ports": [3389, 5432]})), first)


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"uid": "f x"}, {"uid": "f"}),
        ({"uid": "f"}, {"uid": "f x"}),
        ({"source": "toy f"}, {"source": "toy"}),
        ({"via": "scanner"}, {"via": "guardduty"}),
    ],
)
def test_no_choice_of_names_makes_another_finding_look_known(known: Any, told: Any) -> None:
    """Senders choose uid and source; spaces in them once made one finding's version look like another's."""
    base = {"uid": "f", "modified": NOW}
    versions = [finding_version(finding(**{**base, "modified": LATER, **known}))]
    assert not seen(versions, finding(**{**base, **told}))
    assert seen(versions, finding(**{**base, **known}))
    assert not seen(versions, finding(**{**base, **known, "modified": LATER + timedelta(seconds=1)}))


@pytest.mark.parametrize(
    "more",
    [
        {"severity": Severity.FATAL},
        {"type": "Intrusion:Door/Broken"},
        {"account": "210987654321"},
        {"region": "eu-west-3"},
        door(attributes={"ports": [1, 22]}),
        {"actor": Actor(user_name="bob")},
    ],
    ids=str,
)
def test_more_that_is_told_of_the_same_time_is_news(more: dict[str, Any]) -> None:
    """Security Hub leaves `UpdatedAt` as it is where people or a rule raise the severity."""
    first = finding(severity=Severity.MEDIUM, modified=NOW)
    told = finding(**{"severity": Severity.MEDIUM, "modified": NOW, **more})
    assert not knows(told, first)
    assert finding_version(told) != finding_version(first)
    assert not seen([finding_version(first)], told)
    assert seen([finding_version(first), finding_version(told)], told)


@pytest.mark.parametrize(
    "less",
    [{"severity": Severity.LOW}, {"title": "other words"}, {"modified": NOW - timedelta(hours=1)}],
    ids=str,
)
def test_less_or_the_same_in_other_words_is_none_to_a_response_that_is_closed(less: dict[str, Any]) -> None:
    first = finding(severity=Severity.MEDIUM, modified=NOW)
    assert seen([finding_version(first)], finding(**{"severity": Severity.MEDIUM, "modified": NOW, **less}))


def test_a_version_that_an_earlier_release_wrote_is_read() -> None:
    first = finding(modified=NOW)
    whose, modified, *_ = json.loads(finding_version(first))
    assert seen([json.dumps([whose, modified])], finding(modified=NOW, severity=Severity.FATAL))
    assert not seen([json.dumps([whose, modified])], finding(modified=LATER))


class TestWhoSpeaks:
    """Several findings are one incident; who was first with a guess does not speak for who knows."""

    def test_a_vendors_word_outranks_what_a_generic_source_said_before(self) -> None:
        forged = finding(source="generic", generic=True, type="leaked", actor=Actor(user_name="bob"))
        genuine = finding(uid="g-1", source="aws.guardduty", actor=Actor(user_name="alice"))
        one = merged([forged, genuine])
        assert (one.source, one.actor.user_name) == ("aws.guardduty", "alice")
        assert merged([genuine, forged]).actor.user_name == "alice"

    def test_of_its_equals_the_first_one_speaks(self) -> None:
        told = [finding(source=name, generic=True) for name in ("a", "b")]
        assert merged(told).source == "a"

    def test_what_is_begun_over_a_wrong_name_does_not_use_up_the_step(self) -> None:
        def quarantine(name: str) -> Any:
            params: dict[str, JsonValue] = {"door": name}
            return plan_of(planned("quarantine", params=params), planned("other", params={"door": "x"}))

        story = Story("respond/close_doors/1", incident_for(playbook(TEXT), finding()), NOW)
        story.take_plan(NOW, quarantine("bob"))
        for step in story.todo():
            story.note(NOW, "begun", step.says, step=step.id)
        story.take_plan(NOW, quarantine("alice"))
        (again,) = story.todo()
        assert (again.step, again.params) == ("quarantine", {"door": "alice"})
        assert again.id.startswith("quarantine.")
        assert {step.id for step in story.owed()} == {"quarantine", "other"}
        story.note(NOW, "begun", again.says, step=again.id)
        story.take_plan(NOW, quarantine("alice"))
        assert story.todo() == []
        assert [step.params["door"] for step in story.owed()] == ["alice", "x", "bob"]
