"""What a finding proves of the things that a step picks by name, and what it disproves."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.action.action import Named
from firedoor.domain.action.namesakes import proven
from firedoor.domain.finding.finding import Actor, Resource
from tests.harness import ACCOUNT, finding

USER = Named(param="user", kind="AWS::IAM::User", id="user_id", keys="access_key_ids")
ROLE = Named(param="role", kind="AWS::IAM::Role", id="role_id")
BUCKET = Named(param="bucket", kind="AWS::S3::Bucket", unique="for the test")
KEY, OTHER = "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7ELSEWHE"


def filled(named: Named, params: dict[str, Any], *findings: Any) -> dict[str, Any]:
    found, objection = proven([named], params, findings, ACCOUNT)
    assert objection is None, objection
    return found


def objection(named: Named, params: dict[str, Any], *findings: Any) -> str:
    found = proven([named], params, findings, ACCOUNT)[1]
    assert found is not None
    return found


def by(**actor: Any) -> Any:
    return finding(actor=Actor(**actor), resources=())


def test_a_user_gets_the_id_and_the_key_that_the_finding_tells() -> None:
    told = by(kind="iam_user", user_name="ci", uid="AIDACI", access_key_id=KEY)
    assert filled(USER, {"user": "ci"}, told) == {"user": "ci", "user_id": "AIDACI", "access_key_ids": [KEY]}


def test_a_roles_id_stands_before_the_sessions_name() -> None:
    told = by(kind="assumed_role", role_name="app", uid="AROAAPP:i-0abc")
    assert filled(ROLE, {"role": "app"}, told) == {"role": "app", "role_id": "AROAAPP"}


def test_a_sessions_key_is_no_evidence_of_a_user() -> None:
    told = by(kind="iam_user", user_name="ci", access_key_id="ASIAIOSFODNN7EXAMPLE")
    assert filled(USER, {"user": "ci"}, told) == {"user": "ci"}


def test_what_is_told_of_another_name_is_not_taken() -> None:
    told = by(kind="iam_user", user_name="ci", uid="AIDACI", access_key_id=KEY)
    assert filled(USER, {"user": "payroll"}, told) == {"user": "payroll"}
    assert filled(ROLE, {"role": "ci"}, told) == {"role": "ci"}


def test_a_user_who_was_looked_up_by_the_key_is_proven_by_it() -> None:
    assert filled(USER, {"user": "ci"}, by(access_key_id=KEY))["access_key_ids"] == [KEY]


def test_a_resource_proves_as_an_actor_does() -> None:
    told = finding(resources=(Resource(kind="AWS::IAM::Role", uid="AROAAPP", name="app"),), actor=Actor())
    assert filled(ROLE, {"role": "app"}, told)["role_id"] == "AROAAPP"


@pytest.mark.parametrize(
    "told",
    [
        by(kind="assumed_role", role_name="app", account="999988887777", uid="AROAAPP:s"),
        by(kind="assumed_role", role_name="app", uid="arn:aws:sts::999988887777:assumed-role/app/s"),
        finding(
            resources=(Resource(kind="AWS::IAM::Role", uid="arn:aws:iam::999988887777:role/path/app"),),
            actor=Actor(),
        ),
        finding(
            resources=(Resource(kind="AWS::IAM::Role", uid="AROAX", name="app", account="999988887777"),),
            actor=Actor(),
        ),
    ],
)
def test_who_belongs_to_another_account_is_a_stranger(told: Any) -> None:
    said = objection(ROLE, {"role": "app"}, told)
    assert "999988887777" in said
    assert ACCOUNT in said


def test_a_bucket_of_another_account_is_a_strangers() -> None:
    theirs = Resource(
        kind="AWS::S3::Bucket", uid="arn:aws:s3:::photos", name="photos", account="999988887777"
    )
    assert "999988887777" in objection(BUCKET, {"bucket": "photos"}, finding(resources=(theirs,)))


def test_one_name_in_two_accounts_of_ours_is_two_things_each_with_its_own_id() -> None:
    roles = [
        Resource(kind="AWS::IAM::Role", uid="AROAHERE", name="app", account=ACCOUNT),
        Resource(kind="AWS::IAM::Role", uid="AROATHERE", name="app", account="111122223333"),
    ]
    for told in (roles, roles[::-1]):
        both = finding(resources=tuple(told), actor=Actor())
        assert filled(ROLE, {"role": "app"}, both) == {"role": "app", "role_id": "AROAHERE"}


def test_two_ids_of_one_name_contradict_each_other_across_findings_too() -> None:
    said = objection(
        ROLE,
        {"role": "app"},
        by(kind="assumed_role", role_name="app", uid="AROAOURS:s"),
        by(kind="assumed_role", role_name="app", uid="AROATHEIRS:s"),
    )
    assert "AROAOURS" in said
    assert "AROATHEIRS" in said


def test_a_playbook_that_tells_another_id_than_the_finding_is_refused() -> None:
    told = by(kind="assumed_role", role_name="app", uid="AROAOURS:s")
    assert "AROAMINE" in objection(ROLE, {"role": "app", "role_id": "AROAMINE"}, told)
