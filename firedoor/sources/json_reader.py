"""Strict JSON: bytes from outside become plain values, or `Unreadable` that names the place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from firedoor.domain.core.errors import Unreadable

#: Real payloads nest about 15 deep; beyond this only an attack does.
MAX_DEPTH: Final = 64

#: Ten megabytes of real findings hold a tenth of this. What holds more keeps every other thread waiting
#: while it is read, and while Python's collector looks through it.
MAX_CONTAINERS: Final = 250_000
MAX_COMMAS: Final = 1_000_000

_INFINITE: Final = frozenset((float("inf"), float("-inf")))

_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<mark>[{}\[\]:,])
      | (?P<number>-?[0-9][0-9eE+.\-]*)
      | (?P<constant>NaN|-?Infinity)
      | (?P<word>[a-z]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Found(Exception):
    """A mistake that the fast reader noticed without knowing where it stands."""


def read_json(raw: bytes) -> Any:
    """Read one JSON text (RFC 8259, and of I-JSON what protects us) or raise `Unreadable`.

    Refused besides broken syntax: bytes that are not UTF-8, a byte order mark, doubled keys
    (parsers disagree on which one counts), NaN and infinities, numbers too large for a
    float, lone surrogates, nesting deeper than 64, more values than any finding needs. Whole
    numbers beyond 2**53 are tolerated: vendors send nanoseconds in fields nobody reads.
    """
    _refuse_too_many(raw)
    text = _decode(raw)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _at(text, error.pos, _syntax(error.msg), expected="valid JSON") from None
    except _Found as error:
        raise _locate(text, str(error)) from None
    except RecursionError:
        raise _locate(text, "nesting") from None
    except ValueError:
        # int() refuses absurdly long digits before they cost quadratic time.
        raise Unreadable(
            "a number with thousands of digits",
            expected="numbers of ordinary size",
            mend="send it as a string",
        ) from None
    if _deeper(value, MAX_DEPTH):
        raise _locate(text, "nesting")
    if _ESCAPED_SURROGATE.search(text):
        _refuse_lone_surrogates(text, value)
    return value


def _refuse_too_many(raw: bytes) -> None:
    """Count marks, in strings or not: a bound on the values that costs next to nothing."""
    counted = (
        ("opening brackets", raw.count(b"[") + raw.count(b"{"), MAX_CONTAINERS),
        ("commas", raw.count(b","), MAX_COMMAS),
    )
    for what, found, most in counted:
        if found > most:
            raise Unreadable(
                f"{found} {what} in one body", expected=f"at most {most}", mend="send it in several bodies"
            )


def _decode(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Unreadable(
            "a byte order mark at byte 0",
            expected="UTF-8 without a byte order mark",
            mend="send the body without the bytes EF BB BF",
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise Unreadable(
            f"a byte that is not UTF-8 at byte {error.start} (line {line}, column {column})",
            expected="a body in UTF-8",
            mend="encode the body as UTF-8 before signing and sending it",
        ) from None
    if not text.strip(" \t\n\r"):
        raise Unreadable(
            "an empty body", expected="a JSON object", mend="send the finding as the request's body"
        )
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise _Found("double")
    return read


def _real(digits: str) -> float:
    value = float(digits)
    if value in _INFINITE:
        raise _Found("number")
    return value


def _constant(_: str) -> Any:
    raise _Found("constant")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_real, parse_constant=_constant)


def _deeper(value: Any, limit: int) -> bool:
    level = [value] if type(value) in (dict, list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
    return bool(level)


def _refuse_lone_surrogates(text: str, value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        match = _ESCAPED_SURROGATE.search(text)
        raise _at(
            text,
            match.start() if match else 0,
            "an escaped half of a surrogate pair",
            expected="whole characters",
            mend="escape characters beyond U+FFFF as a pair, or send them as UTF-8",
        ) from None


_SAYS = {
    "double": ("a key that stands twice in one object", "every key once", "remove one of the two"),
    "number": ("a number too large for a float", "a finite number", "send it as a string"),
    "constant": ("NaN or Infinity", "a number as JSON knows it", "send null instead"),
    "nesting": (f"nesting deeper than {MAX_DEPTH}", f"at most {MAX_DEPTH} levels", "flatten the body"),
}


def _locate(text: str, what: str) -> Unreadable:
    """Walk the tokens again, slowly, to say where the mistake stands."""
    found, expected, mend = _SAYS[what]
    for kind, offset in _mistakes(text):
        if kind == what:
            return _at(text, offset, found, expected=expected, mend=mend)
    return Unreadable(found, expected=expected, mend=mend)


def _mistakes(text: str) -> Iterator[tuple[str, int]]:
    keys: list[set[str] | None] = []  # one entry an open bracket; None for an array
    awaiting_key = False
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        kind = match.lastgroup or ""
        start, lexeme = match.start(kind), match[kind]
        if kind == "constant" or (kind == "number" and _overflows(lexeme)):
            yield kind, start
        elif kind == "string" and awaiting_key and keys and keys[-1] is not None:
            key = json.loads(lexeme, strict=False)
            if key in keys[-1]:
                yield "double", start
            keys[-1].add(key)
            awaiting_key = False
        elif lexeme in ("{", "["):
            keys.append(set() if lexeme == "{" else None)
            awaiting_key = lexeme == "{"
            if len(keys) == MAX_DEPTH + 1:
                yield "nesting", start
        elif lexeme in ("}", "]") and keys:
            keys.pop()
            awaiting_key = False
        elif lexeme == ",":
            awaiting_key = bool(keys) and keys[-1] is not None


def _overflows(digits: str) -> bool:
    try:
        return float(digits) in _INFINITE
    except ValueError:
        return False


def _syntax(message: str) -> str:
    """The standard library's words, without the capital letter of a sentence's start."""
    return message[:1].lower() + message[1:]


def _at(text: str, offset: int, found: str, *, expected: str, mend: str = "") -> Unreadable:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    position = len(text[:offset].encode("utf-8", "surrogatepass"))
    return Unreadable(
        f"{found} at byte {position} (line {line}, column {column})",
        expected=expected,
        mend=mend or "mend the JSON at this place",
    )
