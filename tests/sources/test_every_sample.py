"""Laws over all samples, ours and the shared ones, whole and mangled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.domain.core.canonical import canonical
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding
from firedoor.sources.delivery import Delivery
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS
from tests.sources.samples import OWN, SHARED, headers_of, read

FILES = sorted(OWN.rglob("*.json")) + (sorted(SHARED.parent.rglob("*.json")) if SHARED.is_dir() else [])
NAMES = [str(path.relative_to(OWN if path.is_relative_to(OWN) else SHARED.parent)) for path in FILES]
#: What in a finding moves the world; a test event's must never get so far.
ANYTHING: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.just("x" * 5000)
    | st.lists(st.none() | st.integers() | st.text(max_size=5) | st.just({}), max_size=3)
    | st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)
)


def test_the_shared_samples_are_there():
    if not SHARED.is_dir():
        pytest.skip(
            f"no shared samples at {SHARED}; set FIREDOOR_SAMPLES to their folder to run the laws over them"
        )
    assert len(FILES) > 200


def _readings(path: Path, body: Any) -> list[Delivery]:
    """Every kind's reading of the body: a payload at the wrong door must not break that door either."""
    readings = []
    for kind in KINDS:
        try:
            readings.append(read(kind, body, headers_of(path)))
        except Unreadable as error:
            assert error.found  # noqa: PT017 -- the reason is the outcome
            assert error.expected  # noqa: PT017
    return readings


def _lawful(delivery: Delivery) -> None:
    for finding in delivery.findings:
        assert canonical(finding)
        assert Finding.model_validate_json(finding.model_dump_json()) == finding
    for left in (*delivery.ignored, *delivery.unreadable):
        assert left.finding
        assert left.reason
        assert left.reason.isprintable()


def _body(path: Path) -> Any:
    """The payload; an input of the acceptance team stands beside what is expected of it."""
    body = read_json(path.read_bytes())
    return body["payload"] if isinstance(body, dict) and {"door", "payload"} <= body.keys() else body


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_sample_is_findings_or_a_reason(path):
    for delivery in _readings(path, _body(path)):
        _lawful(delivery)


@given(data=st.data())
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_no_mangled_sample_raises_anything_but_unreadable(data):
    path = data.draw(st.sampled_from(FILES))
    body = copy.deepcopy(_body(path))
    for _ in range(data.draw(st.integers(1, 4))):
        _mangle(body, data)
    for delivery in _readings(path, body):
        _lawful(delivery)


def _mangle(body: Any, data: st.DataObject) -> None:
    """Walk to a random place and put something else there, or nothing."""
    place = body
    while isinstance(place, (dict, list)) and place:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.integers(0, 4)) == 0:
            if data.draw(st.booleans()):
                place[key] = data.draw(ANYTHING)
            else:
                del place[key]
            return
        place = place[key]


ADMINISTRATOR = "222233334444"
DETECTORS = ("GuardDuty Finding", "Security Hub Findings - Imported", "Findings Imported V2")
EVENTS = [
    path
    for path in FILES
    if isinstance(body := _body(path), dict) and body.get("detail-type") in DETECTORS and body.get("detail")
]


@given(data=st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_however_a_members_finding_is_mangled_it_is_never_the_administrators(data):
    event = copy.deepcopy(_body(data.draw(st.sampled_from(EVENTS)))) | {"account": ADMINISTRATOR}
    for _ in range(data.draw(st.integers(1, 4))):
        _mangle(event["detail"], data)
    try:
        delivery = read("aws.eventbridge", event)
    except Unreadable:
        return
    for finding in delivery.findings:
        told = {finding.account, finding.actor.account, *(part.account for part in finding.resources)}
        assert ADMINISTRATOR not in told


#: A sample, the way to its mark, and the mark.
MARKED: list[tuple[str, tuple[Any, ...], Any]] = [
    ("guardduty/leaked_key.json", ("detail", "service", "archived"), True),
    ("guardduty/leaked_key.json", ("detail", "title"), "[SAMPLE] A title"),
    ("guardduty/attack_sequence.json", ("detail", "service", "archived"), "true"),
    ("security_hub/guardduty_import.json", ("detail", "findings", 0, "RecordState"), "ARCHIVED"),
    ("security_hub/guardduty_import.json", ("detail", "findings", 0, "Sample"), True),
    ("security_hub_v2/guardduty_key.json", ("detail", "findings", 0, "status_id"), 3),
    ("security_hub_v2/control_failed.json", ("detail", "findings", 0, "compliance", "status_id"), 1),
    ("access_analyzer/public_bucket.json", ("detail", "status"), "ARCHIVED"),
    ("health/exposed_keys.json", ("detail", "statusCode"), "closed"),
]


def _at(body: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        known = isinstance(body, dict) and step in body
        if not known and not (isinstance(body, list) and isinstance(step, int) and step < len(body)):
            return None
        body = body[step]
    return body


@given(data=st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_whatever_else_is_mangled_a_marked_finding_does_not_act(data):
    name, way, mark = data.draw(st.sampled_from(MARKED))
    event = copy.deepcopy(read_json((OWN / name).read_bytes()))
    _at(event, way[:-1])[way[-1]] = mark
    for _ in range(data.draw(st.integers(1, 4))):
        _mangle(event["detail"], data)
    if _at(event, way) != mark:
        return
    try:
        delivery = read("aws.eventbridge", event)
    except Unreadable:
        return
    assert all(finding.is_test for finding in delivery.findings)


SAMPLE_WORDS = (b'"sample":true', b'"sample": true', b"GeneratedFinding", b"[SAMPLE]", b'"Sample": true')


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_sample_event_of_a_detector_is_taken_for_real(path):
    raw = path.read_bytes()
    if not any(word in raw for word in SAMPLE_WORDS):
        return
    for delivery in _readings(path, _body(path)):
        assert all(finding.is_test for finding in delivery.findings)
