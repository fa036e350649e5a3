"""The front of the page: what all its parts share, and how each request is let in and answered."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from firedoor.domain.approval.vote import Voter
from firedoor.domain.core.errors import Absent, FiredoorError, Misconfigured, Unavailable, Unreadable
from firedoor.domain.people.identity import Directory
from firedoor.domain.people.people import Passkey
from firedoor.gateway.api.tries import Tries
from firedoor.gateway.crowd import prove
from firedoor.gateway.decisions.membership import NotKnown, member
from firedoor.gateway.decisions.port import Votes, trace
from firedoor.gateway.decisions.service import Ballots
from firedoor.gateway.intake.refusal import Refusal
from firedoor.gateway.page.render import Renderer, to
from firedoor.gateway.page.sealed_cookie import Seal
from firedoor.gateway.page.session import SESSION, Forged, Session, Sessions
from firedoor.gateway.page.sign_in import NotSignedIn, SignIn
from firedoor.gateway.page.step_up import NotProven, Proofs

Work = Callable[[Request, Session, Voter], Awaitable[Response]]

#: The only places to come back to after a sign-in; anything else could lead away from us.
_OURS: Final = re.compile(
    r"/(?:passkey|responses/respond/[a-z][a-z0-9_]{0,63}/[0-9a-f]{32}(?:/confirm)?)?", re.ASCII
)


class PeopleDirectory(Directory, Protocol):
    """A directory that knows of passkeys as well."""

    async def passkeys(self, person: str) -> tuple[Passkey, ...]:
        """Return the passkeys that sign for a person; raises as `voter`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Front:
    """Everything a request needs. `frozen` tells who threw the kill switch and why, "" while it is not."""

    directory: PeopleDirectory
    engine: Votes
    ballots: Ballots
    seal: Seal
    sessions: Sessions
    proofs: Proofs
    sign_in: SignIn | None
    issuer: str
    renderer: Renderer
    clock: Callable[[], datetime]
    frozen: Callable[[], Awaitable[str]]
    tries: Tries

    async def serve(self, request: Request, work: Work) -> Response:
        """Let people in who are signed in, and are still somebody; answer every refusal as a page."""
        session = self.sessions.of(request)
        try:
            if session is None:
                return self._signed_out(request)
            voter = await self._who(session)
            prove(request)
            response = await work(request, session, voter)
        except NotKnown as error:
            trace("page", "unauthenticated", why=error.found)
            response = self.login(problem=error.found, mend=error.mend, status=HTTPStatus.UNAUTHORIZED)
            self.sessions.drop(response, SESSION)
            return response
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is left to read it
        except FiredoorError as error:
            response = self.refused(error, session)
        if session is not None:
            self.sessions.keep(response, session)
        return response

    async def _who(self, session: Session) -> Voter:
        voter = await member(self.directory, session.identity)
        if voter.person != session.person:
            raise NotKnown("this session belongs to somebody else by now", mend="Sign in again.")
        return voter

    def _signed_out(self, request: Request) -> Response:
        if request.method == "GET":
            next_ = came_from(request.url.path)
            return to(f"/login?next={next_}" if next_ != "/" else "/login")
        return self.login(
            problem="You are not signed in any more. Nothing is recorded.",
            next_=came_from(request.url.path.rpartition("/")[0]),
            status=HTTPStatus.UNAUTHORIZED,
        )

    def login(
        self,
        *,
        next_: str = "/",
        problem: str = "",
        mend: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        """Return the page to sign in on."""
        return self.renderer.page(
            "login",
            status,
            session=None,
            next=next_,
            problem=problem,
            mend=mend,
            oidc=self.sign_in is not None,
            issuer=self.issuer,
        )

    def refused(self, error: FiredoorError, session: Session | None, back: str = "/") -> Response:
        """Say a refusal as a page."""
        status, title = next(
            ((status, title) for kind, status, title in _REFUSALS if isinstance(error, kind)),
            (HTTPStatus.INTERNAL_SERVER_ERROR, "Something is wrong here"),
        )
        if isinstance(error, Refusal):
            status = error.status
        if isinstance(error, (Forged, NotProven, NotSignedIn)):
            trace("page", "forged" if isinstance(error, Forged) else "unproven", why=error.found)
        return self.renderer.page(
            "told",
            status,
            session=session,
            title=title,
            tone="bad",
            says=f"{error.found[:1].upper()}{error.found[1:]}.",
            expected=error.expected,
            mend=error.mend,
            back=back if session else "/login",
            back_says="Back" if session else "Sign in",
        )


_REFUSALS: Final[tuple[tuple[type[FiredoorError], HTTPStatus, str], ...]] = (
    (Forged, HTTPStatus.FORBIDDEN, "Not recorded"),
    (NotProven, HTTPStatus.FORBIDDEN, "Not recorded: it is not signed"),
    (NotSignedIn, HTTPStatus.FORBIDDEN, "You are not signed in by this"),
    (Absent, HTTPStatus.NOT_FOUND, "There is no such response"),
    (Unreadable, HTTPStatus.UNPROCESSABLE_ENTITY, "Not recorded: something is missing"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "It does not answer now"),
    (Misconfigured, HTTPStatus.SERVICE_UNAVAILABLE, "It is not set up right"),
    (FiredoorError, HTTPStatus.FORBIDDEN, "That is not possible"),
)


def came_from(address: str | None) -> str:
    """Return where to go after a sign-in: an address of ours, else the first page."""
    return address if address and _OURS.fullmatch(address) else "/"
