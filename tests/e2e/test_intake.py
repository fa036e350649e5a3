"""Findings through the real HTTP door into a real Temporal: joined, deduplicated, never acted on twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.installation import Installation, installation
from tests.toy_world import ToyWorld

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PLAYBOOK = """
playbook: close_doors
summary: Close the doors of the toy world.
responds_to: [{source: toy, types: ["Intrusion:*"]}]
mode: active
incident: "${{ finding.resources[0].uid }}"
steps:
  - {id: shut_it, action: toy.shut, params: {door: "${{ finding.resources[0].name }}"}}
"""
#: A second playbook that has a condition no finding of these tests fulfils.
STRICT = PLAYBOOK.replace("close_doors", "strict_doors").replace(
    "mode: active", "mode: active\nwhen: finding.actor.session_name == 'x'"
)

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("firedoor"), {"close_doors": PLAYBOOK}) as made:
        yield made


@pytest.fixture
def door(here: Installation) -> str:
    return ToyWorld(here.world_folder).door(f"door{next(_numbers)}")


def finding(door: str, **changes: Any) -> dict[str, Any]:
    return {
        "uid": f"f-{door}",
        "source": "toy",
        "type": "Intrusion:Door/Open",
        "title": "Somebody walks through a door",
        "severity": "high",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [{"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door}],
        "first_seen": "2026-11-22T03:00:00Z",
        "last_seen": "2026-11-22T03:00:00Z",
        "modified": "2026-11-22T03:00:00Z",
        **changes,
    }


def delivery() -> str:
    return f"d-{next(_numbers)}"


def effects(here: Installation, door: str) -> list[str]:
    return [line for line in ToyWorld(here.world_folder).effects() if line.endswith(f" {door}")]


def started(here: Installation, door: str, **changes: Any) -> str:
    answer = here.post(finding(door, **changes), delivery())
    assert answer.status_code == 202, answer.text
    (response,) = answer.json()["responses"]
    return str(response["id"])


def undo(here: Installation, response: str) -> None:
    assert here.undo(response, "alice").is_success
    assert here.vote(response, "bob").is_success
    here.until_status(response, "undone")


def test_twenty_identical_posts_at_once_are_one_response(here: Installation, door: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: here.post(finding(door), delivery()), range(20)))
    assert [answer.status_code for answer in answers] == [202] * 20
    responses = [answer.json()["responses"][0] for answer in answers]
    assert len({response["id"] for response in responses}) == 1
    assert sum(not response["joined"] for response in responses) == 1
    here.until_status(responses[0]["id"], "contained")
    assert effects(here, door) == [f"shut {door}"]


def test_another_resource_is_another_response(here: Installation, door: str) -> None:
    other = ToyWorld(here.world_folder).door(f"{door}b")
    assert started(here, door) != started(here, other)


def test_a_redelivery_after_the_undo_contains_nothing_again(here: Installation, door: str) -> None:
    response = started(here, door)
    here.until_status(response, "contained")
    undo(here, response)
    again = here.post(finding(door), delivery()).json()["responses"]
    assert [(each["id"], each["joined"]) for each in again] == [(response, True)]
    assert effects(here, door) == [f"shut {door}", f"open {door}"]


def test_a_newer_version_after_an_undo_asks_first(here: Installation, door: str) -> None:
    response = started(here, door)
    here.until_status(response, "contained")
    undo(here, response)
    again = started(here, door, modified="2026-11-22T03:15:00Z", count=2)
    assert again == response  # the same incident, a new run of it
    report = here.until(response, lambda report: report["asking"], "people being asked")
    assert [step["id"] for step in report["asked_steps"]] == ["shut_it"]
    assert "alice had the last response taken back at 20" in report["ledger"][0]["data"]["caution"]
    assert effects(here, door) == [f"shut {door}", f"open {door}"]


def test_what_arrives_while_a_response_closes_begins_the_next_one(here: Installation, door: str) -> None:
    response = started(here, door)
    here.until_status(response, "contained")
    evidence, aside = here.folder / "evidence", here.folder / "evidence.aside"
    evidence.mkdir(exist_ok=True)
    evidence.rename(aside)
    evidence.write_text("the disk is broken")  # the evidence cannot be sealed, so the response cannot close
    undo(here, response)
    answer = here.post(finding(door, modified="2026-11-22T03:15:00Z", count=2), delivery())
    assert answer.status_code == 202
    evidence.unlink()
    aside.rename(evidence)
    report = here.until(response, lambda report: report["asking"], "people being asked by the next response")
    assert [entry["kind"] for entry in report["ledger"]] == ["received", "planned", "asked"]
    assert "alice had the last response taken back" in report["ledger"][0]["data"]["caution"]
    assert effects(here, door) == [f"shut {door}", f"open {door}"]


def test_a_stale_finding_about_what_is_shut_ends_as_dismissed(here: Installation, door: str) -> None:
    ToyWorld(here.world_folder).door(door, "shut by a guard")
    response = started(here, door)
    report = here.until_status(response, "dismissed")
    assert report["plan"]["steps"][0]["outcome"] == "already"
    assert effects(here, door) == []


def test_a_finding_that_no_playbook_answers_is_dismissed_with_the_reason(here: Installation) -> None:
    answer = here.post(finding("nowhere", type="Weather:Rain"), delivery())
    assert answer.status_code == 202
    assert answer.json()["responses"] == []
    assert "no playbook answers toy Weather:Rain" in answer.json()["dismissed"][0]["reason"]


def test_a_test_finding_never_acts(here: Installation, door: str) -> None:
    answer = here.post(finding(door, is_test=True), delivery())
    assert answer.status_code == 202
    assert answer.json()["responses"] == []
    assert effects(here, door) == []


def test_a_finding_about_an_account_that_is_not_ours_is_dismissed(here: Installation, door: str) -> None:
    answer = here.post(finding(door, account="999999999999"), delivery())
    assert answer.status_code == 202
    assert answer.json()["responses"] == []
    assert "999999999999" in answer.json()["dismissed"][0]["reason"]


def test_a_wrong_signature_is_refused_and_changes_nothing(here: Installation, door: str) -> None:
    forged = here.http.post("/findings/acme", json=finding(door), headers={"webhook-signature": "v1,AAAA"})
    assert forged.status_code == 401
    assert forged.headers["content-type"] == "application/problem+json"
    assert effects(here, door) == []


def test_the_list_tells_responses_by_status(here: Installation, door: str) -> None:
    response = started(here, door)
    here.until_status(response, "contained")

    def listed() -> bool:
        answer = here.http.get("/v1/responses?status=contained", headers=here.bearer("alice"))
        return response in {each["id"] for each in answer.json()["responses"]}

    here._until(listed, "the response in the list")


def test_nobody_reads_or_votes_without_a_token(here: Installation, door: str) -> None:
    response = started(here, door)
    assert here.http.get(f"/v1/responses/{response}").status_code == 401
    assert here.http.post(f"/v1/responses/{response}/votes", json={}).status_code == 401


def test_a_changed_playbook_is_in_force_without_a_restart_and_a_broken_one_is_not(
    here: Installation, door: str
) -> None:
    file = here.folder / "playbooks" / "close_doors.yaml"
    file.write_text(PLAYBOOK.replace("toy.shut", "toy.shutt"))
    try:
        here._until(lambda: here.http.get("/readyz").status_code == 503, "the broken set being noticed")
        response = started(here, door)
        here.until_status(response, "contained")
    finally:
        file.write_text(PLAYBOOK)
    here.wait_ready()
    file.with_name("strict_doors.yaml").write_text(STRICT)
    other = ToyWorld(here.world_folder).door(f"{door}c")

    def named() -> bool:
        answer = here.post(finding(other), delivery())
        return any("strict_doors" in each["reason"] for each in answer.json()["dismissed"])

    here._until(named, "the new playbook being asked")
    file.with_name("strict_doors.yaml").unlink()
