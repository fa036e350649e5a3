"""The dialog that asks for the reason of a no."""

from __future__ import annotations

from typing import Any

from firedoor.domain.approval import RejectReason
from firedoor.slack.blocks import rich, section
from firedoor.slack.limits import BUTTON, MODAL_TITLE, Block
from firedoor.slack.phrases import REASONS
from firedoor.slack.reference import Reference
from firedoor.slack.text import plain, quoted, words

REJECT_VIEW = "firedoor.reject.submit"
REASON = "reason"  # block and action of the select
COMMENT = "comment"  # block and action of the sentence
SHORTEST, LONGEST = 10, 1000


def reject(reference: Reference) -> dict[str, Any]:
    """Return the dialog; the reference travels in it, for Slack sends nothing else back."""
    says = section(
        words("You say no to plan "),
        quoted(reference.fingerprint, code=True),
        words(". Nothing of what is asked there is done; one no ends the ask."),
    )
    return {
        "type": "modal",
        "callback_id": REJECT_VIEW,
        "private_metadata": reference.encode(),
        "clear_on_close": True,
        "title": plain("Say no", MODAL_TITLE),
        "submit": plain("Reject", MODAL_TITLE),
        "close": plain("Back", MODAL_TITLE),
        "blocks": [rich("says", says), _reason(), _comment()],
    }


def _reason() -> Block:
    options = [{"text": plain(says, BUTTON), "value": reason} for reason, says in REASONS.items()]
    return {
        "type": "input",
        "block_id": REASON,
        "label": plain("Reason", BUTTON),
        "element": {"type": "static_select", "action_id": REASON, "options": options},
    }


def _comment() -> Block:
    return {
        "type": "input",
        "block_id": COMMENT,
        "label": plain("What should the next responder know?", BUTTON),
        "hint": plain("It goes to the thread and into the evidence.", BUTTON),
        "element": {
            "type": "plain_text_input",
            "action_id": COMMENT,
            "multiline": True,
            "min_length": SHORTEST,
            "max_length": LONGEST,
        },
    }


def errors(reason: RejectReason | None, comment: str) -> dict[str, str]:
    """Say what is missing in a submitted dialog, by the block it is missing in."""
    found: dict[str, str] = {}
    if reason is None:
        found[REASON] = "Please choose one of the reasons."
    if not SHORTEST <= len(comment) <= LONGEST:
        found[COMMENT] = f"Please write {SHORTEST} to {LONGEST} characters for the next responder."
    return found


def told(says: str) -> dict[str, Any]:
    """Return what the dialog turns into when there is something to say and nothing to ask."""
    return {
        "type": "modal",
        "title": plain("Say no", MODAL_TITLE),
        "close": plain("Close", MODAL_TITLE),
        "blocks": [rich("told", section(quoted(says, 600)))],
    }
