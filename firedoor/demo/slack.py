"""The demo's people in the fake Slack: what they are shown there, and what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from rich.text import Text

from firedoor.cli.terminal import safe
from firedoor.demo.response import Broken, Incident, expect, is_decided, state_of
from firedoor.demo.slack_page import Card, SlackPage
from firedoor.demo.stage import Stage
from firedoor.domain.response.messages import Report

T = TypeVar("T")

_APPROVE: Final = "firedoor.approve"
_UNDO: Final = "firedoor.undo"  # on a card on which nothing is under way any more
_PATIENCE: Final = 45.0  # seconds until something that should happen counts as not happening
_PEOPLE_TAKE: Final = 25 * 60.0  # seconds; the ask itself is open for half an hour
_PAUSE: Final = 0.1


def decided_in_slack(page: SlackPage, stage: Stage, incident: Incident) -> bool:
    """Show the card, let two people press, and show what became of it; whether they said yes."""
    report = incident.asking()
    expect(report.ask is not None, "nobody is asked")
    fingerprint = report.ask.fingerprint if report.ask else ""
    card = _until("the card in Slack", lambda: _about(page, fingerprint), incident)
    expect(_APPROVE in card.actions, "the card has no button to approve")
    stage.card("in Slack, #soc", _shown(card))
    granted = _by_people(page, stage, incident) if stage.asks else _by_themselves(page, stage, incident, card)
    if granted:
        incident.verified("delete_key")
    closed = _until("the card with its outcome", lambda: _closed(page, card.ts), incident)
    stage.card("the same card now", _shown(closed))
    return granted


def _by_themselves(page: SlackPage, stage: Stage, incident: Incident, card: Card) -> bool:
    """Press as both, where nobody is there to do it."""
    why = "--yes" if stage.told_yes else "there is no terminal, so as with --yes"
    stage.small(f"they press by themselves ({why}), through the page of the fake Slack")
    page.press("alice", card, _APPROVE)
    incident.until("Alice's vote", lambda report: _voters(report) == ("alice",))
    stage.good("Alice", "presses Approve", "counted, 1 to go")
    page.press("alice", card, _APPROVE)
    expect(_voters(incident.now()) == ("alice",), "Alice's second press counted")
    stage.good("Alice", "presses it again: one person has one vote", "still 1 to go")
    page.press("bob", card, _APPROVE)
    report = incident.until("the decision", is_decided)
    granted = state_of(report) == "granted" and set(_voters(report)) == {"alice", "bob"}
    expect(granted, "two yeses in Slack did not grant it")
    stage.good("Bob", "presses Approve", "granted")
    return granted


def _by_people(page: SlackPage, stage: Stage, incident: Incident) -> bool:
    """Wait for people in a browser; every vote is told as it comes."""
    stage.say(f"Open {page.url}/ in a browser. Under “You are” choose alice, and press Approve.")
    stage.say("Then be bob, and press it, too. Or say no: Reject…. Be carol, and see what does not count.")
    told: tuple[str, ...] = ()
    while True:
        with stage.waiting("waiting for two people in the browser (Ctrl-C ends the demo) …"):
            report = incident.until("the decision", _more_than(told), patience=_PEOPLE_TAKE)
        for vote in report.ask.votes[len(told) :] if report.ask else ():
            said = "says yes in Slack" if vote.decision == "approve" else f"says no in Slack: {vote.reason}"
            stage.good(vote.voter.person.capitalize(), said, "counted")
        told = _voters(report)
        if is_decided(report):
            granted = state_of(report) == "granted"
            says = "looked up once more who said yes" if granted else "leaves it as it is"
            stage.good("Firedoor", says, state_of(report))
            return granted


def _more_than(told: tuple[str, ...]) -> Callable[[Report], bool]:
    return lambda report: is_decided(report) or len(_voters(report)) > len(told)


def _voters(report: Report) -> tuple[str, ...]:
    return tuple(vote.voter.person for vote in report.ask.votes) if report.ask else ()


# ---- reading the page ---------------------------------------------------------------------


def _about(page: SlackPage, words: str) -> Card | None:
    return next((card for card in reversed(page.cards()) if any(words in line for line in card.lines)), None)


def _closed(page: SlackPage, ts: str) -> Card | None:
    return next((card for card in page.cards() if card.ts == ts and _UNDO in card.actions), None)


def _until(what: str, look: Callable[[], T | None], incident: Incident) -> T:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        incident.still_runs()
        if (found := look()) is not None:
            return found
        time.sleep(_PAUSE)
    raise Broken(f"{what} did not come", expected=f"within {_PATIENCE:.0f} s")


def _shown(card: Card) -> Iterator[Text]:
    yield from (safe(line) for line in card.lines)
