"""`firedoor plan` shows what would be done to the world as it is, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from firedoor.config.initial import Initial
from firedoor.domain.plan.plan import PlannedStep, plan_fingerprint
from firedoor.domain.response.contract import incident_key, workflow_id
from tests.cli.shell import Said, firedoor
from tests.harness import TOY
from tests.sources.samples import OWN
from tests.toy_world import ToyWorld

FINDING: dict[str, Any] = {
    "uid": "f-1",
    "source": "toy",
    "type": "Intrusion:Door/Open",
    "title": "Somebody walks through a door",
    "severity": "high",
    "account": "123456789012",
    "region": "us-east-1",
    "resources": [{"kind": "Toy::Door", "uid": "arn:toy:door:::front", "name": "front"}],
    "modified": "2026-11-22T02:14:07Z",
}
PLAYBOOK = """\
playbook: doors
summary: Shut the door that somebody walks through, then weld it.
responds_to: [{source: toy, types: ["Intrusion:*"]}, {source: aws.guardduty, types: ["UnauthorizedAccess:*"]}]
when: finding.severity >= severity.high
mode: active
incident: "${{ finding.resources[0].uid }}"
steps:
  - {id: shut, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}
  - {id: weld, action: toy.weld, params: {door: "${{ finding.resources[0].name }}"}}
"""


@pytest.fixture(autouse=True)
def house(config: Initial, here: Path, world: ToyWorld) -> None:
    """A house with a playbook over the toy world."""
    (here / "own").symlink_to(TOY)
    (here / "books").mkdir()
    (here / "books/doors.yaml").write_text(PLAYBOOK)
    with (config.directory / "firedoor.yaml").open("a") as file:
        file.write("actions: [own]\nplaybooks: books\n")


def plan(*more: str, playbook: str = "doors", **changes: Any) -> Said:
    Path("finding.json").write_text(json.dumps({**FINDING, **changes}))
    return firedoor("plan", playbook, "finding.json", *more)


def test_it_tells_what_would_be_done_what_breaks_and_who_is_asked(world: ToyWorld) -> None:
    said = plan()
    assert (said.status, said.err) == (0, "")
    assert said.out == snapshot("""\
doors  respond/doors/c452cd3d424448afc44c3a0cc44bbba4
Shut the door that somebody walks through, then weld it.

high · toy Intrusion:Door/Open · account 123456789012 · us-east-1
“Somebody walks through a door”

●  shut  toy.shut
    does    shut door front
    where   arn:toy:door:::front · 123456789012 · us-east-1
    now     state: open
    breaks  • nobody gets through (last used just now)
    undo    gives everything back
    asks    nobody: done at once

●  weld  toy.weld
    does   weld door front
    where  arn:toy:door:::front · 123456789012 · us-east-1
    undo   IMPOSSIBLE: a weld does not come off
    asks   1 person of secops within 30 min, then secops-leads too

At once: shut
Asked:   weld  fingerprint FC6A-9032-83A8
Nothing was changed.
""")
    assert world.state("front") == "open"
    assert world.effects() == []


def test_the_fingerprint_is_the_one_that_people_will_be_asked_to_sign() -> None:
    (told,) = plan("--json").json["plans"]
    key = incident_key("doors", "123456789012", "arn:toy:door:::front")
    assert told["response"] == workflow_id("doors", key)
    weld = PlannedStep.model_validate_json(json.dumps(told["plan"]["steps"][1]))
    assert told["fingerprints"] == [plan_fingerprint(f"apply {told['response']}", (weld,))]
    assert told["fingerprints"][0] in plan().out


def test_what_is_done_already_is_told_and_nobody_would_be_asked(world: ToyWorld) -> None:
    world.door("front", "welded 000000000000")
    said = plan()
    assert said.status == 0
    assert said.out.count("it is so already") == 2
    assert "fingerprint" not in said.out


def test_a_playbook_may_be_a_file_that_is_not_in_force(here: Path) -> None:
    (here / "books/doors.yaml").rename(here / "doors.yaml")
    assert plan(playbook="doors.yaml").status == 0
    assert plan().status == 2


def test_what_the_playbook_does_not_answer_is_a_no_with_the_reason() -> None:
    other = plan(type="Weather:Rain")
    assert (other.status, other.out) == (1, "")
    assert "doors does not answer toy Weather:Rain" in other.err
    mild = plan(severity="low")
    assert mild.status == 1
    assert "its `when` is not met: `finding.severity >= severity.high` is false" in mild.err
    assert "finding.severity is 2 (low)" in mild.err


def test_what_a_guard_forbids_is_refused_in_the_plan() -> None:
    said = plan(account="999999999999")
    assert said.out.count("account 999999999999 is not one of ours") == 2


def test_what_could_not_be_looked_at_is_a_no(world: ToyWorld) -> None:
    world.fault("plan", "front", "unavailable")
    said = plan()
    assert said.status == 1
    assert "could not be planned: the door front does not answer" in said.out


def test_a_payload_is_read_as_its_source_sends_it(here: Path) -> None:
    payload = OWN / "guardduty/leaked_key.json"
    for source in ("aws.eventbridge", "guardduty"):
        said = firedoor("plan", "doors", payload, "--source", source, "--json")
        assert said.json["plans"][0]["source"] == "guardduty"
    assert firedoor("plan", "doors", payload).status == 2


def test_a_sample_is_named_as_such() -> None:
    assert "the gateway would not act on it" in plan(is_test=True).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "dors", "finding.json"], "did you mean 'doors'?"),
        (["plan", "doors", "nowhere.json"], "nowhere.json cannot be read"),
        (["plan", "doors", "finding.json", "--source", "gard"], "there is no source 'gard'"),
        (["plan", "doors", "finding.json", "--config", "nowhere"], "firedoor.yaml cannot be read"),
        (["plan", "books/none.yaml", "finding.json"], "books/none.yaml does not exist"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], says: str) -> None:
    Path("finding.json").write_text(json.dumps(FINDING))
    said = firedoor(*arguments)
    assert (said.status, said.out) == (2, "")
    assert says in said.err


@pytest.mark.parametrize("text", ["", "{", '{"uid": NaN}', "[]", '{"uid": 1, "uid": 2}'])
def test_what_is_no_finding_is_told(text: str) -> None:
    Path("finding.json").write_text(text)
    said = firedoor("plan", "doors", "finding.json")
    assert (said.status, said.out) == (2, "")
