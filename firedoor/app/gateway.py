"""The gateway's entrance: settings become doors, an engine and an HTTP server."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.registry import load
from firedoor.app.assemble import Together, together, utc_now
from firedoor.app.playbooks_in_force import Editors, playbook_files, read_shelf
from firedoor.config.secret import Secret
from firedoor.config.settings import Settings, Source
from firedoor.connectors.oidc import OidcProvider
from firedoor.connectors.secret_scanner import scanner
from firedoor.connectors.signing import SigningKey
from firedoor.connectors.slack import SlackDesk
from firedoor.connectors.slack_socket import SlackSocket
from firedoor.doctor.slack import SOCKET
from firedoor.domain.approval import words
from firedoor.domain.core.errors import FiredoorError, Misconfigured
from firedoor.domain.finding.credentials import Credential, Redaction
from firedoor.domain.playbook.checking import Known
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.yaml.problem import Problems
from firedoor.gateway.api.app import OK, create_app
from firedoor.gateway.api.bearer import Tokens
from firedoor.gateway.api.readiness import Readiness
from firedoor.gateway.api.responses import responses_router
from firedoor.gateway.api.token_check import Genuine
from firedoor.gateway.api.tries import Tries
from firedoor.gateway.crowd import Crowd, capacity
from firedoor.gateway.decisions.kill_switch import Reach, Switch, clearance_router
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.decisions.temporal import Talk
from firedoor.gateway.front import LettingRunOut
from firedoor.gateway.intake.dispatch import Engine
from firedoor.gateway.intake.door import Door
from firedoor.gateway.intake.verifiers import Verifier, verifier
from firedoor.gateway.page.router import page_router
from firedoor.gateway.server import Server
from firedoor.gateway.slack.http import slack_router
from firedoor.gateway.slack.interactions import WITHIN, Presses
from firedoor.gateway.slack.socket import SocketDoor, publish
from firedoor.temporal.calls import stand_up

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
        self._files: Sequence[Path] = ()
        self._playbooks: Sequence[Playbook] = ()
        self._editors = Editors()
        self.problem = OK

    def read(self) -> None:
        """Read the folder as it is now; raises at the start, where there is no last good set."""
        stamp = self._now()
        files = playbook_files(self._folder)
        playbooks = read_shelf(files, self._known, self._groups)
        self._editors.refresh(files, playbooks)
        self._files, self._playbooks = files, playbooks
        self._stamp, self.problem = stamp, OK

    def refresh(self) -> None:
        """Read again what has changed."""
        stamp = self._now()
        if stamp == self._stamp:
            self._editors.refresh(self._files, self._playbooks)  # a commit changes no file
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

    def editors(self, playbook: str) -> tuple[str, ...]:
        """Return who last changed a playbook; () where it is not known."""
        return self._editors.of(playbook)

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


def voice_of(settings: Settings) -> SigningKey:
    """Read the key that signs people's words; raises `Misconfigured` where no worker would accept it."""
    key = SigningKey.from_pem(settings.gateway.signing_key.value().encode())
    public = words.written(key.public_key)
    if public not in settings.gateway.keys:
        raise Misconfigured(
            f"the gateway signs with key {words.short(public)}, which does not stand under gateway.keys",
            expected="its public half among the keys that workers accept",
            mend=f'add "{public}" under gateway.keys in firedoor.yaml, for the workers too',
        )
    return key


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The routers through which people and programs speak, and what runs behind them."""

    routers: tuple[APIRouter, ...]
    socket: SlackSocket | None


def doors_for_people(settings: Settings, client: Client, people: Together, shelf: Shelf) -> Doors:
    """Build every door through which somebody says a word: HTTP API, page, kill switch, Slack."""
    slack, oidc = settings.slack, settings.oidc
    voice = voice_of(settings)
    talk = Talk(client, voice, slack.channel if slack else None)
    switch = Switch(client, voice, slack.channel if slack else None)
    provider = oidc and OidcProvider(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret.value if oidc.client_secret else None,
    )
    tokens = None
    if oidc and provider:
        tokens = Tokens(
            genuine=Genuine(provider, utc_now), audience=oidc.audience, groups_claim=oidc.groups_claim
        )
    directory, tries = people.directory, Tries(utc_now)

    async def frozen() -> str:
        return (await switch.freezes()).says()

    routers = [
        responses_router(directory=directory, engine=talk, clock=utc_now, tokens=tokens, tries=tries),
        clearance_router(
            directory=directory,
            switch=switch,
            reach=_reach(settings, shelf),
            clock=utc_now,
            tokens=tokens,
            tries=tries,
        ),
        page_router(
            directory=directory,
            engine=talk,
            clock=utc_now,
            url=settings.url,
            secrets=settings.page_secret.values if settings.page_secret else None,
            provider=provider or None,
            groups_claim=oidc.groups_claim if oidc else "groups",
            scopes=oidc.scopes if oidc else (),
            frozen=frozen,
            tries=tries,
        ),
    ]
    socket = None
    if slack and people.slack and people.accounts:
        presses = Presses(
            app_id=slack.app_id,
            team_id=slack.team_id,
            channels=slack.channels,
            ballots=Ballots(directory, talk, utc_now, within=WITHIN),
            report=talk.report,
            accounts=people.accounts,
            members=directory.members,
            slack=people.slack,
        )
        if slack.signing_secret is not None:
            routers.append(_slack_over_http(slack.signing_secret, presses))
        if slack.app_token is not None:
            socket = _slack_over_a_socket(slack.app_token, presses, people.slack, slack.app_id)
    return Doors(routers=tuple(routers), socket=socket)


def _reach(settings: Settings, shelf: Shelf) -> Reach:
    """Say what the kill switch may be thrown over, and by whom."""

    def groups() -> tuple[str, ...]:
        asked = [step.approval for each in shelf.playbooks() for step in each.every_step() if step.approval]
        return settings.policy.freezers(
            group for rule in asked for group in (*(rule.from_ or ()), *(rule.to or ()))
        )

    glass = settings.policy.break_glass
    return Reach(
        accounts={account.id: account.name for account in settings.accounts.values()},
        playbooks=lambda: [each.playbook for each in shelf.playbooks()],
        groups=groups,
        people=glass.people if glass and settings.policy.freeze is None else (),
    )


async def _stand_up(client: Client) -> None:
    """Have the kill switch run before it is needed; without Temporal or a worker, again and again."""
    while True:
        try:
            await stand_up(client)
        except FiredoorError as error:
            structlog.get_logger("firedoor.gateway").warning("kill_switch.not_running", why=error.found)
        else:
            return
        await asyncio.sleep(5)


def _slack_over_http(signing: Secret, presses: Presses) -> APIRouter:
    def secrets() -> tuple[bytes, ...]:
        return tuple(value.encode() for value in signing.values())

    return slack_router(signing_secrets=secrets, presses=presses, clock=utc_now)


def _slack_over_a_socket(app_token: Secret, presses: Presses, slack: SlackDesk, app_id: str) -> SlackSocket:
    return SlackSocket(
        app_token=app_token.value,
        open_connection=slack.open_connection,
        take=SocketDoor(presses).take,
        clock=utc_now,
        jitter=random.SystemRandom().random,
        told=publish,
        app_id=app_id,
    )


def redaction_of() -> Redaction:
    """Make what takes credentials out of findings; it takes seconds, and is there before the door opens."""
    scan = scanner()
    return Redaction(lambda text: (Credential(kind, found) for kind, found in scan(text)))


def app_of(
    settings: Settings, client: Client, shelf: Shelf, doors: Doors, redaction: Redaction | None = None
) -> FastAPI:
    """Build the whole HTTP application."""
    readiness = Readiness(client)

    async def ready() -> Mapping[str, str]:
        return {**await readiness.checks(), "playbooks": shelf.problem}

    def reports() -> Mapping[str, str]:
        # Slack being down keeps no finding out, so it is told and fails nothing.
        return {} if doors.socket is None else {SOCKET: doors.socket.health.word}

    slack = settings.slack
    engine = Engine(
        client,
        shelf.playbooks,
        utc_now,
        gateway_keys=settings.gateway.keys,
        desk=slack.channel if slack else None,
        editors=shelf.editors,
    )
    return create_app(
        doors=doors_of(settings),
        responses=engine,
        ready=ready,
        clock=utc_now,
        routers=doors.routers,
        reports=reports,
        redaction=redaction,
        metrics_token=settings.http.metrics_token.values if settings.http.metrics_token else None,
    )


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
    doors = doors_for_people(settings, client, together(settings), shelf)
    redaction = await asyncio.to_thread(redaction_of)
    server = server_of(
        app_of(settings, client, shelf, doors, redaction), host, port, settings.http.trusted_proxies
    )
    behind = [
        asyncio.create_task(_refresh(shelf)),
        asyncio.create_task(_stand_up(client)),
    ]
    if doors.socket is not None:
        behind.append(asyncio.create_task(doors.socket.run()))
    try:
        await server.serve()
    finally:
        for task in behind:
            task.cancel()
        await asyncio.wait(behind)  # presses that are being answered are still acked


def server_of(app: FastAPI, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> Server:
    """Build the server around an application. What a client says of its own address counts for nothing."""
    config = uvicorn.Config(
        LettingRunOut(app),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=3,
        http="h11",
        ws="none",
        # The headers of one request; bodies are bounded by the application itself.
        h11_max_incomplete_event_size=64 * 1024,
    )
    trusted = [ip_network(one, strict=False) for one in trusted_proxies]
    return Server(config, Crowd(capacity(), trusted=trusted))


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
