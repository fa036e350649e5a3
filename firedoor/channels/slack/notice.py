"""What only the person who pressed is told."""

from __future__ import annotations

from firedoor.channels.slack.blocks import Message, rich, section
from firedoor.channels.slack.limits import fit
from firedoor.channels.slack.text import emoji, quoted, words


def notice(picture: str, says: str, reason: str = "", then: str = "") -> Message:
    """Say what happened, why, and what to do; `says` and `then` are our own words, `reason` may not be."""
    elements = [emoji(picture), words(f" {says}", bold=True)]
    if reason:
        elements += [words(" "), quoted(reason, 600)]
    if then:
        elements.append(words(f"\n{then}"))
    return Message(text=says, blocks=fit([rich("notice", section(*elements))], "firedoor responses"))
