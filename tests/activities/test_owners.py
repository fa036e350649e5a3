"""Whose an IAM user, a key or a role is: who goes by one of these names cannot say yes to it."""

from __future__ import annotations

from typing import Any

import pytest

from activities.aws.deactivate_access_key import DeactivateAccessKey
from activities.aws.delete_access_key import DeleteAccessKey
from activities.aws.iam.access_key import KeyParams
from activities.aws.quarantine_user import QuarantineParams, QuarantineUser
from activities.aws.revoke_role_sessions import RevokeRoleSessions, RoleSessionsParams
from activities.aws.revoke_user_sessions import RevokeUserSessions, UserSessionsParams
from firedoor.domain.action.action import OWNER_NOT_KNOWN, Action, Change
from tests.scenes.aws_world import AwsWorld, policy
from tests.servers import ACCOUNT

pytestmark = pytest.mark.integration

USER, ROLE, OWNER = "ci-deployer", "web-frontend", "alice@example.com"
TAGS = [{"Key": "Owner", "Value": OWNER}, {"Key": "team", "Value": "platform"}]


@pytest.fixture
def key(ministack_world: AwsWorld) -> dict[str, str]:
    """A key of a user who stands below a path and has an owner."""
    iam = ministack_world.client("iam")
    iam.create_user(UserName=USER, Path="/build/", Tags=TAGS)
    made: dict[str, str] = iam.create_access_key(UserName=USER)["AccessKey"]
    return made


def owners(action: Action, params: Any) -> tuple[str, ...]:
    planned = action.plan(params)
    assert isinstance(planned, Change), planned.says
    return (*planned.owners, *action.owners(params))


def test_a_user_its_keys_and_its_sessions_are_the_users_by_every_name_and_its_owners(
    ministack_world: AwsWorld, key: dict[str, str]
) -> None:
    aws = ministack_world.aws(changing=False)
    named = KeyParams(user=USER, access_key_id=key["AccessKeyId"])
    expected = (
        f"arn:aws:iam::{ACCOUNT}:user/{USER}",
        f"arn:aws:iam::{ACCOUNT}:user/build/{USER}",
        USER,
        OWNER,
    )
    assert owners(QuarantineUser(aws), QuarantineParams(user=USER)) == expected
    assert owners(RevokeUserSessions(aws), UserSessionsParams(user=USER)) == expected
    assert owners(DeactivateAccessKey(aws), named) == expected
    assert owners(DeleteAccessKey(aws), named) == expected


def test_a_user_that_may_not_be_read_keeps_its_key_its_own_and_stops_nothing(
    ministack_world: AwsWorld, key: dict[str, str]
) -> None:
    """The name and the ARN need no reading; the owner's tag does."""
    named = KeyParams(user=USER, access_key_id=key["AccessKeyId"])
    for action in (DeactivateAccessKey, DeleteAccessKey):
        aws = ministack_world.aws(set(action.permissions.read) - {"iam:GetUser"}, changing=False)
        assert owners(action(aws), named) == (f"arn:aws:iam::{ACCOUNT}:user/{USER}", USER, OWNER_NOT_KNOWN)


def test_a_role_is_its_owners_and_of_whoever_is_that_role(ministack_world: AwsWorld) -> None:
    trust = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
    ministack_world.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust, Tags=TAGS)
    found = owners(RevokeRoleSessions(ministack_world.aws(changing=False)), RoleSessionsParams(role=ROLE))
    assert found == (f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", OWNER)
