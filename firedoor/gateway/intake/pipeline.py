"""The way of a delivery from its first byte to the engine, through checks whose order never changes."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, TypeVar

import structlog

from firedoor.domain.core.errors import FiredoorError, Misconfigured, Unavailable, Unreadable
from firedoor.domain.finding.credentials import Redaction
from firedoor.domain.finding.finding import Finding
from firedoor.domain.finding.place import Ours, named_to_sender, ours, placeless
from firedoor.domain.response.contract import Dismissed, Intake, Joined, Responses
from firedoor.gateway.intake import metrics
from firedoor.gateway.intake.door import Door, Limits
from firedoor.gateway.intake.recent_deliveries import DeliveryKey, RecentDeliveries
from firedoor.gateway.intake.refusal import (
    Answer,
    NotJson,
    NotNow,
    NotUnderstood,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unprovable,
    Unproven,
)
from firedoor.gateway.intake.sparing import Sparing
from firedoor.gateway.intake.strangers import Strangers, read_body, too_large
from firedoor.gateway.intake.verifiers import Proof, authenticate, decoy, worth_reading
from firedoor.sources.admission import admitted
from firedoor.sources.claims import held
from firedoor.sources.delivery import Delivery, Left, TooManyParts
from firedoor.sources.forgiving import quoted
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS

_log = structlog.get_logger("firedoor.gateway")

Result = TypeVar("Result")

_UNKNOWN: Final = "unknown"  # the metrics' label for names that strangers make up
_LARGE: Final = 256 * 1024  # above this, reading would hold up the other deliveries


@dataclass(frozen=True)
class Taken:
    """What became of a delivery: the engine's answers, or a greeting that asked for nothing."""

    intake: Intake = field(default_factory=Intake)
    handshake: str | None = None


@dataclass
class _Request:
    """One request on its way through the checks."""

    name: str  # as the caller gave it
    door: Door | None
    headers: Mapping[str, str]
    proven: Callable[[], None]
    body: bytes = b""
    body_sha256: str = ""
    proof: Proof = field(default_factory=Proof)

    @property
    def source(self) -> str:
        """The source as metrics and logs may know it: a stranger's made-up name is none."""
        return self.door.name if self.door else _UNKNOWN

    def take(self, body: bytes) -> None:
        """Hold the body."""
        self.body = body

    async def hash(self) -> None:
        """Take the body's digest."""
        self.body_sha256 = await aside(len(self.body), lambda: hashlib.sha256(self.body).hexdigest())


async def aside(size: int, work: Callable[[], Result]) -> Result:
    """Do what takes long with a large body beside the other deliveries, and the rest at once."""
    return await asyncio.to_thread(work) if size > _LARGE else work()


class IntakePipeline:
    """Takes deliveries at the doors. Nothing of it is remembered that the engine does not hold."""

    def __init__(
        self,
        *,
        doors: Mapping[str, Door],
        responses: Responses,
        clock: Callable[[], datetime],
        limits: Limits | None = None,
        recent: RecentDeliveries[Taken] | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        for door in doors.values():
            if door.kind not in KINDS:
                raise Misconfigured(
                    f"source {door.name} has the unknown kind {door.kind!r}",
                    expected="one of " + ", ".join(sorted(KINDS)),
                    mend="mend its kind",
                )
        self._doors = dict(doors)
        self._responses = responses
        self._clock = clock
        self._limits = limits or Limits()
        self._recent: RecentDeliveries[Taken] = recent or RecentDeliveries()
        self._redaction = redaction or Redaction()
        self._decoy = decoy()
        self._strangers = Strangers(self._limits.strangers)
        self._told = Sparing(clock)
        self._in_flight = 0

    async def take(
        self,
        name: str,
        headers: Mapping[str, str],
        body: AsyncIterator[bytes],
        *,
        proven: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Answer one request. Header names are lower case, values Latin-1.

        `proven` is called once the sender has shown who it is.
        """
        request = _Request(name=name, door=self._doors.get(name), headers=headers, proven=proven)
        with metrics.SECONDS.labels(request.source).time():
            return await self._answer(request, body)

    async def _answer(self, request: _Request, body: AsyncIterator[bytes]) -> Answer:
        try:
            taken = await self._pass(request, body)
        except Refusal as refusal:
            # Strangers could fill the disk with lines about them.
            unlogged = self._told.unlogged() if isinstance(refusal, (Unproven, Unprovable)) else 0
            if unlogged is not None:
                _log.warning(
                    "findings.refused",
                    source=request.source,
                    error=refusal.error,
                    found=refusal.found,
                    body_sha256=request.body_sha256,
                    body_bytes=len(request.body),
                    **({"unlogged_before": unlogged} if unlogged else {}),
                )
            metrics.DELIVERIES.labels(request.source, refusal.error).inc()
            return refusal.answer()
        if taken.handshake:
            metrics.DELIVERIES.labels(request.source, "handshake").inc()
            return Answer(status=HTTPStatus.OK, body=b'{"handshake":true}')
        metrics.DELIVERIES.labels(request.source, "accepted").inc()
        _log.info(
            "findings.accepted",
            source=request.source,
            body_sha256=request.body_sha256,
            responses=[response.id for response in taken.intake.responses],
            dismissed=len(taken.intake.dismissed),
        )
        return Answer(status=HTTPStatus.ACCEPTED, body=taken.intake.model_dump_json().encode())

    async def _pass(self, request: _Request, body: AsyncIterator[bytes]) -> Taken:
        """Let the request through the checks, in the order that never changes."""
        self._demand_size(request.headers)
        door = await self._authenticate(request, body)
        request.proven()
        if self._in_flight >= self._limits.in_flight:
            raise TooMany(
                "more deliveries at once than the gateway takes",
                mend="deliver again a little later",
                retry_after=5,
            )
        self._in_flight += 1
        metrics.IN_FLIGHT.set(self._in_flight)
        try:
            if not door.verifier.signs_body:
                request.take(
                    await read_body(body, most=self._limits.body_bytes, within=self._limits.read_within)
                )
                await request.hash()
            key = DeliveryKey(door.name, request.proof.delivery, request.body_sha256)
            return await self._recent.answer(
                key, self._clock(), lambda: self._hand_over(door, request), again=_already_there
            )
        finally:
            self._in_flight -= 1
            metrics.IN_FLIGHT.set(self._in_flight)

    def _demand_size(self, headers: Mapping[str, str]) -> None:
        """Refuse by what is announced: before anything else, and alike for every name."""
        limit = self._limits.body_bytes
        announced = headers.get("content-length", "")
        if announced.isdecimal() and (len(announced) > len(str(limit)) or int(announced) > limit):
            raise too_large(limit)

    async def _authenticate(self, request: _Request, body: AsyncIterator[bytes]) -> Door:
        """Prove the sender; what the headers can tell is told by them, and then no body is read.

        Every name is treated alike, also those that are none: whether the body is waited for depends on
        the headers alone.
        """
        door, headers = request.door, request.headers
        why: Refusal = Unauthenticated("no source of this name")
        if door is not None and not door.verifier.signs_body:
            try:
                request.proof = authenticate(door.verifier, b"", headers)
            except (Unauthenticated, Unprovable) as refusal:
                why = refusal
            else:
                return door
        if not worth_reading(headers, self._clock(), self._limits.clock_skew):
            if door is not None and door.verifier.signs_body:
                why = Unauthenticated("no fresh signature of any scheme in the headers")
            raise self._stranger(why.found)
        request.take(
            await self._strangers.read(
                request.name, body, most=self._limits.body_bytes, within=self._limits.read_within
            )
        )
        await request.hash()
        verifying = door.verifier if door is not None and door.verifier.signs_body else self._decoy
        try:
            request.proof = await aside(
                len(request.body), lambda: authenticate(verifying, request.body, headers)
            )
            self._demand_fresh(request.proof)
        except (Unauthenticated, Unprovable) as refusal:
            raise self._stranger(refusal.found if verifying is not self._decoy else why.found) from None
        if door is None or verifying is self._decoy:
            raise self._stranger(why.found)
        return door

    def _stranger(self, found: str) -> Unproven | Unprovable:
        """Refuse somebody who proves nothing, alike at every name.

        The secrets of all sources are looked at, whichever was called: a detector whose secret cannot be
        read now has to come again, and who may not know which sources there are does not learn it from that.
        """
        broken = [
            f"source {door.name}: {why}" for door in self._doors.values() if (why := door.verifier.unusable())
        ]
        return Unprovable("; ".join([found, *broken])) if broken else Unproven(found)

    def _demand_fresh(self, proof: Proof) -> None:
        if proof.sent is not None and abs(self._clock() - proof.sent) > self._limits.clock_skew:
            raise Unauthenticated("a timestamp that is too old or too new")

    async def _hand_over(self, door: Door, request: _Request) -> Taken:
        _demand_json(request.headers)
        received = self._clock()
        if len(request.body) > _LARGE:
            delivery = await asyncio.to_thread(self._understand, door, request, received)
        else:
            delivery = self._understand(door, request, received)
        if delivery.handshake:
            return Taken(handshake=delivery.handshake)
        try:
            async with asyncio.timeout(self._limits.answer_within):
                intakes = await self._take_all(delivery.findings, door)
        except TimeoutError:
            raise NotNow(
                "the engine does not answer", mend="deliver again; look at /readyz", retry_after=5
            ) from None
        metrics.FINDINGS.labels(door.name, "ignored").inc(len(delivery.ignored))
        metrics.FINDINGS.labels(door.name, "unreadable").inc(len(delivery.unreadable))
        metrics.FINDINGS.labels(door.name, "too_large").inc(len(delivery.too_large))
        left = (
            Dismissed(finding=one.finding, reason=one.reason)
            for one in (*delivery.too_large, *delivery.unreadable, *delivery.ignored)
        )
        return Taken(
            Intake(
                responses=_once(response for intake in intakes for response in intake.responses),
                dismissed=(*(dismissed for intake in intakes for dismissed in intake.dismissed), *left),
            )
        )

    def _understand(self, door: Door, request: _Request, received: datetime) -> Delivery:
        try:
            body = read_json(request.body)
            delivery = held(
                admitted(
                    self._redacted(KINDS[door.kind](body, request.headers, request.body_sha256, received))
                ),
                kind=door.kind,
                via=door.name,
                sources=self._doors,
                received=received,
                skew=self._limits.clock_skew,
            )
        except TooManyParts as error:
            raise TooLarge(error.found, expected=error.expected, mend=error.mend) from None
        except Unreadable as error:
            found = self._redaction.text(error.found)
            raise NotUnderstood(found, expected=error.expected, mend=error.mend) from None
        if delivery.too_large and not delivery.findings and not delivery.ignored:
            raise TooLarge(
                f"finding {quoted(delivery.too_large[0].finding)}: {delivery.too_large[0].reason}",
                expected="findings that a response can hold",
                mend="send what decides, and a url to the rest",
            )
        return delivery

    def _redacted(self, delivery: Delivery) -> Delivery:
        """Take credentials out of everything that is stored, logged or answered."""

        def told(lefts: tuple[Left, ...]) -> tuple[Left, ...]:
            return tuple(Left(*map(self._redaction.text, left)) for left in lefts)

        return replace(
            delivery,
            findings=tuple(map(self._redaction.finding, delivery.findings)),
            unreadable=told(delivery.unreadable),
            ignored=told(delivery.ignored),
        )

    async def _take_all(self, findings: tuple[Finding, ...], door: Door) -> list[Intake]:
        if len(findings) == 1:
            return [_present(await self._take_one(findings[0], door))]
        gate = asyncio.Semaphore(self._limits.at_once)

        async def one(finding: Finding) -> Intake | Unavailable:
            async with gate:
                return await self._take_one(finding, door)

        # All are tried before a lost one is told: the redelivery then finds the others done.
        return [_present(outcome) for outcome in await asyncio.gather(*map(one, findings))]

    async def _take_one(self, finding: Finding, door: Door) -> Intake | Unavailable:
        outcome, reason = "answered", ""
        known = ours(finding, door.accounts or frozenset(), door.name)
        if finding.is_test:
            outcome, reason = "test", "a test event: it never acts"
        elif nowhere := placeless(finding):
            outcome, reason = "placeless", nowhere
        elif known.dismissed:
            outcome, reason = "elsewhere", known.dismissed
        else:
            try:
                intake = await self._responses.take(known.finding, source=door.name)
            except Unavailable as unavailable:
                return unavailable
            except FiredoorError as error:
                outcome, reason = "unmatched", str(error)
            else:
                metrics.FINDINGS.labels(door.name, "answered" if intake.responses else "unmatched").inc()
                return _naming(known, intake)
        metrics.FINDINGS.labels(door.name, outcome).inc()
        return Intake(dismissed=(Dismissed(finding=finding.uid, reason=reason),))


def _demand_json(headers: Mapping[str, str]) -> None:
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    kind = kind.strip()
    charset = parameters.partition("charset=")[2].strip().strip('"').split(";")[0]
    json_like = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    if not json_like or charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise NotJson(
            "a body that is not declared as JSON in UTF-8",
            expected="content-type: application/json",
            mend="set the content type of the webhook to application/json",
        )


def _naming(known: Ours, intake: Intake) -> Intake:
    """Tell the sender what of its finding was left out, for it is not ours."""
    if not known.left_out:
        return intake
    _log.info("findings.left_out", finding=known.finding.uid, left_out=len(known.left_out))
    left = (Dismissed(finding=known.finding.uid, reason=reason) for reason in named_to_sender(known.left_out))
    return intake.model_copy(update={"dismissed": (*intake.dismissed, *left)})


def _once(responses: Iterable[Joined]) -> tuple[Joined, ...]:
    """Each response once: several actors of one payload may be one incident."""
    return tuple({response.id: response for response in reversed(tuple(responses))}.values())[::-1]


def _present(outcome: Intake | Unavailable) -> Intake:
    if isinstance(outcome, Unavailable):
        wish = outcome.retry_after if outcome.retry_after is not None else 5
        raise NotNow(
            f"the engine did not take the finding: {outcome.found}",
            mend="deliver again",
            retry_after=min(max(math.ceil(wish), 1), 300),
        ) from outcome
    return outcome


def _already_there(taken: Taken) -> Taken:
    responses = tuple(response.model_copy(update={"joined": True}) for response in taken.intake.responses)
    return replace(taken, intake=taken.intake.model_copy(update={"responses": responses}))
