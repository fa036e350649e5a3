"""The worker's entrance: settings, connectors, actions, then Temporal's worker until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.casting import Casting
from activities.clearance import KillSwitch
from activities.desk import Desk
from activities.evidence import Evidence
from activities.health import Health
from activities.people import Confirming
from activities.planning import Planning
from activities.registry import Registry, load
from activities.steps import Hands, Steps, Watching
from activities.trust import Gateways
from firedoor.connectors.aws import Account, AwsAccounts
from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.connectors.signing import SigningKey
from firedoor.domain.contract import TASK_QUEUE
from firedoor.domain.errors import FiredoorError
from firedoor.domain.guards import Guards
from firedoor.logs import configure_logging
from firedoor.reconciler import Reconciler
from firedoor.settings import Settings, from_environment
from firedoor.wiring import Together, around, together
from workflows.clearance import Clearance
from workflows.desk import Desk as OnCallDesk
from workflows.probe import Probe
from workflows.respond import Respond

_REGION = "us-east-1"  # where an account names no region; IAM and STS are there at any rate
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


def warm(settings: Settings, hands: Hands) -> None:
    """Have every AWS client that an action may need before the first finding comes."""
    aws = hands.systems["aws"]
    needed = [spec.permissions for name, spec in hands.registry.specs.items() if name.startswith("aws.")]
    services = {each.split(":", 1)[0] for phases in needed for each in (*phases.read, *phases.apply)}
    regions = {region for account in settings.accounts.values() for region in account.regions}
    for region in sorted(regions or {_REGION}):
        aws.warm(services, region)
    try:
        aws.ourselves()
    except FiredoorError as error:
        structlog.get_logger("firedoor.worker").error(
            "who Firedoor is to AWS is not known; nothing is contained there until it is", why=str(error)
        )
    # What is loaded now stays: vendors' models, code. Without it a full collection of garbage is short.
    gc.collect()
    gc.freeze()


def planning_of(settings: Settings, hands: Hands) -> Planning:
    """Give planning its policy and the places."""
    return Planning(
        hands,
        lambda: settings.policy,
        {account.id: account.environment for account in settings.accounts.values()},
        ThreadPoolExecutor(_THREADS // 2, thread_name_prefix="plan"),
        lambda account: next((region for region in _regions(settings, account)), _REGION),
    )


def _regions(settings: Settings, account: str) -> tuple[str, ...]:
    return settings.accounts[account].regions if account in settings.accounts else ()


def desk_of(
    client: Client, settings: Settings, people: Together, switch: KillSwitch
) -> list[Callable[..., Any]]:
    """Give the desk its channel, where Slack is configured."""
    slack = settings.slack
    if slack is None or people.slack is None:
        return []
    desk = Desk(
        client,
        people.slack,
        lambda: around(settings, people.directory),
        switch.freezes,
        fallback=slack.fallback_channel,
    )
    return [desk.show, desk.write, Casting(client, settings.gateway.keys).cast]


def worker_of(
    client: Client, settings: Settings, hands: Hands, runner: WorkflowRunner | None = None
) -> Worker:
    """Build the worker. Tests hand in the strict sandbox; in production, contracts keep workflows pure."""
    people, switch = together(settings), KillSwitch(client)
    planning = planning_of(settings, hands)
    store = EvidenceStore(settings.evidence.store)
    evidence = Evidence(
        store,
        SigningKey.from_pem(settings.evidence.signing_key.value().encode()),
    )
    gateways = Gateways(settings.gateway.keys)
    activities: list[Callable[..., Any]] = [
        gateways.known,
        planning.plan,
        Watching(hands).watch,
        evidence.seal,
        evidence.keep,
        Health(store).examine,
        *Steps(hands, planning.raised, switch.ask).activities(),
        switch.is_frozen,
        Confirming(people.directory, people.accounts).confirm,
        *desk_of(client, settings, people, switch),
    ]
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        interceptors=[gateways],
        workflows=[Respond, OnCallDesk, Clearance, Probe],
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
    hands = hands_of(settings, load(settings.actions))
    async with worker_of(client, settings, hands):
        looking = asyncio.create_task(Reconciler(client).run())
        threading.Thread(target=warm, args=(settings, hands), daemon=True, name="warm").start()
        structlog.get_logger("firedoor.worker").info("the worker is ready", temporal=temporal.address)
        await stop.wait()
        looking.cancel()


if __name__ == "__main__":
    asyncio.run(main())
    # Temporal's Rust threads may still call into Python while the interpreter goes away, which ends in
    # an abort and a core dump; everything is finished here, so the process leaves without that.
    logging.shutdown()
    os._exit(0)
