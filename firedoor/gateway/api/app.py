"""The gateway's HTTP application: findings in, health and metrics out, other routers beside them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.finding.credentials import Redaction
from firedoor.domain.response.contract import Intake, Responses
from firedoor.gateway.api.api_page import describe
from firedoor.gateway.crowd import prove
from firedoor.gateway.intake.door import Door, Limits
from firedoor.gateway.intake.pipeline import IntakePipeline
from firedoor.gateway.intake.refusal import MEDIA_TYPE, Answer, problem

_log = structlog.get_logger("firedoor.gateway")

#: What a check of `ready` says when all is well; anything else is told as the reason why not.
OK: Final = "ok"

#: FastAPI's own telemetry would log validation errors with the values that caused them.
_SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class ProblemDetails(BaseModel):
    """RFC 9457 problem details; `error` is stable, the sentences are for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error: str
    found: str
    expected: str
    mend: str


def create_app(
    *,
    doors: Mapping[str, Door],
    responses: Responses,
    ready: Callable[[], Awaitable[Mapping[str, str]]],
    clock: Callable[[], datetime],
    routers: Sequence[APIRouter] = (),
    limits: Limits | None = None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    reports: Callable[[], Mapping[str, str]] = dict,
    redaction: Redaction | None = None,
    metrics_token: Callable[[], tuple[str, ...]] | None = None,
) -> FastAPI:
    """Build the application; everything it needs is handed in.

    `ready` are the checks without which it does no work; `reports` are told beside them and fail nothing.
    `metrics_token` are the tokens that open /metrics; None: nobody sees it.
    """
    pipeline = IntakePipeline(
        doors=doors, responses=responses, clock=clock, limits=limits, redaction=redaction
    )
    app = FastAPI(title="Firedoor", docs_url=None, redoc_url=None, lifespan=lifespan, telemetry=_SILENT)
    app.include_router(_findings(pipeline))
    app.include_router(_health(ready, reports, metrics_token))
    describe(app)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)
    return app


def _findings(pipeline: IntakePipeline) -> APIRouter:
    router = APIRouter(tags=["findings"])

    @router.post(
        "/findings/{source}",
        status_code=HTTPStatus.ACCEPTED,
        summary="Deliver findings",
        response_class=Response,
        responses=_documented(),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {}}}},
    )
    async def deliver(source: str, request: Request) -> Response:
        """Take a detector's delivery; 202 means that Temporal holds every finding it is answered for."""
        try:
            return _response(
                await pipeline.take(
                    source, _headers(request), request.stream(), proven=lambda: prove(request)
                )
            )
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it

    return router


def _health(
    ready: Callable[[], Awaitable[Mapping[str, str]]],
    reports: Callable[[], Mapping[str, str]],
    metrics_token: Callable[[], tuple[str, ...]] | None,
) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is the process alive?")
    async def healthz() -> Mapping[str, str]:
        """Say yes."""
        return {"status": OK}

    @router.get("/readyz", summary="Can it do its work?", response_class=Response)
    async def readyz() -> Response:
        """Ask every check; 503 names those that are not well. What is only reported fails nothing.

        A worker is asked through Temporal whether it answers and can write its evidence, and workflows
        whose tasks keep failing are counted. Findings are taken also while it is not ready: for a load
        balancer that shall go on sending them, `/healthz` is the question.
        """
        checks = dict(await ready())
        well = all(said == OK for said in checks.values())
        beside = dict(reports())
        told = {"status": OK if well else "not ready", "checks": checks}
        body = json.dumps({**told, "reports": beside} if beside else told).encode()
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return Response(body, status, media_type="application/json")

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def metrics(request: Request) -> Response:
        """Tell what was counted to whoever sends the token of `metrics:` as a bearer; 404 for all others."""
        if not _may_measure(request, metrics_token):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})

    return router


def _may_measure(request: Request, tokens: Callable[[], tuple[str, ...]] | None) -> bool:
    given = request.headers.get("authorization", "").encode("latin-1")
    try:
        live = tokens() if tokens is not None else ()
    except FiredoorError as error:
        _log.error("metrics.token_unusable", why=error.found)
        return False
    return bool(sum(hmac.compare_digest(given, b"Bearer " + one.encode()) for one in live))


def _headers(request: Request) -> Mapping[str, str]:
    """Lower-case names, Latin-1 values; a header that stands twice is joined, so no scheme matches it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=answer.headers, media_type=answer.media_type)


async def _http_error(_: Request, error: Exception) -> Response:
    status = (
        HTTPStatus(error.status_code)
        if isinstance(error, HTTPException)
        else HTTPStatus.INTERNAL_SERVER_ERROR
    )
    headers = error.headers if isinstance(error, HTTPException) else None
    return _response(
        problem(status, status.name.lower(), found=status.phrase, mend="see /docs", headers=headers)
    )


async def _invalid(_: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
    where = ".".join(ascii(part) for part in first["loc"])
    return _response(
        problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid",
            found=f"{where}: {first['msg']}",
            expected="a request as /docs describes it",
            mend="see /docs",
        )
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("http.unexpected", method=request.method, path=ascii(request.url.path), exc_info=error)
    return _response(
        problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            found="the gateway made a mistake",
            mend="deliver again; the gateway's log tells more",
        )
    )


def _documented() -> dict[int | str, dict[str, Any]]:
    refused = (401, 408, 413, 415, 422, 429, 503)
    problems: dict[int | str, dict[str, Any]] = {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}},
        }
        for status in refused
    }
    return {202: {"description": "Temporal holds them", "model": Intake}, **problems}
