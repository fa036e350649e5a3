"""The dialog that asks for the reason of a no."""

from __future__ import annotations

from typing import Any

from firedoor.channels.slack.blocks import rich, section
from firedoor.channels.slack.limits import MODAL_TITLE
from firedoor.channels.slack.modal.inputs import COMMENT, LONGEST, REASON, SHORTEST, comment, reason
from firedoor.channels.slack.reference import Reference
from firedoor.channels.slack.text import plain, quoted, words
from firedoor.domain.approval.vote import RejectReason

REJECT_VIEW = "firedoor.reject.submit"


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
        "blocks": [
            rich("says", says),
            reason(),
            comment("What should the next responder know?", "It goes to the thread and into the evidence."),
        ],
    }


def errors(reason: RejectReason | None, comment: str) -> dict[str, str]:
    """Say what is missing in a submitted dialog, by the block it is missing in."""
    found: dict[str, str] = {}
    if reason is None:
        found[REASON] = "Please choose one of the reasons."
    if not SHORTEST <= len(comment) <= LONGEST:
        found[COMMENT] = f"Please write {SHORTEST} to {LONGEST} characters for the next responder."
    return found
