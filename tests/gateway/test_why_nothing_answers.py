"""Why nothing answers a finding: the reason that the sender is told is the true one."""

from __future__ import annotations

from typing import Any

from firedoor.domain.finding.finding import Actor, Severity
from firedoor.domain.playbook.playbook import Playbook
from firedoor.gateway.intake.dispatch import Engine
from tests.harness import NOW, finding, playbook

SHUT = "steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n"
GRAVE = "when: finding.severity >= severity.critical && has(finding.actor.user_name)\n"


async def reasons(*playbooks: Playbook, **changes: Any) -> list[str]:
    """What an engine without Temporal says: nothing here gets as far as to need it."""
    engine = Engine(None, lambda: playbooks, lambda: NOW, gateway_keys=())  # type: ignore[arg-type]
    intake = await engine.take(finding(**changes), source="acme")
    assert intake.responses == ()
    assert {each.finding for each in intake.dismissed} == {"f-1"}
    return [each.reason for each in intake.dismissed]


async def test_that_no_playbook_answers_is_said_only_where_none_lists_the_type() -> None:
    for changes in ({"type": "Weather:Rain"}, {"source": "elsewhere"}):
        (reason,) = await reasons(playbook(GRAVE + SHUT), **changes)
        assert reason.startswith("no playbook answers ")
    assert not any("no playbook" in each for each in await reasons(playbook(GRAVE + SHUT)))


async def test_a_condition_that_is_not_met_is_named_with_the_values_it_saw() -> None:
    (reason,) = await reasons(playbook(GRAVE + SHUT))
    assert reason == (
        "close_doors: its `when` is not met: `finding.severity >= severity.critical` is false;"
        " finding.severity is 4 (high)"
    )


async def test_every_playbook_that_lists_the_type_gives_its_own_reason() -> None:
    other = playbook("when: finding.actor.email == 'x'\n" + SHUT, "other")
    told = await reasons(playbook(GRAVE + SHUT), other, actor=Actor(), severity=Severity.CRITICAL)
    assert sorted(each.partition(":")[0] for each in told) == ["close_doors", "other"]
    assert any("has(finding.actor.user_name)" in each and "is not there" in each for each in told)
    assert any(
        "could not be evaluated" in each and "finding.actor.email is not there" in each for each in told
    )


async def test_a_finding_that_names_no_account_says_so_at_the_door() -> None:
    (reason,) = await reasons(playbook(SHUT), account=None)
    assert "names no account, so there is nowhere to act; expected an account of ours" in reason
