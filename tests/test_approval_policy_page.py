"""The page on the approval policy tells what the rules do."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities.aws.block_bucket_public_access import BlockBucketPublicAccess
from activities.aws.deactivate_access_key import DeactivateAccessKey
from activities.aws.delete_access_key import DeleteAccessKey
from activities.aws.quarantine_user import QuarantineUser
from activities.registry import entry_of
from firedoor.domain.approval.policy import ApprovalRule, Policy
from firedoor.domain.plan.requirement import rule_for
from firedoor.domain.playbook.playbook import Step
from firedoor.domain.yaml.reader import load, read
from tests.harness import playbook

PAGE = (Path(__file__).parent.parent / "docs/how-to/approval-policy.md").read_text(encoding="utf-8")
POLICY = load(read(re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[0], "policy.yaml"), Policy)
ROWS = re.findall(r"^\| `(aws\.\w+)` \| (\w+) \| (\w*) ?\| (.+) \|$", PAGE, flags=re.MULTILINE)
BOOK = playbook("steps:\n  - {id: a, action: toy.shut, params: {door: x}}\n")
SPECS = {
    name: entry_of(name, cls).spec
    for name, cls in {
        "aws.block_bucket_public_access": BlockBucketPublicAccess,
        "aws.deactivate_access_key": DeactivateAccessKey,
        "aws.delete_access_key": DeleteAccessKey,
        "aws.quarantine_user": QuarantineUser,
    }.items()
}


def said(rule: ApprovalRule | None) -> str:
    if rule is None:
        return "nobody, at once"
    minutes = rule.within // timedelta(minutes=1)
    beyond = f", then {', '.join(rule.to)} as well" if rule.to else ""
    signed = ", signed" if rule.step_up else ""
    silence = "yes" if rule.then == "proceed" else "no"
    asked = f"{rule.quorum} of {', '.join(rule.from_)} within {minutes}m{beyond}{signed}"
    return f"{asked}; silence is a {silence}"


def test_the_page_has_its_examples() -> None:
    assert len(ROWS) == 9
    assert {action for action, *_ in ROWS} == set(SPECS)


@pytest.mark.parametrize(("action", "environment", "data", "who"), ROWS)
def test_each_example_is_what_happens(action: str, environment: str, data: Any, who: str) -> None:
    rule = rule_for(
        playbook=BOOK,
        step=Step(id="a", action=action),
        spec=SPECS[action],
        policy=POLICY,
        environment=environment,
        data=data or None,
        cautious=False,
    )
    assert said(rule) == who
