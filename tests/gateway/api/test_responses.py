"""Responses over HTTP: who may look, whose vote counts, and what the others are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from firedoor.connectors.oidc import OidcProvider
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.people.people import People
from firedoor.domain.response.messages import ReassignRequest, SnoozeRequest
from firedoor.gateway.api.bearer import Tokens
from firedoor.gateway.api.responses import responses_router
from firedoor.gateway.api.token_check import Genuine
from tests.channels.slack.reports import ID, NOW, RULE, asked
from tests.fake_idp import CLIENT, FakeIdp, signed_with_the_public_key
from tests.gateway.people_engine import TOKENS, Clock, MemoryEngine
from tests.page_kit import ISSUER, PEOPLE, PageDirectory

ENCODED = quote(ID, safe="")


class Door:
    """The gateway with its HTTP door and an engine in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = MemoryEngine(self.clock)
        self.directory = PageDirectory(self.clock)
        self.idp = FakeIdp(ISSUER, "https://firedoor.test/login/oidc/callback", self.clock)
        self.monotonic = 0.0
        provider = OidcProvider(
            issuer=ISSUER,
            client_id=CLIENT,
            monotonic=lambda: self.monotonic,
            transport=httpx.ASGITransport(self.idp.app),
        )
        tokens = Tokens(genuine=Genuine(provider, self.clock), audience=CLIENT)
        self.app = FastAPI()
        self.app.include_router(
            responses_router(directory=self.directory, engine=self.engine, clock=self.clock, tokens=tokens)
        )

    async def ask(
        self, method: str, path: str, *, person: str | None = "alice", **other: Any
    ) -> httpx.Response:
        """Ask as a person."""
        headers = {"authorization": f"Bearer {TOKENS[person]}"} if person else {}
        transport = httpx.ASGITransport(self.app, client=(other.pop("address", "192.0.2.1"), 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
            return await client.request(
                method, path, headers={**headers, **other.pop("headers", {})}, **other
            )

    async def vote(self, person: str = "alice", path: str = ID, **ballot: Any) -> httpx.Response:
        """Cast a vote."""
        body = {"decision": "approve", "fingerprint": self.fingerprint, **ballot}
        return await self.ask("POST", f"/v1/responses/{path}/votes", person=person, json=body)

    @property
    def fingerprint(self) -> str:
        """Tell the fingerprint that is asked about."""
        assert self.engine.report_now.ask is not None
        return self.engine.report_now.ask.fingerprint


@pytest.fixture
def door() -> Door:
    return Door()


EVERY_PATH = [
    ("GET", ""),
    ("GET", f"/{ID}"),
    ("POST", f"/{ID}/votes"),
    ("POST", f"/{ID}/undo"),
    ("POST", f"/{ID}/snooze"),
    ("POST", f"/{ID}/reassign"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_PATH)
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer wrong",
        "Bearer a b",
        "bearer",
        f"Bearer {'x' * 9000}",
    ],
)
async def test_nobody_gets_in_without_a_token(door: Door, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await door.ask(method, f"/v1/responses{path}", person=None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"] == "unauthenticated"


async def guess(door: Door, number: int, address: str = "192.0.2.1") -> httpx.Response:
    headers = {"authorization": f"Bearer fdp_guess{number}"}
    return await door.ask("GET", "/v1/responses", person=None, headers=headers, address=address)


async def test_failed_tries_are_limited_and_the_holder_of_a_token_is_never_locked_out(door: Door) -> None:
    answers = [(await guess(door, number)).status_code for number in range(30)]
    assert answers == [401] * 20 + [429] * 10
    refused = await guess(door, 31)
    assert refused.headers["retry-after"] == "60"
    assert (await door.ask("GET", "/v1/responses", address="192.0.2.1")).status_code == 200
    assert (await guess(door, 32, "192.0.2.2")).status_code == 401, "another client is another"
    door.clock.now += timedelta(minutes=1)
    assert (await guess(door, 33)).status_code == 401


async def test_failed_tries_from_many_addresses_are_limited_in_all(door: Door) -> None:
    answers = [(await guess(door, number, f"192.0.2.{number}")).status_code for number in range(210)]
    assert answers == [401] * 200 + [429] * 10
    assert (await door.ask("GET", "/v1/responses", address="192.0.2.1")).status_code == 200


async def test_the_hash_of_a_token_is_no_token(door: Door) -> None:
    stolen = PEOPLE.people["alice"].token_sha256
    answer = await door.ask(
        "GET", "/v1/responses", person=None, headers={"authorization": f"Bearer {stolen}"}
    )
    assert answer.status_code == 401


async def test_a_token_is_refused_from_the_moment_it_is_gone(door: Door) -> None:
    assert (await door.ask("GET", "/v1/responses")).status_code == 200
    door.directory.people = People()
    assert (await door.ask("GET", "/v1/responses")).status_code == 401


async def test_a_directory_that_cannot_be_read_is_a_503_and_nobody_is_told_that_they_are_nobody(
    door: Door,
) -> None:
    door.directory.people = None
    assert (await door.ask("GET", "/v1/responses")).status_code == 503
    assert (await door.vote()).status_code == 503
    assert not door.engine.votes


@pytest.mark.parametrize("path", [ID, ENCODED])
async def test_a_response_tells_its_plan_votes_ledger_and_fingerprint(door: Door, path: str) -> None:
    told = (await door.ask("GET", f"/v1/responses/{path}")).json()
    assert told["id"] == ID
    assert told["fingerprint"] == door.fingerprint
    assert [step["id"] for step in told["plan"]["steps"]] == ["stop_key", "end_sessions", "delete_key"]
    assert told["ledger"][0]["kind"] == "received"
    assert told["votes"] == []


@pytest.mark.parametrize("path", [ID, ENCODED])
async def test_a_vote_counts_and_says_what_is_missing(door: Door, path: str) -> None:
    answer = await door.vote(path=path)
    assert (answer.status_code, answer.json()) == (
        200,
        {"state": "pending", "missing": 1, "fingerprint": door.fingerprint},
    )
    (vote,) = door.engine.votes.values()
    assert (vote.voter.person, vote.door, vote.ask, vote.generation) == ("alice", "http", "1", 1)


async def test_the_same_vote_again_is_the_same_vote(door: Door) -> None:
    assert (await door.vote()).json() == (await door.vote()).json()
    assert len(door.engine.votes) == 1


async def test_a_fingerprint_may_be_typed_in_any_case_or_given_in_full(door: Door) -> None:
    assert (await door.vote(fingerprint=door.fingerprint.lower())).status_code == 200
    ask = door.engine.report_now.ask
    assert ask is not None
    assert (await door.vote("bob", fingerprint=ask.plan_sha256)).json()["state"] == "confirming"


async def test_a_vote_that_does_not_count_is_a_409_with_the_reason(door: Door) -> None:
    stranger = await door.vote("eve")
    assert stranger.status_code == 409
    assert "you are not in secops" in stranger.json()["found"]
    other = await door.vote(fingerprint="0000-0000-0000")
    assert other.status_code == 409
    assert "the plan has changed" in other.json()["found"]
    door.clock.now += timedelta(hours=1)
    assert "the time to answer is over" in (await door.vote()).json()["found"]
    assert not door.engine.votes


@pytest.mark.parametrize(
    ("reason", "code", "comment"),
    [
        ("bad_time", "bad_time", ""),
        ("Bad time: the release is running", "bad_time", "the release is running"),
        ("false-positive", "false_positive", ""),
        ("handled_elsewhere: ticket 7: done", "handled_elsewhere", "ticket 7: done"),
        ("I do not like it", "other", "I do not like it"),
    ],
)
async def test_a_no_is_given_with_its_reason(door: Door, reason: str, code: str, comment: str) -> None:
    assert (await door.vote(decision="reject", reason=reason)).json()["state"] == "rejected"
    (vote,) = door.engine.votes.values()
    assert (vote.reason, vote.comment) == (code, comment)


async def test_a_no_without_a_reason_is_a_409_that_names_the_reasons(door: Door) -> None:
    answer = await door.vote(decision="reject", reason=" ")
    assert answer.status_code == 409
    assert "false_positive" in answer.json()["found"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"decision":"approve"}',
        b'{"decision":"maybe","fingerprint":"A41B-35E6-E3C5"}',
        b'{"decision":"approve","fingerprint":"A41B-35E6-E3C5","person":"bob"}',
        b'{"decision":"approve","fingerprint":7}',
        b'{"decision":"approve","fingerprint":"A41B-35E6-E3C5","decision":"reject"}',
        b"\xff",
        b"[" * 50_000,
    ],
)
async def test_a_body_that_is_no_vote_is_a_422(door: Door, body: bytes) -> None:
    answer = await door.ask("POST", f"/v1/responses/{ID}/votes", content=body)
    assert answer.status_code == 422
    assert set(answer.json()) >= {"error", "found", "expected", "mend"}
    assert not door.engine.votes


async def test_a_body_that_is_too_large_is_a_413(door: Door) -> None:
    assert (await door.ask("POST", f"/v1/responses/{ID}/votes", content=b" " * 70_000)).status_code == 413


@pytest.mark.parametrize(
    "id_",
    [
        "respond/leaked_access_key/" + "0" * 32,
        "desk",
        "respond",
        "respond/x/y",
        "",
        "a" * 5000,
        "%2e%2e",
        "ü",
    ],
)
async def test_a_response_nobody_knows_is_a_404(door: Door, id_: str) -> None:
    for method, path in (("GET", f"/v1/responses/{id_}"), ("POST", f"/v1/responses/{id_}/undo")):
        answer = await door.ask(method, path)
        assert answer.status_code in ((404,) if id_ else (404, 405, 307))
    if id_:
        assert (await door.vote(path=id_)).status_code == 404
    assert all(heard.startswith("respond/leaked") for heard in door.engine.heard), (
        "other workflows are not reached"
    )


async def test_undo_is_asked_for_once_and_then_anew(door: Door) -> None:
    path = f"/v1/responses/{ENCODED}/undo"
    assert (await door.ask("POST", path)).json()["state"] == "pending"
    assert (await door.ask("POST", path, json={"why": "it was the pen test"})).status_code == 200
    assert len(door.engine.undos) == 1
    report = door.engine.report_now
    asked = report.entries[-1].model_copy(update={"kind": "undo_requested"})
    door.engine.report_now = report.model_copy(update={"entries": (*report.entries, asked)})
    await door.ask("POST", path)
    assert len(door.engine.undos) == 2


async def test_the_engine_being_away_is_a_503(door: Door) -> None:
    door.engine.broken = Unavailable("Temporal does not answer")
    answer = await door.vote()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


async def test_a_vote_that_waits_for_the_engine_is_a_202(door: Door) -> None:
    door.engine.waiting = True
    answer = await door.vote()
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")


async def test_responses_are_listed_by_status_playbook_and_time(door: Door) -> None:
    async def count(**query: str) -> int:
        answer = await door.ask("GET", "/v1/responses", params=query)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["responses"])

    assert await count() == 1
    assert await count(status="awaiting_approval", playbook="leaked_access_key") == 1
    assert await count(status="closed") == 0
    assert await count(playbook="public_bucket") == 0
    assert await count(since="24h") == 1
    assert await count(since="PT10S") == 0
    assert await count(since=(NOW + timedelta(hours=1)).isoformat()) == 0


@pytest.mark.parametrize(
    "query",
    [{"status": "x"}, {"since": "yesterday"}, {"since": "2026-11-22"}, {"playbook": "' OR 1=1"}, {"q": "1"}],
)
async def test_a_list_that_cannot_be_asked_for_is_a_422(door: Door, query: dict[str, str]) -> None:
    answer = await door.ask("GET", "/v1/responses", params=query)
    assert answer.status_code == 422
    assert answer.json()["expected"]


async def test_a_vote_through_http_and_the_same_through_slack_are_one(door: Door) -> None:
    """The id of a vote names the ask and the person, never the door."""
    await door.vote()
    (name,) = door.engine.votes
    assert name == f"{ID}/1.1/alice/approve"


async def test_a_vote_from_a_terminal_is_told_as_that_and_any_other_door_is_http(door: Door) -> None:
    await door.ask(
        "POST",
        f"/v1/responses/{ID}/votes",
        json={"decision": "approve", "fingerprint": door.fingerprint},
        headers={"firedoor-door": "cli"},
    )
    await door.ask(
        "POST",
        f"/v1/responses/{ID}/votes",
        person="bob",
        json={"decision": "approve", "fingerprint": door.fingerprint},
        headers={"firedoor-door": "slack"},
    )
    assert [vote.door for vote in door.engine.votes.values()] == ["cli", "http"]


async def test_the_glass_is_broken_with_its_written_reason(door: Door) -> None:
    door.engine.ask_now(glass=("alice",))
    reason = "bad_time: the attacker is in there now"
    assert (await door.vote(break_glass=True)).status_code == 409
    assert (await door.vote("bob", break_glass=True, reason=reason)).status_code == 409
    assert (await door.vote(decision="reject", break_glass=True, reason=reason)).status_code == 422
    assert (await door.vote(break_glass=True, reason=reason)).status_code == 200
    (vote,) = door.engine.votes.values()
    assert (vote.break_glass, vote.reason, vote.comment) == (True, None, reason)


async def test_a_vote_on_an_open_review_is_about_the_review(door: Door) -> None:
    review = asked(kind="review", number="review-1", rules=(RULE,), plan_sha256="d" * 64)
    door.engine.report_now = door.engine.report_now.model_copy(update={"review": review})
    heard: list[Any] = []
    counted = door.engine.vote

    async def vote(response: str, vote: Any) -> Any:
        heard.append(vote)
        return await counted(response, vote)

    door.engine.vote = vote  # type: ignore[method-assign, assignment]
    await door.vote(fingerprint=review.fingerprint)
    assert heard[0].ask == "review-1"


async def test_a_reminder_is_put_off_and_somebody_is_asked_to_look(door: Door) -> None:
    path = f"/v1/responses/{ENCODED}"
    told = await door.ask("POST", f"{path}/snooze", json={"minutes": 30, "fingerprint": door.fingerprint})
    assert told.status_code == 200
    assert told.json()["remind_at"].startswith("2026-11-22T19:01")
    told = await door.ask("POST", f"{path}/reassign", json={"to": "bob", "fingerprint": door.fingerprint})
    assert told.json()["assigned_to"] == "bob"
    snooze, reassign = door.engine.nudges.values()
    assert isinstance(snooze, SnoozeRequest)
    assert isinstance(reassign, ReassignRequest)
    for word, wrong in (("snooze", {"minutes": 0}), ("snooze", {}), ("reassign", {"to": "Bob <b>"})):
        body = {"fingerprint": door.fingerprint, **wrong}
        assert (await door.ask("POST", f"{path}/{word}", json=body)).status_code == 422
    gone = {"to": "nobody", "fingerprint": door.fingerprint}
    assert (await door.ask("POST", f"{path}/reassign", json=gone)).status_code == 409
    old = {"minutes": 30, "fingerprint": "0000-0000-0000"}
    assert (await door.ask("POST", f"{path}/snooze", json=old)).status_code == 409


# ---- tokens of the identity provider -------------------------------------------------


async def bearing(
    door: Door, token: str, method: str = "GET", path: str = "", **other: Any
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await door.ask(method, f"/v1/responses{path}", person=None, headers=headers, **other)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
async def test_a_token_of_the_provider_is_the_person_it_names(
    door: Door, algorithm: str, typ: str | None
) -> None:
    door.idp.rotate(algorithm=algorithm)
    token = door.idp.bearer(typ=typ)
    answer = await bearing(
        door, token, "POST", f"/{ID}/votes", json={"decision": "approve", "fingerprint": door.fingerprint}
    )
    assert answer.status_code == 200, answer.text
    (vote,) = door.engine.votes.values()
    assert (vote.voter.person, vote.door) == ("alice", "http")


BAD: dict[str, dict[str, Any]] = {
    "audience": {"aud": "another-api"},
    "no audience": {"aud": None},
    "issuer": {"iss": "https://evil.test"},
    "no issuer": {"iss": None},
    "expired": {"exp": 1},
    "no end": {"exp": None},
    "not yet": {"nbf": 4_000_000_000},
    "of the future": {"iat": 4_000_000_000},
    "no beginning": {"iat": None},
    "a stranger": {"sub": "sub-mallory"},
    "nobody": {"sub": None},
    "an event": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    "another kind": {"typ": "logout+jwt"},
    "critical": {"header": {"crit": ["b64"], "b64": False}},
}


@pytest.mark.parametrize("name", BAD)
async def test_a_token_that_is_not_for_us_is_a_401(door: Door, name: str) -> None:
    token = door.idp.bearer(**BAD[name])
    answer = await bearing(door, token)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert token not in answer.text


async def test_a_token_is_signed_by_the_provider_and_by_nobody_else(door: Door) -> None:
    good = door.idp.bearer()
    head, body, signature = good.split(".")
    unsigned = door.idp.bearer(alg="none")
    claims = {"iss": ISSUER, "sub": "sub-alice", "aud": CLIENT, "iat": 1, "exp": 4_000_000_000}
    stranger = FakeIdp(ISSUER, "https://x.test", door.clock)
    stranger.rotate()
    for token in (
        unsigned,
        unsigned.rsplit(".", 1)[0] + ".",
        signed_with_the_public_key(door.idp.key, claims),
        stranger.bearer(),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        f"{head}.{body[:-4]}AAAA.{signature}",
        "a.b.c",
        "e30.e30.e30",
        f"{head}..{signature}",
    ):
        assert (await bearing(door, token)).status_code == 401
    assert (await bearing(door, good)).status_code == 200


async def test_unknown_keys_make_us_ask_the_provider_once_a_minute(door: Door) -> None:
    assert (await bearing(door, door.idp.bearer())).status_code == 200
    door.monotonic += 61
    for number in range(20):
        token = door.idp.bearer(header={"kid": f"made-up-{number}"})
        assert (await bearing(door, token)).status_code == 401
    assert door.idp.calls.count("jwks") == 2
    door.monotonic += 61
    door.idp.rotate()
    assert (await bearing(door, door.idp.bearer())).status_code == 200
    assert door.idp.calls.count("jwks") == 3


async def test_a_provider_that_is_down_is_a_503_and_personal_tokens_go_on(door: Door) -> None:
    token = door.idp.bearer()
    door.idp.down = True
    assert (await bearing(door, token)).status_code == 503
    assert (await door.vote()).status_code == 200


async def test_what_a_token_lists_of_groups_is_as_old_as_the_token(door: Door) -> None:
    """The directory believes claims for a minute; an old token is still the same person."""
    ballot = {"decision": "approve", "fingerprint": door.fingerprint}
    token = door.idp.bearer("sub-carol", groups=["idp-secops"])
    door.clock.now += timedelta(seconds=61)
    answer = await bearing(door, token, "POST", f"/{ID}/votes", json=ballot)
    assert answer.status_code == 409
    assert "you are not in secops" in answer.json()["found"]
    token = door.idp.bearer("sub-carol", groups=["idp-secops"])
    assert (await bearing(door, token, "POST", f"/{ID}/votes", json=ballot)).status_code == 200
