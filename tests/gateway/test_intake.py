"""What a stranger, a broken sender and a good one are answered, and what reaches the engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from firedoor.domain.errors import Misconfigured, Rejected
from firedoor.gateway.authentication import verifier
from firedoor.gateway.door import Door, Limits
from firedoor.gateway.intake import IntakePipeline
from tests.findings.samples import own
from tests.gateway.door_kit import HEADER_SECRET, NOW, WEBHOOK_SECRET, Gateway, raw
from tests.planted_credentials import PLANTED

LEAKED_KEY = own("guardduty/leaked_key.json")
FINDING = own("generic/finding.json")
ALERT = own("github/secret_scanning_alert.created.json")


def problem(response: httpx.Response, status: int, error: str) -> dict[str, str]:
    """The problem details, after the checks that hold for all of them."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    details: dict[str, Any] = response.json()
    assert (details["status"], details["error"]) == (status, error)
    assert details["found"]
    assert set(details) == {"type", "title", "status", "detail", "error", "found", "expected", "mend"}
    return details


async def test_a_finding_is_taken_and_answered(gateway: Gateway):
    response = await gateway.eventbridge(LEAKED_KEY)

    assert response.status_code == 202
    assert response.json() == {
        "responses": [
            {
                "id": "respond/p/d0c6f0a2b4c6d8e0f2a4b6c8d0e2f4a6",
                "playbook": "p",
                "status": "planning",
                "joined": False,
            }
        ],
        "dismissed": [],
    }
    ((finding, source),) = gateway.engine.taken
    assert (source, finding.actor.access_key_id) == ("guardduty", "AKIAIOSFODNN7EXAMPLE")


async def test_each_kind_of_door_takes_its_own(gateway: Gateway):
    assert (await gateway.standard(FINDING)).status_code == 202
    assert (await gateway.hook(ALERT, event="secret_scanning_alert")).status_code == 202

    assert [source for _, source in gateway.engine.taken] == ["acme"]


async def test_an_alert_of_github_names_no_account_and_its_dismissal_says_so(gateway: Gateway):
    answer = (await gateway.hook(ALERT, event="secret_scanning_alert")).json()

    assert answer["responses"] == []
    assert "names no AWS account" in answer["dismissed"][0]["reason"]


async def test_a_finding_without_an_account_is_dismissed_with_what_is_missing(gateway: Gateway):
    placeless = {key: value for key, value in FINDING.items() if key not in ("account", "resources")}

    response = await gateway.standard(placeless)

    assert response.status_code == 202
    assert "names no account" in response.json()["dismissed"][0]["reason"]
    assert gateway.engine.taken == []


async def test_two_actors_of_one_payload_in_one_response_are_answered_once(gateway: Gateway):
    """Each reaches the engine, which knows whether they are one incident."""
    response = await gateway.eventbridge(own("guardduty/attack_sequence.json"))

    assert len(response.json()["responses"]) == 1
    assert [(one.actor.user_name, one.actor.role_name) for one, _ in gateway.engine.taken] == [
        ("ci-deploy", None),
        (None, "admin"),
    ]


async def test_what_the_generic_door_is_not_for_is_called_by_its_name(gateway: Gateway):
    details = problem(await gateway.standard(LEAKED_KEY), 422, "unreadable")

    assert "looks like an event of Amazon EventBridge" in details["found"]
    assert details["mend"] == "send it to a source of kind aws.eventbridge"


async def test_a_ping_is_greeted_and_reaches_nobody(gateway: Gateway):
    response = await gateway.hook(own("github/ping.json"), event="ping")

    assert (response.status_code, response.json(), gateway.engine.taken) == (200, {"handshake": True}, [])


# Who are you?


@pytest.mark.parametrize("key", [None, "", "wrong", HEADER_SECRET + " x", "ключ".encode()])
async def test_a_wrong_or_missing_secret_is_refused(gateway: Gateway, key):
    headers = {} if key is None else {"x-firedoor-key": key}

    response = await gateway.post("guardduty", raw(LEAKED_KEY), headers)

    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"]
    assert gateway.engine.taken == []


async def test_a_wrong_signature_is_refused_before_the_body_is_looked_at(gateway: Gateway):
    response = await gateway.standard(b"\xff not even json", secret="whsec_d3Jvbmd3cm9uZ3dyb25nd3Jvbmc=")

    problem(response, 401, "unauthenticated")


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365 * 40])
async def test_a_stale_or_early_timestamp_is_refused(gateway: Gateway, minutes):
    response = await gateway.standard(FINDING, sent=gateway.clock() + timedelta(minutes=minutes))

    problem(response, 401, "unauthenticated")
    assert gateway.engine.taken == []


async def test_a_captured_delivery_cannot_be_replayed_later_nor_under_its_id_with_another_body(
    gateway: Gateway,
):
    sent = gateway.clock()
    assert (await gateway.standard(FINDING, delivery="msg_1", sent=sent)).status_code == 202

    other = await gateway.standard(FINDING | {"uid": "acme-0002"}, delivery="msg_1")
    gateway.clock.pass_(minutes=6)
    later = await gateway.standard(FINDING, delivery="msg_1", sent=sent)

    problem(other, 401, "unauthenticated")
    problem(later, 401, "unauthenticated")
    assert len(gateway.engine.taken) == 1


async def test_a_header_that_stands_twice_matches_nothing(gateway: Gateway):
    request = gateway.client.build_request(
        "POST",
        "/findings/guardduty",
        content=raw(LEAKED_KEY),
        headers=[("content-type", "application/json"), *[("x-firedoor-key", HEADER_SECRET)] * 2],
    )

    problem(await gateway.client.send(request), 401, "unauthenticated")


GARBAGE = {
    "nothing": {},
    "another secret": {"x-firedoor-key": "wrong"},
    "the shape of GitHub's": {"x-hub-signature-256": "sha256=" + "0" * 64},
    "no hex": {"x-hub-signature-256": "sha256=nothing"},
    "the shape of Standard Webhooks'": {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": "v1," + "A" * 43 + "=",
    },
    "a stale one": {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1",
        "webhook-signature": "v1," + "A" * 43 + "=",
    },
}


@pytest.mark.parametrize("headers", GARBAGE.values(), ids=list(GARBAGE))
@pytest.mark.parametrize("length", [10, 11_000_000])
async def test_a_stranger_learns_no_name_of_a_source(gateway: Gateway, headers, length):
    """Status, words, and whether the body is read: the same for every name, whatever it stands for."""
    seen = set()
    for name in ("guardduty", "acme", "github", "nobody"):
        read = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(3):
                read += 1
                yield b"x"

        told = {**headers, "content-length": str(length)}
        response = await gateway.post(name, chunks(), told)
        seen.add((response.status_code, response.text, tuple(sorted(response.headers.items())), read))

    ((status, _, _, read),) = seen
    assert status == (401 if length == 10 else 413)
    shaped = next(name for name, each in GARBAGE.items() if each == headers).startswith("the shape")
    assert (read > 0) == (shaped and length == 10)


@pytest.mark.parametrize("headers", GARBAGE.values(), ids=list(GARBAGE))
@pytest.mark.parametrize("broken", [OSError("gone"), "", " "])
@pytest.mark.parametrize("source", ["guardduty", "acme", "github"])
async def test_a_secret_that_cannot_be_read_tells_no_stranger_which_sources_there_are(
    gateway: Gateway, source, broken, headers
):
    """Its detector may be among those who prove nothing now, so everybody is told to come again."""
    gateway.secrets[source] = broken
    seen = set()
    for name in ("guardduty", "acme", "github", "nobody"):
        response = await gateway.post(name, b"{}", headers)
        seen.add((response.status_code, response.text, tuple(sorted(response.headers.items()))))

    ((status, text, told),) = seen
    assert (status, ("retry-after", "30") in told) == (503, True)
    assert not [name for name in ("guardduty", "acme", "github") if name in text]
    assert gateway.engine.taken == []


async def test_a_delivery_whose_secret_cannot_be_read_is_taken_when_it_can_be_and_others_are_taken_meanwhile(
    gateway: Gateway,
):
    gateway.secrets["acme"] = "whsec_no base64 at all!"
    problem(await gateway.standard(FINDING), 503, "unavailable")
    assert (await gateway.eventbridge(LEAKED_KEY)).status_code == 202

    gateway.secrets["acme"] = WEBHOOK_SECRET
    assert (await gateway.standard(FINDING)).status_code == 202


async def test_strangers_cannot_fill_the_log_while_a_secret_cannot_be_read(gateway: Gateway):
    gateway.secrets["github"] = OSError("gone")
    with capture_logs() as logs:
        for _ in range(200):
            await gateway.post("acme", b"{}", {})

    assert len(logs) == 60
    assert "source github: the source's secret cannot be used: OSError" in logs[0]["found"]


@pytest.mark.parametrize("source", ["guardduty", "acme", "github"])
async def test_what_the_headers_can_tell_is_refused_before_the_body_is_read(gateway: Gateway, source):
    read = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{}"

    for name in ("nothing", "another secret", "no hex", "a stale one"):
        problem(await gateway.post(source, counted(), GARBAGE[name]), 401, "unauthenticated")
    assert read == 0


async def test_slow_strangers_never_take_the_place_of_a_signed_delivery(gateway: Gateway):
    forever = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await forever.wait()

    strangers = [
        asyncio.create_task(gateway.post(source, slow(), GARBAGE["the shape of GitHub's"]))
        for _ in range(100)
        for source in ("github", "acme", "made-up")
    ]
    await asyncio.sleep(0)
    for number in range(50):
        response = await gateway.hook(ALERT, event="secret_scanning_alert", delivery=f"d-{number}")
        assert response.status_code == 202
        assert (await gateway.eventbridge(LEAKED_KEY)).status_code == 202
    sent_away = [one.result() for one in strangers if one.done()]
    for one in strangers:
        one.cancel()

    assert len(strangers) - len(sent_away) <= 64
    assert {one.status_code for one in sent_away} == {429}


async def test_the_bytes_held_for_strangers_are_bounded_and_the_largest_goes_first(gateway: Gateway):
    forever = asyncio.Event()

    async def large() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 1024 * 1024
        await forever.wait()

    strangers = [
        asyncio.create_task(gateway.post(f"made-up-{number}", large(), GARBAGE["the shape of GitHub's"]))
        for number in range(30)
    ]
    for _ in range(200):
        await asyncio.sleep(0)
    response = await gateway.hook(ALERT, event="secret_scanning_alert")
    left = [one for one in strangers if not one.done()]
    for one in strangers:
        one.cancel()

    assert response.status_code == 202
    assert len(left) * 9 <= 32
    assert {one.result().status_code for one in strangers if one.done() and not one.cancelled()} == {429}


HEADERS = (
    "content-type",
    "content-length",
    "transfer-encoding",
    "x-firedoor-key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-hub-signature-256",
    "x-github-event",
    "x-github-delivery",
    "ce-specversion",
    "ce-time",
)


@given(
    source=st.sampled_from(["guardduty", "acme", "github", "nobody", "%ff", "a b", "\u2603"]),
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), st.binary(max_size=40)), max_size=6),
    body=st.binary(max_size=60) | st.just(raw(LEAKED_KEY)),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_anonymous_caller_never_causes_a_500(source, headers, body):
    async def call() -> tuple[int, int]:
        gateway = Gateway()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": f"/findings/{source}",
            "raw_path": b"/",
            "query_string": b"",
            "headers": [(name.encode(), value) for name, value in headers],
            "server": ("firedoor", 80),
            "client": ("203.0.113.1", 1),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await gateway.app(scope, receive, send)
        return sent[0]["status"], len(gateway.engine.taken)

    status, taken = asyncio.run(call())

    assert status in (401, 413)
    assert taken == 0


# What do you bring?


async def test_eleven_megabytes_are_refused_by_what_is_announced_without_reading(gateway: Gateway):
    read: list[bool] = []

    async def never():
        read.append(True)
        yield b""

    response = await gateway.post("guardduty", never(), {"content-length": str(11_000_000)})

    problem(response, 413, "too_large")
    assert read == []


async def test_eleven_megabytes_that_are_not_announced_are_refused_before_the_last(gateway: Gateway):
    read = 0

    async def chunks():
        nonlocal read
        for _ in range(1100):
            read += 1
            yield b"x" * 100_000

    response = await gateway.post("guardduty", chunks(), {"x-firedoor-key": HEADER_SECRET})

    problem(response, 413, "too_large")
    assert read < 110


async def test_a_body_that_never_ends_is_let_go():
    gateway = Gateway(Limits(read_within=0.01))

    async def slow():
        yield b"{"
        await asyncio.Event().wait()

    for headers in ({"x-firedoor-key": HEADER_SECRET}, GARBAGE["the shape of GitHub's"]):
        problem(await gateway.post("guardduty", slow(), headers), 408, "too_slow")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"[" * 100_000, "nesting deeper than 64"),
        (b'{"a": "\xff\xfe"}', "not UTF-8 at byte 7"),
        (b'{"severity": NaN}', "NaN or Infinity at byte 13"),
        (b'{"uid": "a", "uid": "b"}', "a key that stands twice"),
        (b'{"a": 1e999}', "a number too large"),
        (b'{"a": 1', "line 1, column 8"),
        (b"", "an empty body"),
        (b"[]", "an empty list"),
        (b"null", "other than a JSON object"),
        (raw(FINDING | {"surprise": 1}), "'surprise'"),
        (raw(FINDING | {"severity": "awful"}), "'severity'"),
    ],
)
async def test_a_body_that_is_no_finding_is_named_and_has_no_effect(gateway: Gateway, body, found):
    response = await gateway.standard(body)

    assert found in problem(response, 422, "unreadable")["found"]
    assert gateway.engine.taken == []


async def test_a_body_that_was_refused_can_be_mended_and_sent_again(gateway: Gateway):
    problem(await gateway.standard(b"{", delivery="msg_1"), 422, "unreadable")

    assert (await gateway.standard(FINDING, delivery="msg_1")).status_code == 202


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "image/svg+json",
        "é",
    ],
)
async def test_another_content_type_is_refused(gateway: Gateway, kind):
    problem(await gateway.eventbridge(LEAKED_KEY, **{"content-type": kind.encode()}), 415, "not_json")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        'APPLICATION/JSON;charset="UTF-8"',
        "application/cloudevents+json",
    ],
)
async def test_every_way_to_say_json_is_understood(gateway: Gateway, kind):
    assert (await gateway.eventbridge(LEAKED_KEY, **{"content-type": kind})).status_code == 202


async def test_a_large_batch_is_read_beside_the_others(gateway: Gateway):
    batch = [FINDING | {"uid": f"acme-{number}", "title": "x" * 4000} for number in range(100)]

    response = await gateway.standard(batch)

    assert len(response.json()["responses"]) == 100


# May it act?


@pytest.mark.parametrize("sample", ["guardduty/sample.json"])
async def test_a_test_event_never_acts(gateway: Gateway, sample):
    response = await gateway.eventbridge(own(sample))

    assert response.status_code == 202
    assert [one["reason"] for one in response.json()["dismissed"]] == ["a test event: it never acts"]
    assert gateway.engine.taken == []


@pytest.mark.parametrize("name", ["aws.guardduty", "github", "aws.health", "guardduty"])
async def test_a_generic_source_is_refused_where_it_speaks_as_another(gateway: Gateway, name: str):
    told = problem(await gateway.standard({**FINDING, "source": name}), 422, "unreadable")

    assert "through a generic source" in told["found"]
    assert gateway.engine.taken == []


async def test_a_version_from_the_future_is_refused_and_says_so(gateway: Gateway):
    ahead = (gateway.clock() + timedelta(minutes=6)).isoformat()

    told = problem(await gateway.standard({**FINDING, "modified": ahead}), 422, "unreadable")

    assert "in the future" in told["found"]
    assert gateway.engine.taken == []


async def test_a_finding_is_marked_with_the_source_that_it_came_through(gateway: Gateway):
    await gateway.standard({**FINDING, "via": "guardduty", "generic": False})
    await gateway.eventbridge(own("guardduty/leaked_key.json"))

    marks = [(finding.via, finding.generic) for finding, _ in gateway.engine.taken]
    assert marks == [("acme", True), ("guardduty", False)]


async def test_a_finding_about_an_account_that_is_not_ours_is_dismissed(gateway: Gateway):
    response = await gateway.eventbridge(own("guardduty/leaked_key_of_another_account.json"))

    assert response.status_code == 202
    assert response.json()["dismissed"][0]["reason"] == (
        "account '999988887777' is not among the accounts of source guardduty"
    )
    assert gateway.engine.taken == []


async def test_a_resource_in_an_account_that_is_not_ours_is_enough_to_dismiss(gateway: Gateway):
    event = own("security_hub/public_function.json")
    event["detail"]["findings"][0]["Resources"][0]["Id"] = (
        "arn:aws:lambda:eu-west-1:999988887777:function:export"
    )

    response = await gateway.eventbridge(event)

    assert "999988887777" in response.json()["dismissed"][0]["reason"]
    assert gateway.engine.taken == []


async def test_a_door_without_a_list_of_accounts_speaks_about_none(gateway: Gateway):
    """A missing allow list never means everybody."""
    door = Door(
        name="bare", kind="generic", verifier=verifier("header", header="x-key", secrets=lambda: (b"s",))
    )
    pipeline = IntakePipeline(doors={"bare": door}, responses=gateway.engine, clock=gateway.clock)

    async def chunks():
        yield raw(FINDING)

    answer = await pipeline.take("bare", {"x-key": "s", "content-type": "application/json"}, chunks())

    assert "is not among the accounts of source bare" in json.loads(answer.body)["dismissed"][0]["reason"]


async def test_in_a_batch_the_good_are_taken_and_each_other_is_told_why(gateway: Gateway):
    response = await gateway.eventbridge(own("security_hub/batch.json"))

    assert response.status_code == 202
    assert [finding.type for finding, _ in gateway.engine.taken] == ["S3.2", "EC2.13", "Lambda.1"]
    told = {one["finding"]: one["reason"] for one in response.json()["dismissed"]}
    assert "Id is missing" in told["findings[4]"]
    assert "resolved in Security Hub" in told.values()


async def test_what_the_engine_finally_rejects_is_dismissed_with_its_reason(gateway: Gateway):
    gateway.engine.fails = {"acme-0001": Rejected("no playbook can be read", mend="mend it")}

    response = await gateway.standard([FINDING, FINDING | {"uid": "acme-0002"}])

    assert response.json()["dismissed"] == [
        {"finding": "acme-0001", "reason": "no playbook can be read; mend it"}
    ]
    assert len(response.json()["responses"]) == 1


def large(uid: str) -> dict[str, Any]:
    """A finding that no response could hold."""
    things = [{"kind": "a", "uid": str(number), "name": "x" * 4000} for number in range(20)]
    return {key: value for key, value in FINDING.items() if key != "resources"} | {
        "uid": uid,
        "resources": things,
    }


async def test_a_finding_that_no_response_could_hold_starts_nothing_and_is_told_why(gateway: Gateway):
    details = problem(await gateway.standard(large("acme-0009")), 413, "too_large")

    assert "acme-0009" in details["found"]
    assert "at most 65536; its largest field is resources" in details["found"]
    assert gateway.engine.taken == []


async def test_a_finding_that_is_too_large_does_not_sink_its_siblings(gateway: Gateway):
    response = await gateway.standard([FINDING, large("acme-0009"), FINDING | {"uid": "acme-0002"}])

    assert response.status_code == 202
    assert [finding.uid for finding, _ in gateway.engine.taken] == ["acme-0001", "acme-0002"]
    (left,) = response.json()["dismissed"]
    assert (left["finding"], "at most 65536" in left["reason"]) == ("acme-0009", True)


@pytest.mark.parametrize("source", ["acme", "guardduty"])
async def test_a_batch_of_too_many_says_how_many_and_the_most_and_none_is_taken(gateway: Gateway, source):
    if source == "acme":
        batch = [FINDING | {"uid": f"acme-{number}"} for number in range(1001)]
        details = problem(await gateway.standard(batch), 413, "too_large")
    else:
        details = problem(await gateway.eventbridge([LEAKED_KEY] * 1001), 413, "too_large")

    assert (details["found"], details["expected"]) == ("1001 findings in one delivery", "at most 1000")
    assert gateway.engine.taken == []


async def test_a_batch_of_the_most_is_taken(gateway: Gateway):
    response = await gateway.standard([FINDING | {"uid": f"acme-{number}"} for number in range(1000)])

    assert len(response.json()["responses"]) == 1000


# Is it held?


async def test_without_the_engine_the_answer_is_come_again_and_the_redelivery_is_taken(gateway: Gateway):
    gateway.engine.down = True
    away = await gateway.standard(FINDING)
    gateway.engine.down = False
    back = await gateway.standard(FINDING)

    problem(away, 503, "unavailable")
    assert away.headers["retry-after"] == "7"
    assert (back.status_code, back.json()["responses"][0]["joined"]) == (202, False)


async def test_one_finding_of_a_batch_that_is_not_held_asks_for_all_of_it_again(gateway: Gateway):
    from firedoor.domain.errors import Unavailable

    gateway.engine.fails = {"acme-0002": Unavailable("Temporal does not answer")}
    batch = [FINDING, FINDING | {"uid": "acme-0002"}]
    away = await gateway.standard(batch)
    gateway.engine.fails = {}
    back = await gateway.standard(batch)

    problem(away, 503, "unavailable")
    assert "Temporal does not answer" in away.json()["detail"], "the operator reads why"
    assert [one["joined"] for one in back.json()["responses"]] == [True, False]


async def test_an_engine_that_hangs_is_not_waited_for():
    gateway = Gateway(Limits(answer_within=0.01))
    gateway.engine.held = asyncio.Event()

    problem(await gateway.eventbridge(LEAKED_KEY), 503, "unavailable")


async def test_a_redelivery_whose_answer_was_lost_is_answered_like_the_first(gateway: Gateway):
    first = await gateway.standard(FINDING, delivery="msg_1")
    gateway.clock.pass_(minutes=1)
    again = await gateway.standard(FINDING, delivery="msg_1")
    gateway.engine.down = True
    while_down = await gateway.standard(FINDING, delivery="msg_1")

    ids = [one.json()["responses"][0]["id"] for one in (first, again, while_down)]
    assert {one.status_code for one in (first, again, while_down)} == {202}
    assert len(set(ids)) == 1
    assert [one.json()["responses"][0]["joined"] for one in (first, again, while_down)] == [False, True, True]


async def test_twenty_identical_posts_at_once_are_one_call_and_one_response(gateway: Gateway):
    gateway.engine.held = asyncio.Event()
    posts = [asyncio.create_task(gateway.eventbridge(LEAKED_KEY)) for _ in range(20)]
    for _ in range(50):
        await asyncio.sleep(0)
    gateway.engine.held.set()
    answers = [response.json()["responses"] for response in await asyncio.gather(*posts)]

    assert len(gateway.engine.taken) == 1
    assert {one[0]["id"] for one in answers} == {"respond/p/d0c6f0a2b4c6d8e0f2a4b6c8d0e2f4a6"}
    assert sorted(one[0]["joined"] for one in answers) == [False] + [True] * 19


async def test_twenty_different_posts_at_once_are_twenty_calls(gateway: Gateway):
    posts = [gateway.standard(FINDING | {"uid": f"acme-{n}"}, delivery=f"msg_{n}") for n in range(20)]
    await asyncio.gather(*posts)

    assert len(gateway.engine.taken) == 20


async def test_more_at_once_than_the_gateway_takes_are_asked_to_come_again():
    gateway = Gateway(Limits(in_flight=2))
    gateway.engine.held = asyncio.Event()
    posts = [
        asyncio.create_task(gateway.standard(FINDING | {"uid": f"{n}"}, delivery=f"msg_{n}"))
        for n in range(3)
    ]
    for _ in range(50):
        await asyncio.sleep(0)
    gateway.engine.held.set()
    answers = await asyncio.gather(*posts)

    assert sorted(one.status_code for one in answers) == [202, 202, 429]
    assert [one.headers["retry-after"] for one in answers if one.status_code == 429] == ["5"]
    assert (await gateway.standard(FINDING, delivery="msg_9")).status_code == 202


async def test_our_own_mistake_is_a_500_that_tells_nothing(gateway: Gateway):
    gateway.engine.fails = {"acme-0001": RuntimeError("the secret is hunter2")}

    with capture_logs() as logs:
        response = await gateway.standard(FINDING)

    problem(response, 500, "internal")
    assert "hunter2" not in response.text
    assert [one["event"] for one in logs] == ["http.unexpected"]


# What is told elsewhere


async def test_the_log_has_the_digest_of_a_body_and_never_the_body_or_a_secret(gateway: Gateway):
    with capture_logs() as logs:
        await gateway.standard(FINDING)
        await gateway.standard(b'{"uid": "a-telling-word"', delivery="msg_2")
        await gateway.eventbridge(LEAKED_KEY, **{"x-firedoor-key": "a-wrong-word"})

    told = json.dumps(logs, default=str)
    assert [one["event"] for one in logs] == ["findings.accepted", "findings.refused", "findings.refused"]
    assert [len(one["body_sha256"]) for one in logs] == [64, 64, 0], "a stranger's body is not read"
    assert logs[0]["responses"] == ["respond/p/acme-0001"]
    for word in ("a-telling-word", "a-wrong-word", HEADER_SECRET, "AKIAIOSFODNN7EXAMPLE"):
        assert word not in told


async def test_a_credential_in_a_finding_reaches_neither_engine_nor_log_nor_answer(
    gateway: Gateway,
):
    credential = PLANTED["github classic"][0]
    with capture_logs() as logs:
        taken = await gateway.standard({**FINDING, "title": f"found {credential}"})
        refused = await gateway.standard({**FINDING, "severity": credential}, delivery="msg_2")
        dismissed = await gateway.standard({**FINDING, "uid": credential, "is_test": True}, delivery="msg_3")

    assert (taken.status_code, refused.status_code, dismissed.status_code) == (202, 422, 202)
    ((finding, _),) = gateway.engine.taken
    assert "GitHub credential" in finding.title
    everything = [finding.model_dump_json(), json.dumps(logs, default=str)]
    for told in (*everything, taken.text, refused.text, dismissed.text):
        assert credential not in told


def _counted(source: str, outcome: str) -> float:
    labels = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("firedoor_intake_deliveries_total", labels) or 0.0


async def test_deliveries_are_counted_and_made_up_names_share_one_label(gateway: Gateway):
    before = (_counted("acme", "accepted"), _counted("unknown", "unauthenticated"))
    await gateway.standard(FINDING)
    for name in ("made", "up"):
        await gateway.post(name, b"{}")
    page = (await gateway.measured()).text

    assert (_counted("acme", "accepted"), _counted("unknown", "unauthenticated")) == (
        before[0] + 1,
        before[1] + 2,
    )
    assert 'source="made"' not in page


def test_an_unknown_kind_does_not_start():
    door = Door(name="x", kind="carrier.pigeon", verifier=verifier("github", secrets=lambda: (b"s",)))

    with pytest.raises(Misconfigured, match=r"carrier\.pigeon"):
        IntakePipeline(doors={"x": door}, responses=Gateway().engine, clock=Gateway().clock)


LEAKED = PLANTED["github classic"][0]


@pytest.mark.parametrize("before", [*range(0, 90, 7)])
async def test_half_a_credential_is_neither_answered_nor_logged_where_a_quote_is_cut(
    gateway: Gateway, before: int
) -> None:
    """What is refused or dismissed quotes the payload, in a few words."""
    told = f"{'x' * before} {LEAKED}"
    alert = own("github/secret_scanning_alert.created.json")
    finding = own("generic/finding.json")
    with capture_logs() as logged:
        answers = [
            await gateway.hook({**alert, "action": told}, event="secret_scanning_alert"),
            await gateway.standard({**finding, told: 1}),
            await gateway.eventbridge({**own("guardduty/leaked_key.json"), "source": f"aws.{told}"}),
        ]
    for answer in answers:
        assert answer.status_code in (202, 422)
        assert LEAKED[:10] not in answer.text
    assert LEAKED[:10] not in json.dumps(logged, default=str)


async def test_a_title_that_is_cut_ends_in_no_half_credential(gateway: Gateway) -> None:
    secret = PLANTED["aws secret, named"][0]
    told = f"aws_secret_access_key={secret}"
    title = f"{'a ' * 4096}"[: 4095 - len(told) + 9] + told
    leaked = own("guardduty/leaked_key.json")
    leaked["detail"]["title"] = title
    assert (await gateway.eventbridge(leaked)).status_code == 202
    (taken, _), *_ = gateway.engine.taken
    assert taken.title.endswith("…")
    assert secret[:20] not in taken.title
