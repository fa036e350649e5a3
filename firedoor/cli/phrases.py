"""Words and colours for what people look at in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from rich.text import Text

from firedoor.domain.action.action import Risk
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.finding.finding import Severity
from firedoor.presentation.phrases import listed, people

#: Whether undo gives everything back, in two words and a colour.
UNDO: Final[dict[str, tuple[str, str]]] = {
    "full": ("everything", "green"),
    "partial": ("in part", "yellow"),
    "none": ("impossible", "bold red"),
}

_RISKS = {Risk.LOW: "green", Risk.MEDIUM: "yellow", Risk.HIGH: "red"}
_SEVERE = {
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
    Severity.FATAL: "bold red",
    Severity.MEDIUM: "yellow",
}
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_MINUTE = 60


def risk(level: Risk) -> Text:
    """Return a risk in its colour."""
    return Text(level.value, _RISKS[level])


def severity(level: str) -> Text:
    """Return a severity in its colour; a word nobody knows has none."""
    known = level in set(Severity)
    return Text(level, _SEVERE.get(Severity(level), "") if known else "dim")


def span(duration: timedelta) -> str:
    """Say how long in at most two units: `2 h 5 min`."""
    left = int(duration.total_seconds())
    if left < 1:
        return "at once" if left >= 0 and not duration else "less than 1 s"
    said: list[str] = []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count or said:
            said.append(f"{count} {unit}" if count else "")
        if len(said) == 2:  # noqa: PLR2004  two units tell enough
            break
    return " ".join(part for part in said if part)


def clock(moment: datetime) -> str:
    """Write a moment as people compare them, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def since(start: datetime, moment: datetime) -> str:
    """Write how long after the start something was: `+0.4 s`, `+12 min`."""
    after = moment - start
    seconds = after.total_seconds()
    return f"+{seconds:.1f} s" if seconds < _MINUTE else f"+{span(after)}"


def who(rule: ApprovalRule) -> str:
    """Say in one line who has to say yes, until when, and what silence means."""
    told = f"{people(rule.quorum)} of {listed(rule.from_, 'or')} within {span(rule.within)}"
    told += ", signed" if rule.step_up else ""
    if rule.then == "escalate":
        return f"{told}, then {listed(rule.to)} too"
    return f"{told}; silence is {'YES' if rule.then == 'proceed' else 'no'}"
