"""One message in the place of many: what is asked in a storm, by playbook and account."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from firedoor.channels.slack import limits
from firedoor.channels.slack.blocks import (
    Message,
    actions,
    bullets,
    button,
    context,
    fixed,
    header,
    link,
    moment,
    page_link,
    rich,
    section,
)
from firedoor.channels.slack.buttons import PAGE
from firedoor.channels.slack.deciding import frozen
from firedoor.channels.slack.interaction import REVIEW
from firedoor.channels.slack.limits import Block, fit, size
from firedoor.channels.slack.reference import LineReference
from firedoor.channels.slack.render_context import NOWHERE, Around
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.channel.messages import Cast, Digest, Line
from firedoor.domain.core.canonical import fingerprint
from firedoor.presentation.phrases import listed

_MOST_REASONS = 6
_MORE = "firedoor approvals"
_TAIL = 3  # blocks: how many lines are not shown, the buttons of the whole, and the footer

#: How something stands, worst first; whatever else there is comes after these.
_OTHERS = {
    "failed": "FAILED",
    "stuck": "STUCK",
    "reverted": "RE-OPENED",
    "parked": "parked until the thaw",
    "unverified": "changed, not verified",
    "planning": "being planned",
    "containing": "being done",
    "awaiting_approval": "being decided",
    "contained": "contained",
    "undone": "undone",
    "dismissed": "nothing to do",
    "closed": "closed",
}


def digest(digest: Digest, around: Around = NOWHERE) -> Message:
    """Draw it within Slack's limits whatever comes; lines that do not fit are counted, worst first shown."""
    lines = sorted(digest.lines, key=_worst_first)
    name = _name(digest, around)
    head = list(_head(name, digest, around))
    shown: list[Block] = []
    count = 0
    # Room for what comes after the lines is kept from the start.
    room = limits.WHOLE - size(head) - size(list(_tail(name, digest, around, len(lines))))
    for number, line in enumerate(lines):
        drawn = [block for block in _line(f"{name}:{number}", digest, line, around) if block is not None]
        room -= size(drawn)
        if room < 0 or len(head) + len(shown) + len(drawn) + _TAIL > limits.BLOCKS:
            break
        shown += drawn
        count += 1
    blocks = [*head, *shown, *_tail(name, digest, around, len(lines) - count)]
    return Message(text=_headline(digest), blocks=fit(blocks, _MORE))


def _worst_first(line: Line) -> tuple[bool, int, int, str]:
    bad = sum(line.others.get(status, 0) for status in ("failed", "stuck", "reverted"))
    return bad == 0, -line.severity.rank, -line.alike - line.outliers, line.key


def reminder(digest: Digest, around: Around = NOWHERE) -> Message:
    """Remind of what a digest still asks, in its thread and in the channel.

    Nobody is called by name: a digest does not know whose asks it stands for.
    """
    asked = sum(line.alike + line.outliers for line in digest.lines)
    if not asked:
        says = "Nothing of this is asked any more"
        return Message(text=says, blocks=(rich("remind", section(words(says))),))
    says = f"Still waiting: {asked} {'ask' if asked == 1 else 'asks'} of the message above"
    line = rich("remind", section(emoji("bell"), words(f" {says}", bold=True)))
    opens = actions("remind:open", _page(around))
    return Message(text=says, blocks=(line, opens) if opens else (line,))


def _name(digest: Digest, around: Around) -> str:
    """Begin the names of its blocks; Slack wants others whenever a message is drawn anew."""
    told = hashlib.sha256(repr((digest, around.frozen)).encode("utf-8", "replace")).hexdigest()
    return f"d{digest.number}.{told[:12]}"


def _counts(digest: Digest) -> tuple[int, int, int]:
    return (
        sum(line.alike for line in digest.lines),
        sum(line.outliers for line in digest.lines),
        sum(sum(line.others.values()) for line in digest.lines),
    )


def _headline(digest: Digest) -> str:
    """Count; our own words only."""
    alike, alone, others = _counts(digest)
    told = [f"{alike + alone} ask for a yes"] if alike + alone else []
    told += [f"{others} do not"] if others else []
    groups = f"{len(digest.lines)} {'group' if len(digest.lines) == 1 else 'groups'}"
    count = alike + alone + others
    return f"{count} response{'' if count == 1 else 's'} in {groups}: {listed(told) or 'nothing is asked'}"


def _head(name: str, digest: Digest, around: Around) -> Iterator[Block]:
    yield header(f"{name}:head", _headline(digest))
    stopped = frozen(f"{name}:frozen", around)
    if stopped is not None:
        yield stopped
    yield context(
        f"{name}:says",
        f":ocean: Many at once since {moment(digest.since)}: one message in the place of many. "
        "Nothing of what is asked here is done without a decision.",
    )


def _line(name: str, digest: Digest, line: Line, around: Around) -> Iterator[Block | None]:
    """Draw one group: what is asked, what differs, what became of the rest, and the button for all alike."""
    parts = [section(*_title(line))]
    if line.alike:
        alike = "1 ask" if line.alike == 1 else f"{line.alike} alike"
        parts.append(section(words(f"{alike}, such as: "), quoted(line.says, 120)))
    if line.outliers:
        parts.append(section(words(f"{line.outliers} asked alone, for they differ:")))
        parts.append(bullets(_alone(line, around)))
    if line.others:
        parts.append(section(words(_others(line.others))))
    yield rich(name, *parts)
    yield actions(f"{name}:buttons", _review(digest, line, name.rpartition(":")[2]))


def _title(line: Line) -> Iterator[Element]:
    yield words(f"{line.severity.value.upper()} ", bold=True)
    yield quoted(line.playbook, 64, bold=True)
    yield words(" in account ")
    yield quoted(line.account or "none", 40, code=True)


def _alone(line: Line, around: Around) -> Iterator[list[Element]]:
    for member in line.alone:
        opens = page_link("open", around.page_of(member.response))
        yield [quoted(member.says, 90), *([words(" · "), opens] if opens else [])]
    if line.outliers > len(line.alone):
        yield [words(f"… and {line.outliers - len(line.alone)} more", italic=True)]


def _others(others: Mapping[str, int]) -> str:
    known = [f"{others[status]} {says}" for status, says in _OTHERS.items() if others.get(status)]
    rest = sum(count for status, count in others.items() if status not in _OTHERS)
    return "Besides: " + ", ".join([*known, *([f"{rest} otherwise"] if rest else [])])


def _review(digest: Digest, line: Line, number: str) -> Block | None:
    """Return the button for all that are alike; None where there are none, or where none could find them."""
    try:
        value = LineReference(n=digest.number, k=line.key).encode() if line.alike else ""
    except (ValidationError, UnicodeError):
        value = ""
    if not value or len(value) > limits.VALUE:
        return None
    count = line.alike
    return button(
        f"{REVIEW}.{number}",
        f"Review {count}…",
        value,
        label=f"Look at {count} alike asks and decide on all of them at once",
        style="primary",
    )


def _tail(name: str, digest: Digest, around: Around, hidden: int) -> Iterator[Block]:
    if hidden:
        groups = "1 more group" if hidden == 1 else f"{hidden} more groups"
        says = f"… and {groups}, milder than these; see: {_MORE}"
        yield rich(f"{name}:more", section(words(says, italic=True)))
    opens = actions(f"{name}:open", _page(around))
    if opens is not None:
        yield opens
    yield context(
        f"{name}:foot",
        "Review lists all that are alike and freezes them by their hash; what comes later is not in it. "
        f"A yes to many at once needs one tier more than to one. · digest `{fixed(str(digest.number))}`",
    )


def _page(around: Around) -> Block | None:
    address = f"{around.page.rstrip('/')}/" if around.page else ""
    return link(PAGE, "Open all", address, label="Open the page with all that is asked")


def casts(told: Sequence[Cast]) -> Message:
    """Tell a digest's thread what became of words about many: how many counted, and why others did not."""
    blocks = [rich(f"cast:{len(told)}.{number}", *_cast(each)) for number, each in enumerate(told)]
    return Message(text="; ".join(map(_says, told)), blocks=fit(blocks, _MORE))


def _says(cast: Cast) -> str:
    word = "yes" if cast.word.decision == "approve" else "no"
    return f"A {word} to many at once: {_counted(cast)}"


def _counted(cast: Cast) -> str:
    refused = sum(cast.refused.values())
    says = f"it counted on {cast.counted} {'ask' if cast.counted == 1 else 'asks'}"
    return says + (f", not on {refused}" if refused else "")


def _cast(cast: Cast) -> tuple[Block, Block]:
    reasons = sorted(cast.refused.items(), key=lambda each: -each[1])
    items: list[list[Element]] = [
        [words(f"{count} × ", bold=True), quoted(reason)] for reason, count in reasons[:_MOST_REASONS]
    ]
    if len(reasons) > _MOST_REASONS:
        rest = sum(count for _, count in reasons[_MOST_REASONS:])
        items.append([words(f"{rest} × for other reasons", italic=True)])
    word = "yes" if cast.word.decision == "approve" else "no"
    lines = section(
        emoji("ballot_box_with_ballot"),
        words(" "),
        quoted(cast.word.voter.person, 80),
        words(f" said {word} to set {fingerprint(cast.word.sha256)}: "),
        words(_counted(cast), bold=True),
    )
    return lines, bullets(items)
