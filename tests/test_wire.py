"""What is on the wire stays as it is: names in Temporal, fields in history, evidence, YAML and HTTP.

What is written here stands in histories, in sealed evidence, in people's files and in detectors' webhooks.
A change of it is a change for them: raise it on purpose, say it in the CHANGELOG, and write `wire.json` anew
with `FIREDOOR_RECORD=1 pytest tests/test_wire.py`.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import worker
from activities.registry import load
from firedoor.config.configuration import Configuration
from firedoor.config.settings import Slack
from firedoor.domain.approval.policy import Policy
from firedoor.domain.evidence.pack import VERSION, Head
from firedoor.domain.guard.protected import Protected
from firedoor.domain.people.people import People
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.reference_parts import openapi
from tests.harness import FixedSecret, settings_over

WIRE = Path(__file__).parent / "wire.json"
_PROSE = frozenset({"title", "description", "examples", "markdownDescription"})


def plain(schema: Any) -> Any:
    """Return a JSON schema without its prose."""
    if isinstance(schema, dict):
        # Below `properties` a key is a field's name, whatever it is called.
        return {
            key: {name: plain(each) for name, each in value.items()} if key == "properties" else plain(value)
            for key, value in schema.items()
            if key not in _PROSE
        }
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


class Quiet(GenerateJsonSchema):
    """Leaves out the defaults that JSON cannot hold, and does not warn of each."""

    ignored_warning_kinds = frozenset({"non-serializable-default"})  # type: ignore[assignment]


class Shapes:
    """The models that are met, each once under its name."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def of(self, kind: Any) -> Any:
        """Return how a type is written, and know the models in it."""
        if kind is None or kind is type(None):
            return None
        schema = plain(
            TypeAdapter(kind).json_schema(
                mode="serialization", ref_template="{model}", schema_generator=Quiet
            )
        )
        for name, shape in schema.pop("$defs", {}).items():
            assert self.known.setdefault(name, shape) == shape, f"two models are called {name}"
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            assert self.known.setdefault(kind.__name__, schema) == schema, f"two models: {kind.__name__}"
            return kind.__name__
        return schema

    def call(self, arguments: Any, result: Any) -> dict[str, Any]:
        """Return what a call takes and gives."""
        return {"takes": [self.of(each) for each in arguments or ()], "gives": self.of(result)}


class NoTemporal:
    """Stands where Temporal would be: nothing is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RPCError(name, RPCStatusCode.UNAVAILABLE, b"")


def parts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """Return what the worker would run, without a Temporal to run it on."""
    built: dict[str, Any] = {}

    def record(client: Client, **given: Any) -> None:
        del client
        built.update(given)

    monkeypatch.setattr(worker, "Worker", record)
    slack = Slack(
        bot_token=FixedSecret("x"),  # type: ignore[arg-type]  # a secret that needs no file
        signing_secret=None,
        app_id="A1",
        team_id="T1",
        channel="C1",
        base_url="http://127.0.0.1:1/",
    )
    settings = settings_over(folder, slack=slack)
    hands = worker.hands_of(settings, load())
    worker.worker_of(cast("Client", NoTemporal()), settings, hands)
    return built


def temporal(built: dict[str, Any], shapes: Shapes) -> Iterator[tuple[str, Any]]:
    """Yield each workflow with its messages, and each activity."""
    for each in built["workflows"]:
        # Temporal's own record of a definition: public API gives no list of a workflow's messages.
        told = workflow._Definition.must_from_class(each)
        yield (
            f"workflow {told.name}",
            {
                **shapes.call(told.arg_types, told.ret_type),
                "signals": {name: shapes.call(one.arg_types, None) for name, one in told.signals.items()},
                "queries": {
                    name: shapes.call(one.arg_types, one.ret_type) for name, one in told.queries.items()
                },
                "updates": {
                    name: shapes.call(one.arg_types, one.ret_type) for name, one in told.updates.items()
                },
            },
        )
    for call in cast("list[Callable[..., Any]]", built["activities"]):
        done = activity._Definition.must_from_callable(call)
        yield f"activity {done.name}", shapes.call(done.arg_types, done.ret_type)


def wire(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    """Return everything that others than this code read or write."""
    shapes = Shapes()
    built = parts(monkeypatch, folder)
    return {
        "temporal": {"task queue": built["task_queue"], **dict(temporal(built, shapes))},
        "evidence": {
            "version": VERSION,
            "head": shapes.of(Head),
            "entry": shapes.of(Entry),
            "kinds": shapes.of(EntryKind),
        },
        "shapes": shapes.known,
        "yaml": {
            each.__name__: plain(each.model_json_schema(schema_generator=Quiet))
            for each in (Configuration, People, Policy, Protected)
        },
        "http": plain(dict(openapi())),
    }


async def test_what_is_on_the_wire_is_what_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = json.dumps(wire(monkeypatch, tmp_path), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("FIREDOOR_RECORD"):
        WIRE.write_text(now, encoding="utf-8")
    before = WIRE.read_text(encoding="utf-8")
    assert now == before, "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "as it was", "as it is", lineterm="", n=2)
    )
