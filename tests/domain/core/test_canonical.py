"""Canonical JSON: one value, one spelling, one digest."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.action.action import Captured
from firedoor.domain.core.canonical import MAX_INTEGER, canonical, digest, fingerprint, plain
from tests.harness import finding

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    # Between 2^53 and 1e21 RFC 8785 spells a float as a whole number no reader may carry: see evidence.py.
    | st.floats(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(min_value=1e21, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: shuffled(value[key], dice) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, dice) for item in value]
    return value


@given(values, st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_change_a_digest(value: Any, dice: random.Random) -> None:
    assert digest(shuffled(value, dice)) == digest(value)


@given(values)
def test_the_bytes_read_back_as_the_value_and_spell_it_once(value: Any) -> None:
    once = canonical(value)
    assert json.loads(once) == value
    assert canonical(json.loads(once)) == once


@given(values, values)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


def test_text_that_looks_alike_is_not_made_the_same() -> None:
    assert digest("é") != digest("e\u0301")
    assert digest({"a": 1}) != digest({"a": "1"})
    assert digest({"a": True}) != digest({"a": 1})
    assert digest({"a": None}) != digest({})


def test_the_spelling_is_rfc_8785() -> None:
    told = {"b": [1.0, 1e21, 0.000001, "\u20ac\n"], "a": None, "\u20ac": True, "\r": False}
    written = '{"\\r":false,"a":null,"b":[1,1e+21,0.000001,"€\\n"],"€":true}'
    assert canonical(told).decode() == written


def test_a_model_and_its_plain_form_have_one_digest() -> None:
    told = finding()
    assert digest(told) == digest(plain(told)) == digest(json.loads(told.model_dump_json()))
    assert digest((Captured[str].of("x"), Captured[str].of(None))) == digest(
        [{"state": "value", "value": "x"}, {"state": "absent", "value": None}]
    )


@pytest.mark.parametrize("unsayable", [MAX_INTEGER + 1, float("nan"), float("inf"), "\ud800", b"x", object()])
def test_what_json_cannot_carry_is_an_error_and_never_rounded(unsayable: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical({"value": unsayable})


@given(st.binary(min_size=32, max_size=32))
def test_a_fingerprint_is_the_head_of_the_digest_in_groups_of_four(raw: bytes) -> None:
    short = fingerprint(raw.hex())
    assert short.replace("-", "").lower() == raw.hex()[:12]
    assert [len(group) for group in short.split("-")] == [4, 4, 4]


def test_the_fingerprint_of_a_known_digest() -> None:
    assert fingerprint("a41b35e6e3c5" + "0" * 52) == "A41B-35E6-E3C5"
