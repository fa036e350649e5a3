"""Step-up: a yes that has to be signed is signed by this person, now, for this plan, once."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from firedoor.domain.core.errors import Unavailable
from firedoor.domain.people.people import Passkey
from firedoor.domain.yaml import reader
from firedoor.gateway.page import step_up
from tests.page_kit import AT, ISSUER, URL, Form, Person, Site, forms, sign_address
from tests.soft_passkey import SoftPasskey


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def site() -> Site:
    made = Site()
    made.step_up()
    return made


@pytest.fixture
async def alice(site: Site) -> Person:
    """Alice, who signed in at the provider an hour before."""
    person = Person(site)
    await person.oidc(AT)
    site.clock.now += timedelta(seconds=50)
    return person


async def confirmation(person: Person) -> Form:
    """Sign in for the plan; returns the form that says yes."""
    page = await person.signed()
    assert page.status_code == 200, page.text
    assert "Nothing is recorded yet" in page.text
    assert not person.site.engine.votes
    return forms(page)[f"{AT}/approve"]


async def test_without_a_signature_there_is_no_button_and_no_way_around(site: Site, alice: Person) -> None:
    page = await alice.get(AT)
    assert "has to be signed by you, now" in page.text
    found = forms(page)
    assert f"{AT}/approve" not in found
    fields = {k: v for k, v in found[f"{AT}/snooze"].fields.items() if k != "minutes"}
    for ticket in ({}, {"ticket": ""}, {"ticket": "x" * 60}):
        answer = await alice.post(f"{AT}/approve", {**fields, **ticket})
        assert answer.status_code in (403, 409)
    assert not site.engine.votes
    assert (await alice.decide("reject", reason="bad_time", comment="a no needs none")).status_code == 200


async def test_a_fresh_sign_in_for_the_plan_signs_a_yes(site: Site, alice: Person) -> None:
    before = site.clock.now
    form = await confirmation(alice)
    asked = site.idp.asked[-1]
    assert (asked["max_age"], asked["prompt"]) == ("0", "login")
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 200, answer.text
    (vote,) = site.engine.votes.values()
    assert vote.proof is not None
    assert (vote.proof.kind, vote.proof.by, vote.proof.plan_sha256) == ("oidc", ISSUER, site.ask.plan_sha256)
    assert vote.proof.at == before.replace(microsecond=0)


async def test_every_sign_in_for_a_plan_asks_with_another_nonce(site: Site, alice: Person) -> None:
    await confirmation(alice)
    await confirmation(alice)
    first, second = (asked["nonce"] for asked in site.idp.asked[-2:])
    assert first != second


@pytest.mark.parametrize("sent", [{}, {"plan": "e" * 64}, {"ask": "2"}, {"generation": "2"}])
async def test_a_sign_in_for_another_plan_is_no_signature(
    site: Site, alice: Person, sent: dict[str, str]
) -> None:
    form = await confirmation(alice)
    changes: dict[str, Any] = {"plan_sha256": "e" * 64} if "plan" in sent or not sent else {}
    changes |= {"id": "2"} if "ask" in sent else {}
    changes |= {"generation": 2} if "generation" in sent else {}
    site.engine.ask_now(**changes)
    answer = await alice.post(form.action, {**form.fields, **sent})
    assert answer.status_code in (403, 409)
    assert not site.engine.votes
    assert (await alice.get(f"{AT}/confirm")).status_code == 403, "the page asks to read it again"


async def test_a_sign_in_of_an_ordinary_kind_is_no_signature(site: Site, alice: Person) -> None:
    """Only a flow that was begun for the plan makes a ticket, however fresh the sign-in."""
    site.idp.signed_in_at = None
    await alice.oidc(AT)
    assert (await alice.get(f"{AT}/confirm")).status_code == 403


async def test_an_id_token_of_an_ordinary_sign_in_does_not_sign_a_plan(site: Site, alice: Person) -> None:
    nonces: list[str] = []

    def keep(claims: dict[str, Any]) -> dict[str, Any]:
        nonces.append(claims["nonce"])
        return claims

    site.idp.change = keep
    await alice.oidc(AT)
    site.idp.change = lambda claims: {**claims, "nonce": nonces[0]}
    there = await alice.get(sign_address(site))
    back = await alice.get(await alice.through_provider(there.headers["location"]))
    assert back.status_code == 403
    assert (await alice.get(f"{AT}/confirm")).status_code == 403


@pytest.mark.parametrize("auth_time", [None, "now", True, -1, 1e400, 4_000_000_000])
async def test_a_provider_that_does_not_say_when_is_no_proof(
    site: Site, alice: Person, auth_time: object
) -> None:
    site.idp.change = lambda claims: {
        k: v for k, v in {**claims, "auth_time": auth_time}.items() if v is not None
    }
    there = await alice.get(sign_address(site))
    back = await alice.get(await alice.through_provider(there.headers["location"]))
    assert back.status_code == 403
    assert "nothing is recorded" in back.text.lower()


async def test_a_provider_that_does_not_ask_anew_is_no_proof(site: Site, alice: Person) -> None:
    site.idp.obeys_max_age = False
    there = await alice.get(sign_address(site))
    back = await alice.get(await alice.through_provider(there.headers["location"]))
    assert back.status_code == 403
    assert "did not ask you anew" in back.text
    assert (await alice.get(f"{AT}/confirm")).status_code == 403


async def test_a_signature_of_somebody_else_is_none(site: Site, alice: Person) -> None:
    site.idp.user = "sub-bob"
    there = await alice.get(sign_address(site))
    back = await alice.get(await alice.through_provider(there.headers["location"]))
    assert back.status_code == 403
    assert "Somebody else signed in" in back.text


async def test_whoever_signed_in_with_a_token_signs_at_the_provider_as_the_same_person(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    form = await confirmation(alice)
    assert (await alice.post(form.action, form.fields)).status_code == 200
    bob = await Person(site).sign_in("bob")
    there = await bob.get(sign_address(site))
    back = await bob.get(await bob.through_provider(there.headers["location"]))
    assert back.status_code == 403, "alice sits at the provider"


async def test_a_signature_serves_once(site: Site, alice: Person) -> None:
    form = await confirmation(alice)
    assert (await alice.post(form.action, form.fields)).status_code == 200
    site.engine.votes.clear()
    site.engine.ask_now(votes=())
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 403
    assert "used already" in answer.text
    assert not site.engine.votes


async def test_a_signature_serves_again_where_the_engine_gave_no_answer(site: Site, alice: Person) -> None:
    form = await confirmation(alice)
    site.engine.broken = Unavailable("no")
    assert (await alice.post(form.action, form.fields)).status_code == 503
    site.engine.broken = None
    assert (await alice.post(form.action, form.fields)).status_code == 200


async def test_a_signature_is_over_after_five_minutes(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    form = await confirmation(alice)
    site.clock.now += timedelta(minutes=5, seconds=1)
    answer = await alice.post(form.action, form.fields)
    assert answer.status_code == 403
    assert "too old" in answer.text
    assert not site.engine.votes


async def test_a_signature_is_no_good_in_another_session(site: Site, alice: Person) -> None:
    ticket = (await confirmation(alice)).fields["ticket"]
    for name in ("alice", "bob"):
        other = await Person(site).sign_in(name)
        fields = (await other.form(f"{AT}/snooze")).fields
        answer = await other.post(f"{AT}/approve", {**fields, "ticket": ticket})
        assert answer.status_code == 403
    assert not site.engine.votes


async def test_claims_that_went_stale_at_the_confirmation_are_read_again_and_lead_back_to_it(
    site: Site, alice: Person
) -> None:
    form = await confirmation(alice)
    site.clock.now += timedelta(seconds=70)
    answer = await alice.post(form.action, form.fields)
    assert "Nothing is recorded yet" in answer.text
    address = html.unescape(re.findall(r'content="0;url=([^"]+)"', answer.text)[0])
    back = await alice.get(await alice.through_provider(address))
    assert back.headers["location"] == f"{AT}/confirm"
    page = await alice.get(f"{AT}/confirm")
    form = forms(page)[f"{AT}/approve"]
    assert (await alice.post(form.action, form.fields)).status_code == 200


async def test_a_link_to_sign_another_plan_than_is_asked_leads_nowhere(site: Site, alice: Person) -> None:
    good = sign_address(site)
    for bad in (f"{AT}/sign", good[:-1] + "x", good.replace("generation=1", "generation=2")):
        assert (await alice.get(bad)).status_code == 403
        assert (await alice.get(bad.replace("/sign", "/passkey"))).status_code == 403


async def test_the_glass_is_broken_with_a_signature_too(site: Site, alice: Person) -> None:
    site.engine.ask_now(glass=("alice",))
    page = await alice.signed()
    form = forms(page)[f"{AT}/glass"]
    reason = "the attacker is in there now"
    answer = await alice.post(form.action, {**form.fields, "comment": reason})
    assert answer.status_code == 200, answer.text
    (vote,) = site.engine.votes.values()
    assert vote.break_glass
    assert vote.proof is not None
    assert vote.comment == reason


# ---- passkeys ------------------------------------------------------------------------


@pytest.fixture
def key(site: Site) -> SoftPasskey:
    made = SoftPasskey()
    site.directory.keys = {"alice": (made.public,)}
    return made


async def question(person: Person) -> tuple[Form, dict[str, Any]]:
    """Open the page on which a passkey signs; returns its form and what the browser is asked."""
    page = await person.get(sign_address(person.site, "passkey"))
    assert page.status_code == 200, page.text
    form = forms(page)[f"{AT}/approve"]
    return form, json.loads(str(form.attributes["data-passkey"]))


async def test_a_passkey_signs_a_yes(site: Site, key: SoftPasskey) -> None:
    alice = await Person(site).sign_in("alice")
    assert "Approve with a passkey" in (await alice.get(AT)).text
    form, options = await question(alice)
    assert options["userVerification"] == "required"
    assert options["rpId"] == "firedoor.test"
    answer = await alice.post(form.action, {**form.fields, "assertion": key.get(options, URL)})
    assert answer.status_code == 200, answer.text
    (vote,) = site.engine.votes.values()
    assert vote.proof is not None
    assert (vote.proof.kind, vote.proof.by, vote.proof.at) == ("passkey", key.public.id, site.clock.now)
    assert vote.proof.plan_sha256 == site.ask.plan_sha256


async def test_a_passkeys_answer_serves_once(site: Site, key: SoftPasskey) -> None:
    alice = await Person(site).sign_in("alice")
    form, options = await question(alice)
    told = {**form.fields, "assertion": key.get(options, URL)}
    assert (await alice.post(form.action, told)).status_code == 200
    site.engine.votes.clear()
    site.engine.ask_now(votes=())
    assert (await alice.post(form.action, told)).status_code == 403
    assert not site.engine.votes


async def test_a_passkeys_answer_that_is_not_for_this_is_none(site: Site, key: SoftPasskey) -> None:
    alice = await Person(site).sign_in("alice")
    form, options = await question(alice)
    _, others = await question(alice)
    unverified = SoftPasskey(verifies=False)
    unverified._key = key._key
    strangers = SoftPasskey("two")
    impostor = SoftPasskey()  # the right id, and another key
    good = json.loads(key.get(options, URL))
    wrong = {
        "nothing": "",
        "no JSON": "{",
        "a list": "[]",
        "null": "null",
        "a deep one": "[" * 16_000,
        "another challenge": key.get(others, URL),
        "another origin": key.get(options, "https://evil.test"),
        "another site": key.get(options, URL, rp_id="evil.test"),
        "a device that checked nobody": unverified.get(options, URL),
        "a passkey of nobody": strangers.get(options, URL),
        "the id of ours and another key": impostor.get(options, URL),
        "no signature": json.dumps({**good, "response": {**good["response"], "signature": ""}}),
        "too long": "x" * 20_000,
        "a number for an id": json.dumps({**good, "id": 7}),
    }
    for name, assertion in wrong.items():
        answer = await alice.post(form.action, {**form.fields, "assertion": assertion})
        assert answer.status_code in (403, 422), name
        assert not site.engine.votes, name
    answer = await alice.post(form.action, {**form.fields, "assertion": json.dumps(good)})
    assert answer.status_code == 200, "what was wrong did not use the question up"


async def test_a_passkeys_answer_for_another_plan_is_none(site: Site, key: SoftPasskey) -> None:
    alice = await Person(site).sign_in("alice")
    form, options = await question(alice)
    told = {**form.fields, "assertion": key.get(options, URL)}
    site.engine.ask_now(plan_sha256="e" * 64)
    for change in ({}, {"plan": "e" * 64}, {"generation": "2"}):
        assert (await alice.post(form.action, {**told, **change})).status_code in (403, 409)
    assert not site.engine.votes


async def test_the_passkey_of_one_person_does_not_sign_for_another(site: Site, key: SoftPasskey) -> None:
    bob = await Person(site).sign_in("bob")
    form, options = await question(bob)
    answer = await bob.post(form.action, {**form.fields, "assertion": key.get(options, URL)})
    assert answer.status_code == 403
    assert not site.engine.votes


async def test_a_passkey_that_was_taken_out_of_the_directory_signs_nothing(
    site: Site, key: SoftPasskey
) -> None:
    alice = await Person(site).sign_in("alice")
    form, options = await question(alice)
    site.directory.keys = {}
    answer = await alice.post(form.action, {**form.fields, "assertion": key.get(options, URL)})
    assert answer.status_code == 403


async def test_a_new_passkey_is_a_line_for_an_administrator_and_signs_nothing_before(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    form = await alice.form("/passkey", "/passkey")
    options = json.loads(str(form.attributes["data-passkey"]))
    assert options["authenticatorSelection"]["userVerification"] == "required"
    made = SoftPasskey("new")
    told = {**form.fields, "name": "my phone", "assertion": made.create(options, URL)}
    page = await alice.post("/passkey", told)
    assert page.status_code == 200, page.text
    (line,) = re.findall(r"firedoor people link alice --passkey .*(?=</code>)", html.unescape(page.text))
    given = reader.load(reader.read(shlex.split(line)[-1], "--passkey"), Passkey)
    assert given == made.public.model_copy(update={"name": "my phone"})
    ask, asked = await question(alice)
    answer = await alice.post(ask.action, {**ask.fields, "assertion": made.get(asked, URL)})
    assert answer.status_code == 403
    again = await alice.post("/passkey", {**form.fields, "assertion": made.create(options, URL)})
    assert again.status_code == 403, "the question serves once"


async def test_the_line_for_an_administrator_runs_nothing_else(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    for name in ("'; reboot #", "$(reboot)", "`reboot`", "a\nb", "", "x" * 99, "{a: b}"):
        form = await alice.form("/passkey", "/passkey")
        options = json.loads(str(form.attributes["data-passkey"]))
        told = {**form.fields, "name": name, "assertion": SoftPasskey().create(options, URL)}
        text = html.unescape((await alice.post("/passkey", told)).text)
        assert "reboot" not in text
        assert """--passkey '{name: "passkey of 2026-11-22", id: """ in text


async def test_a_new_passkey_of_another_site_or_without_a_check_is_none(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    form = await alice.form("/passkey", "/passkey")
    options = json.loads(str(form.attributes["data-passkey"]))
    for assertion in (
        "",
        "[" * 16_000,
        SoftPasskey().create(options, "https://evil.test"),
        SoftPasskey(verifies=False).create(options, URL),
        SoftPasskey().get({**options, "rpId": "firedoor.test"}, URL),
    ):
        form = await alice.form("/passkey", "/passkey")
        answer = await alice.post("/passkey", {**form.fields, "assertion": assertion})
        assert answer.status_code == 403


async def test_junk_for_new_passkeys_keeps_nobody_from_signing(
    site: Site, key: SoftPasskey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_up, "_MOST_USED", 3)
    bob = await Person(site).sign_in("bob")
    for _ in range(5):
        form = await bob.form("/passkey", "/passkey")
        assert (await bob.post("/passkey", {**form.fields, "assertion": "{}"})).status_code == 403
    alice = await Person(site).sign_in("alice")
    ask, options = await question(alice)
    answer = await alice.post(ask.action, {**ask.fields, "assertion": key.get(options, URL)})
    assert answer.status_code == 200, answer.text


async def test_an_answer_to_make_a_passkey_does_not_sign_a_plan(site: Site, key: SoftPasskey) -> None:
    alice = await Person(site).sign_in("alice")
    made = await alice.form("/passkey", "/passkey")
    options = {**json.loads(str(made.attributes["data-passkey"])), "rpId": "firedoor.test"}
    form, _ = await question(alice)
    told = {**form.fields, "ticket": made.fields["ticket"], "assertion": key.get(options, URL)}
    assert (await alice.post(form.action, told)).status_code == 403
    assert not site.engine.votes


async def test_where_neither_is_there_the_page_says_how_to_get_one() -> None:
    site = Site(oidc=False)
    site.step_up()
    alice = await Person(site).sign_in("alice")
    assert "You have no passkey here" in (await alice.get(AT)).text
    assert (await alice.get(sign_address(site))).status_code == 403


async def test_the_address_that_signs_holds_no_secret(site: Site, alice: Person) -> None:
    there = await alice.get(sign_address(site))
    asked = parse_qs(urlsplit(there.headers["location"]).query)
    assert site.ask.plan_sha256 not in there.headers["location"]
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "max_age",
        "prompt",
    }
