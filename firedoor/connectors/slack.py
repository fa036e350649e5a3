"""The few calls we make to Slack."""

from __future__ import annotations

import asyncio
import functools
import http.client
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from firedoor.connectors.slack_errors import answered, silent
from firedoor.domain.core.errors import Misconfigured, Rejected

Block = dict[str, Any]

SLACK = "https://slack.com/api/"
_ANSWERS_HOST = "hooks.slack.com"
_GOV_HOST, _GOV_ANSWERS_HOST = "slack-gov.com", "hooks.slack-gov.com"  # GovSlack, only where it is configured
_TIMEOUT = 10  # seconds; a write is tried again by Temporal, not here
_QUICK = 2  # while somebody waits: a trigger lives three seconds, and so does a press
_OK = 200
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

#: Every method that is called, and the scopes that Slack asks for it.
#: The manifest is made of this table, so that the app can do no more than what is called.
BOT_SCOPES: Mapping[str, tuple[str, ...]] = {
    "auth.test": (),  # doctor: whose token it is
    "chat.postMessage": ("chat:write",),  # cards and their threads
    "chat.update": ("chat:write",),  # a card follows its response
    "views.open": (),  # dialogs; the trigger of a press is the permission
    "views.update": (),  # what they are filled with
    "users.info": ("users:read",),  # a guest, bot or deleted account has no vote
    "usergroups.users.list": ("usergroups:read",),  # groups of people that are kept in Slack
    "conversations.info": (
        "channels:read",
        "groups:read",
    ),  # doctor: is the bot in its channel, open or private
}
APP_SCOPES: Mapping[str, tuple[str, ...]] = {
    "apps.connections.open": ("connections:write",),  # Socket Mode
}

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
        # Threads of its own: a slow Slack keeps nobody else waiting, and no dialog the question who votes.
        self._reads = ThreadPoolExecutor(8, "slack-reads")
        self._writes = ThreadPoolExecutor(16, "slack-writes")
        self._origin = (origin.scheme, origin.hostname, origin.port)

    async def auth_test(self) -> Mapping[str, Any]:
        """Say who we are there: `team_id`, `user_id`, `bot_id`."""
        return await self._call("auth.test", {})

    async def scopes(self) -> frozenset[str] | None:
        """Say what the bot token may do; None where Slack does not say."""
        answer = await self._ask("auth.test", {})
        told = next(
            (value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), None
        )
        return (
            None if told is None else frozenset(filter(None, (each.strip() for each in str(told).split(","))))
        )

    async def user(self, user_id: str) -> Mapping[str, Any]:
        """Tell about an account: `deleted`, `is_bot`, `is_restricted`, `team_id`, …; raises `Absent`."""
        method = "users.info"
        return _inner(method, await self._call(method, {"user": user_id}, form=True, timeout=_QUICK), "user")

    async def usergroup_members(self, group_id: str) -> tuple[str, ...]:
        """List the accounts of a user group; one that is unknown or disabled is `Absent`."""
        method = "usergroups.users.list"
        answer = await self._call(method, {"usergroup": group_id}, form=True, timeout=_QUICK)
        users = answer.get("users")
        if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
            raise answered(method, _OK, {}, None)
        return tuple(users)

    async def channel(self, channel_id: str) -> Mapping[str, Any]:
        """Tell about a channel: `name`, `is_member`, `is_archived`, …; raises `Absent`."""
        method = "conversations.info"
        return _inner(method, await self._call(method, {"channel": channel_id}, form=True), "channel")

    async def open_connection(self, app_token: str) -> str:
        """Return the address of one new Socket Mode connection.

        It holds a ticket and is a secret. `app_token` is the app-level token, which is another one
        than the bot's; raises `Rejected` where Slack refuses it.
        """
        method = "apps.connections.open"
        answer = await asyncio.to_thread(self._call_now, method, {}, _TIMEOUT, app_token, form=True)
        url = _data(method, answer).get("url")
        if not isinstance(url, str) or not _is_socket(url):
            raise answered(method, _OK, {}, None)
        return url

    async def post(
        self,
        channel: str,
        text: str,
        blocks: Sequence[Block],
        *,
        thread: str | None = None,
        broadcast: bool = False,
    ) -> str:
        """Post a message, or a reply in a thread (shown in the channel too); returns its `ts`."""
        body: dict[str, Any] = {"channel": channel, "text": text, "blocks": list(blocks)}
        if thread is not None:
            body |= {"thread_ts": thread, "reply_broadcast": broadcast}
        answer = await self._call("chat.postMessage", {**body, **_AS_WRITTEN, **_NO_PREVIEWS})
        return str(answer.get("ts", ""))

    async def update(self, channel: str, ts: str, text: str, blocks: Sequence[Block]) -> None:
        """Draw a message anew. Nobody is notified of it."""
        body = {"channel": channel, "ts": ts, "text": text, "blocks": list(blocks)}
        await self._call("chat.update", {**body, **_AS_WRITTEN})

    async def open_view(self, trigger_id: str, view: Block) -> str:
        """Open a dialog and return its id; the trigger of a press lives three seconds and serves once."""
        method = "views.open"
        answer = await self._call(method, {"trigger_id": trigger_id, "view": view}, timeout=_QUICK)
        return str(_inner(method, answer, "view").get("id", ""))

    async def update_view(self, view_id: str, view: Block) -> None:
        """Draw an open dialog anew; one that was closed meanwhile is `Absent`."""
        await self._call("views.update", {"view_id": view_id, "view": view})

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
        hosts = (_ANSWERS_HOST, _GOV_ANSWERS_HOST) if self._origin[1] == _GOV_HOST else (_ANSWERS_HOST,)
        known = (*(("https", host, port) for host in hosts for port in (None, 443)), self._origin)
        if origin not in known:
            raise Rejected("a response_url that is not Slack's", expected=f"https://{_ANSWERS_HOST}/…")

    async def _call(
        self,
        method: str,
        body: dict[str, Any],
        *,
        form: bool = False,
        timeout: int = _TIMEOUT,  # noqa: ASYNC109  the SDK's own, in its thread
    ) -> Mapping[str, Any]:
        return _data(method, await self._ask(method, body, form=form, timeout=timeout))

    async def _ask(
        self,
        method: str,
        body: dict[str, Any],
        *,
        form: bool = False,
        timeout: int = _TIMEOUT,  # noqa: ASYNC109  as above
    ) -> SlackResponse:
        call = functools.partial(self._call_now, method, body, timeout, form=form)
        return await asyncio.get_running_loop().run_in_executor(self._reads if form else self._writes, call)

    def _call_now(
        self, method: str, body: dict[str, Any], timeout: int, token: str | None = None, *, form: bool = False
    ) -> SlackResponse:
        """Call once. Slack's reading methods take a form and no JSON."""
        client = WebClient(
            self._token() if token is None else token,
            base_url=self._base_url,
            timeout=timeout,
            retry_handlers=[],
            logger=_SILENT,
        )
        try:
            return client.api_call(method, data=body) if form else client.api_call(method, json=body)
        except SlackApiError as error:
            response = error.response
            raise answered(method, response.status_code, response.headers, response.data) from None
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as error:
            raise silent(method, error) from None


#: Slack shall find no names, links or markup in what we send.
_AS_WRITTEN = {"link_names": False, "parse": "none"}
_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}


def _data(method: str, answer: SlackResponse) -> Mapping[str, Any]:
    if not isinstance(answer.data, Mapping):
        raise answered(method, _OK, {}, None)
    return answer.data


def _inner(method: str, answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of an answer; nothing follows from an answer that lacks it."""
    inner = answer.get(name)
    if not isinstance(inner, Mapping):
        raise answered(method, _OK, {}, None)
    return inner


def _is_socket(url: str) -> bool:
    """Whether this is an address that our presses may travel by: encrypted, or on this machine."""
    try:
        there = urlsplit(url)
    except ValueError:
        return False
    return bool(there.hostname) and (
        there.scheme == "wss" or (there.scheme == "ws" and there.hostname in _LOOPBACK)
    )


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None
