"""The names of IAM, as parameters accept them and as ARNs spell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from firedoor.connectors.aws import Aws
from firedoor.domain.errors import Rejected
from firedoor.domain.tags import as_map, owners_by

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


def iam_arn(partition: str, account: str, kind: str, name: str) -> str:
    """Spell the ARN of an IAM user or role; without its path, which only IAM knows."""
    return f"arn:{partition}:iam::{account}:{kind}/{name}"


def iam_region(aws: Aws) -> str | None:
    """Name the region that a person's command needs for IAM; None in AWS's first partition, the default."""
    return None if aws.partition == "aws" else aws.region


def look_up_user(aws: Aws, name: str) -> Mapping[str, Any]:
    """Return what IAM tells of a user with its tags; {} where there is none, or where it may not be read."""
    try:
        found: Mapping[str, Any] = aws.call("iam", "GetUser", UserName=name)["User"]
    except Rejected:
        return {}
    return found


def owners_of(arn: str, told: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """Return the names of whom an IAM user or role is: its ARN without and with its path, and its owner's.

    `told` is what IAM says of it, {} where that could not be read; its tag `owner` names the owner.
    """
    found = (arn, str(told.get("Arn", arn)), *names, *owners_by(as_map(told.get("Tags"))))
    return tuple(dict.fromkeys(found))


def is_ourselves(aws: Aws, kind: Literal["user", "role"], name: str) -> bool:
    """Tell whether a user or role is the one that Firedoor itself works as, in this account."""
    ours = str(aws.call("sts", "GetCallerIdentity")["Arn"]).split(":", 5)[-1].split("/")
    # `user/<path>/<name>`, or `assumed-role/<name>/<session>`, which has no path.
    if kind == "user":
        return ours[0] == "user" and ours[-1] == name
    return ours[0] == "assumed-role" and ours[1] == name
