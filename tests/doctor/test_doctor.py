"""The doctor says how everything is, and what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from temporalio.testing import WorkflowEnvironment

from firedoor.config import initial, settings
from firedoor.config.settings import Account, Settings, Temporal
from firedoor.doctor import examine as doctor
from firedoor.doctor.examine import AwsIdentity, Check, Hands
from firedoor.doctor.slack import SlackSight
from firedoor.domain.core.errors import Rejected
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES
from firedoor.domain.yaml.problem import Problem
from tests.servers import free_port

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def hands(
    *,
    account: str = initial.EXAMPLE_ACCOUNT,
    clock: datetime | None = NOW,
    problems: Sequence[Problem] = (),
    refused: bool = False,
) -> Hands:
    async def aws_identity(_: Account) -> AwsIdentity:
        if refused:
            raise Rejected("AWS refused the credentials", code="InvalidClientTokenId", mend="renew them")
        return AwsIdentity(account=account, arn="arn:aws:iam::123456789012:user/fd", clock=clock)

    async def readiness(_: str) -> None:
        return None

    return Hands(
        aws_identity=aws_identity,
        slack=lambda _: cast("SlackSight", None),  # tests/test_doctor_slack.py
        readiness=readiness,
        playbook_problems=lambda _: problems,
        now=lambda: NOW,
    )


@pytest.fixture
def ready(tmp_path: Path) -> Settings:
    return settings.load(initial.write(tmp_path / "config").directory, {})


def account_of(ready: Settings) -> Account:
    return next(iter(ready.accounts.values()))


async def test_a_broken_configuration_is_all_there_is_to_say(tmp_path: Path) -> None:
    made = initial.write(tmp_path / "config")
    (made.directory / "policy.yaml").write_text("default: {form: [secops], within: 5m}\n")
    (only,) = await doctor.examine(made.directory, {}, hands())
    assert (only.name, only.state) == ("configuration", "fail")
    assert only.says.startswith("config/policy.yaml:1:11: unknown key 'form'")
    assert only.mend == "did you mean 'from'?"


def test_every_secret_is_there_and_closed(ready: Settings) -> None:
    checks = list(doctor.secrets(ready))
    assert [check.state for check in checks] == ["ok"] * 4
    key = ready.directory / "secrets/guardduty.key"
    key.chmod(0o640)
    (warned,) = [check for check in doctor.secrets(ready) if check.state != "ok"]
    assert (warned.name, warned.state, warned.mend) == (
        "secret: source guardduty",
        "warn",
        f"chmod 600 {key}",
    )
    key.chmod(0o600)
    key.write_text("short")
    (warned,) = [check for check in doctor.secrets(ready) if check.state != "ok"]
    assert "fewer than 16 characters" in warned.says
    assert "short" not in warned.says
    key.unlink()
    (failed,) = [check for check in doctor.secrets(ready) if check.state != "ok"]
    assert failed.state == "fail"
    assert str(key) in failed.says


async def test_credentials_of_another_account_fail(ready: Settings) -> None:
    (check, clock) = await doctor.aws(account_of(ready), hands())
    assert (check.state, clock.state) == ("ok", "ok")
    (check, _) = await doctor.aws(account_of(ready), hands(account="999999999999"))
    assert check.state == "fail"
    assert "999999999999" in check.says
    (check,) = await doctor.aws(account_of(ready), hands(refused=True))
    assert check == Check(
        name="aws sandbox (123456789012)", state="fail", says="AWS refused the credentials", mend="renew them"
    )


@pytest.mark.parametrize(
    ("off", "state"), [(5, "ok"), (-5, "ok"), (60, "warn"), (-60, "warn"), (300, "fail"), (-300, "fail")]
)
async def test_a_clock_that_is_off_is_told_before_aws_refuses_us(
    ready: Settings, off: int, state: str
) -> None:
    (_, clock) = await doctor.aws(account_of(ready), hands(clock=NOW + timedelta(seconds=off)))
    assert clock.state == state
    assert f"{abs(off)} seconds" in clock.says


def test_evidence_is_tried_and_leaves_nothing_behind(tmp_path: Path) -> None:
    assert doctor.evidence(tmp_path / "var/evidence").state == "ok"
    assert list(tmp_path.iterdir()) == []
    blocked = tmp_path / "file"
    blocked.write_text("")
    failed = doctor.evidence(blocked / "evidence")
    assert failed.state == "fail"
    assert failed.mend


def test_a_rule_that_asks_more_people_than_there_are_fails(ready: Settings) -> None:
    (check,) = doctor.groups(ready)
    assert check.state == "ok"
    policy = ready.policy.model_copy(update={"default": ready.policy.default.but(quorum=3)})
    (check,) = doctor.groups(replace(ready, policy=policy))
    assert (check.state, check.says) == ("fail", "default needs 3 of secops, where there are 2")


def test_a_playbook_that_does_not_check_fails(ready: Settings) -> None:
    problem = Problem(
        file="p.yaml", line=3, column=1, found="unknown key 'stpes'", mend="did you mean 'steps'?"
    )
    (check,) = doctor.playbooks(ready, hands(problems=[problem]))
    assert (check.state, check.mend) == ("fail", "did you mean 'steps'?")
    assert check.says == "p.yaml:3:1: unknown key 'stpes'"
    (check,) = doctor.playbooks(ready, hands())
    assert check.state == "ok"


@pytest.mark.integration
async def test_temporal_is_looked_at_with_its_namespace_and_its_search_attributes() -> None:
    port = free_port()
    arguments = [f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES[1:]]
    async with await WorkflowEnvironment.start_local(
        namespace="firedoor",
        ip="127.0.0.1",
        port=port,
        dev_server_existing_path=shutil.which("temporal", path=f"{Path(sys.executable).parent}"),
        dev_server_extra_args=arguments,
    ):
        there = Temporal(address=f"127.0.0.1:{port}", namespace="firedoor")
        (check,) = await doctor.temporal(there)
        assert check.state == "fail"
        assert f"no search attribute {SEARCH_ATTRIBUTES[0]}" in check.says
        assert f"--name {SEARCH_ATTRIBUTES[0]} --type Keyword" in check.mend
        (check,) = await doctor.temporal(replace(there, namespace="elsewhere"))
        assert check.state == "fail"
        assert check.mend == "temporal operator namespace create -n elsewhere"
    (check,) = await doctor.temporal(there)
    assert (check.state, "no answer" in check.says) == ("fail", True)


@pytest.mark.integration
async def test_a_whole_house_is_all_ok(ready: Settings) -> None:
    port = free_port()
    async with await WorkflowEnvironment.start_local(
        namespace="firedoor",
        ip="127.0.0.1",
        port=port,
        dev_server_existing_path=shutil.which("temporal", path=f"{Path(sys.executable).parent}"),
        dev_server_extra_args=[f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES],
    ):
        env = {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}"}
        checks = await doctor.examine(ready.directory, env, hands())
    assert {check.name: check.state for check in checks if check.state != "ok"} == {"slack": "warn"}
