"""Place: the account and region of what a finding names, and which of it is ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Actor, Finding, Resource

#: What lives in no region, whatever region a detector names for it.
_EVERYWHERE: Final = "AWS::IAM::"
#: What of an actor can be acted on; the rest tells who it was, and where from.
_IDENTITY: Final = ("uid", "user_name", "role_name", "access_key_id")
_NO_REGION: Final = frozenset({"", "global", "aws-global"})
#: How many of the things that were left out are named to whoever sent them.
MOST_NAMED: Final = 20


class Place(Value):
    """Where something is, and so where a step acts; None where nobody tells."""

    account: str | None = None
    region: str | None = None


class Ours(NamedTuple):
    """A finding without what is not ours, what that was, and why the whole of it is dismissed ("" if not)."""

    finding: Finding
    left_out: tuple[str, ...] = ()
    dismissed: str = ""


def region_of(told: str | None) -> str | None:
    """Return a region, or None for what AWS calls global."""
    return None if told is None or told.lower() in _NO_REGION else told


def home_of(finding: Finding) -> Place:
    """Return the place that the finding itself names: it counts where a thing names none."""
    return Place(account=finding.account, region=region_of(finding.region))


def resource_place(resource: Resource, finding: Finding) -> Place:
    """Return the resource's own place; the finding's stands in for what the resource does not tell."""
    account = resource.account
    theirs = finding.actor.account
    if theirs is not None and is_actor(resource, finding.actor):
        account = _account_in(resource.uid) or theirs
    region = None if resource.kind.startswith(_EVERYWHERE) else region_of(resource.region)
    home = home_of(finding)
    account = account or home.account
    if region is None and account == home.account and not resource.kind.startswith(_EVERYWHERE):
        region = home.region
    return Place(account=account, region=region)


def placed(finding: Finding) -> Finding:
    """Write each resource's place into it, so that it is kept whatever the finding is joined with."""
    if not finding.resources:
        return finding
    resources = tuple(
        resource.model_copy(update={"account": place.account, "region": place.region})
        for resource in finding.resources
        for place in (resource_place(resource, finding),)
    )
    return finding.model_copy(update={"resources": resources})


def is_actor(resource: Resource, actor: Actor) -> bool:
    """Whether a resource is the very identity, or key, that acted."""
    if not resource.kind.startswith(_EVERYWHERE):
        return False
    names = {actor.user_name, actor.role_name, actor.access_key_id, (actor.uid or "").partition(":")[0]}
    told = {resource.name, resource.uid, resource.uid.rsplit("/", 1)[-1]}
    return bool((told & names) - {"", None})


def named(actor: Actor) -> str | None:
    """Return the name of an identity that can be acted on; None where the finding names none."""
    return actor.user_name or actor.role_name or actor.access_key_id or actor.uid


def ours(finding: Finding, allowed: frozenset[str], source: str) -> Ours:
    """Leave out what is in accounts that a source may not speak about.

    One foreign thing beside ours takes nothing from ours: an image that AWS owns, a partner's role. Where
    nothing is ours, the whole finding is dismissed.
    """
    known = placed(finding)
    kept = tuple(each for each in known.resources if each.account is None or each.account in allowed)
    foreign = [(each.uid, each.account or "") for each in known.resources if each not in kept]
    actor, whose = finding.actor, finding.actor.account
    if named(actor) is not None and whose is not None and whose not in allowed:
        foreign.append((f"the actor {named(actor)}", whose))
    if not _any_of(known, kept, allowed):
        accounts = dict.fromkeys([account for _, account in foreign] or [finding.account or ""])
        return Ours(finding, dismissed=_dismissal(list(accounts), source))
    if not foreign:
        return Ours(finding)
    told = tuple(f"{what} of account {account}"[:4096] for what, account in foreign)
    if whose is not None and whose not in allowed:
        actor = actor.model_copy(update=dict.fromkeys(_IDENTITY))
    left = finding.resources if len(kept) == len(known.resources) else kept
    return Ours(finding.model_copy(update={"resources": left, "actor": actor, "left_out": told}), told)


def placeless(finding: Finding) -> str:
    """Say why there is nowhere to act, and what is missing; "" where an account is named."""
    if any((finding.account, finding.actor.account, *(part.account for part in finding.resources))):
        return ""
    if finding.source == "github":
        return (
            "GitHub's alert names no AWS account, so there is nowhere to act; "
            "of the keys it finds on GitHub AWS tells the account itself, through AWS Health"
        )
    return (
        "it names no account, so there is nowhere to act: "
        "neither the finding, nor its actor, nor any of its resources tells one"
    )


def _any_of(finding: Finding, kept: tuple[Resource, ...], allowed: frozenset[str]) -> bool:
    if kept:
        return True
    account = finding.account
    if named(finding.actor) is not None:
        account = finding.actor.account or account
    elif finding.resources:
        return False
    return account is None or account in allowed


def _dismissal(accounts: list[str], source: str) -> str:
    which = ", ".join(ascii(account) for account in accounts[:5])
    several = f"accounts {which} are" if len(accounts) > 1 else f"account {which} is"
    return f"{several} not among the accounts of source {source}"


def named_to_sender(left_out: tuple[str, ...]) -> Iterator[str]:
    """Say what was left out, and no more of it than anybody reads."""
    for each in left_out[:MOST_NAMED]:
        yield f"left out, for it is not ours: {ascii(each)[1:-1][:300]}"
    if len(left_out) > MOST_NAMED:
        yield f"left out, for they are not ours: {len(left_out) - MOST_NAMED} more"


def _account_in(uid: str) -> str | None:
    """The account that an ARN names."""
    pieces = uid.split(":", 5)
    return pieces[4] or None if len(pieces) == 6 and pieces[0] == "arn" else None  # noqa: PLR2004
