"""What comes after an early answer: the rest of the request is let run out, so that the client reads it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSE: Final = (b"connection", b"close")
_MOST_BYTES: Final = 16 * 1024 * 1024
_WITHIN: Final = 5.0
_AT_ONCE: Final = 32


class LettingRunOut:
    """Middleware: where an answer is given before the body has come, the body is thrown away.

    A connection that is closed over unread bytes is reset, and the client may never see its 413. How
    much is thrown away, for how long, and for how many at once is bounded; beyond that it is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._going = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        begun = finished = early = False

        async def reading() -> Message:
            nonlocal begun, finished
            begun = True
            message = await receive()
            finished = finished or not message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal early
            if message["type"] == "http.response.start" and not finished:
                early = True
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            elif message["type"] == "http.response.body" and early and not message.get("more_body", False):
                await send({**message, "more_body": True})
                if begun or not _waits_for_100(scope):
                    await self._throw_away(reading, lambda: finished)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(scope, reading, sending)

    async def _throw_away(self, receive: Receive, finished: Any) -> None:
        if self._going >= _AT_ONCE:
            return
        self._going += 1
        thrown = 0
        try:
            async with asyncio.timeout(_WITHIN):
                while not finished() and thrown <= _MOST_BYTES:
                    thrown += len((await receive()).get("body", b""))
        except TimeoutError:
            return
        finally:
            self._going -= 1


def _has_body(scope: Scope) -> bool:
    return any(
        (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
        for name, value in scope["headers"]
    )


def _waits_for_100(scope: Scope) -> bool:
    """Whether the client sends its body only once it is told to: then there is nothing to throw away."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
