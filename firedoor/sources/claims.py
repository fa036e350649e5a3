"""Claims: what a sender says of who speaks and when, held against the source it came through."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding
from firedoor.sources import access_analyzer, aws_health, generic, github, guardduty, security_hub
from firedoor.sources.delivery import Delivery, Left
from firedoor.sources.forgiving import quoted

#: The kind of source whose senders choose every word of a finding.
GENERIC: Final = "generic"
#: The detectors that readers of their own speak for. No generic source may take one of these names.
DETECTORS: Final = frozenset(
    reader.SOURCE for reader in (access_analyzer, aws_health, github, guardduty, security_hub)
)
_AWS: Final = "aws."
#: How far a sender's clock may be ahead of ours.
SKEW: Final = timedelta(minutes=5)


def held(
    delivery: Delivery,
    *,
    kind: str,
    via: str,
    sources: Collection[str] = (),
    received: datetime,
    skew: timedelta = SKEW,
) -> Delivery:
    """Return the delivery with each finding marked by its source, and without those that claim too much.

    `sources` are the names of all configured sources. Raises `Unreadable` where nothing is left.
    """
    kept: list[Finding] = []
    refused: list[Left] = []
    first: Unreadable | None = None
    for finding in delivery.findings:
        objection = _from_the_future(finding, received + skew)
        if objection is None and kind == GENERIC:
            objection = _foreign_name(finding.source, via, sources)
        if objection is None:
            marks = {"via": via, "generic": kind == GENERIC, "left_out": ()}
            kept.append(finding.model_copy(update=marks))
        else:
            first = first or objection
            refused.append(Left(finding.uid, str(objection)))
    if first is not None and not kept and not delivery.ignored:
        raise first
    return replace(delivery, findings=tuple(kept), unreadable=(*delivery.unreadable, *refused))


def _from_the_future(finding: Finding, latest: datetime) -> Unreadable | None:
    """Refuse a version that would make the true ones, which come later, look old."""
    if finding.modified <= latest:
        return None
    return Unreadable(
        f"a finding modified at {finding.modified.isoformat()}, which is in the future",
        expected=f"at most {latest.isoformat(timespec='seconds')}",
        mend="set the sender's clock",
    )


def _foreign_name(source: str, via: str, sources: Collection[str]) -> Unreadable | None:
    """Refuse what speaks as a detector with a reader of its own, or as another configured source."""
    name = unicodedata.normalize("NFKC", source).strip().casefold()
    own = {generic.SOURCE, via} - DETECTORS
    if name in own:
        return None
    if name in DETECTORS or name.startswith(_AWS):
        who = "which only its own kind of source may say"
    elif name in sources:
        who = "which is another source of firedoor.yaml"
    else:
        return None
    return Unreadable(
        f"a finding of {quoted(source)} through a generic source, {who}",
        expected=f"source {generic.SOURCE!r}, or a name that nobody else has",
        mend="leave source out, or send the detector's own payload to a source of its kind",
    )
