"""Groups that an identity provider keeps, over its own HTTP: Okta's API, and the claims of a sign-in."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from tests.approvals import PEOPLE, Approvals, approvals, playbook, until
from tests.e2e.conftest import served
from tests.e2e.test_page import Browser
from tests.fake_idp import CLIENT, SECRET, FakeIdp
from tests.page_kit import forms
from tests.servers import free_port
from tests.systems.okta.test_groups import TOKEN as OKTA_TOKEN
from tests.systems.okta.test_groups import Server as Okta

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PLAYBOOKS = {
    "of_okta": playbook("of_okta", weld=None, shut="from: [oktas], quorum: 2"),
    "of_claim": playbook("of_claim", weld=None, shut="from: [claimed], quorum: 2"),
}


@dataclass
class Elsewhere:
    """An installation, and who keeps its groups."""

    office: Approvals
    okta: Okta
    idp: FakeIdp
    browsers: ExitStack

    def at_the_page(self, sub: str, path: str) -> Browser:
        """Sign somebody in at the identity provider, on the way to a page."""
        self.idp.user = sub
        browser = Browser(self.office)
        self.browsers.callback(browser.client.close)
        answer = browser.get(f"/login/oidc?next={path}")
        assert answer.status_code == httpx.codes.OK, answer.text
        return browser


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    people = copy.deepcopy(PEOPLE)
    for who, account in (("alice", "00u1"), ("bob", "00u2"), ("carol", "00u9")):
        people["people"][who] |= {"okta": account, "oidc": f"sub-{who}"}
    people["groups"] |= {
        "oktas": {"okta_group": "00g1"},
        "claimed": {"oidc_group": "security"},
    }
    okta, port = Okta(), free_port()
    threading.Thread(target=okta.serve_forever, daemon=True).start()
    idp = FakeIdp(f"http://127.0.0.1:{port}", "", lambda: datetime.now(UTC))
    idp.groups = {"sub-alice": ("security",), "sub-bob": ("security", "sales"), "sub-carol": ("sales",)}
    more = (
        f"okta: {{url: '{okta.url}', token: {{env: OKTA_TOKEN}}}}\n"
        f"oidc: {{issuer: '{idp.issuer}', client_id: {CLIENT}, client_secret: {{env: OIDC_SECRET}},"
        " groups_claim: groups}\npage: {secret: {env: PAGE_SECRET}}\n"
    )
    secret = "a secret that is long enough for a page"
    environment = {"OKTA_TOKEN": OKTA_TOKEN, "OIDC_SECRET": SECRET, "PAGE_SECRET": secret}
    folder = tmp_path_factory.mktemp("elsewhere")
    try:
        with (
            served(idp, port),
            approvals(folder, PLAYBOOKS, more=more, environment=environment, people=people) as made,
            ExitStack() as browsers,
        ):
            idp.redirect_uri = f"http://127.0.0.1:{made.here.port}/login/oidc/callback"
            yield Elsewhere(made, okta, idp, browsers)
    finally:
        okta.shutdown()
        okta.server_close()


def test_a_group_that_okta_keeps_decides_and_nobody_does_while_okta_is_silent(there: Elsewhere) -> None:
    there.okta.answer = (503, {}, "{}")
    asked = there.office.start("of_okta")
    card, way = asked.asking(), there.office.way("http")
    assert "who is in oktas cannot be read now, which means no" in way.refused("alice", card)
    there.okta.answer = None
    # Nobody who is down is asked again within two seconds.
    until(lambda: "you are not in oktas" in way.refused("carol", card), "Okta's own answer")
    assert asked.voters() == []
    way.yes("alice", card)
    there.okta.answer = (503, {}, "{}")
    way.yes("bob", card)  # what Okta told for alice's word is believed for a minute, and not longer
    there.okta.answer = None
    asked.until_status("contained")
    assert asked.effects() == [f"shut {asked.door}"]
    assert f"SSWS {OKTA_TOKEN}" in {authorization for _, authorization in there.okta.asked}


def test_people_whose_sign_in_claims_a_group_decide_on_the_page_and_not_in_slack(there: Elsewhere) -> None:
    asked = there.office.start("of_claim")
    card = asked.asking()
    assert "you are not in claimed" in there.office.way("http").refused("alice", card)
    at = f"/responses/{asked.response}"
    shown = there.at_the_page("sub-carol", at).get(at)
    assert f"{at}/approve" not in forms(shown), "her sign-in claims another group"
    for who in ("alice", "bob"):
        browser = there.at_the_page(f"sub-{who}", at)
        answer = browser.send(browser.form(asked, "approve"))
        assert answer.status_code == httpx.codes.OK, answer.text
    asked.until_status("contained")
    assert asked.voters() == [("alice", "page"), ("bob", "page")]
    assert asked.effects() == [f"shut {asked.door}"]
