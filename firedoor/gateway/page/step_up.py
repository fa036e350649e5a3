"""Step-up: a proof that it is really this person, bound to one plan and good for one vote."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, UserVerificationRequirement

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import FRESH, Proof
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.core.value import Value
from firedoor.domain.finding.finding import Moment
from firedoor.domain.people.people import Passkey
from firedoor.gateway.page.sealed_cookie import Seal, Sealed
from firedoor.gateway.page.session import Session, Sessions

_MOST_USED = 10_000
_LONGEST_ASSERTION = 16 * 1024


class Subject(Value):
    """What is signed: one plan, as one ask of one response puts it."""

    response: str
    ask: str
    generation: int
    plan_sha256: str

    @classmethod
    def of(cls, response: str, ask: Approval) -> Subject:
        """Name what an ask asks."""
        return cls(response=response, ask=ask.id, generation=ask.generation, plan_sha256=ask.plan_sha256)

    def binding(self, purpose: str, random: str) -> bytes:
        """Return 32 bytes that stand for this plan, this purpose and this chance, and for nothing else."""
        parts = (purpose, random, self.response, self.ask, str(self.generation), self.plan_sha256)
        # JSON keeps the parts apart: no two lists of parts are the same text.
        return hashlib.sha256(json.dumps(parts).encode()).digest()


class Ticket(Sealed):
    """A proof that was given, or (`challenge`) the question that a passkey has to answer."""

    id: str
    session: str
    person: str
    subject: Subject | None
    kind: Literal["oidc", "challenge", "registration"]
    by: str = ""
    at: Moment
    random: str = ""


class NotProven(FiredoorError):
    """A proof that does not count; `found` says why."""


class Proofs:
    """Makes tickets and takes them, each once."""

    def __init__(self, seal: Seal, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._seal = seal
        self._sessions = sessions
        self._clock = clock
        self._used: dict[str, datetime] = {}

    # ---- a fresh sign-in -------------------------------------------------------------

    def signed_in(self, session: Session, subject: Subject, *, issuer: str, at: datetime) -> Ticket:
        """Return the ticket for a sign-in that was made for this plan."""
        return self._ticket(session, "oidc", subject=subject, by=issuer, at=at)

    # ---- passkeys --------------------------------------------------------------------

    def challenge(self, session: Session, subject: Subject | None) -> Ticket:
        """Return the question for a passkey: about one plan, or (None) to make a new one."""
        return self._ticket(session, "challenge" if subject else "registration", subject=subject)

    def asked_of_browser(self, ticket: Ticket, passkeys: Sequence[Passkey]) -> str:
        """Return what the browser's `navigator.credentials.get` takes, as JSON."""
        options = webauthn.generate_authentication_options(
            rp_id=self._sessions.host,
            challenge=_challenge(ticket),
            allow_credentials=[
                webauthn.helpers.structs.PublicKeyCredentialDescriptor(id=_bytes(key.id)) for key in passkeys
            ],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return webauthn.options_to_json(options)

    def asked_of_new(self, ticket: Ticket, passkeys: Sequence[Passkey]) -> str:
        """Return what the browser's `navigator.credentials.create` takes, as JSON."""
        options = webauthn.generate_registration_options(
            rp_id=self._sessions.host,
            rp_name="Firedoor",
            user_name=ticket.person,
            user_id=hashlib.sha256(f"firedoor person {ticket.person}".encode()).digest(),
            challenge=_challenge(ticket),
            authenticator_selection=AuthenticatorSelectionCriteria(
                user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[
                webauthn.helpers.structs.PublicKeyCredentialDescriptor(id=_bytes(key.id)) for key in passkeys
            ],
        )
        return webauthn.options_to_json(options)

    def registered(self, session: Session, text: str, attestation: str) -> tuple[str, str]:
        """Return id and public key (base64url) of a new passkey; `NotProven` where it does not hold."""
        ticket = self._open(session, text, ("registration",), None)
        try:
            made = webauthn.verify_registration_response(
                credential=_bounded(attestation),
                expected_challenge=_challenge(ticket),
                expected_rp_id=self._sessions.host,
                expected_origin=self._sessions.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _not_by_passkey(error) from None
        self._use(ticket)
        return _text(made.credential_id), _text(made.credential_public_key)

    # ---- taking a proof --------------------------------------------------------------

    def redeem(
        self, session: Session, subject: Subject, text: str, assertion: str, passkeys: Sequence[Passkey]
    ) -> Proof:
        """Turn a ticket, with a passkey's answer where it is a question, into the proof that a vote carries.

        Raises `NotProven` for another plan, another session, a used or an old one.
        """
        ticket = self._open(session, text, ("oidc", "challenge"), subject)
        if ticket.kind == "challenge":
            by = self._answered(ticket, assertion, passkeys)
            self._use(ticket)
            return Proof(kind="passkey", by=by, plan_sha256=subject.plan_sha256, at=self._clock())
        self._use(ticket)
        return Proof(kind="oidc", by=ticket.by, plan_sha256=subject.plan_sha256, at=ticket.at)

    def give_back(self, session: Session, text: str) -> None:
        """Let a ticket be used again: its vote did not reach the engine."""
        ticket = self._seal.open(Ticket, text)
        if ticket is not None and ticket.session == session.id:
            self._used.pop(ticket.id, None)

    def _answered(self, ticket: Ticket, assertion: str, passkeys: Sequence[Passkey]) -> str:
        try:
            credential = webauthn.helpers.parse_authentication_credential_json(_bounded(assertion))
            key = next((key for key in passkeys if _bytes(key.id) == credential.raw_id), None)
            if key is None:
                raise NotProven(
                    "this passkey is not one of yours in the directory", mend="ask an administrator to add it"
                )
            webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=_challenge(ticket),
                expected_rp_id=self._sessions.host,
                expected_origin=self._sessions.origin,
                credential_public_key=_bytes(key.key),
                # Nothing of ours remembers a counter; synced passkeys have none. The challenge is used once.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _not_by_passkey(error) from None
        return key.id

    def _ticket(
        self,
        session: Session,
        kind: Literal["oidc", "challenge", "registration"],
        *,
        subject: Subject | None,
        by: str = "",
        at: datetime | None = None,
    ) -> Ticket:
        now = self._clock()
        return Ticket(
            id=secrets.token_urlsafe(16),
            session=session.id,
            person=session.person,
            subject=subject,
            kind=kind,
            by=by,
            at=at or now,
            random=secrets.token_urlsafe(32),
            until=now + FRESH,
        )

    def _open(self, session: Session, text: str, kinds: tuple[str, ...], subject: Subject | None) -> Ticket:
        ticket = self._seal.open(Ticket, text)
        if ticket is None or ticket.kind not in kinds:
            raise NotProven("the signature is missing or too old", expected="one of the last five minutes")
        if (ticket.session, ticket.person) != (session.id, session.person):
            raise NotProven("the signature was given in another session")
        if ticket.subject != subject:
            raise NotProven(
                "the signature is for another plan", mend="read the plan as it is now and sign that"
            )
        if ticket.id in self._used:
            raise NotProven("the signature was used already", expected="one signature for each vote")
        return ticket

    def _use(self, ticket: Ticket) -> None:
        now = self._clock()
        self._used = {id_: until for id_, until in self._used.items() if until > now}
        if len(self._used) >= _MOST_USED:
            raise NotProven("too many signatures at once", mend="try again in a few minutes")
        self._used[ticket.id] = ticket.until


def _challenge(ticket: Ticket) -> bytes:
    subject = ticket.subject or Subject(response="", ask="", generation=0, plan_sha256="")
    purpose = "firedoor passkey approval" if ticket.subject else "firedoor passkey registration"
    return subject.binding(f"{purpose} {ticket.session}", ticket.random)


def _bounded(text: str) -> str:
    if len(text) > _LONGEST_ASSERTION:
        raise NotProven("an answer that no passkey gives")
    return text


def _not_by_passkey(error: Exception) -> NotProven:
    return NotProven(
        f"the passkey's answer does not hold ({type(error).__name__})",
        expected="a passkey of yours that checked who you are (fingerprint, face or PIN)",
        mend="try again",
    )


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
