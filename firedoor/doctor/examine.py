"""The doctor: every connection, permission and clock looked at, each with what to do."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from firedoor.config import settings as house
from firedoor.config.secret import Secret
from firedoor.config.settings import Account, Settings, Slack, Temporal
from firedoor.connectors.signing import SigningKey
from firedoor.doctor import slack as doctor_slack
from firedoor.doctor.checkup import Check, failed
from firedoor.doctor.policy import groups
from firedoor.doctor.slack import Readiness, SlackSight
from firedoor.domain.approval import words
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.response.contract import SEARCH_ATTRIBUTES
from firedoor.domain.yaml.problem import Problem, Problems

__all__ = ["AwsIdentity", "Check", "Hands", "examine", "groups"]

#: AWS refuses signatures that are more than five minutes off; this leaves time to act.
_SKEW_WARNS = timedelta(seconds=30)
_SKEW_FAILS = timedelta(minutes=4)
_TEMPORAL_ANSWERS_WITHIN = 5.0
_SHORTEST_SECRET = 16


@dataclass(frozen=True, kw_only=True)
class AwsIdentity:
    """Who AWS says we are in an account, and what time it is there."""

    account: str
    arn: str
    clock: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What touches the world, lent by the entrance; each raises a `FiredoorError` when it cannot."""

    aws_identity: Callable[[Account], Awaitable[AwsIdentity]]
    slack: Callable[[Slack], SlackSight]
    readiness: Readiness
    playbook_problems: Callable[[Settings], Sequence[Problem]]
    now: Callable[[], datetime]


async def examine(directory: Path, env: Mapping[str, str], hands: Hands) -> tuple[Check, ...]:
    """Look at everything. Without a readable configuration there is nothing more to look at."""
    checks, settings = configuration(directory, env)
    if settings is None:
        return tuple(checks)
    looked = await asyncio.gather(
        temporal(settings.temporal),
        *(aws(account, hands) for account in settings.accounts.values()),
        doctor_slack.look(
            settings.slack,
            hands.slack,
            hands.readiness,
            settings.url,
            doctor_slack.usergroups(settings.people),
        ),
    )
    return (
        *checks,
        *secrets(settings),
        *gateway_key(settings),
        *(check for each in looked for check in each),
        evidence(settings.evidence.store),
        *groups(settings),
        *playbooks(settings, hands),
    )


def configuration(directory: Path, env: Mapping[str, str]) -> tuple[list[Check], Settings | None]:
    """Read the whole configuration; each problem is a check of its own."""
    try:
        settings = house.load(directory, env)
    except Problems as problems:
        return [_from_problem("configuration", each) for each in problems.problems], None
    return [Check(name="configuration", state="ok", says=f"{directory} is whole")], settings


def secrets(settings: Settings) -> Iterator[Check]:
    """See that every secret is there now, long enough, and readable for this process alone."""
    for purpose, secret in _secrets_of(settings):
        try:
            values = secret.values()
        except FiredoorError as error:
            yield failed(f"secret: {purpose}", error)
            continue
        open_files = [path for path in secret.files if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
        if open_files:
            says = f"{open_files[0]} can be read by others"
            yield Check(name=f"secret: {purpose}", state="warn", says=says, mend=f"chmod 600 {open_files[0]}")
        elif min(map(len, values)) < _SHORTEST_SECRET:
            says = f"{secret.places[0]} holds fewer than {_SHORTEST_SECRET} characters"
            yield Check(name=f"secret: {purpose}", state="warn", says=says, mend="make a longer one")
        else:
            yield Check(name=f"secret: {purpose}", state="ok", says=" and ".join(secret.places))


def _secrets_of(settings: Settings) -> Iterator[tuple[str, Secret]]:
    for name, source in settings.sources.items():
        yield f"source {name}", source.secret
    for id_, account in settings.accounts.items():
        if account.external_id is not None:
            yield f"external id of {id_}", account.external_id
    if settings.slack is not None:
        yield "Slack bot token", settings.slack.bot_token
        if settings.slack.signing_secret is not None:
            yield "Slack signing secret", settings.slack.signing_secret
        if settings.slack.app_token is not None:
            yield "Slack app token", settings.slack.app_token
    yield "evidence signing key", settings.evidence.signing_key
    yield "gateway signing key", settings.gateway.signing_key


def gateway_key(settings: Settings) -> Iterator[Check]:
    """See that workers accept what this gateway signs. A key that cannot be read is told with the secrets."""
    try:
        key = SigningKey.from_pem(settings.gateway.signing_key.value().encode())
    except FiredoorError as error:
        yield failed("gateway key", error)
        return
    public = words.written(key.public_key)
    if public in settings.gateway.keys:
        says = f"signs with {words.short(public)}, one of {len(settings.gateway.keys)} that count"
        yield Check(name="gateway key", state="ok", says=says)
        return
    says = f"signs with {words.short(public)}, which does not stand under gateway.keys: no word would count"
    yield Check(
        name="gateway key", state="fail", says=says, mend=f'add "{public}" there, for the workers too'
    )


async def temporal(temporal: Temporal) -> list[Check]:
    """See that Temporal answers, has our namespace, and knows our search attributes."""
    name, where = "temporal", f"{temporal.address}, namespace {temporal.namespace}"
    try:
        async with asyncio.timeout(_TEMPORAL_ANSWERS_WITHIN):
            client = await Client.connect(
                temporal.address, namespace=temporal.namespace, lazy=False, **temporal.more
            )
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=temporal.namespace)
            )
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=temporal.namespace)
            )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            mend = f"temporal operator namespace create -n {temporal.namespace}"
            return [Check(name=name, state="fail", says=f"{where}: there is no such namespace", mend=mend)]
        return [Check(name=name, state="fail", says=f"{where}: {error.status.name}", mend=_TEMPORAL_MEND)]
    except (RuntimeError, OSError, TimeoutError, ValueError):
        return [Check(name=name, state="fail", says=f"{where}: no answer", mend=_TEMPORAL_MEND)]
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    missing = [each for each in SEARCH_ATTRIBUTES if known.custom_attributes.get(each) != keyword]
    if missing:
        each = " ".join(f"--name {attribute} --type Keyword" for attribute in missing)
        mend = f"temporal operator search-attribute create -n {temporal.namespace} {each}"
        says = f"{where}: no search attribute {', '.join(missing)}"
        return [Check(name=name, state="fail", says=says, mend=mend)]
    return [Check(name=name, state="ok", says=where)]


_TEMPORAL_MEND = "start it (`firedoor up` brings its own), or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"


async def aws(account: Account, hands: Hands) -> list[Check]:
    """See who we are in an account, that it is that account, and that our clock agrees with AWS's."""
    name = f"aws {account.name} ({account.id})"
    try:
        identity = await hands.aws_identity(account)
    except FiredoorError as error:
        return [failed(name, error)]
    checks = []
    if identity.account != account.id:
        mend = "change the number in firedoor.yaml, or the credentials"
        says = f"the credentials are of account {identity.account}"
        checks.append(Check(name=name, state="fail", says=says, mend=mend))
    else:
        checks.append(Check(name=name, state="ok", says=identity.arn))
    if identity.clock is not None:
        checks.append(_clock(f"clock against {name}", abs(hands.now() - identity.clock)))
    return checks


def _clock(name: str, skew: timedelta) -> Check:
    says = f"{skew.total_seconds():.0f} seconds apart"
    if skew < _SKEW_WARNS:
        return Check(name=name, state="ok", says=says)
    state: Literal["warn", "fail"] = "warn" if skew < _SKEW_FAILS else "fail"
    return Check(name=name, state=state, says=says, mend="let NTP set this machine's clock")


def evidence(store: Path) -> Check:
    """See that evidence can be written. It leaves nothing behind, not even the folder."""
    there = next(folder for folder in (store, *store.parents) if folder.exists())
    try:
        # By writing: permission bits do not tell a read-only file system or a full disk.
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"firedoor doctor")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        says = f"{store} cannot be written: {error.strerror or type(error).__name__}"
        return Check(name="evidence", state="fail", says=says, mend=f"let this user write to {there}")
    return Check(name="evidence", state="ok", says=f"{store}")


def playbooks(settings: Settings, hands: Hands) -> list[Check]:
    """See that every playbook checks."""
    problems = hands.playbook_problems(settings)
    if problems:
        return [_from_problem("playbooks", each) for each in problems]
    return [Check(name="playbooks", state="ok", says=f"{settings.playbooks} checks")]


def _from_problem(name: str, problem: Problem) -> Check:
    told = problem.model_copy(update={"mend": ""})
    return Check(name=name, state="fail", says=str(told), mend=problem.mend)
