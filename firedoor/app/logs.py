"""Structured logs: one JSON object a line, with the response's id on every line that is about one."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from temporalio import activity, workflow


def _response(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the response that this line is about, from Temporal's own context."""
    if "response" not in event:
        if activity.in_activity():
            info = activity.info()
            event["response"] = info.workflow_id
            event.setdefault("activity", info.activity_type)
        elif workflow.in_workflow():
            event["response"] = workflow.info().workflow_id
    return event


def _temporal_record(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take the response's id from records of Temporal's own loggers, which carry it as extra data."""
    record = event.get("_record")
    for name in ("temporal_workflow", "temporal_activity"):
        told = getattr(record, name, None)
        if isinstance(told, dict) and "workflow_id" in told:
            event.setdefault("response", told["workflow_id"])
    return event


def configure_logging(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Send everything, the libraries' lines too, through one renderer to standard error.

    JSON unless standard error is a terminal. Values are data: no log line is a format string of a finding.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _response,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _temporal_record],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("botocore", "boto3", "urllib3", "slack_sdk", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
