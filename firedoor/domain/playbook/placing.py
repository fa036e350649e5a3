"""Placing: which account and region a step acts in, and which of them an incident belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from firedoor.domain.finding.place import Place, region_of
from firedoor.domain.playbook.expression import ExpressionError, expressions, fill
from firedoor.domain.playbook.playbook import Playbook, Step

#: Where the places of lookups are kept in a context; no name of a playbook can be this one.
PLACES: Final = "_places"

_ACTOR = re.compile(r"""\bfinding\s*(?:\.\s*actor|\[\s*["']actor["']\s*\])(?:\s*\.\s*(\w+))?""")
_RESOURCES = re.compile(
    r"""\bfinding\s*(?:\.\s*resources|\[\s*["']resources["']\s*\])(?:\s*\[\s*(\d+)\s*\])?"""
)
_EARLIER = re.compile(r"""\b(lookup|steps)\s*(?:\.\s*(\w+)|\[\s*["'](\w+)["']\s*\])""")
#: What of an actor names nobody in its account: addresses, and what is the world's.
_NOBODYS: Final = frozenset({"source_ips", "email", "session_name", "kind", "account"})
#: Names that mean something in the actor's own account only.
_NAMES: Final = frozenset({"user_name", "role_name", None})
#: Kinds whose names are one account's, or the world's, in whatever region they are.
_ONE_NAME: Final = ("AWS::IAM::", "AWS::S3::Bucket")


class Placed(NamedTuple):
    """Where a step acts. `stranger`: over an actor of another account than the finding's."""

    place: Place
    stranger: bool = False


def place_of(step: Step, context: Mapping[str, Any]) -> Placed:
    """Find where a step acts: its own `place`, its item's, or that of what its parameters read.

    Raises ExpressionError where that is more than one: no step acts in a place that was guessed.
    """
    found = _place_of(step, context)
    actor = context.get("finding", {}).get("actor", {})
    theirs = actor.get("account")
    if theirs and found.account != theirs and _reads_names(step):
        raise ExpressionError(
            f"step {step.id} names the actor of account {theirs}, and would act in account {found.account}",
            expected="a name of the account that the step acts in",
            mend="leave out its `place`, or read what the place has",
        )
    home = context.get("finding", {}).get("account")
    of_actor = bool(theirs) and found.account == theirs and (_is_actor(step, context) or _reads_names(step))
    return Placed(found, stranger=of_actor and bool(home) and theirs != home)


def incident_place(playbook: Playbook, key: str, context: Mapping[str, Any]) -> Place:
    """Find where that is which an incident key names, so that one name in two places is two incidents."""
    finding = context.get("finding", {})
    same = [each for each in finding.get("resources", ()) if key in (each["uid"], each["name"])]
    if same:
        places = [_of(each) or Place() for each in same]
        first = min(places, key=lambda place: (place.account or "", place.region or ""))
        told = key.startswith("arn:") or any(each["kind"].startswith(_ONE_NAME) for each in same)
        return first.model_copy(update={"region": None}) if told else first
    sources = list(expressions(playbook.incident))
    if any(match.group(1) not in _NOBODYS for source in sources for match in _ACTOR.finditer(source)):
        return Place(account=_actor_place(finding).account)
    if any(_RESOURCES.search(source) for source in sources):
        return _agreed(_resource_places(finding)) or _home(finding)
    return Place(account=finding.get("account"))


def reads_resources(sources: Iterable[str]) -> bool:
    """Whether expressions read resources in a way that does not tell which one."""
    return any(match.group(1) is None for source in sources for match in _RESOURCES.finditer(source))


def loses_place(source: str) -> bool:
    """Whether a list's items are made anew without an account in them."""
    return ".map(" in source and "account" not in source


def _place_of(step: Step, context: Mapping[str, Any]) -> Place:
    if step.place is not None:
        return _explicit(step, context)
    item = _of(context.get(step.as_ or "")) if step.as_ else None
    if item is not None:
        return item
    finding = context.get("finding", {})
    if _is_actor(step, context):
        return _actor_place(finding)
    read = list(_read(step, context))
    if not read:
        return _agreed(_resource_places(finding)) or _home(finding)
    place = _agreed(read)
    if place is None:
        told = sorted({f"{each.account or 'no account'} {each.region or ''}".strip() for each in read})
        raise ExpressionError(
            f"where step {step.id} acts is not clear: what it reads is in {', '.join(told)}",
            expected="one account and region",
            mend='write `place: "${{ … }}"`, or let its for_each give the resources themselves',
        )
    return place if place.account else _home(finding)


def _explicit(step: Step, context: Mapping[str, Any]) -> Place:
    place = _of(fill(step.placing(), context))
    if place is None:
        raise ExpressionError(
            f"the place of step {step.id} names no account",
            expected="a resource, the actor, or a map with `account` and `region`",
            mend='write for instance `place: "${{ finding.resources[0] }}"`',
        )
    return place


def _read(step: Step, context: Mapping[str, Any]) -> Iterator[Place]:
    """List the places of what a step's parameters and list read."""
    finding = context.get("finding", {})
    for source in _sources(step):
        if any(match.group(1) not in _NOBODYS for match in _ACTOR.finditer(source)):
            yield _actor_place(finding)
        for match in _RESOURCES.finditer(source):
            places = list(_resource_places(finding))
            at = int(match.group(1)) if match.group(1) else None
            yield from places if at is None else places[at : at + 1]
        for kind, dotted, quoted in _EARLIER.findall(source):
            yield from _earlier(kind, dotted or quoted, context)


def _earlier(kind: str, name: str, context: Mapping[str, Any]) -> Iterator[Place]:
    if kind == "lookup":
        told = context.get(PLACES, {}).get(name)
        yield from [told] if told is not None else []
        return
    step = context["steps"].get(name, {})
    yield from (place for each in step.get("targets", ()) if (place := _of(each)) is not None)


def _sources(step: Step) -> Iterator[str]:
    if step.for_each:
        yield step.for_each
    yield from expressions(dict(step.params))


def _reads_names(step: Step) -> bool:
    """Whether parameters name the actor by what means something in its own account only."""
    sources = expressions(dict(step.params))
    return any(match.group(1) in _NAMES for source in sources for match in _ACTOR.finditer(source))


def _is_actor(step: Step, context: Mapping[str, Any]) -> bool:
    return bool(step.as_) and context.get(step.as_ or "") == context.get("finding", {}).get("actor")


def _actor_place(finding: Mapping[str, Any]) -> Place:
    """Find the account of the actor: as told, else that of its user, role or key among the resources."""
    actor = finding.get("actor", {})
    if actor.get("account"):
        return Place(account=actor["account"])
    names = {actor.get(key) for key in ("user_name", "role_name", "access_key_id")} - {None, ""}
    identities = [
        each
        for each in finding.get("resources", ())
        if each["kind"].startswith("AWS::IAM::") and {each["name"], each["uid"].rsplit("/", 1)[-1]} & names
    ]
    for resources in (identities, finding.get("resources", ())):
        accounts = {each.get("account") for each in resources}
        if len(accounts) == 1:
            return Place(account=accounts.pop())
    return Place(account=finding.get("account"))


def _resource_places(finding: Mapping[str, Any]) -> Iterator[Place]:
    return _places(finding.get("resources", ()))


def _places(resources: Iterable[Mapping[str, Any]]) -> Iterator[Place]:
    return (_of(each) or Place(region=region_of(each.get("region"))) for each in resources)


def _home(finding: Mapping[str, Any]) -> Place:
    return Place(account=finding.get("account"), region=region_of(finding.get("region")))


def _of(value: Any) -> Place | None:
    """The place that a resource, an actor, a step or a map of a playbook's author names."""
    if not isinstance(value, Mapping):
        return None
    account, region = value.get("account"), value.get("region")
    if not isinstance(account, str) or not account:
        return None
    return Place(account=account, region=region_of(region) if isinstance(region, str) else None)


def _agreed(places: Iterable[Place]) -> Place | None:
    """The one place that all of these are in; what names no region is in any."""
    told = list(places)
    accounts = {place.account for place in told}
    regions = {place.region for place in told if place.region}
    if len(accounts) != 1 or len(regions) > 1:
        return None
    return Place(account=accounts.pop(), region=next(iter(regions), None))
