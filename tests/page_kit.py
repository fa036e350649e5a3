"""The page in memory: its application, a browser that keeps cookies and fills in forms, and a provider."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI

from firedoor.connectors.oidc import OidcProvider
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import Voter
from firedoor.domain.people.identity import Identity
from firedoor.domain.people.people import Passkey, People
from firedoor.gateway.page.router import page_router
from tests.channels.slack.reports import ID
from tests.fake_idp import CLIENT, SECRET, FakeIdp
from tests.gateway.people_engine import TOKENS, Clock, MemoryDirectory, MemoryEngine
from tests.servers import free_port

URL = "https://firedoor.test"
ISSUER = "https://login.test"
PAGE_SECRET = "a secret that is long enough for a page"
AT = f"/responses/{ID}"


def _person(name: str, **more: object) -> dict[str, object]:
    token = TOKENS.get(name, f"fd_{name}_made_up")
    return {
        "name": name.title(),
        "oidc": f"sub-{name}",
        "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
        **more,
    }


PEOPLE = People.model_validate(
    {
        "people": {name: _person(name) for name in ("alice", "bob", "carol", "eve")},
        "groups": {
            "secops": {"people": ("alice", "bob"), "oidc_group": "idp-secops"},
            "others": ("eve",),
        },
    }
)


class PageDirectory(MemoryDirectory):
    """People in memory, with passkeys, who may be in a group because a fresh claim says so."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(lambda: self.people)
        self.people: People | None = PEOPLE
        self.clock = clock
        self.keys: dict[str, tuple[Passkey, ...]] = {}

    async def voter(self, identity: Identity) -> Voter:
        voter = await super().voter(identity)
        fresh = identity.at is not None and self.clock() - identity.at <= timedelta(seconds=60)
        if identity.kind != "oidc" or not fresh or "idp-secops" not in identity.groups:
            return voter
        groups = tuple(sorted({*voter.groups, "secops"}))
        return voter.model_copy(
            update={"groups": groups, "claims": ("idp-secops",), "claimed_at": identity.at}
        )

    async def passkeys(self, person: str) -> tuple[Passkey, ...]:
        await self.person(person)
        return self.keys.get(person, ())


class Site:
    """The page's application with everything around it."""

    def __init__(
        self,
        *,
        url: str = URL,
        issuer: str = ISSUER,
        oidc: bool = True,
        secrets: tuple[str, ...] = (PAGE_SECRET,),
    ) -> None:
        self.url = url
        self.clock = Clock()
        self.engine = MemoryEngine(self.clock)
        self.directory = PageDirectory(self.clock)
        self.secrets = secrets
        self.frozen = ""
        self.idp = FakeIdp(issuer, f"{url}/login/oidc/callback", self.clock)
        self.monotonic = 0.0
        self.provider = OidcProvider(
            issuer=issuer,
            client_id=CLIENT,
            client_secret=lambda: SECRET,
            monotonic=lambda: self.monotonic,
            transport=httpx.ASGITransport(self.idp.app) if issuer == ISSUER else None,
        )
        self.oidc = oidc
        self.app = self.built()

    def built(self) -> FastAPI:
        """Build the application anew, as another gateway with the same settings would."""

        async def frozen() -> str:
            return self.frozen

        app = FastAPI()
        app.include_router(
            page_router(
                directory=self.directory,
                engine=self.engine,
                clock=self.clock,
                url=self.url,
                secrets=lambda: self.secrets,
                provider=self.provider if self.oidc else None,
                frozen=frozen,
            )
        )
        return app

    @property
    def ask(self) -> Approval:
        """What is asked now."""
        ask = self.engine.report_now.ask
        assert ask is not None
        return ask

    def step_up(self) -> None:
        """Ask for a signature from now on."""
        rules = tuple(rule.model_copy(update={"step_up": True}) for rule in self.ask.rules)
        self.engine.ask_now(rules=rules)


@asynccontextmanager
async def served(**settings: Any) -> AsyncIterator[Site]:
    """Serve a site and its provider on loopback, for a real browser."""
    here, there = free_port(), free_port()
    site = Site(url=f"http://localhost:{here}", issuer=f"http://127.0.0.1:{there}", **settings)
    servers = [_server(site.app, here), _server(site.idp.app, there)]
    running = [asyncio.create_task(server.serve()) for server in servers]
    try:
        await asyncio.gather(*(server.ready.wait() for server in servers))
        yield site
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


class _Server(uvicorn.Server):
    """uvicorn, which also says when it is ready, and leaves Ctrl-C to pytest."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _server(app: Any, port: int) -> _Server:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    return _Server(config)


class Form:
    """One form of a page: where it goes, and what it would send."""

    def __init__(self, attributes: dict[str, str | None]) -> None:
        self.action = attributes.get("action") or ""
        self.method = (attributes.get("method") or "get").lower()
        self.attributes = attributes
        self.fields: dict[str, str] = {}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self.forms.append(Form(told))
            self._inside = True
        elif tag in ("input", "textarea", "select") and self._inside and told.get("name"):
            chosen = told.get("type") != "radio" or "checked" in told
            if chosen:
                self.forms[-1].fields[str(told["name"])] = told.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def forms(page: httpx.Response) -> dict[str, Form]:
    """Read the forms of a page, by where they go."""
    reader = _Forms()
    reader.feed(page.text)
    return {form.action: form for form in reader.forms}


class Person:
    """Somebody at a browser: it keeps cookies, says where a form was on, and follows nothing by itself."""

    def __init__(
        self, site: Site, app: FastAPI | None = None, *, cookies: dict[str, str] | None = None
    ) -> None:
        self.site = site
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app or site.app, raise_app_exceptions=True),
            base_url=site.url,
            cookies=cookies,
        )

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def post(
        self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        told = {"sec-fetch-site": "same-origin", "origin": self.site.url} if headers is None else headers
        return await self.client.post(path, data=fields, headers=told)

    async def sign_in(self, name: str = "alice", next_: str = "") -> Person:
        """Sign in with a personal token."""
        token = TOKENS.get(name, f"fd_{name}_made_up")
        answer = await self.post("/login", {"token": token, "next": next_})
        assert answer.status_code == 303, answer.text
        return self

    async def form(self, action: str, page: str = AT) -> Form:
        """Open a page and return one of its forms."""
        answer = await self.get(page)
        assert answer.status_code == 200, answer.text
        found = forms(answer).get(action)
        assert found is not None, f"no form to {action}"
        return found

    async def decide(self, word: str, page: str = AT, **changes: str) -> httpx.Response:
        """Open the response and send one of its forms, changed."""
        form = await self.form(f"{AT}/{word}", page)
        return await self.post(form.action, {**form.fields, **changes})

    async def through_provider(self, address: str) -> str:
        """Go where a sign-in leads, and return the address the provider sends back to."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.site.idp.app)) as client:
            back = await client.get(address)
        assert back.status_code == 302, back.text
        return back.headers["location"]

    async def oidc(self, next_: str = "/") -> httpx.Response:
        """Sign in at the provider, as whoever is there."""
        there = await self.get("/login/oidc", params={"next": next_})
        assert there.status_code == 303, there.text
        return await self.get(await self.through_provider(there.headers["location"]))

    async def signed(self) -> httpx.Response:
        """Sign in for the plan, and come back to its confirmation."""
        there = await self.get(sign_address(self.site))
        assert there.status_code == 303, there.text
        back = await self.get(await self.through_provider(there.headers["location"]))
        assert back.status_code == 303, back.text
        return await self.get(back.headers["location"])


def sign_address(site: Site, how: str = "sign") -> str:
    """Return the address that the page links to for signing what is asked now."""
    ask = site.ask
    return f"{AT}/{how}?ask={ask.id}&generation={ask.generation}&plan={ask.plan_sha256}"


def path_of(address: str) -> str:
    """Return the path of an address."""
    return urlsplit(address).path
