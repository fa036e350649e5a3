"""The worker's entrance: settings, connectors, actions, then Temporal's worker until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.desk import Desk
from activities.evidence import Evidence
from activities.planning import Planning
from activities.registry import Registry, load
from activities.steps import Hands, Steps, Watching
from firedoor.connectors.aws import Account, AwsAccounts
from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.connectors.signing import SigningKey
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.contract import TASK_QUEUE
from firedoor.domain.guards import Guards
from firedoor.logs import configure_logging
from firedoor.settings import Settings, from_environment
from workflows.respond import Respond

_THREADS = 64  # blocking calls at once; containment is bound by the cloud's own quotas long before this


def hands_of(settings: Settings, registry: Registry) -> Hands:
    """Give the actions their connectors and their guards."""
    accounts = {
        account.id: Account(
            id=account.id,
            role=account.role,
            external_id=account.external_id.value() if account.external_id else None,
        )
        for account in settings.accounts.values()
    }
    guards = Guards(
        accounts=frozenset(settings.accounts),
        sources={name: source.accounts for name, source in settings.sources.items()},
        protected=settings.protected,
    )
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="action")
    return Hands(registry, {"aws": AwsAccounts(accounts)}, lambda: guards, pool)


def planning_of(settings: Settings, hands: Hands) -> Planning:
    """Give planning its policy and the places."""
    return Planning(
        hands,
        lambda: settings.policy,
        {account.id: account.environment for account in settings.accounts.values()},
        ThreadPoolExecutor(_THREADS // 2, thread_name_prefix="plan"),
        lambda account: (
            next(iter(settings.accounts[account].regions), "us-east-1")
            if account in settings.accounts
            else "us-east-1"
        ),
    )


def desk_of(settings: Settings) -> list[Callable[..., Any]]:
    """Give the desk its channel, where Slack is configured."""
    slack = settings.slack
    return (
        []
        if slack is None
        else [Desk(SlackDesk(slack.bot_token.value, base_url=slack.base_url), slack.channel).show]
    )


def worker_of(client: Client, settings: Settings, runner: WorkflowRunner | None = None) -> Worker:
    """Build the worker. Tests hand in the strict sandbox; in production, contracts keep workflows pure."""
    hands = hands_of(settings, load(settings.actions))
    evidence = Evidence(
        EvidenceStore(settings.evidence.store),
        SigningKey.from_pem(settings.evidence.signing_key.value().encode()),
    )
    activities: list[Callable[..., Any]] = [
        planning_of(settings, hands).plan,
        Watching(hands).watch,
        evidence.seal,
        *Steps(hands).activities(),
        *desk_of(settings),
    ]
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Respond],
        activities=activities,
        activity_executor=hands.pool,
        workflow_runner=runner or UnsandboxedWorkflowRunner(),
        max_concurrent_activities=_THREADS,
        max_cached_workflows=300,
        graceful_shutdown_timeout=timedelta(seconds=10),
        # A killed worker costs this long per cached workflow before another takes it up.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


async def main() -> None:
    """Run until SIGTERM or Ctrl-C; what is in flight is finished or handed to another worker."""
    configure_logging()
    settings = from_environment()
    temporal = settings.temporal
    client = await Client.connect(
        temporal.address,
        namespace=temporal.namespace,
        data_converter=pydantic_data_converter,
        **temporal.more,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with worker_of(client, settings):
        structlog.get_logger("firedoor.worker").info("the worker is ready", temporal=temporal.address)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
    # Temporal's Rust threads may still call into Python while the interpreter goes away, which ends in
    # an abort and a core dump; everything is finished here, so the process leaves without that.
    logging.shutdown()
    os._exit(0)
