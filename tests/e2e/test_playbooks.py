"""The shipped playbooks against an AWS that enforces IAM: contained for real, and given back exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures_aws import aws_environment
from tests.installation import ROOT, Installation, installation
from tests.scenes.anonymous import answers
from tests.scenes.aws_block_bucket_public_access import OPEN, SIBLING, BlockBucketPublicAccessScene
from tests.scenes.aws_deactivate_access_key import DeactivateAccessKeyScene
from tests.scenes.aws_leaked_key import USER, LeakedKeyScene
from tests.scenes.aws_lock_function_url import FUNCTION, LockFunctionUrlScene
from tests.scenes.aws_revoke_open_ingress import RevokeOpenIngressScene
from tests.scenes.aws_revoke_role_sessions import ROLE, RevokeRoleSessionsScene
from tests.scenes.aws_world import AwsScene, AwsWorld
from tests.servers import FaultProxy, Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ACCOUNT = "123456789012"
STRANGER = "999988887777"
NAMES = (
    "leaked_access_key",
    "credential_exfiltration",
    "public_bucket",
    "exposed_function_url",
    "open_security_group",
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def here(ministack_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    shipped = {name: (ROOT / "playbooks" / f"{name}.yaml").read_text() for name in NAMES}
    aws = {
        "AWS_ENDPOINT_URL": ministack_server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with installation(tmp_path_factory.mktemp("firedoor"), shipped, environment=aws) as made:
        yield made


@pytest.fixture
def world(ministack_server: Server, ministack_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> AwsWorld:
    ministack_server.reset()
    aws_environment(monkeypatch, ministack_server.url)
    return AwsWorld(ministack_server, ministack_proxy, enforces=True)


def post(here: Installation, type_: str, resources: list[dict[str, Any]], **changes: Any) -> str:
    answer = answered(here, type_, resources, **changes)
    (response,) = answer["responses"]
    assert response["playbook"] == type_, answer
    return str(response["id"])


def answered(
    here: Installation, type_: str, resources: list[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    number = next(_numbers)
    finding = {
        "uid": f"f-{number}",
        "source": "generic",
        "type": type_,
        "severity": "critical",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": resources,
        "first_seen": "2026-11-22T03:00:00Z",
        "last_seen": "2026-11-22T03:00:00Z",
        "modified": "2026-11-22T03:00:00Z",
        **changes,
    }
    answer = here.post(finding, f"d-{number}")
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def contained(here: Installation, response: str) -> dict[str, Any]:
    return here.until(
        response,
        lambda report: (
            any(entry["kind"] == "verified" for entry in report["ledger"])
            and report["status"] in ("contained", "awaiting_approval")
        ),
        "containment",
    )


def given_back(here: Installation, response: str) -> dict[str, Any]:
    assert here.undo(response, "alice").is_success
    here.until(response, lambda report: report["ask"] and report["ask"]["kind"] == "undo", "the ask for undo")
    assert here.vote(response, "bob").is_success
    return here.until_status(response, "undone", "stuck")


def proves(here: Installation, scene: AwsScene, before: Any, response: str) -> None:
    """Attacked before, refused while contained, let in again after undo, everything as it was."""
    contained(here, response)
    assert scene.attack() in (False, None)
    assert scene.snapshot() != before
    report = given_back(here, response)
    assert report["status"] == "undone", report["ledger"]
    assert scene.attack() in (True, None)
    assert scene.snapshot() == before


def test_a_public_bucket_is_closed_and_given_back(here: Installation, world: AwsWorld) -> None:
    scene = BlockBucketPublicAccessScene(world)
    scene.arrange()
    before = scene.snapshot()
    assert scene.attack() is True
    bucket = {"kind": "AWS::S3::Bucket", "uid": f"arn:aws:s3:::{OPEN}", "name": OPEN}
    proves(here, scene, before, post(here, "public_bucket", [bucket]))


def test_an_exposed_function_url_is_locked_and_given_back(here: Installation, world: AwsWorld) -> None:
    scene = LockFunctionUrlScene(world)
    scene.arrange()
    before = scene.snapshot()
    assert scene.attack() is True
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{FUNCTION}"
    function = {"kind": "AWS::Lambda::Function", "uid": arn, "name": FUNCTION}
    proves(here, scene, before, post(here, "exposed_function_url", [function]))


def test_an_open_security_group_is_closed_on_the_ports_told_and_given_back(
    here: Installation, world: AwsWorld
) -> None:
    scene = RevokeOpenIngressScene(world)
    params = scene.arrange()
    before = scene.snapshot()
    group = params["security_group"]
    resource = {
        "kind": "AWS::EC2::SecurityGroup",
        "uid": f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{group}",
        "name": group,
        "attributes": {"ports": [22]},
    }
    proves(here, scene, before, post(here, "open_security_group", [resource]))


def test_stolen_sessions_of_a_role_end_and_new_ones_work(here: Installation, world: AwsWorld) -> None:
    scene = RevokeRoleSessionsScene(world)
    scene.arrange()
    before = scene.snapshot()
    assert scene.attack() is True
    actor = {"kind": "assumed_role", "role_name": ROLE, "session_name": "i-0abc"}
    proves(here, scene, before, post(here, "credential_exfiltration", [], actor=actor))


def _last(report: dict[str, Any], kind: str, step: str) -> int:
    """Return the place of the last such entry in the ledger."""
    found = (n for n, entry in enumerate(report["ledger"]) if (entry["kind"], entry["step"]) == (kind, step))
    return max(found, default=-1)


def test_a_leaked_key_dies_at_once_and_is_deleted_only_with_two_peoples_yes(
    here: Installation, world: AwsWorld
) -> None:
    scene: LeakedKeyScene = DeactivateAccessKeyScene(world)
    key = scene.arrange()["access_key_id"]
    assert scene.attack() is True
    actor = {"kind": "iam_user", "user_name": USER, "access_key_id": key}
    response = post(here, "leaked_access_key", [], actor=actor)
    contained(here, response)
    here.until(response, lambda report: report["asking"], "people being asked")
    here.until(
        response,
        lambda report: (
            {entry["step"] for entry in report["ledger"] if entry["kind"] == "verified"}
            == {"quarantine_user", "stop_key", "end_sessions"}
        ),
        "the automatic steps",
    )
    report = here.until(
        response,
        lambda report: _last(report, "verified", "end_sessions") > _last(report, "verified", "stop_key"),
        "the sessions ended again, now that the key mints no more",
    )
    assert sum((e["kind"], e["step"]) == ("begun", "end_sessions") for e in report["ledger"]) == 2
    assert scene.attack() is False
    iam = world.client("iam")
    statuses = {
        one["AccessKeyId"]: one["Status"] for one in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    }
    assert statuses[key] == "Inactive"
    assert here.vote(response, "alice").is_success
    assert key in {one["AccessKeyId"] for one in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]}
    assert here.vote(response, "bob").is_success
    here.until_status(response, "contained")
    assert key not in {one["AccessKeyId"] for one in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]}


# ---- where it is ---------------------------------------------------------------------


def test_a_group_is_closed_in_its_own_region_whatever_region_the_finding_names(
    here: Installation, world: AwsWorld
) -> None:
    scene = RevokeOpenIngressScene(world)
    group = scene.arrange()["security_group"]
    uid = f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{group}"
    resource = {"kind": "AWS::EC2::SecurityGroup", "uid": uid, "name": group, "attributes": {"ports": [22]}}
    told = {**resource, "account": ACCOUNT, "region": "us-east-1"}
    report = contained(here, post(here, "open_security_group", [told], region="eu-west-1"))
    assert {step["region"] for step in report["plan"]["steps"]} == {"us-east-1"}
    assert not [rule for rule in scene.snapshot() if "0.0.0.0/0" in rule and '"FromPort": 22' in rule]


def test_a_function_of_another_account_leaves_ours_of_that_name_alone(
    here: Installation, world: AwsWorld
) -> None:
    scene = LockFunctionUrlScene(world)
    scene.arrange()
    before = scene.snapshot()
    arn = f"arn:aws:lambda:us-east-1:{STRANGER}:function:{FUNCTION}"
    function = {"kind": "AWS::Lambda::Function", "uid": arn, "name": FUNCTION, "account": STRANGER}
    answer = answered(here, "exposed_function_url", [function])
    assert answer["responses"] == []
    assert f"account '{STRANGER}' is not among the accounts" in answer["dismissed"][0]["reason"]
    assert scene.snapshot() == before
    assert scene.attack() is True


def test_a_strangers_role_leaves_ours_of_that_name_alone_and_does_not_dismiss_what_is_ours(
    here: Installation, world: AwsWorld
) -> None:
    scene = RevokeRoleSessionsScene(world)
    scene.arrange()
    before = scene.snapshot()
    actor = {"kind": "assumed_role", "role_name": ROLE, "uid": "AROAEXTERNAL:s", "account": STRANGER}
    assert answered(here, "credential_exfiltration", [], actor=actor)["responses"] == []
    BlockBucketPublicAccessScene(world).arrange()
    # Not the bucket that people gave back above: of that one, nothing is automatic for a day.
    bucket = {"kind": "AWS::S3::Bucket", "uid": f"arn:aws:s3:::{SIBLING}", "name": SIBLING}
    photo = f"{world.server.url}/{SIBLING}/beach.jpg"
    assert answers(photo) is True
    answer = answered(here, "public_bucket", [bucket], actor=actor)
    assert f"the actor {ROLE} of account {STRANGER}" in answer["dismissed"][0]["reason"]
    contained(here, answer["responses"][0]["id"])
    assert answers(photo) is False
    assert scene.snapshot() == before
    assert scene.attack() is True
