"""A gateway in memory: fake engine, fixed clock, and senders that sign as real ones do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook

from firedoor.domain.core.errors import Unavailable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.response.contract import Intake, Joined
from firedoor.gateway.api.app import create_app
from firedoor.gateway.intake.door import Door, Limits
from firedoor.gateway.intake.verifiers import verifier

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HEADER_SECRET = "a-secret-of-the-connection"
HOOK_SECRET = "a-secret-of-the-hook"
METRICS_TOKEN = "a-token-of-prometheus"
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OURS = frozenset(("123456789012",))


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def pass_(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)


class FakeEngine:
    """Takes findings as the engine does: one response for a finding's uid, joined when it was there."""

    def __init__(self) -> None:
        self.taken: list[tuple[Finding, str]] = []
        self.down = False
        self.held: asyncio.Event | None = None
        self.fails: Mapping[str, Exception] = {}

    async def take(self, finding: Finding, *, source: str) -> Intake:
        """Take it, unless told to hang, to be down or to fail."""
        if self.held:
            await self.held.wait()
        else:
            await asyncio.sleep(0)
        if self.down:
            raise Unavailable("Temporal does not answer", retry_after=7)
        if error := self.fails.get(finding.uid):
            raise error
        known = any(one.uid == finding.uid for one, _ in self.taken)
        self.taken.append((finding, source))
        return Intake(
            responses=(Joined(id=f"respond/p/{finding.uid}", playbook="p", status="planning", joined=known),)
        )


class Gateway:
    """The application with three doors, and a client that reaches it without a socket."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = Clock()
        self.engine = FakeEngine()
        self.checks = {"temporal": "ok"}
        #: source -> its secret of this moment; an error stands for a file that cannot be read
        self.secrets: dict[str, str | OSError] = {
            "guardduty": HEADER_SECRET,
            "acme": WEBHOOK_SECRET,
            "github": HOOK_SECRET,
        }

        def secret_of(source: str) -> Callable[[], tuple[bytes, ...]]:
            def secrets() -> tuple[bytes, ...]:
                secret = self.secrets[source]
                if isinstance(secret, OSError):
                    raise secret
                return (secret.encode(),)

            return secrets

        doors = {
            "guardduty": Door(
                name="guardduty",
                kind="aws.eventbridge",
                verifier=verifier("header", header="X-Firedoor-Key", secrets=secret_of("guardduty")),
                accounts=OURS,
            ),
            "acme": Door(
                name="acme",
                kind="generic",
                verifier=verifier("standard_webhooks", secrets=secret_of("acme")),
                accounts=OURS,
            ),
            "github": Door(
                name="github",
                kind="github",
                verifier=verifier("github", secrets=secret_of("github")),
            ),
        }

        async def ready() -> Mapping[str, str]:
            return self.checks

        self.app = create_app(
            doors=doors,
            responses=self.engine,
            ready=ready,
            clock=clock or self.clock,
            limits=limits,
            metrics_token=lambda: (METRICS_TOKEN,),
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://firedoor"
        )

    async def eventbridge(self, body: Any, **headers: str) -> httpx.Response:
        """As an API destination sends it."""
        return await self.post("guardduty", raw(body), {"x-firedoor-key": HEADER_SECRET, **headers})

    async def standard(
        self,
        body: Any,
        *,
        delivery: str = "msg_1",
        sent: datetime | None = None,
        secret: str = WEBHOOK_SECRET,
        **headers: str,
    ) -> httpx.Response:
        """As any Standard Webhooks library sends it."""
        content = raw(body)
        return await self.post(
            "acme",
            content,
            signed(content, delivery=delivery, sent=sent or self.clock(), secret=secret) | headers,
        )

    async def hook(self, body: Any, *, event: str, delivery: str = "d-1", **headers: str) -> httpx.Response:
        """As GitHub sends it."""
        content = raw(body)
        signature = hmac.new(HOOK_SECRET.encode(), content, hashlib.sha256).hexdigest()
        told = {
            "x-hub-signature-256": f"sha256={signature}",
            "x-github-event": event,
            "x-github-delivery": delivery,
        }
        return await self.post("github", content, told | headers)

    async def measured(self, token: str = METRICS_TOKEN) -> httpx.Response:
        """As Prometheus asks."""
        return await self.client.get("/metrics", headers={"authorization": f"Bearer {token}"})

    async def post(
        self, source: str, content: bytes | AsyncIterator[bytes], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Any request."""
        told = {"content-type": "application/json", **(headers or {})}
        return await self.client.post(f"/findings/{source}", content=content, headers=told)


def raw(body: Any) -> bytes:
    """The bytes of a body; bytes stay as they are."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def signed(content: bytes, *, delivery: str, sent: datetime, secret: str) -> dict[str, str]:
    """The three headers, made by the reference library where it can: it signs text only."""
    timestamp = str(int(sent.timestamp()))
    try:
        signature = Webhook(secret).sign(delivery, sent, content.decode())
    except UnicodeDecodeError:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.digest(key, f"{delivery}.{timestamp}.".encode() + content, "sha256")
        signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": delivery, "webhook-timestamp": timestamp, "webhook-signature": signature}
