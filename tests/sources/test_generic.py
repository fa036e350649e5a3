"""The generic source: our Finding, OCSF, CloudEvents."""

from __future__ import annotations

import base64
import json

import pytest

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Severity
from tests.sources.samples import own, read, read_own


def test_our_own_finding_is_read_as_it_stands_and_gets_our_digest():
    body = own("generic/finding.json") | {"raw_sha256": "f" * 64}

    (finding,) = read("generic", body).findings

    assert (finding.uid, finding.source, finding.type) == ("acme-0001", "acme.detector", "LeakedKey")
    assert finding.first_seen == finding.last_seen == finding.modified
    assert finding.raw_sha256 != "f" * 64


def test_the_source_is_generic_where_the_payload_names_none():
    body = own("generic/finding.json")
    del body["source"]

    assert read("generic", body).findings[0].source == "generic"


def test_a_cloudevent_around_our_finding_lends_its_time_and_its_identity():
    delivery = read_own("generic/cloudevent.json")

    assert delivery.uid == "https://detector.example.com/tenants/42 ev-1"
    assert delivery.findings[0].modified.isoformat() == "2026-11-22T02:15:00+00:00"


def test_a_binary_cloudevent_has_its_envelope_in_the_headers():
    body = own("generic/cloudevent.json")["data"]
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-time": "2026-11-22T02:15:00Z"}

    delivery = read("generic", body, headers)

    assert (delivery.uid, delivery.findings[0].uid) == ("s 1", "acme-0001")


def test_a_cloudevent_may_carry_its_data_in_base64():
    body = own("generic/cloudevent.json")
    body["data_base64"] = base64.b64encode(json.dumps(body.pop("data")).encode()).decode()

    assert read("generic", body).findings[0].uid == "acme-0001"


def test_an_ocsf_detection_finding_is_read():
    (finding,) = read_own("generic/ocsf.json").findings

    assert (finding.source, finding.type) == ("prowler", "s3_bucket_public_access")
    assert (finding.severity, finding.confidence, finding.account) == (Severity.HIGH, 0.8, "123456789012")
    assert [(one.kind, one.name) for one in finding.resources] == [("AWS::S3::Bucket", "acme-exports")]
    assert (finding.actor.user_name, finding.actor.email) == ("ci-deploy", "ci@example.com")
    assert finding.actor.source_ips == ("203.0.113.77",)


@pytest.mark.parametrize(
    "settled",
    [
        {"status_id": 3, "status": "Suppressed"},
        {"status_id": 4},
        {"status_id": 99, "status": "Resolved"},
        {"status_id": 5},
        {"activity_id": 3},
        {"status_code": "PASS"},
        {"status_code": "MANUAL"},
    ],
)
def test_a_settled_ocsf_finding_does_not_act(settled):
    delivery = read("generic", own("generic/ocsf.json") | settled)

    assert delivery.findings == ()
    assert len(delivery.ignored) == 1


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        ({"severity_id": 6}, Severity.FATAL),
        ({"severity_id": 0, "severity": "Unknown"}, Severity.INFORMATIONAL),
        ({"severity_id": None, "severity": "Critical"}, Severity.CRITICAL),
        ({"severity_id": 99, "severity": "weird"}, Severity.INFORMATIONAL),
    ],
)
def test_a_severity_nobody_knows_is_not_guessed_upwards(told, severity):
    assert read("generic", own("generic/ocsf.json") | told).findings[0].severity is severity


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"severity": "very"}, "severity"),
        ({"surprise": 1}, "surprise"),
        ({"modified": "2026-11-22T02:15:00"}, "needs its zone"),
        ({"modified": None}, "without a time"),
        ({"uid": None}, "uid"),
        ({"actor": {"surprise": 1}}, "actor.surprise"),
        ({"resources": [{"kind": "k", "uid": "u", "attributes": {"n": 2**60}}]}, "beyond 2\\*\\*53"),
        ({"resources": [{"kind": "k", "uid": "u" * 4097}]}, "resources"),
        ({"class_uid": "detection"}, "class_uid"),
        ({"specversion": "0.3"}, "another version"),
        ({"specversion": "1.0", "data": {"specversion": "1.0"}}, "neither a CloudEvent"),
        ({"specversion": "1.0", "data_base64": "%%%"}, "not Base64"),
        ({"specversion": "1.0", "data": "text"}, "other than a JSON object"),
    ],
)
def test_a_mistake_is_named(change, says):
    with pytest.raises(Unreadable, match=says):
        read("generic", own("generic/finding.json") | change)


def test_a_list_is_a_batch_and_a_bad_one_does_not_sink_it():
    delivery = read("generic", [own("generic/finding.json"), 7, own("generic/ocsf.json")])

    assert [one.uid for one in delivery.findings] == ["acme-0001", "prowler-aws-s3_bucket_public_access-0001"]
    assert [one.finding for one in delivery.unreadable] == ["findings[1]"]
