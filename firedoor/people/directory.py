"""The directory of people: who is who and in which groups, looked up at the click."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from firedoor.domain.approval.vote import Voter
from firedoor.domain.core.errors import Absent, Unavailable
from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.identity import Identity
from firedoor.domain.people.people import Group, Passkey, People, Person
from firedoor.people.answers import BELIEVED, Answers
from firedoor.people.file import PeopleFile

_log = structlog.get_logger("firedoor.people")

#: Slack waits three seconds in all; a source that says nothing for one of them counts as unreachable.
WITHIN = 1.0
#: How far the identity provider's clock may be before ours.
_AHEAD = timedelta(seconds=5)
#: The one status in Okta of somebody who can sign in there.
_ACTIVE = "ACTIVE"


class SlackGroups(Protocol):
    """What we need of Slack; `firedoor.connectors.slack` has it."""

    async def usergroup_members(self, group_id: str) -> tuple[str, ...]:
        """Return the user ids of a user group. Raises `Absent` where there is none, else `Unavailable`."""
        ...


class OktaGroups(Protocol):
    """What we need of Okta; `firedoor.systems.okta.groups` has it."""

    async def group_members(self, group_id: str) -> Mapping[str, str]:
        """Return the user ids of a group with their status, likewise."""
        ...


class LiveDirectory:
    """Implements the domain's `Directory` over people.yaml and the groups that others keep.

    people.yaml is read again when it changes. While it cannot be read or does not
    check, nobody is anybody: every look-up raises `Unavailable`.

    A person is in a group when people.yaml says so, or when one of the group's
    other sources says so now. Those are asked together, each for at most a second
    (`within`), and believed for at most a minute. One that cannot be reached proves
    nobody: the groups that depend on it stand in `Voter.unread` and count for
    nothing, while everybody else's vote goes on. So a look-up fails only where the
    file does, and who is asked for through an unreachable source is told just that.
    A group whose source is not configured, or does not exist there, means nobody.

    What a sign-in claims counts for the one who signed in, while it is at most a
    minute old. A user id of Slack is one human in all of Slack, so that a user
    group needs no workspace.
    """

    def __init__(
        self,
        file: Path,
        *,
        clock: Callable[[], datetime],
        slack: SlackGroups | None = None,
        okta: OktaGroups | None = None,
        within: float = WITHIN,
    ) -> None:
        self._file = PeopleFile(file)
        self._clock = clock
        self._slack = slack and Answers(
            _or_nobody(_slack_people(slack)), what="Slack", clock=clock, within=within
        )
        self._okta = okta and Answers(_or_nobody(_okta_people(okta)), what="Okta", clock=clock, within=within)

    # ---- who somebody is ---------------------------------------------------------------

    async def voter(self, identity: Identity) -> Voter:
        """Return the person behind an identity with the groups of this minute.

        Raises `Absent` where it is nobody's, or two people's; `Unavailable` where the file cannot be read.
        """
        people = await self._people()
        keys = {key: _owner(people, identity.kind, key) for key in identity.keys}
        owners = set(filter(None, keys.values()))
        if len(owners) != 1:
            if owners:
                _log.error("people.two_for_one", people=sorted(owners), kind=identity.kind)
            raise Absent(f"this {identity.kind} identity is nobody's")
        claims = identity.groups if identity.kind == "oidc" else ()
        account = next((key for key, owner in keys.items() if owner), "") if identity.kind == "slack" else ""
        return await self._voter(people, owners.pop(), claims=claims, claimed_at=identity.at, account=account)

    async def person(self, person: str) -> Voter:
        """Return a person by their id, likewise; nothing that a sign-in claimed is known of them."""
        return await self._voter(await self._people(), person)

    async def again(self, voter: Voter) -> Voter:
        """Look a voter up once more, by person. What was claimed counts while the claim is fresh.

        `account` is empty where the Slack account that spoke is not theirs any more. Raises as `voter`.
        """
        people = await self._people()
        known = people.people.get(voter.person)
        bound = known is not None and voter.account in known.slack_accounts
        return await self._voter(
            people,
            voter.person,
            claims=voter.claims,
            claimed_at=voter.claimed_at,
            account=voter.account if bound else "",
        )

    # ---- what others need to know of people ---------------------------------------------

    async def passkeys(self, person: str) -> tuple[Passkey, ...]:
        """Return the passkeys that sign for a person; raises as `voter`."""
        return _known(await self._people(), person).passkeys

    async def slack_of(self, person: str) -> str | None:
        """Return the Slack user id by which a person is mentioned; None without one. Raises as `voter`."""
        accounts = _known(await self._people(), person).slack_accounts
        return accounts[0].partition("/")[2] if accounts else None

    async def slack_users(self) -> Mapping[str, str]:
        """Return the Slack user id of each person who has one, to mention them; raises `Unavailable`."""
        people = await self._people()
        return {
            id_: person.slack_accounts[0].partition("/")[2]
            for id_, person in people.people.items()
            if person.slack_accounts
        }

    async def usergroups(self) -> Mapping[str, str]:
        """Return the Slack user group of each group that has one, to mention it; raises `Unavailable`."""
        people = await self._people()
        groups = {name: people.group(name).slack_usergroup for name in people.groups}
        return {name: usergroup for name, usergroup in groups.items() if usergroup}

    async def members(self, groups: Iterable[str]) -> Mapping[str, str]:
        """Return who is known to be in any of the groups: id -> name, in the order of people.yaml.

        For choosing whom to ask, not for counting: whom only a claim makes a member, or a
        source that cannot be reached, is left out. Raises `Unavailable`.
        """
        people = await self._people()
        wanted = [people.group(name) for name in dict.fromkeys(groups)]
        there = await asyncio.gather(*(self._outside(group) for group in wanted))
        return {
            id_: person.name
            for id_, person in people.people.items()
            if any(
                id_ in group.people or any(found and found & _ids(person) for found in sources)
                for group, sources in zip(wanted, there, strict=True)
            )
        }

    # ---- how it is found out -------------------------------------------------------------

    async def _people(self) -> People:
        held = self._file.unchanged()
        return held if held is not None else await asyncio.to_thread(self._file.read)

    async def _voter(
        self,
        people: People,
        person: str,
        *,
        claims: tuple[str, ...] = (),
        claimed_at: Moment | None = None,
        account: str = "",
    ) -> Voter:
        known = _known(people, person)
        fresh = self._fresh(claimed_at)
        claimed: dict[str, None] = {}
        proven: set[str] = set()
        asked: list[tuple[str, Group]] = []
        for name in people.groups:
            group = people.group(name)
            if person in group.people:
                continue
            if fresh and group.oidc_group in claims:
                proven.add(name)
                claimed[str(group.oidc_group)] = None
            elif _could_be_in(known, group):
                asked.append((name, group))
        unread: list[str] = []
        there = await asyncio.gather(*(self._outside(group, known) for _, group in asked))
        for (name, _), sources in zip(asked, there, strict=True):
            if any(found and found & _ids(known) for found in sources):
                proven.add(name)
            elif None in sources:
                unread.append(name)
        voter = people.voter(person, also=proven)
        more = {
            "unread": tuple(unread),
            "account": account,
            "claims": tuple(claimed),
            "claimed_at": claimed_at if claimed else None,
        }
        return voter.model_copy(update=more)

    def _fresh(self, claimed_at: datetime | None) -> bool:
        return claimed_at is not None and -_AHEAD <= self._clock() - claimed_at <= BELIEVED

    async def _outside(self, group: Group, person: Person | None = None) -> list[frozenset[str] | None]:
        """Return who is in a group by each of its outside sources; None for one that cannot be read.

        With `person`, only the sources that could know of them are asked.
        """
        calls: list[Awaitable[frozenset[str] | None]] = []
        if group.slack_usergroup and self._slack and (person is None or person.slack_accounts):
            calls.append(_if_readable(self._slack, group.slack_usergroup))
        if group.okta_group and self._okta and (person is None or person.okta_user):
            calls.append(_if_readable(self._okta, group.okta_group))
        return list(await asyncio.gather(*calls))


def _owner(people: People, kind: str, key: str) -> str | None:
    if kind == "slack":
        team, _, user = key.partition("/")
        return people.person_by_slack(team, user)
    if kind == "oidc":
        return people.person_by_oidc(key)
    if kind == "token":
        return people.person_by_token(key)
    return key if key in people.people else None


def _known(people: People, person: str) -> Person:
    known = people.people.get(person)
    if known is None:
        raise Absent("nobody in people.yaml has this id", expected="an id under people")
    return known


def _could_be_in(person: Person, group: Group) -> bool:
    return bool((group.slack_usergroup and person.slack_accounts) or (group.okta_group and person.okta_user))


def _ids(person: Person) -> frozenset[str]:
    """Return a person's ids as the outside sources tell them, each with whose id it is."""
    slack = (f"slack {account.partition('/')[2]}" for account in person.slack_accounts)
    return frozenset([*slack, *([f"okta {person.okta_user}"] if person.okta_user else [])])


_People = Callable[[str], Awaitable[frozenset[str]]]


def _slack_people(slack: SlackGroups) -> _People:
    async def people(group_id: str) -> frozenset[str]:
        return frozenset(f"slack {user}" for user in await slack.usergroup_members(group_id))

    return people


def _okta_people(okta: OktaGroups) -> _People:
    async def people(group_id: str) -> frozenset[str]:
        there = await okta.group_members(group_id)
        return frozenset(f"okta {user}" for user, status in there.items() if status == _ACTIVE)

    return people


def _or_nobody(people: _People) -> _People:
    async def asked(group_id: str) -> frozenset[str]:
        try:
            return await people(group_id)
        except Absent:
            return frozenset()  # a group that does not exist means nobody

    return asked


async def _if_readable(answers: Answers[str, frozenset[str]], group_id: str) -> frozenset[str] | None:
    try:
        return await answers.of(group_id)
    except Unavailable as error:
        _log.warning("people.group_unreadable", why=error.found, group=group_id)
        return None
