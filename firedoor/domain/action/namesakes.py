"""Namesakes: what findings prove of the thing that a step picks by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firedoor.domain.action.action import Named
from firedoor.domain.finding.finding import Actor, Finding, PrincipalKind, Resource

USER, ROLE = "AWS::IAM::User", "AWS::IAM::Role"

_ACCOUNT = re.compile(r"[0-9]{12}")
_LONG_LIVED = re.compile(r"AKIA[A-Z0-9]{12,124}")
#: What stands before the name in the ARN of a thing that has one: `user/path/`, `function:`.
_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:(?P<account>[^:]*):(?:[^/:]+[/:])?(?:.*/)?(?P<name>[^/]+)")


@dataclass(frozen=True)
class _Told:
    """What one finding tells of one thing; None is what it does not tell."""

    kind: str
    name: str | None
    id: str | None = None
    account: str | None = None
    key: str | None = None


def proven(
    named: Sequence[Named], params: Mapping[str, Any], findings: Sequence[Finding], account: str
) -> tuple[dict[str, Any], str | None]:
    """Fill in what the findings prove of what these parameters name; or say whose it is instead.

    A finding knows a thing by its name and by the vendor's id of it. The name alone is no proof: our own user
    or role may bear the same.
    """
    filled = dict(params)
    told = [each for finding in findings for each in _told(finding)]
    for one in named:
        name = params.get(one.param)
        if not isinstance(name, str):
            continue  # the action's own model says what is wrong with it
        of_it = _of(told, one.kind, name)
        elsewhere = sorted({each.account for each in of_it if each.account and each.account != account})
        # One name in two accounts is two things: where the finding tells of one here, it is this one.
        of_it = [each for each in of_it if each.account in (None, account)]
        if elsewhere and not any(each.account == account for each in of_it):
            return filled, (
                f"{_noun(one)} {name!r} of the finding belongs to account {', '.join(elsewhere)}, "
                f"and this step acts in account {account or '(none)'}: ours only has the same name"
            )
        if objection := _fill(filled, one, name, of_it):
            return filled, objection
    return filled, None


def _fill(filled: dict[str, Any], one: Named, name: str, of_it: Sequence[_Told]) -> str | None:
    if one.id:
        ids = {str(filled[one.id])} if filled.get(one.id) else set()
        ids |= {each.id for each in of_it if each.id}
        if len(ids) > 1:
            return f"the findings tell several ids of {_noun(one)} {name!r}: {', '.join(sorted(ids))}"
        if ids:
            filled[one.id] = ids.pop()
    if one.keys:
        keys = [*(filled.get(one.keys) or ()), *(each.key for each in of_it if each.key)]
        if keys:
            filled[one.keys] = list(dict.fromkeys(keys))
    return None


def _of(told: Sequence[_Told], kind: str, name: str) -> list[_Told]:
    """Pick what is told of a thing of this name; of an actor without a name, where nothing else has it.

    Such an actor's name was looked up, by its key: what the finding tells of it is of whoever that is.
    """
    same = [each for each in told if each.kind == kind and each.name == name]
    return same or [each for each in told if each.kind == kind and each.name is None]


def _told(finding: Finding) -> Iterator[_Told]:
    yield from _told_of_actor(finding.actor)
    for resource in finding.resources:
        yield _told_of(resource)


def _told_of_actor(actor: Actor) -> Iterator[_Told]:
    id_, account = _principal_id(actor.uid)
    account = actor.account or account
    if actor.role_name:
        yield _Told(ROLE, actor.role_name, id_, account)
    elif actor.kind in (PrincipalKind.IAM_USER, PrincipalKind.UNKNOWN) or actor.user_name:
        key = actor.access_key_id or ""
        yield _Told(USER, actor.user_name, id_, account, key=key if _LONG_LIVED.fullmatch(key) else None)


def _told_of(resource: Resource) -> _Told:
    arn = _ARN.fullmatch(resource.uid)
    if arn is not None:
        account = arn["account"] or resource.account
        return _Told(resource.kind, resource.name or arn["name"], None, account)
    id_: str | None = None
    account = resource.account
    if resource.kind in (USER, ROLE) and resource.uid != resource.name:
        id_, of_id = _principal_id(resource.uid)
        account = account or of_id
    return _Told(resource.kind, resource.name or resource.uid, id_, account)


def _principal_id(uid: str | None) -> tuple[str | None, str | None]:
    """Read a principal id (`AROA…:session`, `AIDA…`, `<account>:<name>`, an ARN) as an id and an account."""
    if not uid:
        return None, None
    arn = _ARN.fullmatch(uid)
    if arn is not None:
        return None, arn["account"] or None
    head = uid.removeprefix("AWS:").partition(":")[0]
    return (None, head) if _ACCOUNT.fullmatch(head) else (head, None)


def _noun(one: Named) -> str:
    return one.kind.rpartition("::")[2].lower()
