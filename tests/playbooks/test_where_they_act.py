"""Where the shipped playbooks act: findings that once made them act in the wrong account or region."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.registry import load
from firedoor.app.playbooks_in_force import playbook_files, read_shelf
from firedoor.cli.written import known_of
from firedoor.domain.finding.finding import Finding
from firedoor.domain.finding.place import ours
from firedoor.domain.playbook.expand import StepCall, applies, staged, unfold
from firedoor.domain.playbook.expression import context_of
from firedoor.sources.kinds import KINDS
from tests.harness import NOW

ROOT = Path(__file__).parents[2]
GIVEN = Path(os.environ.get("FIREDOOR_SAMPLES", ROOT.parent / "shared" / "samples")) / "acceptance" / "intake"
PLAYBOOKS = read_shelf(playbook_files(ROOT / "playbooks"), known_of(load()), None)
A, B = "123456789012", "111122223333"


def read(name: str) -> tuple[Finding, ...]:
    file = GIVEN / name
    if not file.is_file():
        pytest.skip(f"no shared samples at {GIVEN}; set FIREDOOR_SAMPLES to their folder")
    given: dict[str, Any] = json.loads(file.read_text())
    return KINDS[given["door"]](given["payload"], {}, "0" * 64, NOW).findings


def calls(findings: tuple[Finding, ...], accounts: set[str]) -> Iterator[StepCall]:
    """Every step that any shipped playbook would plan for what is ours of some findings."""
    for finding in findings:
        known = ours(finding, frozenset(accounts), "aws")
        for playbook in PLAYBOOKS:
            if not known.dismissed and applies(playbook, known.finding):
                for stage, step in staged(playbook):
                    yield from unfold(stage, step, context_of(known.finding))


def test_a_group_is_looked_for_in_the_region_of_the_group() -> None:
    places = {
        (call.place.account, call.place.region)
        for call in calls(read("f08.asff.resource_region_differs.json"), {A})
    }
    assert places == {(A, "eu-west-1")}


def test_a_function_of_another_account_is_acted_on_there_or_nowhere() -> None:
    findings = read("f09.asff.resource_of_other_account.json")
    assert list(calls(findings, {A})) == []
    told = [(call.place.account, call.params) for call in calls(findings, {A, B})]
    assert told == [(B, {"function": "fn-of-b"})]
    reasons = {ours(finding, frozenset({A}), "aws").dismissed for finding in findings}
    assert reasons == {f"account '{B}' is not among the accounts of source aws"}


def test_a_namesake_in_our_account_is_never_touched() -> None:
    findings = read("f10.guardduty.sequence_namesake_other_account.json")
    if all(finding.actor.account is None for finding in findings):
        pytest.skip("the reader does not tell the account of an actor")
    assert list(calls(findings, {A})) == []
    assert {call.place.account for call in calls(findings, {A, "999988887777"})} <= {"999988887777"}


def test_no_shipped_step_acts_where_the_envelope_is_when_its_target_is_elsewhere() -> None:
    """Every resource and actor of every case is moved into another account: each step moves along."""
    for playbook in PLAYBOOKS:
        for case in playbook.cases:
            given = json.loads((ROOT / "playbooks" / "cases" / case.given).read_text())
            headers = given.get("headers", {})
            for finding in KINDS[given["source"]](given["payload"], headers, "0" * 64, NOW).findings:
                moved = finding.model_copy(
                    update={
                        "resources": tuple(
                            each.model_copy(update={"account": B, "region": "ap-south-1"})
                            for each in finding.resources
                        ),
                        "actor": finding.actor.model_copy(update={"account": B}),
                    }
                )
                if not applies(playbook, moved):
                    continue
                context = context_of(moved)
                context["lookup"] = {"owner": {"user": "somebody"}}
                for stage, step in staged(playbook):
                    for call in unfold(stage, step, context):
                        assert call.place.account == B, (case.given, call.id)
