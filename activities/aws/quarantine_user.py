"""Deny an IAM user everything."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, timedelta
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
from activities.aws.iam.inline_deny import InlineDeny, PolicyBefore
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


class QuarantineParams(UserParams):
    """Who is to be denied."""


class QuarantineUser(Action):
    """Put an inline policy on a user that denies every action on everything.

    Its keys, its console session and the sessions it took are all denied, and so is the
    user's own way to take the policy off again: this comes before everything else. Calls
    that AWS always answers (`sts:GetCallerIdentity`) are answered still.

    Facts come from IAM itself (`GetUser`, whose answer has the user's tags, and the user's
    inline policies, whose size is checked against the quota). Proven against an emulator that
    evaluates policies: the attacker's own call is refused after `apply` and answered after
    `undo`, with the key and with a session taken before. Unproven: the seconds until AWS
    believes it everywhere, in which a fast attacker can act, or take the policy off.
    """

    summary: ClassVar[str] = "Deny an IAM user everything by an inline policy."
    reversibility: ClassVar[Reversibility] = FULL
    risk: ClassVar[Risk] = Risk.HIGH
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

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: QuarantineParams) -> str:
        """Name the user."""
        return iam_arn(self._aws.partition, self._aws.account, "user", params.user)

    def plan(self, params: QuarantineParams) -> Planned:
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
        seen = user.get("PasswordLastUsed")
        console = f"console last used {seen.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if seen else ""
        return Change(
            says=f"deny user {params.user} every action in every service{before.how()}",
            before=before,
            consequences=(
                Consequence(
                    says="everything that works as this user is refused: keys, console and sessions",
                    observed=console,
                ),
                Consequence(says="roles that this user has assumed already are not ended"),
            ),
            owners=owners_of(self.target(params), user, params.user),
            identity=user["UserId"],
        )

    def identify(self, params: QuarantineParams) -> str:
        """Ask IAM which user bears the name now."""
        return user_id(self._aws, params.user)

    def by_hand(self, params: QuarantineParams) -> str:
        """Write the same policy under the same name."""
        return self._deny(params).by_hand()

    def apply(self, params: QuarantineParams, before: PolicyBefore) -> None:
        """Write the policy; writing it twice is writing it once."""
        self._deny(params).put(before)

    def verify(self, params: QuarantineParams, before: PolicyBefore) -> Verified:
        """Read the policy back."""
        return self._deny(params).verify(before)

    def undo(self, params: QuarantineParams, before: PolicyBefore) -> Undone:
        """Take the policy off, if it is still as we wrote it."""
        return self._deny(params).undo(before)

    def verify_undo(self, params: QuarantineParams, before: PolicyBefore) -> Verified:
        """Read back what stands under our name."""
        return self._deny(params).back(before)

    def _deny(self, params: QuarantineParams) -> InlineDeny:
        return InlineDeny(self._aws, "user", params.user, purpose="quarantine", older_sessions=False)
