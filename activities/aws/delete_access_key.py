"""Delete a long-lived access key of an IAM user, after it was deactivated."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar

from activities.aws.command_line import command
from activities.aws.iam.access_key import (
    NAMED_KEY,
    KeyParams,
    belongs_elsewhere,
    key_owners,
    key_target,
    likely_use,
    of_a_namesake,
    statuses,
    statuses_of,
)
from activities.aws.iam.identity import iam_region
from firedoor.domain.action.action import (
    Action,
    Already,
    Before,
    Change,
    Consequence,
    Named,
    Permissions,
    Planned,
    Refuse,
    Reversibility,
    Risk,
    Verdict,
    Verified,
)
from firedoor.domain.core.errors import Absent, Rejected
from firedoor.systems.aws.calls import Aws


class NothingBefore(Before):
    """Nothing is captured: a deleted key cannot be given back."""


class DeleteAccessKey(Action):
    """Remove a key for good; its owner needs a new one with a new secret.

    Facts come from IAM: whose the key is (`GetAccessKeyLastUsed`) and whether it works
    (`ListAccessKeys`); whose the user is, its tags say (`GetUser`). `plan` does not look at
    whether the key works, because a playbook deactivates it between the plan and this step, and
    our own change must not void anybody's vote. `apply` looks, and refuses a key that is still
    active: deactivating first is what shows, while it can be taken back, who needed the key.

    Proven on both emulators. Unproven: how long AWS takes to believe it everywhere.
    """

    summary: ClassVar[str] = "Delete an inactive access key of an IAM user for good."
    reversibility: ClassVar[Reversibility] = Reversibility(
        kind="none", says="AWS never gives a deleted key back; a new key has a new id and a new secret"
    )
    risk: ClassVar[Risk] = Risk.MEDIUM
    permissions: ClassVar[Permissions] = Permissions(
        read=("iam:GetAccessKeyLastUsed", "iam:GetUser", "iam:ListAccessKeys"),
        apply=("iam:DeleteAccessKey", "iam:ListAccessKeys"),
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
        """Check whose the key is."""
        key = f"access key {params.access_key_id}"
        try:
            exists = params.access_key_id in statuses(self._aws, params.user)
        except Absent:
            return Refuse(says=f"user {params.user} does not exist in this account")
        use = likely_use(self._aws, params)
        if use is not None and (refused := belongs_elsewhere(use, params)):
            return refused
        if refused := of_a_namesake(self._aws, params):
            return refused
        if use is None or not exists:
            return Already(says=f"user {params.user} has no {key}")
        return Change(
            says=f"delete {key} of user {params.user} for good",
            before=NothingBefore(),
            consequences=(
                Consequence(
                    says="everything that signs with this key needs a new key; this one cannot come back",
                    observed=use.says,
                ),
            ),
        )

    def owners(self, params: KeyParams) -> tuple[str, ...]:
        """Name the user of the key, and whose that user is."""
        return key_owners(self._aws, params)

    def by_hand(self, params: KeyParams) -> str:
        """Make the same call."""
        return command(
            "iam",
            "delete-access-key",
            user_name=params.user,
            access_key_id=params.access_key_id,
            region=iam_region(self._aws),
        )

    def apply(self, params: KeyParams, before: NothingBefore) -> None:  # noqa: ARG002  the contract's signature
        """Delete the key if it is inactive; a key that is gone already is what was wanted."""
        status = statuses(self._aws, params.user).get(params.access_key_id)
        if status is None:
            return
        if status != "Inactive":
            raise Rejected(
                f"access key {params.access_key_id} of user {params.user} is still active",
                code="KeyStillActive",
                expected="a key that was deactivated before it is deleted",
                mend="put aws.deactivate_access_key before this step",
            )
        try:
            self._aws.call("iam", "DeleteAccessKey", UserName=params.user, AccessKeyId=params.access_key_id)
        except Absent:
            return  # deleted by an attempt whose answer was lost, or by somebody else: it is gone

    def verify(self, params: KeyParams, before: NothingBefore) -> Verified:  # noqa: ARG002  as apply
        """Look for the key among those of its user."""
        key = f"access key {params.access_key_id} of user {params.user}"
        if params.access_key_id in statuses_of(self._aws, params.user):
            return Verified(verdict=Verdict.NOT_YET, says=f"{key} still exists")
        return Verified(verdict=Verdict.YES, says=f"{key} no longer exists")
