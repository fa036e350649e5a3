"""Find the IAM user whose access key it is."""

from __future__ import annotations

from typing import Any, ClassVar

from activities.aws.iam.access_key import last_use
from activities.aws.iam.identity import AccessKeyId
from firedoor.domain.action.action import Lookup, Named, Params, Permissions
from firedoor.domain.core.value import Value
from firedoor.systems.aws.calls import Aws


class KeyParams(Params):
    """Which key."""

    access_key_id: AccessKeyId


class Owner(Value):
    """Whose the key is; `user` is empty where this account has no such key, or its root user has it."""

    user: str


class FindKeyOwner(Lookup):
    """The user of a key, for detectors that tell the key alone (AWS Health, secret scanners).

    Facts come from `GetAccessKeyLastUsed`, which answers for long-lived keys of its own account
    only. Steps that are given an empty user are refused when they are planned.
    """

    summary: ClassVar[str] = "Find the IAM user whose access key it is."
    permissions: ClassVar[Permissions] = Permissions(read=("iam:GetAccessKeyLastUsed",), apply=())
    example: ClassVar[dict[str, Any]] = {"access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    named: ClassVar[tuple[Named, ...]] = (
        Named(
            param="access_key_id", kind="AWS::IAM::AccessKey", unique="IAM gives a key's id to no other key"
        ),
    )

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, params: KeyParams) -> Owner:
        """Return the user's name."""
        use = last_use(self._aws, params.access_key_id)
        return Owner(user=use.user if use else "")
