"""Where a finding is: the account and region of what it is about, read or refused, never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding
from tests.sources.samples import own, read, read_own
from tests.sources.test_settled import asff, guardduty, merged, sequence, v2

OURS, THEIRS, ADMINISTRATOR = "123456789012", "111122223333", "999988887777"


def one(delivery: Any) -> Finding:
    (finding,) = delivery.findings
    assert isinstance(finding, Finding)
    return finding


def analyzed(**changes: Any) -> Any:
    event = own("access_analyzer/public_bucket.json")
    event["detail"] |= changes
    return read("aws.eventbridge", event)


def exposed(**changes: Any) -> Any:
    event = own("health/exposed_keys.json")
    event["detail"] = merged(event["detail"], {"affectedEntities": [{"entityValue": "AKIAIOSFODNN7EXAMPLE"}]})
    event["detail"] |= changes
    return read("aws.eventbridge", event)


def ours(**changes: Any) -> Any:
    return read("generic", own("generic/finding.json") | changes)


def prowler(**changes: Any) -> Any:
    return read("generic", merged(own("generic/ocsf.json"), changes))


ACCOUNTS = {
    "GuardDuty": lambda value: guardduty({"accountId": value}),
    "GuardDuty's actor": lambda value: guardduty(
        sequence(actors=[{"user": {"name": "a", "type": "IAMUser", "account": {"uid": value}}}])
    ),
    "Security Hub CSPM": lambda value: asff({"AwsAccountId": value}),
    "Security Hub CSPM's owner": lambda value: asff({"ProductFields": {"ResourceOwnerAccount": value}}),
    "Security Hub": lambda value: v2({"cloud": {"account": {"uid": value}}, "resources": []}),
    "Security Hub's owner": lambda value: v2(
        {"resources": [{"type": "T", "uid": "u", "owner": {"account": {"uid": value}}}]}
    ),
    "Prowler": lambda value: prowler(cloud={"account": {"uid": value}}),
    "Access Analyzer": lambda value: analyzed(accountId=value),
    "Health": lambda value: exposed(affectedAccount=value),
}


@pytest.mark.parametrize("dialect", ACCOUNTS)
@pytest.mark.parametrize(
    "value", [12345678901, 0, "12345678901", "1234567890123", True, ["1", "2"], {"a": "b"}]
)
def test_an_account_that_cannot_be_one_is_refused_and_never_taken_for_missing(dialect, value):
    """An account whose leading zeros were lost as a number is one of these: nobody can tell which it was."""
    with pytest.raises(Unreadable):
        ACCOUNTS[dialect](value)


@pytest.mark.parametrize("dialect", ACCOUNTS)
@pytest.mark.parametrize(
    "value", [111122223333, 111122223333.0, "1111-2222-3333", [THEIRS], " 111122223333 "]
)
def test_an_account_that_can_mean_only_one_is_read(dialect, value):
    found = ACCOUNTS[dialect](value).findings

    assert any(
        THEIRS in (finding.account, finding.actor.account, *(part.account for part in finding.resources))
        for finding in found
    )


REGIONS = {
    "GuardDuty": lambda value: guardduty({"region": value}),
    "Security Hub CSPM": lambda value: asff({"Region": value, "Resources": []}),
    "a resource of Security Hub CSPM": lambda value: asff(
        {"Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::acme", "Region": value}]}
    ),
    "Security Hub": lambda value: v2({"cloud": {"region": value}, "resources": []}),
    "Access Analyzer": lambda value: analyzed(region=value),
    "Health": lambda value: exposed(eventRegion=value),
}


@pytest.mark.parametrize("dialect", REGIONS)
@pytest.mark.parametrize("value", [["eu-west-1", "us-east-1"], {"name": "eu-west-1"}, True])
def test_a_region_that_cannot_be_read_is_refused_and_never_taken_for_missing(dialect, value):
    with pytest.raises(Unreadable):
        REGIONS[dialect](value)


@pytest.mark.parametrize("dialect", REGIONS)
@pytest.mark.parametrize("value", ["ap-south-1", ["ap-south-1"], "AP-SOUTH-1", "ap-south-1b", " ap-south-1 "])
def test_a_region_that_can_mean_only_one_is_read(dialect, value):
    assert one(REGIONS[dialect](value)).region == "ap-south-1"


@pytest.mark.parametrize("value", ["global", "aws-global", "GLOBAL"])
def test_a_region_of_global_is_none_and_not_that_of_the_messenger(value):
    assert one(exposed(eventRegion=value)).region is None


@pytest.mark.parametrize(
    "dialect",
    [
        lambda: guardduty({"accountId": None}),
        lambda: asff({"AwsAccountId": None, "Resources": []}),
        lambda: v2({"cloud": None, "resources": []}),
    ],
)
def test_a_finding_without_an_account_does_not_get_the_administrators(dialect):
    assert one(dialect()).account is None


def test_the_owners_account_outranks_the_one_the_finding_was_filed_in():
    finding = one(
        asff(
            {
                "ProductFields": {"ResourceOwnerAccount": THEIRS},
                "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::acme"}],
            }
        )
    )

    assert (finding.account, finding.resources[0].account) == (THEIRS, THEIRS)


def test_resources_that_disagree_leave_the_finding_where_it_says_and_keep_their_own_place():
    finding = one(
        asff(
            {
                "Resources": [
                    {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::acme", "Region": "eu-west-1"},
                    {"Type": "AwsEc2Image", "Id": f"arn:aws:ec2:us-east-1:{THEIRS}:image/ami-1"},
                    {"Type": "AwsIamPolicy", "Id": "arn:aws:iam::aws:policy/AdministratorAccess"},
                ]
            }
        )
    )

    assert (finding.account, finding.region) == (OURS, "eu-west-1")
    assert [part.account for part in finding.resources] == [OURS, THEIRS, "aws"]
    assert [part.region for part in finding.resources] == ["eu-west-1", "us-east-1", "eu-west-1"]


def test_a_resource_of_an_attack_sequence_is_in_its_own_account_and_region():
    part = {"resourceType": "EC2_IMAGE", "uid": "ami-1", "accountId": THEIRS, "region": "us-east-1"}

    finding = one(guardduty(sequence(resources=[part])))

    assert [(each.account, each.region) for each in finding.resources if each.kind == "AWS::EC2::Image"] == [
        (THEIRS, "us-east-1")
    ]
    assert finding.account == OURS


def test_a_stranger_in_an_attack_sequence_stands_alone_and_what_is_ours_stands_without_him():
    stranger = {"name": "app", "uid": "AROAEXTERNAL:s", "type": "AssumedRole", "account": {"uid": THEIRS}}
    bucket = {"resourceType": "S3_BUCKET", "uid": "arn:aws:s3:::acme"}
    event = own("guardduty/attack_sequence.json")
    event["detail"]["service"]["detection"]["sequence"] |= {
        "actors": [{"user": stranger}],
        "resources": [bucket],
    }

    theirs, ours_ = read("aws.eventbridge", event).findings

    assert (theirs.account, theirs.actor.account, theirs.actor.role_name) == (THEIRS, THEIRS, "app")
    assert [part.kind for part in theirs.resources] == ["AWS::IAM::Role"]
    assert (ours_.account, ours_.actor.role_name) == (OURS, None)
    assert [part.kind for part in ours_.resources] == ["AWS::S3::Bucket"]


def test_a_generic_finding_takes_account_and_region_from_its_resources_names():
    queue = {"kind": "AWS::SQS::Queue", "uid": f"arn:aws:sqs:ap-south-1:{THEIRS}:jobs"}
    body = {
        key: value for key, value in own("generic/finding.json").items() if key not in ("account", "region")
    }

    finding = one(read("generic", body | {"resources": [queue]}))

    assert (finding.account, finding.region) == (THEIRS, "ap-south-1")
    assert (finding.resources[0].account, finding.resources[0].region) == (THEIRS, "ap-south-1")


def test_a_generic_resource_cannot_claim_another_account_than_its_arn():
    queue = {"kind": "AWS::SQS::Queue", "uid": f"arn:aws:sqs:ap-south-1:{THEIRS}:jobs", "account": OURS}

    with pytest.raises(Unreadable, match="whose ARN says"):
        ours(resources=[queue])


@pytest.mark.parametrize("account", [123456789012, ["123456789012"], True])
def test_our_own_form_demands_an_account_as_text(account):
    with pytest.raises(Unreadable, match="account"):
        ours(account=account)


def test_the_sample_of_an_administrators_event_is_about_the_member():
    assert own("security_hub_v2/control_failed.json")["account"] == ADMINISTRATOR
    assert one(read_own("security_hub_v2/control_failed.json")).account == OURS
