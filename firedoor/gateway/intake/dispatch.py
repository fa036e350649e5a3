"""The gateway's side of Temporal: findings start or join responses, people's words reach them."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import structlog
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.domain.approval.words import PublicKey
from firedoor.domain.core.errors import FiredoorError, Rejected, Unavailable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.finding.place import Place
from firedoor.domain.playbook.expand import applies, identity_of
from firedoor.domain.playbook.expression import context_of
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.playbook.reasons import undecided, unmet
from firedoor.domain.response.contract import (
    JOIN,
    JOIN_SIGNAL,
    RESPOND,
    TASK_QUEUE,
    Dismissed,
    Intake,
    Joined,
    workflow_id,
)
from firedoor.domain.response.messages import (
    Incident,
    Report,
    finding_hash,
    finding_version,
    last_ask,
    muted,
    seen,
    taken_back,
    worse_than_muted,
)
from firedoor.gateway.intake.spills import Spills
from firedoor.temporal.calls import PATIENCE, answered, unavailable, updated
from firedoor.temporal.recovery import ENDED_FROM_OUTSIDE, taken_up

log = structlog.get_logger("firedoor.gateway")

_FRESH = timedelta(seconds=5)  # how long a remembered status is told without asking again
#: How long a finding waits to be joined before it is left as a signal; its door answers within 2.5 seconds.
_JOINED_WITHIN = timedelta(seconds=1.5)
#: A workflow takes ten updates at a time; what comes on top is thrown back, and would be left as a signal.
_JOINING_AT_ONCE = 8
#: What may wait for a worker in one history; the server ends a run at 51 200 events or 50 MB.
_MOST_EVENTS, _MOST_BYTES = 10_000, 12_000_000
_REMEMBERED = 50_000  # findings, about 20 MB at the most


class Identity(NamedTuple):
    """What an incident is known by, and the account of what that names."""

    key: str
    account: str


class Engine:
    """Findings in, responses out. Remembers what Temporal already holds, so that duplicates stop here."""

    def __init__(
        self,
        client: Client,
        playbooks: Callable[[], Sequence[Playbook]],
        clock: Callable[[], datetime],
        *,
        gateway_keys: Sequence[PublicKey],
        desk: str | None = None,
        editors: Callable[[str], tuple[str, ...]] = lambda _: (),
    ) -> None:
        self._client = client
        self._playbooks = playbooks
        self._clock = clock
        self._gateway_keys = tuple(gateway_keys)
        self._desk = desk
        self._editors = editors
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._spills = Spills(client)
        self._in_force: dict[str, tuple[Playbook, Playbook, str]] = {}
        self._known: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()
        self._going: dict[tuple[str, str], asyncio.Task[Joined | Dismissed]] = {}

    async def take(self, finding: Finding, *, source: str) -> Intake:
        """Match playbooks, then start or join a response for each that answers."""
        context = context_of(finding)
        answering, declining, dismissed = self._matched(finding, context)
        joined: list[Joined] = []
        for playbook in answering:
            try:
                key, place = identity_of(playbook, finding, context)
                _must_be_somewhere(playbook, place)
            except Unavailable:
                raise
            except FiredoorError as error:
                dismissed.append(_declined(playbook, finding, str(error)))
                continue
            answer = await self._once(finding, playbook, Identity(key, place.account or ""), source)
            if isinstance(answer, Joined):
                joined.append(answer)
            else:
                dismissed.append(answer)
        if not joined:
            # Only where nothing answers: a role's session is no news to the playbook for users' keys.
            dismissed.extend(_declined(each, finding, unmet(each, finding)) for each in declining)
        if not joined and not dismissed:
            dismissed.append(
                Dismissed(finding=finding.uid, reason=f"no playbook answers {finding.source} {finding.type}")
            )
        return Intake(responses=tuple(joined), dismissed=tuple(dismissed))

    def _matched(
        self, finding: Finding, context: Mapping[str, Any]
    ) -> tuple[list[Playbook], list[Playbook], list[Dismissed]]:
        """Tell playbooks that answer from those whose `when` is not met, or cannot be told."""
        answering: list[Playbook] = []
        declining: list[Playbook] = []
        dismissed: list[Dismissed] = []
        for playbook in self._playbooks():
            try:
                if applies(playbook, finding, context):
                    answering.append(playbook)
                elif playbook.answers(finding):
                    declining.append(playbook)
            except FiredoorError:
                dismissed.append(_declined(playbook, finding, undecided(playbook, finding)))
        return answering, declining, dismissed

    async def _once(
        self, finding: Finding, playbook: Playbook, identity: Identity, source: str
    ) -> Joined | Dismissed:
        """Let the same version of a finding pass once, however often and however fast it comes."""
        id_ = workflow_id(playbook.playbook, identity.key)
        mark = (id_, finding_version(finding))
        known = self._known.get(mark)
        if known is not None:
            remembered = await self._remembered(mark, playbook.playbook, *known)
            if remembered is not None:
                return remembered
        going = self._going.get(mark)
        if going is None:
            going = asyncio.create_task(self._start_or_join(finding, playbook, identity, source))
            self._going[mark] = going
            going.add_done_callback(lambda _: self._going.pop(mark, None))
            answer = await asyncio.shield(going)
        else:
            answer = await asyncio.shield(going)
            if isinstance(answer, Joined):
                answer = answer.model_copy(update={"joined": True})
        if isinstance(answer, Joined):
            self._remember(mark, answer.status)
        return answer

    async def _remembered(
        self, mark: tuple[str, str], playbook: str, status: str, at: datetime
    ) -> Joined | None:
        """Answer a repetition from memory; None where its response was ended from outside and cannot act."""
        if self._clock() - at > _FRESH:
            now = await self._status(mark[0])
            if now is None:
                self._known.pop(mark, None)
                return None
            status = now
            self._remember(mark, status)
        return Joined(id=mark[0], playbook=playbook, status=status, joined=True)

    def _remember(self, mark: tuple[str, str], status: str) -> None:
        self._known[mark] = (status, self._clock())
        self._known.move_to_end(mark)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _start_or_join(
        self, finding: Finding, playbook: Playbook, identity: Identity, source: str
    ) -> Joined | Dismissed:
        carried, sha256 = self._carried(playbook)
        incident = Incident(
            finding=finding,
            playbook=carried,
            playbook_sha256=sha256,
            key=identity.key,
            account=identity.account,
            source=source,
            received=self._clock(),
            gateway_keys=self._gateway_keys,
            desk=self._desk,
            editors=self._editors(playbook.playbook),
        )
        for _ in range(3):  # a response may close, or be started by another gateway, between two calls
            started = await self._start(incident, WorkflowIDReusePolicy.REJECT_DUPLICATE)
            if started is not None:
                return started
            joined = await self._join(incident)
            if joined is not None:
                return joined
            again = await self._again(incident)
            if again is not None:
                return again
        raise Unavailable("the response keeps opening and closing", mend="send the finding again")

    def _carried(self, playbook: Playbook) -> tuple[Playbook, str]:
        """Return a playbook as a response carries it, and its hash; both are made once."""
        known = self._in_force.get(playbook.playbook)
        if known is None or known[0] is not playbook:
            known = (playbook, playbook.model_copy(update={"cases": ()}), playbook.sha256)
            self._in_force[playbook.playbook] = known
        return known[1], known[2]

    async def _start(self, incident: Incident, reuse: WorkflowIDReusePolicy) -> Joined | None:
        """Start a response; None when one has this id already."""
        id_ = workflow_id(incident.playbook.playbook, incident.key)
        finding = incident.finding
        try:
            await answered(
                self._client.start_workflow(
                    RESPOND,
                    incident,
                    id=id_,
                    task_queue=TASK_QUEUE,
                    id_reuse_policy=reuse,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    search_attributes=_attributes(incident),
                    static_summary=f"{incident.playbook.playbook}: {incident.playbook.summary}"[:200],
                    priority=Priority(
                        priority_key=finding.severity.urgency, fairness_key=incident.account or "none"
                    ),
                    rpc_timeout=PATIENCE,
                )
            )
        except WorkflowAlreadyStartedError:
            return None
        log.info("response started", response=id_, source=incident.source, finding=finding.uid)
        return Joined(id=id_, playbook=incident.playbook.playbook, status="planning", joined=False)

    async def _join(self, incident: Incident) -> Joined | None:
        """Bring a finding to the open response; None when there is none open."""
        id_ = workflow_id(incident.playbook.playbook, incident.key)
        finding = incident.finding
        handle = self._client.get_workflow_handle(id_)
        update_id = _update_id(finding_version(finding))
        turns = self._turns.setdefault(id_, asyncio.Semaphore(_JOINING_AT_ONCE))
        try:
            async with turns:
                await updated(
                    lambda: handle.execute_update(JOIN, finding, id=update_id, rpc_timeout=_JOINED_WITHIN),
                    _JOINED_WITHIN,
                )
        except WorkflowUpdateFailedError as error:
            if not await self._refused(id_, finding, error):
                return None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            # No worker answers. A signal is durable without one, and the response itself drops what it knows.
            await self._must_have_room(id_)
            if not await self._found(handle.signal(JOIN_SIGNAL, finding, rpc_timeout=PATIENCE)):
                return None
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise unavailable(error) from None
        status = await self._status(id_)
        if status is None:
            return None  # it was ended from outside just now
        return Joined(id=id_, playbook=incident.playbook.playbook, status=status, joined=True)

    async def _refused(self, id_: str, finding: Finding, error: WorkflowUpdateFailedError) -> bool:
        """Do what a refusal asks for. Most say that the response knows all of it: history stays as it is."""
        why = error.cause.type if isinstance(error.cause, ApplicationError) else ""
        if why == "Closing":
            raise Unavailable("the response closes just now", mend="send the finding again", retry_after=5)
        if why != "Full":
            return True
        log.warning("response is full", response=id_, finding=finding.uid)
        return await self._spills.add(id_, finding_hash(finding))

    async def _must_have_room(self, id_: str) -> None:
        """Refuse to leave more for a worker that is away than one history holds; it is sent again."""
        described = await answered(self._client.get_workflow_handle(id_).describe(rpc_timeout=PATIENCE))
        size = described.raw_description.workflow_execution_info.history_size_bytes
        if described.history_length > _MOST_EVENTS or size > _MOST_BYTES:
            raise Unavailable(
                "no worker answers, and much waits for one already",
                mend="start a worker; send the finding again",
                retry_after=30,
            )

    async def _again(self, incident: Incident) -> Joined | Dismissed | None:
        """Answer with the closed response, or start a new one for a finding that is newer than it.

        What a person took back is not contained again by itself: the new response asks first.
        """
        id_ = workflow_id(incident.playbook.playbook, incident.key)
        caution, before = "", 0
        try:
            last: Report = await answered(
                self._client.get_workflow_handle(id_, result_type=Report).result(rpc_timeout=PATIENCE)
            )
        except WorkflowFailureError as error:
            how = type(error.cause).__name__
            try:
                if await taken_up(self._client, id_):
                    return None  # it goes on with all that it knew, and is joined
            except Rejected as unreadable:
                log.error("response begun anew", response=id_, why=str(unreadable))  # noqa: TRY400 - told
            caution = f"the last response to this ended as {how}; nothing is automatic this time"
        else:
            if seen(last.versions_seen, incident.finding):
                return Joined(id=id_, playbook=last.playbook, status=last.status, joined=True)
            if last.muted_until is not None and self._clock() < last.muted_until:
                worse = last.muted.worse(incident.finding) if last.muted else None
                if worse is None:
                    return Dismissed(finding=incident.finding.uid, reason=f"{last.playbook}: {muted(last)}")
                caution = worse_than_muted(worse)
            before = max(last.asks_opened, last_ask(last.entries))
            if last.status in ("undone", "stuck"):
                caution = taken_back(last.entries)
        return await self._start(
            incident.model_copy(update={"caution": caution, "asks_before": before}),
            WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )

    async def _status(self, id_: str) -> str | None:
        """Tell the status in Temporal's index; None for a response that was ended from outside."""
        described = await answered(self._client.get_workflow_handle(id_).describe(rpc_timeout=PATIENCE))
        if described.status in ENDED_FROM_OUTSIDE:
            return None
        status = described.typed_search_attributes.get(SearchAttributeKey.for_keyword("Status"))
        return status or "planning"

    async def _found(self, call: Awaitable[Any]) -> bool:
        try:
            await call
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise unavailable(error) from None
        return True


def _declined(playbook: Playbook, finding: Finding, reason: str) -> Dismissed:
    return Dismissed(finding=finding.uid, reason=f"{playbook.playbook}: {reason}")


def _must_be_somewhere(playbook: Playbook, place: Place) -> None:
    """Refuse what names no account at all, unless the playbook itself says where it acts."""
    if place.account is None and not any(step.place for step in playbook.every_step()):
        raise Rejected(
            "the finding names no account, so there is nowhere to act",
            expected="an account of ours, on the finding, on its resources or on its actor",
            mend="let the detector send it",
        )


def _update_id(version: str) -> str:
    return "join-" + hashlib.sha256(version.encode()).hexdigest()[:32]


def _attributes(incident: Incident) -> TypedSearchAttributes:
    finding = incident.finding
    pairs = {
        "Status": "planning",
        "Playbook": incident.playbook.playbook,
        "PlaybookHash": incident.playbook_sha256[:12],
        "Incident": incident.key[:32],
        "Account": incident.account or "none",
        "Severity": finding.severity.value,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(key), value) for key, value in pairs.items()]
    )
