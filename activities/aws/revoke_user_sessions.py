"""End the temporary sessions that an IAM user took."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar

from activities.aws.iam.identity import (
    NAMED_USER,
    UserParams,
    iam_arn,
    is_another,
    keys_of_another,
    owners_of,
    user_id,
)
from activities.aws.iam.inline_deny import InlineDeny, PolicyBefore, Until
from firedoor.domain.action.action import (
    FULL,
    Action,
    Change,
    Consequence,
    Named,
    Permissions,
    Planned,
    Refuse,
    Reversibility,
    Risk,
    Undone,
    Verified,
)
from firedoor.domain.core.errors import Absent
from firedoor.systems.aws.calls import Aws


class UserSessionsParams(UserParams):
    """Whose sessions, and until when they were used by whom they are not for."""

    until: Until = None


class RevokeUserSessions(Action):
    """Put an inline policy on a user that denies everything to sessions issued before now.

    Deactivating a key leaves alive what was taken with it by `GetSessionToken`
    (up to 36 hours) and `GetFederationToken`; this ends them. Requests signed with a
    long-lived key itself carry no issue time and go on. "Now" is AWS's clock when the
    change is made, not ours, rounded up so that a session of the same second is ended,
    too; a repeated `apply` keeps the first one.

    Facts come from IAM (`GetUser`, whose answer has the user's tags, and the user's inline
    policies). By hand, "now" is the clock of the machine on which the command is pasted. Proven
    against an emulator that evaluates policies: the old session is refused, the key itself and
    a session taken later are answered. Unproven: the seconds until AWS believes it everywhere.
    Roles that a session has assumed already are sessions of their own:
    `aws.revoke_role_sessions` ends those.
    """

    summary: ClassVar[str] = "End the temporary sessions of an IAM user that were issued before now."
    reversibility: ClassVar[Reversibility] = FULL
    risk: ClassVar[Risk] = Risk.LOW
    permissions: ClassVar[Permissions] = Permissions(
        read=(
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAccessKeys",
            "iam:ListAttachedUserPolicies",
            "iam:ListUserPolicies",
        ),
        apply=(
            "iam:AttachUserPolicy",
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicyVersion",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetUserPolicy",
            "iam:ListAttachedUserPolicies",
            "iam:ListPolicyVersions",
            "iam:PutUserPolicy",
        ),
        undo=(
            "iam:AttachUserPolicy",
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:DeleteUserPolicy",
            "iam:DetachUserPolicy",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAttachedUserPolicies",
            "iam:ListPolicyVersions",
            "iam:PutUserPolicy",
        ),
    )
    decides: ClassVar[Collection[str]] = ("iam:GetUser", "iam:GetUserPolicy", "iam:ListAccessKeys")
    settles_within: ClassVar[timedelta] = timedelta(seconds=30)
    example: ClassVar[dict[str, Any]] = {"user": "ci-deployer"}
    named: ClassVar[tuple[Named, ...]] = (NAMED_USER,)
    covers: ClassVar[str] = "until"
    again_after: ClassVar[tuple[str, ...]] = ("aws.deactivate_access_key",)

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: UserSessionsParams) -> str:
        """Name the user."""
        return iam_arn(self._aws.partition, self._aws.account, "user", params.user)

    def plan(self, params: UserSessionsParams) -> Planned:
        """Check that the user is the one meant, and has room for the policy."""
        try:
            user = self._aws.call("iam", "GetUser", UserName=params.user)["User"]
        except Absent:
            return Refuse(says=f"user {params.user} does not exist in this account")
        if refused := is_another("user", params.user, params.user_id, user["UserId"]):
            return refused
        if refused := keys_of_another(self._aws, params):
            return refused
        before = self._deny(params).look()
        if not isinstance(before, PolicyBefore):
            return before
        return Change(
            says=f"end every temporary session of user {params.user} issued until the change is made"
            + before.how(),
            before=before,
            consequences=(
                Consequence(says="whoever works with such a session has to take a new one"),
                Consequence(says="roles that such a session has assumed already are not ended"),
            ),
            owners=owners_of(self.target(params), user, params.user),
            identity=user["UserId"],
        )

    def identify(self, params: UserSessionsParams) -> str:
        """Ask IAM which user bears the name now."""
        return user_id(self._aws, params.user)

    def by_hand(self, params: UserSessionsParams) -> str:
        """Write the same policy under the same name."""
        return self._deny(params).by_hand()

    def apply(self, params: UserSessionsParams, before: PolicyBefore) -> None:
        """Write the policy, unless it stands already: then its time is kept."""
        self._deny(params).put(before)

    def renew(self, params: UserSessionsParams, before: PolicyBefore) -> None:
        """Move the time to now, so that sessions issued since the first one are ended, too."""
        self._deny(params).put(before, anew=True)

    def verify(self, params: UserSessionsParams, before: PolicyBefore) -> Verified:
        """Read the policy back."""
        return self._deny(params).verify(before)

    def undo(self, params: UserSessionsParams, before: PolicyBefore) -> Undone:
        """Take the policy off, if it is still as we wrote it; sessions not yet expired live again."""
        return self._deny(params).undo(before)

    def verify_undo(self, params: UserSessionsParams, before: PolicyBefore) -> Verified:
        """Read back what stands under our name."""
        return self._deny(params).back(before)

    def _deny(self, params: UserSessionsParams) -> InlineDeny:
        return InlineDeny(
            self._aws, "user", params.user, purpose="sessions", older_sessions=True, until=params.until
        )
