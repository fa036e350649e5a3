"""The page to decide on: who gets in, what is shown, and that a decision is a form of ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from structlog.testing import capture_logs

from firedoor.domain.approval.approval import Approval
from firedoor.domain.core.errors import Absent, Misconfigured, Unavailable
from firedoor.domain.people.people import People
from firedoor.domain.response.messages import Nudged, ReassignRequest, SnoozeRequest
from firedoor.gateway.page.router import page_router
from tests.channels.slack.injections import INJECTIONS as SLACKS
from tests.channels.slack.reports import ID, RULE, SESSIONS, STOP, asked, every_standing, finding
from tests.gateway.people_engine import TOKENS
from tests.page_kit import AT, PAGE_SECRET, URL, Person, Site, forms

HTML = (
    "<script>alert(1)</script>",
    "</b></dd></dl><form action=/logout method=post><button>Approve</button></form>",
    "<img src=x onerror=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "' onmouseover='alert(1)",
    "<!--",
    "</title><base href=https://evil.test>",
    "{{ 7 * 7 }}{% raw %}",
    "&#60;b&#62; &lt;b&gt;",
)
NO = {"reason": "bad_time", "comment": "the release runs until seven"}


@pytest.fixture(autouse=True)
def audit() -> Iterator[list[Any]]:
    """Keep the audit trail out of the test's output."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def alice(site: Site) -> Person:
    return await Person(site).sign_in("alice")


# ---- getting in ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", AT, "/passkey", f"{AT}/confirm"])
async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(site: Site, path: str) -> None:
    person = Person(site)
    answer = await person.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == ("/login" if path == "/" else f"/login?next={path}")
    page = await person.get(answer.headers["location"])
    assert forms(page)["/login"].fields["next"] == path
    signed_in = await person.post("/login", {"token": TOKENS["alice"], "next": path})
    assert signed_in.headers["location"] == path


@pytest.mark.parametrize("token", ["", "wrong", "x" * 600, "fd_alice_made_up\u00e9"])
async def test_a_token_that_is_nobodys_opens_nothing(site: Site, token: str) -> None:
    person = Person(site)
    answer = await person.post("/login", {"token": token, "next": "/"})
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers
    assert not token or token not in answer.text
    assert (await person.get("/")).status_code == 303


async def test_the_hash_of_a_token_is_no_token(site: Site) -> None:
    assert site.directory.people is not None
    stolen = str(site.directory.people.people["alice"].token_sha256)
    assert (await Person(site).post("/login", {"token": stolen, "next": "/"})).status_code == 401


async def test_a_session_ends_the_moment_its_token_is_gone(site: Site, alice: Person) -> None:
    site.directory.people = People()
    answer = await alice.get("/")
    assert answer.status_code == 401
    assert "belongs to nobody" in answer.text
    assert (await alice.get("/")).status_code == 303, "the cookie was taken away"


async def test_a_session_ends_where_its_token_is_somebody_elses_by_now(site: Site, alice: Person) -> None:
    assert site.directory.people is not None
    moved = site.directory.people.model_dump()
    moved["people"]["bob"]["token_sha256"] = moved["people"]["alice"]["token_sha256"]
    moved["people"]["alice"]["token_sha256"] = None
    site.directory.people = People.model_validate(moved)
    answer = await alice.get(AT)
    assert answer.status_code == 401
    assert "somebody else by now" in answer.text


async def test_a_form_that_says_one_thing_twice_decides_nothing(site: Site, alice: Person) -> None:
    fields = (await alice.form(f"{AT}/approve")).fields
    for twice in ("plan", "ask", "csrf"):
        body = f"{urlencode(fields)}&{urlencode({twice: fields[twice]})}"
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        answer = await alice.client.post(f"{AT}/approve", content=body, headers=headers)
        assert answer.status_code == 422
    assert not site.engine.votes


async def test_a_session_ends_after_an_hour_of_nothing(site: Site, alice: Person) -> None:
    site.clock.now += timedelta(minutes=50)
    assert (await alice.get("/")).status_code == 200
    site.clock.now += timedelta(minutes=50)
    assert (await alice.get("/")).status_code == 200
    site.clock.now += timedelta(minutes=61)
    assert (await alice.get("/")).status_code == 303


async def test_a_session_ends_after_eight_hours_however_busy_it_is(site: Site, alice: Person) -> None:
    for _ in range(9):
        site.clock.now += timedelta(minutes=50)
        assert (await alice.get("/")).status_code == 200
    site.clock.now += timedelta(minutes=31)
    assert (await alice.get("/")).status_code == 303


async def test_logging_out_ends_the_session_and_a_copy_of_its_cookie(site: Site, alice: Person) -> None:
    copy = dict(alice.client.cookies)
    form = await alice.form("/logout", "/")
    assert (await alice.post("/logout", form.fields)).headers["location"] == "/login"
    assert not alice.client.cookies
    assert (await Person(site, cookies=copy).get("/")).status_code == 303


async def test_a_cookie_is_for_this_host_over_https_and_for_no_script(site: Site) -> None:
    answer = await Person(site).post("/login", {"token": TOKENS["alice"], "next": "/"})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-firedoor-session=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "domain" not in cookie
    assert "alice" not in cookie


async def test_a_cookie_that_was_changed_or_sealed_by_others_is_none(site: Site, alice: Person) -> None:
    (name, value), *_ = alice.client.cookies.items()
    for forged in (value[:-4] + "AAAA", "A" + value[1:], "", "x", "é", value[:40], "A" * 5000):
        answer = await Person(site).get("/", headers={"cookie": f"{name}={forged}".encode()})
        assert answer.status_code == 303
    stranger = await Person(Site(secrets=("another secret that is long enough",))).sign_in("alice")
    answer = await Person(site, cookies=dict(stranger.client.cookies)).get("/")
    assert answer.status_code == 303


async def test_the_page_secret_can_be_changed_without_signing_anybody_out(site: Site, alice: Person) -> None:
    site.secrets = ("the next secret, long enough as well", PAGE_SECRET)
    assert (await alice.get("/")).status_code == 200
    site.clock.now += timedelta(minutes=2)
    await alice.get("/")  # its cookie is sealed anew by now
    site.secrets = ("the next secret, long enough as well",)
    assert (await alice.get("/")).status_code == 200
    assert (await Person(site, site.built(), cookies=dict(alice.client.cookies)).get("/")).status_code == 200


async def test_without_a_configured_secret_a_restart_signs_everybody_out(site: Site) -> None:
    def router() -> Any:
        return page_router(directory=site.directory, engine=site.engine, clock=site.clock, url=URL)

    from fastapi import FastAPI

    first, second = FastAPI(), FastAPI()
    first.include_router(router())
    second.include_router(router())
    person = Person(site, first)
    await person.sign_in("alice")
    assert (await person.get("/")).status_code == 200
    assert (await Person(site, second, cookies=dict(person.client.cookies)).get("/")).status_code == 303


def test_a_short_page_secret_does_not_start() -> None:
    with pytest.raises(Misconfigured, match="too short"):
        Site(secrets=("short",))


async def test_an_unreadable_directory_is_told_and_nobody_decides(site: Site, alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    site.directory.people = None
    assert (await alice.get("/")).status_code == 503
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 503
    assert "cannot be read" in answer.text
    assert not site.engine.votes


# ---- where to come back to -----------------------------------------------------------


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/responses/../login",
        "/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        f"{AT}?x=https://evil.test",
        f"{AT}\n",
        "/login/oidc",
    ],
)
async def test_a_sign_in_leads_nowhere_but_to_our_own_pages(site: Site, next_: str) -> None:
    person = Person(site)
    page = await person.get("/login", params={"next": next_})
    assert forms(page)["/login"].fields["next"] == "/"
    answer = await person.post("/login", {"token": TOKENS["alice"], "next": next_})
    assert answer.headers["location"] == "/"
    assert "a=b" not in str(answer.headers)
    assert (await Person(site).oidc(next_)).headers["location"] == "/"


# ---- forms ---------------------------------------------------------------------------

EVERY_WORD = ["approve", "reject", "glass", "undo", "snooze", "reassign", "review"]


@pytest.mark.parametrize("word", EVERY_WORD)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": URL},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.test"},
        {"origin": f"{URL}.evil.test"},
    ],
)
async def test_a_form_from_elsewhere_decides_nothing(
    site: Site, alice: Person, word: str, headers: dict[str, str]
) -> None:
    form = await alice.form(f"{AT}/approve")
    answer = await alice.post(f"{AT}/{word}", {**form.fields, **NO}, headers=headers)
    assert answer.status_code == 403
    assert not site.engine.votes
    assert not site.engine.undos
    assert not site.engine.nudges


@pytest.mark.parametrize("word", EVERY_WORD)
async def test_a_form_without_the_sessions_own_token_decides_nothing(
    site: Site, alice: Person, word: str
) -> None:
    others = (await (await Person(site).sign_in("bob")).form(f"{AT}/approve")).fields["csrf"]
    form = await alice.form(f"{AT}/approve")
    for csrf in ("", others, form.fields["csrf"][:-1]):
        answer = await alice.post(f"{AT}/{word}", {**form.fields, **NO, "csrf": csrf})
        assert answer.status_code == 403
    del form.fields["csrf"]
    assert (await alice.post(f"{AT}/{word}", {**form.fields, **NO})).status_code == 403
    assert not site.engine.votes


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}])
async def test_nobody_is_signed_in_or_out_from_elsewhere(site: Site, headers: dict[str, str]) -> None:
    person = Person(site)
    answer = await person.post("/login", {"token": TOKENS["eve"], "next": "/"}, headers=headers)
    assert answer.status_code == 403
    assert not person.client.cookies
    await person.sign_in("alice")
    form = await person.form("/logout", "/")
    assert (await person.post("/logout", form.fields, headers=headers)).status_code == 403
    assert (await person.get("/")).status_code == 200


@pytest.mark.parametrize("path", ["/", AT, *(f"{AT}/{word}" for word in EVERY_WORD), "/logout", "/login"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_decides_nothing_whatever_the_address(
    site: Site, alice: Person, path: str, method: str
) -> None:
    form = await alice.form(f"{AT}/approve")
    answer = await alice.client.request(
        method, path, params={**form.fields, **NO}, headers={"sec-purpose": "prefetch"}
    )
    assert answer.status_code < 500
    assert not site.engine.votes
    assert not site.engine.undos
    assert not site.engine.nudges
    assert (await alice.get("/")).status_code == 200, "and signs nobody out"


async def test_a_form_sent_after_the_session_ended_says_that_nothing_is_recorded(
    site: Site, alice: Person
) -> None:
    form = await alice.form(f"{AT}/approve")
    site.clock.now += timedelta(hours=9)
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 401
    assert "Nothing is recorded" in answer.text
    assert forms(answer)["/login"].fields["next"] == AT
    assert not site.engine.votes


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"csrf=a&csrf=b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"", "application/x-www-form-urlencoded"),
        (b"x" * 70_000, "application/x-www-form-urlencoded"),
    ],
)
async def test_what_no_form_of_ours_sends_is_refused(
    site: Site, alice: Person, body: bytes, kind: str
) -> None:
    headers = {"content-type": kind, "origin": URL}
    answer = await alice.client.post(f"{AT}/approve", content=body, headers=headers)
    assert answer.status_code in (403, 413, 422)
    assert answer.headers["content-type"].startswith("text/html")
    assert not site.engine.votes


# ---- deciding ------------------------------------------------------------------------


async def test_a_yes_counts_for_the_person_through_this_door_and_for_this_plan(
    site: Site, alice: Person
) -> None:
    answer = await alice.decide("approve")
    assert answer.status_code == 200
    assert "Your yes counts: 1 person to go." in answer.text
    (vote,) = site.engine.votes.values()
    assert (vote.voter.person, vote.door, vote.decision) == ("alice", "page", "approve")
    assert (vote.ask, vote.generation, vote.fingerprint) == ("1", 1, site.ask.plan_sha256)


async def test_the_same_yes_sent_twice_is_one(site: Site, alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    for _ in range(2):
        assert (await alice.post(form.action, form.fields)).status_code == 200
    assert len(site.engine.votes) == 1


async def test_what_was_shown_is_what_is_signed(site: Site, alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    site.engine.ask_now(plan_sha256="f" * 64)
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 409
    assert "the plan has changed" in answer.text
    for change in ({"generation": "2"}, {"ask": "7"}):
        assert (await alice.post(form.action, {**form.fields, **change})).status_code == 409
    assert not site.engine.votes


async def test_a_no_carries_its_reason_and_a_sentence(site: Site, alice: Person) -> None:
    answer = await alice.decide("reject", **NO)
    assert "Your no counts: it is rejected; nothing of it is done." in answer.text
    (vote,) = site.engine.votes.values()
    assert (vote.decision, vote.reason, vote.comment) == ("reject", "bad_time", NO["comment"])


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "", "comment": NO["comment"]},
        {"reason": "because", "comment": NO["comment"]},
        {"reason": "bad_time", "comment": "short"},
        {"reason": "bad_time", "comment": " " * 30},
        {"reason": "bad_time", "comment": "x" * 1001},
        {**NO, "generation": "x"},
        {**NO, "plan": "../../etc"},
    ],
)
async def test_a_no_that_is_incomplete_is_told_and_not_recorded(
    site: Site, alice: Person, changes: dict[str, str]
) -> None:
    answer = await alice.decide("reject", **changes)
    assert answer.status_code == 422
    assert "Nothing is recorded" in answer.text
    assert not site.engine.votes


async def test_somebody_who_may_not_decide_sees_why_and_no_dead_button(site: Site) -> None:
    eve = await Person(site).sign_in("eve")
    page = await eve.get(AT)
    assert "You have nothing to decide here: you are not in secops" in page.text
    assert f"{AT}/approve" not in forms(page)
    csrf = forms(page)["/logout"].fields["csrf"]
    ask = site.ask
    told = {"csrf": csrf, "ask": ask.id, "generation": "1", "plan": ask.plan_sha256}
    answer = await eve.post(f"{AT}/approve", told)
    assert answer.status_code == 409
    assert "you are not in secops" in answer.text
    assert not site.engine.votes


async def test_an_answer_after_the_deadline_does_not_count(site: Site, alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    site.clock.now += timedelta(minutes=31)
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 409
    assert "the time to answer is over" in answer.text


async def test_a_word_that_no_worker_counts_yet_is_told_as_recorded_and_waiting(
    site: Site, alice: Person
) -> None:
    site.engine.waiting = True
    answer = await alice.decide("approve")
    assert answer.status_code == 202
    assert "Recorded, and waiting for the engine." in answer.text
    assert "not done yet" in answer.text


async def test_a_word_that_may_or_may_not_have_landed_is_told_as_that(site: Site, alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    site.engine.broken = Unavailable("Temporal does not answer")
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 503
    assert "may or may not be recorded" in answer.text
    site.engine.mute = Unavailable("nor does it tell")
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 503
    assert "may or may not be recorded" in answer.text
    assert "cannot be read now" in answer.text


async def test_a_named_person_breaks_the_glass_with_a_written_reason(site: Site, alice: Person) -> None:
    assert f"{AT}/glass" not in forms(await alice.get(AT)), "nobody else is offered it"
    site.engine.ask_now(glass=("alice",))
    assert (await alice.decide("glass", comment="short")).status_code == 422
    assert not site.engine.votes
    answer = await alice.decide("glass", comment="the attacker is in there now")
    assert answer.status_code == 200
    (vote,) = site.engine.votes.values()
    assert (vote.break_glass, vote.comment) == (True, "the attacker is in there now")


async def test_a_broken_glass_is_reviewed_where_its_review_is_open(site: Site, alice: Person) -> None:
    review = asked(kind="review", number="review-1", rules=(RULE.model_copy(update={"quorum": 1}),))
    site.engine.report_now = site.engine.report_now.model_copy(update={"review": review})
    reviewed: list[Any] = []

    async def vote(response: str, vote: Any) -> Any:
        reviewed.append(vote)
        from firedoor.domain.response.messages import VoteReceipt

        return VoteReceipt(state="granted", missing=0, fingerprint=review.fingerprint)

    site.engine.vote = vote  # type: ignore[method-assign, assignment]
    page = await alice.get(AT)
    assert "Was breaking the glass right?" in page.text
    csrf = forms(page)["/logout"].fields["csrf"]
    told = {"csrf": csrf, "ask": review.id, "generation": "1", "plan": review.plan_sha256}
    assert (await alice.post(f"{AT}/review", {**told, "decision": "approve"})).status_code == 200
    assert (await alice.post(f"{AT}/review", {**told, "decision": "reject", **NO})).status_code == 200
    assert (await alice.post(f"{AT}/review", {**told, "decision": "maybe"})).status_code == 422
    assert [(each.ask, each.decision) for each in reviewed] == [
        ("review-1", "approve"),
        ("review-1", "reject"),
    ]


async def test_a_reminder_is_put_off_and_somebody_is_asked_to_look(site: Site, alice: Person) -> None:
    answer = await alice.decide("snooze", minutes="30")
    assert "People are reminded at 2026-11-22 19:01 UTC." in answer.text
    answer = await alice.decide("reassign", to="bob")
    assert "Bob is asked to look" in answer.text or "bob is asked to look" in answer.text
    snooze, reassign = site.engine.nudges.values()
    assert isinstance(snooze, SnoozeRequest)
    assert isinstance(reassign, ReassignRequest)
    assert (snooze.minutes, snooze.door, reassign.to.person) == (30, "page", "bob")
    for word, wrong in (
        ("snooze", {"minutes": "0"}),
        ("snooze", {"minutes": "9999"}),
        ("reassign", {"to": "X"}),
    ):
        assert (await alice.decide(word, **wrong)).status_code == 422
    assert (await alice.decide("reassign", to="nobody")).status_code == 409
    assert Nudged(remind_at=None, assigned_to=None)


async def test_undo_is_asked_for_from_what_rests(site: Site, alice: Person) -> None:
    site.engine.report_now = every_standing()["contained"]
    page = await alice.get(AT)
    assert "Take it back" in page.text
    assert f"{AT}/approve" not in forms(page)
    answer = await alice.decide("undo", why="it was the pen test")
    assert answer.status_code == 200
    assert "Undo is asked for." in answer.text
    (request,) = site.engine.undos.values()
    assert (request.person, request.door, request.why) == ("alice", "page", "it was the pen test")
    await alice.decide("undo")
    assert len(site.engine.undos) == 1, "a double click is one request"


@pytest.mark.parametrize(
    "id_", ["respond/leaked_access_key/" + "0" * 32, "desk", "respond/x/y", "..%2f..", "ü"]
)
async def test_a_response_nobody_knows_is_a_404_and_reaches_no_other_workflow(
    site: Site, alice: Person, id_: str
) -> None:
    assert (await alice.get(f"/responses/{id_}")).status_code == 404
    form = await alice.form(f"{AT}/approve")
    assert (await alice.post(f"/responses/{id_}/approve", form.fields)).status_code == 404
    assert all(heard.startswith("respond/leaked") for heard in site.engine.heard)


async def test_a_word_nobody_knows_is_a_404(alice: Person) -> None:
    form = await alice.form(f"{AT}/approve")
    assert (await alice.post(f"{AT}/delete", form.fields)).status_code == 404


# ---- what is shown -------------------------------------------------------------------


@pytest.mark.parametrize("name", every_standing())
async def test_every_standing_is_shown_with_its_own_sentence(site: Site, alice: Person, name: str) -> None:
    from firedoor.presentation.phrases import HEADLINES
    from firedoor.presentation.standing import standing

    report = every_standing()[name]
    site.engine.report_now = report.model_copy(update={"ask": report.ask or site.ask})
    page = await alice.get(AT)
    assert page.status_code == 200
    told = HEADLINES[standing(site.engine.report_now)]
    assert told[0] in page.text
    assert told[1].replace("'", "&#39;") in page.text
    assert page.text.count("<h1>") == 1


async def test_a_failure_names_what_failed_and_what_a_person_does(site: Site, alice: Person) -> None:
    report = every_standing()["failed"]
    plan = report.plan
    assert plan is not None
    steps = tuple(
        step.model_copy(update={"by_hand": "aws iam delete-access-key --user-name svc-deploy"})
        for step in plan.steps
    )
    plan = plan.model_copy(update={"steps": steps})
    site.engine.report_now = report.model_copy(update={"ask": site.ask, "plan": plan})
    text = (await alice.get(AT)).text
    assert f"<h1>FAILED: {steps[-1].says}</h1>" in text
    assert "AccessDenied by an SCP" in text
    assert text.count("aws iam delete-access-key") == 1, "the command stands at the step that failed alone"


async def test_who_decided_stays_on_the_page(site: Site, alice: Person) -> None:
    site.engine.report_now = every_standing()["rejected"]
    text = (await alice.get(AT)).text
    assert "alice said no (slack): “Real, but a bad time: the release runs until seven”" in text


async def test_whoever_asked_for_an_undo_may_say_no_and_not_yes(site: Site, alice: Person) -> None:
    undo = every_standing()["undo_pending"]
    assert undo.ask is not None
    ask = undo.ask.model_copy(update={"requester": "alice"})
    site.engine.report_now = undo.model_copy(update={"ask": ask})
    page = await alice.get(AT)
    assert "You cannot say yes: you asked for this yourself" in page.text
    assert f"{AT}/reject" in forms(page)
    assert f"{AT}/approve" not in forms(page)


async def test_consequences_stand_before_the_evidence_and_the_fingerprint_before_the_button(
    site: Site, alice: Person
) -> None:
    text = (await alice.get(AT)).text
    places = [
        text.index(each)
        for each in ("What will break", "Undo", "<h2>Why", "Who decides", "You decide on plan", "/approve")
    ]
    assert places == sorted(places)
    assert f"Approve {site.ask.fingerprint}" in text
    assert "After that secops-leads are asked too" in text


async def test_an_undo_shows_what_it_opens_and_what_somebody_changed_since(site: Site, alice: Person) -> None:
    report = every_standing()["undo_pending"]
    drifted = report.entries[-1].model_copy(
        update={"kind": "drifted", "step": STOP.id, "says": "the key has a new owner"}
    )
    site.engine.report_now = report.model_copy(update={"entries": (*report.entries, drifted)})
    text = (await alice.get(AT)).text
    assert "What would be opened again" in text
    assert SESSIONS.says in text
    assert "Changed by somebody else since:" in text
    assert "the key has a new owner" in text


async def test_the_list_shows_what_is_asked_of_whom_and_until_when(site: Site, alice: Person) -> None:
    text = (await alice.get("/")).text
    assert "1 to decide" in text
    assert "2 people of secops: 2 to go" in text
    assert "Answer by 2026-11-22 19:00 UTC" in text
    assert site.ask.fingerprint in text
    site.engine.report_now = every_standing()["kept"].model_copy(update={"ask": site.ask})
    assert "Nothing to decide" in (await alice.get("/")).text


async def test_one_response_that_cannot_be_read_hides_no_other(site: Site, alice: Person) -> None:
    site.engine.mute = Absent("gone")
    answer = await alice.get("/")
    assert answer.status_code == 200
    assert "1 of them cannot be read now" in answer.text


async def test_a_freeze_is_shown_where_people_decide(site: Site, alice: Person) -> None:
    site.frozen = "dora: <b>a bad release</b>"
    for path in ("/", AT):
        text = (await alice.get(path)).text
        assert "FROZEN:" in text
        assert "&lt;b&gt;a bad release" in text


@pytest.mark.parametrize("hostile", [*SLACKS, *HTML])
async def test_what_a_finding_says_is_text_and_visible(site: Site, alice: Person, hostile: str) -> None:
    site.frozen = "somebody: why"
    plain = {path: tags(await alice.get(path)) for path in (AT, "/")}
    site.frozen = f"somebody: {hostile}"
    report = every_standing()["pending"]
    step = report.asked_steps[0].model_copy(update={"says": hostile, "target": hostile})
    actor = report.finding.actor.model_copy(update={"user_name": hostile[:2048]})
    site.engine.report_now = report.model_copy(
        update={"asked_steps": (step,), "finding": finding(title=hostile[:4096], actor=actor)}
    )
    for path, before in plain.items():
        page = await alice.get(path)
        assert tags(page) == before, "no element and no attribute was added"
        for hidden in "\u202e\u2066\u200b\u2028\ufeff\x00\x07\x1b\x7f\x85\u061c":
            assert hidden not in page.text


def tags(page: httpx.Response) -> list[tuple[str, tuple[str, ...]]]:
    """List every element of a page with the names of its attributes."""
    found: list[tuple[str, tuple[str, ...]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, tuple(name for name, _ in attrs)))

    Reader().feed(page.text)
    return found


# ---- the answer's headers ------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", AT, "/login", "/passkey", "/responses/nothing", "/static/page.css"])
async def test_every_page_is_under_a_strict_policy(alice: Person, path: str) -> None:
    headers = (await alice.get(path)).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["cache-control"] == "no-store"


async def test_no_page_holds_a_script_or_a_style_of_its_own(site: Site, alice: Person) -> None:
    site.engine.ask_now(glass=("alice",))
    for path in ("/", AT, "/login", "/passkey"):
        text = (await alice.get(path)).text
        assert "<style" not in text
        assert " style=" not in text
        assert "onclick" not in text
        assert text.count("<script") == text.count('<script src="/static/passkey.js" defer></script>')


async def test_only_our_own_files_are_handed_out(alice: Person) -> None:
    for name in ("page.css", "passkey.js"):
        assert (await alice.get(f"/static/{name}")).status_code == 200
    for name in ("..%2frouter.py", "%2e%2e", "base.html", "__init__.py"):
        assert (await alice.get(f"/static/{name}")).status_code == 404


async def test_the_audit_trail_tells_who_came_in_and_who_tried(
    site: Site, alice: Person, audit: list[Any]
) -> None:
    await alice.decide("approve", csrf="forged")
    events = [(each["event"], each.get("outcome")) for each in audit]
    assert ("page.signed_in", None) in events
    assert ("vote", "forged") in events
    assert TOKENS["alice"] not in str(audit)


async def test_a_response_whose_ask_is_gone_shows_no_way_to_decide(site: Site, alice: Person) -> None:
    ask: Approval = site.ask
    site.engine.report_now = every_standing()["rejected"].model_copy(update={"ask": ask, "id": ID})
    assert f"{AT}/approve" not in forms(await alice.get(AT))
