"""A web page that is for this machine alone: pages of other sites can neither read it nor write to it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: All that a `Host` may be: nothing that another reader could take for another name.
_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)

_FORBIDDEN = 403
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


class LoopbackOnly:
    """Lets a request through only where its `Host` is this machine, and a write only from a page of its own.

    A browser resolves the name of a hostile site to 127.0.0.1 if that site's DNS says so (DNS rebinding);
    it then sends the site's name as `Host`. And any site may post to http://127.0.0.1 (cross-site request
    forgery); the browser then sends that site as `Origin`. Programs such as curl send no `Origin`.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 with the reason."""
        if scope["type"] in ("http", "websocket"):
            objection = _objection(scope)
            if objection:
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                else:
                    await PlainTextResponse(objection + "\n", _FORBIDDEN)(scope, receive, send)
                return
        await self._inner(scope, receive, send)


def _objection(scope: Scope) -> str:
    headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return "this page is for this machine alone: open it as http://127.0.0.1 or http://localhost"
    if scope["type"] == "http" and scope["method"] in _LOOKS:
        return ""
    origins = [value for name, value in headers if name == b"origin"]
    if all(urlsplit(origin).netloc == hosts[0] for origin in origins):
        return ""
    return "a page of another site may not write here"
