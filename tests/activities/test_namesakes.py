"""Our own user or role that only bears the name of the finding's is never contained, whatever the step."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.planning import Planning
from activities.verbs import Hands, Steps
from firedoor.domain.finding.finding import Actor, Finding
from firedoor.domain.guard.guards import Guards
from firedoor.domain.guard.protected import Protected
from firedoor.domain.plan.plan import Plan
from firedoor.domain.response.messages import PlanOrder
from firedoor.sources.aws_eventbridge import read as read_eventbridge
from firedoor.systems.aws.calls import Account, AwsAccounts
from tests.activities.hands import order
from tests.harness import ACCOUNT, POLICY, REGISTRY, finding, incident_for, playbook
from tests.scenes.aws_leaked_key import NEIGHBOUR, USER, user_state, user_with_key
from tests.scenes.aws_world import AwsWorld, policy

pytestmark = pytest.mark.integration

_SAMPLES = Path(os.environ.get("FIREDOOR_SAMPLES", Path(__file__).parents[3] / "shared" / "samples"))
LEAKED = """
steps:
  - id: quarantine
    action: aws.quarantine_user
    params: {user: "${{ finding.actor.user_name }}"}
  - id: stop_key
    action: aws.deactivate_access_key
    params: {user: "${{ finding.actor.user_name }}", access_key_id: "${{ finding.actor.access_key_id }}"}
  - id: end_sessions
    action: aws.revoke_user_sessions
    params: {user: "${{ finding.actor.user_name }}"}
"""
ROLE = """
steps:
  - id: end_sessions
    action: aws.revoke_role_sessions
    params: {role: "${{ finding.actor.role_name }}"}
"""
KEYS = """
steps:
  - id: keys
    lookup: aws.list_access_keys
    params: {user: "${{ finding.actor.user_name }}"}
  - id: stop_keys
    action: aws.deactivate_access_key
    for_each: lookup.keys.keys
    as: key
    max_targets: 5
    params: {user: "${{ finding.actor.user_name }}", access_key_id: "${{ key.id }}"}
"""


class Worker:
    """What a worker over AWS has."""

    def __init__(self, pool: ThreadPoolExecutor, waiting: ThreadPoolExecutor) -> None:
        guards = Guards(accounts=frozenset({ACCOUNT}), sources={"acme": None}, protected=Protected())
        systems = {"aws": AwsAccounts({ACCOUNT: Account(ACCOUNT)})}
        self.hands = Hands(REGISTRY, systems, lambda: guards, pool)
        self.planning = Planning(self.hands, lambda: POLICY, {}, waiting, lambda _: "us-east-1")

    def plan(self, steps: str, *told: Finding) -> Plan:
        incident = incident_for(playbook(steps), finding())
        return self.planning.make(
            PlanOrder(response="respond/x/1", incident=incident, findings=told), patient=False
        )


@pytest.fixture
def worker(ministack_world: AwsWorld) -> Iterator[Worker]:
    del ministack_world  # its environment
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(1) as waiting:
        yield Worker(pool, waiting)


def about(**actor: Any) -> Finding:
    return finding(actor=Actor(**actor), resources=())


def outcomes(plan: Plan) -> dict[str, str]:
    return {step.id: step.outcome for step in plan.steps}


def test_a_user_with_another_id_is_refused_by_every_step_and_both_ids_are_said(
    worker: Worker, ministack_world: AwsWorld
) -> None:
    key = user_with_key(ministack_world, USER)["AccessKeyId"]
    ours = ministack_world.client("iam").get_user(UserName=USER)["User"]["UserId"]
    told = about(kind="iam_user", user_name=USER, uid="AIDASTRANGER", access_key_id=key)
    plan = worker.plan(LEAKED, told)
    assert set(outcomes(plan).values()) == {"refuse"}
    for step in plan.steps:
        assert "AIDASTRANGER" in step.says
        assert ours in step.says


def test_the_users_own_id_is_planned(worker: Worker, ministack_world: AwsWorld) -> None:
    key = user_with_key(ministack_world, USER)["AccessKeyId"]
    ours = ministack_world.client("iam").get_user(UserName=USER)["User"]["UserId"]
    told = about(kind="iam_user", user_name=USER, uid=ours, access_key_id=key)
    assert set(outcomes(worker.plan(LEAKED, told)).values()) == {"change"}


def test_a_key_that_is_not_the_users_stops_everything_planned_for_the_user(
    worker: Worker, ministack_world: AwsWorld
) -> None:
    user_with_key(ministack_world, USER)
    strange = user_with_key(ministack_world, NEIGHBOUR)["AccessKeyId"]
    told = about(kind="iam_user", user_name=USER, access_key_id=strange)
    plan = worker.plan(LEAKED, told)
    assert set(outcomes(plan).values()) == {"refuse"}
    assert all(strange in step.says for step in plan.steps)


def test_a_user_of_another_account_is_a_stranger_whatever_the_name(
    worker: Worker, ministack_world: AwsWorld
) -> None:
    key = user_with_key(ministack_world, USER)["AccessKeyId"]
    told = about(kind="iam_user", user_name=USER, access_key_id=key, account="999988887777")
    assert set(outcomes(worker.plan(LEAKED, told)).values()) == {"refuse"}


def test_a_lookup_by_name_meets_no_namesake_either(worker: Worker, ministack_world: AwsWorld) -> None:
    user_with_key(ministack_world, USER)
    plan = worker.plan(KEYS, about(kind="iam_user", user_name=USER, uid="AIDASTRANGER"))
    assert "AIDASTRANGER" in str(plan.lookups["keys"])
    assert "change" not in outcomes(plan).values()


def test_the_role_of_acceptance_f10_is_not_touched(worker: Worker, ministack_world: AwsWorld) -> None:
    file = _SAMPLES / "acceptance" / "intake" / "f10.guardduty.sequence_namesake_other_account.json"
    if not file.is_file():
        pytest.skip(f"{file} is not here")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam = ministack_world.client("iam")
    iam.create_role(RoleName="app-role", AssumeRolePolicyDocument=policy(trust))
    payload = json.loads(file.read_text())["payload"]
    delivery = read_eventbridge(payload, {}, sha256(b"").hexdigest(), datetime.now(UTC))
    (told,) = delivery.findings
    plan = worker.plan(ROLE, told)
    assert outcomes(plan) == {"end_sessions": "refuse"}
    assert iam.list_role_policies(RoleName="app-role")["PolicyNames"] == []


async def test_a_user_who_was_deleted_and_made_anew_since_the_plan_is_left_alone(
    worker: Worker, ministack_world: AwsWorld
) -> None:
    iam = ministack_world.client("iam")
    iam.create_user(UserName=USER)
    step = worker.plan(LEAKED, about(kind="iam_user", user_name=USER, access_key_id="x")).steps[0]
    assert step.outcome == "change"
    iam.delete_user(UserName=USER)
    user_with_key(ministack_world, USER)
    before = user_state(ministack_world, USER)
    apply = next(
        lent
        for lent in Steps(worker.hands, worker.planning.raised).activities()
        if lent.__temporal_activity_definition.name == "aws.quarantine_user.apply"  # type: ignore[attr-defined]
    )
    applied = await ActivityEnvironment().run(apply, order(step))
    assert applied.outcome == "refused"
    assert step.identity in applied.says
    assert user_state(ministack_world, USER) == before
