"""Editing YAML: one value goes in or out, and every other character stays."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.yaml.document import meaning, read
from firedoor.people.yaml_edit import Uneditable, append, drop, put

BLOCK = """\
# who is who
people:
  ann:  # the first
    name: Ann   # hers
    slack: T1/U1  # at work
    # okta: commented out
  bob:
    name: "Bob, the second"
    keys:
      - {name: one, id: a}
      # the spare one
      - name: two
        id: b
    slack: [T1/U2,  T1/U3]   # two of them

  cid: {name: Cid, slack: T1/U4}  # all in one line
  dan: {
    name: Dan,  # his
    slack: T1/U5
  }
"""


def changed(before: str, after: str) -> list[str]:
    """The lines that went and came."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("way", "value", "expected"),
    [
        (("people", "ann", "oidc"), "x", ["+     oidc: x"]),
        (
            ("people", "ann", "slack"),
            ["T1/U1", "T1/U9"],
            ["-     slack: T1/U1  # at work", "+     slack: [T1/U1, T1/U9]  # at work"],
        ),
        (("people", "bob", "oidc"), "a: b", ['+     oidc: "a: b"']),
        (("people", "bob", "more"), [{"name": "x y", "k": 1}], ["+     more: [{name: x y, k: 1}]"]),
        (
            ("people", "cid", "oidc"),
            "x",
            [
                "-   cid: {name: Cid, slack: T1/U4}  # all in one line",
                "+   cid: {name: Cid, slack: T1/U4, oidc: x}  # all in one line",
            ],
        ),
        (("people", "dan", "oidc"), "x", ["-     slack: T1/U5", "+     slack: T1/U5, oidc: x"]),
    ],
)
def test_a_key_goes_where_the_others_are(way: tuple[str, ...], value: object, expected: list[str]) -> None:
    after = put(BLOCK, way, value)
    assert changed(BLOCK, after) == expected
    assert meaning(read(after, "f").get(way)) == value


@pytest.mark.parametrize(
    ("way", "value", "expected"),
    [
        (
            ("people", "bob", "slack"),
            "T1/U9",
            [
                "-     slack: [T1/U2,  T1/U3]   # two of them",
                "+     slack: [T1/U2,  T1/U3, T1/U9]   # two of them",
            ],
        ),
        (("people", "bob", "keys"), {"name": "three"}, ["+       - {name: three}"]),
    ],
)
def test_an_item_goes_behind_the_last_one(way: tuple[str, ...], value: object, expected: list[str]) -> None:
    after = append(BLOCK, way, value)
    assert changed(BLOCK, after) == expected
    assert meaning(read(after, "f").get(way))[-1] == value


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (("people", "ann", "slack"), ["-     slack: T1/U1  # at work"]),
        (("people", "bob", "keys", 0), ["-       - {name: one, id: a}"]),
        (("people", "bob", "keys", 1), ["-       - name: two", "-         id: b"]),
        (
            ("people", "bob", "slack", 0),
            [
                "-     slack: [T1/U2,  T1/U3]   # two of them",
                "+     slack: [T1/U3]   # two of them",
            ],
        ),
        (
            ("people", "bob", "slack", 1),
            [
                "-     slack: [T1/U2,  T1/U3]   # two of them",
                "+     slack: [T1/U2]   # two of them",
            ],
        ),
        (
            ("people", "cid", "slack"),
            [
                "-   cid: {name: Cid, slack: T1/U4}  # all in one line",
                "+   cid: {name: Cid}  # all in one line",
            ],
        ),
        (("people", "dan", "slack"), ["-     slack: T1/U5"]),
    ],
)
def test_what_is_taken_out_takes_nothing_along(way: tuple[str | int, ...], expected: list[str]) -> None:
    after = drop(BLOCK, way)
    assert changed(BLOCK, after) == expected
    read(after, "f")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "newline"])
def test_lines_end_as_they_ended(newline: str, end: str) -> None:
    text = newline.join(["a:", "  b: 1"]) + (newline if end else "")
    after = put(text, ("a", "c"), "x")
    assert after == newline.join(["a:", "  b: 1", "  c: x", ""])
    assert drop(after, ("a", "c")) == newline.join(["a:", "  b: 1", ""])


def test_a_list_without_anything_gets_its_first_item_and_a_key_without_value_its_value() -> None:
    assert append("a: []  # none\n", ("a",), "x") == "a: [x]  # none\n"
    assert put("a:\n  b:\n  c: 1\n", ("a", "b"), "x") == "a:\n  b: x\n  c: 1\n"


def test_a_byte_order_mark_stays() -> None:
    assert put("\ufeffa: {b: 1}\n", ("a", "c"), "x") == "\ufeffa: {b: 1, c: x}\n"


@pytest.mark.parametrize(
    "edit",
    [
        lambda: put("a: [1]\n", ("a", "b"), "x"),
        lambda: put("a: {b: [1]}\n", ("a", "b"), "x"),
        lambda: put("a: 1\n", ("a", "b"), "x"),
        lambda: append("a: {b: 1}\n", ("a",), "x"),
    ],
)
def test_what_is_written_otherwise_is_refused(edit: object) -> None:
    assert callable(edit)
    with pytest.raises(Uneditable):
        edit()


words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12)


@given(value=words, flow=st.booleans())
def test_whatever_is_put_in_is_read_back_and_its_neighbours_are_as_before(*, value: str, flow: bool) -> None:
    text = "a: {b: one, c: two}\n" if flow else "a:\n  b: one\n  c: two\n"
    after = put(text, ("a", "d"), value)
    assert meaning(read(after, "f").tree) == {"a": {"b": "one", "c": "two", "d": value}}
    assert meaning(read(drop(after, ("a", "d")), "f").tree) == {"a": {"b": "one", "c": "two"}}
