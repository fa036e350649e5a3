"""The dialog that decides on a frozen set of asks at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from firedoor.channels.slack.blocks import bullets, rich, section
from firedoor.channels.slack.limits import MODAL_TITLE, WHOLE_VIEW, fit
from firedoor.channels.slack.modal import no
from firedoor.channels.slack.modal.inputs import COMMENT, DECISION, LONGEST, comment, radio, reason
from firedoor.channels.slack.reference import SetReference
from firedoor.channels.slack.text import Element, plain, quoted, words
from firedoor.domain.approval.vote import Decision, RejectReason
from firedoor.domain.channel.batches import MOST_MEMBERS
from firedoor.domain.channel.messages import FrozenSet, Member
from firedoor.domain.core.canonical import fingerprint

SET_VIEW = "firedoor.set.submit"

_A_BLOCK = 20  # members listed in one block, so that each block stays within its limit
_MOST_BLOCKS = 8


def frozen_set(frozen: FrozenSet, raised: str) -> dict[str, Any]:
    """Return the dialog. `raised` says who has to say yes to all of them: one tier higher than to each."""
    count = len(frozen.members)
    head = section(
        words(f"{count} asks", bold=True),
        words(" of playbook "),
        quoted(frozen.playbook, 64, code=True),
        words(" in account "),
        quoted(frozen.account, 64, code=True),
        words(" · set "),
        quoted(fingerprint(frozen.sha256), code=True),
        words(
            "\nThe set is frozen: what came since is not in it, and each ask still counts by its own rules."
        ),
    )
    left = section(words(" ".join(_left(frozen))))
    who = section(words("To say yes to all of them: ", bold=True), quoted(raised, 400))
    listed = [
        rich(f"set:{start}", bullets([_item(member) for member in frozen.members[start : start + _A_BLOCK]]))
        for start in range(0, min(count, _A_BLOCK * _MOST_BLOCKS), _A_BLOCK)
    ]
    hidden = count - _A_BLOCK * _MOST_BLOCKS
    rest = [rich("rest", section(words(f"… and {hidden} more of the same, all in the set.", italic=True)))]
    blocks = [rich("says", head, left, who), *listed, *(rest if hidden > 0 else [])]
    return {
        "type": "modal",
        "callback_id": SET_VIEW,
        "private_metadata": SetReference(s=frozen.sha256).encode(),
        "clear_on_close": True,
        "title": plain(f"Review {count}", MODAL_TITLE),
        "submit": plain("Send", MODAL_TITLE),
        "close": plain("Back", MODAL_TITLE),
        "blocks": [
            *fit(blocks, "firedoor approvals", WHOLE_VIEW),
            radio(
                DECISION,
                f"Your word about set {fingerprint(frozen.sha256)}",
                [("approve", f"Approve all {count}"), ("reject", f"Reject all {count}")],
            ),
            reason("Reason, for a no", optional=True),
            comment(
                "What should the next responder know?",
                "Needed for a no. It goes to each thread and into the evidence.",
                optional=True,
            ),
        ],
    }


def _left(frozen: FrozenSet) -> Iterator[str]:
    """Say what is asked beside the set, and why it is not in it."""
    if frozen.left_out:
        yield f"{frozen.left_out} differ from these and are asked alone."
    if frozen.more:
        yield f"{frozen.more} more are alike and wait for your next look: one set has {MOST_MEMBERS} at most."


def _item(member: Member) -> list[Element]:
    return [
        words(f"{member.severity.value.upper()} "),
        quoted(member.says, 120),
        words(" · plan "),
        quoted(fingerprint(member.plan_sha256), 20, code=True),
    ]


def set_errors(decision: Decision, reason: RejectReason | None, comment: str) -> dict[str, str]:
    """Say what is missing in a submitted dialog, by the block it is missing in."""
    if decision == "reject":
        return no.errors(reason, comment)
    return {COMMENT: f"Please write at most {LONGEST} characters."} if len(comment) > LONGEST else {}
