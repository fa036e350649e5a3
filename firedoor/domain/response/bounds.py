"""Bounds: how much one response takes in, and how large what it plans, tells and carries may be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pydantic_core import to_json

from firedoor.domain.finding.finding import Finding
from firedoor.domain.response.messages import subjects_of

# A payload of Temporal's holds 2 MB, a history 50 MB and 51 200 events. Each bound below is on bytes as JSON.

#: All findings of one response, with the first one; beyond that they are counted and named by hash.
MOST_TAKEN = 832_000
MOST_FINDINGS = 400
#: Names of whom the findings are about: each stands in every ask.
MOST_NAMES = 32_000
#: Kept free for what is worse: a detector or a type of finding that was not heard before …
_FOR_OTHERS = 64_000
#: … and for a higher severity, of which there are six; a finding is at most 64 kB.
_FOR_WORSE = _FOR_OTHERS + 5 * 66_000
_MORE_FINDINGS = 20

#: Findings that came while a response was closing, and begin the next one.
MOST_LATE = 256_000
#: Hashes of findings that were not taken in, that are told one by one: the last ones.
NAMED = 50

#: A next run begins well before the server wants it: at 4 096 events or 4 MB, at 2 000 updates.
RUN_EVENTS, RUN_BYTES, RUN_UPDATES = 3_000, 3_000_000, 1_000

#: Entries of the ledger that travel whole; what is older is written to the evidence store in parts.
MOST_WHOLE = 384_000
PART_BYTES = 768_000
#: What one payload may hold in all.
MOST_CARRIED = 1_900_000

#: The plan of a response, and the largest answer of a lookup in it.
MOST_PLAN = 640_000
MOST_LOOKUP = 64_000

#: How a flood is planned: so many plans in this time at once, each further one after twice the pause.
WINDOW, _AT_ONCE, _FIRST_PAUSE = timedelta(minutes=10), 4, timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)


def weight(value: object) -> int:
    """Tell how many bytes a value is as JSON."""
    return len(to_json(value))


def pause_before_plan(plans_in_window: int) -> timedelta:
    """Tell how long the next plan waits after the last one, by how many were made of late."""
    beyond = plans_in_window - _AT_ONCE
    if beyond < 0:
        return timedelta()
    return min(_FIRST_PAUSE * float(2 ** min(beyond, 8)), LONGEST_PAUSE)


class Intake:
    """How much of the findings of a response is taken in already."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.bytes = 0
        self.count = 0
        self._kinds: set[tuple[str, str]] = set()
        self._names: set[str] = set()
        self.severity = findings[0].severity
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """Count one that is taken in."""
        self.bytes += weight(finding)
        self.count += 1
        self._kinds.add((finding.source, finding.type))
        self._names.update(subjects_of((finding,)))
        self.severity = max(self.severity, finding.severity, key=lambda severity: severity.rank)

    def is_worse(self, finding: Finding) -> bool:
        """Whether it is more severe than everything that was taken in."""
        return finding.severity.rank > self.severity.rank

    def has_room(self, finding: Finding) -> bool:
        """Whether a finding is taken in; for what is worse some room is kept."""
        most, count = MOST_TAKEN, MOST_FINDINGS
        if self.is_worse(finding):
            most, count = MOST_TAKEN + _FOR_WORSE, MOST_FINDINGS + _MORE_FINDINGS
        elif (finding.source, finding.type) not in self._kinds:
            most, count = MOST_TAKEN + _FOR_OTHERS, MOST_FINDINGS + _MORE_FINDINGS // 2
        names = sum(len(name.encode()) for name in self._names.union(subjects_of((finding,))))
        return (
            self.count < count
            and self.bytes + weight(finding) <= most
            and (names <= MOST_NAMES or self.is_worse(finding))
        )
