"""A user in the wrong hands that is denied everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.quarantine_user import QuarantineUser
from tests.scenes.aws_leaked_key import READS, USER, LeakedKeyScene
from tests.scenes.aws_world import policy


class QuarantineUserScene(LeakedKeyScene):
    """The user has a policy of its own."""

    action = QuarantineUser
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
        """Leak a key of the user."""
        self.leak()
        return self.told()

    def disturb(self) -> None:
        """Let somebody weaken our policy."""
        self.world.client("iam").put_user_policy(
            UserName=USER,
            PolicyName=f"firedoor-{self.world.incident}-quarantine",
            PolicyDocument=policy({**READS, "Effect": "Deny"}),
        )
