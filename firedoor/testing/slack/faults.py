"""What goes wrong with a call, on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """What goes wrong with the next calls of one method.

    `lost`: it is done, and the answer never arrives. `delay`: it is done, and the
    answer comes so many seconds later.
    """

    method: str
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    delay: float = 0.0
    times: int = 1

    @property
    def happens(self) -> bool:
        """Whether the call is done all the same."""
        return self.lost or self.delay > 0


class Faults(list[Fault]):
    """The faults that wait for their call."""

    def take(self, method: str) -> Fault | None:
        """Return the fault of this call, and count it."""
        for fault in self:
            if fault.method == method and fault.times > 0:
                fault.times -= 1
                return fault
        return None
