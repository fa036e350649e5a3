"""A Slack workspace in memory: refuses what Slack refuses, remembers, presses buttons, breaks on demand."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal

from firedoor.testing.slack import response_urls
from firedoor.testing.slack.delivery import Delivered, Delivery, payload_of
from firedoor.testing.slack.faults import Fault
from firedoor.testing.slack.messages import Notice, Posted, Signed
from firedoor.testing.slack.people import WorkspaceConfig
from firedoor.testing.slack.presses import Presses
from firedoor.testing.slack.socket_mode import SocketMode
from firedoor.testing.slack.state import State
from firedoor.testing.slack.views import Views
from firedoor.testing.slack.web_api import WebApi

Json = dict[str, Any]
Mode = Literal["auto", "http", "socket"]


class Workspace(State):
    """One workspace with one app in it.

    `deliver_to` is the app's address for interactions. In the mode `auto`, which
    is the default, an open Socket Mode connection is preferred to it.
    """

    def __init__(
        self,
        config: WorkspaceConfig | None = None,
        clock: Callable[[], float] = time.time,
        *,
        deliver_to: str = "",
        mode: Mode = "auto",
    ) -> None:
        super().__init__(config or WorkspaceConfig(), clock)
        self.deliver_to = deliver_to
        self.mode: Mode = mode
        self.dialogs = Views(self)
        self.socket_mode = SocketMode(self.config.app)
        self.web = WebApi(self, self.dialogs, lambda: self.socket_mode.address(self.url))
        self.delivery = Delivery(self, self.dialogs)
        self._presses = Presses(self, self.dialogs)

    # ---- what the test looks at ----------------------------------------------------

    def cards(self) -> list[Posted]:
        """List the messages of the channel itself, oldest first."""
        return [message for message in self.messages if message.thread_ts is None]

    def thread(self, ts: str) -> list[Posted]:
        """List the replies to a message, oldest first."""
        return [message for message in self.messages if message.thread_ts == ts]

    def shown(self, user: str) -> str | None:
        """Return the id of the dialog that somebody looks at."""
        return self.dialogs.shown(user)

    def noticed(self, user: str) -> list[Notice]:
        """List what Slack itself told somebody: that the app was late, or failed."""
        return [notice for notice in self.notices if notice.user == user]

    def fail(self, method: str, **how: Any) -> None:
        """Let the next call of a method go wrong; `response_url` is a method too."""
        self.faults.append(Fault(method, **how))

    # ---- what people do ------------------------------------------------------------

    def say(self, by: str, text: str, *, channel: str = "", thread: str | None = None) -> Posted:
        """Post a message of a person."""
        place = channel or self.config.channel
        return self.keep(Posted(place, self.stamp(), text, [], thread, user=self.somebody(by).id))

    def press(
        self, by: str, message: Posted, action_id: str, *, option: str | None = None, **other: Any
    ) -> Signed:
        """Press a button, or choose the `option` of a menu; `other` replaces parts of the payload."""
        return self.sign(self._presses.press(by, message, action_id, option, other))

    def press_in_view(
        self, by: str, view_id: str, action_id: str, *, option: str | None = None, **other: Any
    ) -> Signed:
        """Press a button, or choose the `option` of a menu, in an open dialog."""
        return self.sign(self._presses.press_in_view(by, view_id, action_id, option, other))

    def submit_view(self, by: str, view_id: str, values: Json, **other: Any) -> Signed:
        """Submit an open dialog; `values` is {block: {action: state}}, the rest is as nobody touched it."""
        return self.sign(self._presses.submit(by, view_id, values, other))

    def submit(
        self, by: str, view_id: str, *, reason: str | None, comment: str | None, **other: Any
    ) -> Signed:
        """Submit a dialog that has the blocks `reason` (a select) and `comment` (a text)."""
        option = None if reason is None else {"text": {"type": "plain_text", "text": reason}, "value": reason}
        values = {
            "reason": {"reason": {"type": "static_select", "selected_option": option}},
            "comment": {"comment": {"type": "plain_text_input", "value": comment}},
        }
        return self.submit_view(by, view_id, values, **other)

    def close(self, by: str, view_id: str, **other: Any) -> Signed:
        """Close a dialog; the app is told where the dialog asked for it with `notify_on_close`."""
        payload = self._presses.close(by, view_id, other)
        self.dialogs.close(view_id)
        return self.sign(payload)

    def sign(self, payload: Any, *, secret: bytes | None = None, at: float | None = None) -> Signed:
        """Sign a payload as Slack does."""
        return self._presses.sign(payload, secret=secret, at=at)

    # ---- how it reaches the app ----------------------------------------------------

    def deliver(self, url: str, signed: Signed) -> Delivered:
        """Post a signed payload to the app, wait three seconds, and do what the answer says."""
        return self.delivery.post(url, signed)

    def send(self, signed: Signed) -> Delivered:
        """Deliver by the way this workspace is set to."""
        if self.mode == "socket" or (self.mode == "auto" and self.socket_mode.connections):
            return self.send_interactive(payload_of(signed))
        if not self.deliver_to:
            return self.delivery.conclude(payload_of(signed), Delivered("failed", 0.0))
        return self.deliver(self.deliver_to, signed)

    def start_interactive(self, payload: Json) -> Future[Delivered]:
        """Send a payload over Socket Mode, from any thread, and go on."""

        def then(delivered: Delivered) -> Delivered:
            return self.delivery.conclude(payload, delivered)

        return self.socket_mode.start(payload, then)

    def send_interactive(self, payload: Json | Signed) -> Delivered:
        """Send a payload over Socket Mode and wait for the ack; not from the server's own thread."""
        made = payload_of(payload) if isinstance(payload, Signed) else payload
        return self.start_interactive(made).result(self.socket_mode.within + 2)

    # ---- what the app calls --------------------------------------------------------

    def call(self, method: str, token: str, body: Json) -> Json:
        """Answer one Web API call."""
        return self.web.answer(method, token, body).body

    def answer(self, token: str, body: Json) -> str:
        """Answer a response_url; "ok", or why not."""
        return response_urls.answer(self, token, body)
