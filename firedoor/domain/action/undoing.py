"""Undoing: how the engine gives back, whatever the action, until it is certain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from firedoor.domain.action.action import Action, Undone, Verdict, Verified
from firedoor.domain.core.errors import Absent, Rejected
from firedoor.domain.core.value import Value

#: What the ledger says of the change: it was made, it was begun and nobody heard of it, it was never begun.
Made = Literal["yes", "perhaps", "no"]


class Look(Value):
    """What the tries so far have seen: the outcome, and since when nothing else was seen."""

    outcome: Literal["restored", "nothing", "drifted"]
    says: str
    since: datetime


def undone(action: Action, params: Any, before: Any, identity: str) -> Undone:
    """Give back what was taken, and only to the one it was taken from.

    `identity` is what the plan captured: where another bears the name now, it is left alone.
    """
    if identity:
        try:
            now = action.identify(params)
        except Absent:
            now = identity  # nobody bears the name: what that means, the action says
        if now != identity:
            return Undone(
                outcome="drifted",
                says=f"{action.target(params)} had id {identity} when it was contained, and has {now} now: "
                "it is another one with the same name, and was left alone",
            )
    return action.undo(params, before)


def certain(
    did: Undone,
    back: Callable[[], Verified],
    *,
    made: Made,
    last: Look | None,
    now: datetime,
    settles_within: timedelta,
) -> Undone | Look:
    """Say whether an undo is over, or what the next try has to know.

    A change that was made is not believed to be gone because one read says so: an old replica answers
    from before it. So `nothing` and `drifted` have to be seen until the vendor's settling time is over, and
    what was given back has to be seen back. Raises Rejected where it is not seen in that time.
    """
    if made == "no":
        return did
    given = did.outcome == "restored" or (last is not None and last.outcome == "restored")
    if given and did.outcome != "drifted":
        says = did.says if did.outcome == "restored" or last is None else last.says
        look = _looked("restored", says, last, now)
        if back().verdict is Verdict.YES:
            return Undone(outcome="restored", says=says)
        if now - look.since >= settles_within:
            raise Rejected(
                f"it was given back ({says}), and is not seen to be",
                expected=f"to see it within {settles_within}",
                mend="look at it by hand",
            )
        return look
    look = _looked(did.outcome, did.says, last, now)
    if now - look.since < settles_within:
        return look
    if did.outcome == "nothing" and made == "yes" and (seen := back()).verdict is not Verdict.YES:
        raise Rejected(
            f"there was nothing to give back ({did.says}), and it is not as it was before: {seen.says}",
            mend="look at it by hand",
        )
    return did


def _looked(
    outcome: Literal["restored", "nothing", "drifted"], says: str, last: Look | None, now: datetime
) -> Look:
    same = last is not None and last.outcome == outcome
    return Look(outcome=outcome, says=says, since=last.since if same and last is not None else now)
