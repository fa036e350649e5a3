"""The doctor finds the rules that ask in vain, before an attacker does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firedoor.config import initial, settings
from firedoor.config.settings import Oidc, Settings
from firedoor.doctor import examine as doctor
from firedoor.domain.approval.policy import Policy
from firedoor.domain.people.people import People
from firedoor.domain.yaml.reader import load, read

FOUR = "ann, bob, cid, dot"
DEFAULT = "default: {from: [secops], within: 30m}\n"


@pytest.fixture
def ready(tmp_path: Path) -> Settings:
    return settings.load(initial.write(tmp_path / "config").directory, {})


def people(groups: str, **of_ann: Any) -> People:
    made = load(
        read(f"people: {{{', '.join(f'{who}: {{name: X}}' for who in FOUR.split(', '))}}}\n{groups}", "p"),
        People,
    )
    ann = made.people["ann"].model_copy(update=of_ann)
    return made.model_copy(update={"people": {**made.people, "ann": ann}})


def told(ready: Settings, policy: str, groups: str, **of_ann: Any) -> list[tuple[str, str]]:
    looked = replace(ready, policy=load(read(policy, "p"), Policy), people=people(groups, **of_ann))
    return [(check.state, check.says) for check in doctor.groups(looked)]


OK = ("ok", "every rule has people to say yes")


def test_where_every_rule_has_people_to_spare_there_is_nothing_to_say(ready: Settings) -> None:
    policy = DEFAULT + "storm: {from: [secops], quorum: 2, within: 5m}\nundo: {from: [secops], within: 1h}\n"
    assert told(ready, policy, f"groups: {{secops: [{FOUR}]}}") == [OK]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("undo: {from: [few], quorum: 2, within: 5m}", "undo"),
        ("storm: {from: [few], quorum: 2, within: 5m}", "storm"),
        ("break_glass: {people: [bob], review: {from: [few], quorum: 2, within: 1h}}", "break_glass.review"),
        ("floor: [{}, {ask: {from: [few], quorum: 2, within: 1h}}]", "floor 2"),
    ],
)
def test_every_rule_that_asks_for_more_people_than_there_are_fails(
    ready: Settings, rule: str, name: str
) -> None:
    found = told(ready, f"{DEFAULT}{rule}\n", f"groups: {{secops: [{FOUR}], few: [ann]}}")
    assert ("fail", f"{name} needs 2 of few, where there are 1") in found
    assert OK not in found


def test_an_empty_group_is_nobody(ready: Settings) -> None:
    assert ("fail", "default needs 1 of secops, where there are 0") in told(
        ready, DEFAULT, "groups: {secops: []}"
    )


def test_nobody_to_spare_is_a_warning_for_one_of_them_may_not_decide(ready: Settings) -> None:
    """The subject of a finding, the owner of a target and who asked for it have no vote."""
    policy = DEFAULT + "storm: {from: [all], within: 5m}\nundo: {from: [all], within: 5m}\n"
    (warned, ok) = told(ready, policy, f"groups: {{secops: [ann], all: [{FOUR}]}}")
    assert warned[0] == "warn"
    assert warned[1].startswith("default needs 1 of secops, where there are no more: who is the subject")
    assert ok == OK
    escalating = policy.replace("within: 30m", "within: 30m, then: escalate, to: [all]")
    assert told(ready, escalating, f"groups: {{secops: [ann], all: [{FOUR}]}}") == [OK]


def test_one_person_more_for_a_storm_must_be_there(ready: Settings) -> None:
    policy = "default: {from: [secops], quorum: 2, within: 30m, then: escalate, to: [leads]}\n"
    policy += "undo: {from: [leads], within: 5m}\n"
    groups = f"groups: {{secops: [ann, bob], leads: [{FOUR}]}}"
    assert told(ready, policy, groups) == [
        (
            "warn",
            "many asks at once need 3 for default, where there are 2: they have to be answered one by one",
        ),
        OK,
    ]
    assert told(ready, policy + "storm: {from: [leads], within: 5m}\n", groups) == [OK]


def test_who_broke_the_glass_is_not_the_one_who_reviews_it(ready: Settings) -> None:
    policy = DEFAULT + "break_glass: {people: [ann, cid], review: {from: [one], within: 24h}}\n"
    found = told(ready, policy, f"groups: {{secops: [{FOUR}], one: [ann]}}")
    assert ("warn", "when ann breaks the glass, too few others are left to review it") in found
    assert not [says for _, says in found if "when cid" in says]
    beyond = policy.replace("within: 24h", "within: 24h, then: escalate, to: [secops]")
    assert told(ready, beyond, f"groups: {{secops: [{FOUR}], one: [ann]}}") == [OK]


def test_a_signature_is_asked_of_people_who_can_give_one(ready: Settings) -> None:
    policy = DEFAULT + "floor: [{data: [restricted], ask: {from: [secops], within: 30m, step_up: true}}]\n"
    groups = f"groups: {{secops: [{FOUR}]}}"
    none = ("fail", "floor 1 needs 1 of secops who can sign, and 0 can")
    assert none in told(ready, policy, groups)
    assert none in told(ready, policy, groups, oidc="sub-of-ann")  # nobody asks an identity provider here
    provider = Oidc(
        issuer="https://id.example.com",
        client_id="c",
        client_secret=None,
        groups_claim="groups",
        scopes=("openid",),
        audience="c",
    )
    assert none not in told(replace(ready, oidc=provider), policy, groups, oidc="sub-of-ann")


def test_groups_that_somebody_else_keeps_are_not_counted(ready: Settings) -> None:
    policy = "default: {from: [secops], quorum: 3, within: 30m}\nundo: {from: [secops], within: 1h}\n"
    assert told(ready, policy, "groups: {secops: {slack_usergroup: S0123456789, people: [ann]}}") == [OK]


def test_two_rules_for_one_change_that_name_other_people_are_told(ready: Settings) -> None:
    """The first one's people decide: the data's keepers would never be asked."""
    rules = (
        "floor:\n"
        "  - {environment: [prod], ask: {from: [secops], within: 30m}}\n"
        "  - {data: [restricted], ask: {from: [keepers], within: 30m}}\n"
    )
    groups = f"groups: {{secops: [{FOUR}], keepers: [ann, bob]}}"
    says = "floor 1 and floor 2 can hold for the same change and have no group in common"
    assert ("warn", says) in told(ready, DEFAULT + rules, groups)
    apart = rules.replace("data: [restricted]", "environment: [dev], data: [restricted]")
    assert told(ready, DEFAULT + apart, groups) == [OK]
    shared = rules.replace("from: [keepers]", "from: [keepers, secops]")
    assert told(ready, DEFAULT + shared, groups) == [OK]
