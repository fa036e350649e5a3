"""A connector that answers from a table, and writes down what it was asked; it opens no socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from firedoor.systems.aws.calls import Aws
from tests.servers import ACCOUNT

Answer = dict[str, Any] | Exception | Callable[[dict[str, Any]], dict[str, Any]]


class CannedAws(Aws):
    """Answers each operation with what the test wrote for it; another operation is a fault of the test."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.account = ACCOUNT
        self.region = "us-east-1"
        self.partition = "aws"
        self.incident = "0a1b2c3d4e5f"
        self.phase = "changing"
        self.answers = dict(answers)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def call(
        self, service: str, operation: str, /, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Answer one call; `asked` holds operation, region and parameters."""
        assert service in {"ec2", "lambda", "s3", "s3control"}, service
        self.asked.append((operation, region or self.region, parameters))
        answer = self.answers[f"account:{operation}" if service == "s3control" else operation]
        if isinstance(answer, Exception):
            raise answer
        return answer(parameters) if callable(answer) else answer

    def pages(
        self, service: str, operation: str, key: str, /, *, region: str | None = None, **parameters: Any
    ) -> list[Any]:
        """Answer one listing."""
        found: list[Any] = self.call(service, operation, region=region, **parameters)[key]
        return found

    def now(self) -> datetime:
        """Stand still."""
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def changes(self) -> list[str]:
        """Name the operations asked so far that are no reads."""
        return [name for name, _, _ in self.asked if not name.startswith(("Get", "List", "Describe"))]
