"""List the access keys of an IAM user."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from activities.aws.iam.identity import NAMED_USER, PrincipalId, UserName, is_another, user_id
from firedoor.domain.action.action import Lookup, Named, Params, Permissions
from firedoor.domain.core.errors import Rejected
from firedoor.domain.core.value import Value
from firedoor.systems.aws.calls import Aws


class KeysOfParams(Params):
    """Whose keys."""

    user: UserName
    user_id: PrincipalId | None = None


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

    Facts come from `ListAccessKeys`, and from `GetUser` where the finding tells the
    user's id. Keys made after the lookup are not in it.
    """

    summary: ClassVar[str] = "List the access keys of an IAM user with their status."
    permissions: ClassVar[Permissions] = Permissions(read=("iam:GetUser", "iam:ListAccessKeys"), apply=())
    example: ClassVar[dict[str, Any]] = {"user": "ci-deployer"}
    named: ClassVar[tuple[Named, ...]] = (NAMED_USER.model_copy(update={"keys": ""}),)

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def read(self, params: KeysOfParams) -> AccessKeys:
        """Return the keys, oldest first; raises Rejected for a user that only bears the finding's name."""
        if params.user_id is not None:
            found = user_id(self._aws, params.user)
            if refused := is_another("user", params.user, params.user_id, found):
                raise Rejected(refused.says)
        listed = self._aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=params.user)
        keys = [
            AccessKey(id=key["AccessKeyId"], status=key["Status"], created=key["CreateDate"].isoformat())
            for key in listed
        ]
        return AccessKeys(keys=tuple(sorted(keys, key=lambda key: (key.created, key.id))))
