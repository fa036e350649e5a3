"""The names of IAM, as parameters accept them and as ARNs spell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from activities.aws.informing import Informing
from firedoor.domain.action.action import OWNER_NOT_KNOWN, Named, Params, Refuse
from firedoor.domain.action.tags import as_map, owners_by
from firedoor.domain.core.errors import Absent
from firedoor.systems.aws.calls import Aws

#: IAM's own alphabet and length; anything else is refused before a call is made.
UserName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$", description="Name of the IAM user, without its path."),
]
RoleName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$", description="Name of the IAM role, without its path."),
]
#: A long-lived key of a user begins with AKIA; ASIA keys are sessions and cannot be deactivated.
AccessKeyId = Annotated[
    str,
    Field(
        pattern=r"^AKIA[A-Z0-9]{12,124}$",
        description="Id of a long-lived access key (AKIA…); a session's (ASIA…) ends by revoking sessions.",
    ),
]
#: IAM's own id of a user or role, which is never given to another, whatever its name.
PrincipalId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{3,128}$",
        description="IAM's own id of it (AIDA…, AROA…), as the finding tells it; the planner fills it in. "
        "A user or role of this name with another id is refused.",
    ),
]
AccessKeyIds = Annotated[
    tuple[AccessKeyId, ...],
    Field(
        max_length=100,
        description="Long-lived keys that the finding holds for the user's; the planner fills them in. "
        "Where one is not the user's, the step is refused.",
    ),
]


class UserParams(Params):
    """An IAM user, and what the finding tells of it."""

    user: UserName
    user_id: PrincipalId | None = None
    access_key_ids: AccessKeyIds = ()


NAMED_USER = Named(param="user", kind="AWS::IAM::User", id="user_id", keys="access_key_ids")
NAMED_ROLE = Named(param="role", kind="AWS::IAM::Role", id="role_id")


def is_another(kind: Literal["user", "role"], name: str, told: str | None, found: str) -> Refuse | None:
    """Refuse a user or role that only bears the name of the finding's; None where no other id is told."""
    if told is None or told == found:
        return None
    return Refuse(
        says=f"the finding means {kind} {name} with id {told}; {name} of this account has id {found}: "
        "it is another one with the same name"
    )


def keys_of_another(aws: Aws, params: UserParams) -> Refuse | None:
    """Refuse a user to whom the finding's key does not belong; None where all of them do, or none is told."""
    if not params.access_key_ids:
        return None
    listed = aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=params.user)
    strange = sorted(set(params.access_key_ids) - {key["AccessKeyId"] for key in listed})
    if not strange:
        return None
    return Refuse(
        says=f"access key {', '.join(strange)} of the finding is not a key of user {params.user}: "
        "nothing is done to the user"
    )


def user_id(aws: Aws, name: str) -> str:
    """Return the id of the user that bears a name now; raises Absent."""
    return str(aws.call("iam", "GetUser", UserName=name)["User"]["UserId"])


def role_id(aws: Aws, name: str) -> str:
    """Return the id of the role that bears a name now; raises Absent."""
    return str(aws.call("iam", "GetRole", RoleName=name)["Role"]["RoleId"])


def iam_arn(partition: str, account: str, kind: str, name: str) -> str:
    """Spell the ARN of an IAM user or role; without its path, which only IAM knows."""
    return f"arn:{partition}:iam::{account}:{kind}/{name}"


def iam_region(aws: Aws) -> str | None:
    """Name the region that a person's command needs for IAM; None in AWS's first partition, the default."""
    return None if aws.partition == "aws" else aws.region


def look_up_user(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """Return what IAM tells of a user with its tags; {} where there is none, None where it is not known."""

    def read() -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = aws.call("iam", "GetUser", UserName=name)["User"]
        except Absent:
            return {}
        return found

    return Informing(read).answer()


def owners_of(arn: str, told: Mapping[str, Any] | None, *names: str) -> tuple[str, ...]:
    """Return the names of whom an IAM user or role is: its ARN without and with its path, and its owner's.

    `told` is what IAM says of it, None where that could not be read; its tag `owner` names the owner.
    """
    if told is None:
        return tuple(dict.fromkeys((arn, *names, OWNER_NOT_KNOWN)))
    found = (arn, str(told.get("Arn", arn)), *names, *owners_by(as_map(told.get("Tags"))))
    return tuple(dict.fromkeys(found))
