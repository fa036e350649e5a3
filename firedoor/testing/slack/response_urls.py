"""The addresses where an app answers a press: five times, for half an hour, without a token."""

from __future__ import annotations

from typing import Any

from firedoor.testing.slack.block_kit import refused_message
from firedoor.testing.slack.messages import AnswerUrl, Posted
from firedoor.testing.slack.state import State

Json = dict[str, Any]


def answer(state: State, token: str, body: Json) -> str:
    """Answer a response_url; "ok", or why not."""
    with state.lock:
        url = state.answers.get(token)
        if url is None or state.clock() > url.expires:
            return "expired_url"
        if not url.left:
            return "used_url"
        refused = None if body.get("delete_original") else _refused(body)
        if refused:
            return refused
        url.left -= 1
        _answered(state, url, body)
        return "ok"


def _refused(body: Json) -> str:
    refused = refused_message(body.get("text") or "", body.get("blocks"))
    return refused[0] if refused else ""


def _answered(state: State, url: AnswerUrl, body: Json) -> None:
    original = state.message(url.channel, url.message)
    if body.get("delete_original"):
        if original:
            state.messages.remove(original)
    elif body.get("replace_original") and original:
        original.text, original.blocks = body.get("text") or "", state.with_ids(body.get("blocks"))
        original.edits += 1
    elif body.get("response_type") == "in_channel":
        blocks = state.with_ids(body.get("blocks"))
        state.keep(Posted(url.channel, state.stamp(), body.get("text") or "", blocks, user=state.config.bot))
    else:
        state.ephemerals.append({**body, "user": url.user, "channel": url.channel, "ts": state.stamp()})
