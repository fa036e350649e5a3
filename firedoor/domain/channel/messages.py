"""The shapes in which responses, the on-call desk and its writer talk to each other."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firedoor.domain.approval.vote import MANY, Decision, Door, RejectReason, Voter, said_of_many
from firedoor.domain.approval.words import Word
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment, Severity
from firedoor.domain.response.contract import Status

#: What is written first: an outcome before a new ask before a count or a line in a thread.
Urgency = Literal["outcome", "ask", "count"]


class Notice(Value):
    """A response has something to show; small, for the desk reads the rest when it writes."""

    response: str
    run: Moment  # when the response began: one that answers the same incident again has the same id
    version: int  # a later version wins
    urgency: Urgency
    playbook: str
    account: str
    severity: Severity
    status: Status
    says: str  # the first step's own clause, for a line of a digest
    asking: bool = False
    reviewing: bool = False  # others are asked to look at a broken glass
    ask: str = ""  # the number of the open ask
    generation: int = 0
    plan_sha256: str = ""
    deadline: Moment | None = None
    alike: str = ""  # digest of what makes two asks of a playbook and an account alike
    reminded: int = 0  # how often people were reminded or somebody was asked to look; more is a new message
    closed: bool = False


class ShowOrder(Value):
    """Hand a notice to the desk of a channel, and start the desk where there is none."""

    channel: str
    notice: Notice


class MessageRef(Value):
    """A message on the desk: where it is, and for which ask it was posted."""

    channel: str
    ts: str
    ask: str = ""
    generation: int = 0
    told: int = 0  # how many ledger entries its thread tells already
    reminded: int = 0  # how many reminders its thread tells already


class Member(Value):
    """One ask among those that a digest line stands for."""

    response: str
    ask: str
    generation: int
    plan_sha256: str
    says: str
    severity: Severity


class Line(Value):
    """One line of a digest: the asks (and outcomes) of one playbook in one account, counted.

    `alike` counts asks that are alike, `says` is one of them; `outliers` counts those that differ from
    them, of which the first are `alone`. `others` counts what needs nobody's yes, by how it stands.
    """

    key: str  # playbook and account, as a reference in a button
    playbook: str
    account: str
    severity: Severity
    alike: int = 0
    says: str = ""
    outliers: int = 0
    alone: tuple[Member, ...] = ()
    others: dict[str, int] = Field(default_factory=dict)


class Digest(Value):
    """One message in the place of many."""

    number: int
    since: Moment
    lines: tuple[Line, ...]


class FrozenSet(Value):
    """The asks that somebody looked at together, as they were then; a vote about them signs `sha256`."""

    sha256: str
    digest: int
    playbook: str
    account: str
    members: tuple[Member, ...]
    left_out: int = 0  # asks of the same line that differ
    more: int = 0  # asks that are alike and did not fit into one set
    at: Moment


class GatherOrder(Value):
    """Freeze what one line of a digest stands for now."""

    digest: int
    key: str


class VoteAll(Word):
    """One word of one person about every ask of a frozen set."""

    word: ClassVar[str] = MANY

    id: str
    sha256: str
    decision: Decision
    voter: Voter
    door: Door
    reason: RejectReason | None = None
    comment: Annotated[str, Field(max_length=1000)] = ""
    at: Moment

    def message(self, about: str) -> bytes:
        """Return the bytes that are signed; it is about its set, whatever desk it is said to."""
        del about
        return said_of_many(self.sha256, self)


class Cast(Value):
    """What became of a word about many: how many counted, and why the others did not."""

    word: VoteAll
    counted: int
    refused: dict[str, int] = Field(default_factory=dict)  # the reason -> how many


class CastOrder(Value):
    """Hand a word about many to each of them; `opening` is what the set's hash begins with."""

    word: VoteAll
    members: tuple[Member, ...]
    opening: str = ""


class WriteOrder(Value):
    """Write one message: the card of a response, a digest, or a line in a thread.

    card:     draw the card anew, or post it where there is none.
    thread:   tell the thread what happened since.
    reminder: remind people in the thread of a card or a digest, shown in the channel too.
    digest:   draw or post a digest.
    cast:     tell a digest's thread what became of words about many, in one message that grows.
    """

    what: Literal["card", "thread", "reminder", "digest", "cast"]
    channel: str
    response: str = ""
    ref: MessageRef | None = None
    digest: Digest | None = None
    casts: tuple[Cast, ...] = ()
    said: MessageRef | None = None  # the message in a digest's thread that tells them
    frozen: str = ""  # who threw the kill switch and why; "" while it is not


class Written(Value):
    """What became of a write. `limited` says for how many seconds the channel has to rest."""

    ref: MessageRef | None = None
    version: int = 0  # of the response, as it was drawn
    limited: float = 0
    gone: bool = False  # the response does not exist any more
    more: bool = False  # the thread has more to tell
    posted: bool = False  # it was a new message, not an edit


class Shown(Value):
    """What the desk knows of one response: its last notice, its message, and what of it is drawn.

    `digest` is the number of the digest that stands in the place of its own message, 0 where none does.
    """

    notice: Notice
    ref: MessageRef | None = None
    drawn: int = -1  # the version that its message shows
    digest: int = 0
    frozen: str = ""  # what its message says of the kill switch
    thread: bool = False  # the thread has something to tell
    since: Moment  # when it came, or when it asked anew


class Opened(Value):
    """One digest: when it was begun, where it stands, and which votes about it are under way."""

    number: int
    since: Moment
    joined_at: Moment | None = None  # when the last one was taken in
    ref: MessageRef | None = None
    stale: bool = True  # it is to be drawn anew
    drawn_at: Moment | None = None
    reminded: bool = False  # its people are to be reminded
    alone: int = 0  # how many of its asks that differ got a card of their own
    casts: tuple[Cast, ...] = ()  # what became of the last words about it
    said: MessageRef | None = None  # the message in its thread that tells them
    unsaid: bool = False  # that message is to be drawn anew


class BoardState(Value):
    """What the desk of a channel takes along when it continues as new.

    `packed` holds what it knows of each response, `packed_sets` the sets that may be voted on: zlib over
    JSON, for a payload of Temporal's holds 2 MB at most.
    """

    channel: str
    packed: str = ""
    digests: tuple[Opened, ...] = ()
    packed_sets: str = ""
    packed_casting: str = ""  # words about many that are not handed out yet
    frozen: str = ""
