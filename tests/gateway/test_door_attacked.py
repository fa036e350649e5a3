"""The door under attack: real sockets, a server in its own process, and signed deliveries all the while."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.gateway.door_kit import HEADER_SECRET, HOOK_SECRET, WEBHOOK_SECRET, raw, signed
from tests.sources.samples import own

pytestmark = pytest.mark.integration

ALERT = raw(own("github/secret_scanning_alert.created.json"))
FINDING = raw(own("generic/finding.json"))
LEAKED_KEY = raw(own("guardduty/leaked_key.json"))
MEGABYTE = 1024 * 1024


class Served:
    """The process, and plain sockets to it."""

    def __init__(self, process: subprocess.Popen[str], log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.port = port
        self._sockets = contextlib.ExitStack()

    def connect(self) -> socket.socket:
        """Open a connection that is closed at the end."""
        return self._sockets.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=20))

    def send(self, request: bytes) -> socket.socket:
        """Open a connection, and say something."""
        opened = self.connect()
        with contextlib.suppress(OSError):
            opened.sendall(request)
        return opened

    def deliver(self, number: int) -> int:
        """Make a genuine delivery by each scheme on connections of its own; the worst status."""
        return max(self.ask(request) for request in genuine(number))

    def ask(self, request: bytes) -> int:
        """Send a request on a connection of its own, and read its answer's status."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as opened:
            opened.sendall(request)
            return status(opened)

    def memory(self) -> int:
        """The most memory that the process ever held, in bytes."""
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in told.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def lines(self) -> int:
        """How many lines stand in the log."""
        return len(self.log.read_text().splitlines())

    def let_go(self) -> None:
        """Close what was opened."""
        self._sockets.close()


def post(source: str, headers: dict[str, str], body: bytes = b"", length: int | None = None) -> bytes:
    """Write a request; with a `length` that is not the body's, the rest is still to come."""
    head = {
        "host": "firedoor",
        "content-type": "application/json",
        "content-length": str(len(body) if length is None else length),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST /findings/{source} HTTP/1.1\r\n{lines}\r\n".encode() + body


def genuine(number: int) -> Iterator[bytes]:
    """One delivery of each scheme."""
    proof = hmac.new(HOOK_SECRET.encode(), ALERT, hashlib.sha256).hexdigest()
    told = {"x-github-event": "secret_scanning_alert", "x-github-delivery": f"d-{number}"}
    yield post("github", {"x-hub-signature-256": f"sha256={proof}", **told}, ALERT)
    yield post("guardduty", {"x-firedoor-key": HEADER_SECRET}, LEAKED_KEY)
    now = datetime.now(UTC)
    webhook = signed(FINDING, delivery=f"msg_{number}", sent=now, secret=WEBHOOK_SECRET)
    yield post("acme", webhook, FINDING)


def status(opened: socket.socket) -> int:
    """Read an answer to its end; raises where the connection is reset before."""
    told = b""
    while b"\r\n\r\n" not in told:
        part = opened.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {told!r}")
        told += part
    head, _, body = told.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += opened.recv(65536)
    return int(head.split(b" ")[1])


def closed(opened: socket.socket, within: float) -> bool:
    """Whether the server ends the connection."""
    opened.settimeout(within)
    try:
        while opened.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def serving(folder: Path, files: int = 0) -> Iterator[Served]:
    """Run the process."""
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.served", str(files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        served = Served(process, log, int(process.stdout.readline()))
        try:
            yield served
        finally:
            served.let_go()
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def served(_served: Served) -> Iterator[Served]:
    """A gateway on a port of its own, which every test leaves alone at its end."""
    yield _served
    _served.let_go()


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Served]:
    """One that nobody attacked before: what others still send is not in its way."""
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def poor(tmp_path: Path) -> Iterator[Served]:
    """One that may open few files."""
    with serving(tmp_path, files=64) as served:
        yield served


SHAPED = {"x-hub-signature-256": "sha256=" + "0" * 64}


@pytest.mark.parametrize(
    "stranger",
    [
        b"",
        b"POST /findings/github HTTP/1.1\r\nhost: f\r\nx-slow: ",
        post("github", SHAPED, b"{", length=5000),
        post("acme", {}, b"{", length=5000),
        post("made-up", SHAPED, b"{", length=5000),
        b"GET /docs HTTP/1.1\r\nhost: f\r\n\r\n",
    ],
    ids=[
        "silent",
        "slow headers",
        "slow body",
        "refused, and sending on",
        "slow body to nobody",
        "keeping alive",
    ],
)
def test_every_signed_delivery_is_taken_while_strangers_hold_all_they_can(
    served: Served, stranger: bytes
) -> None:
    for _ in range(1200):
        served.send(stranger)
    assert [served.deliver(number) for number in range(15)] == [202] * 15


def test_a_connection_that_a_sender_has_proved_itself_on_outlives_the_strangers(served: Served) -> None:
    own_ = served.connect()
    request = next(genuine(0))
    own_.sendall(request)
    assert status(own_) == 202
    for _ in range(1200):
        served.send(b"")
    own_.sendall(request)
    assert status(own_) == 202


@pytest.mark.parametrize(
    "stranger",
    [b"", b"POST /findings/github HTTP/1.1\r\nhost: f\r\nx-slow: ", post("acme", {}, b"{", length=5000)],
    ids=["silent", "slow headers", "after its answer"],
)
def test_who_keeps_the_door_waiting_is_let_go(served: Served, stranger: bytes) -> None:
    opened = served.send(stranger)
    assert closed(opened, 14)


def test_a_body_that_trickles_is_let_go_in_all(served: Served) -> None:
    opened = served.send(post("github", SHAPED, b"{", length=5000))
    began = time.monotonic()
    opened.settimeout(0.5)
    answered = b""
    while not answered and time.monotonic() - began < 14:
        try:
            opened.sendall(b" ")
            answered = opened.recv(65536)
        except TimeoutError:
            continue
    assert answered.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "headers", [{}, SHAPED, {"x-firedoor-key": "wrong"}], ids=["none", "shaped", "wrong"]
)
def test_anonymous_bodies_cost_no_memory(served: Served, headers: dict[str, str]) -> None:
    served.deliver(0)
    before = served.memory()
    part = b"x" * MEGABYTE
    strangers = [
        served.send(post(name, headers, part, length=10 * MEGABYTE))
        for _ in range(50)
        for name in ("github", "guardduty", "made-up")
    ]
    for _ in range(8):
        for stranger in strangers:
            stranger.settimeout(0.05)
            with contextlib.suppress(OSError):
                stranger.sendall(part)
    assert served.deliver(1) == 202
    # 1 500 MB were sent. What the sockets' buffers and 32 MB of bodies need stays far below.
    assert served.memory() - before < 150 * MEGABYTE


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("key", [HEADER_SECRET, "wrong"])
def test_eleven_megabytes_get_their_answer_on_a_connection_that_is_closed_properly(
    calm: Served,
    announced: bool,  # noqa: FBT001  a parameter of pytest's
    key: str,
) -> None:
    """As simple clients do: all of it is sent before a word is read."""
    body = b"[" + b" " * (11_000_000 - 2) + b"]"
    opened = calm.connect()
    if announced:
        opened.sendall(post("guardduty", {"x-firedoor-key": key}, body))
    else:
        head = post("guardduty", {"x-firedoor-key": key, "transfer-encoding": "chunked"}, b"")
        opened.sendall(head.replace(b"content-length: 0\r\n", b""))
        for start in range(0, len(body), MEGABYTE):
            part = body[start : start + MEGABYTE]
            opened.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        opened.sendall(b"0\r\n\r\n")
    assert status(opened) == (413 if announced or key == HEADER_SECRET else 401)
    assert opened.recv(1) == b"", "it ends, and is not reset"


def test_who_asks_before_sending_eleven_megabytes_is_answered_without_them(served: Served) -> None:
    told = {"x-firedoor-key": HEADER_SECRET, "expect": "100-continue"}
    opened = served.send(post("guardduty", told, length=11_000_000))
    assert status(opened) == 413
    assert closed(opened, 4)


def test_who_asks_before_sending_a_body_that_is_wanted_is_told_to_go_on(served: Served) -> None:
    told = {"x-firedoor-key": HEADER_SECRET, "expect": "100-continue"}
    opened = served.send(post("guardduty", told, length=len(LEAKED_KEY)))
    assert opened.recv(25).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    opened.sendall(LEAKED_KEY)
    assert status(opened) == 202


def test_files_that_run_out_are_survived_quietly(poor: Served) -> None:
    for _ in range(400):
        with contextlib.suppress(OSError):
            poor.send(b"POST ")
    assert [poor.deliver(number) for number in range(5)] == [202] * 5
    assert poor.lines() < 60


def test_what_strangers_send_does_not_fill_the_log(served: Served) -> None:
    before = served.lines()
    for number in range(300):
        served.ask(post(f"made-up-{number}", {}, b"{}"))
        served.send(b"\x00\xff nonsense\r\n\r\n").close()
    assert served.deliver(0) == 202
    assert served.lines() - before < 150


def test_a_large_batch_does_not_hold_up_the_others(served: Served) -> None:
    """42 148 findings blocked the door for half a minute; now they are counted beside the others."""
    one = json.loads(FINDING)
    body = raw([{key: one[key] for key in ("uid", "type", "severity", "modified")}] * 100_000)
    assert len(body) < 10 * MEGABYTE
    told = signed(body, delivery="msg_large", sent=datetime.now(UTC), secret=WEBHOOK_SECRET)
    large = served.send(post("acme", told, body))
    waits = []
    for number in range(5):
        began = time.monotonic()
        assert served.deliver(number) == 202
        waits.append(time.monotonic() - began)
    assert status(large) == 413
    assert max(waits) < 5, waits


def test_the_address_that_a_stranger_claims_counts_for_nothing(served: Served) -> None:
    request = next(genuine(0)).replace(b"host: firedoor", b"host: firedoor\r\nx-forwarded-for: 203.0.113.9")
    assert served.ask(request) == 202
    assert "203.0.113.9" not in served.log.read_text()
