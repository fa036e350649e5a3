"""The methods that an app calls, and Slack's own words for why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firedoor.testing.slack.block_kit import refused_message
from firedoor.testing.slack.messages import Posted
from firedoor.testing.slack.people import Channel
from firedoor.testing.slack.rates import Rates
from firedoor.testing.slack.state import State
from firedoor.testing.slack.views import Views

Json = dict[str, Any]

_OK, _TOO_MANY = 200, 429
_APP_LEVEL = "apps.connections.open"
_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "conversations.info": "channels:read",
    _APP_LEVEL: "connections:write",
}


@dataclass(frozen=True)
class Answer:
    """What a call is answered with."""

    body: Json
    status: int = _OK
    headers: dict[str, str] = field(default_factory=dict)


class WebApi:
    """The Web API of one workspace. `connect` makes the address of a new Socket Mode connection."""

    def __init__(self, state: State, views: Views, connect: Callable[[], str]) -> None:
        self._state = state
        self._connect = connect
        self._rates = Rates()
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._ephemeral,
            "chat.getPermalink": self._permalink,
            "views.open": views.open,
            "views.push": views.push,
            "views.update": views.update,
            "users.info": self._user,
            "usergroups.list": self._groups,
            "usergroups.users.list": self._group_users,
            "conversations.info": self._channel,
            _APP_LEVEL: lambda _: {"ok": True, "url": self._connect()},
        }

    def answer(self, method: str, token: str, body: Json) -> Answer:
        """Answer one call."""
        with self._state.lock:
            refused = self._refused_token(method, token) or self._refused_scope(method)
            if refused:
                return Answer(refused)
            if self._state.config.strict_rates:
                wait = self._rates.retry_after(method, str(body.get("channel", "")), self._state.clock())
                if wait:
                    return Answer(_error("ratelimited"), _TOO_MANY, {"Retry-After": str(wait)})
            scopes = self._state.app_scopes if method == _APP_LEVEL else self._state.scopes
            headers = {"x-oauth-scopes": ",".join(sorted(scopes))}
            return Answer(self._methods[method](body), headers=headers)

    def _refused_token(self, method: str, token: str) -> Json | None:
        config = self._state.config
        if not token:
            return _error("not_authed")
        if token not in (config.token, config.app_token):
            return _error("invalid_auth")
        if method not in self._methods:
            return {"ok": False, "error": "unknown_method", "req_method": method}
        wanted = config.app_token if method == _APP_LEVEL else config.token
        return None if token == wanted else _error("not_allowed_token_type")

    def _refused_scope(self, method: str) -> Json | None:
        needed = _SCOPES.get(method)
        given = self._state.app_scopes if method == _APP_LEVEL else self._state.scopes
        if needed is None or needed in given:
            return None
        provided = ",".join(sorted(given))
        return {"ok": False, "error": "missing_scope", "needed": needed, "provided": provided}

    def _auth_test(self, _: Json) -> Json:
        config = self._state.config
        told = {
            "ok": True,
            "url": f"https://{config.team_name}.slack.com/",
            "team": config.team_name,
            "user": config.bot_name,
            "team_id": config.team,
            "user_id": config.bot,
            "bot_id": config.bot_id,
            "is_enterprise_install": config.org_install,
        }
        return told | ({"enterprise_id": config.enterprise} if config.enterprise else {})

    def _place(self, body: Json) -> Channel | Json:
        """Find the channel of a post, or why nothing can be posted there."""
        channel = self._state.channel(body.get("channel"))
        inside = channel is not None and channel.id in self._state.channels
        if channel is None or (channel.private and not inside):
            return _error("channel_not_found")
        if channel.archived:
            return _error("is_archived")
        return channel if inside else _error("not_in_channel")

    def _post(self, body: Json) -> Json:
        place = self._place(body)
        refused = _refused(body) if isinstance(place, Channel) else place
        if refused or not isinstance(place, Channel):
            return refused or {}
        state, thread = self._state, body.get("thread_ts")
        if thread is not None and not state.message(place.id, thread):
            return _error("thread_not_found")
        posted = Posted(place.id, state.stamp(), body.get("text") or "", state.with_ids(body.get("blocks")))
        posted.thread_ts, posted.user, posted.metadata = thread, state.config.bot, body.get("metadata")
        state.keep(posted)
        return {"ok": True, "channel": place.id, "ts": posted.ts, "message": self.told(posted)}

    def told(self, posted: Posted) -> Json:
        """Return a message as Slack tells it."""
        config = self._state.config
        told: Json = {"type": "message", "user": posted.user, "ts": posted.ts, "text": posted.text}
        told |= {"team": config.team, "blocks": posted.blocks}
        if posted.user == config.bot:
            told |= {"bot_id": config.bot_id, "app_id": config.app}
        if posted.thread_ts:
            told["thread_ts"] = posted.thread_ts
        if posted.metadata:
            told["metadata"] = posted.metadata
        return told

    def _update(self, body: Json) -> Json:
        state = self._state
        channel = state.known_channels.get(body.get("channel", ""))
        if channel is None or (channel.private and channel.id not in state.channels):
            return _error("channel_not_found")
        if channel.archived:
            return _error("is_inactive")
        found = state.message(channel.id, body.get("ts", ""))
        if found is None:
            return _error("message_not_found")
        if found.user != state.config.bot:
            return _error("cant_update_message")
        refused = _refused(body)
        if refused:
            return refused
        found.text, found.blocks = body.get("text") or "", state.with_ids(body.get("blocks"))
        found.edits += 1
        return {"ok": True, "channel": channel.id, "ts": found.ts, "text": found.text}

    def _ephemeral(self, body: Json) -> Json:
        place = self._place(body)
        if not isinstance(place, Channel):
            return place
        person = self._state.person(body.get("user", ""))
        if person is None or person.kind == "deleted":
            return _error("user_not_in_channel")
        refused = _refused(body)
        if refused:
            return refused
        ts = self._state.stamp()
        self._state.ephemerals.append({**body, "channel": place.id, "ts": ts})
        return {"ok": True, "message_ts": ts}

    def _permalink(self, body: Json) -> Json:
        channel = self._state.known_channels.get(body.get("channel", ""))
        if channel is None:
            return _error("channel_not_found")
        found = self._state.message(channel.id, body.get("message_ts", ""))
        if found is None:
            return _error("message_not_found")
        # The page of this workspace, once served: a newcomer shall not be led to somebody's real workspace.
        site = self._state.url or f"https://{self._state.config.team_name}.slack.com"
        thread = f"?thread_ts={found.thread_ts}&cid={channel.id}" if found.thread_ts else ""
        link = f"{site}/archives/{channel.id}/p{found.ts.replace('.', '')}{thread}"
        return {"ok": True, "channel": channel.id, "permalink": link}

    def _user(self, body: Json) -> Json:
        person = self._state.person(body.get("user", ""))
        return {"ok": True, "user": person.info(self._state.config)} if person else _error("user_not_found")

    def _groups(self, body: Json) -> Json:
        shown = [
            group.info(self._state.config.team)
            | ({"users": list(group.users)} if _true(body.get("include_users")) else {})
            for group in self._state.usergroups.values()
            if _true(body.get("include_disabled")) or not group.disabled
        ]
        return {"ok": True, "usergroups": shown}

    def _group_users(self, body: Json) -> Json:
        group = self._state.usergroups.get(body.get("usergroup", ""))
        # Slack is silent about a disabled group that was not asked for; this is the strict reading.
        if group is None or (group.disabled and not _true(body.get("include_disabled"))):
            return _error("no_such_subteam")
        return {"ok": True, "users": list(group.users)}

    def _channel(self, body: Json) -> Json:
        channel = self._state.known_channels.get(body.get("channel", ""))
        member = channel is not None and channel.id in self._state.channels
        if channel is None or (channel.private and not member):
            return _error("channel_not_found")
        return {"ok": True, "channel": channel.info(member=member)}


def _error(code: str) -> Json:
    return {"ok": False, "error": code}


def _true(value: object) -> bool:
    return value in (True, "true", "1", 1)


def _refused(body: Json) -> Json | None:
    refused = refused_message(body.get("text") or "", body.get("blocks"))
    if refused is None:
        return None
    code, found = refused
    told: Json = {"ok": False, "error": code, "response_metadata": {"messages": found}}
    return told | ({"errors": [each.removeprefix("[ERROR] ") for each in found]} if found else {})
