"""A Lambda function's resource policy, read for the statements that let everyone invoke it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, Self

from firedoor.domain.core.value import Value

AuthType = Literal["NONE", "AWS_IAM"]

#: What runs a function: at its URL, or by the Invoke API. Since October 2025 a URL asks for both.
_INVOKES = ("lambda:invokefunctionurl", "lambda:invokefunction")
#: What AddPermission takes as an action, so that a statement can be written again.
_SPELLABLE = re.compile(r"lambda:\*|lambda:[A-Za-z]+|\*")
_AUTH_TYPE = ("stringequals", "lambda:functionurlauthtype")
_VIA_URL = ("bool", "lambda:invokedviafunctionurl")
_SOURCE_ARN = ("arnlike", "aws:sourcearn")
#: An ARN pattern that holds everybody's things narrows nothing.
_ANYBODYS = re.compile(r"\*|arn:(?:\*|aws[a-z-]*)(?::\*)*")


class Grant(Value):
    """One statement that lets everyone invoke the function, as AddPermission would write it again."""

    sid: str
    action: str
    auth_type: AuthType | None = None
    via_url: bool | None = None
    source_arn: str | None = None

    @classmethod
    def read(cls, statement: Mapping[str, Any]) -> Self | None:
        """Read a statement; None when it lets in fewer than everyone, or cannot be written again."""
        if not invokable_by_everyone(statement) or not spellable(statement):
            return None
        conditions = dict(_conditions(statement))
        via_url = conditions.get(_VIA_URL)
        return cls(
            sid=statement["Sid"],
            action=statement["Action"],
            auth_type=conditions.get(_AUTH_TYPE),
            via_url=None if via_url is None else via_url == "true",
            source_arn=conditions.get(_SOURCE_ARN),
        )

    @property
    def at_url_only(self) -> bool:
        """Whether it opens nothing but a URL: without one it waits for the next."""
        return self.action.lower() == _INVOKES[0] or self.via_url is True

    def spelled(self) -> dict[str, Any]:
        """Spell the grant as AddPermission wants it."""
        conditions: dict[str, Any] = {}
        if self.auth_type is not None:
            conditions["FunctionUrlAuthType"] = self.auth_type
        if self.via_url is not None:
            conditions["InvokedViaFunctionUrl"] = self.via_url
        if self.source_arn is not None:
            conditions["SourceArn"] = self.source_arn
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
        """The statements that let everyone invoke it, and that can be given back."""
        read = (Grant.read(statement) for statement in self.statements)
        return tuple(sorted((grant for grant in read if grant), key=lambda grant: grant.sid))

    @property
    def sids(self) -> set[str]:
        """The names that are taken."""
        return {str(statement.get("Sid")) for statement in self.statements}

    def others_for_everyone(self) -> Iterator[str]:
        """Say which statements are for everyone too, and why they stay."""
        for statement in self.statements:
            if not for_everyone(statement) or Grant.read(statement) is not None:
                continue
            if invokable_by_everyone(statement):
                how = "and cannot be given back as it is: take it away by hand"
            elif statement.get("Condition"):
                how = "under conditions"
            else:
                how = f"for {statement.get('Action')}"
            yield f"statement {json.dumps(statement.get('Sid'))}, for everyone {how}"


def for_everyone(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement allows something to whoever asks, its conditions aside."""
    return statement.get("Effect") == "Allow" and "*" in _principals(statement)


def invokable_by_everyone(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement lets whoever asks run the function: no condition of it narrows who that is."""
    return (
        for_everyone(statement)
        and any(
            fnmatchcase(invokes, str(name).lower())
            for name in _listed(statement.get("Action"))
            for invokes in _INVOKES
        )
        and all(_narrows_nothing(key, value) for key, value in _conditions(statement))
    )


def spellable(statement: Mapping[str, Any]) -> bool:
    """Tell whether AddPermission could write a statement again exactly as it is."""
    return (
        isinstance(statement.get("Sid"), str)
        and isinstance(statement.get("Action"), str)
        and _SPELLABLE.fullmatch(statement["Action"]) is not None
        and _principals(statement) == ["*"]
    )


def _principals(statement: Mapping[str, Any]) -> list[Any]:
    principal = statement.get("Principal")
    return _listed(principal.get("AWS") if isinstance(principal, dict) else principal)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _narrows_nothing(key: tuple[str, str], value: str) -> bool:
    """Tell whether a condition keeps nobody out: how a URL is called, or everybody's ARNs.

    An organization, an account, a source of somebody's, a token and whatever we do not know narrow.
    """
    if key == _AUTH_TYPE:
        return value in {"NONE", "AWS_IAM"}
    if key == _VIA_URL:
        return value in {"true", "false"}
    return key == _SOURCE_ARN and _ANYBODYS.fullmatch(value) is not None


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, value in keys.items():
            yield (
                (operator.lower(), key.lower()),
                str(value).lower() if isinstance(value, bool) else str(value),
            )
