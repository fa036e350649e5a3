"""Looking: what is asked, one response, and the pages on which a plan is signed; nothing here decides."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request, Response

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.vote import RejectReason, Voter
from firedoor.domain.core.errors import FiredoorError, Unavailable
from firedoor.domain.finding.finding import Moment
from firedoor.domain.response.messages import Report
from firedoor.gateway.decisions.membership import stale
from firedoor.gateway.decisions.port import known
from firedoor.gateway.page.asked import objection
from firedoor.gateway.page.base import Front
from firedoor.gateway.page.open_asks import open_asks
from firedoor.gateway.page.render import to
from firedoor.gateway.page.sealed_cookie import Sealed
from firedoor.gateway.page.session import Session
from firedoor.gateway.page.sign_in import PROOF
from firedoor.gateway.page.step_up import NotProven, Subject, Ticket
from firedoor.gateway.page.view_model import shown
from firedoor.presentation.phrases import REASONS

DRAFT = "draft"  # the cookie that keeps what somebody wrote while they sign in again


class Draft(Sealed):
    """What somebody wrote into a form before they had to sign in again."""

    session: str
    response: str
    decision: str
    reason: RejectReason | None = None
    comment: str = ""
    until: Moment


@dataclass(frozen=True)
class Notice:
    """What became of the last word."""

    tone: str
    says: str
    more: str = ""


@dataclass(frozen=True)
class May:
    """Why somebody may not say yes, say no, or review ("": they may), and by what they can sign."""

    approve: str = ""
    reject: str = ""
    review: str = ""
    glass: bool = False
    sign: bool = False
    passkey: bool = False


class Looking:
    """The pages that only show."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def pending(self, _: Request, session: Session, __: Voter) -> Response:
        """Show everything that waits for people."""
        front = self._front
        asks = await open_asks(front.engine)
        now = front.clock()
        return front.renderer.page(
            "pending",
            session=session,
            asks=[shown(report, now) for report in asks.reports],
            more=asks.more,
            unreadable=asks.unreadable,
            frozen=await self._frozen(),
        )

    async def one(self, request: Request, session: Session, voter: Voter, response: str) -> Response:
        """Show one response."""
        draft = self._front.sessions.take(request, Draft, DRAFT)
        if draft is None or (draft.session, draft.response) != (session.id, response):
            return await self.drawn(session, voter, response)
        notice = Notice("", "You are known anew. Nothing is recorded yet: send it now.")
        page = await self.drawn(session, voter, response, notice=notice, draft=draft)
        self._front.sessions.drop(page, DRAFT)
        return page

    async def drawn(
        self,
        session: Session,
        voter: Voter,
        response: str,
        *,
        notice: Notice | None = None,
        draft: Draft | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Response:
        """Draw a response, under what became of somebody's last word about it."""
        front = self._front
        report = await front.engine.report(known(response))
        return front.renderer.page(
            "response",
            status,
            session=session,
            shown=shown(report, front.clock()),
            may=await self._may(session, voter, report),
            notice=notice,
            draft=draft or self._nothing(session, response),
            reasons=list(REASONS.items()),
            frozen=await self._frozen(),
        )

    async def _frozen(self) -> str:
        try:
            return await self._front.frozen()
        except FiredoorError:
            return "whether the kill switch is thrown cannot be read now"

    def _nothing(self, session: Session, response: str) -> Draft:
        return Draft(session=session.id, response=response, decision="", until=self._front.clock())

    async def _may(self, session: Session, voter: Voter, report: Report) -> May:
        """Say what this person could do; where their groups are to be read anew, the vote will tell."""
        front, now = self._front, self._front.clock()
        ask, review = (report.ask if report.asking else None), report.review
        unknown = stale(session.identity, now)

        def why(about: Approval | None, decision: str, *, glass: bool = False) -> str:
            if about is None or unknown:
                return ""
            return objection(
                about, voter, now, "approve" if decision == "approve" else "reject", break_glass=glass
            )

        glass = ask is not None and voter.person in ask.glass and not why(ask, "approve", glass=True)
        step_up = ask is not None and ask.step_up
        return May(
            # Whoever may break the glass signs for that, even where their plain yes would not count.
            approve="" if glass and step_up else why(ask, "approve"),
            reject=why(ask, "reject"),
            review=why(review, "approve"),
            glass=glass,
            sign=step_up and front.sign_in is not None,
            passkey=step_up and bool(await self._passkeys(voter.person)),
        )

    async def _passkeys(self, person: str) -> bool:
        try:
            return bool(await self._front.directory.passkeys(person))
        except FiredoorError:
            return False

    # ---- signing ---------------------------------------------------------------------

    async def sign(self, request: Request, session: Session, _: Voter, response: str) -> Response:
        """Send somebody to the identity provider, to sign in for one plan."""
        front = self._front
        if front.sign_in is None:
            raise NotProven("no identity provider is configured here", mend="use a passkey")
        _report, subject = await self._asked(request, response)
        address, flow = await front.sign_in.address(
            "sign", f"/responses/{response}/confirm", session=session, subject=subject
        )
        answer = to(address)
        front.sign_in.remember(answer, flow)
        return answer

    async def confirm(self, request: Request, session: Session, voter: Voter, response: str) -> Response:
        """Show the plan once more to somebody who has signed in for it."""
        ticket = self._front.sessions.take(request, Ticket, PROOF)
        report = await self._front.engine.report(known(response))
        ask = report.ask if report.asking else None
        if ticket is None or ask is None or ticket.subject != Subject.of(response, ask):
            raise NotProven(
                "there is no signature for the plan as it is now",
                mend="open the response again, read it, and sign that",
            )
        return await self._confirmation(request, session, voter, report, ticket)

    async def passkey(self, request: Request, session: Session, voter: Voter, response: str) -> Response:
        """Show the plan once more, with the question that a passkey answers."""
        report, subject = await self._asked(request, response)
        ticket = self._front.proofs.challenge(session, subject)
        passkeys = await self._front.directory.passkeys(voter.person)
        options = self._front.proofs.asked_of_browser(ticket, passkeys)
        return await self._confirmation(request, session, voter, report, ticket, options=options)

    async def _asked(self, request: Request, response: str) -> tuple[Report, Subject]:
        """Return what is asked now, where it is what the link was about."""
        report = await self._front.engine.report(known(response))
        if report.ask is None or not report.asking:
            raise NotProven("nothing is being asked here any more")
        subject = Subject.of(response, report.ask)
        named = tuple(request.query_params.get(name, "") for name in ("ask", "generation", "plan"))
        if named != (subject.ask, str(subject.generation), subject.plan_sha256):
            raise NotProven(
                "the plan has changed since you read it", mend="open the response again and read it"
            )
        return report, subject

    async def _confirmation(
        self,
        request: Request,
        session: Session,
        voter: Voter,
        report: Report,
        ticket: Ticket,
        *,
        options: str = "",
    ) -> Response:
        front = self._front
        draft = front.sessions.take(request, Draft, DRAFT)
        if draft is None or (draft.session, draft.response) != (session.id, report.id):
            draft = self._nothing(session, report.id)
        page = front.renderer.page(
            "confirm",
            session=session,
            shown=shown(report, front.clock()),
            may=await self._may(session, voter, report),
            ticket=front.seal.close(ticket),
            options=options,
            draft=draft,
            reasons=list(REASONS.items()),
        )
        if draft.decision:
            front.sessions.drop(page, DRAFT)
        return page

    # ---- a new passkey ---------------------------------------------------------------

    async def new_passkey(self, _: Request, session: Session, voter: Voter) -> Response:
        """Show the page that makes a passkey."""
        front = self._front
        ticket = front.proofs.challenge(session, None)
        try:
            passkeys = await front.directory.passkeys(voter.person)
        except FiredoorError as error:
            raise Unavailable("the directory of people cannot be read", mend="try again") from error
        return front.renderer.page(
            "passkey",
            session=session,
            line="",
            ticket=front.seal.close(ticket),
            options=front.proofs.asked_of_new(ticket, passkeys),
        )
