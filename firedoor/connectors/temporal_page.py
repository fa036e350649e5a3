"""Temporal's own web page, passed on for reading only."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

_WITHIN = 30.0  # seconds; the page's own long polls end earlier
_LOOKS = ("GET", "HEAD")
#: What Temporal's page needs of a browser's request, and a browser of its answer. No cookie passes
#: either way: the only one is a token that would allow writing.
_ASKED = frozenset({b"accept", b"accept-language", b"if-none-match", b"if-modified-since", b"range"})
_ANSWERED = frozenset({"content-type", "cache-control", "etag", "last-modified", "content-range", "location"})
_HARDENED = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_SETTINGS = "/api/v1/settings"


class TemporalPage:
    """An ASGI application that shows what the page at `upstream` shows, and changes nothing.

    The page's settings are answered with its own switch for writing turned off, so that it shows no
    button that would be refused (Temporal UI 2.54: `DisableWriteActions`).
    """

    def __init__(self, upstream: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._client = httpx.AsyncClient(
            base_url=upstream, transport=transport, timeout=_WITHIN, trust_env=False, follow_redirects=False
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["method"] not in _LOOKS:
            refusal = PlainTextResponse(
                "this page is for reading; what Firedoor does is steered through Firedoor\n",
                405,
                {"allow": ", ".join(_LOOKS)},
            )
            await refusal(scope, receive, send)
            return
        try:
            async with self._client.stream(
                scope["method"], _path(scope), headers=_asked(scope["headers"])
            ) as answer:
                await self._pass_on(answer, scope, receive, send)
        except httpx.InvalidURL:
            await PlainTextResponse("no page has such an address\n", 404)(scope, receive, send)
        except httpx.HTTPError as error:
            gone = PlainTextResponse(f"Temporal's page does not answer ({type(error).__name__})\n", 502)
            await gone(scope, receive, send)

    async def _pass_on(self, answer: httpx.Response, scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope["method"], scope["path"])
        told_as = answer.headers.get("content-type", "")
        if asked == ("GET", _SETTINGS) and answer.is_success and told_as.startswith("application/json"):
            settings = json.loads(await answer.aread())
            told = JSONResponse({**settings, "DisableWriteActions": True}, headers=_HARDENED)
            await told(scope, receive, send)
            return
        headers = {**_kept(answer.headers), **_HARDENED}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
        async for piece in answer.aiter_bytes():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _path(scope: Scope) -> httpx.URL:
    raw = scope["raw_path"] or scope["path"].encode()
    query = scope["query_string"]
    return httpx.URL(raw_path=raw + (b"?" + query if query else b""))


def _asked(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    asked = [(name, value) for name, value in headers if name.lower() in _ASKED]
    return [*asked, (b"accept-encoding", b"identity")]


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _ANSWERED}
