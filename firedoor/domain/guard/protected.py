"""Protected: what is never contained, whoever asks."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from firedoor.domain.yaml.problem import Mistake, Mistakes
from firedoor.domain.yaml.reader import Written

_IAM_WITH_PATH = re.compile(r"(?P<head>.*:(?:user|role|group)/)(?P<path>.+/)(?P<name>[^/]+)", re.DOTALL)


class Protection(Written):
    """One thing, or all that a pattern names, and why it is protected.

    `target` is an ARN, in which `*` stands for anything, or an id alone (a
    bucket's name, i-…, sg-…). What stands below a target (the keys of a user)
    is protected with it.
    """

    target: Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^\S+$")]
    why: Annotated[str, StringConstraints(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _can_match(self) -> Self:
        with_path = _IAM_WITH_PATH.fullmatch(self.target)
        if with_path and self.target.startswith("arn:") and not with_path["name"].strip("*"):
            raise Mistakes(
                Mistake(
                    found=f"{self.target!r} tells IAM identities apart by their path alone",
                    expected="a pattern over their names, for actions know an identity by its name",
                    mend="write the names, such as :role/BreakGlass*",
                    way=("target",),
                )
            )
        return self

    def covers(self, target: str) -> bool:
        """Whether a target is this, or stands below it. Case is ignored: IAM names differ in more."""
        return any(
            _matches(spelling + below, target) for spelling in self._spellings() for below in ("", ":*", "/*")
        )

    def _spellings(self) -> tuple[str, ...]:
        if not self.target.startswith("arn:"):
            return (self.target, f"*:{self.target}", f"*/{self.target}")
        with_path = _IAM_WITH_PATH.fullmatch(self.target)
        # An action knows an IAM identity by its name: `role/ops/Breaker` is also `role/Breaker`.
        return (self.target, with_path["head"] + with_path["name"]) if with_path else (self.target,)


def _matches(pattern: str, text: str) -> bool:
    """Match `*` against anything, taking each piece at its first place: linear, whatever the text."""
    first, *rest = pattern.casefold().split("*")
    text = text.casefold()
    if not rest:
        return text == first
    last, end = rest.pop(), len(text)
    if not text.startswith(first) or not text.endswith(last) or len(first) + len(last) > end:
        return False
    end -= len(last)
    at = len(first)
    for piece in rest:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


class Protected(Written):
    """`config/protected.yaml`."""

    protected: tuple[Protection, ...] = Field(default=(), max_length=1000)

    def protects(self, target: str) -> str | None:
        """Say why a target must not be touched; None when it may be."""
        for each in self.protected:
            if each.covers(target):
                return f"{target} is protected: {each.why}"
        return None
