"""Undoing: how the engine calls `undo`, whatever the action."""

from __future__ import annotations

from typing import Any

from firedoor.domain.action import Action, Undone
from firedoor.domain.errors import Absent


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
