"""Times as people read them where nothing can put them into their own zone."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(at: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """Write a time where nothing can put it into the reader's own zone."""
    return f"{at.astimezone(UTC):{form}} UTC"
