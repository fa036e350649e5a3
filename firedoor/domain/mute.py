"""Mute: how bad that was which a person called a false positive; what is worse is still asked about."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.domain.finding import Finding, Severity
from firedoor.domain.value import Value


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
            return f"{source} reports it as well"
        return None if (via, source, type_) in self.told else f"{source} reports {type_} now"


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.via, finding.source, finding.type
