"""What is said of a function's doors: what is done to them, by what they are open, and what breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from activities.aws.lambda_.function_doors import Door, Doors
from activities.aws.lambda_.function_policy import Grant
from firedoor.domain.action.action import Consequence


def changes(door: Door) -> str:
    """Say what is done to one door."""
    of = f" of alias {door.qualifier}" if door.qualifier else ""
    done = [f"require an AWS signature at the URL{of}"] if door.auth_type == "NONE" else []
    if door.grants:
        done.append(f"remove what lets everyone invoke it{of} ({_sids(door.grants)})")
    return " and ".join(done)


def opens(door: Door) -> str:
    """Say by what one door is open."""
    of = f"alias {door.qualifier}: " if door.qualifier else ""
    unsigned = ["its URL answers without a signature"] if door.auth_type == "NONE" else []
    statements = [f"statements that let everyone in: {_sids(door.grants)}"] if door.grants else []
    return f"{of}{'; '.join((*unsigned, *statements))}"


def consequences(seen: Doors, *, only: bool) -> Iterator[Consequence]:
    """Say what locking the doors breaks, what stays, and what is not known."""
    yield Consequence(
        says="every caller without an AWS identity allowed by name is answered 403:"
        " browsers, webhooks and scripts"
    )
    if seen.cors:
        yield Consequence(says="it answers cross-origin requests: web pages call it")
    for door in seen.open:
        of = f" of alias {door.qualifier}" if door.qualifier else ""
        api = tuple(grant for grant in door.grants if not grant.at_url_only)
        if api:
            yield Consequence(says=f"by {_sids(api)}{of} everyone may invoke it through the API: this ends")
        waiting = tuple(grant for grant in door.grants if grant.at_url_only)
        if waiting and door.auth_type is None:
            yield Consequence(says=f"{_sids(waiting)}{of} outlived its URL: a new URL would be open at once")
    for policy in seen.policies.values():
        for other in policy.others_for_everyone():
            yield Consequence(says=f"{other}, stays")
    if seen.unknown is not None:
        yield Consequence(says="whether its aliases are open is not known: they could not be listed")
    if only:
        yield Consequence(says="the function's other aliases and its own URL are not looked at")


def _sids(grants: tuple[Grant, ...]) -> str:
    return ", ".join(json.dumps(grant.sid) for grant in grants)
