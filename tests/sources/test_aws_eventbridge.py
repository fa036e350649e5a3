"""EventBridge: which reader an event goes to, and which events go nowhere."""

from __future__ import annotations

import pytest

from firedoor.domain.core.errors import Unreadable
from tests.sources.samples import own, read


def test_a_finding_under_a_source_that_aws_does_not_reserve_is_not_believed():
    """Anybody with events:PutEvents can send detail-type "GuardDuty Finding" under a source of their own."""
    event = own("guardduty/leaked_key.json") | {"source": "my.app"}

    delivery = read("aws.eventbridge", event)

    assert delivery.findings == ()
    assert (
        delivery.ignored[0].reason == "no reader for events of 'my.app' with detail-type 'GuardDuty Finding'"
    )


def test_the_identity_of_a_delivery_is_the_events_id():
    assert (
        read("aws.eventbridge", own("guardduty/leaked_key.json")).uid
        == "5f0c1c52-6a0b-4c0e-8a67-3c8d5a1f2b11"
    )


def test_a_list_of_events_is_a_batch():
    delivery = read("aws.eventbridge", [own("guardduty/leaked_key.json"), {}, own("security_hub/batch.json")])

    assert len(delivery.findings) == 4
    assert [one.finding for one in delivery.unreadable] == ["events[1]", "findings[4]"]


@pytest.mark.parametrize(
    "body", [{}, [], [{}], None, 3, "x", {"source": "aws.guardduty"}, {"source": 1, "detail-type": []}]
)
def test_what_is_no_event_is_unreadable(body):
    with pytest.raises(Unreadable):
        read("aws.eventbridge", body)


@pytest.mark.parametrize("missing", ["id", "type", "severity"])
def test_a_finding_without_what_a_finding_needs_is_unreadable_and_says_which(missing):
    event = own("guardduty/leaked_key.json")
    event["detail"][missing] = None

    with pytest.raises(Unreadable, match=rf"detail\.{missing} is missing"):
        read("aws.eventbridge", event)


def test_null_in_everything_that_is_not_needed_is_tolerated():
    event = own("guardduty/leaked_key.json")
    event["detail"] = {"id": "f", "type": "A:B/C", "severity": "8.0"} | dict.fromkeys(
        ("accountId", "region", "resource", "service", "title", "description", "createdAt", "updatedAt")
    )

    (finding,) = read("aws.eventbridge", event).findings

    assert (finding.account, finding.severity.value) == (None, "high")
    assert finding.modified.isoformat() == "2026-11-22T02:20:30+00:00"


def test_hostile_text_stays_data():
    event = own("guardduty/leaked_key.json")
    event["detail"]["title"] = "<!channel> ${{ 1+1 }}\n*bold*" + "x" * 9000
    event["detail"]["resource"]["accessKeyDetails"]["userName"] = "u" * 5000

    (finding,) = read("aws.eventbridge", event).findings

    assert finding.title.startswith("<!channel> ${{ 1+1 }}\n*bold*")
    assert len(finding.title) == 4096
    assert finding.actor.user_name is None


def test_an_arn_that_grows_too_long_makes_the_finding_unreadable_and_nothing_worse():
    event = own("guardduty/ssh_brute_force.json")
    event["detail"]["resource"]["instanceDetails"]["instanceId"] = "i" * 4090

    with pytest.raises(Unreadable, match="a resource's 'uid'"):
        read("aws.eventbridge", event)
