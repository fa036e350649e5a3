"""Security Hub as it is today: OCSF, one finding an event, sent from the administrator's account."""

from __future__ import annotations

import json

import pytest

from firedoor.domain.finding.finding import PrincipalKind
from firedoor.sources.delivery import Delivery
from tests.sources.samples import own, read, read_own


def changed(name: str, **changes: object) -> Delivery:
    event = own(f"security_hub_v2/{name}.json")
    event["detail"]["findings"][0] |= changes
    return read("aws.eventbridge", event)


def test_a_detection_names_the_key_and_its_user_from_the_data_of_the_resource():
    (finding,) = read_own("security_hub_v2/guardduty_key.json").findings

    assert (finding.source, finding.type) == (
        "aws.security_hub",
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
    )
    assert (finding.actor.kind, finding.actor.user_name) == (PrincipalKind.IAM_USER, "ci-deploy")
    assert (finding.actor.access_key_id, finding.actor.uid) == (
        "AKIAIOSFODNN7EXAMPLE",
        "AIDAEXAMPLE0USER0001",
    )
    assert finding.actor.source_ips == ("2001:db8::77",)


def test_the_members_account_and_region_are_told_not_the_administrators():
    (finding,) = read_own("security_hub_v2/guardduty_key.json").findings

    assert (finding.account, finding.region) == ("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    "resource",
    [
        {"uid": "AKIAIOSFODNN7EXAMPLE", "user": {"name": "ci-deploy"}},
        {"uid": "AKIAIOSFODNN7EXAMPLE", "name": "ci-deploy"},
        {"uid": "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE", "name": "ci-deploy"},
        {"uid": "AKIAIOSFODNN7EXAMPLE", "uid_alt": "arn:aws:iam::123456789012:x/y", "name": "ci-deploy"},
        {
            "uid": "AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE",
            "data": json.dumps({"access_key_id": "AKIAIOSFODNN7EXAMPLE", "user_name": "ci-deploy"}),
        },
    ],
    ids=["user.name", "name", "prefix", "ARN beside it", "data as text"],
)
def test_a_key_is_understood_in_each_form_it_comes_in(resource):
    (finding,) = changed("guardduty_key", resources=[{"type": "AWS::IAM::AccessKey", **resource}]).findings

    assert (finding.actor.access_key_id, finding.actor.user_name) == ("AKIAIOSFODNN7EXAMPLE", "ci-deploy")


def test_a_sessions_key_of_which_nothing_else_is_told_is_given_to_nobody():
    resource = {"type": "AWS::IAM::AccessKey", "uid": "ASIAIOSFODNN7EXAMPLE", "user": {"name": "web"}}

    (finding,) = changed("guardduty_key", resources=[resource]).findings

    assert (finding.actor.user_name, finding.actor.role_name) == (None, None)


def test_several_keys_and_several_principals_are_each_a_finding_of_one_uid():
    found = read_own("security_hub_v2/attack_sequence.json").findings

    assert {(one.uid, one.modified) for one in found} == {("g2", found[0].modified)}
    assert {one.type for one in found} == {"AttackSequence:IAM/CompromisedCredentials"}
    assert [(one.actor.role_name or one.actor.user_name, one.actor.access_key_id) for one in found] == [
        ("web-server", "ASIAIOSFODNN7EXAMPLE"),
        ("ci-deploy", "AKIAIOSFODNN7EXAMPLE"),
        ("ci-deploy", "AKIAI44QH8DHBEXAMPLE"),
    ]
    for one in found:
        assert [part.uid for part in one.resources] == [one.actor.access_key_id, "arn:aws:s3:::acme-exports"]


def test_a_failed_control_is_called_by_its_id_and_a_bare_bucket_by_its_arn():
    (finding,) = read_own("security_hub_v2/control_failed.json").findings

    assert finding.type == "S3.8"
    assert [(one.uid, one.name) for one in finding.resources] == [
        ("arn:aws:s3:::acme-exports", "acme-exports")
    ]


def test_sensitive_data_is_about_the_bucket_and_says_whether_it_is_public():
    (finding,) = read_own("security_hub_v2/macie_bucket.json").findings

    assert finding.type == "SensitiveData:S3Object/Multiple"
    (bucket,) = [one for one in finding.resources if one.kind == "AWS::S3::Bucket"]
    assert (bucket.name, bucket.attributes) == ("acme-exports", {"is_public": True})


def test_sensitive_data_in_no_bucket_is_dismissed_with_the_reason():
    delivery = changed("macie_bucket", databucket=None, resources=[])

    assert [one.reason for one in delivery.ignored] == ["a data security finding that names no bucket"]


def test_an_exposure_tells_what_can_be_reached():
    (finding,) = read_own("security_hub_v2/exposure.json").findings

    assert finding.type == "Exposure"
    assert finding.resources[0].attributes["reachable"] == ["internet to port 22", "internet to port 443"]


@pytest.mark.parametrize("class_uid", [2001, 2002, 2005, 3002, 6003, 99999])
def test_every_other_class_is_dismissed_with_the_reason_and_never_refused(class_uid):
    delivery = changed("inspector", class_uid=class_uid)

    assert (delivery.findings, delivery.unreadable) == ((), ())
    assert f"OCSF class {class_uid}" in delivery.ignored[0].reason


def test_a_detection_without_any_type_is_dismissed_and_never_refused():
    event = own("security_hub_v2/guardduty_key.json")
    event["detail"]["findings"][0]["finding_info"]["types"] = []

    delivery = read("aws.eventbridge", event)

    assert "tells no type" in delivery.ignored[0].reason


def test_a_third_party_may_not_call_its_findings_what_aws_calls_its_own():
    event = own("security_hub_v2/guardduty_key.json")
    product = {"name": "Acme Scan", "uid": "arn:aws:securityhub:eu-west-1::productv2/acme/scan"}
    event["detail"]["findings"][0]["metadata"]["product"] = product

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.type == "product/Acme Scan/UnauthorizedAccess:IAMUser/MaliciousIPCaller"


def test_nor_one_that_names_its_vendor_alone():
    event = own("security_hub_v2/guardduty_key.json")
    event["detail"]["findings"][0]["metadata"]["product"] = {"name": "Acme Scan", "vendor_name": "Acme"}

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.type == "product/Acme Scan/UnauthorizedAccess:IAMUser/MaliciousIPCaller"


def test_a_key_that_is_told_by_its_arn_is_in_the_arns_account():
    event = own("security_hub_v2/guardduty_key.json")
    told = event["detail"]["findings"][0]
    (part,) = [one for one in told["resources"] if one["type"] == "AWS::IAM::AccessKey"]
    part["uid"] = "arn:aws:iam::210987654321:access-key/AKIAIOSFODNN7EXAMPLE"
    part.pop("owner", None)
    told["resources"] = [part]

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.account, finding.actor.access_key_id) == ("210987654321", "AKIAIOSFODNN7EXAMPLE")
    assert {one.account for one in finding.resources} == {"210987654321"}


def test_a_finding_of_another_cloud_never_counts_as_ours():
    (finding,) = changed(
        "control_failed",
        cloud={"provider": "Azure", "account": {"uid": "7b1c6f0a-sub"}, "region": "eastus"},
        resources=[{"type": "Microsoft.Storage/storageAccounts", "uid": "acme"}],
    ).findings

    assert (finding.account, finding.region) == ("7b1c6f0a-sub", "eastus")


def modified(told: object) -> str:
    """What a time of change becomes; beside it stands another, of the hour before."""
    event = own("security_hub_v2/guardduty_key.json")
    info = event["detail"]["findings"][0]["finding_info"]
    info.update(modified_time=told, last_seen_time=1763772000000)
    info.pop("modified_time_dt", None)
    (finding,) = read("aws.eventbridge", event).findings
    return finding.modified.isoformat()


@pytest.mark.parametrize("told", [1763775600000, "1763775600000", "1763775600", 1763775600, "1763775600.0"])
def test_a_time_in_numbers_is_read_also_where_they_are_written_as_text(told: object):
    """Where none could be read the time of receipt would stand in: every redelivery a new version."""
    assert modified(told) == "2025-11-22T01:40:00+00:00"


@pytest.mark.parametrize(
    "told", ["2025-11-22T01:40:00Z", "20251122T014000Z", "Sat, 22 Nov 2025 01:40:00 GMT"], ids=str
)
def test_a_time_in_words_is_read_with_and_without_hyphens(told: str):
    assert modified(told) == "2025-11-22T01:40:00+00:00"


@pytest.mark.parametrize("told", [[1763775600000], {"seconds": 1763775600}, "9" * 14, "soon", None], ids=str)
def test_where_a_time_is_none_the_next_best_is_taken(told: object):
    assert modified(told) == "2025-11-22T00:40:00+00:00"


def test_a_security_group_is_called_by_its_id_and_not_by_its_label():
    group = {"type": "AWS::EC2::SecurityGroup", "uid": "sg-0a1b2c3d4e5f60718", "name": "web-servers"}
    compliance = {"control": "EC2.13", "status": "Fail", "status_id": 3}
    (finding,) = changed("control_failed", resources=[group], compliance=compliance).findings

    assert [one.name for one in finding.resources] == ["sg-0a1b2c3d4e5f60718"]
