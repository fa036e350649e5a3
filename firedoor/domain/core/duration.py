"""A duration as people write it: ISO 8601 (`PT30M`) or one number with a unit (`15m`, `24h`, `7d`)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from firedoor.domain.yaml.problem import Mistake, Mistakes

#: A day is 24 hours; months and years have no fixed length, so they are no durations here.
_ISO = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,6})W|(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
_SHORT = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

#: Far enough for any promise, near enough that no clock overflows.
LONGEST = timedelta(days=3650)

#: The shortest time for a question to people: with less it would be over before it is asked.
SHORTEST_FOR_PEOPLE = timedelta(seconds=1)

EXPECTED = "a duration such as 15m, 24h, 7d or PT30M"
_PATTERN = r"^(\d{1,6}[smhdw]|P(?=.)(\d{1,6}W|(\d{1,6}D)?(T(?=.)(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}S)?)?))$"


def parse(text: str) -> timedelta:
    """Read a duration; raises ValueError with what was expected."""
    parts: dict[str, str | None] = {}
    if short := _SHORT.fullmatch(text):
        parts = {_UNITS[short["unit"]]: short["number"]}
    elif iso := _ISO.fullmatch(text):
        parts = iso.groupdict()
    duration = timedelta(**{unit: int(number) for unit, number in parts.items() if number})
    if not parts or duration > LONGEST:
        raise ValueError(f"{text[:40]!r} is not {EXPECTED}")
    return duration


def iso(duration: timedelta) -> str:
    """Write a duration in ISO 8601, in whole seconds."""
    seconds = int(duration.total_seconds())
    if seconds < 0:
        raise ValueError("a duration is never negative")
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{days}D" if days else ""
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    if not date and not time:
        return "PT0S"
    return f"P{date}T{time}" if time else f"P{date}"


def _read(value: Any) -> Any:
    return parse(value) if isinstance(value, str) else value


def _long_enough(duration: timedelta) -> timedelta:
    """Refuse what is over before it is asked, and what would ask again without a pause."""
    if duration < SHORTEST_FOR_PEOPLE:
        raise Mistakes(
            Mistake(
                found=f"{duration.total_seconds():g} seconds for people to answer",
                expected="at least 1s, and better minutes",
                mend="give people the time to see the question and to read it",
            )
        )
    return duration


#: A timedelta that is read as people write it, and written as ISO 8601.
Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["15m", "24h", "PT30M"]}),
]

#: A duration in which people are asked something; never none.
PeopleDuration = Annotated[Duration, AfterValidator(_long_enough)]
