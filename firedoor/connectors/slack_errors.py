"""The one translation of what Slack answers into the errors of the house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from firedoor.domain.core.errors import Absent, Rejected, Unavailable

Translated = Rejected | Unavailable

_TOO_MANY = 429
_FIRST_SERVER_ERROR = 500
_CODE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_POINTER = re.compile(r"json-pointer:(/[\w/]{1,80})")

#: Slack's own final answers. An error in neither table is one we do not know, and is tried again.
_ABSENT = frozenset(
    {
        "message_not_found",
        "channel_not_found",
        "user_not_found",
        "user_not_visible",
        "users_not_found",
        "thread_not_found",
        "no_such_subteam",
        "subteam_not_found",
        "not_found",  # a dialog that was closed meanwhile
        "view_not_found",
    }
)
_FINAL = re.compile(
    r"not_in_channel|is_archived|is_inactive|no_text|no_permission|not_authed|account_inactive"
    r"|token_(?:revoked|expired)|access_denied|ekm_access_denied|org_login_required|method_deprecated"
    r"|msg_too_long|msg_blocks_too_long|too_many_\w+|blocked_\w+|restricted_\w+|not_allowed_\w+"
    r"|(?:invalid|missing|cannot|cant|duplicate)_\w+|expired_trigger_id|trigger_exp\w+|exchanged_trigger_id"
    r"|edit_window_closed|as_user_not_supported|unknown_method|used_url|expired_url|team_access_not_granted"
    r"|hash_conflict|view_too_large|push_limit_reached|forbidden_team|paid_teams_only|plan_upgrade_required"
    r"|user_is_(?:bot|restricted|ultra_restricted)|subteam_\w+|link_disabled"
)
_MEND = {
    "not_in_channel": "invite the app to the channel: /invite @firedoor",
    "channel_not_found": "check slack.channel, and invite the app where the channel is private",
    "is_archived": "choose another slack.channel",
    "invalid_auth": "check slack.bot_token",
    "not_authed": "check slack.bot_token",
    "token_revoked": "install the app again and set slack.bot_token",
    "token_expired": "set slack.bot_token anew",
    "account_inactive": "install the app again and set slack.bot_token",
    "missing_scope": "give the app the scopes of its manifest and install it again",
    "expired_trigger_id": "press the button again; a dialog has to open within three seconds",
    "not_allowed_token_type": "slack.bot_token begins with xoxb-, slack.app_token with xapp-",
    "no_such_subteam": "name a user group that exists and is enabled: slack_usergroup in people.yaml",
    "plan_upgrade_required": "user groups need a paid plan; list the people in people.yaml instead",
    "paid_teams_only": "user groups need a paid plan; list the people in people.yaml instead",
    "link_disabled": "turn Socket Mode on in the app's settings",
}
#: The one method that is called with the app-level token, and what its refusals mean.
_APP_LEVEL = "apps.connections.open"
_APP_MEND = {
    "missing_scope": "make an app-level token with the scope connections:write, and set slack.app_token",
    "not_allowed_token_type": _MEND["not_allowed_token_type"],
    "link_disabled": _MEND["link_disabled"],
}
_APP_TOKEN = "make an app-level token under Basic Information, and set slack.app_token"  # noqa: S105  no token


def answered(method: str, status: int, headers: Mapping[str, str], data: object) -> Translated:
    """Turn an answer that is no yes into an error; Slack's prose is left out, it may echo what we sent."""
    told: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    code = str(told.get("error", ""))
    code = code if _CODE.fullmatch(code) else ""
    found = f"slack:{method} was answered {code or 'without an error code'} (HTTP {status})"
    if status == _TOO_MANY or code in ("ratelimited", "rate_limited"):
        return Unavailable(found, code="ratelimited", retry_after=_retry_after(headers))
    if status >= _FIRST_SERVER_ERROR:
        return Unavailable(found, code=code, retry_after=_retry_after(headers))
    if code in _ABSENT:
        return Absent(found, code=code, mend=_mend(method, code))
    if _FINAL.fullmatch(code):
        return Rejected(found + _where(told), code=code, mend=_mend(method, code))
    return Unavailable(found, code=code)


def silent(method: str, error: Exception) -> Unavailable:
    """Say that no usable answer came: whether Slack did it is not known."""
    return Unavailable(
        f"slack:{method} gave no usable answer: {type(error).__name__}",
        code=type(error).__name__,
        mend="a message may have been posted all the same; a second one is harmless",
    )


def _mend(method: str, code: str) -> str:
    return _APP_MEND.get(code, _APP_TOKEN) if method == _APP_LEVEL else _MEND.get(code, "")


def _where(told: Mapping[str, Any]) -> str:
    """Name the places in our own blocks that Slack complains about."""
    metadata = told.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    places = _POINTER.findall(" ".join(map(str, messages))[:2000]) if isinstance(messages, list) else []
    return f" at {', '.join(dict.fromkeys(places))}" if places else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    wish = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(wish) if isinstance(wish, str) and wish.isascii() and wish.isdigit() else None
