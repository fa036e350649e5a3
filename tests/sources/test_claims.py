"""Claims: no sender speaks in another detector's name, and none speaks from the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.domain.core.errors import Unreadable
from firedoor.sources import claims, generic
from firedoor.sources.claims import DETECTORS, held
from firedoor.sources.delivery import Delivery, Left
from firedoor.sources.kinds import KINDS
from tests.harness import NOW, finding

READERS = Path(claims.__file__).parent


def through(*findings: Any, kind: str = "generic", via: str = "scanner", **changes: Any) -> Delivery:
    delivery = replace(Delivery(uid="d"), findings=findings, **changes)
    return held(delivery, kind=kind, via=via, sources=("scanner", "prowler", "guardduty"), received=NOW)


def test_every_detector_with_a_reader_of_its_own_is_guarded() -> None:
    """A reader that is added names its detector in SOURCE, as the others do."""
    spoken = {
        line.split('"')[1]
        for file in READERS.glob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith("SOURCE = ")
    }
    assert spoken - {generic.SOURCE} == DETECTORS


@pytest.mark.parametrize(
    "name", [*sorted(DETECTORS), "aws.macie", "AWS.GuardDuty", " github ", "ａws.health"]
)
def test_a_generic_source_never_speaks_as_a_detector_with_a_reader_of_its_own(name: str) -> None:
    with pytest.raises(Unreadable, match="through a generic source, which only its own kind"):
        through(finding(source=name))


def test_nor_as_another_configured_source() -> None:
    with pytest.raises(Unreadable, match=r"another source of firedoor\.yaml"):
        through(finding(source="prowler"))
    assert through(finding(source="prowler"), via="prowler").findings


@pytest.mark.parametrize("via", sorted(DETECTORS - {each for each in DETECTORS if "." in each}))
def test_a_generic_source_called_like_a_detector_is_none(via: str) -> None:
    with pytest.raises(Unreadable):
        through(finding(source=via), via=via)


@pytest.mark.parametrize("name", ["generic", "scanner", "wiz", "toy"])
def test_it_speaks_in_its_own_name_or_in_one_that_nobody_has(name: str) -> None:
    assert [each.source for each in through(finding(source=name)).findings] == [name]


def test_a_detectors_own_source_speaks_in_its_name() -> None:
    (told,) = through(finding(source="aws.guardduty"), kind="aws.eventbridge", via="guardduty").findings
    assert (told.source, told.via, told.generic) == ("aws.guardduty", "guardduty", False)


def test_what_a_sender_writes_of_the_marks_is_overwritten() -> None:
    forged = finding(via="guardduty", generic=False, left_out=("something",))
    (told,) = through(forged).findings
    assert (told.via, told.generic, told.left_out) == ("scanner", True, ())


FORMS: dict[str, Any] = {
    "our finding": lambda name: {**finding(source=name).model_dump(mode="json", exclude={"raw_sha256"})},
    "ocsf by uid": lambda name: ocsf({"uid": name}),
    "ocsf by name": lambda name: ocsf({"name": name}),
    "a CloudEvent": lambda name: {
        "specversion": "1.0",
        "id": "1",
        "source": name,
        "type": "x",
        "data": ocsf({"uid": name}),
    },
    "a batch": lambda name: [ocsf({"uid": name})],
}


def ocsf(product: dict[str, str]) -> dict[str, Any]:
    return {
        "class_uid": 2004,
        "finding_info": {"uid": "f", "title": "t", "types": ["x"]},
        "metadata": {"product": product},
        "severity_id": 4,
        "time": int(NOW.timestamp() * 1000),
    }


@pytest.mark.parametrize("form", FORMS)
def test_in_none_of_the_forms_a_generic_source_takes(form: str) -> None:
    for name in ("github",) if form == "ocsf by name" else ("aws.guardduty", "github"):
        read = KINDS["generic"](FORMS[form](name), {}, "0" * 64, NOW)
        with pytest.raises(Unreadable):
            held(read, kind="generic", via="scanner", received=NOW)


def test_a_version_from_the_future_is_refused_and_one_within_the_skew_is_not() -> None:
    ahead = NOW + timedelta(minutes=5)
    assert through(finding(modified=ahead)).findings
    for kind in KINDS:
        with pytest.raises(Unreadable, match="in the future; expected at most 2026-11-22T03:05:00"):
            through(finding(source="x", modified=ahead + timedelta(seconds=1)), kind=kind)


def test_a_version_of_long_ago_is_none() -> None:
    assert through(finding(modified=NOW - timedelta(days=4000))).findings


def test_one_that_claims_too_much_does_not_sink_its_siblings() -> None:
    late = finding(uid="late", modified=NOW + timedelta(days=1))
    told = through(finding(uid="good"), late, unreadable=(Left("broken", "x"),))
    assert [each.uid for each in told.findings] == ["good"]
    assert [each.finding for each in told.unreadable] == ["broken", "late"]
    assert not through(late, ignored=(Left("resolved", "y"),)).findings
