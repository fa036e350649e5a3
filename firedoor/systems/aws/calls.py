"""The calls we make to AWS, each bound to one account, region, incident and phase."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from botocore import xform_name

from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.systems.aws.clock import AwsClock, hearing
from firedoor.systems.aws.errors import EXPIRED, RAISED, translate
from firedoor.systems.aws.sessions import AwsSession, AwsSessions
from firedoor.systems.aws.whoami import Whoami

T = TypeVar("T")
Phase = Literal["reading", "changing"]

_ACCOUNT = re.compile(r"[0-9]{12}")
_INCIDENT = re.compile(r"[0-9a-f]{12}")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-[0-9]{1,2}")
_LOOKING = re.compile(r"(?:Get|List|Describe|Head|Lookup|Simulate)[A-Z]\w*")

#: Operations that look by their name but hand out credentials or secrets.
_HANDS_OUT = frozenset(
    {"GetAuthorizationToken", "GetFederationToken", "GetPasswordData", "GetSecretValue", "GetSessionToken"}
)


@dataclass(frozen=True)
class Account:
    """A target account; `role` None means the credentials that the process finds around itself."""

    id: str
    role: str | None = None
    external_id: str | None = None


class Aws:
    """AWS as one action may use it: one account, one region, one incident, looking or changing.

    `incident` is 12 lowercase hex digits and stands in the name of every
    artefact that we create: `firedoor-<incident>`.
    """

    def __init__(
        self, accounts: AwsAccounts, account: Account, *, region: str, incident: str, phase: Phase
    ) -> None:
        self._accounts = accounts
        self._account = account
        self.account = account.id
        self.region = region
        self.partition = accounts.partition(region)
        self.incident = incident
        self.phase: Phase = phase

    def call(
        self, service: str, operation: str, /, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Make one call, named as AWS spells it: `call("iam", "UpdateAccessKey", UserName=…)`."""

        def ask(client: Any) -> dict[str, Any]:
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
            return answer

        return self._ask(service, operation, region, ask)

    def pages(
        self, service: str, operation: str, key: str, /, *, region: str | None = None, **parameters: Any
    ) -> list[Any]:
        """Return the whole list that stands under `key`, over all pages of one operation.

        An answer without that list is not an empty list: it is an answer we do not know.
        """

        def ask(client: Any) -> list[Any]:
            name = xform_name(operation)
            found: list[Any] = []
            if client.can_paginate(name):
                answers = client.get_paginator(name).paginate(**parameters)
            else:
                answers = [getattr(client, name)(**parameters)]
            for answer in answers:
                if key not in answer:
                    raise Unavailable(
                        f"{service}:{operation} answered without a {key} list", code="UnknownAnswer"
                    )
                found += answer[key]
            return found

        return self._ask(service, operation, region, ask)

    def now(self) -> datetime:
        """Tell AWS's own time: less than a second behind it, ahead by no more than a request's way.

        AWS writes whole seconds; a cut that must lie after every session issued
        so far is the next whole second after `now() + 1 s`.
        """
        clock = self._accounts.clock(self.account)
        if not clock.heard:
            self.call("sts", "GetCallerIdentity")
        return clock.now()

    def _ask(self, service: str, operation: str, region: str | None, ask: Callable[[Any], T]) -> T:
        looks = _LOOKING.fullmatch(operation) and operation not in _HANDS_OUT
        if self.phase == "reading" and not looks:
            raise Rejected(
                f"{service}:{operation} was asked of a connector that only looks",
                code="ReadOnly",
                expected="an operation that reads (Get*, List*, Describe*, Head*, Lookup*, Simulate*)",
            )
        session = self._accounts.session(self._account, phase=self.phase, incident=self.incident)
        try:
            with hearing(self._accounts.clock(self.account), self.incident):
                return ask(session.client(service, region or self.region))
        except RAISED as error:
            translated = translate(error, service, operation)
            if translated.code in EXPIRED:
                session.expire()
            # `from None`: a chained botocore error would carry the vendor's text into logs and histories.
            raise translated from None


class AwsAccounts:
    """Every account that Firedoor may touch; one per process, used by many threads at once."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        for key, account in accounts.items():
            if key != account.id or not _ACCOUNT.fullmatch(account.id):
                raise Rejected(f"account {key!r} is not an account id", expected="12 digits, quoted in YAML")
        self._configured = dict(accounts)
        self._sessions = AwsSessions()
        self._clocks = {account: AwsClock() for account in accounts}
        self._whoami = Whoami(self._sessions, [account.role for account in accounts.values() if account.role])

    def reading(self, account: str, region: str, incident: str) -> Aws:
        """Lend a connector that refuses every operation that is not a look."""
        return self._lend(account, region, incident, "reading")

    def changing(self, account: str, region: str, incident: str) -> Aws:
        """Lend a connector that may change the world."""
        return self._lend(account, region, incident, "changing")

    def warm(self, services: Collection[str], region: str) -> None:
        """Read the models of some services before the first finding comes; no call is made.

        A service's first client costs 50 to 1200 ms, which an attacker would have for free.
        """
        session = self._sessions.ambient()
        for service in ("sts", *sorted(services)):
            session.client(service, region)

    def ourselves(self) -> tuple[str, ...]:
        """Tell every user, role and key that Firedoor signs in with; raises where STS does not tell.

        Asked of STS again whenever the credentials of the process are others than before.
        """
        return self._whoami.chain()

    def partition(self, region: str) -> str:
        """Name the partition of a region: `aws`, `aws-cn`, `aws-us-gov` and so on."""
        return self._sessions.partition(region)

    def clock(self, account: str) -> AwsClock:
        """Return AWS's clock as this account's answers told it."""
        return self._clocks[account]

    def session(self, account: Account, *, phase: Phase, incident: str) -> AwsSession:
        """Return credentials for the account: assumed for this incident and phase, or the ambient ones."""
        with hearing(self._clocks[account.id], incident):
            if account.role is None:
                session = self._sessions.ambient()
                self._must_own(session, account)
                return session
            return self._sessions.assumed(
                account.role, external_id=account.external_id, name=f"firedoor-{incident}", phase=phase
            )

    def _lend(self, account: str, region: str, incident: str, phase: Phase) -> Aws:
        if account not in self._configured:
            raise Rejected(
                f"account {account!r} is not one of ours", expected="an account of the configuration"
            )
        if not _REGION.fullmatch(region):
            raise Rejected(f"{region!r} is not an AWS region", expected="a name such as eu-central-1")
        if not _INCIDENT.fullmatch(incident):
            raise Rejected(f"{incident!r} does not name an incident", expected="12 lowercase hex digits")
        return Aws(self, self._configured[account], region=region, incident=incident, phase=phase)

    def _must_own(self, session: AwsSession, account: Account) -> None:
        """Refuse to act with ambient credentials that belong to another account than configured."""
        owner = self._whoami.account(session)
        if owner != account.id:
            raise Rejected(
                f"the credentials of this process belong to account {owner}, not to {account.id}",
                code="WrongAccount",
                mend="configure a role for this account, or start with its own credentials",
            )
