"""YAML text as a plain tree that remembers how and where each scalar was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from firedoor.domain.core.canonical import MAX_INTEGER
from firedoor.domain.yaml.problem import Illegible, Position, Problem, Way

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_KEY = 256

# Bidirectional controls make a reviewer see another text than the machine reads.
# U+0085, U+2028 and U+2029 break lines in some YAML versions and not in others.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_LONE_RETURN = re.compile(r"\r(?!\n)")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SAFE_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
# Not our own words alone: other readers take `yes` and `on` for booleans.
_QUOTED = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_NO_VALUE = frozenset(["", "~", "null"])


class Plain(str):
    """A scalar written without quotes: its meaning depends on what is asked for."""

    __slots__ = ()

    def meaning(self) -> Any:
        """Say what it is where nothing is asked for: what JSON would read, else the text.

        JSON's spelling is what YAML 1.1, YAML 1.2 and JSON all agree on. So
        `yes`, `012`, `0x1F`, `1_000` and a number too large to carry stay text.
        """
        text = str(self)
        if text in _NO_VALUE:
            return None
        if text in {"true", "false"}:
            return text == "true"
        if _INTEGER.fullmatch(text) and len(text) <= len(str(MAX_INTEGER)) + 1:
            number = int(text)
            return number if abs(number) <= MAX_INTEGER else text
        if _NUMBER.fullmatch(text) and not _INTEGER.fullmatch(text):
            real = float(text)
            return real if abs(real) != float("inf") else text
        return text


@dataclass(frozen=True)
class Document:
    """A read file: `tree` holds dict, list, str and Plain; `at` says where each part stands."""

    file: str
    tree: Any
    _values: Mapping[Way, Position]
    _keys: Mapping[Way, Position]

    def at(self, way: Way = ()) -> Position:
        """Return the place of a value, or of the nearest part above it that exists."""
        while way and way not in self._values:
            way = way[:-1]
        return self._values[way]

    def of_key(self, way: Way) -> Position:
        """Return the place of a mapping's key, or where its value would stand."""
        return self._keys.get(way) or self.at(way)

    def get(self, way: Way = ()) -> Any:
        """Return the part of the tree that `way` leads to; raises LookupError when there is none."""
        if way not in self._values:
            raise LookupError(way)
        part = self.tree
        for step in way:
            part = part[step]
        return part


def read(text: str | bytes, file: str) -> Document:
    """Read one YAML document; raises `Illegible` (an `Unreadable`) with its place."""
    return _Reading(_checked_text(text, file), file).document()


def meaning(tree: Any) -> Any:
    """Return the tree with every plain scalar read as JSON would."""
    if isinstance(tree, Plain):
        return tree.meaning()
    if isinstance(tree, dict):
        return {key: meaning(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [meaning(value) for value in tree]
    return tree


def write(tree: Any) -> str:
    """Write plain values as YAML that reads back as the same values."""
    return "\n".join(_lines(tree)) + "\n"


def _lines(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _entry(f"{_scalar(str(key))}:", value, deeper="  ")
    elif isinstance(tree, list) and tree:
        for value in tree:
            yield from _entry("-", value, deeper="  ")
    else:
        yield _scalar(tree)


def _entry(head: str, value: Any, *, deeper: str) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield head
        for line in _lines(value):
            yield deeper + line
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, Plain):
        value = value.meaning()
    if isinstance(value, str) and _SAFE_PLAIN.fullmatch(value) and value.lower() not in _QUOTED:
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _checked_text(written: str | bytes, file: str) -> str:
    size = len(written if isinstance(written, bytes) else written.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        start = Position(file=file, line=1, column=1)
        raise _illegible(start, f"{size} bytes", f"at most {MAX_BYTES}", "split the file")
    text = (_decoded(written, file) if isinstance(written, bytes) else written).removeprefix("\ufeff")
    if bad := _FORBIDDEN.search(text) or _LONE_RETURN.search(text):
        found = f"the invisible character U+{ord(bad[0]):04X}"
        raise _illegible(_place(text[: bad.start()], file), found, "printable text", "remove it")
    return text


def _decoded(written: bytes, file: str) -> str:
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(written[: error.start].decode("utf-8"), file)
        found = "a byte that is not UTF-8"
        raise _illegible(place, found, "UTF-8 text", "save the file as UTF-8") from error


def _place(before: str, file: str) -> Position:
    return Position(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


def _illegible(place: Position, found: str, expected: str = "", mend: str = "") -> Illegible:
    return Illegible(Problem.at(place, found, expected=expected, mend=mend))


class _Reading:
    """One pass over a text's events: nothing of PyYAML's own construction is used.

    Events, not nodes: only they tell a written tag from a resolved one, and
    they let the depth be refused before anything recurses.
    """

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._loader = yaml.SafeLoader(text)
        self._values: dict[Way, Position] = {}
        self._keys: dict[Way, Position] = {}

    def document(self) -> Document:
        try:
            self._next()
            tree: Any = Plain("")
            self._values[()] = Position(file=self._file, line=1, column=1)
            started = self._next()
            if isinstance(started, yaml.DocumentStartEvent):
                if started.version or started.tags:
                    raise self._refuse(started, "a % directive", "plain YAML", "remove the line")
                tree = self._node(self._next(), ())
                self._next()
                more = self._next()
                if not isinstance(more, yaml.StreamEndEvent):
                    raise self._refuse(
                        more, "a second document", "one document a file", "move it to its own file"
                    )
        finally:
            self._loader.dispose()
        return Document(self._file, tree, self._values, self._keys)

    def _next(self) -> yaml.Event:
        try:
            event: yaml.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self._position(mark) if mark else self._here()
            found = ", ".join(part for part in (error.context, error.problem) if part)
            raise _illegible(
                place, f"broken YAML: {found}", "", "check quotes, brackets and indentation"
            ) from error
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            # PyYAML lets an escape such as "\UFFFFFFFF" escape as the ValueError of chr().
            raise _illegible(
                self._here(), "an escape or a number that no text can hold", "", "write it out"
            ) from error
        return event

    def _refuse_extras(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, f"the alias *{event.anchor}", "the value itself", "write it out")
        if getattr(event, "anchor", None) is not None:
            raise self._refuse(event, "an anchor (&)", "a value without a name", "remove it")
        if getattr(event, "tag", None) is not None:
            raise self._refuse(event, "a tag (!)", "a value without a tag", "remove it; types are known")

    def _node(self, event: yaml.Event, way: Way) -> Any:
        self._refuse_extras(event)
        if len(way) > MAX_DEPTH:
            raise self._refuse(event, f"more than {MAX_DEPTH} levels", "fewer", "flatten it")
        self._values[way] = self._position(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return self._text(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(way)
        return self._mapping(way)

    def _sequence(self, way: Way) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*way, len(items))))
        return items

    def _mapping(self, way: Way) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            inner = (*way, key)
            if key in items:
                first = self._keys[inner]
                raise self._refuse(
                    event,
                    f"the key {key!r} a second time (first in line {first.line})",
                    "each key once",
                    "keep one of the two",
                )
            self._keys[inner] = self._position(event.start_mark)
            items[key] = self._node(self._next(), inner)
        return items

    def _key(self, event: yaml.Event) -> str:
        self._refuse_extras(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "a list or mapping as a key", "text as a key", "write a name")
        key = self._text(event)
        if isinstance(key, Plain) and key == "<<":
            raise self._refuse(event, "the merge key <<", "the keys themselves", "write them out")
        if isinstance(key, Plain) and key == "":
            raise self._refuse(event, "a value without a key", "text as a key", "write a name before the ':'")
        if len(key) > MAX_KEY:
            raise self._refuse(event, f"a key of {len(key)} characters", f"at most {MAX_KEY}", "shorten it")
        return str(key)

    def _text(self, event: yaml.ScalarEvent) -> str:
        value: str = event.value
        if bad := _FORBIDDEN.search(value):
            raise self._refuse(
                event,
                f"an escape for the invisible character U+{ord(bad[0]):04X}",
                "printable text",
                "remove it",
            )
        return Plain(value) if event.style is None else value

    def _refuse(self, event: yaml.Event, found: str, expected: str, mend: str) -> Illegible:
        return _illegible(self._position(event.start_mark), found, expected, mend)

    def _here(self) -> Position:
        return self._position(self._loader.get_mark())

    def _position(self, mark: Any) -> Position:
        return Position(file=self._file, line=mark.line + 1, column=mark.column + 1)
