"""End the sessions of an IAM role."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, timedelta
from typing import Any, ClassVar

from activities.aws.iam.identity import (
    NAMED_ROLE,
    PrincipalId,
    RoleName,
    iam_arn,
    is_another,
    owners_of,
    role_id,
)
from activities.aws.iam.inline_deny import InlineDeny, PolicyBefore, Until
from activities.aws.informing import Informing
from firedoor.domain.action.action import (
    FULL,
    Action,
    Change,
    Consequence,
    Named,
    Params,
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

#: Roles that AWS keeps for itself, or that are the last way into an account: by name, and why not.
_RESERVED_NAMES = {
    "AWSServiceRoleFor": "is a service-linked role, which only its service may change",
    "AWSReservedSSO_": "belongs to IAM Identity Center, which refuses changes to it",
    "AWSControlTower": "belongs to Control Tower",
    "OrganizationAccountAccessRole": "is the organization's way into this account",
}
_RESERVED_PATHS = {
    "/aws-service-role/": "is a service-linked role, which only its service may change",
    "/aws-reserved/": "belongs to AWS, which refuses changes to it",
}


class RoleSessionsParams(Params):
    """Whose sessions, and until when they were used by whom they are not for."""

    role: RoleName
    role_id: PrincipalId | None = None
    until: Until = None


class RevokeRoleSessions(Action):
    """Put an inline policy on a role that denies everything to sessions issued before now.

    Stolen credentials of a role (of an instance, a function, a person) stop working;
    whoever may assume the role takes a new session and goes on. "Now" is AWS's
    clock when the change is made, not ours, rounded up so that a session of the same
    second is ended, too; a repeated `apply` keeps the first one. After the longest
    session the role allows (at most 12 hours) the policy denies nobody.

    Facts come from IAM (`GetRole`, whose answer has the role's tags, its inline policies and
    instance profiles). By hand, "now" is the clock of the machine on which it is pasted.
    Proven against an emulator that evaluates policies: the old session is refused, a new
    one is answered, and the old one lives again after `undo`. Unproven: the seconds until
    AWS believes it everywhere. A session chained from this role into another has an issue
    time of its own and is *not* ended: revoke the other role, too. An attacker who may
    still assume the role takes a new session as anybody else.
    """

    summary: ClassVar[str] = "End the sessions of an IAM role that were issued before now."
    reversibility: ClassVar[Reversibility] = FULL
    risk: ClassVar[Risk] = Risk.MEDIUM
    permissions: ClassVar[Permissions] = Permissions(
        read=(
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
        ),
        apply=(
            "iam:AttachRolePolicy",
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicyVersion",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListPolicyVersions",
            "iam:PutRolePolicy",
        ),
        undo=(
            "iam:AttachRolePolicy",
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListPolicyVersions",
            "iam:PutRolePolicy",
        ),
    )
    decides: ClassVar[Collection[str]] = ("iam:GetRole", "iam:GetRolePolicy")
    settles_within: ClassVar[timedelta] = timedelta(seconds=30)
    example: ClassVar[dict[str, Any]] = {"role": "web-frontend"}
    named: ClassVar[tuple[Named, ...]] = (NAMED_ROLE,)
    covers: ClassVar[str] = "until"

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: RoleSessionsParams) -> str:
        """Name the role."""
        return iam_arn(self._aws.partition, self._aws.account, "role", params.role)

    def plan(self, params: RoleSessionsParams) -> Planned:
        """Check that the role is the one meant, is nobody's last way in, and has room for the policy."""
        if why := _starts(params.role, _RESERVED_NAMES):
            return Refuse(says=f"role {params.role} {why}")
        try:
            role = self._aws.call("iam", "GetRole", RoleName=params.role)["Role"]
        except Absent:
            return Refuse(says=f"role {params.role} does not exist in this account")
        if refused := is_another("role", params.role, params.role_id, role["RoleId"]):
            return refused
        if why := _starts(role["Path"], _RESERVED_PATHS):
            return Refuse(says=f"role {params.role} {why}")
        before = self._deny(params).look()
        if not isinstance(before, PolicyBefore):
            return before
        return Change(
            says=f"end every session of role {params.role} issued until the change is made{before.how()}",
            before=before,
            consequences=self._consequences(params, role),
            owners=owners_of(self.target(params), role),
            identity=role["RoleId"],
        )

    def identify(self, params: RoleSessionsParams) -> str:
        """Ask IAM which role bears the name now."""
        return role_id(self._aws, params.role)

    def by_hand(self, params: RoleSessionsParams) -> str:
        """Write the same policy under the same name."""
        return self._deny(params).by_hand()

    def apply(self, params: RoleSessionsParams, before: PolicyBefore) -> None:
        """Write the policy, unless it stands already: then its time is kept."""
        self._deny(params).put(before)

    def renew(self, params: RoleSessionsParams, before: PolicyBefore) -> None:
        """Move the time to now, so that sessions issued since the first one are ended, too."""
        self._deny(params).put(before, anew=True)

    def verify(self, params: RoleSessionsParams, before: PolicyBefore) -> Verified:
        """Read the policy back."""
        return self._deny(params).verify(before)

    def undo(self, params: RoleSessionsParams, before: PolicyBefore) -> Undone:
        """Take the policy off, if it is still as we wrote it; sessions not yet expired live again."""
        return self._deny(params).undo(before)

    def verify_undo(self, params: RoleSessionsParams, before: PolicyBefore) -> Verified:
        """Read back what stands under our name."""
        return self._deny(params).back(before)

    def _consequences(self, params: RoleSessionsParams, role: dict[str, Any]) -> tuple[Consequence, ...]:
        used = role.get("RoleLastUsed", {}).get("LastUsedDate")
        return (
            Consequence(
                says="whoever works with such a session is refused until it takes a new one",
                observed=f"last used {used.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if used else "",
            ),
            Consequence(says="sessions chained from this role into another role are not ended"),
            # Which these are is observed, not said: a list that cannot be read once is no drift.
            Consequence(
                says="instances that work as this role are refused until they fetch new credentials, "
                "which the role's longest session does not bound",
                observed=self._profiles(params),
            ),
        )

    def _profiles(self, params: RoleSessionsParams) -> str:
        listed = Informing(
            lambda: self._aws.pages(
                "iam", "ListInstanceProfilesForRole", "InstanceProfiles", RoleName=params.role
            )
        ).answer()
        if listed is None:
            return "whether there are any is not known"
        names = ", ".join(sorted(profile["InstanceProfileName"] for profile in listed))
        return f"with profile {names}" if names else "there are none"

    def _deny(self, params: RoleSessionsParams) -> InlineDeny:
        return InlineDeny(
            self._aws, "role", params.role, purpose="sessions", older_sessions=True, until=params.until
        )


def _starts(text: str, reserved: dict[str, str]) -> str | None:
    return next((why for start, why in reserved.items() if text.startswith(start)), None)
