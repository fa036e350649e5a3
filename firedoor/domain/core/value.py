"""The base of every value in the house: frozen, and with no key that nobody knows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen pydantic model that refuses unknown keys.

    Values are what crosses every border of the house: HTTP bodies, Temporal's
    history, evidence. They carry no behaviour that needs a clock or a network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)
