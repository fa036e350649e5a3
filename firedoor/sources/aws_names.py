"""What AWS names tell: the parts of an ARN, of a principal and of an access key id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from firedoor.domain.finding.finding import Actor, PrincipalKind, Resource
from firedoor.sources.forgiving import certain, owner, thing

_ACCESS_KEY_ID = re.compile(r"A[KS]IA[A-Z0-9]{12,124}")
_PRINCIPAL_KINDS = {
    "iamuser": PrincipalKind.IAM_USER,
    "assumedrole": PrincipalKind.ASSUMED_ROLE,
    "role": PrincipalKind.ASSUMED_ROLE,
    "federateduser": PrincipalKind.FEDERATED_USER,
    "root": PrincipalKind.ROOT,
    "awsaccount": PrincipalKind.AWS_ACCOUNT,
    "awsservice": PrincipalKind.AWS_SERVICE,
}
_USER_KINDS = {PrincipalKind.IAM_USER: "AWS::IAM::User", PrincipalKind.ASSUMED_ROLE: "AWS::IAM::Role"}
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
_PREFIX_KINDS = {"AIDA": PrincipalKind.IAM_USER, "AROA": PrincipalKind.ASSUMED_ROLE}


class Arn(NamedTuple):
    """An ARN taken apart; `path` is everything after the account.

    What AWS owns names no number (`arn:aws:iam::aws:policy/…`): its account is that word.
    """

    partition: str
    service: str
    region: str | None
    account: str | None
    path: str

    @property
    def name(self) -> str:
        """The resource's own name: after the last `/` or `:`."""
        return re.split(r"[/:]", self.path)[-1]


def arn(value: str | None) -> Arn | None:
    """Take an ARN apart, or None where it is none. Raises `Unreadable` where its account cannot be one."""
    pieces = (value or "").split(":", 5)
    if len(pieces) < 6 or pieces[0] != "arn" or not pieces[5]:  # noqa: PLR2004 -- an ARN has six pieces
        return None
    return Arn(
        pieces[1], pieces[2], pieces[3] or None, certain(owner, pieces[4], "the account of an ARN"), pieces[5]
    )


def function_name(value: str | None) -> str | None:
    """The Lambda function's name from its ARN, also from one with a version or an alias."""
    parts = arn(value)
    if parts is None or parts.service != "lambda" or not parts.path.startswith("function:"):
        return None
    return parts.path.split(":")[1] or None


def access_key_id(value: object) -> str | None:
    """An access key id, or None where it is anything else."""
    return value if isinstance(value, str) and _ACCESS_KEY_ID.fullmatch(value) else None


def principal(
    *,
    kind: str | None,
    uid: str | None,
    name: str | None,
    key: str | None,
    account: str | None = None,
    issuer: str | None = None,
    source_ips: tuple[str, ...] = (),
) -> Actor:
    """Fill an Actor from what AWS says about who called.

    A name goes where it can be acted on and nowhere else: `user_name` only for an IAM
    user, `role_name` only for a role. Root, services and other accounts have neither, and
    a federated session's name is its session's, not a user's. `issuer` is CloudTrail's
    `sessionIssuer.arn`: it tells a session's role, and the account that this is in.
    """
    head, _, session = (uid or "").partition(":")
    # The id's prefix outranks the word: AWS makes the one, and an emitter may get the other wrong.
    known = _PREFIX_KINDS.get(head[:4]) or _PRINCIPAL_KINDS.get((kind or "").lower(), PrincipalKind.UNKNOWN)
    role = _role(issuer)
    if role and known in (PrincipalKind.ASSUMED_ROLE, PrincipalKind.UNKNOWN):
        known, name, account = PrincipalKind.ASSUMED_ROLE, role.name, role.account or account
    federated = known is PrincipalKind.FEDERATED_USER
    return Actor(
        kind=known,
        uid=uid,
        user_name=name if known is PrincipalKind.IAM_USER else None,
        role_name=name if known is PrincipalKind.ASSUMED_ROLE else None,
        session_name=(session or name) if federated else (session or None),
        access_key_id=key,
        account=account,
        source_ips=source_ips,
    )


def _role(issuer: str | None) -> Arn | None:
    parts = arn(issuer)
    return parts if parts and parts.service == "iam" and parts.path.startswith("role/") else None


def principal_resources(actor: Actor, account: str | None, uid: str | None = None) -> Iterator[Resource]:
    """The access key, and the user or role whose it is; `uid` is the principal's ARN where one is told."""
    account = actor.account or account
    if actor.access_key_id:
        key = actor.access_key_id
        yield thing(kind="AWS::IAM::AccessKey", uid=key, name=key, account=account)
    name = actor.user_name or actor.role_name
    if name and (kind := _USER_KINDS.get(actor.kind)):
        # A role's sessions are one role.
        yield thing(kind=kind, uid=uid or (actor.uid or name).partition(":")[0], name=name, account=account)
