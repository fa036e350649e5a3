"""Security Hub: many ASFF findings in one event."""

from __future__ import annotations

import pytest

from firedoor.domain.finding.finding import PrincipalKind, Severity
from tests.sources.samples import own, read, read_own


def test_a_batch_is_many_findings_and_a_broken_one_does_not_sink_its_siblings():
    delivery = read_own("security_hub/batch.json")

    assert [one.type for one in delivery.findings] == ["S3.2", "EC2.13", "Lambda.1"]
    assert [one.finding for one in delivery.unreadable] == ["findings[4]"]
    assert "Id is missing" in delivery.unreadable[0].reason
    assert [one.reason for one in delivery.ignored] == ["resolved in Security Hub"]


def test_archived_suppressed_resolved_and_passed_findings_never_act():
    delivery = read_own("security_hub/settled.json")

    assert delivery.findings == ()
    assert [one.reason for one in delivery.ignored] == [
        "archived in Security Hub",
        "suppressed in Security Hub",
        "resolved in Security Hub",
        "the control passed",
    ]


def test_a_security_group_tells_what_it_opens_to_the_world_and_only_that():
    (finding,) = read_own("security_hub/open_security_group.json").findings

    (group,) = finding.resources
    assert (group.kind, group.name) == ("AWS::EC2::SecurityGroup", "sg-0a1b2c3d4e5f60718")
    assert group.attributes["ports"] == [22]
    assert group.attributes["open_ingress"] == [
        {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0"},
        {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "::/0"},
        {"protocol": "-1", "from_port": None, "to_port": None, "cidr": "0.0.0.0/0"},
    ]


def test_resources_carry_cloudformation_kinds_names_and_tags():
    (bucket,) = read_own("security_hub/public_bucket.json").findings
    (function,) = read_own("security_hub/public_function.json").findings

    assert [(one.kind, one.name, one.attributes) for one in bucket.resources] == [
        ("AWS::S3::Bucket", "acme-exports", {"tags": {"env": "prod"}})
    ]
    assert [(one.kind, one.name) for one in function.resources] == [("AWS::Lambda::Function", "export")]
    assert bucket.severity is Severity.CRITICAL


def test_only_security_hubs_own_product_is_believed_about_control_ids():
    event = own("security_hub/public_bucket.json")
    event["detail"]["findings"][0]["ProductArn"] = (
        "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default"
    )

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.type == "product/Security Hub/security-control/S3.2"


def test_a_guardduty_import_keeps_security_hub_as_source_and_tells_the_role():
    (finding,) = read_own("security_hub/guardduty_import.json").findings

    assert finding.source == "aws.security_hub"
    assert finding.type == "TTPs/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS"
    assert finding.actor.kind is PrincipalKind.ASSUMED_ROLE
    assert (finding.actor.role_name, finding.actor.session_name) == ("web-server", "i-0a1b2c3d4e5f60718")
    assert (finding.actor.access_key_id, finding.actor.source_ips) == (
        "ASIAIOSFODNN7EXAMPLE",
        ("203.0.113.77",),
    )
    assert finding.confidence == 0.9


def test_a_finding_about_a_user_names_that_user():
    event = own("security_hub/public_bucket.json")
    user = {"Type": "AwsIamUser", "Id": "arn:aws:iam::123456789012:user/ci/ci-deploy"}
    event["detail"]["findings"][0]["Resources"] = [user]

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.kind, finding.actor.user_name) == (PrincipalKind.IAM_USER, "ci-deploy")


def test_the_sample_flag_of_asff_makes_a_test():
    event = own("security_hub/public_bucket.json")
    event["detail"]["findings"][0]["Sample"] = True

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.is_test


def test_the_product_of_guarddutys_own_example_is_aws_though_a_colon_is_missing_in_it():
    """https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html."""
    event = own("security_hub/guardduty_import.json")
    told = event["detail"]["findings"][0]
    told["ProductArn"] = "arn:aws:securityhub:us-east-1:product/aws/guardduty"

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.type in told["Types"]


@pytest.mark.parametrize("missing", [("GeneratorId",), ("ProductName",), ("GeneratorId", "ProductName")])
def test_whoever_imports_findings_of_their_own_never_speaks_as_guardduty(missing: tuple[str, ...]):
    event = own("security_hub/guardduty_import.json")
    told = event["detail"]["findings"][0]
    told["ProductArn"] = "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default"
    for name in missing:
        told.pop(name, None)

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.type.startswith("product/")


def test_a_key_that_is_told_by_its_arn_is_found_and_in_the_arns_account():
    event = own("security_hub/guardduty_import.json")
    event["detail"]["findings"][0]["Resources"] = [
        {
            "Type": "AwsIamAccessKey",
            "Id": "arn:aws:iam::210987654321:access-key/AKIAIOSFODNN7EXAMPLE",
            "Details": {"AwsIamAccessKey": {"UserName": "ci-deploy"}},
        }
    ]

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.actor.user_name, finding.actor.access_key_id) == ("ci-deploy", "AKIAIOSFODNN7EXAMPLE")
    assert (finding.account, finding.actor.account) == ("210987654321", "210987654321")
