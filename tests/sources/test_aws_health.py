"""AWS Health: a key that AWS found in public."""

from __future__ import annotations

import pytest

from firedoor.domain.finding.finding import Severity
from tests.sources.samples import own, read, read_own


def test_each_exposed_entity_is_a_finding_in_all_three_forms():
    findings = read_own("health/exposed_keys.json").findings

    assert [(one.actor.user_name, one.actor.access_key_id) for one in findings] == [
        (None, "AKIAIOSFODNN7EXAMPLE"),
        ("ci-deploy", None),
        ("ci-deploy", "AKIAI44QH8DHBEXAMPLE"),
    ]
    assert {one.type for one in findings} == {"AWS_RISK_CREDENTIALS_EXPOSED"}
    assert {one.severity for one in findings} == {Severity.CRITICAL}
    assert {one.account for one in findings} == {"123456789012"}
    assert len({one.uid for one in findings}) == 3


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("AWS_RISK_CREDENTIALS_EXPOSED", Severity.CRITICAL),
        ("AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", Severity.HIGH),
        ("AWS_RISK_CREDENTIALS_COMPROMISED", Severity.CRITICAL),
        ("AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", Severity.HIGH),
        ("AWS_EC2_OPERATIONAL_ISSUE", Severity.INFORMATIONAL),
    ],
)
def test_what_health_says_of_credentials_is_grave_and_all_else_is_not(code: str, severity: Severity):
    event = own("health/exposed_keys.json")
    event["detail"]["eventTypeCode"] = code

    assert {one.severity for one in read("aws.eventbridge", event).findings} == {severity}


def test_times_in_rfc_2822_are_read():
    finding = read_own("health/exposed_keys.json").findings[0]

    assert finding.first_seen.isoformat() == "2026-11-22T02:14:07+00:00"


def test_a_key_in_the_account_field_is_found_there():
    (finding,) = read_own("health/exposed_key_in_account_field.json").findings

    assert (finding.actor.access_key_id, finding.account) == ("AKIAIOSFODNN7EXAMPLE", "123456789012")


def test_a_closed_event_does_not_act():
    delivery = read_own("health/closed.json")

    assert (delivery.findings, [one.reason for one in delivery.ignored]) == ((), ["closed in AWS Health"])
