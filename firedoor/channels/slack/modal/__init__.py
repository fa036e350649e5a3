"""The dialogs that Slack opens over a card."""

from firedoor.channels.slack.modal.details import details
from firedoor.channels.slack.modal.inputs import COMMENT, DECISION, LONGEST, PERSON, REASON, SHORTEST, WHAT
from firedoor.channels.slack.modal.many import SET_VIEW, set_errors
from firedoor.channels.slack.modal.many import frozen_set as set  # noqa: A004  doors say `modal.set`
from firedoor.channels.slack.modal.more import MORE_VIEW, WISHES, What, more, more_errors
from firedoor.channels.slack.modal.no import REJECT_VIEW, errors, reject
from firedoor.channels.slack.modal.words import loading, told

__all__ = [
    "COMMENT",
    "DECISION",
    "LONGEST",
    "MORE_VIEW",
    "PERSON",
    "REASON",
    "REJECT_VIEW",
    "SET_VIEW",
    "SHORTEST",
    "WHAT",
    "WISHES",
    "What",
    "details",
    "errors",
    "loading",
    "more",
    "more_errors",
    "reject",
    "set",
    "set_errors",
    "told",
]
