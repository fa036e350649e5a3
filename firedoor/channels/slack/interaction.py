"""What Slack sends when somebody presses or submits, read without trusting any of it."""

from __future__ import annotations

import re
from typing import Literal, get_args

from firedoor.channels.slack import modal
from firedoor.channels.slack.payload import (
    Clicker,
    Part,
    channel,
    chosen,
    clicker,
    part,
    payload_of,
    text,
    typed,
    unreadable,
)
from firedoor.channels.slack.reference import LineReference, Reference, SetReference, Verb, decode, decode_as
from firedoor.domain.approval.vote import Decision, RejectReason
from firedoor.domain.core.value import Value

__all__ = [
    "REVIEW",
    "Clicker",
    "Ignored",
    "Interaction",
    "MoreSubmit",
    "Press",
    "RejectSubmit",
    "Review",
    "SetSubmit",
    "payload_of",
    "read",
]

_ACTIONS: dict[str, Verb] = {f"firedoor.{verb}": verb for verb in get_args(Verb)}
#: The button of a digest line; a message may hold many, so a dot and a number follow.
REVIEW = "firedoor.review"
_REVIEW = re.compile(rf"{re.escape(REVIEW)}(\.\d{{1,4}})?")
_PERSON = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_URL = 2000


class Press(Value):
    """A button of a card was pressed."""

    kind: Literal["press"] = "press"
    by: Clicker
    reference: Reference
    channel: str
    trigger_id: str
    response_url: str  # a capability: never logged


class Review(Value):
    """The button of a digest line was pressed: somebody wants to look at all its asks at once."""

    kind: Literal["review"] = "review"
    by: Clicker
    digest: int
    key: str
    channel: str
    trigger_id: str
    response_url: str  # as above


class RejectSubmit(Value):
    """The dialog of a no was submitted."""

    kind: Literal["reject"] = "reject"
    by: Clicker
    reference: Reference
    reason: RejectReason | None
    comment: str


class MoreSubmit(Value):
    """The dialog behind "More…" was submitted.

    `minutes` is set for `snooze` and for nothing else; `person` is who was chosen, whatever `what`.
    """

    kind: Literal["more"] = "more"
    by: Clicker
    reference: Reference
    what: modal.What
    minutes: int | None
    person: str | None
    comment: str


class SetSubmit(Value):
    """The dialog about a frozen set of asks was submitted."""

    kind: Literal["set"] = "set"
    by: Clicker
    sha256: str
    decision: Decision
    reason: RejectReason | None
    comment: str


class Ignored(Value):
    """Something that needs no answer, such as a closed dialog or a link button."""

    kind: Literal["ignored"] = "ignored"
    by: Clicker
    why: str


Interaction = Press | Review | RejectSubmit | MoreSubmit | SetSubmit | Ignored


def read(payload: object) -> Interaction:
    """Read a payload; raises `Unreadable` on anything that Slack would not send."""
    if not isinstance(payload, dict):
        raise unreadable("a payload that is no JSON object")
    by = clicker(payload)
    kind = payload.get("type")
    if kind == "block_actions":
        return _press(payload, by)
    if kind == "view_submission":
        return _submit(part(payload, "view"), by)
    return Ignored(by=by, why="not a press and not a submitted dialog")


def _press(payload: Part, by: Clicker) -> Press | Review | Ignored:
    pressed = payload.get("actions")
    if not isinstance(pressed, list) or len(pressed) != 1 or not isinstance(pressed[0], dict):
        raise unreadable("a press of not exactly one button")
    action_id, value = pressed[0].get("action_id"), pressed[0].get("value")
    if not isinstance(action_id, str):
        raise unreadable("a press of a button without a name")
    reviews = _REVIEW.fullmatch(action_id) is not None
    verb = _ACTIONS.get(action_id)
    if verb is None and not reviews:
        return Ignored(by=by, why="not a button that decides anything")
    where = channel(payload)
    trigger_id = text(payload, "trigger_id", most=200)
    response_url = text(payload, "response_url", missing="", most=_URL)
    if reviews:
        line = decode_as(LineReference, value)
        return Review(
            by=by,
            digest=line.n,
            key=line.k,
            channel=where,
            trigger_id=trigger_id,
            response_url=response_url,
        )
    reference = decode(value)
    if reference.d != verb:
        raise unreadable("a button whose value belongs to another button")
    return Press(by=by, reference=reference, channel=where, trigger_id=trigger_id, response_url=response_url)


def _submit(view: Part, by: Clicker) -> RejectSubmit | MoreSubmit | SetSubmit | Ignored:
    values = part(part(view, "state"), "values")
    metadata = view.get("private_metadata")
    match view.get("callback_id"):
        case modal.REJECT_VIEW:
            return RejectSubmit(
                by=by,
                reference=_of_button(metadata, "reject"),
                reason=_reason(values),
                comment=typed(values, modal.COMMENT),
            )
        case modal.MORE_VIEW:
            return _more(_of_button(metadata, "more"), values, by)
        case modal.SET_VIEW:
            return SetSubmit(
                by=by,
                sha256=decode_as(SetReference, metadata).s,
                decision=_decision(values),
                reason=_reason(values),
                comment=typed(values, modal.COMMENT),
            )
    return Ignored(by=by, why="not a dialog of ours")


def _of_button(metadata: object, verb: Verb) -> Reference:
    reference = decode(metadata)
    if reference.d != verb:
        raise unreadable("a dialog that belongs to another button")
    return reference


def _more(reference: Reference, values: Part, by: Clicker) -> MoreSubmit:
    wish = chosen(values, modal.WHAT)
    what, minutes = modal.WISHES.get(wish, (None, None)) if isinstance(wish, str) else (None, None)
    if what is None:
        raise unreadable("a dialog in which nothing of ours was chosen")
    person = chosen(values, modal.PERSON)
    if person is not None and not (isinstance(person, str) and _PERSON.fullmatch(person)):
        raise unreadable("a person who is no id of a person")
    return MoreSubmit(
        by=by,
        reference=reference,
        what=what,
        minutes=minutes,
        person=person,
        comment=typed(values, modal.COMMENT),
    )


def _reason(values: Part) -> RejectReason | None:
    said = chosen(values, modal.REASON)
    return next((reason for reason in get_args(RejectReason) if reason == said), None)


def _decision(values: Part) -> Decision:
    said = chosen(values, modal.DECISION)
    if said == "approve":
        return "approve"
    if said == "reject":
        return "reject"
    raise unreadable("a dialog in which neither yes nor no was chosen")
