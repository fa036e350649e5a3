"""Mute: how bad that was which a person called a false positive; what is worse is still asked about."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Finding, Severity

_LONG = 80  # characters


class Muted(Value):
    """What was called a false positive: its severity, and each (configured source, detector, type) of it."""

    severity: Severity
    told: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> Muted:
        """Remember what some findings said."""
        return cls(
            severity=max((finding.severity for finding in findings), key=lambda severity: severity.rank),
            told=tuple(dict.fromkeys(_kind(finding) for finding in findings)),
        )

    def worse(self, finding: Finding) -> str | None:
        """Say what of a finding is worse than, or other than, what was muted; None where nothing is."""
        if finding.severity.rank > self.severity.rank:
            return f"its severity is {finding.severity.value}, and was {self.severity.value}"
        via, source, type_ = _kind(finding)
        if (via, source) not in {(door, detector) for door, detector, _ in self.told}:
            return f"{finding.source} reports it as well"
        return None if (via, source, type_) in self.told else f"{finding.source} reports {finding.type} now"


def _kind(finding: Finding) -> tuple[str, str, str]:
    return _named(finding.via), _named(finding.source), _named(finding.type)


def _named(text: str) -> str:
    """Keep a name short: a sender may choose many of 4 kB, and all of them stand in every report."""
    return text if len(text) <= _LONG else blake2b(text.encode(), digest_size=16).hexdigest()
