"""Slack's door over a socket: payloads in, what they are answered out, and how the connection is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from prometheus_client import Gauge

from firedoor.channels.slack.interaction import read
from firedoor.domain.core.errors import Unreadable
from firedoor.gateway.decisions.port import trace
from firedoor.gateway.intake.refusal import Refusal
from firedoor.gateway.slack.interactions import Presses

STATE = Gauge(
    "firedoor_slack_socket_state",
    "1 for the state in which Socket Mode is: connecting, healthy, backing off, refused or disabled.",
    ["state"],
)
CONNECTIONS = Gauge(
    "firedoor_slack_socket_connections",
    "Connections of this app, as Slack counted at the last hello; it refuses more than 10.",
)
LAST_HELLO = Gauge("firedoor_slack_socket_last_hello_seconds", "When Slack last said hello, since 1970.")
LAST_ENVELOPE = Gauge("firedoor_slack_socket_last_envelope_seconds", "When a press last came, since 1970.")

STATES: Final = ("connecting", "healthy", "backing off", "refused", "disabled")

#: What an envelope is answered: the payload of a dialog or None, and what follows the ack or None.
Reply = tuple[Mapping[str, Any] | None, Callable[[], Awaitable[None]] | None]


class Health(Protocol):
    """How Socket Mode is; the connector tells it."""

    @property
    def state(self) -> str:
        """One of `STATES`."""
        ...

    @property
    def connections(self) -> int:
        """How many connections this app has, all replicas together."""
        ...

    @property
    def hello_at(self) -> datetime | None:
        """When Slack last said hello."""
        ...

    @property
    def envelope_at(self) -> datetime | None:
        """When a press last came."""
        ...


class SocketDoor:
    """Takes payloads that came over a socket; the connection itself vouches for them, as a signature does."""

    def __init__(self, presses: Presses) -> None:
        self._presses = presses

    async def take(self, payload: object) -> Reply | None:
        """Answer a payload; None where it is not acked, so that the person sees that it failed."""
        try:
            answer = await self._presses.answer(read(payload))
        except Refusal as refusal:
            trace("slack", refusal.error, why=refusal.found)
            return None
        except Unreadable as error:
            trace("slack", "unreadable", why=error.found)
            return None
        return answer.payload, answer.after


def publish(health: Health) -> None:
    """Tell Prometheus how Socket Mode is."""
    for state in STATES:
        STATE.labels(state).set(state == health.state)
    CONNECTIONS.set(health.connections)
    if health.hello_at:
        LAST_HELLO.set(health.hello_at.timestamp())
    if health.envelope_at:
        LAST_ENVELOPE.set(health.envelope_at.timestamp())
