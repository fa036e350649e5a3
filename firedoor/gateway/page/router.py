"""The addresses of the page: a GET shows, a POST decides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from firedoor.domain.core.errors import Absent, FiredoorError
from firedoor.domain.people.identity import Identity
from firedoor.gateway.api.token_check import Genuine
from firedoor.gateway.api.tries import Tries
from firedoor.gateway.decisions.membership import NotKnown, member
from firedoor.gateway.decisions.port import Votes, audit
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.page.base import Front, PeopleDirectory, came_from
from firedoor.gateway.page.form import form_of
from firedoor.gateway.page.forms_post import Deciding
from firedoor.gateway.page.render import Renderer, to
from firedoor.gateway.page.sealed_cookie import Seal
from firedoor.gateway.page.session import Session, Sessions
from firedoor.gateway.page.sign_in import CALLBACK, PROOF, NotSignedIn, Provider, SignIn
from firedoor.gateway.page.step_up import Proofs
from firedoor.gateway.page.views import Looking

_WITHIN: Final = 10.0  # seconds
_LONGEST_TOKEN: Final = 512
#: What a passkey may be called: it stands in a line that an administrator runs in a shell.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,39}", re.ASCII)


async def _not_frozen() -> str:
    return ""


def page_router(
    *,
    directory: PeopleDirectory,
    engine: Votes,
    clock: Callable[[], datetime],
    url: str,
    secrets: Callable[[], tuple[str, ...]] | None = None,
    provider: Provider | None = None,
    groups_claim: str = "groups",
    scopes: tuple[str, ...] = ("openid", "profile"),
    frozen: Callable[[], Awaitable[str]] = _not_frozen,
    tries: Tries | None = None,
) -> APIRouter:
    """Build the page. `url` is where people reach it; `secrets` seal its cookies (None: made by chance, now).

    Without `provider` people sign in with personal tokens alone. Raises `Misconfigured` on a secret that
    is too short.
    """
    seal = Seal(secrets, clock)
    sessions = Sessions(seal, url, clock)
    proofs = Proofs(seal, sessions, clock)
    sign_in = provider and SignIn(
        provider=provider,
        genuine=Genuine(provider, clock),
        directory=directory,
        sessions=sessions,
        proofs=proofs,
        url=url,
        groups_claim=groups_claim,
        scopes=scopes,
        clock=clock,
    )
    front = Front(
        directory=directory,
        engine=engine,
        ballots=Ballots(directory, engine, clock, within=_WITHIN),
        seal=seal,
        sessions=sessions,
        proofs=proofs,
        sign_in=sign_in or None,
        issuer=urlsplit(provider.issuer).netloc if provider else "",
        renderer=Renderer(),
        clock=clock,
        frozen=frozen,
        tries=tries or Tries(clock),
    )
    router = APIRouter(include_in_schema=False, default_response_class=Response)
    _sign_in_addresses(router, front)
    _addresses(router, front)
    return router


def _addresses(router: APIRouter, front: Front) -> None:
    looking = Looking(front)
    deciding = Deciding(front, looking)

    @router.get("/")
    async def pending(request: Request) -> Response:
        return await front.serve(request, looking.pending)

    @router.get("/passkey")
    async def new_passkey(request: Request) -> Response:
        return await front.serve(request, looking.new_passkey)

    @router.post("/passkey")
    async def made_passkey(request: Request) -> Response:
        return await front.serve(request, lambda asked, session, _: _registered(front, asked, session))

    @router.get("/responses/{id:path}/sign")
    async def sign(id: str, request: Request) -> Response:  # noqa: A002
        return await front.serve(
            request, lambda asked, session, voter: looking.sign(asked, session, voter, id)
        )

    @router.get("/responses/{id:path}/confirm")
    async def confirm(id: str, request: Request) -> Response:  # noqa: A002
        return await front.serve(
            request, lambda asked, session, voter: looking.confirm(asked, session, voter, id)
        )

    @router.get("/responses/{id:path}/passkey")
    async def passkey(id: str, request: Request) -> Response:  # noqa: A002
        return await front.serve(
            request, lambda asked, session, voter: looking.passkey(asked, session, voter, id)
        )

    @router.get("/responses/{id:path}")
    async def one(id: str, request: Request) -> Response:  # noqa: A002
        return await front.serve(
            request, lambda asked, session, voter: looking.one(asked, session, voter, id)
        )

    @router.post("/responses/{id:path}/{word}")
    async def decide(id: str, word: str, request: Request) -> Response:  # noqa: A002
        return await front.serve(
            request, lambda asked, session, voter: deciding.take(asked, session, voter, id, word)
        )


def _sign_in_addresses(router: APIRouter, front: Front) -> None:
    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        return front.renderer.static(name) or front.refused(Absent("nothing is kept under this name"), None)

    @router.get("/login")
    async def login(request: Request) -> Response:
        return front.login(next_=came_from(request.query_params.get("next")))

    @router.post("/login")
    async def token(request: Request) -> Response:
        return await _answered(front, request, _by_token)

    @router.get("/login/oidc")
    async def oidc(request: Request) -> Response:
        return await _answered(front, request, _to_provider)

    @router.get(CALLBACK)
    async def callback(request: Request) -> Response:
        return await _answered(front, request, _from_provider)

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        return await _answered(front, request, _log_out)


async def _answered(
    front: Front, request: Request, work: Callable[[Front, Request], Awaitable[Response]]
) -> Response:
    try:
        return await work(front, request)
    except NotKnown as error:
        answer = front.tries.failed(request, error)
        return front.login(problem=answer.found, mend=answer.mend, status=answer.status)
    except FiredoorError as error:
        return front.refused(error, front.sessions.of(request))
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it


async def _by_token(front: Front, request: Request) -> Response:
    """Begin a session with a personal token; only its hash is kept and compared."""
    form = await form_of(request)
    front.sessions.check_sent_here(
        request
    )  # there is no session yet that a token of the form could belong to
    given = form.get("token", "").strip()
    if not given or len(given) > _LONGEST_TOKEN:
        raise NotKnown("No token was given.")
    sha256 = hashlib.sha256(given.encode()).hexdigest()
    identity = Identity(kind="token", keys=(sha256,))
    voter = await member(front.directory, identity)
    return _began(front, front.sessions.begin(identity, voter.person), came_from(form.get("next")))


def _began(front: Front, session: Session, next_: str) -> Response:
    audit.info("page.signed_in", person=session.person, by=session.identity.kind)
    response = to(next_)
    front.sessions.keep(response, session, again=True)
    return response


async def _to_provider(front: Front, request: Request) -> Response:
    sign_in = _configured(front)
    address, flow = await sign_in.address("login", came_from(request.query_params.get("next")))
    response = to(address)
    sign_in.remember(response, flow)
    return response


async def _from_provider(front: Front, request: Request) -> Response:
    """Take the provider's answer. It decides nothing: it begins a session, or leads to a page that asks."""
    sign_in = _configured(front)
    flow = sign_in.returned(request)
    session = front.sessions.of(request)
    try:
        if sign_in.wants_a_person(request, flow):
            address, louder = await sign_in.address(flow.purpose, flow.next, session=session)
            response = to(address)
            sign_in.remember(response, louder)
        else:
            begun, ticket = await sign_in.finish(request, flow, session)
            if flow.purpose == "login":
                response = _began(front, begun, flow.next)
            else:
                response = to(flow.next)
                front.sessions.keep(response, begun, again=True)
            if ticket is not None:
                front.sessions.give(response, PROOF, ticket)
    except FiredoorError as error:
        response = front.refused(error, session, flow.next.removesuffix("/confirm"))
    sign_in.forget(response, flow)
    return response


def _configured(front: Front) -> SignIn:
    if front.sign_in is None:
        raise NotSignedIn("no identity provider is configured here", mend="Sign in with a personal token.")
    return front.sign_in


async def _log_out(front: Front, request: Request) -> Response:
    session = front.sessions.of(request)
    response = to("/login")
    if session is not None:
        front.sessions.check_form(request, session, await form_of(request))
        audit.info("page.signed_out", person=session.person)
        front.sessions.end(response, session)
    return response


async def _registered(front: Front, request: Request, session: Session) -> Response:
    """Show the line by which an administrator adds a new passkey; the server keeps none."""
    form = await form_of(request)
    front.sessions.check_form(request, session, form)
    id_, key = front.proofs.registered(session, form.get("ticket", ""), form.get("assertion", ""))
    given = form.get("name", "")
    name = given if _NAME.fullmatch(given) else f"passkey of {front.clock():%Y-%m-%d}"
    line = (
        f'firedoor people link {session.person} --passkey \'{{name: "{name}", id: "{id_}", key: "{key}"}}\''
    )
    return front.renderer.page("passkey", session=session, line=line, ticket="", options="")
