"""A user whose access key is in the wrong hands, with a second key and a neighbour that must not change."""

from __future__ import annotations

from typing import Any

from tests.scenes.aws_world import AwsScene, AwsWorld, policy

USER, NEIGHBOUR = "ci-deployer", "payroll"
READS = {"Effect": "Allow", "Action": ["iam:ListUsers", "sts:GetSessionToken"], "Resource": "*"}


def user_with_key(world: AwsWorld, name: str) -> dict[str, str]:
    """Make a user who may list users, and return a key of it."""
    iam = world.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=policy(READS))
    key: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return key


def remove_user(world: AwsWorld, name: str) -> None:
    """Delete a user with all that is its own."""
    iam = world.client("iam")
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for one in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=one)
    iam.delete_user(UserName=name)


def user_state(world: AwsWorld, name: str) -> dict[str, Any]:
    """Return a user's keys and policies."""
    iam = world.client("iam")
    policies = iam.list_user_policies(UserName=name)["PolicyNames"]
    return {
        "keys": {
            key["AccessKeyId"]: key["Status"]
            for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        },
        "policies": {
            policy: iam.get_user_policy(UserName=name, PolicyName=policy)["PolicyDocument"]
            for policy in sorted(policies)
        },
    }


class LeakedKeyScene(AwsScene):
    """The base of the scenes about a user's key."""

    def leak(self) -> dict[str, str]:
        """Set up both users, and keep what the attacker holds."""
        self.key = user_with_key(self.world, USER)
        self.spare = self.world.client("iam").create_access_key(UserName=USER)["AccessKey"]
        user_with_key(self.world, NEIGHBOUR)
        return {"user": USER, "access_key_id": self.key["AccessKeyId"]}

    def told(self) -> dict[str, Any]:
        """Return the parameters of an action over the user, as the planner fills them from a finding."""
        user_id = self.world.client("iam").get_user(UserName=USER)["User"]["UserId"]
        return {"user": USER, "user_id": user_id, "access_key_ids": [self.key["AccessKeyId"]]}

    def replace(self) -> None:
        """Let the user be deleted, and another be hired under the name."""
        remove_user(self.world, USER)
        user_with_key(self.world, USER)

    def snapshot(self) -> Any:
        """Hold the keys and policies of both users."""
        return {name: user_state(self.world, name) for name in (USER, NEIGHBOUR)}

    def attack(self) -> bool | None:
        """Call with the leaked key itself."""
        if not self.world.enforces:
            return None
        stolen = self.world.client("iam", self.key["AccessKeyId"], self.key["SecretAccessKey"])
        return self.world.allowed(stolen.list_users)
