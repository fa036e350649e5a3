"""The doors of a Lambda function: its own and those of its aliases, each with a URL, a policy or both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from activities.aws.informing import Informing
from activities.aws.lambda_.function_policy import AuthType, FunctionPolicy, Grant
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.core.value import Value
from firedoor.systems.aws.calls import Aws

#: Seconds; longer than for what only informs, for an open alias that is not listed stays open.
_LISTED_WITHIN: Final = 15.0


class Door(Value):
    """One way to invoke the function from outside; `auth_type` None where it has no URL.

    `qualifier` is the alias, None for the function itself.
    """

    qualifier: str | None = None
    auth_type: AuthType | None = None
    grants: tuple[Grant, ...] = ()

    @property
    def open(self) -> bool:
        """Whether anybody gets in, or would at a new URL."""
        return self.auth_type == "NONE" or bool(self.grants)


@dataclass(frozen=True)
class Doors:
    """What was seen of all doors; `unknown` is why there may be others, None where all were listed.

    `odd` are the qualifiers of URLs whose AuthType nobody knows; `exists` is None where nothing told it.
    """

    doors: tuple[Door, ...]
    policies: Mapping[str | None, FunctionPolicy]
    cors: bool = False
    odd: tuple[str | None, ...] = ()
    exists: bool | None = None
    unknown: Rejected | Unavailable | None = None

    @property
    def open(self) -> tuple[Door, ...]:
        """The doors by which anybody gets in."""
        return tuple(door for door in self.doors if door.open)

    def at(self, qualifier: str | None) -> Door:
        """Return one door; one that is not there has neither URL nor statement."""
        return next((door for door in self.doors if door.qualifier == qualifier), Door(qualifier=qualifier))


class FunctionDoors:
    """The looks at one function."""

    def __init__(self, aws: Aws, function: str) -> None:
        self._aws = aws
        self._function = function

    def asked(self, qualifier: str | None) -> dict[str, str]:
        """Name the function, or one alias, as a call does."""
        return {"FunctionName": self._function, **({"Qualifier": qualifier} if qualifier else {})}

    def look(
        self, only: str | None = None, *, known: tuple[str | None, ...] = (), listed: bool = True
    ) -> Doors:
        """Look at every door, or only at that of one alias.

        `known` are doors of an earlier look: they are looked at again also where nothing may be listed,
        and they alone where nothing is `listed`.
        """
        unknown: Rejected | Unavailable | None = None
        exists: bool | None = None
        qualifiers: set[str | None] = {only, *known}
        if only is None and listed:
            # A URL belongs to the function or to an alias: where aliases are listed, nothing is missing.
            urls = Informing(self._listed, within=_LISTED_WITHIN)
            aliases = Informing(self._aliases, within=_LISTED_WITHIN)
            try:
                qualifiers |= set(aliases.result())
                exists = True
            except Absent:
                exists = False
            except (Rejected, Unavailable) as error:
                unknown = error
            qualifiers |= set(urls.answer() or ())
        asked = {qualifier: self._config(qualifier) for qualifier in qualifiers}
        configs = {qualifier: config for qualifier, config in asked.items() if config is not None}
        policies = {qualifier: self.policy(qualifier) for qualifier in qualifiers}
        return Doors(
            doors=tuple(self._doors(qualifiers, configs, policies)),
            policies=policies,
            cors=any(config.get("Cors") for config in configs.values()),
            odd=tuple(
                each for each, config in configs.items() if config.get("AuthType") not in {"NONE", "AWS_IAM"}
            ),
            exists=True if configs or any(each.statements for each in policies.values()) else exists,
            unknown=unknown,
        )

    def policy(self, qualifier: str | None) -> FunctionPolicy:
        """Read the statements of one door."""
        resource = f"function:{self._function}{f':{qualifier}' if qualifier else ''}"
        try:
            answer = self._aws.call("lambda", "GetPolicy", **self.asked(qualifier))
            return FunctionPolicy.read(answer, resource=resource)
        except Absent:
            return FunctionPolicy()
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"the policy of {resource} could not be read",
                expected="a policy document with statements",
                mend="look at the function's policy by hand if this stays",
            ) from error

    def _doors(
        self,
        qualifiers: set[str | None],
        configs: Mapping[str | None, Mapping[str, Any]],
        policies: Mapping[str | None, FunctionPolicy],
    ) -> Iterator[Door]:
        for qualifier in sorted(qualifiers, key=lambda each: each or ""):
            auth_type = configs.get(qualifier, {}).get("AuthType")
            yield Door(
                qualifier=qualifier,
                auth_type=auth_type if auth_type in {"NONE", "AWS_IAM"} else None,
                grants=policies[qualifier].grants,
            )

    def _config(self, qualifier: str | None) -> Mapping[str, Any] | None:
        try:
            return self._aws.call("lambda", "GetFunctionUrlConfig", **self.asked(qualifier))
        except Absent:
            return None

    def _aliases(self) -> list[str]:
        aliases = self._aws.pages("lambda", "ListAliases", "Aliases", FunctionName=self._function)
        return [str(each["Name"]) for each in aliases]

    def _listed(self) -> list[str]:
        urls = self._aws.pages(
            "lambda", "ListFunctionUrlConfigs", "FunctionUrlConfigs", FunctionName=self._function
        )
        return [alias for each in urls if (alias := _alias_of(str(each.get("FunctionArn", ""))))]


def _alias_of(arn: str) -> str | None:
    """Read the alias out of the ARN of a function, `…:function:<name>`, or of its alias, `…:<alias>`."""
    return arn.partition(":function:")[2].partition(":")[2] or None
