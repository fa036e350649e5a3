"""The kill switch over HTTP: who may throw it, who may release it, and what is said to the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from firedoor.domain.approval.vote import Door, Voter
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.guard.clearance import FreezeOrder, Freezes, ThawOrder, frozen, thaw_objection, thawed
from firedoor.gateway.decisions.kill_switch import FreezeBody, Reach, Switch, ThawBody, clearance_router
from firedoor.gateway.decisions.port import NotCounted
from tests.gateway.people_engine import PEOPLE, TOKENS, Clock, MemoryDirectory
from tests.harness import NOW


class MemorySwitch:
    """A switch that follows the domain's rules, without Temporal."""

    def __init__(self) -> None:
        self.now = Freezes()
        self.down = False

    async def freezes(self) -> Freezes:
        if self.down:
            raise Unavailable("Temporal does not answer")
        return self.now

    async def freeze(self, by: Voter, door: Door, body: FreezeBody, at: datetime) -> Freezes:
        if self.down:
            raise Unavailable("Temporal does not answer")
        order = FreezeOrder(id="f", person=by.person, door=door, at=at, **body.model_dump())
        self.now = frozen(self.now, order)
        return self.now

    async def thaw(self, by: Voter, door: Door, body: ThawBody, at: datetime) -> Freezes:
        order = ThawOrder(id="t", person=by.person, door=door, at=at, **body.model_dump())
        objection = thaw_objection(self.now, order)
        if objection:
            raise NotCounted(objection)
        self.now = thawed(self.now, order)
        return self.now


class Gateway:
    def __init__(self, *, glass: bool = False) -> None:
        self.switch = MemorySwitch()
        self.groups: tuple[str, ...] = ("secops",)
        self.glass = glass
        self.app = FastAPI()
        self.app.include_router(
            clearance_router(
                directory=cast("Any", MemoryDirectory(lambda: PEOPLE)),
                switch=cast("Switch", self.switch),
                reach=Reach(
                    accounts={"123456789012": "prod", "210987654321": "dev"},
                    playbooks=lambda: ["leaked_access_key", "public_bucket"],
                    groups=lambda: self.groups,
                    people=("eve",) if self.glass else (),
                ),
                clock=Clock(),
            )
        )

    async def ask(self, method: str, path: str, person: str | None = "alice", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {TOKENS[person]}"} if person else {}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
            return await client.request(method, path, headers=headers, **more)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


async def test_somebody_of_the_group_may_throw_it_and_everyone_known_sees_it(gateway: Gateway) -> None:
    told = await gateway.ask("POST", "/v1/freeze", json={"why": "a bug in a playbook"})
    assert told.status_code == 200
    seen = await gateway.ask("GET", "/v1/freeze", "eve")
    assert [each["by"] for each in seen.json()["freezes"]] == ["alice"]


async def test_failed_tries_are_limited_and_a_known_token_always_opens(gateway: Gateway) -> None:
    answers = [await gateway.ask("POST", "/v1/freeze", None, json={"why": "x"}) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 5
    assert (await gateway.ask("POST", "/v1/freeze", json={"why": "a bug"})).status_code == 200


@pytest.mark.parametrize("path", ["/v1/freeze", "/v1/thaw"])
async def test_whoever_is_not_in_the_group_neither_throws_nor_releases_it_and_is_told_whose_it_is(
    gateway: Gateway, path: str
) -> None:
    await gateway.ask("POST", "/v1/freeze", json={"why": "a bug"})
    before = gateway.switch.now
    answer = await gateway.ask("POST", path, "eve", json={"why": "because I can"} if "freeze" in path else {})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed")
    assert "you are not in secops" in answer.json()["found"]
    assert gateway.switch.now == before


async def test_who_may_act_alone_may_freeze_too() -> None:
    gateway = Gateway(glass=True)
    told = await gateway.ask("POST", "/v1/freeze", "eve", json={"why": "a bug"})
    assert told.status_code == 200


@pytest.mark.parametrize(
    ("scope", "known", "mend"),
    [
        ({"account": "123456789013"}, "123456789012 (prod)", "did you mean '123456789012'?"),
        ({"account": "prod"}, "210987654321 (dev)", "did you mean '123456789012', its id?"),
        ({"account": "999"}, "123456789012 (prod)", "leave out the account to freeze everything"),
        ({"playbook": "leaked_acces_key"}, "public_bucket", "did you mean 'leaked_access_key'?"),
        ({"playbook": "zzz"}, "leaked_access_key", "leave out the playbook to freeze everything"),
        ({"account": "123456789012", "playbook": "nothing"}, "public_bucket", "leave out the playbook"),
    ],
)
async def test_a_scope_that_does_not_exist_here_freezes_nothing_and_is_answered_with_what_exists(
    gateway: Gateway, scope: dict[str, str], known: str, mend: str
) -> None:
    answer = await gateway.ask("POST", "/v1/freeze", json={"why": "a bug", **scope})
    assert (answer.status_code, answer.json()["error"]) == (422, "unknown_scope")
    assert known in answer.json()["expected"]
    assert mend in answer.json()["mend"]
    assert gateway.switch.now == Freezes()


async def test_a_scope_that_was_frozen_and_is_not_configured_any_more_can_be_thawed(gateway: Gateway) -> None:
    order = FreezeOrder(id="f", person="alice", door="cli", why="a bug", account="555555555555", at=NOW)
    gateway.switch.now = frozen(Freezes(), order)
    told = await gateway.ask("POST", "/v1/thaw", "bob", json={"account": "555555555555"})
    assert told.json() == {"freezes": []}


async def test_a_body_is_bounded(gateway: Gateway) -> None:
    answer = await gateway.ask("POST", "/v1/freeze", content=b'{"why": "' + b"x" * 20_000 + b'"}')
    assert answer.status_code == 413
    long = await gateway.ask("POST", "/v1/freeze", json={"why": "a bug", "account": "1" * 65})
    assert long.status_code == 422
    assert gateway.switch.now == Freezes()


async def test_a_thaw_needs_another_person(gateway: Gateway) -> None:
    await gateway.ask("POST", "/v1/freeze", json={"why": "a bug"})
    mine = await gateway.ask("POST", "/v1/thaw")
    assert (mine.status_code, mine.json()["error"]) == (409, "not_counted")
    assert "somebody else" in mine.json()["found"]
    other = await gateway.ask("POST", "/v1/thaw", "bob")
    assert other.json() == {"freezes": []}


@pytest.mark.parametrize("path", ["/v1/freeze", "/v1/thaw"])
async def test_a_stranger_throws_and_releases_nothing(gateway: Gateway, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer made-up"}):
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://firedoor.test") as client:
            answer = await client.post(path, json={"why": "because I can"}, headers=headers)
        assert answer.status_code == 401
    assert gateway.switch.now == Freezes()


@pytest.mark.parametrize(
    "body", [{}, {"why": ""}, {"why": "x" * 501}, {"why": "a", "account": "prod"}, {"why": "a", "extra": 1}]
)
async def test_a_body_that_is_not_one_freezes_nothing_and_says_what_is_wrong(
    gateway: Gateway, body: dict[str, Any]
) -> None:
    answer = await gateway.ask("POST", "/v1/freeze", json=body)
    assert answer.status_code == 422
    assert answer.json()["expected"]
    assert gateway.switch.now == Freezes()


async def test_no_answer_of_the_engine_is_said_as_that(gateway: Gateway) -> None:
    gateway.switch.down = True
    answer = await gateway.ask("POST", "/v1/freeze", json={"why": "a bug"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
