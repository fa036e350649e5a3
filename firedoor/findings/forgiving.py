"""Vendors' fields read forgivingly where they only inform, and strictly where they decide.

What only informs and has a wrong type is absent. What decides whether or where anybody acts (an account, a
region, a status, a mark of a sample) is read where it can mean only one thing, and else refused: taken for
missing it would be replaced by a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from firedoor.domain.canonical import MAX_INTEGER
from firedoor.domain.credentials import Redaction
from firedoor.domain.errors import Unreadable
from firedoor.domain.finding import Finding, Resource

_LONGEST: Final = 4096  # of any text in a Finding
_EPOCH_MILLISECONDS: Final = (
    100_000_000_000  # as seconds this is the year 5138: a larger number counts milliseconds
)
_EPOCH = re.compile(r"[0-9]{9,13}(\.[0-9]+)?")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"([a-z]{2}(?:-[a-z]+)+-[0-9]{1,2})[a-z]?")  # with the letter of a zone, or without
_NOWHERE: Final = frozenset(("global", "aws-global"))  # how AWS writes that a thing has no region
_YES: Final = frozenset(("true", "1", "yes", "y", "on"))
_NO: Final = frozenset(("false", "0", "no", "n", "off", ""))
_QUOTABLE: Final = 80
_CREDENTIALS: Final = Redaction()
_WORD: Final = (
    256  # letters of a word that is left out where a text is cut; the beginning of a longer one tells
)


def text(value: Any) -> str | None:
    """A non-empty text that fits a Finding; whole numbers are taken as their digits."""
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER:
        return str(value)
    return None


def prose(value: Any) -> str:
    """Text for people to read; what does not fit is cut, for it decides nothing."""
    if not isinstance(value, str):
        return ""
    return value if len(value) <= _LONGEST else _cut(value, _LONGEST - 1) + "…"


def number(value: Any) -> float | None:
    """A finite number, also one written as a string."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def count(value: Any) -> int:
    """How often, at least once."""
    read = number(value)
    return min(max(int(read), 1), MAX_INTEGER) if read is not None else 1


def port(value: Any) -> int | None:
    """A TCP or UDP port."""
    read = number(value)
    return int(read) if read is not None and 0 <= read <= 65535 else None  # noqa: PLR2004


def flag(value: Any) -> bool:
    """Whether it says true, as a boolean, as 1 or in words; anything else but a no is refused."""
    told = str(_only(value)).strip().lower()
    if told in _YES:
        return True
    if told in _NO or told == "none":
        return False
    raise ValueError("found neither true nor false")


def word(value: Any) -> str | None:
    """A text that decides something: read or refused, never taken for missing."""
    value = _only(value)
    if isinstance(value, str):
        value = value.strip()
    if value in (None, ""):
        return None
    read = text(value)
    if read is None:
        raise ValueError("found no text")
    return read


def name(value: Any) -> str | None:
    """A principal's name or id: read or refused like any word, but one too long for any is none."""
    value = _only(value)
    return None if isinstance(value, str) and len(value) > _LONGEST else word(value)


def code(value: Any) -> float | None:
    """A number that decides something: read or refused, never taken for missing."""
    value = _only(value)
    if value in (None, ""):
        return None
    read = number(value)
    if read is None:
        raise ValueError("found no number")
    return read


def _only(value: Any) -> Any:
    """The one entry of a list of one, and nothing for an empty list or table."""
    while isinstance(value, (list, dict)):
        if isinstance(value, dict) and value:
            return value
        if len(value) > 1:
            return value
        value = value[0] if value else None
    return value


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, or a single text."""
    items = value if isinstance(value, list) else [value]
    return tuple(read for item in items if isinstance(item, str) and (read := text(item)))


def account(value: Any) -> str | None:
    """An AWS account id: twelve digits. A number that has lost its leading zeros is refused."""
    value = _only(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    read = word(value)
    if read is not None:
        read = read.replace("-", "") if re.fullmatch(r"[0-9]{4}-[0-9]{4}-[0-9]{4}", read) else read
        if not _ACCOUNT.fullmatch(read):
            raise ValueError(f"found {quoted(read)}, which is no AWS account id of twelve digits")
    return read


def owner(value: Any) -> str | None:
    """An account of any cloud; what looks like one of AWS has to be one."""
    value = _only(value)
    if isinstance(value, str) and not re.fullmatch(r"[0-9 -]*", value):
        return word(value)
    return account(value)


def region(value: Any) -> str | None:
    """A region; nothing for `global`, and the region of a zone."""
    read = word(value)
    if read is None or read.lower() in _NOWHERE:
        return None
    match = _REGION.fullmatch(read.lower())
    return match[1] if match else read


def address(value: Any) -> str | None:
    """An IP address; vendors' own samples hold invalid ones, which are dropped."""
    try:
        return str(ip_address(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A time in UTC from ISO 8601, RFC 2822 or epoch seconds or milliseconds; without a zone it is UTC."""
    try:
        if isinstance(value, str) and _EPOCH.fullmatch(value):
            value = float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _EPOCH_MILLISECONDS else value
            return datetime.fromtimestamp(seconds, UTC)
        if not isinstance(value, str):
            return None
        dated = "-" in value[:5] or value[:4].isdecimal()
        read = datetime.fromisoformat(value) if dated else parsedate_to_datetime(value)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None


def _parts(value: Any) -> Any:
    if isinstance(value, dict):  # some emitters unwrap a list of one
        return (value,)
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _every_part(value: Any) -> Any:
    """The same for parts that decide: none may be lost."""
    if value in (None, ""):
        return ()
    if isinstance(value, dict):
        return (value,) if value else ()
    if not isinstance(value, list) or not all(isinstance(item, dict) or item is None for item in value):
        raise ValueError("found no list of objects")
    return tuple(item for item in value if item is not None)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


Item = TypeVar("Item")
MaybeText = Annotated[str | None, BeforeValidator(text)]
MaybeNumber = Annotated[float | None, BeforeValidator(number)]
MaybePort = Annotated[int | None, BeforeValidator(port)]
MaybeAccount = Annotated[str | None, BeforeValidator(account)]
MaybeOwner = Annotated[str | None, BeforeValidator(owner)]
MaybeRegion = Annotated[str | None, BeforeValidator(region)]
MaybeWord = Annotated[str | None, BeforeValidator(word)]
MaybeName = Annotated[str | None, BeforeValidator(name)]
MaybeCode = Annotated[float | None, BeforeValidator(code)]
MaybeMoment = Annotated[datetime | None, BeforeValidator(moment)]
MaybeAddress = Annotated[str | None, BeforeValidator(address)]
Prose = Annotated[str, BeforeValidator(prose)]
Count = Annotated[int, BeforeValidator(count)]
Flag = Annotated[bool, BeforeValidator(flag)]
Texts = Annotated[tuple[str, ...], BeforeValidator(texts)]
Parts = Annotated[tuple[Item, ...], BeforeValidator(_parts)]
EveryPart = Annotated[tuple[Item, ...], BeforeValidator(_every_part)]
Table = Annotated[dict[str, Any], BeforeValidator(_table)]


class Fields(BaseModel):
    """The fields of a vendor's object that we use; all others are ignored, and none is demanded here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _any_shape(cls, value: Any) -> Any:
        return cls._shape(value)

    @classmethod
    def _shape(cls, value: Any) -> Any:
        return value if isinstance(value, (dict, cls)) else {}

    @classmethod
    def read(cls, payload: Any) -> Self:
        """Read what is there; raises nothing but `Unreadable`."""
        try:
            return cls.model_validate(payload)
        except ValidationError as error:
            raise _unreadable(error, where="") from None


class Deciding(Fields):
    """An object in which stands what decides: another shape is refused, not read as an empty one."""

    @classmethod
    def _shape(cls, value: Any) -> Any:
        value = value if isinstance(value, cls) else _only(value)
        if value in (None, ""):
            return {}
        if not isinstance(value, (dict, cls)):
            raise ValueError("found no object")  # noqa: TRY004 -- what pydantic reports
        return value


def certain(read: Callable[[Any], Item], value: Any, field: str) -> Item:
    """Read one value that decides something outside a model; raises nothing but `Unreadable`."""
    try:
        return read(value)
    except ValueError as error:
        raise Unreadable(
            f"{field}: {error}",
            expected="what the detector documents there",
            mend="compare the payload with the detector's documentation",
        ) from None


def needed(value: Item | None, field: str, expected: str) -> Item:
    """Demand a field without which there is no finding."""
    if value is None:
        raise Unreadable(
            f"{field} is missing or has the wrong type",
            expected=expected,
            mend="compare the payload with the detector's documentation",
        )
    return value


def build(**parts: Any) -> Finding:
    """Make the Finding; raises nothing but `Unreadable`."""
    try:
        return Finding(**parts)
    except ValidationError as error:
        raise _unreadable(error, where="the finding's ") from None


def thing(**parts: Any) -> Resource:
    """Make a Resource; raises nothing but `Unreadable`."""
    try:
        return Resource(**parts)
    except ValidationError as error:
        raise _unreadable(error, where="a resource's ") from None


def quoted(value: object) -> str:
    """Text from a payload for one of our sentences: quoted, short and without control characters."""
    words = ascii(value)
    if len(words) <= _QUOTABLE:
        return words
    return _cut(_CREDENTIALS.text(words[:_LONGEST]), _QUOTABLE - 4) + "'..."


def _cut(text: str, most: int) -> str:
    """Cut a text between two words: of half a credential nobody sees that it is one."""
    told = text[:most]
    between = max(told.rfind(gap) for gap in " \n\t") if len(text) > most else -1
    return told[:between] if between > max(0, most - _WORD) else told


def _unreadable(error: ValidationError, *, where: str) -> Unreadable:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    way = ".".join(str(part) for part in first["loc"]) or "value"
    return Unreadable(
        f"{where}{quoted(way)}: {first['msg'].removeprefix('Value error, ')}",
        expected="a payload as the detector documents it",
        mend="compare the payload with the detector's documentation",
    )
