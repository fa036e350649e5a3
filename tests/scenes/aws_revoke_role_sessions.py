"""A role of an instance whose session was carried away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.revoke_role_sessions import RevokeRoleSessions
from tests.scenes.aws_world import AwsScene, policy
from tests.servers import ACCOUNT

ROLE, NEIGHBOUR = "web-frontend", "web-backend"
_TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
_READS = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}


class RevokeRoleSessionsScene(AwsScene):
    """The role has a policy of its own and an instance profile."""

    action = RevokeRoleSessions
    #: To put back what somebody planted under our name; the second way, where inline policies are full.
    implied = (
        "iam:PutRolePolicy",
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyVersions",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:ListAttachedRolePolicies",
    )

    def arrange(self) -> Mapping[str, Any]:
        """Make two roles, and carry away a session of the first."""
        iam = self.world.client("iam")
        for name in (ROLE, NEIGHBOUR):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(_TRUST))
            iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=policy(_READS))
        iam.create_instance_profile(InstanceProfileName="web")
        iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName=ROLE)
        self.session = self.take_session()
        return {"role": ROLE, "role_id": iam.get_role(RoleName=ROLE)["Role"]["RoleId"]}

    def replace(self) -> None:
        """Let the role be deleted, and another be made under the name."""
        iam = self.world.client("iam")
        iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName=ROLE)
        for one in iam.list_role_policies(RoleName=ROLE)["PolicyNames"]:
            iam.delete_role_policy(RoleName=ROLE, PolicyName=one)
        iam.delete_role(RoleName=ROLE)
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy(_TRUST))

    def take_session(self) -> dict[str, str]:
        """Assume the role, as the instance does."""
        answer = self.world.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="i-0abc"
        )
        session: dict[str, str] = answer["Credentials"]
        return session

    def snapshot(self) -> Any:
        """Hold the policies and trust of both roles."""
        iam = self.world.client("iam")
        return {
            name: {
                "trust": iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
                "policies": {
                    one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]
                    for one in sorted(iam.list_role_policies(RoleName=name)["PolicyNames"])
                },
            }
            for name in (ROLE, NEIGHBOUR)
        }

    def disturb(self) -> None:
        """Let somebody weaken our policy."""
        self.world.client("iam").put_role_policy(
            RoleName=ROLE,
            PolicyName=f"firedoor-{self.world.incident}-sessions",
            PolicyDocument=policy({**_READS, "Effect": "Deny"}),
        )

    def attack(self) -> bool | None:
        """Call with the session that was carried away."""
        return self.works(self.session) if self.world.enforces else None

    def works(self, session: dict[str, str]) -> bool:
        """Tell whether a session of the role is answered."""
        client = self.world.client(
            "iam", session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
        )
        return self.world.allowed(client.list_users)
