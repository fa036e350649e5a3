"""What `firedoor up` says when it is ready: where everything is."""

from __future__ import annotations

import json as wire
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from firedoor.app.embedded import NAMESPACE
from firedoor.cli.fake_slack import FakeSlack
from firedoor.cli.terminal import grid, out, safe
from firedoor.config.settings import Settings

_HOST = "127.0.0.1"
_NAMED = 3  # of the people who may press


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where the parts listen, on loopback; `slack` is None where no fake Slack is started."""

    gateway: int
    temporal: int
    ui: int
    slack: int | None = None


def announce(settings: Settings, log: Path, ports: Ports, fake: FakeSlack | None, *, json: bool) -> None:
    """Say that it is ready, and where everything is. The first line is what scripts wait for."""
    gateway = f"http://{_HOST}:{ports.gateway}"
    told = {
        "gateway": gateway,
        "temporal": f"{_HOST}:{ports.temporal}",
        "ui": f"http://{_HOST}:{ports.ui}",
        "logs": str(log),
        **({"slack": fake.url} if fake else {}),
    }
    if json:
        typer.echo(wire.dumps({"event": "firedoor is ready", **told}))
        return
    console = out()
    console.print(Text("firedoor is ready", "bold green"), "")
    rows = [("findings", f"POST {gateway}/findings/{name}") for name in settings.sources]
    if fake:
        rows.append(("Slack (fake)", f"{fake.url}/  — press there as {_somebody(fake)}"))
    rows += [
        (
            "responses",
            "firedoor responses" if settings.url == gateway else f"firedoor responses --url {gateway}",
        ),
        ("decide", f"{gateway}/  — sign in with a personal token"),
        ("HTTP", f"{gateway}/docs"),
        ("Temporal", f"{told['ui']}/namespaces/{NAMESPACE}/workflows"),
        ("logs", told["logs"]),
    ]
    console.print(grid((Text(name, "dim"), Text(says)) for name, says in rows))
    if fake:
        console.print("", *(safe(line) for line in _about(fake)))
    console.print("", Text("Ctrl-C stops everything; nothing is lost.", "dim"))


def _somebody(fake: FakeSlack) -> str:
    more = len(fake.people) - _NAMED
    named = ", ".join(fake.people[:_NAMED])
    return f"{named} and {more} more" if more > 0 else " or ".join(named.rsplit(", ", 1))


def _about(fake: FakeSlack) -> Iterator[str]:
    """Yield what is otherwise than with a real workspace."""
    yield "The fake Slack asks nobody who they are: whoever uses this machine presses as anybody. It is for"
    yield "trying out, where no credentials are around that may change an account that matters."
    yield "A change of people.yaml counts after the next start."
    if fake.instead:
        yield "The slack: section of firedoor.yaml is not used by this run."
    for group in fake.outside:
        yield f"In the group {group}, which Slack keeps, is nobody but the people that people.yaml names."
