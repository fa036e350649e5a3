"""The dialog behind "More…": be reminded later, ask somebody to look, break the glass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from firedoor.channels.slack.blocks import rich, section
from firedoor.channels.slack.limits import MODAL_TITLE, Block
from firedoor.channels.slack.modal.inputs import COMMENT, LONGEST, PERSON, WHAT, Choice, comment, menu, radio
from firedoor.channels.slack.reference import Reference
from firedoor.channels.slack.text import emoji, plain, quoted, words
from firedoor.domain.approval.vote import SHORTEST_REASON

MORE_VIEW = "firedoor.more.submit"
What = Literal["snooze", "reassign", "glass"]

#: What can be chosen: what it is, and for how many minutes.
WISHES: dict[str, tuple[What, int | None]] = {
    "snooze.15": ("snooze", 15),
    "snooze.30": ("snooze", 30),
    "snooze.60": ("snooze", 60),
    "reassign": ("reassign", None),
    "glass": ("glass", None),
}
_SAYS = {
    "snooze.15": "Remind me in 15 minutes",
    "snooze.30": "Remind me in 30 minutes",
    "snooze.60": "Remind me in 60 minutes",
    "reassign": "Ask somebody to look at it",
    "glass": "Break the glass: do it now, on my word alone",
}
_MOST_PEOPLE = 100
_LONGEST_VALUE = 150


def more(reference: Reference, people: Mapping[str, str], *, glass: bool) -> dict[str, Any]:
    """Return the dialog. `people` are those who may decide, by id; `glass`: this person may break it."""
    asked: list[Choice] = [(id_, name or id_) for id_, name in people.items() if _usable(id_)][:_MOST_PEOPLE]
    left_out = {"reassign" if not asked else "", "glass" if not glass else ""}
    choices = [(wish, _SAYS[wish]) for wish in WISHES if wish not in left_out]
    blocks = [_says(reference, glass=glass), radio(WHAT, "What would you like?", choices)]
    if asked:
        blocks.append(menu(PERSON, "Whom to ask to look", asked, optional=True))
    if asked or glass:
        label = "Why, in your own words" if glass else "What should they know?"
        hint = f"To break the glass: {SHORTEST_REASON} characters or more. Kept in the evidence."
        blocks.append(comment(label, hint if glass else "Kept in the evidence.", optional=True))
    return {
        "type": "modal",
        "callback_id": MORE_VIEW,
        "private_metadata": reference.encode(),
        "clear_on_close": True,
        "title": plain("More", MODAL_TITLE),
        "submit": plain("Do it", MODAL_TITLE),
        "close": plain("Back", MODAL_TITLE),
        "blocks": blocks,
    }


def _usable(id_: str) -> bool:
    return 0 < len(id_) <= _LONGEST_VALUE


def _says(reference: Reference, *, glass: bool) -> Block:
    told = [words("About plan "), quoted(reference.fingerprint, code=True)]
    told.append(words(". A reminder does not move the deadline; whom you ask to look may decide already."))
    if glass:
        told += [
            words("\n"),
            emoji("rotating_light"),
            words(" Breaking the glass carries the plan out without anybody else's yes. ", bold=True),
            words("Your name and your reason are shown to everyone, and others review it afterwards."),
        ]
    return rich("says", section(*told))


def more_errors(what: What, *, person: str | None, comment: str) -> dict[str, str]:
    """Say what is missing in a submitted dialog, by the block it is missing in."""
    if what == "reassign" and person is None:
        return {PERSON: "Please choose whom to ask."}
    if what == "glass" and len(comment) < SHORTEST_REASON:
        return {COMMENT: f"Please write why, in {SHORTEST_REASON} characters or more."}
    return {COMMENT: f"Please write at most {LONGEST} characters."} if len(comment) > LONGEST else {}
