"""Signing in at the identity provider: to begin a session, to be known anew, or to sign one plan."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response

from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.identity import Directory
from firedoor.gateway.api.token_check import Genuine, Keys, identity_of, moment_of
from firedoor.gateway.decisions.membership import member
from firedoor.gateway.page.sealed_cookie import Sealed
from firedoor.gateway.page.session import Session, Sessions
from firedoor.gateway.page.step_up import Proofs, Subject, Ticket

#: login: begin a session. again: read the claims anew. sign: prove who it is, for one plan.
Purpose = Literal["login", "again", "sign"]

CALLBACK: Final = "/login/oidc/callback"
PROOF: Final = "proof"  # the cookie that carries a ticket to its confirmation page

_FLOW_FOR = timedelta(minutes=10)
_SKEW = timedelta(seconds=10)  # between our clock and the provider's, about when somebody signed in
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_MOST_USED = 10_000
#: What a provider answers where it would have to show something, and was asked not to.
_NEEDS_A_PERSON: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)


class Provider(Keys, Protocol):
    """The identity provider; the connector implements it."""

    @property
    def client_id(self) -> str:
        """Our name there."""
        ...

    async def metadata(self) -> Mapping[str, Any]:
        """Return the discovery document."""
        ...

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        """Trade a code for tokens."""
        ...

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return the claims of whose token this is."""
        ...


class Flow(Sealed):
    """A sign-in that we asked for, as this browser keeps it for us."""

    state: str
    verifier: str
    random: str
    purpose: Purpose
    next: str
    session: str = ""
    subject: Subject | None = None
    silent: bool = False
    started: Moment

    @property
    def nonce(self) -> str:
        """What the ID token has to repeat; of a signature it stands for the plan."""
        if self.subject is not None:
            return _text(self.subject.binding("firedoor sign-in approval", self.random))
        return _text(hashlib.sha256(self.random.encode()).digest())


class NotSignedIn(FiredoorError):
    """A sign-in that did not come about; nothing changed."""


class SignIn:
    """Authorization code with PKCE (S256), state and nonce; what belongs to it is sealed in a cookie."""

    def __init__(
        self,
        *,
        provider: Provider,
        genuine: Genuine,
        directory: Directory,
        sessions: Sessions,
        proofs: Proofs,
        url: str,
        groups_claim: str,
        scopes: tuple[str, ...],
        clock: Callable[[], datetime],
    ) -> None:
        self._provider = provider
        self._genuine = genuine
        self._directory = directory
        self._sessions = sessions
        self._proofs = proofs
        self._redirect_uri = url.rstrip("/") + CALLBACK
        self._groups_claim = groups_claim
        self._scopes = tuple(dict.fromkeys(("openid", *scopes)))
        self._clock = clock
        self._used: dict[str, datetime] = {}

    # ---- there -----------------------------------------------------------------------

    async def address(
        self,
        purpose: Purpose,
        next_: str,
        *,
        session: Session | None = None,
        subject: Subject | None = None,
        silent: bool = False,
    ) -> tuple[str, Flow]:
        """Return where to send the browser, and what it has to keep meanwhile (see `remember`)."""
        now = self._clock()
        flow = Flow(
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            random=secrets.token_urlsafe(32),
            purpose=purpose,
            next=next_,
            session=session.id if session else "",
            subject=subject,
            silent=silent,
            started=now,
            until=now + _FLOW_FOR,
        )
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": _text(hashlib.sha256(flow.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if purpose == "sign":
            asked |= {"max_age": "0", "prompt": "login"}
        elif silent:
            asked |= {"prompt": "none"}
        endpoint = str((await self._provider.metadata())["authorization_endpoint"])
        joint = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{joint}{urlencode(asked)}", flow

    def remember(self, response: Response, flow: Flow) -> None:
        """Let the browser keep a flow: each its own, so that two tabs may sign in at once."""
        self._sessions.give(response, _cookie(flow.state), flow)

    # ---- and back --------------------------------------------------------------------

    def returned(self, request: Request) -> Flow:
        """Return the flow that a callback answers, and close it; raises `NotSignedIn` for any other."""
        states = request.query_params.getlist("state")
        state = states[0] if len(states) == 1 and _STATE.fullmatch(states[0]) else ""
        flow = self._sessions.take(request, Flow, _cookie(state)) if state else None
        if flow is None or not hmac.compare_digest(flow.state, state):
            raise NotSignedIn(
                "this sign-in was not begun in this browser, or too long ago", mend="sign in again"
            )
        now = self._clock()
        self._used = {used: until for used, until in self._used.items() if until > now}
        while len(self._used) >= _MOST_USED:  # strangers fill it as they like; a code serves once anyway
            del self._used[next(iter(self._used))]
        if state in self._used:
            raise NotSignedIn("this sign-in was used already", mend="sign in again")
        self._used[state] = flow.until
        issuers = request.query_params.getlist("iss")  # RFC 9207: which provider answers
        if issuers and issuers != [self._provider.issuer]:
            raise NotSignedIn("another identity provider answers than the one we asked", mend="sign in again")
        return flow

    def forget(self, response: Response, flow: Flow) -> None:
        """Take a flow's cookie away."""
        self._sessions.drop(response, _cookie(flow.state))

    def wants_a_person(self, request: Request, flow: Flow) -> bool:
        """Whether a silent sign-in has to be asked for again, loudly."""
        return flow.silent and request.query_params.get("error") in _NEEDS_A_PERSON

    async def finish(
        self, request: Request, flow: Flow, session: Session | None
    ) -> tuple[Session, Ticket | None]:
        """Trade the code for a session, and of a signature for its ticket; raises why it is neither."""
        claims = await self._claims(request, flow)
        identity = identity_of(claims, self._groups_claim, self._clock())
        voter = await member(self._directory, identity)
        # Some people are in hundreds of groups, and a cookie holds little: what means something is kept.
        identity = identity.model_copy(update={"groups": voter.claims})
        if flow.purpose == "login":
            return self._sessions.begin(identity, voter.person), None
        if session is None or session.id != flow.session:
            raise NotSignedIn("this sign-in belongs to another session", mend="sign in again")
        same = session.identity.kind != "oidc" or session.identity.keys == identity.keys
        if not same or voter.person != session.person:
            raise NotSignedIn(
                "somebody else signed in than whose session this is; nothing is recorded",
                mend="log out first, if that is you as well",
            )
        if session.identity.kind == "oidc":
            session = session.model_copy(update={"identity": identity})
        if flow.subject is None:
            return session, None
        at = self._fresh(claims, flow)
        return session, self._proofs.signed_in(session, flow.subject, issuer=self._provider.issuer, at=at)

    async def _claims(self, request: Request, flow: Flow) -> Mapping[str, Any]:
        codes = request.query_params.getlist("code")
        if request.query_params.get("error") or len(codes) != 1 or not codes[0]:
            raise NotSignedIn("the identity provider did not sign you in", mend="sign in again")
        tokens = await self._provider.exchange(
            code=codes[0], verifier=flow.verifier, redirect_uri=self._redirect_uri
        )
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise NotSignedIn("the identity provider gave no ID token", mend="look at oidc.scopes")
        claims = await self._genuine.id_token(id_token, client_id=self._provider.client_id, nonce=flow.nonce)
        access_token = tokens.get("access_token")
        if self._groups_claim in claims or not isinstance(access_token, str):
            return claims
        more = await self._provider.userinfo(access_token)  # some tell groups only there
        if more.get("sub") != claims["sub"]:
            return claims
        return {**claims, self._groups_claim: more.get(self._groups_claim)}

    def _fresh(self, claims: Mapping[str, Any], flow: Flow) -> datetime:
        """Return when the person signed in for this plan; a sign-in from before it is none."""
        at = moment_of(claims, "auth_time")
        if at is None:
            raise NotSignedIn(
                "the identity provider does not say when you signed in (auth_time)",
                mend="nothing is recorded; use a passkey, or ask an administrator",
            )
        if not flow.started - _SKEW <= at <= self._clock() + _SKEW:
            raise NotSignedIn(
                "the identity provider did not ask you anew; nothing is recorded",
                expected="a sign-in after you pressed the button",
                mend="sign in again",
            )
        return at


def _cookie(state: str) -> str:
    return f"flow-{hashlib.sha256(state.encode()).hexdigest()[:12]}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
