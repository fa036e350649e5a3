"""Strict JSON: what is refused, and how well the place is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.core.errors import Unreadable
from firedoor.sources.json_reader import MAX_DEPTH, read_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_all_valid_json_is_read_as_the_standard_library_reads_it(value, ascii_only):
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert read_json(raw) == json.loads(raw)


@given(st.binary(max_size=200))
def test_any_other_bytes_raise_nothing_but_unreadable(raw):
    try:
        read_json(raw)
    except Unreadable as error:
        assert error.found  # noqa: PT017 -- either outcome is lawful
        assert error.expected  # noqa: PT017


@pytest.mark.parametrize(
    ("raw", "found", "place"),
    [
        (b'{"a": 1,\n "a": 2}', "a key that stands twice", "byte 10 (line 2, column 2)"),
        (
            '{"ä": {"b": [1, {"c": 1, "\\u0063": 2}]}}'.encode(),
            "a key that stands twice",
            "byte 26 (line 1, column 26)",
        ),
        (b'{"a": [1, NaN]}', "NaN or Infinity", "byte 10 (line 1, column 11)"),
        (b'{"a": -Infinity}', "NaN or Infinity", "byte 6 (line 1, column 7)"),
        (b'{"a": 1e999}', "a number too large", "byte 6 (line 1, column 7)"),
        (b'{"a": \n"\xff"}', "not UTF-8", "byte 8 (line 2, column 2)"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark", "byte 0"),
        (b'{"a": 1', "expecting ',' delimiter", "byte 7 (line 1, column 8)"),
        (b'{"a": 1} x', "extra data", "byte 9 (line 1, column 10)"),
        (b'{"a": "\\ud800"}', "surrogate", "byte 7 (line 1, column 8)"),
        (b"\n\n  ", "an empty body", ""),
        (b"", "an empty body", ""),
        (b"[" * 65 + b"]" * 65, "nesting deeper than 64", "byte 64 (line 1, column 65)"),
        (b"[" * 200_000, "nesting deeper than 64", "byte 64 (line 1, column 65)"),
        (b'{"a":' * 200_000, "nesting deeper than 64", "byte 320 (line 1, column 321)"),
        (b"1" * 5000, "thousands of digits", ""),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(raw, found, place):
    with pytest.raises(Unreadable) as caught:
        read_json(raw)

    assert found in caught.value.found
    assert place in caught.value.found
    assert caught.value.mend


def test_the_deepest_allowed_nesting_is_read():
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_a_pair_of_surrogates_is_a_character():
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_a_whole_number_beyond_53_bits_is_tolerated():
    assert read_json(b'{"evt.time": 1507591916746609046}') == {"evt.time": 1507591916746609046}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"[" + b"[]," * 250_000 + b"0]", "250001 opening brackets"),
        (b"[" + b"0," * 1_000_001 + b"0]", "1000001 commas"),
    ],
    ids=["containers", "values"],
)
def test_a_body_of_more_values_than_findings_hold_is_refused_unread(raw: bytes, found: str) -> None:
    with pytest.raises(Unreadable, match=found):
        read_json(raw)
