"""Deciding: a form of the page becomes a word of a person, cast through the one decision service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from pydantic import ValidationError

from firedoor.domain.approval.vote import SHORTEST_REASON, Decision, Proof, Voter
from firedoor.domain.core.errors import Absent, Unavailable, Unreadable
from firedoor.domain.people.identity import Identity
from firedoor.domain.response.messages import Nudged, VoteReceipt
from firedoor.gateway.decisions.membership import NotKnown, stale
from firedoor.gateway.decisions.port import NotCounted, Waiting, known
from firedoor.gateway.page.base import Front
from firedoor.gateway.page.form import Ballot, Reassign, Snooze, UndoWish, form_of, one_line, read
from firedoor.gateway.page.sealed_cookie import LONGEST
from firedoor.gateway.page.session import Session
from firedoor.gateway.page.step_up import Subject
from firedoor.gateway.page.views import DRAFT, Draft, Looking, Notice
from firedoor.presentation.phrases import people
from firedoor.presentation.times import utc

_DRAFT_FOR: Final = timedelta(minutes=10)


class Deciding:
    """The forms, by the last part of their address."""

    def __init__(self, front: Front, looking: Looking) -> None:
        self._front = front
        self._looking = looking
        self._words: Final[Mapping[str, Callable[..., Awaitable[Notice | tuple[Notice, HTTPStatus]]]]] = {
            "approve": self._approve,
            "glass": self._glass,
            "reject": self._reject,
            "review": self._review,
            "undo": self._undo,
            "snooze": self._snooze,
            "reassign": self._reassign,
        }

    async def take(
        self, request: Request, session: Session, voter: Voter, response: str, word: str
    ) -> Response:
        """Take one form, and show what became of it."""
        say = self._words.get(word)
        if say is None:
            raise Absent("nothing is decided at this address")
        form = await form_of(request)
        self._front.sessions.check_form(request, session, form)
        known(response)
        if stale(session.identity, self._front.clock()):
            return await self._known_anew(session, response, word, form)
        try:
            said = await say(session, voter, response, form)
            notice, status = said if isinstance(said, tuple) else (said, HTTPStatus.OK)
        except NotCounted as error:
            notice = Notice("bad", f"This does not count: {error.found}.", error.mend)
            status = HTTPStatus.CONFLICT
        except Unreadable as error:
            notice = Notice("bad", f"Nothing is recorded: {error.found}.", error.mend or error.expected)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        except Unavailable:
            notice, status = _MAY_BE, HTTPStatus.SERVICE_UNAVAILABLE
        return await self._told(session, voter, response, notice, status)

    async def _told(
        self, session: Session, voter: Voter, response: str, notice: Notice, status: HTTPStatus
    ) -> Response:
        """Show what became of it above the response; where that cannot be read, alone."""
        try:
            return await self._looking.drawn(session, voter, response, notice=notice, status=status)
        except Unavailable:
            return self._front.renderer.page(
                "told",
                status,
                session=session,
                title=notice.says,
                tone=notice.tone,
                says=notice.more or notice.says,
                expected="",
                mend="How the response stands cannot be read now.",
                back=f"/responses/{response}",
                back_says="Look again",
            )

    async def _known_anew(
        self, session: Session, response: str, word: str, form: Mapping[str, str]
    ) -> Response:
        """Read again at the identity provider who is in which group; what was written is kept meanwhile."""
        front = self._front
        if front.sign_in is None:
            raise NotKnown("the identity provider is not configured any more", mend="Sign in with a token.")
        signed = "/confirm" if form.get("ticket") else ""
        address, flow = await front.sign_in.address(
            "again", f"/responses/{response}{signed}", session=session, silent=True
        )
        # Not a redirect: a browser holds redirects of a form to the policy's form-action, wherever they lead.
        page = front.renderer.page(
            "again",
            session=session,
            address=address,
            says="Your groups were read more than a minute ago. They are read again before you decide.",
        )
        front.sign_in.remember(page, flow)
        draft = self._draft(session, response, word, form)
        if draft is not None:
            front.sessions.give(page, DRAFT, draft)
        return page

    def _draft(self, session: Session, response: str, word: str, form: Mapping[str, str]) -> Draft | None:
        try:
            draft = Draft.model_validate(
                {
                    "session": session.id,
                    "response": response,
                    "decision": word,
                    "reason": form.get("reason") or None,
                    "comment": one_line(form.get("comment") or form.get("why") or "")[:1000],
                    "until": self._front.clock() + _DRAFT_FOR,
                }
            )
        except ValidationError:
            return None
        return draft if len(self._front.seal.close(draft)) < LONGEST else None

    # ---- the words -------------------------------------------------------------------

    async def _approve(
        self, session: Session, voter: Voter, response: str, form: Mapping[str, str]
    ) -> Notice | tuple[Notice, HTTPStatus]:
        return await self._vote(session, voter, response, read(Ballot, form), "approve")

    async def _glass(
        self, session: Session, voter: Voter, response: str, form: Mapping[str, str]
    ) -> Notice | tuple[Notice, HTTPStatus]:
        ballot = read(Ballot, form)
        _long_enough(ballot.comment)
        return await self._vote(session, voter, response, ballot, "approve", break_glass=True)

    async def _reject(
        self, session: Session, voter: Voter, response: str, form: Mapping[str, str]
    ) -> Notice | tuple[Notice, HTTPStatus]:
        ballot = read(Ballot, form)
        if ballot.reason is None:
            raise Unreadable("a no needs its reason", mend="Choose one of the reasons.")
        _long_enough(ballot.comment)
        return await self._vote(session, voter, response, ballot, "reject")

    async def _review(
        self, session: Session, voter: Voter, response: str, form: Mapping[str, str]
    ) -> Notice | tuple[Notice, HTTPStatus]:
        decision = read(Ballot, form).decision
        if decision == "reject":
            return await self._reject(session, voter, response, form)
        if decision == "approve":
            return await self._approve(session, voter, response, form)
        raise Unreadable("a review says that it was right, or that it was wrong")

    async def _vote(
        self,
        session: Session,
        voter: Voter,
        response: str,
        ballot: Ballot,
        decision: Decision,
        *,
        break_glass: bool = False,
    ) -> Notice | tuple[Notice, HTTPStatus]:
        front = self._front
        proof: Proof | None = None
        if ballot.ticket:
            subject = Subject(
                response=response, ask=ballot.ask, generation=ballot.generation, plan_sha256=ballot.plan
            )
            passkeys = await front.directory.passkeys(voter.person)
            proof = front.proofs.redeem(session, subject, ballot.ticket, ballot.assertion, passkeys)
        try:
            said = await front.ballots.vote(
                session.identity,
                response,
                door="page",
                ask=ballot.ask,
                generation=ballot.generation,
                fingerprint=ballot.plan,
                decision=decision,
                reason=ballot.reason if decision == "reject" else None,
                comment=one_line(ballot.comment),
                proof=proof,
                break_glass=break_glass,
            )
        except Unavailable:
            front.proofs.give_back(session, ballot.ticket)
            raise
        return _counted(said, "Your no" if decision == "reject" else "Your yes")

    async def _undo(
        self, session: Session, _: Voter, response: str, form: Mapping[str, str]
    ) -> Notice | tuple[Notice, HTTPStatus]:
        wish = read(UndoWish, form)
        said = await self._front.ballots.undo(
            session.identity, response, door="page", before=wish.before, why=one_line(wish.why)
        )
        if isinstance(said, Waiting):
            return _WAITING, HTTPStatus.ACCEPTED
        return Notice(
            "good", "Undo is asked for.", f"{people(said.missing)} of others have to say yes to it."
        )

    async def _snooze(self, session: Session, _: Voter, response: str, form: Mapping[str, str]) -> Notice:
        wish = read(Snooze, form)
        said = await self._front.ballots.snooze(
            session.identity, response, door="page", fingerprint=wish.plan, minutes=wish.minutes
        )
        return _nudged(said)

    async def _reassign(self, session: Session, _: Voter, response: str, form: Mapping[str, str]) -> Notice:
        wish = read(Reassign, form)
        said = await self._front.ballots.reassign(
            session.identity,
            response,
            door="page",
            fingerprint=wish.plan,
            to=Identity(kind="person", keys=(wish.to,)),
        )
        return _nudged(said)


_WAITING: Final = Notice(
    "",
    "Recorded, and waiting for the engine.",
    "No worker answers now. Your word is kept, and will be counted by the time you gave it; "
    "what it leads to is not done yet.",
)
_MAY_BE: Final = Notice(
    "bad",
    "This FAILED: the engine did not answer, and it may or may not be recorded.",
    "Send it again; the same answer counts once.",
)
_COUNTED: Final[Mapping[str, str]] = {
    "confirming": "enough people said yes. Each of them is looked up once more; it is not done yet",
    "granted": "it is granted and will be carried out; it is not done yet",
    "rejected": "it is rejected; nothing of it is done",
}


def _counted(said: VoteReceipt | Waiting, what: str) -> Notice | tuple[Notice, HTTPStatus]:
    if isinstance(said, Waiting):
        return _WAITING, HTTPStatus.ACCEPTED
    return Notice("good", f"{what} counts: {_COUNTED.get(said.state) or f'{people(said.missing)} to go'}.")


def _nudged(said: Nudged) -> Notice:
    when = (
        f"people are reminded at {utc(said.remind_at)}" if said.remind_at else "nobody is reminded any more"
    )
    whom = f"{said.assigned_to} is asked to look; " if said.assigned_to else ""
    return Notice("good", f"{(whom + when)[:1].upper()}{(whom + when)[1:]}.")


def _long_enough(comment: str) -> None:
    if len(one_line(comment)) < SHORTEST_REASON:
        raise Unreadable(
            "what you wrote is too short",
            mend=f"Write {SHORTEST_REASON} characters or more for the next responder.",
        )
