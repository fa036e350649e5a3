"""The few calls we make to Slack."""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from firedoor.connectors.slack_errors import answered, silent
from firedoor.domain.errors import Misconfigured, Rejected

Block = dict[str, Any]

SLACK = "https://slack.com/api/"
_ANSWERS_HOST = "hooks.slack.com"
_TIMEOUT = 10  # seconds; a write is tried again by Temporal, not here
_DIALOG_TIMEOUT = 2  # a trigger lives three seconds
_OK = 200

#: The SDK logs whole answers when something is wrong; we say what is wrong ourselves, without them.
_SILENT = logging.getLogger("firedoor.slack_sdk")
_SILENT.setLevel(logging.CRITICAL + 1)


class SlackDesk:
    """One bot in one workspace.

    `token` is read anew for every call, so that a rotated one is used at once.
    Nothing is tried again here: Slack has no idempotency key, and the SDK's own
    retry posts twice when an answer is lost.
    """

    def __init__(self, token: Callable[[], str], *, base_url: str = SLACK) -> None:
        origin = urlsplit(base_url)
        if origin.scheme not in ("https", "http") or not origin.hostname:
            raise Misconfigured(
                f"slack.base_url has the scheme {origin.scheme!r}",
                expected="a URL such as https://slack.com/api/",
            )
        self._token = token
        self._base_url = base_url if base_url.endswith("/") else f"{base_url}/"
        self._origin = (origin.scheme, origin.hostname, origin.port)

    async def auth_test(self) -> Mapping[str, Any]:
        """Say who we are there: `team_id`, `user_id`, `bot_id`. For doctor and readiness."""
        return await self._call("auth.test", {})

    async def post(
        self, channel: str, text: str, blocks: Sequence[Block], *, thread: str | None = None
    ) -> str:
        """Post a message, or a reply in a thread; returns its `ts`."""
        body: dict[str, Any] = {"channel": channel, "text": text, "blocks": list(blocks)}
        if thread is not None:
            body["thread_ts"] = thread
        answer = await self._call("chat.postMessage", {**body, **_AS_WRITTEN, **_NO_PREVIEWS})
        return str(answer.get("ts", ""))

    async def update(self, channel: str, ts: str, text: str, blocks: Sequence[Block]) -> None:
        """Draw a message anew. Nobody is notified of it."""
        body = {"channel": channel, "ts": ts, "text": text, "blocks": list(blocks)}
        await self._call("chat.update", {**body, **_AS_WRITTEN})

    async def open_view(self, trigger_id: str, view: Block) -> None:
        """Open a dialog; the trigger of a press lives three seconds and serves once."""
        await self._call("views.open", {"trigger_id": trigger_id, "view": view}, timeout=_DIALOG_TIMEOUT)

    async def ephemeral(self, response_url: str, text: str, blocks: Sequence[Block]) -> None:
        """Tell something to the person who pressed, and to nobody else."""
        self._check_home(response_url)
        body = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": text,
            "blocks": list(blocks),
        }
        # The URL is a capability and a message of httpx names it, so none is chained.
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
                answer = await client.post(response_url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise silent("response_url", error) from None
        if answer.status_code != _OK:
            raise answered("response_url", answer.status_code, answer.headers, _json(answer))

    def _check_home(self, url: str) -> None:
        """A payload names where to answer; we answer to Slack and to nobody else."""
        try:
            there = urlsplit(url)
            origin = (there.scheme, there.hostname, there.port)
        except ValueError:
            origin = ("", None, None)
        known = (("https", _ANSWERS_HOST, None), ("https", _ANSWERS_HOST, 443), self._origin)
        if origin not in known:
            raise Rejected("a response_url that is not Slack's", expected=f"https://{_ANSWERS_HOST}/…")

    async def _call(self, method: str, body: dict[str, Any], *, timeout: int = _TIMEOUT) -> Mapping[str, Any]:  # noqa: ASYNC109
        return await asyncio.to_thread(self._call_now, method, body, timeout)

    def _call_now(self, method: str, body: dict[str, Any], timeout: int) -> Mapping[str, Any]:
        client = WebClient(
            self._token(), base_url=self._base_url, timeout=timeout, retry_handlers=[], logger=_SILENT
        )
        try:
            data = client.api_call(method, json=body).data
        except SlackApiError as error:
            response = error.response
            raise answered(method, response.status_code, response.headers, response.data) from None
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as error:
            raise silent(method, error) from None
        if not isinstance(data, Mapping):
            raise answered(method, _OK, {}, None)
        return data


#: Slack shall find no names, links or markup in what we send.
_AS_WRITTEN = {"link_names": False, "parse": "none"}
_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None
