"""GuardDuty findings in the house's own words."""

from __future__ import annotations

from typing import Any, cast

import pytest

from firedoor.domain.finding.finding import PrincipalKind, Severity
from firedoor.sources.delivery import Delivery
from firedoor.sources.guardduty import severity_of
from tests.sources.samples import own, read, read_own


def test_a_leaked_key_names_the_key_its_user_and_where_it_was_used():
    (finding,) = read_own("guardduty/leaked_key.json").findings

    assert (finding.source, finding.type) == (
        "aws.guardduty",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
    )
    assert (finding.account, finding.region, finding.severity) == ("123456789012", "eu-west-1", Severity.HIGH)
    assert finding.actor.kind is PrincipalKind.IAM_USER
    assert (finding.actor.user_name, finding.actor.access_key_id) == ("ci-deploy", "AKIAIOSFODNN7EXAMPLE")
    assert finding.actor.source_ips == ("203.0.113.77",)
    assert finding.count == 3
    assert not finding.is_test
    assert finding.modified.isoformat() == "2026-11-22T02:18:05.934000+00:00"
    assert [(one.kind, one.uid) for one in finding.resources] == [
        ("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS::IAM::User", "AIDAEXAMPLE0USER0001"),
    ]


def test_pascal_case_from_get_findings_reads_the_same():
    (camel,) = read_own("guardduty/leaked_key.json").findings
    (pascal,) = read_own("guardduty/leaked_key_pascal_case.json").findings

    assert pascal == camel


def test_exfiltrated_instance_credentials_name_the_role_and_the_session_and_no_user():
    (finding,) = read_own("guardduty/instance_credentials.json").findings

    assert finding.actor.kind is PrincipalKind.ASSUMED_ROLE
    assert (finding.actor.role_name, finding.actor.session_name) == ("web-server", "i-0a1b2c3d4e5f60718")
    assert finding.actor.user_name is None
    assert finding.actor.access_key_id == "ASIAIOSFODNN7EXAMPLE"
    kinds = {one.kind: one for one in finding.resources}
    assert kinds["AWS::IAM::Role"].uid == "AROAEXAMPLE0ROLE0001"
    instance = kinds["AWS::EC2::Instance"]
    assert instance.uid == "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a1b2c3d4e5f60718"
    assert instance.attributes["tags"] == {"env": "prod"}


def test_a_principal_id_of_a_role_outranks_the_word_user():
    event = own("guardduty/instance_credentials.json")
    event["detail"]["resource"]["accessKeyDetails"]["userType"] = "IAMUser"

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.role_name, finding.actor.user_name) == ("web-server", None)


def test_a_bucket_named_twice_is_one_resource_with_its_tags():
    (finding,) = read_own("guardduty/public_bucket.json").findings

    (bucket,) = [one for one in finding.resources if one.kind == "AWS::S3::Bucket"]
    assert (bucket.uid, bucket.name) == ("arn:aws:s3:::acme-exports", "acme-exports")
    assert bucket.attributes == {"tags": {"classification": "confidential"}, "effective_permission": "PUBLIC"}


def test_root_has_no_key_and_no_name_that_an_action_could_take():
    (finding,) = read_own("guardduty/root.json").findings

    assert finding.actor.kind is PrincipalKind.ROOT
    assert (finding.actor.access_key_id, finding.actor.user_name, finding.actor.role_name) == (
        None,
        None,
        None,
    )


def test_a_caller_that_is_a_domain_has_no_address():
    (finding,) = read_own("guardduty/domain_caller.json").findings

    assert finding.actor.source_ips == ()
    assert finding.actor.user_name == "ci-deploy"


def test_a_reached_port_stands_on_the_instance_and_on_its_security_groups():
    (finding,) = read_own("guardduty/ssh_brute_force.json").findings

    ports = {one.kind: one.attributes["ports"] for one in finding.resources}
    assert ports == {"AWS::EC2::Instance": [22], "AWS::EC2::SecurityGroup": [22]}


def test_the_local_port_of_an_outbound_connection_is_no_open_door():
    event = own("guardduty/ssh_brute_force.json")
    event["detail"]["service"]["action"]["networkConnectionAction"]["connectionDirection"] = "OUTBOUND"

    (finding,) = read("aws.eventbridge", event).findings

    assert {tuple(cast("list[int]", one.attributes["ports"])) for one in finding.resources} == {()}


def test_an_attack_sequence_is_a_finding_for_each_of_its_actors():
    user, role = read_own("guardduty/attack_sequence.json").findings

    assert user.severity is Severity.CRITICAL
    assert (user.uid, user.modified) == (role.uid, role.modified)
    assert (user.actor.user_name, user.actor.access_key_id) == ("ci-deploy", "AKIAIOSFODNN7EXAMPLE")
    assert (role.actor.role_name, role.actor.user_name) == ("admin", None)
    assert {one.actor.source_ips for one in (user, role)} == {("203.0.113.77",)}
    assert [one.kind for one in user.resources] == [
        "AWS::IAM::AccessKey",
        "AWS::IAM::User",
        "AWS::S3::Bucket",
    ]
    assert [one.kind for one in role.resources] == ["AWS::IAM::Role", "AWS::S3::Bucket"]


def test_an_archived_finding_is_ignored_with_the_reason():
    delivery = read_own("guardduty/archived.json")

    assert delivery.findings == ()
    assert [one.reason for one in delivery.ignored] == ["archived in GuardDuty"]


@pytest.mark.parametrize(
    "mark",
    [
        {"service": {"additionalInfo": {"sample": True}}},
        {"service": {"additionalInfo": {"sample": "true"}}},
        {"service": {"additionalInfo": {"value": '{"sample": true}'}}},
        {"title": "[SAMPLE] Something"},
        {"description": "Sample finding generated by CreateSampleFindings."},
        {"resource": {"accessKeyDetails": {"accessKeyId": "GeneratedFindingAccessKeyId"}}},
    ],
)
def test_each_mark_of_a_sample_is_enough(mark):
    event = own("guardduty/leaked_key.json")
    event["detail"] |= mark

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.is_test


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        (0.5, Severity.INFORMATIONAL),
        (1, Severity.LOW),
        (3.9, Severity.LOW),
        (4, Severity.MEDIUM),
        (6.9, Severity.MEDIUM),
        (7, Severity.HIGH),
        (8.9, Severity.HIGH),
        (9, Severity.CRITICAL),
        (10, Severity.CRITICAL),
    ],
)
def test_severity_follows_guarddutys_documented_ranges(value, severity):
    assert severity_of(value) is severity


def sessions(dialect: str, **told: Any) -> Delivery:
    """An attack sequence with one session of a role, as each of the three sends it."""
    issuer, name, account = told["issuer"], told.get("name"), told.get("account", "123456789012")
    if dialect == "v2":
        event = own("security_hub_v2/attack_sequence.json")
        user = {
            "name": name,
            "uid": "AROAEXAMPLE0ROLE0001:x",
            "type": "AssumedRole",
            "account": {"uid": account},
        }
        actor = {"user": user, "session": {"uid": "ASIAIOSFODNN7EXAMPLE", "issuer": issuer}}
        event["detail"]["findings"][0] |= {"evidences": [{"actor": actor}], "resources": []}
        return read("aws.eventbridge", event)
    user = {"name": name, "uid": "AROAEXAMPLE0ROLE0001", "type": "AssumedRole", "account": {"uid": account}}
    actor = {"user": user, "session": {"uid": "ASIAIOSFODNN7EXAMPLE", "issuer": issuer}}
    if dialect == "guardduty":
        event = own("guardduty/attack_sequence.json")
        event["detail"]["service"]["detection"]["sequence"] |= {"actors": [actor], "resources": []}
        return read("aws.eventbridge", event)
    event = own("security_hub/guardduty_import.json")
    pascal = {
        "User": {"Name": name, "Uid": user["uid"], "Type": "AssumedRole", "Account": {"Uid": account}},
        "Session": {"Uid": "ASIAIOSFODNN7EXAMPLE", "Issuer": issuer},
    }
    change = {"Types": ["TTPs/AttackSequence:IAM/CompromisedCredentials"], "Resources": []}
    event["detail"]["findings"][0] |= change | {"Detection": {"Sequence": {"Actors": [pascal]}}}
    return read("aws.eventbridge", event)


@pytest.mark.parametrize("dialect", ["guardduty", "asff", "v2"])
def test_the_role_of_a_session_is_its_issuer_where_the_user_has_no_name(dialect: str):
    (finding,) = sessions(dialect, issuer="arn:aws:iam::123456789012:role/service/admin").findings

    assert (finding.actor.kind, finding.actor.role_name) == (PrincipalKind.ASSUMED_ROLE, "admin")
    assert (finding.actor.account, finding.actor.access_key_id) == ("123456789012", "ASIAIOSFODNN7EXAMPLE")


@pytest.mark.parametrize("dialect", ["guardduty", "asff", "v2"])
def test_a_strangers_role_that_acted_in_our_account_is_the_strangers(dialect: str):
    """Of `user.account` GuardDuty says: where it acted, "not necessarily the account that owns the user"."""
    issuer = "arn:aws:iam::999999999999:role/admin"
    (finding,) = (one for one in sessions(dialect, issuer=issuer, name="admin").findings if one.actor.uid)

    assert (finding.actor.role_name, finding.actor.account) == ("admin", "999999999999")


@pytest.mark.parametrize("issuer", ["iam", None, "", "arn:aws:iam::999999999999:user/admin", {"x": 1}])
def test_an_issuer_that_is_no_role_changes_nothing(issuer: Any):
    (finding,) = sessions("guardduty", issuer=issuer, name="admin").findings

    assert (finding.actor.role_name, finding.actor.account) == ("admin", "123456789012")
