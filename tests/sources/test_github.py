"""GitHub: secret scanning alerts, which carry no secret."""

from __future__ import annotations

import pytest

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Severity
from tests.sources.samples import own, read, read_own

HEADERS = {"x-github-event": "secret_scanning_alert", "x-github-delivery": "d-1"}


def test_an_alert_is_a_finding_of_the_secrets_type():
    delivery = read_own("github/secret_scanning_alert.created.json")

    (finding,) = delivery.findings
    assert delivery.uid == "d-1"
    assert (finding.source, finding.type) == ("github", "aws_access_key_id")
    assert (finding.uid, finding.severity) == ("acme/shop/secret-scanning/7", Severity.CRITICAL)
    assert finding.resources[0].kind == "GitHub::Repository"
    assert finding.url == "https://github.com/acme/shop/security/secret-scanning/7"
    assert finding.account is None


def test_an_alert_of_unknown_validity_in_private_is_high():
    body = own("github/secret_scanning_alert.created.json")
    body["alert"] |= {"validity": None, "publicly_leaked": None}

    assert read("github", body, HEADERS).findings[0].severity is Severity.HIGH


def test_a_secret_that_a_relay_added_goes_no_further_but_a_key_id_does():
    body = own("github/secret_scanning_alert.created.json")
    body["alert"]["secret"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    secret = read("github", body, HEADERS).findings[0]
    body["alert"]["secret"] = "AKIAIOSFODNN7EXAMPLE"
    key_id = read("github", body, HEADERS).findings[0]

    assert "wJalr" not in secret.model_dump_json()
    assert secret.actor.access_key_id is None
    assert key_id.actor.access_key_id == "AKIAIOSFODNN7EXAMPLE"


def test_a_resolved_alert_does_not_act():
    delivery = read_own("github/secret_scanning_alert.resolved.json")

    assert (delivery.findings, delivery.ignored[0].reason) == ((), "the alert is 'revoked'")


def test_a_ping_is_a_handshake():
    assert read_own("github/ping.json").handshake == "ping"


def test_other_events_are_ignored_with_their_name():
    delivery = read("github", {"action": "created"}, {"x-github-event": "star"})

    assert delivery.ignored[0].reason == "no reader for GitHub's event 'star'"


@pytest.mark.parametrize("event", ["ping", "secret_scanning_alert", ""])
def test_a_body_that_is_not_what_its_unsigned_header_says_is_unreadable(event):
    with pytest.raises(Unreadable):
        read("github", {"action": "created"}, {"x-github-event": event})
