"""The gateway's entrance: settings become doors, an engine and an HTTP server."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.registry import load
from firedoor.connectors.slack import SlackDesk
from firedoor.domain.checking import Known
from firedoor.domain.errors import FiredoorError
from firedoor.domain.playbook import Playbook
from firedoor.domain.problem import Problems
from firedoor.gateway.app import OK, create_app
from firedoor.gateway.authentication import Verifier, verifier
from firedoor.gateway.door import Door
from firedoor.gateway.engine import Engine
from firedoor.gateway.responses import responses_router
from firedoor.gateway.slack import slack_router
from firedoor.gateway.talk import Talk
from firedoor.settings import Settings, Source
from firedoor.shelf import playbook_files, read_shelf

log = structlog.get_logger("firedoor.gateway")

_SCHEMES = {"aws.eventbridge": "header", "generic": "standard_webhooks", "github": "github"}


def known_actions(settings: Settings) -> dict[str, Known]:
    """List what a playbook may name here."""
    return {name: Known(entry.spec, entry.params) for name, entry in load(settings.actions).items()}


class Shelf:
    """The playbooks in force. A set that does not check leaves the last good one in force, loudly."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.playbooks
        self._known = known_actions(settings)
        self._groups = frozenset(settings.people.groups)
        self._stamp: object = None
        self._playbooks: Sequence[Playbook] = ()
        self.problem = OK

    def read(self) -> None:
        """Read the folder as it is now; raises at the start, where there is no last good set."""
        stamp = self._now()
        self._playbooks = read_shelf(playbook_files(self._folder), self._known, self._groups)
        self._stamp, self.problem = stamp, OK

    def refresh(self) -> None:
        """Read again what has changed."""
        stamp = self._now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.read()
        except (Problems, FiredoorError, OSError) as error:
            self.problem = "playbooks do not check; the last good set is in force"
            # The problems say it all; a traceback would hide them.
            log.error("playbooks do not check; the last good set is kept", problems=str(error))  # noqa: TRY400
        else:
            log.info("playbooks read again", count=len(self._playbooks))

    def playbooks(self) -> Sequence[Playbook]:
        """The playbooks in force."""
        return self._playbooks

    def _now(self) -> tuple[tuple[str, int, int], ...]:
        return tuple(
            (file.name, (stat := file.stat()).st_mtime_ns, stat.st_size)
            for file in playbook_files(self._folder)
        )


def doors_of(settings: Settings) -> dict[str, Door]:
    """Make a door of every configured source; one that could let anybody in refuses to start."""
    return {
        name: Door(
            name=name,
            kind=source.kind,
            verifier=_verifier(source),
            accounts=source.accounts if source.accounts is not None else frozenset(settings.accounts),
        )
        for name, source in settings.sources.items()
    }


def _verifier(source: Source) -> Verifier:
    def secrets() -> tuple[bytes, ...]:
        return tuple(value.encode() for value in source.secret.values())

    return verifier(_SCHEMES[source.kind], secrets=secrets, header=source.header or "")


def utc_now() -> datetime:
    """Tell the time; the only clock of the gateway."""
    return datetime.now(UTC)


def app_of(settings: Settings, client: Client, shelf: Shelf) -> FastAPI:
    """Build the whole HTTP application."""
    talk = Talk(client)
    routers: list[APIRouter] = [responses_router(people=lambda: settings.people, engine=talk, clock=utc_now)]
    slack = settings.slack
    if slack is not None:
        routers.append(
            slack_router(
                signing_secrets=lambda: tuple(value.encode() for value in slack.signing_secret.values()),
                app_id=slack.app_id,
                team_id=slack.team_id,
                people=lambda: settings.people,
                engine=talk,
                slack=SlackDesk(slack.bot_token.value, base_url=slack.base_url),
                clock=utc_now,
            )
        )

    async def ready() -> Mapping[str, str]:
        try:
            await asyncio.wait_for(client.service_client.check_health(), 2)
            temporal = OK
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is that it is not ready
            temporal = f"Temporal does not answer ({type(error).__name__})"
        return {"temporal": temporal, "playbooks": shelf.problem}

    engine = Engine(client, shelf.playbooks, utc_now, announce=slack is not None)
    return create_app(doors=doors_of(settings), responses=engine, ready=ready, clock=utc_now, routers=routers)


async def connect(settings: Settings) -> Client:
    """Reach Temporal as its environment says."""
    temporal = settings.temporal
    return await Client.connect(
        temporal.address,
        namespace=temporal.namespace,
        data_converter=pydantic_data_converter,
        **temporal.more,
    )


async def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop."""
    shelf = Shelf(settings)
    shelf.read()
    client = await connect(settings)
    config = uvicorn.Config(
        app_of(settings, client, shelf),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        # The headers of one request; bodies are bounded by the application itself.
        h11_max_incomplete_event_size=64 * 1024,
    )
    refreshing = asyncio.create_task(_refresh(shelf))
    try:
        await uvicorn.Server(config).serve()
    finally:
        refreshing.cancel()


async def _refresh(shelf: Shelf) -> None:
    while True:
        await asyncio.sleep(2)
        await asyncio.to_thread(shelf.refresh)


def run(settings: Settings, host: str, port: int) -> None:
    """Run the gateway in this process."""
    asyncio.run(serve(settings, host, port))
    # As in worker.py: Temporal's Rust threads must not outlive the interpreter into an abort.
    logging.shutdown()
    os._exit(0)
