"""Doors: the configured sources, and how much intake bears at each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from firedoor.gateway.intake.strangers import Room
from firedoor.gateway.intake.verifiers import Verifier


@dataclass(frozen=True, kw_only=True)
class Door:
    """One configured source.

    `accounts` are the AWS accounts it may speak about. None or none of them: it may speak about
    no account, for a missing list must never mean everybody.
    """

    name: str
    kind: str
    verifier: Verifier
    accounts: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much and how long intake bears."""

    body_bytes: int = 10 * 1024 * 1024
    in_flight: int = 256  # of proven senders; a stranger takes none of their places
    strangers: Room = field(default_factory=Room)
    at_once: int = 16  # findings of one batch handed over side by side
    clock_skew: timedelta = timedelta(minutes=5)  # Standard Webhooks' own tolerance
    read_within: float = 10.0
    answer_within: float = 2.5  # seconds; detectors hang up after three to five
