"""People: who is who in Slack, in the identity provider and in the clouds, and in which groups."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from firedoor.domain.approval import Voter
from firedoor.domain.policy import GroupName
from firedoor.domain.problem import Mistake, Mistakes, did_you_mean
from firedoor.domain.strict_yaml import Written

PersonId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]
SlackIdentity = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,20}/[UW][A-Z0-9]{1,20}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Person(Written):
    """One human. What is left out, this human cannot use: no `slack` means no vote from Slack.

    slack:        `team/user`, such as T012AB3CD/U045EF6GH.
    oidc:         the subject (`sub`) that the identity provider gives.
    token_sha256: SHA-256 of a personal token, 64 lower-case hex digits.
    principals:   IAM user names and ARNs that are this human.
    """

    name: Words
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=256)] | None = None
    slack: SlackIdentity | None = None
    oidc: Words | None = None
    token_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, repr=False
    )
    principals: tuple[Words, ...] = ()


class People(Written):
    """`config/people.yaml`: people by id, and groups of their ids. An empty group means nobody."""

    people: dict[PersonId, Person] = Field(default_factory=dict)
    groups: dict[GroupName, tuple[PersonId, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        mistakes = [*self._strangers(), *self._doubles()]
        if mistakes:
            raise Mistakes(*mistakes)
        return self

    def _strangers(self) -> Iterator[Mistake]:
        for group, members in self.groups.items():
            for number, member in enumerate(members):
                if member not in self.people:
                    yield Mistake(
                        found=f"{member!r}, who is nobody here",
                        expected="the id of one of the people",
                        mend=did_you_mean(member, self.people)
                        or f"add {member!r} under people, or remove it",
                        way=("groups", group, number),
                    )

    def _doubles(self) -> Iterator[Mistake]:
        same: dict[str, Callable[[Person], str | None]] = {
            "slack": lambda person: person.slack,
            "token_sha256": lambda person: person.token_sha256,
            "oidc": lambda person: person.oidc,
            "email": lambda person: person.email.casefold() if person.email else None,
        }
        for key, of in same.items():
            first: dict[str, str] = {}
            for id_, person in self.people.items():
                value = of(person)
                if value is not None and first.setdefault(value, id_) != id_:
                    yield Mistake(
                        found=f"{id_!r} has the same {key} as {first[value]!r}",
                        expected="one person for it",
                        mend="one human is one entry: merge the two, or correct one",
                        way=("people", id_, key),
                    )

    def person_by_slack(self, team: str, user: str) -> str | None:
        """Return the id of the person behind a Slack account; a name or an e-mail is no identity."""
        wanted = f"{team}/{user}"
        return next((id_ for id_, person in self.people.items() if person.slack == wanted), None)

    def person_by_oidc(self, subject: str) -> str | None:
        """Return the id of the person whom the identity provider calls `subject`."""
        return next((id_ for id_, person in self.people.items() if subject and person.oidc == subject), None)

    def person_by_token(self, sha256: str) -> str | None:
        """Return the id of the person whose personal token has this SHA-256; the time tells nothing."""
        given = sha256.encode()
        found = None
        for id_, person in self.people.items():
            if hmac.compare_digest(given, (person.token_sha256 or "").encode()) and given:
                found = id_
        return found

    def groups_of(self, person: str) -> frozenset[str]:
        """Return the groups a person is in; none for somebody unknown."""
        return frozenset(group for group, members in self.groups.items() if person in members)

    def members(self, group: str) -> frozenset[str]:
        """Return the people of a group; a group nobody knows has nobody in it."""
        return frozenset(self.groups.get(group, ()))

    def voter(self, person: str) -> Voter:
        """Return a person as a voter: groups and names as they are now. Raises KeyError for a stranger."""
        known = self.people[person]
        emails = dict.fromkeys([known.email, known.email.lower()] if known.email else [])
        return Voter(
            person=person,
            groups=tuple(sorted(self.groups_of(person))),
            names=(*emails, *known.principals),
        )
