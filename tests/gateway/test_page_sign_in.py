"""Signing in at the identity provider: what a sign-in is good for, and that no other will do."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from firedoor.gateway.page import sign_in
from tests.fake_idp import signed_with_the_public_key
from tests.page_kit import AT, ISSUER, Person, Site, forms

Claims = dict[str, Any]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def site() -> Site:
    return Site()


async def begun(person: Person, next_: str = "/") -> str:
    """Begin a sign-in; returns where the provider sends the browser back to."""
    there = await person.get("/login/oidc", params={"next": next_})
    return await person.through_provider(there.headers["location"])


async def is_in(person: Person) -> bool:
    return (await person.get("/")).status_code == 200


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_no_secret_is_in_the_address(
    site: Site,
) -> None:
    there = await Person(site).get("/login/oidc")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    assert len(asked["nonce"]) >= 43
    assert set(asked) == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert there.headers["set-cookie"].startswith("__Host-firedoor-flow-")


async def test_somebody_of_the_directory_is_signed_in_and_back_where_they_were(site: Site) -> None:
    person = Person(site)
    answer = await person.oidc(AT)
    assert (answer.status_code, answer.headers["location"]) == (303, AT)
    assert "signed in as <b>alice</b>" in (await person.get(AT)).text
    assert not [name for name in person.client.cookies if "flow" in name]


async def test_a_stranger_of_the_provider_is_nobody_here(site: Site) -> None:
    site.idp.user = "sub-mallory"
    person = Person(site)
    answer = await person.oidc()
    assert answer.status_code == 401
    assert "belongs to nobody" in answer.text
    assert not await is_in(person)


async def test_a_sign_in_that_the_person_refused_is_none(site: Site) -> None:
    site.idp.user = None
    answer = await Person(site).oidc()
    assert answer.status_code == 403
    assert "did not sign you in" in answer.text


async def test_a_callback_opens_nothing_in_a_browser_that_began_none(site: Site) -> None:
    """Login CSRF: an attacker's own code must not sign anybody in as the attacker."""
    back = await begun(Person(site))
    victim = Person(site)
    answer = await victim.get(back)
    assert answer.status_code == 403
    assert not await is_in(victim)


async def test_strangers_who_come_back_with_nothing_keep_nobody_out(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "_MOST_USED", 3)
    for _ in range(5):
        stranger = Person(site)
        there = await stranger.get("/login/oidc")
        state = parse_qs(urlsplit(there.headers["location"]).query)["state"][0]
        assert (await stranger.get(f"/login/oidc/callback?state={state}&error=x")).status_code == 403
    person = Person(site)
    there = await person.get("/login/oidc")
    assert (await person.get(await person.through_provider(there.headers["location"]))).status_code == 303


async def test_a_state_is_good_once(site: Site) -> None:
    person = Person(site)
    there = await person.get("/login/oidc")
    cookies = dict(person.client.cookies)
    back = await person.through_provider(there.headers["location"])
    assert (await person.get(back)).status_code == 303
    again = Person(site, cookies=cookies)
    answer = await again.get(back)
    assert answer.status_code == 403
    assert "used already" in answer.text
    assert site.idp.calls.count("token") == 1


async def test_a_code_of_another_sign_in_is_refused(site: Site) -> None:
    """The stolen code was made for another PKCE verifier, and for another nonce."""
    site.idp.user = "sub-bob"
    stolen = parse_qs(urlsplit(await begun(Person(site))).query)["code"][0]
    mallory = Person(site)
    mine = parse_qs(urlsplit(await begun(mallory)).query)
    answer = await mallory.get(
        f"/login/oidc/callback?{urlencode({'state': mine['state'][0], 'code': stolen})}"
    )
    assert answer.status_code == 403
    assert not await is_in(mallory)


async def test_an_id_token_for_another_question_is_refused(site: Site) -> None:
    nonces: list[str] = []

    def keep(claims: Claims) -> Claims:
        nonces.append(claims["nonce"])
        return claims

    site.idp.change = keep
    await Person(site).oidc()
    site.idp.change = lambda claims: {**claims, "nonce": nonces[0]}
    person = Person(site)
    answer = await person.oidc()
    assert answer.status_code == 403
    assert "another question" in answer.text
    assert not await is_in(person)


FORGED: dict[str, Any] = {
    "issuer": {"iss": "https://evil.test"},
    "audience": {"aud": "another-app"},
    "several audiences": {"aud": ["firedoor", "another-app"]},
    "authorized party": {"azp": "another-app"},
    "expired": {"exp": 1},
    "expires never": {"exp": None},
    "expires when it likes": {"exp": "2099"},
    "expires at infinity": {"exp": 1e400},
    "from the future": {"iat": 4_000_000_000},
    "not yet": {"nbf": 4_000_000_000},
    "of nobody": {"sub": None},
    "of an empty name": {"sub": ""},
    "of a list": {"sub": ["sub-alice"]},
    "no nonce": {"nonce": None},
    "a nonce of another kind": {"nonce": 7},
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_that_is_not_for_us_signs_nobody_in(site: Site, name: str) -> None:
    site.idp.change = lambda claims: {
        key: value for key, value in {**claims, **FORGED[name]}.items() if value is not None
    }
    person = Person(site)
    answer = await person.oidc()
    assert answer.status_code == 403
    assert not await is_in(person)


async def _with_token(site: Site, make: Any) -> httpx.Response:
    """Sign in, with the ID token replaced by one that an attacker made."""
    signed = site.idp._signed
    site.idp._signed = lambda claims, **_: make(signed, claims)  # type: ignore[method-assign]
    return await Person(site).oidc()


async def test_an_unsigned_token_signs_nobody_in(site: Site) -> None:
    answer = await _with_token(
        site,
        lambda sign, claims: sign(claims, alg="none", key=site.idp.key, header={}).rsplit(".", 1)[0] + ".",
    )
    assert answer.status_code == 403
    assert "algorithm" in answer.text


async def test_the_public_key_is_no_shared_secret(site: Site) -> None:
    answer = await _with_token(site, lambda _, claims: signed_with_the_public_key(site.idp.key, claims))
    assert answer.status_code == 403
    assert "algorithm" in answer.text


async def test_a_token_of_somebody_elses_key_signs_nobody_in(site: Site) -> None:
    forged = RSAKey.generate_key(2048, {"kid": str(site.idp.key.kid)})
    answer = await _with_token(site, lambda sign, claims: sign(claims, alg="RS256", key=forged, header={}))
    assert answer.status_code == 403


async def test_a_key_that_a_token_brings_along_is_not_believed(site: Site) -> None:
    own = RSAKey.generate_key(2048, {"kid": "own"})
    header = {"jwk": own.as_dict(private=False), "kid": "own"}
    answer = await _with_token(site, lambda sign, claims: sign(claims, alg="RS256", key=own, header=header))
    assert answer.status_code == 403


async def test_a_response_by_another_provider_is_refused(site: Site) -> None:
    """RFC 9207: mix-up between providers."""
    person = Person(site)
    back = (await begun(person)).replace(urlencode({"iss": ISSUER}), urlencode({"iss": "https://evil.test"}))
    assert (await person.get(back)).status_code == 403
    assert site.idp.calls.count("token") == 0, "the code was shown to nobody"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_rotated_key_is_found_at_once(site: Site, algorithm: str) -> None:
    assert (await Person(site).oidc()).status_code == 303
    site.idp.rotate(algorithm=algorithm)
    site.monotonic += 1
    assert (await Person(site).oidc()).status_code == 303


async def test_a_key_that_was_taken_back_signs_nobody_in_after_an_hour(site: Site) -> None:
    assert (await Person(site).oidc()).status_code == 303
    stolen = site.idp.key
    site.idp.rotate()
    site.idp.published = [site.idp.key]
    site.idp.key = stolen
    site.monotonic += 3601
    assert (await Person(site).oidc()).status_code == 403


async def test_a_provider_that_is_down_is_told_and_a_token_signs_in_without_it(site: Site) -> None:
    site.idp.down = True
    answer = await Person(site).get("/login/oidc")
    assert answer.status_code == 503
    assert "identity provider" in answer.text
    await Person(site).sign_in("alice")


async def test_a_provider_that_calls_itself_something_else_is_not_used(site: Site) -> None:
    site.idp.issuer = f"{ISSUER}/"
    assert (await Person(site).get("/login/oidc")).status_code == 503


async def test_a_page_without_a_provider_offers_tokens_alone() -> None:
    person = Person(Site(oidc=False))
    assert "/login/oidc" not in (await person.get("/login")).text
    assert (await person.get("/login/oidc")).status_code == 403
    await person.sign_in("alice")


async def test_two_tabs_may_sign_in_at_once(site: Site) -> None:
    person = Person(site)
    first = await begun(person, AT)
    second = await begun(person, "/passkey")
    assert (await person.get(first)).headers["location"] == AT
    assert (await person.get(second)).headers["location"] == "/passkey"


async def test_an_old_sign_in_is_over(site: Site) -> None:
    person = Person(site)
    back = await begun(person)
    site.clock.now += timedelta(minutes=11)
    assert (await person.get(back)).status_code == 403


# ---- groups --------------------------------------------------------------------------


@pytest.mark.parametrize("in_token", [True, False])
async def test_a_group_that_the_provider_claims_counts_while_it_is_fresh(
    site: Site, *, in_token: bool
) -> None:
    site.idp.user, site.idp.groups_in_token = "sub-carol", in_token
    site.idp.groups = {"sub-carol": ("idp-secops", *(f"a group of no meaning {n}" for n in range(400)))}
    carol = Person(site)
    assert (await carol.oidc(AT)).status_code == 303
    answer = await carol.decide("approve")
    assert answer.status_code == 200, answer.text
    (vote,) = site.engine.votes.values()
    assert (vote.voter.person, vote.voter.groups) == ("carol", ("secops",))


async def test_claims_that_are_older_than_a_minute_are_read_again_before_anything_is_decided(
    site: Site,
) -> None:
    site.idp.user, site.idp.groups = "sub-carol", {"sub-carol": ("idp-secops",)}
    carol = Person(site)
    await carol.oidc(AT)
    site.clock.now += timedelta(seconds=61)
    answer = await carol.decide("approve")
    assert answer.status_code == 200
    assert "Nothing is recorded yet" in answer.text
    assert not site.engine.votes
    back = await carol.get(await carol.through_provider(_refresh(answer)))
    assert site.idp.asked[-1]["prompt"] == "none"
    assert back.headers["location"] == AT
    page = await carol.get(AT)
    assert "Nothing is recorded yet: send it now." in page.text
    assert (await carol.decide("approve")).status_code == 200
    assert len(site.engine.votes) == 1


async def test_somebody_who_left_the_group_meanwhile_decides_nothing(site: Site) -> None:
    site.idp.user, site.idp.groups = "sub-carol", {"sub-carol": ("idp-secops",)}
    carol = Person(site)
    await carol.oidc(AT)
    form = await carol.form(f"{AT}/approve")
    site.clock.now += timedelta(seconds=61)
    site.idp.groups = {}
    again = await carol.post(form.action, form.fields)
    await carol.get(await carol.through_provider(_refresh(again)))
    answer = await carol.post(form.action, form.fields)
    assert answer.status_code == 409
    assert "you are not in secops" in answer.text
    assert not site.engine.votes


async def test_what_was_written_is_still_there_after_signing_in_again(site: Site) -> None:
    person = Person(site)
    await person.oidc(AT)
    site.clock.now += timedelta(seconds=61)
    again = await person.decide("reject", reason="bad_time", comment="the release runs\r\nuntil <seven>")
    await person.get(await person.through_provider(_refresh(again)))
    page = await person.get(AT)
    assert "the release runs until &lt;seven&gt;</textarea>" in page.text
    assert forms(page)[f"{AT}/reject"].fields["reason"] == "bad_time"
    assert "until &lt;seven&gt;</textarea>" not in (await person.get(AT)).text, "shown once"


async def test_where_the_provider_wants_to_see_the_person_it_may(site: Site) -> None:
    person = Person(site)
    await person.oidc(AT)
    site.clock.now += timedelta(seconds=61)
    site.idp.signed_in_at = None  # its own session is over
    again = await person.decide("approve")
    louder = await person.get(await person.through_provider(_refresh(again)))
    assert louder.status_code == 303
    assert louder.headers["location"].startswith(f"{ISSUER}/authorize")
    assert "prompt" not in parse_qs(urlsplit(louder.headers["location"]).query)
    back = await person.get(await person.through_provider(louder.headers["location"]))
    assert back.headers["location"] == AT


async def test_signing_in_again_as_somebody_else_changes_nothing(site: Site) -> None:
    person = Person(site)
    await person.oidc(AT)
    site.clock.now += timedelta(seconds=61)
    again = await person.decide("approve")
    site.idp.user = "sub-bob"
    answer = await person.get(await person.through_provider(_refresh(again)))
    assert answer.status_code == 403
    assert "Somebody else signed in" in answer.text
    assert "signed in as <b>alice</b>" in (await person.get(AT)).text


async def test_a_sign_in_for_a_session_that_ended_changes_nothing(site: Site) -> None:
    person = Person(site)
    await person.oidc(AT)
    site.clock.now += timedelta(seconds=61)
    back = await person.through_provider(_refresh(await person.decide("approve")))
    await person.sign_in("alice")  # another session of the same person
    answer = await person.get(back)
    assert answer.status_code == 403
    assert "another session" in answer.text


async def test_userinfo_about_somebody_else_is_not_believed(site: Site) -> None:
    site.idp.user, site.idp.groups_in_token = "sub-carol", False
    site.idp.groups = {"sub-bob": ("idp-secops",)}
    carol = Person(site)
    site.idp.userinfo_about = "sub-bob"
    await carol.oidc(AT)
    assert "you are not in secops" in (await carol.get(AT)).text


async def test_a_personal_token_needs_no_provider_to_decide(site: Site) -> None:
    alice = await Person(site).sign_in("alice")
    site.clock.now += timedelta(minutes=5)
    site.idp.down = True
    assert (await alice.decide("approve")).status_code == 200


def _refresh(page: httpx.Response) -> str:
    """Return where a page sends the browser by itself."""
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def test_failed_sign_ins_are_limited_and_the_right_token_signs_in_at_any_time(site: Site) -> None:
    guesser = Person(site)
    answers = [
        (await guesser.post("/login", {"token": f"guess {number}", "next": ""})).status_code
        for number in range(25)
    ]
    assert answers == [401] * 20 + [429] * 5
    await Person(site).sign_in("alice")
