"""The strict reader: what is written is what is meant, or a problem with its place."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, JsonValue, model_validator

from firedoor.domain.core.errors import FiredoorError, Unreadable
from firedoor.domain.yaml.document import MAX_BYTES, write
from firedoor.domain.yaml.reader import (
    Document,
    Duration,
    Illegible,
    Mistake,
    Mistakes,
    Plain,
    Problems,
    Written,
    dump,
    load,
    meaning,
    read,
)


class Mode(StrEnum):
    """A shape that a person might write."""

    ACTIVE = "active"
    SHADOW = "shadow"


class Step(Written):
    """A shape that a person might write."""

    id: str
    action: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    ttl: Duration | None = None


class Together(Written):
    """A shape that a person might write."""

    together: tuple[Step, ...]


class Asking(Written):
    """A shape that a person might write."""

    from_: tuple[str, ...] = Field(alias="from")
    quorum: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _known(self) -> Self:
        wrong = [
            Mistake(found=f"nobody is in {name!r}", mend="name a group", way=("from", n))
            for n, name in enumerate(self.from_)
            if name == "empty"
        ]
        if wrong:
            raise Mistakes(*wrong)
        return self


class Book(Written):
    """A shape that a person might write."""

    name: str = ""
    account: str = ""
    mode: Mode = Mode.ACTIVE
    fast: bool = False
    count: int | None = None
    share: float = 0.0
    hold: Duration = timedelta(hours=24)
    kind: Literal["aws", "github"] = "aws"
    who: str | tuple[str, ...] = ()
    steps: tuple[Step | Together, ...] = ()
    approval: Asking | None = None


def book(text: str) -> Book:
    return load(read(text, "book.yaml"), Book)


def said(text: str) -> str:
    with pytest.raises(Problems) as caught:
        book(text)
    return str(caught.value)


def refused(text: str | bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(text, "f.yaml")
    return str(caught.value)


# What plain YAML gets wrong


def test_an_account_keeps_its_leading_zero_because_text_is_asked_for() -> None:
    assert book("account: 012345670123").account == "012345670123"


def test_on_and_yes_are_words_both_as_keys_and_as_values() -> None:
    assert read("on: yes", "f").tree == {"on": "yes"}
    assert book("name: on").name == "on"
    assert book("name: no").name == "no"


def test_a_doubled_key_is_refused_with_both_lines() -> None:
    assert refused("a: 1\nb: 2\na: 3") == (
        "f.yaml:3:1: the key 'a' a second time (first in line 1); expected each key once; keep one of the two"
    )


@pytest.mark.parametrize(
    "written", ["1.10", "1e3", "0x1F", "1_000", "2026-11-22", "12:30:45", "true", "=", ".inf"]
)
def test_a_plain_scalar_stays_as_written_where_text_is_asked_for(written: str) -> None:
    assert book(f"name: {written}").name == written


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_nothing_is_not_text_but_may_be_left_out(nothing: str) -> None:
    assert "found" not in said(f"name: {nothing}")
    assert said(f"name: {nothing}").startswith(
        f"book.yaml:1:{6 if not nothing else 7}: nothing; expected text"
    )
    assert book(f"count: {nothing}").count is None
    assert book('name: ""').name == ""


def test_quotes_say_text() -> None:
    assert said('fast: "true"') == (
        'book.yaml:1:7: the text "true"; expected true or false; write true, without quotes'
    )
    assert (
        said('count: "5"') == 'book.yaml:1:8: the text "5"; expected a whole number; write it without quotes'
    )
    assert book("fast: true\ncount: 5\nshare: 3").model_dump(include={"fast", "count", "share"}) == {
        "fast": True,
        "count": 5,
        "share": 3.0,
    }


@pytest.mark.parametrize(
    ("word", "mend"), [("yes", "true"), ("On", "true"), ("TRUE", "true"), ("no", "false")]
)
def test_only_true_and_false_are_booleans_and_the_mend_says_so(word: str, mend: str) -> None:
    assert said(f"fast: {word}").endswith(f"expected true or false; write {mend}, without quotes")


@pytest.mark.parametrize("word", ["5.0", "1e2", "05", "0x5", "five", "true", "1_0", "9007199254740993"])
def test_a_whole_number_is_written_one_way(word: str) -> None:
    assert "expected a whole number" in said(f"count: {word}")


def test_where_nothing_is_asked_for_a_scalar_means_what_json_reads() -> None:
    written = (
        "{a: 1, b: -2.5, c: true, d: null, e: 012, f: yes, g: '1', h: 1e3, i: 0x1F, j: , k: 1e999, l: +1}"
    )
    assert meaning(read(written, "f").tree) == {
        "a": 1, "b": -2.5, "c": True, "d": None, "e": "012", "f": "yes", "g": "1",
        "h": 1000.0, "i": "0x1F", "j": None, "k": "1e999", "l": "+1",
    }  # fmt: skip


# What is no plain document


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ("a: &x 1", "1:4", "an anchor"),
        ("a: *x", "1:4", "the alias *x"),
        ("*x : 1", "1:1", "the alias *x"),
        ("&x a: 1", "1:1", "an anchor"),
        ("a: !!str 1", "1:4", "a tag"),
        ("a: ! 1", "1:4", "a tag"),
        ("a: !!python/object/apply:os.system [x]", "1:4", "a tag"),
        ("<<: {a: 1}", "1:1", "the merge key"),
        ("a: 1\n---\nb: 2", "2:1", "a second document"),
        ("%YAML 1.1\n---\na: 1", "1:1", "a % directive"),
        ("[1]: 2", "1:1", "a list or mapping as a key"),
        ("? {a: b}\n: c", "1:3", "a list or mapping as a key"),
        ("?\n: 1", "1:2", "a value without a key"),
        ("a:\n  b: \u202egnp", "2:6", "the invisible character U+202E"),
        ('a: "\\u202e"', "1:4", "an escape for the invisible character U+202E"),
        ('a: "\\x00"', "1:4", "an escape for the invisible character U+0000"),
        ('a: "\\ud800"', "1:4", "an escape for the invisible character U+D800"),
        ("a: \x1b[31m", "1:4", "the invisible character U+001B"),
        ("a: 1\rb: 2", "1:5", "the invisible character U+000D"),
        ("a: 'x", "1:6", "broken YAML"),
        ("a: b: c", "1:5", "broken YAML"),
        ("a: [1, 2", "1:9", "broken YAML"),
        ('a: "\\UFFFFFFFF"', "1:7", "an escape or a number"),
        (b"ok: 1\na: \xff", "2:4", "a byte that is not UTF-8"),
        ("[" * 5000, "1:34", "more than 32 levels"),
        ("a: " + "{a: " * 5000, "1:132", "more than 32 levels"),
        ("k" * 300 + ": 1", "1:1", "a key of 300 characters"),
    ],
)
def test_what_is_no_plain_document_is_refused_at_its_place(text: str | bytes, place: str, found: str) -> None:
    assert refused(text).startswith(f"f.yaml:{place}: {found}")


def test_a_document_of_a_megabyte_is_the_largest() -> None:
    assert read("# " + "x" * (MAX_BYTES - 2), "f").tree == ""
    assert "1000001 bytes; expected at most 1000000" in refused("# " + "x" * (MAX_BYTES - 1))
    assert "1000002 bytes" in refused("é" * 500_001)


def test_windows_line_ends_and_a_byte_order_mark_are_harmless() -> None:
    document = read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f")
    assert document.tree == {"a": "1", "b": "2"}
    assert str(document.at(("b",))) == "f:2:4"


# Where things stand


def test_every_part_knows_where_its_key_and_its_value_stand() -> None:
    document = read("steps:\n  - id: a\n    params: {user: bob}\n", "f")
    assert str(document.at(("steps", 0, "params", "user"))) == "f:3:20"
    assert str(document.of_key(("steps", 0, "params", "user"))) == "f:3:14"
    assert str(document.at(("steps", 0, "params", "absent", "deeper"))) == "f:3:13"
    assert document.get(("steps", 0, "id")) == "a"
    with pytest.raises(LookupError):
        document.get(("steps", 1))


def test_a_part_of_a_document_loads_by_itself_with_its_own_places() -> None:
    document = read("steps:\n  - {id: a, action: 012}\n  - {id: b, acton: x}\n", "f.yaml")
    assert load(document, Step, ("steps", 0)) == Step(id="a", action="012")
    with pytest.raises(Problems, match=r"f\.yaml:3:13: unknown key 'acton'.*did you mean 'action'\?"):
        load(document, Step, ("steps", 1))


# Problems


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """
mod: shadow
kind: gitub
hold: 24x
steps:
  - {id: a, action: b, ttl: [1]}
  - together:
      - {id: c}
  - 5
who: {a: b}
approval: {from: [ok, empty], quorum: 1}
"""
    assert said(text).splitlines() == [
        "book.yaml:2:1: unknown key 'mod'; expected one of name, account, mode, fast, count, share; "  # noqa: ISC004
        "did you mean 'mode'?",
        "book.yaml:3:7: the text 'gitub'; expected one of aws, github; did you mean 'github'?",
        "book.yaml:4:7: the text '24x'; expected a duration such as 15m, 24h, 7d or PT30M",
        "book.yaml:6:29: a list; expected a duration such as 15m, 24h, 7d or PT30M",
        "book.yaml:8:9: the key 'action' is missing; expected text; add 'action'",
        "book.yaml:9:5: a whole number; expected a mapping with id, action or a mapping with together",
        "book.yaml:10:6: a mapping; expected text or a list of text",
        "book.yaml:11:23: nobody is in 'empty'; name a group",
    ]


def test_a_problem_also_comes_as_data() -> None:
    with pytest.raises(Problems) as caught:
        book("approval: {from: [a], quorum: 0}")
    (only,) = caught.value.problems
    assert (only.file, only.line, only.column) == ("book.yaml", 1, 31)
    assert (only.found, only.expected) == ("the number 0", "at least 1")


def test_an_empty_file_says_what_belongs_in_it() -> None:
    class Needs(Written):
        name: str

    with pytest.raises(Problems, match=r"^f:1:1: nothing; expected a mapping with name$"):
        load(read("# nothing yet\n", "f"), Needs)


def test_text_in_the_place_of_a_structure_is_not_repeated_for_it_may_be_a_secret() -> None:
    assert "hunter2" not in said("approval: hunter2")
    assert "hunter2" not in said("steps: hunter2")


def test_a_member_of_a_union_is_chosen_by_what_was_written() -> None:
    made = book("steps:\n  - {id: a, action: b}\n  - together: [{id: c, action: 1.10}]\nwho: 012")
    assert made.steps == (
        Step(id="a", action="b"),
        Together(together=(Step(id="c", action="1.10"),)),
    )
    assert made.who == "012"
    assert book("who: [1, 2]").who == ("1", "2")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"[key]": 1', "f:1:1: unknown key '[key]'"),
        ("named: {A: 1}", "f:1:9: the key 'A'; expected text that matches ^[a-z]+$"),
        ("named: {a: {b: x}}", "f:1:16: the text 'x'; expected a whole number"),
        ("short: none", "f:1:8: the text 'none'; expected field required"),
    ],
)
def test_a_problem_has_a_place_even_where_the_library_speaks_of_what_is_not_written(
    text: str, problem: str
) -> None:
    class Inner(Written):
        a: str

    class Outer(Written):
        named: dict[Annotated[str, Field(pattern="^[a-z]+$")], dict[str, int]] = Field(default_factory=dict)
        short: Inner | None = None

        @model_validator(mode="before")
        @classmethod
        def _shorthand(cls, written: Any) -> Any:
            return {**written, "short": {}} if written.get("short") == "none" else written

    with pytest.raises(Problems) as caught:
        load(read(text, "f"), Outer)
    assert str(caught.value.problems[0]).startswith(problem)


def test_a_tagged_union_names_the_known_tags() -> None:
    class Aws(Written):
        kind: Literal["aws"]
        account: str

    class Hub(Written):
        kind: Literal["github"]
        org: str

    class Config(Written):
        source: Annotated[Aws | Hub, Field(discriminator="kind")]

    assert load(read("source: {kind: aws, account: 012}", "f"), Config).source == Aws(
        kind="aws", account="012"
    )
    for text, problem in {
        "source: {kind: gitub}": "f:1:16: kind 'gitub'; expected one of aws, github; did you mean 'github'?",
        "source: {kind: aws, acount: 1}": "f:1:21: unknown key 'acount'; expected one of account; "
        "did you mean 'account'?",
        "source: {account: 1}": "f:1:9: a mapping; expected a mapping with kind, account "
        "or a mapping with kind, org",
    }.items():
        with pytest.raises(Problems) as caught:
            load(read(text, "f"), Config)
        assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("written", "meant", "iso"),
    [
        ("15m", timedelta(minutes=15), "PT15M"),
        ("24h", timedelta(days=1), "P1D"),
        ("7d", timedelta(days=7), "P7D"),
        ("90s", timedelta(seconds=90), "PT1M30S"),
        ("PT30M", timedelta(minutes=30), "PT30M"),
        ("P1DT2H", timedelta(days=1, hours=2), "P1DT2H"),
        ("P2W", timedelta(weeks=2), "P14D"),
        ("0s", timedelta(0), "PT0S"),
    ],
)
def test_a_duration_is_written_as_people_write_it_and_kept_as_iso_8601(
    written: str, meant: timedelta, iso: str
) -> None:
    made = book(f"hold: {written}")
    assert made.hold == meant
    assert made.model_dump(mode="json")["hold"] == iso


@pytest.mark.parametrize(
    "written",
    ["15", "15 m", "1h30m", "-5m", "P", "PT", "P1M", "P1Y", "１５m", "3651d", "999999w", "1.5h", "m"],
)
def test_a_duration_that_could_mean_two_things_is_refused(written: str) -> None:
    assert "expected a duration such as 15m" in said(f"hold: {written!r}")


# For all documents

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf", "Cn", "Co"]))
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
keys = texts.filter(lambda key: len(key) < 200)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_whatever_is_written_reads_back_as_the_same(tree: Any) -> None:
    assert meaning(read(write(tree), "f").tree) == tree


signs = [
    ": ",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    '"',
    "#",
    "&x ",
    "*x",
    "!t ",
    "? ",
    "<<",
    "=",
    "@",
    "`",
    "\\",
    "\\x",
    "\\U00110000",
    "~",
]
lines = ["\n", "\n  ", "\n    ", "|\n", ">-\n", "---\n", "...\n", "%YAML 1.2\n", "\r\n", "\t"]
oddities = ["é", "😀", "\u2028", "\x85", "\ufeff"]
words = [
    "a",
    "b",
    "1",
    "012",
    "true",
    "null",
    "yes",
    "name",
    "steps",
    "id",
    "action",
    "hold",
    "15m",
    "from",
    "approval",
]
yaml_ish = st.lists(st.sampled_from(signs + lines + oddities + words) | st.text(max_size=3), max_size=40).map(
    "".join
)


@settings(deadline=None)
@given(yaml_ish)
def test_any_text_is_a_document_or_unreadable_and_a_document_reads_back(text: str) -> None:
    try:
        document = read(text, "f")
    except Illegible as error:
        assert error.problem.line >= 1  # noqa: PT017 - most texts are refused, and then with a place
        return
    assert meaning(read(write(meaning(document.tree)), "f").tree) == meaning(document.tree)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_unreadable(data: bytes) -> None:
    try:
        assert isinstance(read(data, "f"), Document)
    except Unreadable as error:
        assert str(error).startswith("f:")  # noqa: PT017 - as above


@settings(deadline=None)
@given(yaml_ish | json_values.map(write))
def test_any_text_is_a_model_or_problems_and_a_model_reads_back(text: str) -> None:
    try:
        made = book(text)
    except FiredoorError as error:
        assert isinstance(error, (Illegible, Problems))  # noqa: PT017 - as above
        return
    assert book(dump(made)) == made


near_books = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "account": st.from_regex(r"[0-9]{12}", fullmatch=True).map(Plain) | json_values,
        "mode": st.sampled_from(["active", "shadow"]) | json_values,
        "fast": st.booleans() | json_values,
        "count": st.integers(-5, 5) | json_values,
        "share": st.floats(-1, 1) | json_values,
        "hold": st.from_regex(r"[0-9]{1,4}[smhdw]", fullmatch=True) | json_values,
        "who": texts | st.lists(texts, max_size=3) | json_values,
        "steps": st.lists(
            st.fixed_dictionaries({"id": texts, "action": texts}, optional={"params": json_values})
            | st.fixed_dictionaries({"together": json_values})
            | json_values,
            max_size=3,
        ),
        "approval": st.fixed_dictionaries({"from": st.lists(texts, max_size=2)}) | json_values,
    },
)


@settings(deadline=None)
@given(near_books)
def test_a_nearly_right_document_is_a_model_that_reads_back_or_problems_inside_it(
    tree: dict[str, Any],
) -> None:
    text = write(tree)
    try:
        made = book(text)
    except Problems as error:
        lines = text.count("\n")
        assert all(1 <= each.line <= lines and each.found for each in error.problems)  # noqa: PT017 - as above
        return
    assert book(dump(made)) == made
