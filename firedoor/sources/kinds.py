"""The table of source kinds: what `kind:` in the configuration may say, and who reads its payloads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from firedoor.sources import aws_eventbridge, generic, github
from firedoor.sources.delivery import Delivery


class Reader(Protocol):
    """Turns one body into a Delivery; pure, and raises nothing but `Unreadable`.

    `headers` have lower-case names. `received` stands in for a time the payload does not tell.
    """

    def __call__(
        self, body: Any, headers: Mapping[str, str], raw_sha256: str, received: datetime
    ) -> Delivery:
        """Read what the detector sent."""
        ...


KINDS: Final[Mapping[str, Reader]] = {
    "aws.eventbridge": aws_eventbridge.read,
    "generic": generic.read,
    "github": github.read,
}
