"""The call to Okta: every page of a group, and what is said when something goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from firedoor.domain.core.errors import Absent, FiredoorError, Misconfigured, Rejected, Unavailable
from firedoor.systems.okta.groups import Okta
from tests.servers import free_port

pytestmark = pytest.mark.integration

TOKEN = "00made-up-okta-token"
USERS = [{"id": f"00u{number}", "status": "ACTIVE", "profile": {"login": "a"}} for number in range(5)]


class Server(ThreadingHTTPServer):
    """Answers as Okta does, two people a page; `answer` replaces an answer, `next_page` a link."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, str]] = []
        self.answer: tuple[int, dict[str, str], str] | None = None
        self.next_page: str | None = None


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("authorization", "")))
        if self.server.answer is not None:
            self._say(*self.server.answer)
            return
        parts = urlsplit(self.path)
        if parts.path != "/api/v1/groups/00g1/users":
            self._say(404, {}, json.dumps({"errorCode": "E0000007", "errorSummary": "Not found"}))
            return
        after = int(parse_qs(parts.query).get("after", ["0"])[0])
        links = {"link": f'<{self.server.url}{parts.path}?limit=1000>; rel="self"'}
        if after + 2 < len(USERS):
            there = self.server.next_page or f"{self.server.url}{parts.path}?after={after + 2}&limit=1000"
            links["link"] += f', <{there}>; rel="next"'
        self._say(200, links, json.dumps(USERS[after : after + 2]))

    def _say(self, status: int, headers: dict[str, str], body: str) -> None:
        self.send_response_only(status)  # without a `Date` of its own
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        pass


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def there() -> Iterator[Server]:
    with serving() as server:
        yield server


def okta(there: Server, token: str = TOKEN) -> Okta:
    return Okta(there.url, lambda: token, timeout=2)


async def test_every_page_of_a_group_is_read_with_each_persons_status(there: Server) -> None:
    assert await okta(there).group_members("00g1") == {f"00u{number}": "ACTIVE" for number in range(5)}
    assert len(there.asked) == 3
    assert {authorization for _, authorization in there.asked} == {f"SSWS {TOKEN}"}
    assert there.asked[0][0] == "/api/v1/groups/00g1/users?limit=1000"


async def test_a_group_that_does_not_exist_is_absent(there: Server) -> None:
    with pytest.raises(Absent) as caught:
        await okta(there).group_members("00gone")
    assert caught.value.code == "E0000007"


@pytest.mark.parametrize("group", ["", "../users", "00g1/../..", "00g1?limit=1", "a b", "é"])
async def test_nothing_but_an_id_is_asked_for(there: Server, group: str) -> None:
    with pytest.raises(Absent):
        await okta(there).group_members(group)
    assert there.asked == []


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_token_that_may_not_look_is_told_as_that(there: Server, status: int) -> None:
    there.answer = (status, {}, json.dumps({"errorCode": "E0000011", "errorSummary": TOKEN}))
    with pytest.raises(Rejected, match="E0000011") as caught:
        await okta(there).group_members("00g1")
    assert "okta.token" in caught.value.mend


async def test_too_many_means_later_by_oktas_own_clock(there: Server) -> None:
    headers = {"x-rate-limit-reset": "1795312817", "date": "Sun, 22 Nov 2026 02:00:00 GMT"}
    there.answer = (429, headers, json.dumps({"errorCode": "E0000047"}))
    with pytest.raises(Unavailable) as caught:
        await okta(there).group_members("00g1")
    assert caught.value.retry_after == 17


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, "{}"),
        (503, {}, "<html>"),
        (302, {"location": "http://127.0.0.1:9/"}, ""),
        (200, {}, "<html>maintenance</html>"),
        (200, {}, "{}"),
        (200, {}, "[1]"),
        (200, {}, '[{"id": "00u1"}]'),
        (200, {}, '[{"id": 7, "status": "ACTIVE"}]'),
        (429, {"x-rate-limit-reset": "soon"}, ""),
        (429, {"x-rate-limit-reset": "1795312817", "date": "now"}, ""),
    ],
)
async def test_an_answer_nobody_foresaw_means_that_it_is_not_known(
    there: Server, answer: tuple[int, dict[str, str], str]
) -> None:
    there.answer = answer
    with pytest.raises(Unavailable):
        await okta(there).group_members("00g1")


async def test_nobody_there_means_that_it_is_not_known() -> None:
    with pytest.raises(Unavailable):
        await Okta("http://127.0.0.1:9", lambda: TOKEN).group_members("00g1")


async def test_the_token_is_sent_to_okta_and_to_nobody_else(there: Server) -> None:
    with serving() as elsewhere:
        there.next_page = f"{elsewhere.url}/api/v1/groups/00g1/users"
        with pytest.raises(Unavailable, match="not Okta's"):
            await okta(there).group_members("00g1")
        assert elsewhere.asked == []


async def test_pages_without_end_are_not_followed_for_ever(there: Server) -> None:
    there.next_page = f"{there.url}/api/v1/groups/00g1/users?limit=1000"
    with pytest.raises(Unavailable, match="more than 20000 people"):
        await okta(there).group_members("00g1")
    assert len(there.asked) == 20


@pytest.mark.parametrize("answer", [(500, {}, TOKEN), (403, {}, TOKEN), (404, {}, TOKEN), (200, {}, TOKEN)])
async def test_the_token_is_in_no_error(
    there: Server, answer: tuple[int, dict[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    there.answer = answer
    with pytest.raises(FiredoorError) as caught:
        await okta(there).group_members("00g1")
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {caplog.text}"


@pytest.mark.parametrize("url", ["ftp://acme.okta.com", "acme.okta.com", "https://"])
def test_an_address_that_is_none_does_not_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        Okta(url, lambda: TOKEN)
