"""A connector to AWS that writes down the calls made through it, and the permission AWS asks for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from firedoor.domain.core.errors import Absent, Rejected
from firedoor.systems.aws.calls import Aws
from firedoor.systems.aws.permissions import permission
from firedoor.testing.scene import LOOKS, Made

T = TypeVar("T")


class Replica:
    """What reads answered at some time; an old replica answers each of them so once more."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        self._keeps = False
        self._answers = False

    def keep(self) -> None:
        """Keep what is read from now on."""
        self._kept, self._keeps, self._answers = {}, True, False

    def answer(self) -> None:
        """Answer what was kept, each read once."""
        self._keeps, self._answers = False, True

    def ask(self, what: str, read: Callable[[], T]) -> T:
        """Read, or answer from what was kept: also that it was not there."""
        if self._answers and what in self._kept:
            kept = self._kept.pop(what)
            if isinstance(kept, Absent):
                raise kept
            found: T = kept
            return found
        try:
            answer = read()
        except Absent as error:
            if self._keeps:
                self._kept[what] = error
            raise
        if self._keeps:
            self._kept[what] = answer
        return answer


class RecordedAws(Aws):
    """Another's connector, with a list of what was called through it."""

    def __init__(
        self,
        aws: Aws,
        made: list[Made],
        replica: Replica | None = None,
        denied: set[str] | None = None,
    ) -> None:
        self._aws = aws
        self._made = made
        self._replica = replica or Replica()
        self.denied: set[str] = denied if denied is not None else set()
        self.account = aws.account
        self.region = aws.region
        self.partition = aws.partition
        self.incident = aws.incident
        self.phase = aws.phase

    def call(
        self, service: str, operation: str, /, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Pass a call on, and write it down."""
        self._write(service, operation)

        def call() -> dict[str, Any]:
            return self._aws.call(service, operation, region=region, **parameters)

        if not operation.startswith(LOOKS):
            return call()
        return self._replica.ask(f"{service}:{operation} {sorted(parameters.items())}", call)

    def pages(
        self, service: str, operation: str, key: str, /, *, region: str | None = None, **parameters: Any
    ) -> list[Any]:
        """Pass a listing on, and write it down."""
        self._write(service, operation)
        return self._replica.ask(
            f"{service}:{operation} {key} {sorted(parameters.items())}",
            lambda: self._aws.pages(service, operation, key, region=region, **parameters),
        )

    def now(self) -> datetime:
        """Pass the question on; AWS asks no permission for the time."""
        return self._aws.now()

    def _write(self, service: str, operation: str) -> None:
        asked = permission(service, operation)
        self._made.append(Made(service, operation, asked))
        if asked in self.denied:
            raise Rejected(f"{service}:{operation} was answered AccessDenied", code="AccessDenied")
