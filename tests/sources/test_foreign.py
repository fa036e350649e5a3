"""A vendor's own JSON on a generic source is called by its name; a Finding with a mistake is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.domain.core.errors import Unreadable
from firedoor.sources.json_reader import read_json
from tests.sources.samples import SHARED, own, read


@pytest.mark.parametrize(
    ("payload", "name", "mend"),
    [
        (own("guardduty/leaked_key.json"), "an event of Amazon EventBridge", "kind aws.eventbridge"),
        (own("guardduty/leaked_key.json")["detail"], "an Amazon GuardDuty finding", "kind aws.eventbridge"),
        (
            own("security_hub/public_bucket.json")["detail"]["findings"][0],
            "an AWS Security Hub finding (ASFF)",
            "kind aws.eventbridge",
        ),
        (own("github/secret_scanning_alert.created.json"), "a GitHub webhook", "kind github"),
        ({"alerts": [], "receiver": "r", "groupKey": "g"}, "a Prometheus Alertmanager", "translate it"),
        ({"rule": "r", "priority": "Error", "output_fields": {}}, "a Falco alert", "translate it"),
        (
            {
                "id": "1",
                "type": "Policy:IAMUser/S3BucketPublic",
                "title": "t",
                "severity": {"score": 3},
                "accountId": "123456789012",
                "region": "eu-west-1",
                "count": 1,
                "category": "POLICY",
                "resourcesAffected": {"s3Bucket": {"name": "acme"}},
            },
            "an Amazon Macie finding",
            "let AWS Security Hub pass it on",
        ),
        (
            {
                "findingArn": "arn:aws:inspector2:eu-west-1:123456789012:finding/1",
                "title": "CVE",
                "awsAccountId": "123456789012",
                "severity": "HIGH",
                "type": "PACKAGE_VULNERABILITY",
                "resources": [{"id": "i-1", "type": "AWS_EC2_INSTANCE"}],
            },
            "an Amazon Inspector finding",
            "let AWS Security Hub pass it on",
        ),
        (own("health/exposed_keys.json")["detail"], "an AWS Health event", "kind aws.eventbridge"),
        ({"Findings": [{"AccountId": "123456789012"}]}, "a batch of AWS findings", "kind aws.eventbridge"),
        (
            {"AlarmName": "a", "NewStateValue": "ALARM", "Region": "x"},
            "an Amazon CloudWatch alarm",
            "translate it",
        ),
        ({"id": 1, "severity": "HIGH"}, "nobody's form that Firedoor knows", "translate it"),
        ({}, "nobody's form that Firedoor knows", "translate it"),
    ],
)
def test_it_is_told_to_be_that_and_where_it_belongs(payload, name, mend):
    with pytest.raises(Unreadable) as refused:
        read("generic", payload)

    assert "neither a CloudEvent, nor OCSF, nor a Finding" in refused.value.found
    assert name in refused.value.found
    assert mend in refused.value.mend


@pytest.mark.parametrize("missing", ["type", "severity", "uid"])
def test_a_finding_that_lacks_something_is_told_what(missing):
    body = {key: value for key, value in own("generic/finding.json").items() if key != missing}

    with pytest.raises(Unreadable, match=missing):
        read("generic", body)


def test_a_cloudevent_around_a_vendors_json_is_told_so_too():
    event = own("generic/cloudevent.json") | {"data": own("guardduty/leaked_key.json")["detail"]}

    with pytest.raises(Unreadable, match="looks like an Amazon GuardDuty finding"):
        read("generic", event)


VENDORS = {
    "alertmanager": "Alertmanager",
    "auth0": "Auth0",
    "aws_guardduty": "GuardDuty",
    "aws_securityhub": "ASFF",
    "aws_sns": "SNS",
    "canarytokens_org": "canarytokens",
    "cloudflare": "Cloudflare",
    "crowdstrike": "CrowdStrike",
    "falco": "Falco",
    "gitleaks": "Gitleaks",
    "okta": "Okta",
    "okta_system_log": "Okta",
    "openai": "OpenAI",
    "orca": "Orca",
    "pagerduty": "PagerDuty",
    "sentinelone": "SentinelOne",
    "splunk": "Splunk",
    "ssf": "Shared Signals",
    "thinkst_canary": "Thinkst",
    "tracebit": "Tracebit",
    "trufflehog": "TruffleHog",
    "upwind": "Upwind",
}


@pytest.mark.parametrize("folder", VENDORS)
def test_the_shared_samples_of_a_vendor_are_called_by_its_name(folder):
    files = sorted(Path(SHARED / folder).glob("*.json"))
    if not files:
        pytest.skip(f"no shared samples at {SHARED}; set FIREDOOR_SAMPLES to the folder they are in")
    for file in files:
        with pytest.raises(Unreadable, match=VENDORS[folder]):
            read("generic", read_json(file.read_bytes()))
