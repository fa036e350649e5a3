"""One inline policy of ours on an IAM user or role that denies everything, perhaps only to older sessions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote

from pydantic import AwareDatetime, Field

from activities.aws.command_line import command
from activities.aws.iam.identity import iam_region
from activities.aws.iam.policy_slots import IAM, MOST_ATTACHED, Attached, Inline, Kind, Slot
from activities.aws.informing import Informing
from firedoor.domain.action.action import Already, Before, Captured, Refuse, Undone, Verdict, Verified
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.calls import Aws

Document = dict[str, Any]

_CUT = "aws:TokenIssueTime"
_CUT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_DATE = f"date -u +{_CUT_FORMAT}"
_CUT_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


Until = Annotated[
    AwareDatetime | None,
    Field(
        description="Until when the sessions were used, as the findings tell it (`last_seen`); the planner "
        "fills it in. A policy of ours with an earlier time is moved."
    ),
]


class PolicyBefore(Before):
    """What stood under our policy's name before us; nothing, unless somebody put it there.

    `managed`: the inline policies are full, so that ours is a managed policy that is attached.
    """

    policy: Captured[str]
    managed: bool = False

    def how(self) -> str:
        """Say the second way, where it is taken; people are told before they say yes."""
        return " by an attached policy, for its inline policies are full" if self.managed else ""


class InlineDeny:
    """Our policy on one principal: put it, look at it, take it away.

    The name carries the incident, so two incidents on one principal have a
    policy each and the last one to be lifted lets go. Nothing else of the principal is touched.
    An inline policy under a new name is also what infrastructure-as-code leaves alone.

    A policy against older sessions is in place where it ends those issued until `until`, the moment of the
    latest finding: one with an earlier cut, ours of before or one that somebody put back, is not enough.
    """

    #: A cut no policy would carry: only for the length of the document.
    _SOME_CUT: ClassVar[datetime] = datetime(2000, 1, 1, tzinfo=UTC)

    def __init__(
        self,
        aws: Aws,
        kind: Kind,
        principal: str,
        *,
        purpose: str,
        older_sessions: bool,
        until: datetime | None = None,
    ) -> None:
        self._aws = aws
        self._iam = IAM[kind]
        self._who = principal
        self._principal = f"{kind} {principal}"
        self.name = f"firedoor-{aws.incident}-{purpose}"
        self._older_sessions = older_sessions
        self._until = until
        self._inline = Inline(aws, kind, principal, self.name)
        self._attached = Attached(aws, kind, principal, self.name)

    def look(self) -> PolicyBefore | Already | Refuse:
        """Capture what stands under our name; or say that ours is there, or that there is no room for it."""
        document = self._read()
        if document is not None and self._holds(document):
            return Already(says=f"policy {self.name} of {self._principal} is in place")
        ours = _size(self._document(self._SOME_CUT if self._older_sessions else None))
        # How full it is only informs: where that cannot be read, writing tells.
        others = Informing(self._others).answer() or 0
        if ours + others > self._iam.quota:
            return self._second_way(f"{others} of {self._iam.quota} characters are used")
        return PolicyBefore(policy=Captured[str].of(_text(document)))

    def _second_way(self, full: str) -> PolicyBefore | Already | Refuse:
        """Attach a managed policy where the inline policies are full."""
        document = _parsed_or_none(self._attached.get())
        if document is not None and self._holds(document):
            return Already(says=f"policy {self.name} is attached to {self._principal}")
        if document is None and not self._attached.has_room():
            return Refuse(
                says=f"{self._principal} has room neither for one more inline policy ({full}) nor for one "
                f"more attached policy ({MOST_ATTACHED} are the most)"
            )
        return PolicyBefore(policy=Captured[str].of(_text(document)), managed=True)

    def _others(self) -> int:
        inline = self._inline
        return sum(
            _size(_parsed_or_none(inline.read(name)) or {}) for name in inline.names() if name != self.name
        )

    def put(self, before: PolicyBefore, *, anew: bool = False) -> None:
        """Write the policy; one that stands already is kept, with its cut, where that is late enough.

        `anew`: late enough is only what ends every session that was issued until now.
        """
        cut = None
        if self._older_sessions:
            standing = self._read(before)
            if standing is not None and (self._ends_all(standing) if anew else self._holds(standing)):
                return
            cut = self._cut()
        self._slot(before).put(_written(self._document(cut)))

    def by_hand(self) -> str:
        """Return the command that writes the policy; the cut is the moment in which it is pasted."""
        document = _text(self._document(self._SOME_CUT if self._older_sessions else None))
        written = command(
            "iam",
            self._iam.command,
            **{self._iam.option: self._who},
            policy_name=self.name,
            policy_document=document,
            region=iam_region(self._aws),
        )
        # Out of the quotes and back into them: the shell that it is pasted into tells the time.
        return written.replace(self._SOME_CUT.strftime(_CUT_FORMAT), f"'\"$({_DATE})\"'")

    def verify(self, before: PolicyBefore) -> Verified:
        """Read the policy back."""
        document = self._read(before)
        if document is not None and self._holds(document):
            return Verified(verdict=Verdict.YES, says=f"policy {self.name} of {self._principal} denies it")
        if document is not None and self._ours(document):
            return Verified(
                verdict=Verdict.NO,
                says=f"policy {self.name} of {self._principal} ends only sessions issued before "
                f"{_cut_of(document)}, and one was used later",
            )
        if document is not None:
            return Verified(verdict=Verdict.NO, says=f"policy {self.name} of {self._principal} was changed")
        try:
            self._inline.names()
        except Absent:  # IAM answers the same for a missing policy and for a missing principal
            return Verified(verdict=Verdict.YES, says=f"{self._principal} no longer exists")
        return Verified(verdict=Verdict.NOT_YET, says=f"{self._principal} has no policy {self.name}")

    def undo(self, before: PolicyBefore) -> Undone:
        """Put back what stood under our name, where our policy still stands there."""
        captured = before.policy
        if captured.state == "unknown":
            raise Rejected(
                f"what stood under {self.name} of {self._principal} before us is not known",
                expected="a captured policy, or that there was none",
                mend="look at the policy and remove it by hand",
            )
        document = self._read(before)
        if _text(document) == captured.value:
            return Undone(outcome="nothing", says=f"{self._principal} is as it was before")
        if document is None or not self._ours(document):
            return Undone(
                outcome="drifted", says=f"policy {self.name} of {self._principal} is not what we wrote"
            )
        if captured.value is None:
            self._slot(before).delete()
        else:
            self._slot(before).put(captured.value)
        return Undone(outcome="restored", says=f"{self._principal} no longer has policy {self.name} of ours")

    def back(self, before: PolicyBefore) -> Verified:
        """Tell whether what stood under our name before us stands there again."""
        if _text(self._read(before)) == before.policy.value:
            return Verified(verdict=Verdict.YES, says=f"{self._principal} is as it was before")
        return Verified(verdict=Verdict.NOT_YET, says=f"{self._principal} is not as it was before")

    def _slot(self, before: PolicyBefore) -> Slot:
        return self._attached if before.managed else self._inline

    def _read(self, before: PolicyBefore | None = None) -> Document | None:
        return _parsed_or_none((self._inline if before is None else self._slot(before)).get())

    def _document(self, cut: datetime | None) -> Document:
        statement: Document = {
            "Sid": "Firedoor",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
        }
        if cut is not None:
            # Without `IfExists`: a long-lived key has no issue time, does not match, and goes on working.
            statement["Condition"] = {"DateLessThan": {_CUT: cut.strftime(_CUT_FORMAT)}}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def _ours(self, document: Document) -> bool:
        """Whether a document is what we write, with whatever cut it was written."""
        if not self._older_sessions:
            return document == self._document(None)
        try:
            cut = document["Statement"][0]["Condition"]["DateLessThan"][_CUT]
        except (KeyError, IndexError, TypeError):
            return False
        if not isinstance(cut, str) or not _CUT_WRITTEN.fullmatch(cut):
            return False
        try:
            datetime.strptime(cut, _CUT_FORMAT)  # noqa: DTZ007  only whether it is a date
        except ValueError:
            return False
        expected = self._document(self._SOME_CUT)
        expected["Statement"][0]["Condition"]["DateLessThan"][_CUT] = cut
        return document == expected

    def _holds(self, document: Document) -> bool:
        """Whether a document is ours, and its cut is late enough."""
        if not self._ours(document):
            return False
        return not self._older_sessions or self._until is None or _cut_of(document) >= self._until

    def _ends_all(self, document: Document) -> bool:
        return self._holds(document) and _cut_of(document) > self._aws.now()

    def _cut(self) -> datetime:
        """Return the first whole second after every session that AWS has issued so far.

        Issue times have whole seconds, and so has AWS's clock as its answers tell it: it may
        be behind by less than a second, hence one second more, rounded up.
        """
        now = self._aws.now() + timedelta(seconds=1)
        return datetime.fromtimestamp(math.ceil(now.timestamp()), tz=UTC)


def _cut_of(document: Document) -> datetime:
    """Read the cut of a document of ours."""
    written = document["Statement"][0]["Condition"]["DateLessThan"][_CUT]
    return datetime.strptime(written, _CUT_FORMAT).replace(tzinfo=UTC)


def parsed(document: str | Mapping[str, Any]) -> Document:
    """Parse a policy document, which botocore gives as a dict and some emulators as quoted text."""
    if not isinstance(document, str):
        return dict(document)
    try:
        found = json.loads(document if document.lstrip().startswith("{") else unquote(document))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable("IAM answered with a policy document that is not JSON", code="UnknownAnswer")
    return found


def _parsed_or_none(document: Any) -> Document | None:
    return None if document is None else parsed(document)


def _written(document: Document) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _text(document: Document | None) -> str | None:
    if document is None:
        return None
    return _written(document)


def _size(document: Document) -> int:
    return len("".join(json.dumps(document, separators=(",", ":"), ensure_ascii=False).split()))
