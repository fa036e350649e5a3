"""Firedoor contains nothing of the chain it signs in with, so that it can always undo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from activities.verbs import Hands
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.guard.guards import Guards, is_ourselves
from firedoor.domain.guard.protected import Protected
from firedoor.systems.aws.calls import Account, AwsAccounts
from tests.activities.hands import ARTEFACT
from tests.harness import REGISTRY
from tests.plans import planned
from tests.scenes.aws_leaked_key import user_with_key
from tests.scenes.aws_world import AwsWorld, policy
from tests.servers import ACCOUNT

pytestmark = pytest.mark.integration
_TRUST = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


class Chain:
    """A user with a key, the role that a profile assumes with it, and the role of the account."""

    def __init__(self, world: AwsWorld) -> None:
        self.world = world
        self.key = user_with_key(world, "firedoor-worker")
        world.client("iam").put_user_policy(
            UserName="firedoor-worker", PolicyName="all", PolicyDocument=policy(_ALL)
        )
        self.between = self.role("FiredoorHub", "/ops/")
        self.last = self.role("FiredoorResponder", "/security/")

    def role(self, name: str, path: str) -> str:
        iam = self.world.client("iam")
        made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=policy(_TRUST))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(_ALL))
        arn: str = made["Role"]["Arn"]
        return arn

    def as_user(self, environment: pytest.MonkeyPatch) -> None:
        """Give the process the user's key."""
        environment.setenv("AWS_ACCESS_KEY_ID", self.key["AccessKeyId"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", self.key["SecretAccessKey"])

    def as_profile(self, environment: pytest.MonkeyPatch, folder: Path) -> None:
        """Give the process a profile that assumes the role in between with the user's key."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.delenv(name)
        (folder / "config").write_text(
            f"[profile hub]\nrole_arn = {self.between}\nsource_profile = base\nregion = us-east-1\n"
        )
        (folder / "credentials").write_text(
            f"[base]\naws_access_key_id = {self.key['AccessKeyId']}\n"
            f"aws_secret_access_key = {self.key['SecretAccessKey']}\n"
        )
        environment.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        environment.setenv("AWS_PROFILE", "hub")


def hands(pool: ThreadPoolExecutor, role: str | None) -> Hands:
    guards = Guards(accounts=frozenset({ACCOUNT}), sources={"acme": None}, protected=Protected())
    accounts = AwsAccounts({ACCOUNT: Account(ACCOUNT, role)})
    return Hands(REGISTRY, {"aws": accounts}, lambda: guards, pool)


def refusal(made: Hands, action: str, params: Mapping[str, str]) -> str:
    shell = planned(action=action, params=dict(params), target="", outcome="unplanned", before=None)
    step = made.plan_step(
        shell.model_copy(update={"account": ACCOUNT, "region": "us-east-1"}), ARTEFACT, "acme"
    )
    assert step.outcome == "refuse", step
    return step.says


def refuses_user(made: Hands, chain: Chain) -> None:
    user = {"user": "firedoor-worker"}
    key = {**user, "access_key_id": chain.key["AccessKeyId"]}
    for action, params in (
        ("aws.quarantine_user", user),
        ("aws.quarantine_user", {"user": "FIREDOOR-Worker"}),
        ("aws.revoke_user_sessions", user),
        ("aws.deactivate_access_key", key),
        ("aws.deactivate_access_key", {**key, "user": "somebody-else"}),
        ("aws.delete_access_key", key),
    ):
        assert "how Firedoor signs in" in refusal(made, action, params)


def refuses_role(made: Hands, name: str) -> None:
    for spelled in (name, name.upper()):
        assert "how Firedoor signs in" in refusal(made, "aws.revoke_role_sessions", {"role": spelled})


def test_the_user_and_key_it_works_as_without_a_role_are_refused(
    ministack_world: AwsWorld, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(ministack_world)
    chain.as_user(monkeypatch)
    refuses_user(hands(pool, None), chain)


def test_the_user_behind_the_role_is_refused_as_the_role_is(
    ministack_world: AwsWorld, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(ministack_world)
    chain.as_user(monkeypatch)
    made = hands(pool, chain.last)
    refuses_user(made, chain)
    refuses_role(made, "FiredoorResponder")


def test_every_link_of_a_role_chain_is_refused(
    ministack_world: AwsWorld, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain = Chain(ministack_world)
    chain.as_profile(monkeypatch, tmp_path)
    made = hands(pool, chain.last)
    refuses_user(made, chain)
    refuses_role(made, "FiredoorHub")
    refuses_role(made, "FiredoorResponder")


def test_a_stranger_of_the_same_account_is_none_of_ours(
    ministack_world: AwsWorld, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(ministack_world)
    chain.as_user(monkeypatch)
    user_with_key(ministack_world, "firedoor-worker-2")
    made = hands(pool, chain.last)
    shell = planned(action="aws.quarantine_user", params={"user": "firedoor-worker-2"}, target="")
    step = made.plan_step(
        shell.model_copy(update={"account": ACCOUNT, "region": "us-east-1"}), ARTEFACT, "acme"
    )
    assert step.outcome == "change", step.says


def test_who_cannot_be_told_is_nobody_that_may_act(
    ministack_world: AwsWorld, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(ministack_world)
    chain.as_user(monkeypatch)
    user_with_key(ministack_world, "mallory")
    made = hands(pool, chain.last)
    ministack_world.proxy.fail(
        {
            "service": "sts",
            "operation": "GetCallerIdentity",
            "error": {"code": "ServiceFailure", "status": 500},
        }
    )
    shell = planned(action="aws.quarantine_user", params={"user": "mallory"}, target="")
    with pytest.raises(Unavailable, match="GetCallerIdentity"):
        made.plan_step(shell.model_copy(update={"account": ACCOUNT, "region": "us-east-1"}), ARTEFACT, "acme")


@pytest.mark.parametrize(
    ("target", "ours"),
    [
        ("arn:aws:iam::123456789012:role/Hub", True),
        ("arn:aws:iam::123456789012:role/HUB", True),
        ("arn:aws:iam::123456789012:role/Hub2", False),
        ("arn:aws:iam::210987654321:role/Hub", False),
        ("arn:aws:iam::123456789012:user/Hub", False),
    ],
)
def test_a_link_is_known_by_its_account_kind_and_name(target: str, ours: bool) -> None:  # noqa: FBT001
    assert bool(is_ourselves(["arn:aws:iam::123456789012:role/ops/Hub"], target)) is ours
