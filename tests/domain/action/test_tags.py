"""Tags name owners and classes of data; a finding may add owners, and never says how sensitive data are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.action.tags import as_map, classes_by, data_by, owners_by, owners_told
from firedoor.domain.finding.finding import Resource
from tests.harness import finding

BUCKET = "arn:aws:s3:::holiday-photos"
USER = "arn:aws:iam::123456789012:user/ci-deployer"


def told(target: str = BUCKET, *, uid: str = BUCKET, name: str = "", **attributes: Any) -> tuple[str, ...]:
    resource = Resource(kind="AWS::S3::Bucket", uid=uid, name=name, attributes=attributes)
    return owners_told(finding(resources=(resource,)), target)


@pytest.mark.parametrize(
    "tags",
    [
        {"Owner": "alice"},
        [{"Key": "Owner", "Value": "alice"}],
        [{"key": "Owner", "value": "alice"}, {"odd": 1}, 7],
    ],
)
def test_tags_are_read_in_either_of_awss_spellings(tags: Any) -> None:
    assert as_map(tags)["Owner"] == "alice"
    assert owners_by(as_map(tags)) == ("alice",)


@pytest.mark.parametrize("tags", [None, "Owner=alice", 7, [], {}, ["Owner"]])
def test_what_is_no_tag_says_nothing(tags: Any) -> None:
    assert owners_by(as_map(tags)) == ()
    assert data_by(as_map(tags)) == "unknown"


def test_several_owners_in_one_tag_are_all_owners() -> None:
    assert owners_by({"owner": "alice bob"}) == ("alice bob", "alice", "bob")
    assert owners_by({"OWNER": "alice", "owner": "bob", "owners": "carol"}) == ("alice", "bob")


def test_two_classes_are_none_that_could_be_counted_on_and_both_are_told() -> None:
    tags = {"classification": "Public", "data_classification": "restricted", "DataClassification": "<b>"}
    assert data_by(tags) == "unknown"
    assert classes_by(tags) == ("public", "restricted")
    assert data_by({"Data-Classification": " Restricted "}) == "restricted"


def test_a_finding_names_the_owner_by_an_attribute_or_by_a_tag() -> None:
    assert told(owner="alice") == ("alice",)
    assert told(Owner=["alice", "bob"], tags={"OWNER": "carol"}) == ("alice", "bob", "carol")
    assert told(tags=[{"Key": "owner", "Value": "alice"}]) == ("alice",)
    assert told(owner={"name": "alice"}, tags={"owner": 7}) == ()


def test_only_the_owner_of_this_very_target_is_meant() -> None:
    other = "arn:aws:s3:::holiday-plans"
    assert told(uid=other, owner="alice") == ()
    assert told(f"{USER}/access-key/AKIAIOSFODNN7EXAMPLE", uid=USER, owner="alice") == ("alice",)
    assert told(f"{USER}/access-key/AKIAIOSFODNN7EXAMPLE", uid=f"{USER}2", owner="alice") == ()
    assert told(USER, uid="AIDAEXAMPLE", name="ci-deployer", owner="alice") == ("alice",)
    assert told("", uid="", owner="alice") == ()


def test_a_finding_cannot_drown_a_card_in_names() -> None:
    assert len(told(owner=[f"person{number}" for number in range(500)])) == 20
    assert told(owner="x" * 5000) == ()


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["owner", "tags", "classification", "x"]), json))
def test_nothing_that_a_finding_holds_breaks_the_reading(attributes: dict[str, Any]) -> None:
    assert all(isinstance(name, str) and name for name in told(**attributes))
