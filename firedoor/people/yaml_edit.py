"""One value put into a YAML text, or taken out of it, with everything else left as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from firedoor.domain.yaml.document import write
from firedoor.domain.yaml.problem import Way

#: A key with its value, or an item alone.
_Entry = tuple[yaml.Node | None, yaml.Node]


class Uneditable(ValueError):
    """A text written in a way that is not edited by machine."""


# The texts are those that the strict reader has read: no tags, no anchors, no aliases, one document.
# Who calls reads the new text again, and compares: that is what makes a wrong edit impossible.


def put(text: str, way: Way, value: Any) -> str:
    """Give the key at the end of `way` a value; a scalar that stands there is replaced."""
    parent = _at(text, way[:-1])
    if not isinstance(parent, yaml.MappingNode):
        raise Uneditable("a key belongs into a mapping")
    entry = f"{_flow(str(way[-1]))}: {_flow(value)}"
    for key, node in parent.value:
        if key.value == way[-1]:
            if not isinstance(node, yaml.ScalarNode):
                raise Uneditable("only a scalar is replaced")
            start, end = node.start_mark.index, _end(text, node)
            space = " " if text[start - 1 : start] == ":" else ""
            return text[:start] + space + _flow(value) + text[end:]
    return _insert(text, parent, entry)


def append(text: str, way: Way, value: Any) -> str:
    """Add an item to the list that `way` leads to."""
    node = _at(text, way)
    if not isinstance(node, yaml.SequenceNode):
        raise Uneditable("an item belongs into a list")
    if not node.value:
        return text[: node.start_mark.index] + f"[{_flow(value)}]" + text[node.end_mark.index :]
    return _insert(text, node, _flow(value) if node.flow_style else f"- {_flow(value)}")


def drop(text: str, way: Way) -> str:
    """Take out the key or the item that `way` leads to; a comment in its lines goes with it."""
    parent = _at(text, way[:-1])
    entries = _entries(parent)
    here = next(
        number
        for number, (key, _) in enumerate(entries)
        if (key.value == way[-1] if key is not None else number == way[-1])
    )
    key, node = entries[here]
    start, end = (key or node).start_mark.index, _end(text, node)
    if not parent.flow_style:
        return _without_lines(text, start, end)
    if here + 1 < len(entries):
        following_key, following = entries[here + 1]
        return text[:start] + text[(following_key or following).start_mark.index :]
    if here:
        # The comma before it goes as well, where no comment stands behind that.
        before = _end(text, entries[here - 1][1])
        if not text[before:start].strip(" ,\r\n"):
            return text[:before] + text[end:]
    alone = not text[text.rfind("\n", 0, start) + 1 : start].strip() and text[end:].lstrip(" ,")[:1] in "\r\n"
    return _without_lines(text, start, end) if alone else text[:start] + text[end:]


def _at(text: str, way: Way) -> yaml.CollectionNode:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in way:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        else:
            node = node.value[step]
    if not isinstance(node, yaml.CollectionNode):
        raise Uneditable("neither a mapping nor a list stands there")
    return node


def _entries(node: yaml.CollectionNode) -> Sequence[_Entry]:
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(None, item) for item in node.value]


def _end(text: str, node: yaml.Node) -> int:
    """Return where the text of a node ends: PyYAML ends a block only where the next thing begins."""
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return _end(text, _entries(node)[-1][1])
    return start + len(text[start:end].rstrip())


def _insert(text: str, node: yaml.CollectionNode, entry: str) -> str:
    """Put an entry behind the last one, on a line of its own where the others have one."""
    last = _end(text, _entries(node)[-1][1])
    if node.flow_style:
        return f"{text[:last]}, {entry}{text[last:]}"
    # Of a mapping the first key, of a list the first dash: a block begins there.
    column: int = node.start_mark.column
    newline = "\r\n" if "\r\n" in text else "\n"
    line_end = text.find("\n", last) + 1
    if not line_end:
        return f"{text}{newline}{' ' * column}{entry}{newline}"
    return f"{text[:line_end]}{' ' * column}{entry}{newline}{text[line_end:]}"


def _without_lines(text: str, start: int, end: int) -> str:
    begin = text.rfind("\n", 0, start) + 1
    if text[begin:start].strip(" -"):
        raise Uneditable("something else stands in its line")
    line_end = text.find("\n", end) + 1
    return text[:begin] + (text[line_end:] if line_end else "")


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return write(value).strip()
