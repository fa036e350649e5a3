"""A Lambda function's resource policy, read for the statements that let everyone call its URL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from firedoor.domain.value import Value

AuthType = Literal["NONE", "AWS_IAM"]

#: Actions that open the URL by themselves; AddPermission takes the two wildcards as well.
_OPENS_URL = {"lambda:invokefunctionurl", "lambda:*", "*"}
_INVOKES = "lambda:invokefunction"
_AUTH_TYPE = ("stringequals", "lambda:functionurlauthtype")
_VIA_URL = ("bool", "lambda:invokedviafunctionurl")


class Grant(Value):
    """One statement that lets everyone call the URL, as AddPermission would write it again."""

    sid: str
    action: str
    auth_type: AuthType | None = None
    via_url: bool | None = None

    @classmethod
    def read(cls, statement: Mapping[str, Any]) -> Self | None:
        """Read a statement; None when it lets in fewer than everyone, or by another way than the URL."""
        if not for_everyone(statement) or not isinstance(statement.get("Action"), str):
            return None
        conditions = dict(_conditions(statement))
        auth_type, via_url = conditions.pop(_AUTH_TYPE, None), conditions.pop(_VIA_URL, None)
        if conditions or auth_type not in {None, "NONE", "AWS_IAM"} or via_url not in {None, "true", "false"}:
            return None
        name = statement["Action"].lower()
        if name not in _OPENS_URL and not (name == _INVOKES and via_url == "true"):
            return None
        return cls(
            sid=statement["Sid"],
            action=statement["Action"],
            auth_type=auth_type,
            via_url=None if via_url is None else via_url == "true",
        )

    def spelled(self) -> dict[str, Any]:
        """Spell the grant as AddPermission wants it."""
        conditions: dict[str, Any] = {}
        if self.auth_type is not None:
            conditions["FunctionUrlAuthType"] = self.auth_type
        if self.via_url is not None:
            conditions["InvokedViaFunctionUrl"] = self.via_url
        return {"StatementId": self.sid, "Action": self.action, "Principal": "*", **conditions}


@dataclass(frozen=True)
class FunctionPolicy:
    """The statements about one function or alias, and the revision they were read at."""

    statements: tuple[Mapping[str, Any], ...] = ()
    revision: str | None = None

    @classmethod
    def read(cls, answer: Mapping[str, Any], *, resource: str) -> Self:
        """Read an answer of GetPolicy; ValueError, KeyError or TypeError when it is none."""
        # Some answers hold the statements of the aliases too.
        statements = tuple(
            each
            for each in json.loads(answer["Policy"])["Statement"]
            if str(each["Resource"]).endswith(f":{resource}")
        )
        return cls(statements, answer.get("RevisionId"))

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The statements that let everyone call the URL."""
        read = (Grant.read(statement) for statement in self.statements)
        return tuple(sorted((grant for grant in read if grant), key=lambda grant: grant.sid))

    @property
    def sids(self) -> set[str]:
        """The names that are taken."""
        return {str(statement.get("Sid")) for statement in self.statements}

    def others_for_everyone(self) -> Iterator[str]:
        """Say which statements are for everyone too, but not by the URL alone."""
        for statement in self.statements:
            if for_everyone(statement) and Grant.read(statement) is None:
                how = "under conditions" if statement.get("Condition") else "by the Invoke API"
                yield f"statement {json.dumps(statement.get('Sid'))}, for everyone {how}"


def for_everyone(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement allows something to whoever asks, its conditions aside."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    return statement.get("Effect") == "Allow" and named in ("*", ["*"])


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, value in keys.items():
            yield (
                (operator.lower(), key.lower()),
                str(value).lower() if isinstance(value, bool) else str(value),
            )
