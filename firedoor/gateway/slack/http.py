"""Slack's door over HTTP: signed requests in, what they are answered out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect

from firedoor.channels.slack.interaction import payload_of, read
from firedoor.domain.core.errors import Unreadable
from firedoor.gateway.api.body_limit import respond
from firedoor.gateway.crowd import prove
from firedoor.gateway.decisions.port import trace
from firedoor.gateway.intake.refusal import Refusal, problem
from firedoor.gateway.intake.sparing import Sparing
from firedoor.gateway.intake.strangers import Strangers
from firedoor.gateway.slack.interactions import Presses
from firedoor.gateway.slack.replies import Answer
from firedoor.gateway.slack.signature import SlackSignatures

_MOST: Final = 256 * 1024  # a press echoes its whole message
_READ_WITHIN: Final = 0.5  # seconds of Slack's three; its answer takes 2.4 at the most


def slack_router(
    *, signing_secrets: Callable[[], tuple[bytes, ...]], presses: Presses, clock: Callable[[], datetime]
) -> APIRouter:
    """Build the door; raises `Misconfigured` on an empty signing secret."""
    router = APIRouter(tags=["slack"])
    signatures = SlackSignatures(signing_secrets, clock)
    strangers, told = Strangers(), Sparing(clock)

    @router.post("/slack/interactions", response_class=Response, summary="Take what people press in Slack")
    async def interactions(request: Request) -> Response:
        """Take a press or a submitted dialog; an empty 200 means that a vote is durable or was answered."""
        try:
            signatures.look(request)
            body = await strangers.read("slack", request.stream(), most=_MOST, within=_READ_WITHIN)
            signatures.check(request, body)
            prove(request)
            return _response(await presses.answer(read(payload_of(body))))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except Refusal as refusal:
            if told.unlogged() is not None:
                trace("slack", refusal.error, why=refusal.found)
            return respond(refusal.answer())
        except Unreadable as error:
            trace("slack", "unreadable", why=error.found)
            status = HTTPStatus.BAD_REQUEST
            return respond(problem(status, "unreadable", found=error.found, expected=error.expected))

    return router


def _response(answer: Answer) -> Response:
    task = BackgroundTask(_follow, answer.after) if answer.after else None
    if answer.payload is None:
        return Response(background=task)
    return Response(json.dumps(answer.payload), media_type="application/json", background=task)


async def _follow(after: Callable[[], Awaitable[None]]) -> None:
    await after()  # a coroutine function itself, or Starlette would run it in a thread
