"""List the access keys of an IAM user."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from activities.aws.identity import UserName
from firedoor.connectors.aws import Aws
from firedoor.domain.action import Lookup, Params, Permissions
from firedoor.domain.value import Value


class UserParams(Params):
    """Whose keys."""

    user: UserName


class AccessKey(Value):
    """A key as IAM lists it; IAM never tells a secret."""

    id: str
    status: Literal["Active", "Inactive"]
    created: str


class AccessKeys(Value):
    """All keys of a user, oldest first."""

    keys: tuple[AccessKey, ...]


class ListAccessKeys(Lookup):
    """Every key of a user with its status, so that a playbook can stop all of them.

    Facts come from `ListAccessKeys`. Keys made after the lookup are not in it.
    """

    summary: ClassVar[str] = "List the access keys of an IAM user with their status."
    permissions: ClassVar[Permissions] = Permissions(read=("iam:ListAccessKeys",), apply=())
    example: ClassVar[dict[str, Any]] = {"user": "ci-deployer"}

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, params: UserParams) -> AccessKeys:
        """Return the keys, oldest first."""
        listed = self._aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=params.user)
        keys = [
            AccessKey(id=key["AccessKeyId"], status=key["Status"], created=key["CreateDate"].isoformat())
            for key in listed
        ]
        return AccessKeys(keys=tuple(sorted(keys, key=lambda key: (key.created, key.id))))
