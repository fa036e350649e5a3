"""Access Analyzer: who from outside is let in."""

from __future__ import annotations

import pytest

from firedoor.domain.finding.finding import Severity
from tests.sources.samples import own, read, read_own


@pytest.mark.parametrize(
    ("sample", "type_", "severity", "name"),
    [
        ("public_bucket", "PublicAccess/AWS::S3::Bucket", Severity.HIGH, "acme-exports"),
        ("public_function", "PublicAccess/AWS::Lambda::Function", Severity.HIGH, "export"),
        ("shared_role", "ExternalAccess/AWS::IAM::Role", Severity.MEDIUM, "reader"),
    ],
)
def test_the_type_says_who_is_let_in_to_what(sample, type_, severity, name):
    (finding,) = read_own(f"access_analyzer/{sample}.json").findings

    assert (finding.source, finding.type, finding.severity) == ("aws.access_analyzer", type_, severity)
    assert [one.name for one in finding.resources] == [name]


def test_the_resource_tells_who_may_do_what():
    (finding,) = read_own("access_analyzer/public_bucket.json").findings

    assert finding.resources[0].attributes == {
        "is_public": True,
        "principals": ["AWS:*"],
        "actions": ["s3:GetObject"],
    }


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        ("resolved", "its status is 'RESOLVED', not 'ACTIVE'"),
        ("deleted", "the resource was deleted"),
        ("not_analyzed", "the analyzer could not look at the resource: 'ACCESS_DENIED'"),
    ],
)
def test_what_is_settled_or_was_never_seen_does_not_act(sample, reason):
    delivery = read_own(f"access_analyzer/{sample}.json")

    assert delivery.findings == ()
    assert [one.reason for one in delivery.ignored] == [reason]


def test_an_unused_key_is_low_and_names_its_user():
    event = own("access_analyzer/shared_role.json")
    event["detail-type"] = "Unused Access Finding for IAM entities"
    event["detail"] |= {
        "id": None,
        "findingId": "f-1",
        "findingType": "UnusedIAMUserAccessKey",
        "resourceType": "AWS::IAM::User",
        "resource": "arn:aws:iam::123456789012:user/ci-deploy",
    }

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.uid, finding.type) == ("f-1", "UnusedIAMUserAccessKey/AWS::IAM::User")
    assert (finding.severity, finding.actor.user_name) == (Severity.LOW, "ci-deploy")
