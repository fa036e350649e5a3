"""Dialogs: how they open, change, stack and close."""

from __future__ import annotations

from typing import Any

from firedoor.testing.slack.block_kit import refused_view, too_large
from firedoor.testing.slack.messages import OpenView
from firedoor.testing.slack.state import State

Json = dict[str, Any]

_STACK = 3
TROUBLE = "We had some trouble connecting. Try again?"


class Views:
    """The dialogs of a workspace."""

    def __init__(self, state: State) -> None:
        self._state = state

    def open(self, body: Json) -> Json:
        """Answer views.open."""
        return self._opened(body, on=None)

    def push(self, body: Json) -> Json:
        """Answer views.push."""
        trigger = self._state.triggers.get(body.get("trigger_id", ""))
        below = trigger.view if trigger else None
        if trigger and below is None:
            return _error("not_found")
        return self._opened(body, on=below)

    def update(self, body: Json) -> Json:
        """Answer views.update."""
        view_id = body.get("view_id") or self._by_external_id(body.get("external_id"))
        if not isinstance(view_id, str) or view_id not in self._state.views or not self.of(view_id).open:
            return _error("not_found")
        if body.get("hash") not in (None, "", self.of(view_id).hash):
            return _error("hash_conflict")
        refused = self._refused(body.get("view"))
        if refused:
            return refused
        self._replace(view_id, body["view"])
        return {"ok": True, "view": self.told(view_id)}

    def shown(self, user: str) -> str | None:
        """Return the id of the dialog that somebody looks at."""
        mine = [each for each in self._state.view_states.values() if each.open and each.owner == user]
        return mine[-1].id if mine else None

    def of(self, view_id: str) -> OpenView:
        """Return where a dialog stands; one that a test put there itself is nobody's."""
        return self._state.view_states.setdefault(view_id, OpenView(view_id, "", view_id))

    def told(self, view_id: str, values: Json | None = None) -> Json:
        """Return a dialog as Slack tells it."""
        config, stands, view = self._state.config, self.of(view_id), self._state.views[view_id]
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **view,
            "id": view_id,
            "team_id": config.team,
            "state": {"values": values or {}},
            "hash": stands.hash,
            "root_view_id": stands.root,
            "previous_view_id": stands.previous,
            "app_id": config.app,
            "app_installed_team_id": config.team,
            "bot_id": config.bot_id,
        }

    def close(self, view_id: str, *, everything: bool = False) -> None:
        """Close a dialog, and all of its stack if wished."""
        root = self.of(view_id).root
        for each in self._state.view_states.values():
            if each.id == view_id or (everything and each.root == root):
                each.open = False

    def answered(self, view_id: str, user: str, answer: Any) -> None:
        """Do what the app's answer to a submitted dialog says."""
        if answer in (None, "", {}):
            self.close(view_id)
            return
        does = {"errors": self._errors, "update": self._updated, "push": self._pushed, "clear": self._cleared}
        wish = answer.get("response_action") if isinstance(answer, dict) else None
        if wish not in does or not does[wish](view_id, user, answer):
            self._state.notice(user, TROUBLE, "invalid_response_action")

    def _errors(self, view_id: str, _user: str, answer: Json) -> bool:
        errors = answer.get("errors")
        inputs = {
            each["block_id"] for each in self._state.views[view_id]["blocks"] if each["type"] == "input"
        }
        if not isinstance(errors, dict) or not errors or set(errors) - inputs:
            return False
        self.of(view_id).errors = {str(block): str(says) for block, says in errors.items()}
        return True

    def _updated(self, view_id: str, _user: str, answer: Json) -> bool:
        if self._refused(answer.get("view")):
            return False
        self._replace(view_id, answer["view"])
        return True

    def _pushed(self, view_id: str, user: str, answer: Json) -> bool:
        if self._refused(answer.get("view")) or self._height(view_id) >= _STACK:
            return False
        self._add(answer["view"], user, view_id)
        return True

    def _cleared(self, view_id: str, _user: str, _answer: Json) -> bool:
        self.close(view_id, everything=True)
        return True

    def _refused_trigger(self, trigger_id: object) -> Json | None:
        if trigger_id in self._state.exchanged:
            return _error("exchanged_trigger_id")
        trigger = self._state.triggers.get(str(trigger_id))
        if trigger is None:
            return _error("invalid_trigger_id")
        return _error("expired_trigger_id") if self._state.clock() > trigger.expires else None

    def _opened(self, body: Json, on: str | None) -> Json:
        state, trigger_id = self._state, body.get("trigger_id", "")
        refused = self._refused_trigger(trigger_id) or self._refused(body.get("view"))
        if refused:
            return refused
        if on is not None and self._height(on) >= _STACK:
            return _error("push_limit_reached")
        external = body["view"].get("external_id")
        if external and self._by_external_id(external):
            return _error("duplicate_external_id")
        trigger = state.triggers.pop(trigger_id)
        state.exchanged.add(trigger_id)
        return {"ok": True, "view": self.told(self._add(body["view"], trigger.user, on))}

    def _add(self, view: Json, user: str, on: str | None) -> str:
        view_id = f"V{self._state.number():08d}"
        self._state.views[view_id] = {**view, "blocks": self._state.with_ids(view["blocks"])}
        root = self.of(on).root if on else view_id
        self._state.view_states[view_id] = OpenView(view_id, user, root, on)
        return view_id

    def _replace(self, view_id: str, view: Json) -> None:
        self._state.views[view_id] = {**view, "blocks": self._state.with_ids(view["blocks"])}
        stands = self.of(view_id)
        stands.version, stands.errors = stands.version + 1, {}

    def _height(self, view_id: str) -> int:
        root = self.of(view_id).root
        return sum(each.open and each.root == root for each in self._state.view_states.values())

    def _by_external_id(self, external_id: object) -> str | None:
        for view_id, view in self._state.views.items():
            if external_id and view.get("external_id") == external_id and self.of(view_id).open:
                return view_id
        return None

    def _refused(self, view: Any) -> Json | None:
        found = refused_view(view)
        if found:
            return {"ok": False, "error": "invalid_arguments", "response_metadata": {"messages": found}}
        return _error("view_too_large") if too_large(view) else None


def _error(code: str) -> Json:
    return {"ok": False, "error": code}
