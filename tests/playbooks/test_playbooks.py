"""Every playbook that ships: it checks, its cases hold, and real detectors' payloads reach the right one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from activities.registry import load
from firedoor.cli.cases import problems_of_cases, read_given, would_run
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.expand import applies, incident_of, staged, unfold
from firedoor.domain.playbook.expression import context_of
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.document import read as read_document
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS
from tests.sources.samples import SHARED, headers_of
from tests.sources.samples import read as read_sample

ROOT = Path(__file__).resolve().parents[2] / "playbooks"
REGISTRY = load(())
KNOWN = {name: Known(entry.spec, entry.params) for name, entry in REGISTRY.items()}
FILES = sorted(ROOT.glob("*.yaml"))
NAMES = [file.stem for file in FILES]
#: playbook -> name of the sample -> incident
Answered = dict[str, dict[str, str]]
GIVEN = sorted((ROOT / "cases").rglob("*.json"))


def shipped(file: Path) -> Playbook:
    """A playbook as the gateway reads it. No groups exist: what ships names none, the policy does."""
    return read_playbook(file.read_text(), str(file), KNOWN, frozenset())


PLAYBOOKS = [shipped(file) for file in FILES]


def test_five_playbooks_ship() -> None:
    assert NAMES == [
        "credential_exfiltration",
        "exposed_function_url",
        "leaked_access_key",
        "open_security_group",
        "public_bucket",
    ]


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_its_cases_hold(file: Path) -> None:
    playbook, document = shipped(file), read_document(file.read_text(), str(file))
    assert list(problems_of_cases(playbook, document, file, REGISTRY)) == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=NAMES)
def test_its_cases_tell_when_it_acts_and_when_it_must_not(playbook: Playbook) -> None:
    assert len(playbook.cases) >= 3
    sources = {read_given(ROOT / "cases" / case.given).source for case in playbook.cases if case.expect}
    assert len(sources) >= 2, "findings of several doors lead to it"
    assert any(not case.expect for case in playbook.cases)


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=NAMES)
def test_every_step_of_it_is_run_by_some_case_and_left_out_by_another(playbook: Playbook) -> None:
    steps = {step.id for step in playbook.every_step() if step.action}
    assert steps == {step for case in playbook.cases for step in case.expect}
    assert not any(all(step in case.expect for case in playbook.cases) for step in steps)


def test_every_file_of_a_case_is_used() -> None:
    used = {ROOT / "cases" / case.given for playbook in PLAYBOOKS for case in playbook.cases}
    assert set(GIVEN) == used


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=NAMES)
def test_it_opens_with_the_line_that_lets_editors_check_it(playbook: Playbook) -> None:
    first = (ROOT / f"{playbook.playbook}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=NAMES)
def test_no_failure_gives_anything_back_to_the_attacker(playbook: Playbook) -> None:
    assert {step.on_failure or playbook.on_failure for step in playbook.every_step()} == {"continue"}


def test_what_cannot_be_undone_needs_two_people() -> None:
    irreversible = [
        step
        for playbook in PLAYBOOKS
        for step in playbook.every_step()
        if step.action and KNOWN[step.action].spec.reversibility.kind == "none"
    ]
    assert [(step.id, step.approval.quorum if step.approval else None) for step in irreversible] == [
        ("delete_key", 2)
    ]


def test_what_a_posture_check_finds_is_asked_about() -> None:
    """A control may find what has stood, and been meant, for years."""
    asked = {
        (playbook.playbook, case.given.rpartition("/")[2]): [
            step.id for step in playbook.every_step() if step.id in case.expect and step.approval is None
        ]
        for playbook in PLAYBOOKS
        for case in playbook.cases
        if re.search(r"prowler|security_hub_(s3|ec2|lambda)", case.given)
    }
    assert len(asked) == 6
    assert not any(asked.values())


def planned(name: str, given: str) -> dict[str, object]:
    """The parameters of each step that a case's file would plan."""
    (playbook,) = (each for each in PLAYBOOKS if each.playbook == name)
    told = read_given(ROOT / "cases" / name / f"{given}.json")
    (finding,) = read_sample(told.source, told.payload, told.headers).findings
    context = context_of(finding)
    return {
        call.id.partition(".")[0]: call.params
        for stage, step in staged(playbook)
        if step.action
        for call in unfold(stage, step, context)
    }


def test_of_the_probed_ports_the_web_stays_open() -> None:
    assert planned("open_security_group", "guardduty_port_probe") == snapshot(
        {"close_now": {"security_group": "sg-0c2e4a6b8d0f1a3b5", "ports": [6379]}}
    )


def test_a_control_about_ssh_closes_ssh_and_leaves_the_open_web_port_of_the_same_group() -> None:
    assert planned("open_security_group", "security_hub_ec2_13") == snapshot(
        {"close": {"security_group": "sg-0c2e4a6b8d0f1a3b5", "ports": [22]}}
    )


def test_the_order_in_which_buckets_are_told_makes_no_other_incident() -> None:
    (playbook,) = (each for each in PLAYBOOKS if each.playbook == "public_bucket")
    told = read_given(ROOT / "cases/public_bucket/one_public_by_its_tags.json")
    (finding,) = read_sample(told.source, told.payload).findings
    turned = finding.model_copy(update={"resources": finding.resources[::-1]})
    assert incident_of(playbook, finding) == incident_of(playbook, turned) == "shop-order-exports"


# ---- the shared samples --------------------------------------------------------------


def enveloped(body: Any) -> Any:
    """Put a bare GuardDuty or Security Hub finding into the event in which EventBridge would bring it."""
    if not isinstance(body, dict):
        return body
    if "ProductArn" in body:
        envelope = {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported"}
        return {**envelope, "id": "1", "detail": {"findings": [body]}}
    if "service" in body and ("accountId" in body or "AccountId" in body):
        return {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "id": "1", "detail": body}
    return body


def shared() -> Iterator[tuple[str, Finding]]:
    """Every finding of every shared sample that acts at all, by the door it fits."""
    for path in sorted(SHARED.rglob("*.json")):
        for kind in KINDS:
            try:
                delivery = read_sample(kind, enveloped(read_json(path.read_bytes())), headers_of(path))
            except Unreadable:
                continue
            for finding in delivery.findings:
                if not finding.is_test:
                    yield str(path.relative_to(SHARED)), finding


@pytest.fixture(scope="module")
def answered() -> Answered:
    """Which samples each playbook answers, and the incident it makes of them."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared samples at {SHARED}; set FIREDOOR_SAMPLES to their folder")
    found: Answered = {name: {} for name in NAMES}
    for name, finding in shared():
        for playbook in PLAYBOOKS:
            if applies(playbook, finding):  # raises nothing, whatever the finding lacks
                found[playbook.playbook][name] = incident_of(playbook, finding)
    return found


def test_real_payloads_reach_the_playbooks_that_are_for_them(answered: Answered) -> None:
    assert answered == snapshot(
        {
            "credential_exfiltration": {
                "aws/guardduty/captured.localemu.3.UnauthorizedAccess_IAMUser_InstanceCredentialExfiltration.OutsideAWS.json": "sample-user",  # noqa: E501
                "aws/guardduty/own.AttackSequence_IAM_CompromisedCredentials.json": "admin",
                "aws/securityhub_asff/own.guardduty_key_in_asff.json": "ec2-ci-runner",
            },
            "exposed_function_url": {
                "aws/accessanalyzer/own.public_lambda.json": (
                    "arn:aws:lambda:us-east-1:123456789012:function:f"
                ),
            },
            "leaked_access_key": {
                "aws/guardduty/own.AttackSequence_IAM_CompromisedCredentials.json": "AKIAIOSFODNN7EXAMPLE",
                "aws/guardduty/own.Impact_S3_MaliciousIPCaller.multi_bucket.json": "AKIAIOSFODNN7EXAMPLE",
                "aws/health/own.AWS_RISK_CREDENTIALS_EXPOSED.entity_composite.json": "AKIAIOSFODNN7EXAMPLE",
            },
            "open_security_group": {},
            "public_bucket": {
                "aws/accessanalyzer/own.public_s3.json": "example-exports",
                "aws/guardduty/own.Policy_S3_BucketAnonymousAccessGranted.json": "example-exports",
                "aws/guardduty/own.Policy_S3_BucketBlockPublicAccessDisabled.json": "example-exports",
                "aws/securityhub_asff/asr.afsbp-s3.8.json": "example",
            },
        }
    )


def test_a_case_runs_the_same_steps_however_often_it_is_run() -> None:
    for playbook in PLAYBOOKS:
        for case in playbook.cases:
            given = read_given(ROOT / "cases" / case.given)
            assert would_run(playbook, given, case.lookups, REGISTRY) == case.expect


#: https://docs.aws.amazon.com/guardduty/latest/ug/securityhub-integration.html: as Security Hub CSPM has it.
IMPORTED = {
    "AttackSequence:IAM/CompromisedCredentials": "TTPs/AttackSequence:IAM/CompromisedCredentials",
    "CredentialAccess:IAMUser/AnomalousBehavior": "TTPs/Credential Access/IAMUser-AnomalousBehavior",
    "DefenseEvasion:IAMUser/AnomalousBehavior": "TTPs/Defense Evasion/IAMUser-AnomalousBehavior",
    "Discovery:IAMUser/AnomalousBehavior": "TTPs/Discovery/IAMUser-AnomalousBehavior",
    "Discovery:S3/MaliciousIPCaller.Custom": "TTPs/Discovery:S3-MaliciousIPCaller.Custom",
    "Exfiltration:IAMUser/AnomalousBehavior": "TTPs/Exfiltration/IAMUser-AnomalousBehavior",
    "Exfiltration:S3/AnomalousBehavior": "TTPs/Exfiltration:S3-AnomalousBehavior",
    "Exfiltration:S3/MaliciousIPCaller": "TTPs/Exfiltration:S3-MaliciousIPCaller",
    "Impact:IAMUser/AnomalousBehavior": "TTPs/Impact/IAMUser-AnomalousBehavior",
    "Impact:S3/MaliciousIPCaller": "TTPs/Impact:S3-MaliciousIPCaller",
    "InitialAccess:IAMUser/AnomalousBehavior": "TTPs/Initial Access/IAMUser-AnomalousBehavior",
    "Persistence:IAMUser/AnomalousBehavior": "TTPs/Persistence/IAMUser-AnomalousBehavior",
    "Policy:S3/BucketAnonymousAccessGranted": "TTPs/Policy:S3-BucketAnonymousAccessGranted",
    "Policy:S3/BucketBlockPublicAccessDisabled": (
        "Effects/Data Exposure/Policy:S3-BucketBlockPublicAccessDisabled"
    ),
    "Policy:S3/BucketPublicAccessGranted": "TTPs/Policy:S3-BucketPublicAccessGranted",
    "PrivilegeEscalation:IAMUser/AnomalousBehavior": "TTPs/Privilege Escalation/IAMUser-AnomalousBehavior",
    "Recon:IAMUser/MaliciousIPCaller": "TTPs/Discovery/Recon:IAMUser-MaliciousIPCaller",
    "Recon:IAMUser/MaliciousIPCaller.Custom": "TTPs/Discovery/Recon:IAMUser-MaliciousIPCaller.Custom",
    "Recon:IAMUser/TorIPCaller": "TTPs/Discovery/Recon:IAMUser-TorIPCaller",
    "Stealth:IAMUser/CloudTrailLoggingDisabled": (
        "TTPs/Defense Evasion/Stealth:IAMUser-CloudTrailLoggingDisabled"
    ),
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS": (
        "Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS"
    ),
    "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS": (
        "Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-ResourceCredentialExfiltration.InsideAWS"
    ),
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller": "TTPs/UnauthorizedAccess:IAMUser-MaliciousIPCaller",
    "UnauthorizedAccess:IAMUser/TorIPCaller": (
        "TTPs/Command and Control/UnauthorizedAccess:IAMUser-TorIPCaller"
    ),
    "UnauthorizedAccess:S3/TorIPCaller": "TTPs/UnauthorizedAccess:S3-TorIPCaller",
}


def named_by(source: str, kind: str) -> list[str]:
    given = {"uid": "1", "severity": "high", "modified": "2026-11-22T02:00:00Z", "account": "123456789012"}
    (told,) = read_sample("generic", given | {"source": source, "type": kind}).findings
    return [playbook.playbook for playbook in PLAYBOOKS if playbook.answers(told)]


@pytest.mark.parametrize(("own", "imported"), IMPORTED.items(), ids=IMPORTED)
def test_what_guardduty_saw_is_answered_alike_by_whichever_way_it_comes(own: str, imported: str) -> None:
    """Its own event, Security Hub CSPM's copy, and Security Hub's, which is spelled as GuardDuty does."""
    answered = named_by("aws.guardduty", own)

    assert named_by("aws.security_hub", imported) == answered
    assert named_by("aws.security_hub", own) == answered


@pytest.mark.parametrize("kind", ["S3BucketPublic", "S3BlockPublicAccessDisabled"])
def test_what_macie_says_of_a_public_bucket_is_answered_in_both_of_security_hubs_spellings(kind: str) -> None:
    """https://docs.aws.amazon.com/macie/latest/user/securityhub-integration.html."""
    for type_ in (f"Effects/Data Exposure/Policy:IAMUser-{kind}", f"Policy:IAMUser/{kind}"):
        assert named_by("aws.security_hub", type_) == ["public_bucket"]


@pytest.mark.parametrize("kind", ["COMPROMISED", "COMPROMISE_SUSPECTED", "EXPOSED", "EXPOSURE_SUSPECTED"])
def test_whatever_health_says_of_credentials_reaches_the_playbook_for_keys(kind: str) -> None:
    assert named_by("aws.health", f"AWS_RISK_CREDENTIALS_{kind}") == ["leaked_access_key"]
