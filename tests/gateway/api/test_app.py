"""The pages around intake."""

from __future__ import annotations

from fastapi import APIRouter

from firedoor.gateway.api.app import create_app
from tests.gateway.door_kit import Gateway


async def test_alive_and_ready(gateway: Gateway):
    assert (await gateway.client.get("/healthz")).status_code == 200
    assert (await gateway.client.get("/readyz")).json() == {"status": "ok", "checks": {"temporal": "ok"}}


async def test_not_ready_says_what_is_missing(gateway: Gateway):
    gateway.checks["temporal"] = "does not answer"

    response = await gateway.client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "checks": {"temporal": "does not answer"}}


async def test_metrics_are_prometheus_text(gateway: Gateway):
    response = await gateway.measured()

    assert response.headers["content-type"].startswith("text/plain")
    assert "firedoor_intake_in_flight" in response.text


async def test_metrics_are_there_for_the_holder_of_the_token_alone(gateway: Gateway):
    nothing = await gateway.client.get("/nothing")
    for refused in (await gateway.client.get("/metrics"), await gateway.measured("wrong")):
        assert (refused.status_code, refused.text) == (404, nothing.text)


async def test_what_is_not_there_is_a_problem_too(gateway: Gateway):
    for response in (await gateway.client.get("/nothing"), await gateway.client.get("/findings/guardduty")):
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["error"] in ("not_found", "method_not_allowed")


async def test_the_documentation_lists_intake_with_its_answers(gateway: Gateway):
    page = await gateway.client.get("/docs")
    assert page.status_code == 200
    assert "POST /findings/{source}" in page.text
    schema = (await gateway.client.get("/openapi.json")).json()

    answers = schema["paths"]["/findings/{source}"]["post"]["responses"]
    assert {"202", "401", "413", "415", "422", "429", "503"} <= set(answers)


async def test_the_documentation_runs_nothing_beside_the_forms_that_decide(gateway: Gateway):
    page = await gateway.client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for lively in ("<script", "src=", "://"):
        assert lively not in page.text


async def test_other_routers_stand_beside_intake(gateway: Gateway):
    router = APIRouter()

    @router.get("/v1/other")
    async def other(number: int) -> int:
        return number

    async def ready() -> dict[str, str]:
        return {}

    vars(gateway.client._transport)["app"] = create_app(
        doors={}, responses=gateway.engine, ready=ready, clock=gateway.clock, routers=[router]
    )

    assert (await gateway.client.get("/v1/other?number=3")).json() == 3
    wrong = await gateway.client.get("/v1/other?number=x")
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid")
