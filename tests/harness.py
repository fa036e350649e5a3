"""A response in a test: settings over the toy world, and a worker in the strict sandbox."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import worker
from activities.registry import load
from firedoor.config.settings import Account, Evidence, Gateway, Settings, Source, Temporal
from firedoor.connectors import signing
from firedoor.domain.approval import words
from firedoor.domain.approval.policy import ApprovalRule, Policy
from firedoor.domain.approval.vote import Vote
from firedoor.domain.finding.finding import Actor, Finding, Resource, Severity
from firedoor.domain.guard.clearance import ClearanceState, FreezeOrder, Freezes, ThawOrder
from firedoor.domain.guard.protected import Protected
from firedoor.domain.people.people import People
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.expand import identity_of
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.contract import (
    CLEARANCE_ID,
    CLEARANCE_STATE,
    REASSIGN,
    REPORT,
    RESPOND,
    SNOOZE,
    TASK_QUEUE,
    UNDO,
    VOTE,
    workflow_id,
)
from firedoor.domain.response.messages import (
    Incident,
    Nudged,
    ReassignRequest,
    Report,
    SnoozeRequest,
    UndoRequest,
    VoteReceipt,
)

TOY = Path(__file__).parent / "toy_actions"
ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
TIMEOUT = 60.0

REGISTRY = load([TOY])
KNOWN = {name: Known(entry.spec, entry.params) for name, entry in REGISTRY.items()}

PEOPLE = People.model_validate(
    {
        "people": {
            "alice": {"name": "Alice", "email": "alice@example.com"},
            "bob": {"name": "Bob", "email": "bob@example.com"},
            "carol": {"name": "Carol", "email": "carol@example.com"},
            "dave": {"name": "Dave", "email": "dave@example.com"},
        },
        "groups": {"responders": ("alice", "bob"), "leads": ("carol",), "nobody": ()},
    }
)
POLICY = Policy(
    default=ApprovalRule(
        from_=("responders",), quorum=1, within=timedelta(minutes=30), then="escalate", to=("leads",)
    ),
)


GATEWAY_PEM = signing.generate().decode()
GATEWAY = signing.SigningKey.from_pem(GATEWAY_PEM.encode())
GATEWAY_KEY = words.written(GATEWAY.public_key)

S = TypeVar("S", bound=words.Word)


def signed(word: S, about: str, by: words.Signer = GATEWAY) -> S:
    """Sign a word as the gateway does."""
    return word.model_copy(update={"signed": words.signature(word.message(about), by)})


async def say(
    client: Client, name: str, order: FreezeOrder | ThawOrder, switch: str = CLEARANCE_ID
) -> Freezes:
    """Say a word to the kill switch as the gateway does: signed, and once it knows who signs."""
    handle = client.get_workflow_handle(switch)
    async with asyncio.timeout(TIMEOUT):
        while True:  # what is waited for happens in a worker
            if (await handle.query(CLEARANCE_STATE, result_type=ClearanceState)).gateway_keys:
                break
            await asyncio.sleep(0.02)
    told: Freezes = await handle.execute_update(
        name, signed(order, CLEARANCE_ID), id=order.id, result_type=Freezes
    )
    return told


class FixedSecret:
    """A secret that is given, not found."""

    def __init__(self, value: str) -> None:
        self._value = value

    def value(self) -> str:
        return self._value

    def values(self) -> tuple[str, ...]:
        return (self._value,)


def write_people(
    folder: Path, *, without: tuple[str, ...] = (), groups: dict[str, Any] | None = None
) -> None:
    """Write the people as people.yaml, which the worker reads at every look-up."""
    told: dict[str, Any] = PEOPLE.model_dump(mode="json", exclude_defaults=True)
    told["groups"] = groups or {
        name: [one for one in ids if one not in without] for name, ids in PEOPLE.groups.items()
    }
    (folder / "people.yaml").write_text(yaml.safe_dump(told))


def settings_over(folder: Path, **changes: Any) -> Settings:
    """Settings of a house whose evidence goes to `folder`, where its people stand too."""
    folder.mkdir(parents=True, exist_ok=True)
    write_people(folder)
    made = Settings(
        directory=folder,
        url="http://127.0.0.1:8080",
        sources={"acme": Source(name="acme", kind="generic", secret=FixedSecret("x"))},  # type: ignore[arg-type]
        accounts={
            ACCOUNT: Account(id=ACCOUNT, name="prod", environment="prod", regions=("us-east-1",), role=None)
        },
        slack=None,
        evidence=Evidence(store=folder / "evidence", signing_key=FixedSecret(signing.generate().decode())),  # type: ignore[arg-type]
        gateway=Gateway(signing_key=FixedSecret(GATEWAY_PEM), keys=(GATEWAY_KEY,)),  # type: ignore[arg-type]
        playbooks=folder,
        actions=(TOY,),
        people=PEOPLE,
        policy=POLICY,
        protected=Protected(),
        temporal=Temporal(),
    )
    return dataclasses.replace(made, **changes)


def finding(**changes: Any) -> Finding:
    """A finding about the door `front`, unless told otherwise."""
    base: dict[str, Any] = {
        "uid": "f-1",
        "source": "toy",
        "type": "Intrusion:Door/Open",
        "title": "Somebody walks through a door",
        "severity": Severity.HIGH,
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": (Resource(kind="Toy::Door", uid="arn:toy:door:::front", name="front"),),
        "actor": Actor(user_name="mallory"),
        "first_seen": NOW,
        "last_seen": NOW,
        "modified": NOW,
        "raw_sha256": "0" * 64,
    }
    return Finding(**{**base, **changes})


def playbook(text: str, name: str = "close_doors") -> Playbook:
    """Read a playbook's steps (and other keys) with the usual head."""
    head = (
        f"playbook: {name}\nsummary: Close the doors of the toy world.\nmode: active\n"
        "responds_to: [{source: toy, types: ['Intrusion:*']}]\n"
        'incident: "${{ finding.resources[0].uid }}"\n'
    )
    keys = {line.split(":", 1)[0] for line in text.splitlines() if line and not line.startswith((" ", "-"))}
    kept = "".join(line + "\n" for line in head.splitlines() if line.split(":", 1)[0] not in keys)
    return read_playbook(kept + text, f"playbooks/{name}.yaml", KNOWN, frozenset(PEOPLE.groups))


def strict_sandbox() -> SandboxedWorkflowRunner:
    """The sandbox that re-imports our own rooms, so that a clock read in the domain fails."""
    passed = SandboxRestrictions.default.with_passthrough_modules(
        "cryptography",
        "pydantic",
        "pydantic_core",
        "cel",
        "rfc8785",
        "yaml",
        "annotated_types",
        "typing_extensions",
        "typing_inspection",
    )
    return SandboxedWorkflowRunner(restrictions=passed)


class Response:
    """One running response, spoken to as the gateway speaks to it."""

    def __init__(self, client: Client, incident: Incident, handle: WorkflowHandle[Any, Report]) -> None:
        self.client = client
        self.incident = incident
        self.handle = handle

    async def report(self) -> Report:
        return await asyncio.wait_for(self.handle.query(REPORT, result_type=Report), TIMEOUT)

    async def until(self, *statuses: str) -> Report:
        """Wait until it rests in one of these statuses."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                report = await self.report()
                if report.status in statuses:
                    return report
                await asyncio.sleep(0.02)

    async def until_asking(self, kind: str = "apply", generation: int | None = None) -> Report:
        """Wait until people are asked."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                report = await self.report()
                ask = report.ask
                if report.asking and ask and ask.kind == kind and generation in (None, ask.generation):
                    return report
                await asyncio.sleep(0.02)

    async def until_seen(self, kind: str, times: int = 1) -> Report:
        """Wait until the ledger has an entry of this kind."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                report = await self.report()
                if sum(entry.kind == kind for entry in report.entries) >= times:
                    return report
                await asyncio.sleep(0.02)

    async def vote(self, person: str, decision: str = "approve", **changes: Any) -> VoteReceipt:
        report = await self.report()
        named = [each for each in (report.ask, report.review) if each and each.id == changes.get("ask")]
        ask = named[0] if named else report.ask
        assert ask is not None
        given: dict[str, Any] = {
            "id": f"{person}-{uuid.uuid4().hex}",
            "decision": decision,
            "voter": PEOPLE.voter(person),
            "door": "cli",
            "fingerprint": ask.fingerprint,
            "ask": ask.id,
            "generation": ask.generation,
            "reason": "wrong_action" if decision == "reject" else None,
            "at": datetime.now(UTC),
        }
        vote = signed(Vote(**{**given, **changes}), self.handle.id)
        receipt: VoteReceipt = await asyncio.wait_for(
            self.handle.execute_update(VOTE, vote, id=vote.id, result_type=VoteReceipt), TIMEOUT
        )
        return receipt

    async def snooze(self, person: str, minutes: int) -> Nudged:
        ask = (await self.report()).ask
        assert ask is not None
        request = SnoozeRequest(
            id=f"s-{person}-{minutes}",
            voter=PEOPLE.voter(person),
            door="cli",
            fingerprint=ask.fingerprint,
            minutes=minutes,
            at=datetime.now(UTC),
        )
        return await self._nudge(SNOOZE, signed(request, self.handle.id))

    async def reassign(self, person: str, to: str) -> Nudged:
        ask = (await self.report()).ask
        assert ask is not None
        request = ReassignRequest(
            id=f"r-{person}-{to}",
            voter=PEOPLE.voter(person),
            door="cli",
            fingerprint=ask.fingerprint,
            to=PEOPLE.voter(to),
            at=datetime.now(UTC),
        )
        return await self._nudge(REASSIGN, signed(request, self.handle.id))

    async def _nudge(self, name: str, request: SnoozeRequest | ReassignRequest) -> Nudged:
        nudged: Nudged = await asyncio.wait_for(
            self.handle.execute_update(name, request, id=request.id, result_type=Nudged), TIMEOUT
        )
        return nudged

    async def ask_undo(self, person: str) -> VoteReceipt:
        request = signed(
            UndoRequest(
                id=f"undo-{person}-{uuid.uuid4().hex}",
                person=person,
                door="cli",
                why="it was us",
                at=datetime.now(UTC),
            ),
            self.handle.id,
        )
        receipt: VoteReceipt = await asyncio.wait_for(
            self.handle.execute_update(UNDO, request, id=request.id, result_type=VoteReceipt), TIMEOUT
        )
        return receipt

    async def result(self) -> Report:
        return await asyncio.wait_for(self.handle.result(), TIMEOUT)


def incident_for(playbook_: Playbook, finding_: Finding, caution: str = "") -> Incident:
    key, _ = identity_of(playbook_, finding_)
    return Incident(
        finding=finding_,
        playbook=playbook_.model_copy(update={"cases": ()}),
        playbook_sha256=playbook_.sha256,
        key=key,
        source="acme",
        received=NOW,
        caution=caution,
        gateway_keys=(GATEWAY_KEY,),
    )


def end_later(handle: WorkflowHandle[Any, Report]) -> None:
    """Have a response that a test began in another way ended with the house."""
    _begun.append(handle)


#: Responses that tests began and that may be open still.
_begun: list[WorkflowHandle[Any, Report]] = []


async def begin(
    client: Client,
    playbook_: Playbook,
    finding_: Finding | None = None,
    caution: str = "",
    *,
    desk: str | None = None,
) -> Response:
    """Start a response."""
    incident = incident_for(playbook_, finding_ or finding(), caution).model_copy(update={"desk": desk})
    handle = await client.start_workflow(
        RESPOND,
        incident,
        id=workflow_id(playbook_.playbook, incident.key) + f"-{uuid.uuid4().hex[:6]}",
        task_queue=TASK_QUEUE,
        result_type=Report,
    )
    _begun.append(handle)
    return Response(client, incident, handle)


@asynccontextmanager
async def house(client: Client, settings: Settings, *, strict: bool = True) -> AsyncIterator[None]:
    """A worker with the toy actions, in the strict sandbox; not `strict`, as it runs in production."""
    runner = strict_sandbox() if strict else None
    try:
        async with worker.worker_of(client, settings, worker.hands_of(settings, REGISTRY), runner):
            yield
    finally:
        # What stays open would be taken up by the next house, and act in the world of another test.
        left, _begun[:] = list(_begun), []
        for each in left:
            with suppress(RPCError):
                await each.terminate(reason="for good: the test is over")
