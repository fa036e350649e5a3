"""Who Firedoor is to AWS: the whole chain of users, roles and keys that it signs in with."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from firedoor.domain.core.errors import Unavailable
from firedoor.systems.aws.errors import RAISED, translate
from firedoor.systems.aws.sessions import AwsSession, AwsSessions

_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/.+")
_KNOWN = re.compile(r"arn:[^:]+:(?:iam|sts)::[0-9]{12}:(?:root|(?:user|role|assumed-role|federated-user)/.+)")
_KEY = re.compile(r"A[KS]IA[A-Z0-9]{12,124}")
#: Profiles whose chain is longer than this point at each other.
_MOST_PROFILES = 20


class Whoami:
    """The caller of `sts:GetCallerIdentity` with the credentials of the process, and what lies around it.

    In front of it are the profiles of the shared configuration whose role was assumed to get those
    credentials, behind it the roles that are assumed in the accounts. An access key belongs to one identity
    for good, so STS is asked again only when the credentials have another.
    """

    def __init__(self, sessions: AwsSessions, roles: Sequence[str]) -> None:
        self._sessions = sessions
        self._roles = tuple(roles)
        self._lock = threading.Lock()
        self._key: str | None = None
        self._account = ""
        self._chain: tuple[str, ...] = ()

    def account(self, session: AwsSession) -> str:
        """Name the account of the process's credentials."""
        with self._lock:
            self._ask(session)
            return self._account

    def chain(self) -> tuple[str, ...]:
        """Name everything that must not be contained, lest nothing can be undone."""
        with self._lock:
            self._ask(self._sessions.ambient())
            return self._chain

    def _ask(self, session: AwsSession) -> None:
        key = self._sessions.ambient_key()
        if key is not None and key == self._key:
            return
        arn, account = _caller(session.client("sts", session.region))
        before, keys = self._before()
        held = [each for each in (key, *keys) if each and _KEY.fullmatch(each)]
        targets = [_lasting(arn), *before, *self._roles, *held]
        self._chain = tuple(dict.fromkeys(targets))
        self._account, self._key = account, key

    def _before(self) -> tuple[list[str], list[str]]:
        """Follow `source_profile` from the profile in use: roles on the way, the first identity, its key."""
        arns: list[str] = []
        keys: list[str] = []
        for settings in self._on_the_way():
            if role := settings.get("role_arn"):
                arns.append(str(role))
            held = self._sessions.held_by(settings)
            if held is not None:
                keys.append(str(held["aws_access_key_id"]))
                client = self._sessions.client_of("sts", held)
                arns.append(_lasting(_caller(client)[0]))
        return arns, keys

    def _on_the_way(self) -> Iterator[dict[str, Any]]:
        name, profiles = self._sessions.profiles()
        passed: set[str] = set()
        while name in profiles and name not in passed and len(passed) < _MOST_PROFILES:
            passed.add(name)
            settings = profiles[name]
            yield settings
            name = settings.get("source_profile", "")


def _caller(client: Any) -> tuple[str, str]:
    try:
        answer = client.get_caller_identity()
    except RAISED as error:
        raise translate(error, "sts", "GetCallerIdentity") from None
    arn, account = str(answer.get("Arn", "")), str(answer.get("Account", ""))
    if not _KNOWN.fullmatch(arn):
        raise Unavailable(
            "sts:GetCallerIdentity answered with an identity that is none of AWS's",
            code="UnknownAnswer",
            expected="the ARN of a user, a role's session or the root user",
        )
    return arn, account


def _lasting(arn: str) -> str:
    """Name the role of a session: it is what may be contained, and every session of it with it."""
    session = _SESSION.fullmatch(arn)
    if session is None:
        return arn
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
