"""The page on which people read the messages and press the buttons, as they would in Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from firedoor.testing.slack.drawing import Drawing
from firedoor.testing.slack.drawing_views import draw_view, typed
from firedoor.testing.slack.messages import Posted
from firedoor.testing.slack.workspace import Workspace

Json = dict[str, Any]

_HERE = Path(__file__).parent
_FILES = {"": "text/html", "page.js": "text/javascript", "page.css": "text/css"}
_SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_NOTICED = 20.0  # seconds that a notice of Slack stays on the page
_SHOWN = 100  # the latest messages; the page is drawn anew every second
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_FORBIDDEN, _NO_SUCH, _CONFLICT = 403, 404, 409


def routes(workspace: Workspace) -> list[BaseRoute]:
    """Return the addresses of the page."""
    page = Page(workspace)
    return [
        Route("/", page.file),
        Route("/page/state", page.state),
        Route("/page/press", _json(page.press), methods=["POST"]),
        Route("/page/submit", _json(page.submit), methods=["POST"]),
        Route("/page/close", _json(page.close), methods=["POST"]),
        Route("/page/{name}", page.file),
        Route("/archives/{channel}/{stamp}", page.archive),
    ]


class Page:
    """The page of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._drawing = Drawing(workspace)

    async def file(self, request: Request) -> Response:
        """Serve the page, its script and its style."""
        name = request.path_params.get("name", "")
        if name not in _FILES:
            raise HTTPException(_NO_SUCH)
        content = (_HERE / (name or "page.html")).read_bytes()
        return Response(content, media_type=_FILES[name], headers=_SAFE)

    async def archive(self, request: Request) -> Response:
        """Lead a permalink to its message on the page."""
        stamp = request.path_params["stamp"].removeprefix("p")
        ts = f"{stamp[:-6]}.{stamp[-6:]}"
        channel = urlencode({"channel": request.path_params["channel"]})
        return RedirectResponse(f"/?{channel}#m-{ts}" if ts.replace(".", "").isdigit() else "/")

    async def state(self, request: Request) -> Response:
        """Tell all that one person sees now."""
        _check_ours(request)
        workspace = self._workspace
        with workspace.lock:
            people = [
                {"id": each.id, "name": each.name, "kind": each.kind}
                for each in workspace.people.values()
                if each.kind not in ("deleted", "bot")
            ]
            me = request.query_params.get("as") or (people[0]["id"] if people else "")
            channel = request.query_params.get("channel") or workspace.config.channel
            told = {
                "team": workspace.config.team_name,
                "people": people,
                "me": me,
                "channels": [
                    {"id": each, "name": self._drawing.place(each)} for each in sorted(workspace.channels)
                ],
                "channel": channel,
                "messages": self._messages(channel, me),
                "modal": self._modal(me),
                "notices": [
                    notice.text
                    for notice in workspace.noticed(me)
                    if workspace.clock() - notice.at < _NOTICED
                ],
            }
        return JSONResponse(told, headers=_SAFE)

    def _messages(self, channel: str, me: str) -> list[Json]:
        workspace, drawing = self._workspace, self._drawing
        found = [
            (posted.ts, drawing.message(posted, workspace.thread(posted.ts)))
            for posted in [each for each in workspace.cards() if each.channel == channel][-_SHOWN:]
        ]
        found += [
            (body["ts"], drawing.ephemeral(body))
            for body in workspace.ephemerals
            if (body.get("user"), body.get("channel")) == (me, channel)
        ]
        found.sort(key=lambda each: (float(each[0].partition(".")[0]), each[0]))
        return [{"key": ts, "html": html} for ts, html in found[-_SHOWN:]]

    def _modal(self, me: str) -> Json | None:
        view_id = self._workspace.shown(me)
        if view_id is None:
            return None
        stands = self._workspace.dialogs.of(view_id)
        html = draw_view(self._drawing, self._workspace.views[view_id], stands)
        return {"key": stands.hash, "html": html}

    async def press(self, told: Json) -> Json:
        """Press a button, or choose an option of a menu."""
        workspace, by, action_id = self._workspace, str(told.get("as")), str(told.get("action_id"))
        option = str(told["option"]) if told.get("option") else None
        if told.get("view_id"):
            signed = workspace.press_in_view(by, self._mine(told), action_id, option=option)
        else:
            posted = _found(workspace, str(told.get("channel")), str(told.get("ts")))
            signed = workspace.press(by, posted, action_id, option=option)
        delivered = await asyncio.to_thread(workspace.send, signed)
        return {"outcome": delivered.outcome}

    async def submit(self, told: Json) -> Json:
        """Submit the dialog that is open."""
        workspace, view_id = self._workspace, self._mine(told)
        workspace.dialogs.of(view_id).errors = {}
        values = typed(workspace.views[view_id], told.get("values", {}))
        signed = workspace.submit_view(str(told["as"]), view_id, values)
        delivered = await asyncio.to_thread(workspace.send, signed)
        return {"outcome": delivered.outcome}

    async def close(self, told: Json) -> Json:
        """Close the dialog that is open; the app is told only where it asked for it."""
        workspace, view_id = self._workspace, self._mine(told)
        signed = workspace.close(str(told["as"]), view_id)
        if workspace.views[view_id].get("notify_on_close"):
            await asyncio.to_thread(workspace.send, signed)
        return {"outcome": "ok"}

    def _mine(self, told: Json) -> str:
        view_id = str(told.get("view_id"))
        if self._workspace.shown(str(told.get("as"))) != view_id:
            raise HTTPException(_CONFLICT, "this dialog is not open any more")
        return view_id


def _found(workspace: Workspace, channel: str, ts: str) -> Posted:
    posted = workspace.message(channel, ts)
    if posted is None:
        raise HTTPException(_CONFLICT, "this message is not there any more")
    return posted


def _json(does: Callable[[Json], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        _check_ours(request)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(_FORBIDDEN, "send application/json")
        told = await request.json()
        try:
            made = await does(told)
        except LookupError as error:
            raise HTTPException(_CONFLICT, str(error)) from error
        return JSONResponse(made, headers=_SAFE)

    return answer


def _check_ours(request: Request) -> None:
    """A press on this page is a vote: other sites in the same browser shall not be able to make one."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if urlsplit(f"//{host}").hostname not in _LOOPBACK or origin not in (None, f"http://{host}"):
        raise HTTPException(_FORBIDDEN, "only the page of this server may ask")
