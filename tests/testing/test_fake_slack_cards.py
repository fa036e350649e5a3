"""The fake Slack draws the cards of Firedoor whole: no picture is left as its name."""

from __future__ import annotations

import html
import re
from typing import get_args

import pytest

from firedoor.channels.slack.card import card
from firedoor.channels.slack.thread import replies
from firedoor.domain.response.ledger import Entry, EntryKind
from firedoor.testing.slack import Workspace
from firedoor.testing.slack.drawing import Drawing
from tests.channels.slack.reports import NOW, every_standing


def names_left(drawn: str) -> list[str]:
    return re.findall(r"(?<![\w:]):[a-z_]+:(?![\w:])", html.unescape(re.sub("<[^>]*>", " ", drawn)))


@pytest.mark.parametrize("standing", sorted(every_standing()))
def test_every_picture_of_a_card_is_drawn(standing: str) -> None:
    message = card(every_standing()[standing])
    assert names_left(Drawing(Workspace()).content(message.text, list(message.blocks))) == []


def test_every_picture_of_a_thread_is_drawn() -> None:
    entries = [Entry(at=NOW, kind=kind, says="as it says") for kind in get_args(EntryKind)]
    drawing, told = Drawing(Workspace()), list(replies(entries, 0, "respond/one/00"))
    assert told
    for _, message in told:
        assert names_left(drawing.content(message.text, list(message.blocks))) == []
