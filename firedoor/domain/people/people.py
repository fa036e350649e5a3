"""People: who is who in Slack, in the identity provider and in the clouds, and in which groups."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from firedoor.domain.approval.policy import GroupName
from firedoor.domain.approval.vote import Voter
from firedoor.domain.yaml.problem import Mistake, Mistakes, Way, did_you_mean
from firedoor.domain.yaml.reader import Written

PersonId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,63}$")]
SlackIdentity = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{1,20}/[UW][A-Z0-9]{1,20}$")]
OktaUser = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def _one_spelling(text: str) -> str:
    """Refuse what is no base64url, and a second spelling of the same bytes."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        data = b""
    if not data or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise ValueError("what is no base64url without padding")
    return text


Base64Url = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,4096}$"), AfterValidator(_one_spelling)
]


class Passkey(Written):
    """A passkey (WebAuthn): its credential id and its COSE public key, both as base64url."""

    name: Words
    id: Base64Url
    key: Base64Url


class Person(Written):
    """One human. What is left out, this human cannot use: no `slack` means no vote from Slack.

    slack:        `team/user`, such as T012AB3CD/U045EF6GH, or a list of them.
    oidc:         the subject (`sub`) that the identity provider gives.
    okta:         the user id in Okta, such as 00u1ab…; left out, `oidc`, which is the same in Okta.
    token_sha256: SHA-256 of a personal token, 64 lower-case hex digits.
    passkeys:     what signs a yes to the highest tier.
    principals:   other names of this human: IAM user names and ARNs, e-mails in commits.
    """

    name: Words
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=256)] | None = None
    slack: SlackIdentity | Annotated[tuple[SlackIdentity, ...], Field(min_length=1)] | None = None
    oidc: Words | None = None
    okta: OktaUser | None = None
    token_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, repr=False
    )
    passkeys: tuple[Passkey, ...] = ()
    principals: tuple[Words, ...] = ()

    @property
    def slack_accounts(self) -> tuple[str, ...]:
        """Every Slack account of this human, as `team/user`."""
        return (self.slack,) if isinstance(self.slack, str) else self.slack or ()

    @property
    def okta_user(self) -> str | None:
        """The id in Okta, which is also the subject that Okta gives by OIDC."""
        return self.okta or self.oidc


class Group(Written):
    """People by their ids, by groups that others keep, or by both: whoever is in one of them is in it.

    slack_usergroup: a Slack user group, such as S0614TZR7.
    okta_group:      a group in Okta, such as 00g1ab…
    oidc_group:      what the identity provider's claim of groups says of its people, in the sign-in itself.
    """

    written_as: ClassVar[str] = "a mapping with people, slack_usergroup, okta_group, oidc_group"

    people: tuple[PersonId, ...] = ()
    slack_usergroup: Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{1,20}$")] | None = None
    okta_group: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    oidc_group: Words | None = None

    @property
    def outside(self) -> bool:
        """Whether somebody else keeps a part of it, which is looked up at the click."""
        return any((self.slack_usergroup, self.okta_group, self.oidc_group))


class People(Written):
    """`config/people.yaml`: people by id, and groups of them. An empty group means nobody.

    A group is a list of ids, or a mapping that also names who else keeps people of it.
    """

    people: dict[PersonId, Person] = Field(default_factory=dict)
    groups: dict[GroupName, tuple[PersonId, ...] | Group] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        mistakes = [*self._strangers(), *self._doubles()]
        if mistakes:
            raise Mistakes(*mistakes)
        return self

    def _strangers(self) -> Iterator[Mistake]:
        for name, group in self.groups.items():
            way: Way = ("groups", name, "people") if isinstance(group, Group) else ("groups", name)
            for number, member in enumerate(self.group(name).people):
                if member not in self.people:
                    yield Mistake(
                        found=f"{member!r}, who is nobody here",
                        expected="the id of one of the people",
                        mend=did_you_mean(member, self.people)
                        or f"add {member!r} under people, or remove it",
                        way=(*way, number),
                    )

    def _doubles(self) -> Iterator[Mistake]:
        told: set[Way] = set()
        for key, of in _IDENTITIES.items():
            first: dict[str, str] = {}
            for id_, person in self.people.items():
                for way, value in of(person):
                    owner = first.setdefault(value, id_)
                    if owner != id_ and (id_, *way) not in told:
                        told.add((id_, *way))  # a subject that is an Okta id as well is one mistake
                        yield Mistake(
                            found=f"{id_!r} has the same {key} as {owner!r}",
                            expected="one person for it",
                            mend="one human is one entry: merge the two, or correct one",
                            way=("people", id_, *way),
                        )

    def person_by_slack(self, team: str, user: str) -> str | None:
        """Return the id of the person behind a Slack account; a name or an e-mail is no identity."""
        wanted = f"{team}/{user}"
        return next((id_ for id_, person in self.people.items() if wanted in person.slack_accounts), None)

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

    def group(self, name: str) -> Group:
        """Return a group in its long form; one that nobody knows has nobody in it."""
        written = self.groups.get(name, ())
        return written if isinstance(written, Group) else Group(people=written)

    def groups_of(self, person: str) -> frozenset[str]:
        """Return the groups in which this file says a person is; none for somebody unknown."""
        return frozenset(name for name in self.groups if person in self.group(name).people)

    def members(self, group: str) -> frozenset[str]:
        """Return the people whom this file says are in a group; others may keep more of it."""
        return frozenset(self.group(group).people)

    def voter(self, person: str, *, also: Iterable[str] = ()) -> Voter:
        """Return a person as a voter, with the groups of this file and those proven elsewhere (`also`).

        Raises KeyError for a stranger.
        """
        known = self.people[person]
        emails = dict.fromkeys([known.email, known.email.lower()] if known.email else [])
        return Voter(
            person=person,
            groups=tuple(sorted(self.groups_of(person) | set(also))),
            names=(*emails, *known.principals),
        )


def _text(key: str, value: str | None) -> Iterator[tuple[Way, str]]:
    if value is not None:
        yield (key,), value


def _of_slack(person: Person) -> Iterator[tuple[Way, str]]:
    for number, account in enumerate(person.slack_accounts):
        yield ("slack",) if isinstance(person.slack, str) else ("slack", number), account


def _of_passkeys(person: Person) -> Iterator[tuple[Way, str]]:
    for number, passkey in enumerate(person.passkeys):
        yield ("passkeys", number, "id"), passkey.id


#: What is one human's alone, with the way to it below the person.
_IDENTITIES: dict[str, Callable[[Person], Iterator[tuple[Way, str]]]] = {
    "slack": _of_slack,
    "token_sha256": lambda person: _text("token_sha256", person.token_sha256),
    "oidc": lambda person: _text("oidc", person.oidc),
    "okta": lambda person: _text("okta" if person.okta else "oidc", person.okta_user),
    "passkey": _of_passkeys,
    "email": lambda person: _text("email", person.email.casefold() if person.email else None),
}


def identities(person: Person, key: str) -> frozenset[str]:
    """Return what nobody else may have under a key of a person (`passkeys` by their ids).

    An id in Okta and a subject by OIDC are one and the same there.
    """
    also = {"passkeys": ("passkey",), "oidc": ("oidc", "okta"), "okta": ("okta", "oidc")}
    return frozenset(value for name in also.get(key, (key,)) for _, value in _IDENTITIES[name](person))
