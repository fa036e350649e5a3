"""Logs: a JSON object a line, with the response it is about; a finding is never a template."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from firedoor.app.logs import configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=True)
    structlog.get_logger("firedoor.gateway").info("response started", response="respond/p/1", finding="f-1")
    (line,) = lines(capsys)
    assert (
        line.items()
        >= {
            "event": "response started",
            "response": "respond/p/1",
            "level": "info",
            "logger": "firedoor.gateway",
        }.items()
    )
    assert str(line["timestamp"]).endswith("Z")


def test_lines_from_inside_an_activity_carry_the_response_they_are_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(json=True)

    @activity.defn
    def speak() -> None:
        structlog.get_logger("firedoor.activities").info("ours")
        logging.getLogger("some.library").warning("theirs")

    environment = ActivityEnvironment()
    environment.run(speak)
    ours, theirs = lines(capsys)
    assert ours["response"] == theirs["response"] == environment.info.workflow_id


def test_a_findings_text_is_data_and_never_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=True)
    evil = "%s %(levelname)s {0} \n\x1b[31m"
    structlog.get_logger("firedoor").info("finding", title=evil)
    (line,) = lines(capsys)
    assert line["title"] == evil
