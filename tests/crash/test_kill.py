"""Kill -9 of any part at any point of a response: same outcome, each effect exactly once, nothing lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from activities.evidence import verify_file
from tests.installation import Installation, Part, installation
from tests.toy_world import ToyWorld

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

STORY = """
playbook: close_doors
summary: Close the doors of the toy world, then weld one.
responds_to: [{source: toy, types: ["Intrusion:*"]}]
mode: active
incident: "${{ finding.resources[0].uid }}"
steps:
  - {id: front, action: toy.shut, params: {door: front}}
  - {id: back, action: toy.shut, params: {door: back}}
  - {id: weld_cellar, action: toy.weld, params: {door: cellar}}
"""

FINDING = {
    "uid": "f-1",
    "source": "toy",
    "type": "Intrusion:Door/Open",
    "title": "Somebody walks through a door",
    "severity": "high",
    "account": "123456789012",
    "region": "us-east-1",
    "resources": [{"kind": "Toy::Door", "uid": "arn:toy:door:::front", "name": "front"}],
    "first_seen": "2026-11-22T03:00:00Z",
    "last_seen": "2026-11-22T03:00:00Z",
    "modified": "2026-11-22T03:00:00Z",
}

#: Every verb of every step, before and after it touches the world: each lies between two ledger entries.
GATES = [
    ("plan", "front"),
    ("before-apply", "front"),
    ("after-apply", "front"),
    ("before-apply", "back"),
    ("after-apply", "back"),
    ("before-apply", "cellar"),
    ("after-apply", "cellar"),
    ("before-undo", "back"),
    ("after-undo", "back"),
    ("before-undo", "front"),
    ("after-undo", "front"),
]


@contextmanager
def upstream(here: Installation) -> Iterator[None]:
    """Tell Temporal's own fault from ours; see decision 32, which says what it costs and what is done then.

    An update that reaches a worker right after its start may be run before what history already tells
    (temporalio/sdk-python issue 1591, open). The history that is written then replays nowhere.
    """
    try:
        yield
    except AssertionError:
        if "Nondeterminism error" in (here.folder / "temporal.log").read_text(errors="replace"):
            pytest.xfail(
                "temporalio/sdk-python#1591: an update on a cold worker wrote a history out of order"
            )
        raise


class Saboteur:
    """Waits until somebody stands at a gate, kills one part there, and opens the gate."""

    def __init__(self, here: Installation, world: ToyWorld, part: Part) -> None:
        self.here = here
        self.world = world
        self.part = part
        self.kills = 0

    def strike(self) -> None:
        self.here.kill(self.part)
        self.kills += 1

    def at(self, verb: str, door: str) -> None:
        gate = self.world.folder / f"{door}.{verb}.gate"
        reached = gate.with_suffix(".reached")
        self._wait(reached.exists, f"somebody at the gate {verb} {door}")
        self.strike()
        gate.unlink()
        self.here.start(self.part)
        self.here.wait_ready()

    def between(self) -> None:
        """Strike while nothing is in flight: people are asked, or the containment is held."""
        self.strike()
        self.here.start(self.part)
        self.here.wait_ready()

    @staticmethod
    def _wait(true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(0.01)


def kinds(report: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(entry["kind"], entry["step"]) for entry in report["ledger"]]


EXPECTED = [
    ("received", None),
    ("planned", None),
    ("asked", None),
    ("begun", "front"),
    ("applied", "front"),
    ("verified", "front"),
    ("begun", "back"),
    ("applied", "back"),
    ("verified", "back"),
    ("voted", None),
    ("decided", None),
    ("begun", "weld_cellar"),
    ("applied", "weld_cellar"),
    ("verified", "weld_cellar"),
    ("undo_requested", None),
    ("asked", None),
    ("voted", None),
    ("decided", None),
    ("stuck", "weld_cellar"),
    ("undoing", "back"),
    ("undone", "back"),
    ("undoing", "front"),
    ("undone", "front"),
    ("closed", None),
]


@pytest.mark.parametrize("part", ["worker", "gateway", "temporal"])
def test_a_part_killed_between_any_two_entries_changes_nothing_of_the_outcome(
    tmp_path: Path, part: Part
) -> None:
    with installation(tmp_path, {"close_doors": STORY}) as here, upstream(here):
        world = ToyWorld(here.world_folder)
        for door in ("front", "back", "cellar"):
            world.door(door)
        for verb, door in GATES:
            world.gate(verb, door)
        saboteur = Saboteur(here, world, part)

        answer = here.post(FINDING)
        assert answer.status_code == 202, answer.text
        (started,) = answer.json()["responses"]
        response = started["id"]
        for verb, door in GATES[:5]:
            saboteur.at(verb, door)
        here.until(response, lambda report: ("verified", "back") in kinds(report), "both doors shut")
        saboteur.between()  # people are being asked

        assert here.vote(response, "alice").is_success  # 202: left for the worker that begins anew
        for verb, door in GATES[5:7]:
            saboteur.at(verb, door)
        here.until_status(response, "contained")
        saboteur.between()  # the containment is held

        assert here.undo(response, "alice").status_code in (200, 202, 409)  # 409: an earlier try had landed
        here.until(response, lambda report: report["asking"], "the ask for undo")
        saboteur.between()  # people are asked for the undo
        assert here.vote(response, "bob").is_success
        for verb, door in GATES[7:]:
            saboteur.at(verb, door)
        report = here.until_status(response, "stuck", "undone")

        assert saboteur.kills == len(GATES) + 3
        assert kinds(report) == EXPECTED
        assert report["status"] == "stuck"  # a weld does not come off, and that is said
        assert world.effects() == ["shut front", "shut back", "weld cellar", "open back", "open front"]
        assert (world.state("front"), world.state("back")) == ("open", "open")

        # A redelivery after the close is answered with the closed response and does nothing.
        again = here.post(FINDING, delivery="d-2")
        assert again.status_code == 202
        assert [each["id"] for each in again.json()["responses"]] == [response]
        assert again.json()["responses"][0]["joined"] is True
        assert len(world.effects()) == 5

        here._until(here.evidence, "the sealed evidence")
        (evidence,) = here.evidence()
        verdict = verify_file(
            evidence, (tmp_path / "evidence.pub").read_bytes(), gateways=(here.gateway_key,)
        )
        assert verdict.ok, verdict


def test_a_gateway_killed_while_it_takes_a_finding_loses_nothing_that_the_detector_redelivers(
    tmp_path: Path,
) -> None:
    with installation(tmp_path, {"close_doors": STORY}) as here:
        world = ToyWorld(here.world_folder)
        for door in ("front", "back", "cellar"):
            world.door(door)
        here.kill("gateway")
        here.start("gateway")
        for round_ in range(4):
            here.wait_ready()
            assert here.post(FINDING, delivery=f"d-{round_}").status_code == 202
            here.kill("gateway")
            here.start("gateway")
        here.wait_ready()
        answer = here.post(FINDING, delivery="d-last")
        (joined,) = answer.json()["responses"]
        here.until_status(joined["id"], "awaiting_approval", "contained")
        here.until(joined["id"], lambda report: ("verified", "back") in kinds(report), "both doors shut")
        assert joined["joined"] is True
        assert world.effects() == ["shut front", "shut back"]


def test_findings_that_arrive_while_no_worker_runs_are_held_and_answered_later(tmp_path: Path) -> None:
    with installation(tmp_path, {"close_doors": STORY}) as here:
        world = ToyWorld(here.world_folder)
        for door in ("front", "back", "cellar"):
            world.door(door)
        here.kill("worker")
        answer = here.post(FINDING)
        assert answer.status_code == 202
        more = {**FINDING, "uid": "f-2", "modified": "2026-11-22T03:05:00Z", "severity": "critical"}
        joined = here.post(more, delivery="d-2")
        assert joined.status_code == 202, joined.text
        assert joined.json()["responses"][0]["joined"] is True
        here.start("worker")
        response = answer.json()["responses"][0]["id"]
        report = here.until(response, lambda report: ("verified", "back") in kinds(report), "both doors shut")
        assert report["findings_seen"] == 2
        assert world.effects() == ["shut front", "shut back"]


def test_without_temporal_a_finding_is_answered_503_and_taken_when_it_is_back(tmp_path: Path) -> None:
    with installation(tmp_path, {"close_doors": STORY}) as here:
        world = ToyWorld(here.world_folder)
        for door in ("front", "back", "cellar"):
            world.door(door)
        here.kill("temporal")
        refused = here.post(FINDING)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert here.http.get("/readyz").status_code == 503
        assert here.http.get("/healthz").status_code == 200
        here.start("temporal")
        here.wait_ready()
        assert here.post(FINDING).status_code == 202
