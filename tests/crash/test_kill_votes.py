"""Kill -9 around a vote: what was recorded stands, what was not is seen to fail, none counts twice."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from temporalio.client import Client

from firedoor.domain.response.contract import REPORT
from firedoor.domain.response.messages import Report
from tests.approvals import PLAYBOOKS, TRANSPORTS, Approvals, Transport, approvals
from tests.installation import Part

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


class Line:
    """The wire between the gateway and Temporal: what is said is held back in one direction, on demand."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._open = {"there": threading.Event(), "back": threading.Event()}
        for each in self._open.values():
            each.set()
        self.held = threading.Event()  # something waits that may not pass
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, direction: str) -> None:
        """Let nothing more pass: `there` to Temporal, or `back` from it."""
        self.held.clear()
        self._open[direction].clear()

    def cut(self) -> None:
        """Lose what is held back, with every connection; new ones pass."""
        cut, self._sockets = self._sockets, []
        for each in cut:
            each.close()
        for direction in self._open.values():
            direction.set()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [near, far]
                for source, sink, direction in ((near, far, "there"), (far, near, "back")):
                    threading.Thread(target=self._pass, args=(source, sink, direction), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self._open[direction].is_set():
                    self.held.set()
                    self._open[direction].wait()
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def _line(office: Approvals) -> Iterator[Line]:
    """Put a line between the gateway and Temporal."""
    line = Line(office.here.temporal_port)
    office.here.temporal_of["gateway"] = f"127.0.0.1:{line.port}"
    try:
        office.here.restart("gateway")
        office.ready()
        yield line
    finally:
        del office.here.temporal_of["gateway"]
        line.close()
        office.here.restart("gateway")
        office.ready()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Approvals]:
    playbooks = {name: PLAYBOOKS[name] for name in ("weld_one", "weld_two")}
    with approvals(tmp_path_factory.mktemp("votes"), playbooks) as made:
        yield made


@pytest.fixture
def office(alone: Approvals) -> Iterator[Approvals]:
    alone.new_desk()
    yield alone
    alone.end_all()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("when", ["before it is durable", "between durable and ack"])
def test_a_gateway_killed_before_the_ack_leaves_a_press_that_failed_and_one_vote_when_it_is_repeated(
    office: Approvals, transport: Transport, when: str
) -> None:
    asked = office.start("weld_two")
    card = asked.asking()
    way = office.way(transport)
    with _line(office) as line, ThreadPoolExecutor(1) as finger:
        durable = when == "between durable and ack"
        line.hold("back" if durable else "there")
        pressing = finger.submit(way.press, "alice", card)
        assert line.held.wait(5), "the vote is on its way, or its answer"
        if durable:
            _until_voted(office, asked.response)
        office.here.kill("gateway")
        delivered = pressing.result()
        assert delivered.outcome != "ok", "nobody is told that it was recorded"
        assert office.slack.noticed("U0ALICE"), "and the person sees that"
        line.cut()
        office.here.start("gateway")
        office.ready()
        assert len(asked.voters()) == (1 if durable else 0)
        way.yes("alice", card)
        assert asked.voters() == [("alice", "slack")]
        assert asked.says("voted") == ["alice said approve"]
        way.yes("bob", card)
    asked.until_status("contained")
    assert asked.effects() == [f"weld {asked.door}"]


def _until_voted(office: Approvals, response: str) -> None:
    """Wait until Temporal holds a vote; the gateway cannot be asked."""

    async def voted(client: Client) -> None:
        handle = client.get_workflow_handle(response)
        async with asyncio.timeout(10):
            while True:
                report: Report = await handle.query(REPORT, result_type=Report)
                if report.ask is not None and len(report.ask.votes) == 1:
                    return
                await asyncio.sleep(0.005)

    office.here.with_temporal(voted)  # one connection: the gateway gives up by itself after 2.4 seconds


@pytest.mark.parametrize(
    ("transport", "part"),
    [("http", "gateway"), ("socket", "gateway"), ("http", "temporal"), ("socket", "worker")],
)
def test_a_vote_that_was_acked_stands_whatever_is_killed_right_after(
    office: Approvals, transport: Transport, part: Part
) -> None:
    asked = office.start()
    way = office.way(transport)
    way.yes("alice", asked.asking())
    office.here.kill(part)
    office.here.start(part)
    office.ready()
    asked.until_status("contained")
    assert asked.voters() == [("alice", "slack")]
    assert asked.says("voted") == ["alice said approve"]
    assert asked.effects() == [f"weld {asked.door}"]
    asked.card("Contained", button="details")
