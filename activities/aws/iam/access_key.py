"""Access keys of an IAM user: whose a key is, when it was used and whether it works."""

from __future__ import annotations

from datetime import UTC
from typing import Literal

from activities.aws.iam.identity import (
    NAMED_USER,
    AccessKeyId,
    PrincipalId,
    UserName,
    iam_arn,
    is_another,
    look_up_user,
    owners_of,
)
from activities.aws.informing import Informing
from firedoor.domain.action.action import Named, Params, Refuse
from firedoor.domain.core.errors import Absent
from firedoor.domain.core.value import Value
from firedoor.systems.aws.calls import Aws

Status = Literal["Active", "Inactive"]


#: A key's id is never given to another key; a key that the named user has proves the user.
NAMED_KEY = (
    NAMED_USER.model_copy(update={"keys": ""}),
    Named(param="access_key_id", kind="AWS::IAM::AccessKey", unique="IAM gives a key's id to no other key"),
)


class KeyParams(Params):
    """One key of one user: both are named, so that a key of somebody else is noticed."""

    user: UserName
    access_key_id: AccessKeyId
    user_id: PrincipalId | None = None


class Use(Value):
    """Whose a key is, and its last use as a clause."""

    user: str
    says: str


def key_target(aws: Aws, params: KeyParams) -> str:
    """Name the key below its user: two keys of a user are two targets, and both begin with the user's ARN."""
    user = iam_arn(aws.partition, aws.account, "user", params.user)
    return f"{user}/access-key/{params.access_key_id}"


def last_use(aws: Aws, access_key_id: str) -> Use | None:
    """Ask IAM whose a key is; None when there is no such key."""
    try:
        answer = aws.call("iam", "GetAccessKeyLastUsed", AccessKeyId=access_key_id)
    except Absent:
        return None
    used = answer.get("AccessKeyLastUsed", {})
    when = used.get("LastUsedDate")
    if when is None:
        says = "never used"
    else:
        when = when.astimezone(UTC)
        says = f"last used {when:%Y-%m-%d %H:%M} UTC for {used.get('ServiceName')} in {used.get('Region')}"
    return Use(user=answer.get("UserName", ""), says=says)


def likely_use(aws: Aws, params: KeyParams) -> Use | None:
    """As `last_use`, where it only informs: the list of the user's own keys tells whose the key is.

    None where there is no such key; where it cannot be read, it is taken for the named user's.
    """

    def read() -> tuple[Use | None]:
        return (last_use(aws, params.access_key_id),)

    told = Informing(read).answer()
    return Use(user=params.user, says="when it was last used is not known") if told is None else told[0]


def statuses(aws: Aws, user: str) -> dict[str, Status]:
    """Return every key of a user with its status."""
    keys = aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=user)
    return {key["AccessKeyId"]: key["Status"] for key in keys}


def statuses_of(aws: Aws, user: str) -> dict[str, Status]:
    """Return every key of a user with its status; a user who is not there has none."""
    try:
        return statuses(aws, user)
    except Absent:
        return {}


def key_owners(aws: Aws, params: KeyParams) -> tuple[str, ...]:
    """Return the names of whom the key is: its user, by every name, and the user's owner."""
    user = look_up_user(aws, params.user)
    return owners_of(iam_arn(aws.partition, aws.account, "user", params.user), user, params.user)


def of_a_namesake(aws: Aws, params: KeyParams) -> Refuse | None:
    """Refuse a user that only bears the name of the finding's; one who may not be read is told by the key."""
    if params.user_id is None:
        return None
    found = (look_up_user(aws, params.user) or {}).get("UserId")
    return None if found is None else is_another("user", params.user, params.user_id, found)


def belongs_elsewhere(use: Use, params: KeyParams) -> Refuse | None:
    """Refuse a key that is not the named user's: the finding is stale, or forged."""
    if use.user == params.user:
        return None
    if not use.user:
        return Refuse(
            says=f"access key {params.access_key_id} belongs to no user: "
            "a key of the root user can only be removed by signing in as root"
        )
    return Refuse(says=f"access key {params.access_key_id} belongs to another user than {params.user}")
