"""`firedoor plan`: what would be done to the real world now, with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from activities.planning import Planning
from activities.registry import load
from firedoor.app.playbooks_in_force import playbook_files, read_shelf
from firedoor.cli.entrance import planning_of
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.phrases import severity
from firedoor.cli.show import planned, would_ask
from firedoor.cli.terminal import DONE, NO, joined, out, print_json, safe
from firedoor.cli.written import known_of
from firedoor.config.settings import Settings, from_environment
from firedoor.domain.core.errors import FiredoorError, Misconfigured, Rejected, Unreadable
from firedoor.domain.finding.finding import Finding
from firedoor.domain.finding.place import ours
from firedoor.domain.plan.plan import Plan, plan_fingerprint, stretches
from firedoor.domain.playbook.expand import applies, identity_of
from firedoor.domain.playbook.expression import ExpressionError
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.playbook.reasons import undecided, unmet
from firedoor.domain.response.contract import workflow_id
from firedoor.domain.response.messages import Incident, PlanOrder
from firedoor.domain.yaml.problem import did_you_mean
from firedoor.sources.claims import held
from firedoor.sources.delivery import Delivery
from firedoor.sources.json_reader import read_json
from firedoor.sources.kinds import KINDS


@dataclass(frozen=True, kw_only=True)
class Door:
    """How a payload is read, and as whose it counts: the configured source, where there is one."""

    kind: str
    source: str | None = None


def plan(
    playbook: Annotated[str, typer.Argument(metavar="PLAYBOOK", help="A playbook's name, or its file.")],
    finding: Annotated[
        Path, typer.Argument(metavar="FINDING.json", help="A finding, or a detector's payload.")
    ],
    *,
    source: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What sent it: a source of the configuration, or a kind such as aws.eventbridge.",
        ),
    ] = "generic",
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Show what would be done now.

    Plans against the real world with the actions' own `plan` verbs, which only read: what would be
    changed, what breaks, who would be asked. Nothing is changed and nobody is asked.
    """
    settings = from_environment(config)
    registry = load(settings.actions)
    known = read_shelf([_file(settings, playbook)], known_of(registry), frozenset(settings.people.groups))
    door = _door(settings, source)
    delivery = _read(finding, door, settings)
    rounds = list(_orders(settings, known[0], delivery, door))
    plans = [(order, _made(planning_of(settings, registry), order)) for order in rounds]
    if json:
        print_json({"plans": [_as_json(order, made) for order, made in plans]})
    else:
        for order, made in plans:
            _show(order, made)
    unplanned = any(step.outcome == "unplanned" for _, made in plans for step in made.steps)
    raise typer.Exit(NO if unplanned else DONE)


def _file(settings: Settings, named: str) -> Path:
    if Path(named).suffix in (".yaml", ".yml"):
        if not Path(named).is_file():
            raise Misconfigured(f"{named} does not exist", expected="a playbook's file, or its name")
        return Path(named)
    files = {file.stem: file for file in playbook_files(settings.playbooks)}
    if named not in files:
        raise Misconfigured(
            f"there is no playbook {named!r} in {settings.playbooks}",
            expected=f"one of {', '.join(files)}" if files else "a playbook",
            mend=did_you_mean(named, files),
        )
    return files[named]


def _door(settings: Settings, named: str) -> Door:
    if named in settings.sources:
        return Door(kind=settings.sources[named].kind, source=named)
    if named in KINDS:
        return Door(kind=named)
    known = [*settings.sources, *KINDS]
    raise Misconfigured(
        f"there is no source {named!r}",
        expected=f"one of {', '.join(known)}",
        mend=did_you_mean(named, known),
    )


def _read(file: Path, door: Door, settings: Settings) -> Delivery:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"{file} cannot be read: {error.strerror or type(error).__name__}", expected="a finding in JSON"
        ) from error
    # GitHub tells the event in a header only; the one that carries findings is meant.
    headers = {"x-github-event": "secret_scanning_alert"} if door.kind == "github" else {}
    received = datetime.now(UTC)
    read = KINDS[door.kind](read_json(raw), headers, sha256(raw).hexdigest(), received)
    return held(
        read, kind=door.kind, via=door.source or "", sources=tuple(settings.sources), received=received
    )


def _orders(settings: Settings, playbook: Playbook, delivery: Delivery, door: Door) -> Iterator[PlanOrder]:
    """Make one order for each incident that the delivery is about; raises Rejected where there is none."""
    incidents: dict[tuple[str, str | None], list[Finding]] = {}
    allowed = settings.sources[door.source].accounts if door.source else None
    for told in delivery.findings:
        # As at the door; where nothing is ours, the plan shows who refuses it.
        finding = ours(told, frozenset(settings.accounts) if allowed is None else allowed, "").finding
        if _applies(playbook, finding):
            key, place = identity_of(playbook, finding)
            incidents.setdefault((key, place.account), []).append(finding)
    if not incidents:
        raise _unanswered(playbook, delivery)
    for (key, account), findings in incidents.items():
        incident = Incident(
            finding=findings[0],
            playbook=playbook.model_copy(update={"cases": ()}),
            playbook_sha256=playbook.sha256,
            key=key,
            account=account or "",
            source=door.source or _source_for(settings, door.kind, account),
            received=datetime.now(UTC),
        )
        yield PlanOrder(
            response=workflow_id(playbook.playbook, key), incident=incident, findings=tuple(findings)
        )


def _applies(playbook: Playbook, finding: Finding) -> bool:
    try:
        return applies(playbook, finding)
    except ExpressionError:
        raise Rejected(f"{playbook.playbook}: {undecided(playbook, finding)}") from None


def _source_for(settings: Settings, kind: str, account: str | None) -> str:
    """Choose the source the guards are asked about: one that may act there, of that kind if possible."""
    able = [
        source
        for source in settings.sources.values()
        if source.accounts is None or account is None or account in source.accounts
    ]
    able.sort(key=lambda each: each.kind != kind)
    return able[0].name if able else kind


def _unanswered(playbook: Playbook, delivery: Delivery) -> FiredoorError:
    """Say why a playbook does not answer a delivery."""
    left = (*delivery.unreadable, *delivery.ignored)
    if not delivery.findings:
        reason = left[0].reason if left else delivery.handshake or "there is no finding in it"
        return Rejected(f"nothing in it needs an answer: {reason}")
    # Of several the first that its triggers name: its reason is the true one.
    finding = next(filter(playbook.answers, delivery.findings), delivery.findings[0])
    named = f"{finding.source} {finding.type}"
    if not playbook.answers(finding):
        answered = sorted(
            {f"{trigger.source} {kind}" for trigger in playbook.responds_to for kind in trigger.types}
        )
        return Rejected(f"{playbook.playbook} does not answer {named}", expected=", ".join(answered))
    return Rejected(f"{playbook.playbook} answers {named}, but {unmet(playbook, finding)}")


def _made(planning: Planning, order: PlanOrder) -> Plan:
    return planning.make(order, patient=False)


def _fingerprints(order: PlanOrder, made: Plan) -> Sequence[str]:
    """Name what people would be asked to sign, ask by ask, if the world stays as it is."""
    return [plan_fingerprint(f"apply {order.response}", stretch) for stretch in stretches(made.changes())]


def _as_json(order: PlanOrder, made: Plan) -> Mapping[str, Any]:
    return {
        "response": order.response,
        "playbook": order.incident.playbook.playbook,
        "mode": order.incident.playbook.mode,
        "source": order.incident.source,
        "fingerprints": _fingerprints(order, made),
        "plan": made.model_dump(mode="json"),
    }


def _show(order: PlanOrder, made: Plan) -> None:
    finding, playbook = order.findings[0], order.incident.playbook
    console = out()
    console.print(joined(Text(playbook.playbook, "bold"), Text(order.response, "dim")))
    console.print(safe(playbook.summary), "")
    told = joined(
        severity(finding.severity.value),
        safe(f"{finding.source} {finding.type}"),
        safe(f"account {finding.account or 'unknown'}"),
        safe(finding.region or ""),
        between=" · ",
    )
    console.print(told)
    if finding.title:
        console.print(safe(f"“{finding.title}”", "dim"))
    for left in (each for one in order.findings for each in one.left_out):
        console.print(safe(f"! left out, for it is not ours: {left}", "yellow"))
    if any(each.is_test for each in order.findings):
        console.print(Text("! a detector's sample: the gateway would not act on it", "bold yellow"))
    console.print("", *planned(made))
    console.print(*would_ask(made, _fingerprints(order, made), playbook.mode))
    console.print(Text("Nothing was changed.", "bold green"))
