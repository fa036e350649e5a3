"""Finding: severities in their order, and no room for a secret."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity, too_large, without_none
from tests.harness import finding


def test_severities_stand_in_the_order_of_ocsf() -> None:
    ordered = ["informational", "low", "medium", "high", "critical", "fatal"]
    assert [severity.value for severity in sorted(Severity, key=lambda each: each.rank)] == ordered
    assert [Severity(name).rank for name in ordered] == [1, 2, 3, 4, 5, 6]


def test_the_graver_is_never_the_less_urgent_and_temporal_knows_the_number() -> None:
    for lesser, graver in pairwise(sorted(Severity, key=lambda each: each.rank)):
        assert graver.urgency <= lesser.urgency
    assert {severity.urgency for severity in Severity} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("key", ["secret", "password", "token", "raw", "secret_access_key"])
def test_no_finding_has_a_field_for_a_secret_or_the_raw_payload(key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        finding(**{key: "hunter2"})
    with pytest.raises(ValidationError, match=key):
        Actor(**{key: "hunter2"})
    with pytest.raises(ValidationError, match=key):
        Resource(kind="a", uid="b", **{key: "hunter2"})


@pytest.mark.parametrize("field", ["first_seen", "last_seen", "modified"])
def test_a_time_needs_its_zone(field: str) -> None:
    with pytest.raises(ValidationError, match="a time needs its zone"):
        finding(**{field: datetime(2026, 11, 22)})  # noqa: DTZ001 - the mistake this is about


@pytest.mark.parametrize(
    "change",
    [
        {"raw_sha256": "0" * 63},
        {"raw_sha256": "0" * 64 + "\n"},
        {"confidence": 1.01},
        {"confidence": -0.01},
        {"count": 0},
        {"severity": "grave"},
        {"title": "x" * 4097},
        {"uid": "x" * 1025},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_out_of_bounds_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        finding(**change)


def holding(**attributes: object) -> Finding:
    return finding(resources=(Resource(kind="a", uid="b", attributes=attributes),))


deep: object = 1
for _ in range(9):
    deep = [deep]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            finding(resources=tuple(Resource(kind="a", uid=str(n)) for n in range(251))),
            "the number of resources is 251, at most 250",
        ),
        (
            finding(actor=Actor(source_ips=("192.0.2.1",) * 251)),
            "the number of actor.source_ips is 251, at most 250",
        ),
        (
            holding(**{f"k{n}": n for n in range(101)}),
            "the number of resources[0].attributes is 101, at most 100",
        ),
        (
            holding(policy="x" * 20_479),
            "the size in bytes of resources[0].attributes.policy is 20481, at most 20480",
        ),
        (
            holding(policy="\x01" * 3_414),  # six bytes each
            "the size in bytes of resources[0].attributes.policy is 20486, at most 20480",
        ),
        (holding(tags=deep), "the depth of resources[0].attributes.tags is 9, at most 8"),
        (
            finding(
                resources=tuple(Resource(kind="a", uid=str(n), name="é" * 4000) for n in range(10)), url="u"
            ),
            "at most 65536; its largest field is resources with 80",
        ),
    ],
    ids=["resources", "addresses", "attributes", "attribute", "escaped", "depth", "whole"],
)
def test_what_no_response_could_hold_is_named_with_its_size_and_the_most(told: Finding, says: str) -> None:
    assert says in (too_large(told) or "")


def test_what_real_detectors_send_fits() -> None:
    tagged = {"tags": {f"tag-{n}": "v" * 200 for n in range(50)}, "policy": "p" * 20_000}
    assert too_large(holding(**tagged)) is None
    assert too_large(finding()) is None


def test_a_finding_is_frozen_and_survives_json() -> None:
    told = finding()
    with pytest.raises(ValidationError, match="frozen"):
        told.uid = "other"  # type: ignore[misc]
    assert Finding.model_validate_json(told.model_dump_json()) == told


nested = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(nested)
def test_absent_values_are_absent_at_every_depth(value: object) -> None:
    def keys_without_value(part: object) -> bool:
        if isinstance(part, dict):
            return any(item is None or keys_without_value(item) for item in part.values())
        return isinstance(part, list) and any(keys_without_value(item) for item in part)

    assert not keys_without_value(without_none(value))
    assert without_none(without_none(value)) == without_none(value)
