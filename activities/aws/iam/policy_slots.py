"""Where a policy of ours can stand on an IAM user or role: among its inline policies, or attached to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from firedoor.domain.core.errors import Absent, Rejected
from firedoor.systems.aws.calls import Aws

Kind = Literal["user", "role"]

#: The most managed policies that a user or role can have; 10 unless AWS was asked for more (IAM quotas).
MOST_ATTACHED: Final = 20
_EXISTS: Final = "EntityAlreadyExists"


@dataclass(frozen=True)
class Iam:
    """How IAM, and the command line, call the same thing for a user and for a role."""

    name: str
    option: str
    command: str
    of: Literal["User", "Role"]
    #: Characters of all inline policies together, white space not counted (IAM quotas).
    quota: int


IAM: Final[dict[Kind, Iam]] = {
    "user": Iam("UserName", "user_name", "put-user-policy", "User", 2048),
    "role": Iam("RoleName", "role_name", "put-role-policy", "Role", 10240),
}


class Slot(Protocol):
    """A place for one policy under our name."""

    def get(self) -> Any:
        """Return the document that is in force here, as IAM tells it; None where there is none."""

    def put(self, document: str) -> None:
        """Put a document in force; again is once."""

    def delete(self) -> None:
        """Take it away; what is gone is gone."""


class Inline:
    """An inline policy."""

    def __init__(self, aws: Aws, kind: Kind, principal: str, name: str) -> None:
        self._aws = aws
        self._of = IAM[kind].of
        self._who = {IAM[kind].name: principal}
        self._name = name

    def get(self) -> Any:
        """Read it."""
        return self.read(self._name)

    def read(self, name: str) -> Any:
        """Read any inline policy; None where there is none of that name."""
        try:
            return self._aws.call("iam", f"Get{self._of}Policy", **self._who, PolicyName=name)[
                "PolicyDocument"
            ]
        except Absent:
            return None

    def names(self) -> list[str]:
        """List the names of all inline policies; raises Absent where the principal is gone."""
        return self._aws.pages("iam", f"List{self._of}Policies", "PolicyNames", **self._who)

    def put(self, document: str) -> None:
        """Write it."""
        self._aws.call(
            "iam", f"Put{self._of}Policy", **self._who, PolicyName=self._name, PolicyDocument=document
        )

    def delete(self) -> None:
        """Delete it; removed by an attempt whose answer was lost, it is what was wanted."""
        with suppress(Absent):
            self._aws.call("iam", f"Delete{self._of}Policy", **self._who, PolicyName=self._name)


class Attached:
    """A managed policy of ours, attached: the second way, where the inline policies are full.

    It is made for this one principal and incident, and deleted with the undo.
    """

    def __init__(self, aws: Aws, kind: Kind, principal: str, name: str) -> None:
        self._aws = aws
        self._of = IAM[kind].of
        self._who = {IAM[kind].name: principal}
        # Managed policies stand in the account, not below their principal: the name says whose it is.
        self._name = f"{name}-{principal}"[:128]
        self._arn = f"arn:{aws.partition}:iam::{aws.account}:policy/{self._name}"

    def has_room(self) -> bool:
        """Whether one more can be attached."""
        return len(self._attached()) < MOST_ATTACHED

    def get(self) -> Any:
        """Read what is in force: an own policy that is not attached is not."""
        return self._document() if self._arn in self._attached() else None

    def put(self, document: str) -> None:
        """Make it, or give it a newer version, and attach it."""
        try:
            self._aws.call("iam", "CreatePolicy", PolicyName=self._name, PolicyDocument=document)
        except Rejected as error:
            if error.code != _EXISTS:
                raise
            self._renew(document)
        self._aws.call("iam", f"Attach{self._of}Policy", **self._who, PolicyArn=self._arn)

    def delete(self) -> None:
        """Detach it, then delete it with its versions."""
        with suppress(Absent):
            self._aws.call("iam", f"Detach{self._of}Policy", **self._who, PolicyArn=self._arn)
        with suppress(Absent):
            self._forget_versions()
            self._aws.call("iam", "DeletePolicy", PolicyArn=self._arn)

    def _attached(self) -> list[str]:
        listed = self._aws.pages("iam", f"ListAttached{self._of}Policies", "AttachedPolicies", **self._who)
        return [str(each["PolicyArn"]) for each in listed]

    def _document(self) -> Any:
        try:
            policy = self._aws.call("iam", "GetPolicy", PolicyArn=self._arn)["Policy"]
            version = self._aws.call(
                "iam", "GetPolicyVersion", PolicyArn=self._arn, VersionId=policy["DefaultVersionId"]
            )
        except Absent:
            return None
        return version["PolicyVersion"]["Document"]

    def _renew(self, document: str) -> None:
        self._forget_versions()  # of five that IAM keeps
        self._aws.call(
            "iam",
            "CreatePolicyVersion",
            PolicyArn=self._arn,
            PolicyDocument=document,
            SetAsDefault=True,
        )

    def _forget_versions(self) -> None:
        for version in self._aws.pages("iam", "ListPolicyVersions", "Versions", PolicyArn=self._arn):
            if not version["IsDefaultVersion"]:
                with suppress(Absent):
                    self._aws.call(
                        "iam", "DeletePolicyVersion", PolicyArn=self._arn, VersionId=version["VersionId"]
                    )
