"""The errors of the house: each says what was found, what was expected and what to do next."""

from __future__ import annotations


class FiredoorError(Exception):
    """An error a person can act on.

    Attributes are plain sentences without secrets and without text from a
    finding that has not been quoted: they are printed, logged and returned over HTTP.
    """

    def __init__(self, found: str, *, expected: str = "", mend: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.mend = mend

    def __str__(self) -> str:
        parts = [self.found]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.mend:
            parts.append(self.mend)
        return "; ".join(parts)


class Unreadable(FiredoorError):
    """A payload or a file that cannot be understood; nothing was done with it."""


class Misconfigured(FiredoorError):
    """Configuration that must not start; `found` begins with file:line:column."""


class Rejected(FiredoorError):
    """The vendor's final no: no such thing, not allowed, malformed. Trying again changes nothing.

    `code` is the vendor's own error code (such as AWS `AccessDenied`), "" where it gave none.
    """

    def __init__(self, found: str, *, code: str = "", expected: str = "", mend: str = "") -> None:
        super().__init__(found, expected=expected, mend=mend)
        self.code = code


class Absent(Rejected):
    """The thing asked about does not exist (AWS `NoSuchEntity`, `NoSuchBucket`, …)."""


class Unavailable(FiredoorError):
    """Try again: throttled, a 5xx, a timeout, a lost reply, or an answer we do not know.

    `retry_after` is the vendor's own wish in seconds, None where it gave none.
    """

    def __init__(
        self,
        found: str,
        *,
        code: str = "",
        retry_after: float | None = None,
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(found, expected=expected, mend=mend)
        self.code = code
        self.retry_after = retry_after
