"""The inputs of the acceptance team that were answered wrongly, through readers and shipped playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activities.registry import load
from firedoor.cli.cases import Given, would_run
from firedoor.domain.finding.finding import Finding
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.expand import applies
from firedoor.domain.playbook.playbook import Playbook
from firedoor.sources.json_reader import read_json
from tests.sources.samples import ROOT, SHARED, read

INPUTS = SHARED.parent / "acceptance" / "intake"
REGISTRY = load(())
KNOWN = {name: Known(entry.spec, entry.params) for name, entry in REGISTRY.items()}


def _playbooks() -> dict[str, Playbook]:
    return {
        file.stem: read_playbook(file.read_text(), str(file), KNOWN, frozenset())
        for file in sorted((ROOT / "playbooks").glob("*.yaml"))
    }


PLAYBOOKS = _playbooks()


def given(number: str) -> dict[str, Any]:
    if not INPUTS.is_dir():
        pytest.skip(f"no acceptance inputs at {INPUTS}; set FIREDOOR_SAMPLES to the folder they are in")
    (file,) = Path(INPUTS).glob(f"{number}.*.json")
    told: dict[str, Any] = read_json(file.read_bytes())
    return told


def findings(number: str) -> tuple[Finding, ...]:
    told = given(number)
    return read(told["door"], told["payload"]).findings


def answering(finding: Finding) -> list[str]:
    return [name for name, playbook in PLAYBOOKS.items() if applies(playbook, finding)]


def steps(number: str, playbook: str, **lookups: Any) -> tuple[str, ...]:
    told = given(number)
    case = Given(source=told["door"], payload=told["payload"])
    return would_run(PLAYBOOKS[playbook], case, lookups, REGISTRY)


def test_f01_a_detection_of_security_hub_v2_ends_the_roles_sessions() -> None:
    (finding,) = findings("f01")

    assert finding.type.endswith("InstanceCredentialExfiltration.OutsideAWS")
    assert (finding.actor.kind.value, finding.actor.role_name) == ("assumed_role", "app-role")
    assert answering(finding) == ["credential_exfiltration"]


def test_f02_a_failed_control_of_security_hub_v2_asks_about_the_bucket() -> None:
    (finding,) = findings("f02")

    assert finding.type == "S3.8"
    assert answering(finding) == ["public_bucket"]
    assert steps("f02", "public_bucket") == ("block",)


def test_f03_a_passed_control_of_security_hub_v2_is_dismissed_and_never_refused() -> None:
    told = given("f03")

    delivery = read(told["door"], told["payload"])

    assert (delivery.findings, delivery.unreadable) == ((), ())
    assert [one.reason for one in delivery.ignored] == ["resolved by its detector"]


def test_f04_awss_own_spelling_of_exfiltrated_credentials_is_answered() -> None:
    (finding,) = findings("f04")

    assert answering(finding) == ["credential_exfiltration"]
    assert steps("f04", "credential_exfiltration") == ("end_sessions",)


def test_f05_awss_own_spelling_of_an_attack_sequence_is_answered() -> None:
    (finding,) = findings("f05")

    assert answering(finding) == ["leaked_access_key"]
    assert "stop_key" in steps("f05", "leaked_access_key")


def test_f06_of_a_role_and_a_user_each_is_answered_by_its_own_playbook() -> None:
    role, user = findings("f06")

    assert (role.actor.role_name, answering(role)) == ("app-role", ["credential_exfiltration"])
    assert (user.actor.user_name, answering(user)) == ("alice", ["leaked_access_key"])


def test_f07_a_key_in_a_global_event_of_health_is_stopped() -> None:
    (finding,) = findings("f07")

    assert finding.region is None
    assert "stop_key" in steps("f07", "leaked_access_key", owner={"user": "alice"})


def test_f08_a_group_is_looked_for_in_its_own_region() -> None:
    (finding,) = findings("f08")

    assert (finding.region, finding.resources[0].region) == ("eu-west-1", "eu-west-1")
    assert answering(finding) == ["open_security_group"]


def test_f09_a_function_of_another_account_is_in_that_account_for_the_jurisdiction_too() -> None:
    (finding,) = findings("f09")

    assert (finding.account, finding.resources[0].account) == ("111122223333", "111122223333")


def test_f10_a_strangers_role_of_the_same_name_is_in_the_strangers_account() -> None:
    (finding,) = findings("f10")

    assert {finding.account, finding.actor.account, *(one.account for one in finding.resources)} == {
        "999988887777"
    }
