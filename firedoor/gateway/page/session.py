"""Sessions: who is signed in at this browser, and that a form was sent from our own page."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.identity import Identity
from firedoor.gateway.intake.refusal import Refusal
from firedoor.gateway.page.sealed_cookie import S, Seal, Sealed

_ABSOLUTE: Final = timedelta(hours=8)
_IDLE: Final = timedelta(hours=1)
_SEEN_AGAIN: Final = timedelta(minutes=1)  # a cookie that is younger is not written anew

SESSION: Final = "session"


class Session(Sealed):
    """Somebody signed in. `person` is who that was then; each vote looks them up again."""

    id: str
    csrf: str
    identity: Identity
    person: str
    began: Moment
    seen: Moment


class Forged(Refusal):
    """A form that was not sent from our own page."""

    status, error = HTTPStatus.FORBIDDEN, "forged"


class Sessions:
    """Reads and writes the cookies. `url`, where people reach the gateway, decides what is our own page."""

    def __init__(self, seal: Seal, url: str, clock: Callable[[], datetime]) -> None:
        there = urlsplit(url)
        self.origin = f"{there.scheme}://{there.netloc}"
        self.host = there.hostname or ""
        self._secure = there.scheme == "https"
        self._seal = seal
        self._clock = clock
        self._ended: dict[str, datetime] = {}

    # ---- sessions --------------------------------------------------------------------

    def begin(self, identity: Identity, person: str) -> Session:
        """Begin a session; it has a new id, so that nobody can have planted it."""
        now = self._clock()
        return Session(
            id=secrets.token_urlsafe(16),
            csrf=secrets.token_urlsafe(32),
            identity=identity,
            person=person,
            began=now,
            seen=now,
            until=now + _IDLE,
        )

    def of(self, request: Request) -> Session | None:
        """Return the session of a request; None where nobody is signed in any more."""
        session = self.take(request, Session, SESSION)
        return None if session is None or session.id in self._ended else session

    def end(self, response: Response, session: Session) -> None:
        """End a session: its cookie goes, and a copy of it opens nothing at this gateway any more."""
        now = self._clock()
        self._ended = {id_: until for id_, until in self._ended.items() if until > now}
        self._ended[session.id] = session.began + _ABSOLUTE
        self.drop(response, SESSION)

    def keep(self, response: Response, session: Session, *, again: bool = False) -> None:
        """Write the cookie anew where that is due: an hour idle ends a session, eight hours in any case."""
        now = self._clock()
        if again or now == session.seen or now - session.seen >= _SEEN_AGAIN:
            until = min(now + _IDLE, session.began + _ABSOLUTE)
            self.give(response, SESSION, session.model_copy(update={"seen": now, "until": until}))

    # ---- cookies ---------------------------------------------------------------------

    def take(self, request: Request, kind: type[S], name: str) -> S | None:
        """Open a cookie of ours."""
        return self._seal.open(kind, request.cookies.get(self._named(name)))

    def give(self, response: Response, name: str, value: Sealed) -> None:
        """Set a cookie that only we can read, and no script."""
        left = max(1, int((value.until - self._clock()).total_seconds()))
        response.set_cookie(
            self._named(name),
            self._seal.close(value),
            max_age=left,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",  # strict would lose it on the way back from the identity provider
        )

    def drop(self, response: Response, name: str) -> None:
        """Take a cookie away."""
        response.delete_cookie(
            self._named(name), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def _named(self, name: str) -> str:
        # The prefix makes browsers refuse it from another host or over plain http.
        return f"__Host-firedoor-{name}" if self._secure else f"firedoor-{name}"

    # ---- forms -----------------------------------------------------------------------

    def check_sent_here(self, request: Request) -> None:
        """Raise `Forged` unless the browser itself says that the form was on our own page."""
        sites = request.headers.getlist("sec-fetch-site")
        origins = request.headers.getlist("origin")
        ours = [*(site == "same-origin" for site in sites), *(origin == self.origin for origin in origins)]
        if not ours or not all(ours):
            raise Forged(
                "this form was not sent from our own page; nothing is recorded",
                expected=f"the page at {self.origin}",
                mend=f"open {self.origin} and try it there",
            )

    def check_form(self, request: Request, session: Session, form: Mapping[str, str]) -> None:
        """Raise `Forged` unless a form of our own page was sent in this session."""
        self.check_sent_here(request)
        if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
            raise Forged(
                "this form belongs to another session; nothing is recorded",
                expected="a form of the page as you see it now",
                mend="open the page again",
            )
