"""The page to decide on: the same decision, also the ones that have to be signed, against a real Temporal."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from firedoor.channels.slack.reference import Reference
from tests.approvals import PEOPLE, Approvals, Asked, Way, has_button, text_of, until
from tests.fake_idp import FakeIdp
from tests.fake_slack import Posted
from tests.installation import TOKENS
from tests.page_kit import Form, forms
from tests.soft_passkey import SoftPasskey

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

REASON = "the data is leaving right now and nobody answers"


class Browser:
    """Somebody at a browser: it keeps cookies, says where a form was on, and goes where it is led."""

    def __init__(self, office: Approvals) -> None:
        self.url = str(office.here.http.base_url).rstrip("/")
        self.client = httpx.Client(trust_env=False, timeout=10, follow_redirects=True)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path if path.startswith("http") else self.url + path)

    def send(self, form: Form, **changes: str) -> httpx.Response:
        headers = {"sec-fetch-site": "same-origin", "origin": self.url}
        return self.client.post(self.url + form.action, data={**form.fields, **changes}, headers=headers)

    def sign_in(self, who: str) -> Browser:
        """Sign in with a personal token."""
        answer = self.send(forms(self.get("/login"))["/login"], token=TOKENS[who])
        assert answer.status_code == 200, answer.text
        return self

    def form(self, asked: Asked, word: str) -> Form:
        """Open the page of what is asked; returns what decides it there."""
        asked.asking()
        page = self.get(f"/responses/{asked.response}")
        assert page.status_code == 200, page.text
        return forms(page)[f"/responses/{asked.response}/{word}"]


@pytest.fixture
def browser(office: Approvals) -> Iterator[Browser]:
    made = Browser(office)
    yield made
    made.client.close()


def test_a_yes_on_the_page_is_on_the_card_and_the_card_follows(office: Approvals, browser: Browser) -> None:
    asked = office.start()
    card = asked.asking()
    listed = browser.sign_in("alice").get("/")
    assert f"/responses/{asked.response}" in listed.text
    answer = browser.send(browser.form(asked, "approve"))
    assert answer.status_code == 200, answer.text
    asked.until_status("contained")
    assert asked.card("Contained").ts == card.ts
    assert asked.voters() == [("alice", "page")]


def test_a_no_on_the_page_needs_its_reason_and_is_on_the_card(office: Approvals, browser: Browser) -> None:
    asked = office.start("weld_two")
    asked.asking()
    form = browser.sign_in("bob").form(asked, "reject")
    assert browser.send(form, reason="bad_time", comment="no").status_code == 422
    assert asked.voters() == []
    answer = browser.send(form, reason="bad_time", comment="the release is running until four")
    assert answer.status_code == 200, answer.text
    assert "until four" in text_of(asked.card("Rejected"))


def test_one_human_has_one_vote_through_slack_and_the_page(
    office: Approvals, way: Way, browser: Browser
) -> None:
    asked = office.start("weld_two")
    form = browser.sign_in("alice").form(asked, "approve")
    way.yes("alice", asked.asking())
    assert browser.send(form).status_code == 200, "the same word again"
    assert asked.voters() == [("alice", "slack")]


def test_a_form_that_another_site_sends_does_not_count(office: Approvals, browser: Browser) -> None:
    asked = office.start("weld_two")
    form = browser.sign_in("alice").form(asked, "approve")
    for headers in ({}, {"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}):
        answer = browser.client.post(browser.url + form.action, data=form.fields, headers=headers)
        assert answer.status_code == 403
    assert browser.get(form.action).status_code in (404, 405), "nothing is decided by looking"
    assert asked.voters() == []


def test_the_glass_is_broken_on_the_page_and_reviewed_there(office: Approvals, browser: Browser) -> None:
    asked = office.start("weld_two")
    asked.asking()
    form = browser.sign_in("dave").form(asked, "glass")
    assert browser.send(form, comment="now").status_code == 422
    assert asked.voters() == []
    answer = browser.send(form, comment=REASON)
    assert answer.status_code == 200, answer.text
    until(asked.effects, "the weld")
    assert REASON in text_of(asked.card("THE GLASS WAS BROKEN", button="approve"))
    assert asked.voters() == [("dave", "page")]
    lead = Browser(office).sign_in("carol")
    page = lead.get(f"/responses/{asked.response}")
    assert "Was breaking the glass right?" in page.text
    review = forms(page)[f"/responses/{asked.response}/review"]
    answer = lead.send(
        review, decision="reject", reason="wrong_action", comment="the network team was there already"
    )
    assert answer.status_code == 200, answer.text
    asked.until(lambda _: asked.says("reviewed"), "the review")
    assert "said it was WRONG" in text_of(asked.card("said it was WRONG"))
    lead.client.close()


# ---- the highest tier: signed, or not at all ------------------------------------------------------


def _forged_approve(asked: Asked, card: Posted) -> Posted:
    """Return the card with a button that is not on it, as somebody makes it who knows how ours look."""
    ask = asked.report()["ask"]
    value = Reference(r=asked.response, a=ask["id"], g=ask["generation"], h=ask["plan_sha256"], d="approve")
    other = copy.deepcopy(card)
    pressed = other.button("firedoor.reject")
    pressed |= {"action_id": "firedoor.approve", "value": value.encode()}
    return other


def test_slack_only_leads_to_the_page_where_a_yes_has_to_be_signed(office: Approvals, way: Way) -> None:
    asked = office.start("signed")
    card = asked.card(button="reject")
    assert not has_button(card, "approve")
    there = card.button("firedoor.page")
    assert there["url"] == f"http://127.0.0.1:{office.here.port}/responses/{asked.response}"
    told = way.refused("alice", _forged_approve(asked, card))
    assert "signed by a fresh sign-in or a passkey, on the page that the card links to" in told
    fingerprint = asked.report()["fingerprint"]
    assert asked.vote("alice").status_code == 409
    assert office.here.cli("alice", "approve", asked.response, "--fingerprint", fingerprint).returncode == 1
    assert asked.voters() == []
    assert asked.effects() == []


def test_a_fresh_sign_in_at_the_identity_provider_signs_exactly_this_plan(
    office: Approvals, browser: Browser, idp: FakeIdp
) -> None:
    asked = office.start("signed")
    asked.card(button="reject")
    idp.user, idp.signed_in_at = "sub-alice", None
    at = f"/responses/{asked.response}"
    page = browser.get(f"/login/oidc?next={at}")
    assert page.status_code == 200, page.text
    assert f"{at}/approve" not in forms(page), "no button without a signature"
    confirm = browser.get(_signing(asked, "sign"))
    assert "You have signed in for this plan, and nothing else." in confirm.text
    assert (idp.asked[-1]["max_age"], idp.asked[-1]["prompt"]) == ("0", "login")
    assert asked.voters() == [], "signing in decides nothing"
    form = forms(confirm)[f"{at}/approve"]
    for changed in ({"plan": "0" * 64}, {"ticket": ""}):
        assert browser.send(form, **changed).status_code in (403, 409)
    assert asked.voters() == []
    answer = browser.send(form)
    assert answer.status_code == 200, answer.text
    asked.until_status("contained")
    (vote,) = asked.report()["votes"]
    assert (vote["proof"]["kind"], vote["proof"]["by"]) == ("oidc", idp.issuer)
    assert vote["proof"]["plan_sha256"] == asked.report()["ask"]["plan_sha256"]
    assert asked.effects() == [f"weld {asked.door}"]
    asked.card("Contained")


def test_a_provider_that_does_not_ask_anew_signs_nothing(
    office: Approvals, browser: Browser, idp: FakeIdp
) -> None:
    asked = office.start("signed")
    idp.user, idp.signed_in_at, idp.obeys_max_age = "sub-alice", 1_790_000_000, False
    try:
        asked.until(lambda report: report["asking"], "an ask")
        browser.get(f"/login/oidc?next=/responses/{asked.response}")
        refused = browser.get(_signing(asked, "sign"))
        assert "did not ask you anew; nothing is recorded" in refused.text
    finally:
        idp.obeys_max_age = True
    assert asked.voters() == []


def test_a_passkey_signs_exactly_this_plan(office: Approvals, browser: Browser) -> None:
    key, stranger = SoftPasskey("of alice"), SoftPasskey("of a stranger")
    people = copy.deepcopy(PEOPLE)
    people["people"]["alice"]["passkeys"] = [key.public.model_dump(mode="json")]
    office.here.write_people(people)
    try:
        asked, other = office.start("signed"), office.start("signed")
        for each in (asked, other):
            each.until(lambda report: report["asking"], "an ask")
        browser.sign_in("alice")
        form, options = _question(browser, asked)
        answers = (stranger.get(options, browser.url), key.get(options, "http://evil.test"), "")
        for wrong in answers:
            assert browser.send(form, assertion=wrong).status_code == 403
        _, of_other = _question(browser, other)
        assert browser.send(form, assertion=key.get(of_other, browser.url)).status_code == 403
        assert asked.voters() == []
        form, options = _question(browser, asked)
        answer = browser.send(form, assertion=key.get(options, browser.url))
        assert answer.status_code == 200, answer.text
        asked.until_status("contained")
        (vote,) = asked.report()["votes"]
        assert (vote["proof"]["kind"], vote["proof"]["by"]) == ("passkey", key.public.id)
        assert other.voters() == []
    finally:
        office.here.write_people(PEOPLE)


def _signing(asked: Asked, how: str) -> str:
    ask = asked.report()["ask"]
    what = f"ask={ask['id']}&generation={ask['generation']}&plan={ask['plan_sha256']}"
    return f"/responses/{asked.response}/{how}?{what}"


def _question(browser: Browser, asked: Asked) -> tuple[Form, dict[str, Any]]:
    """Return the form that a passkey signs, and what the browser is asked."""
    page = browser.get(_signing(asked, "passkey"))
    assert page.status_code == 200, page.text
    form = forms(page)[f"/responses/{asked.response}/approve"]
    return form, json.loads(str(form.attributes["data-passkey"]))
