"""A session that was taken with a leaked key, and outlives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.revoke_user_sessions import RevokeUserSessions
from tests.scenes.aws_leaked_key import READS, USER, LeakedKeyScene
from tests.scenes.aws_world import policy


class RevokeUserSessionsScene(LeakedKeyScene):
    """The attacker holds a session of the user."""

    action = RevokeUserSessions
    #: To put back what somebody planted under our name; the second way, where inline policies are full.
    implied = (
        "iam:PutUserPolicy",
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicyVersions",
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:ListAttachedUserPolicies",
    )

    def arrange(self) -> Mapping[str, Any]:
        """Leak a key, and take a session with it."""
        self.leak()
        sts = self.world.client("sts", self.key["AccessKeyId"], self.key["SecretAccessKey"])
        self.session = sts.get_session_token()["Credentials"]
        return self.told()

    def disturb(self) -> None:
        """Let somebody weaken our policy."""
        self.world.client("iam").put_user_policy(
            UserName=USER,
            PolicyName=f"firedoor-{self.world.incident}-sessions",
            PolicyDocument=policy({**READS, "Effect": "Deny"}),
        )

    def attack(self) -> bool | None:
        """Call with the session."""
        if not self.world.enforces:
            return None
        held = self.session
        stolen = self.world.client("iam", held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"])
        return self.world.allowed(stolen.list_users)
