"""What a delivery brings is made fit to be kept: nothing is too large."""

from __future__ import annotations

from dataclasses import replace

from firedoor.domain.finding.finding import Finding, too_large
from firedoor.sources.delivery import Delivery, Left


def admitted(delivery: Delivery) -> Delivery:
    """Return the delivery without the findings that no response could hold; each says what is too large."""
    fit: list[Finding] = []
    left: list[Left] = []
    for finding in delivery.findings:
        if says := too_large(finding):
            left.append(Left(finding.uid, says))
        else:
            fit.append(finding)
    return replace(delivery, findings=tuple(fit), too_large=tuple(left)) if left else delivery
