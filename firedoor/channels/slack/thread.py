"""The thread under a card: one line for each thing that happened."""

from __future__ import annotations

from collections.abc import Sequence

from firedoor.channels.slack.blocks import Message, rich, section
from firedoor.channels.slack.limits import fit
from firedoor.channels.slack.text import Element, emoji, quoted, words
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.presentation.phrases import REASONS
from firedoor.presentation.times import utc

_LINES = 15  # in one message
_MESSAGES = 4  # at once; Slack takes about one a second in a channel

_WORDS: dict[EntryKind, tuple[str, str]] = {
    "received": ("inbox_tray", "received"),
    "joined": ("inbox_tray", "joined"),
    "planned": ("memo", "planned"),
    "asked": ("raised_hand", "asked"),
    "voted": ("ballot_box_with_ballot", "voted"),
    "voided": ("no_entry_sign", "NO LONGER COUNTS"),
    "reminded": ("bell", "reminded"),
    "snoozed": ("zzz", "reminder put off"),
    "reassigned": ("point_right", "asked to look"),
    "glass": ("rotating_light", "GLASS BROKEN"),
    "reviewed": ("eyes", "reviewed"),
    "decided": ("scales", "decided"),
    "begun": ("hourglass_flowing_sand", "begun"),
    "applied": ("wrench", "changed"),
    "verified": ("white_check_mark", "verified"),
    "unverified": ("warning", "NOT VERIFIED"),
    "failed": ("x", "FAILED"),
    "parked": ("snowflake", "PARKED"),
    "settled": ("heavy_minus_sign", "nothing done"),
    "moved": ("hourglass_flowing_sand", "a later fact reaches further; done again"),
    "drifted": ("warning", "the world changed"),
    "reverted": ("rotating_light", "RE-OPENED"),
    "undo_requested": ("leftwards_arrow_with_hook", "undo asked for"),
    "undoing": ("leftwards_arrow_with_hook", "taking back"),
    "undone": ("leftwards_arrow_with_hook", "taken back"),
    "stuck": ("rotating_light", "STUCK"),
    "noted": ("information_source", "noted"),
    "closed": ("lock", "closed"),
}


def line(entry: Entry) -> list[Element]:
    """Tell one ledger entry."""
    picture, says = _WORDS[entry.kind]
    told = [emoji(picture), words(f" {utc(entry.at, '%H:%M:%S')} "), words(says, bold=True)]
    if entry.step:
        told += [words(" "), quoted(entry.step, 80, code=True)]
    return [*told, words(" "), quoted(entry.says), *_reason(entry)]


def _reason(entry: Entry) -> list[Element]:
    """Tell the next responder why somebody said no."""
    vote = entry.data.get("vote")
    if not isinstance(vote, dict):
        return []
    told: list[Element] = []
    for reason, says in REASONS.items():
        if vote.get("reason") == reason:
            told.append(words(f" ({says.lower()})"))
    if vote.get("comment"):
        told += [words(": “"), quoted(str(vote["comment"]), 1000), words("”")]
    return told


def replies(entries: Sequence[Entry], first: int, response: str) -> tuple[tuple[int, Message], ...]:
    """Tell entries in as few messages as they need, each with how many it tells; `first` is their number."""
    messages: list[tuple[int, Message]] = []
    for start in range(0, len(entries), _LINES):
        last = len(messages) == _MESSAGES - 1
        part = entries[start : start + _LINES]
        rest = len(entries) - start - len(part) if last else 0
        messages.append((len(part) + rest, _reply(part, rest, first + start, response)))
        if last:
            break
    return tuple(messages)


def _reply(entries: Sequence[Entry], rest: int, number: int, response: str) -> Message:
    elements: list[Element] = []
    for entry in entries:
        elements += [*line(entry), words("\n")]
    more = f"firedoor responses {response}"
    if rest:
        elements.append(words(f"… ({rest} more, see: {more})", italic=True))
    kinds = ", ".join(dict.fromkeys(_WORDS[entry.kind][1] for entry in entries))
    return Message(text=kinds, blocks=fit([rich(f"line:{number}", section(*elements))], more))
