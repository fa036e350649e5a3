"""Deactivate a long-lived access key of an IAM user."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar

from activities.aws.command_line import command
from activities.aws.iam.access_key import (
    NAMED_KEY,
    KeyParams,
    Status,
    belongs_elsewhere,
    key_owners,
    key_target,
    likely_use,
    of_a_namesake,
    statuses_of,
)
from activities.aws.iam.identity import iam_region
from firedoor.connectors.side_by_side import side_by_side
from firedoor.domain.action.action import (
    FULL,
    Action,
    Already,
    Before,
    Captured,
    Change,
    Consequence,
    Named,
    Permissions,
    Planned,
    Refuse,
    Reversibility,
    Risk,
    Undone,
    Verdict,
    Verified,
)
from firedoor.domain.core.errors import Rejected
from firedoor.systems.aws.calls import Aws


class KeyStatusBefore(Before):
    """Whether the key worked before us."""

    status: Captured[Status]


class DeactivateAccessKey(Action):
    """Make a key useless, at once and for every service, without losing it.

    Facts come from IAM itself: whose the key is (`GetAccessKeyLastUsed`) and
    whether it works (`ListAccessKeys`); what the finding says of it is checked, not believed.
    Whose the user is, its tags say (`GetUser`); they are not needed to act.

    Proven against an emulator that verifies signatures: the key's own call is refused
    after `apply` and answered after `undo`. Unproven: how long AWS takes to
    believe it everywhere (seconds, as observed by others). Sessions that the key took with
    `GetSessionToken` or `GetFederationToken` live on; `aws.revoke_user_sessions` ends them.
    Undo cannot tell a key that we deactivated from one that somebody else
    deactivated between plan and apply: the plan made right before apply is what excludes it.
    """

    summary: ClassVar[str] = "Deactivate an access key of an IAM user; it can be activated again."
    reversibility: ClassVar[Reversibility] = FULL
    risk: ClassVar[Risk] = Risk.MEDIUM
    permissions: ClassVar[Permissions] = Permissions(
        read=("iam:GetAccessKeyLastUsed", "iam:GetUser", "iam:ListAccessKeys"),
        apply=("iam:UpdateAccessKey",),
        undo=("iam:ListAccessKeys", "iam:UpdateAccessKey"),
    )
    decides: ClassVar[Collection[str]] = ("iam:ListAccessKeys",)
    settles_within: ClassVar[timedelta] = timedelta(seconds=30)
    example: ClassVar[dict[str, Any]] = {"user": "ci-deployer", "access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    named: ClassVar[tuple[Named, ...]] = NAMED_KEY

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: KeyParams) -> str:
        """Name the key, below the ARN of its user."""
        return key_target(self._aws, params)

    def plan(self, params: KeyParams) -> Planned:
        """Check whose the key is and whether it works."""
        (use, status), namesake = side_by_side(
            lambda: side_by_side(
                lambda: likely_use(self._aws, params),
                lambda: statuses_of(self._aws, params.user),
            ),
            lambda: of_a_namesake(self._aws, params),
        )
        if use is None:
            return Refuse(says=f"access key {params.access_key_id} does not exist in this account")
        if refused := belongs_elsewhere(use, params):
            return refused
        if namesake is not None:
            return namesake
        mine = status.pop(params.access_key_id, None)
        if mine is None:
            return Refuse(says=f"user {params.user} has no access key {params.access_key_id}")
        if mine == "Inactive":
            return Already(says=f"access key {params.access_key_id} of user {params.user} is inactive")
        others = sum(1 for other in status.values() if other == "Active")
        return Change(
            says=f"deactivate access key {params.access_key_id} of user {params.user}",
            before=KeyStatusBefore(status=Captured[Status].of(mine)),
            consequences=(
                # How many other keys work is observed, not said: the same response may deactivate them too.
                Consequence(
                    says="everything that signs with this key is refused",
                    observed=f"{use.says}; other active keys of the user: {others}",
                ),
                Consequence(says="sessions taken with this key before live on until they are revoked"),
            ),
        )

    def owners(self, params: KeyParams) -> tuple[str, ...]:
        """Name the user of the key, and whose that user is."""
        return key_owners(self._aws, params)

    def by_hand(self, params: KeyParams) -> str:
        """Make the same call."""
        return command(
            "iam",
            "update-access-key",
            user_name=params.user,
            access_key_id=params.access_key_id,
            status="Inactive",
            region=iam_region(self._aws),
        )

    def apply(self, params: KeyParams, before: KeyStatusBefore) -> None:  # noqa: ARG002  the contract's signature
        """Set the status; setting it twice is setting it once."""
        self._set(params, "Inactive")

    def verify(self, params: KeyParams, before: KeyStatusBefore) -> Verified:  # noqa: ARG002  as apply
        """Read the status back; a key that is gone is contained, too."""
        status = statuses_of(self._aws, params.user).get(params.access_key_id)
        key = f"access key {params.access_key_id} of user {params.user}"
        if status is None:
            return Verified(verdict=Verdict.YES, says=f"{key} no longer exists")
        if status == "Inactive":
            return Verified(verdict=Verdict.YES, says=f"{key} is inactive")
        return Verified(verdict=Verdict.NOT_YET, says=f"{key} is active")

    def undo(self, params: KeyParams, before: KeyStatusBefore) -> Undone:
        """Activate the key again if it worked before us and is inactive now."""
        key = f"access key {params.access_key_id} of user {params.user}"
        if before.status.state != "value":
            raise Rejected(
                f"whether {key} worked before is not known",
                expected="a captured status",
                mend="look at the key and activate it by hand if it should work",
            )
        status = statuses_of(self._aws, params.user).get(params.access_key_id)
        if status is None:
            return Undone(outcome="drifted", says=f"{key} was deleted meanwhile; it cannot be given back")
        if before.status.value == status:
            return Undone(outcome="nothing", says=f"{key} is {status.lower()}, as it was before")
        if before.status.value == "Inactive":
            return Undone(outcome="drifted", says=f"{key} was inactive before us and is active now")
        self._set(params, "Active")
        return Undone(outcome="restored", says=f"{key} is active again")

    def verify_undo(self, params: KeyParams, before: KeyStatusBefore) -> Verified:
        """Read the status back."""
        status = statuses_of(self._aws, params.user).get(params.access_key_id)
        same = status == before.status.value
        return Verified(
            verdict=Verdict.YES if same else Verdict.NOT_YET,
            says=f"access key {params.access_key_id} of user {params.user} is {(status or 'gone').lower()}",
        )

    def _set(self, params: KeyParams, status: Status) -> None:
        self._aws.call(
            "iam", "UpdateAccessKey", UserName=params.user, AccessKeyId=params.access_key_id, Status=status
        )
