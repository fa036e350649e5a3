"""Vote: one yes or no of one human, and what it takes to say it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from firedoor.domain.approval.words import Word, signable
from firedoor.domain.core import merkle
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment

Decision = Literal["approve", "reject"]
Door = Literal["slack", "cli", "http", "page"]

#: What a word about a whole set is signed as.
MANY = "vote_all"
_SAID_OF_MANY = {"decision", "voter", "door", "reason", "comment", "at"}

#: How old a proof of a fresh sign-in may be when its vote arrives.
FRESH = timedelta(minutes=5)
#: A reason that a person has to write is at least this long.
SHORTEST_REASON = 10

#: Why a person says no; `other` is a sentence of their own.
RejectReason = Literal["false_positive", "wrong_action", "bad_time", "handled_elsewhere", "other"]


class Voter(Value):
    """One human, as looked up in the people directory at the moment of the vote.

    `names` are all names this human goes by in a cloud or a detector (e-mail, IAM
    user names and ARNs); they decide who is the subject of a finding.
    """

    person: str
    groups: tuple[str, ...]
    names: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # groups whose people could not be read; they count for nothing
    account: str = ""  # the Slack account that spoke, `team/user`; "" through every other door
    claims: tuple[str, ...] = ()  # what the identity provider's own claim said that made for `groups` …
    claimed_at: Moment | None = None  # … and when it said so


#: The voter of a vote that nobody in the directory stands behind.
NOBODY = Voter(person="", groups=())


class Proof(Value):
    """A fresh proof that it is really this person: a sign-in (`max_age=0`) or a passkey, bound to one plan.

    `by` names the issuer or the passkey; `plan_sha256` is what was signed.
    """

    kind: Literal["oidc", "passkey"]
    by: Annotated[str, StringConstraints(max_length=512)]
    plan_sha256: str
    at: Moment


class Vote(Word):
    """One yes or no through one door. `id` is the door's own; the same id twice is one vote.

    ask, generation: what the card said; empty for doors that show the current ask.
    unbound:         why nobody stands behind it; such a vote never counts, and is told the first reason why.
    break_glass:     a yes of one named person alone, with its written reason in `comment`.
    among:           the hash of the frozen set, where many asks were answered at once.
    way:             what shows that this ask is one of that set.
    """

    word: ClassVar[str] = "vote"

    id: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    decision: Decision
    voter: Voter
    door: Door
    fingerprint: str
    ask: str = ""
    generation: int | None = None
    reason: RejectReason | None = None
    comment: Annotated[str, StringConstraints(max_length=1000)] = ""
    at: Moment
    unbound: str = ""
    proof: Proof | None = None
    break_glass: bool = False
    among: str = ""
    way: tuple[str, ...] = ()

    def message(self, about: str) -> bytes:
        """Return the bytes that are signed; among many it is the word about all of them."""
        if not self.among:
            return super().message(about)
        return said_of_many(self.among, self)

    def misses(self, about: str) -> str:
        """Say what keeps a signed word from being about this very ask; "" where nothing does."""
        if not self.among:
            named = self.ask and self.generation is not None
            return "" if named else "this word does not name the ask it is about; say it again"
        mine = member_leaf(about, self.ask, self.generation, self.fingerprint)
        return "" if merkle.reached(mine, self.way) == self.among else "this ask is not one of that set"


def said_of_many(sha256: str, word: Word) -> bytes:
    """Return what is signed of a word about a set; each vote in it can be traced back to exactly this."""
    return signable(MANY, sha256, word.model_dump(mode="json", include=_SAID_OF_MANY))


def member_leaf(response: str, ask: str, generation: int | None, plan_sha256: str) -> str:
    """Return the hash of one ask of a set: whose it is, which one, in which generation, about which plan."""
    return merkle.leaf({"response": response, "ask": ask, "generation": generation, "plan": plan_sha256})
