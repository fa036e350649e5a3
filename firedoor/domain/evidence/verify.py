"""The verdict on a file of evidence: whether it is as it was sealed, by whom, and what first does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from firedoor.domain.approval.words import PublicKey
from firedoor.domain.core.canonical import canonical, digest
from firedoor.domain.core.errors import Unreadable
from firedoor.domain.core.value import Value
from firedoor.domain.evidence.pack import (
    CLOSING,
    KNOWN_VERSIONS,
    NOTHING_BEFORE,
    OPENING,
    VERSION,
    Head,
    Witness,
    entry_of,
    keyid,
    open_envelope,
    pre_authentication,
    render,
)
from firedoor.domain.evidence.rules import violations
from firedoor.domain.evidence.words import Heard, Judged, judge
from firedoor.domain.response.ledger import UNFINISHED, EntryKind, unsettled

#: (public key as DER, message, signature) -> whether the signature holds.
Check = Callable[[bytes, bytes, bytes], bool]

_KINDS = frozenset(get_args(EntryKind))
_KIND = re.compile(rb'"kind":"([a-z_]+)"')
_KEYS = frozenset({"at", "data", "hash", "kind", "prev", "says", "seq", "step"})

#: What an objection is about; those about an entry are told first.
About = Literal["entry", "file", "head", "witness", "signature", "word", "ledger"]

Signed = Literal["trusted", "unknown", "refused"]


class Objection(Value):
    """One thing that does not fit. `seq` and `kind` name the entry where it is about one.

    `says` holds no text of the file but known words, numbers and short quoted text: it is safe to print.
    """

    about: About
    says: str
    seq: int | None = None
    kind: str | None = None


class Verdict(Value):
    """What can be said about a file; all but `signer` and the objections is the file's own word.

    signer: trusted = signed by the key that was given; unknown = signed by a key nobody vouched for;
    refused = the signature does not hold, or is another's than the trusted key's.
    witnessed: the head is the one that was told outside of the file; None where none was given to compare.
    words: how many words of people stand in it. heard: whether gateways signed them, and whose.
    """

    signer: Signed
    objections: tuple[Objection, ...] = ()
    response: str = ""
    sealed_at: str = ""
    entries: int = 0
    head: str = ""
    keyid: str = ""
    witnessed: bool | None = None
    words: int = 0
    heard: Heard = "none"

    @property
    def ok(self) -> bool:
        """Whether it is proven: complete, unchanged, signed by the trusted key, true to the ledger's laws."""
        return self.signer == "trusted" and not self.objections

    @property
    def intact(self) -> bool:
        """Whether the bytes agree with each other and with the signature, whoever made it."""
        return self.signer != "refused" and all(
            each.about in {"witness", "signature", "word", "ledger"} for each in self.objections
        )


@dataclass(frozen=True)
class _Frame:
    """The file cut into lines: entries without their commas, and the envelope's text."""

    entries: tuple[bytes, ...]
    envelope: bytes | None
    objections: tuple[Objection, ...]


@dataclass
class _Chain:
    """The links up to the first that does not fit, and what is wrong with that one."""

    links: list[dict[str, Any]] = field(default_factory=list)
    objection: Objection | None = None


def verify(
    data: bytes,
    check: Check,
    trusted: bytes | None = None,
    witness: Witness | None = None,
    gateways: Sequence[PublicKey] | None = None,
) -> Verdict:
    """Judge a file by its bytes alone. `trusted` is the public key (DER) that the reader vouches for.

    `witness` is the head as it was told elsewhere when the file was written: it shows what the holder of the
    signing key could do to a file, leaving entries out or writing others. `gateways` are the gateway keys
    that the reader vouches for: they show what somebody who merely reached Temporal said for people.
    """
    frame = _cut(data)
    chain = _follow(frame.entries)
    objections = [chain.objection] if chain.objection else []
    objections += frame.objections
    head: Head | None = None
    signer: Signed = "refused"
    if frame.envelope is not None:
        try:
            head, signature_holds = _open(frame.envelope, check)
        except Unreadable as error:
            objections.append(Objection(about="head", says=str(error)))
        else:
            if chain.objection is None:
                objections += _against_head(chain.links, head)
            signer, doubt = _signer(head, trusted, holds=signature_holds, intact=not objections)
            objections += doubt
            if witness is not None:
                objections += _against_witness(head, witness)
    if chain.objection is None:
        objections += _laws(chain.links, head.response if head else None)
    words = Judged("none", 0)
    if chain.objection is None and head is not None:
        words = judge(head.response, [entry_of(link) for link in chain.links], gateways)
        objections += _said(words, chain.links)
    objections.sort(key=lambda each: get_args(About).index(each.about))
    if head is None:
        return Verdict(signer=signer, objections=tuple(objections), entries=len(frame.entries))
    return Verdict(
        signer=signer,
        objections=tuple(objections),
        response=head.response,
        sealed_at=head.sealed_at,
        entries=len(frame.entries),
        head=head.head,
        keyid=keyid(head.key()),
        words=words.said,
        heard=words.heard,
        witnessed=None if witness is None else not any(each.about == "witness" for each in objections),
    )


# ---- the file ------------------------------------------------------------------------


def _cut(data: bytes) -> _Frame:
    """Cut the file into lines; what belongs to no entry is judged byte by byte here."""
    wrong: list[Objection] = []
    first, *lines = data.split(b"\n")
    if first != OPENING:
        wrong.append(Objection(about="file", says=f"the first line is not {OPENING.decode()}"))
    last = max((place for place, line in enumerate(lines) if line.startswith(b"]")), default=None)
    envelope = None
    if last is None:
        wrong.append(Objection(about="file", says="the head is missing: no line begins with ]"))
        entries = [line for line in lines if line]
        if entries and not entries[-1].startswith(b'{"at":'):
            entries.pop()  # what is left of the head
    else:
        entries, tail, after = lines[:last], lines[last], lines[last + 1 :]
        if after != [b""]:
            cut = (
                "the file ends without its last newline" if not after else "something was added after the end"
            )
            wrong.append(Objection(about="file", says=cut))
        if tail.startswith(CLOSING) and tail.endswith(b"}"):
            envelope = tail[len(CLOSING) : -1]
        else:
            wrong.append(Objection(about="head", says='the last line is not ],"head":{…}}'))
    commas = [line.endswith(b",") for line in entries]
    if envelope is not None and commas != [place < len(entries) - 1 for place in range(len(entries))]:
        wrong.append(
            Objection(about="file", says="a comma is missing or too many at the end of an entry's line")
        )
    return _Frame(tuple(line.removesuffix(b",") for line in entries), envelope, tuple(wrong))


# ---- the chain -----------------------------------------------------------------------


def _follow(lines: Sequence[bytes]) -> _Chain:
    """Follow the chain from the first entry to the first that does not fit."""
    chain = _Chain()
    for place, line in enumerate(lines):
        link = _link(line)
        if link is None:
            says = "{} was changed: it is not as sealing writes an entry"
            chain.objection = _about(says, place, _kind_in(line))
        elif link["hash"] != digest({key: link[key] for key in link.keys() - {"hash"}}):
            chain.objection = _about(
                "{} was changed: its content does not have its hash", place, link["kind"]
            )
        elif link["seq"] != place:
            chain.objection = _misplaced(place, link, lines)
        else:
            chain.objection = _unlinked(chain.links[-1] if chain.links else None, link)
        if chain.objection or link is None:
            break
        chain.links.append(link)
    return chain


def _link(line: bytes) -> dict[str, Any] | None:
    """Read one line; None when it is not exactly what sealing would have written."""
    try:
        link = json.loads(line)
        if not isinstance(link, dict) or link.keys() != _KEYS or type(link["seq"]) is not int:
            return None
        entry_of(link)
        return link if canonical(link) == line else None
    except (ValueError, RecursionError):
        return None


def _misplaced(place: int, link: dict[str, Any], lines: Sequence[bytes]) -> Objection:
    """Say how a whole entry came to stand in another's place."""
    seq, kind = link["seq"], link["kind"]
    if seq < place:
        return _about("{} stands twice, or in another's place", seq, kind)
    later = (_link(line) for line in lines[place + 1 :])
    awaited = next((each for each in later if each is not None and each["seq"] == place), None)
    if awaited is not None:
        belongs = _named(place, awaited["kind"])
        return _about(f"the order was changed: {{}} stands where {belongs} belongs", seq, kind)
    return _about(f"{{}} is missing: {_named(seq, kind)} stands in its place", place, None)


def _unlinked(before: dict[str, Any] | None, link: dict[str, Any]) -> Objection | None:
    """Say whether an entry follows another than the one before it."""
    if link["prev"] == (before["hash"] if before else NOTHING_BEFORE):
        return None
    if before is None:
        return _about("{} was rewritten: it does not begin a chain", 0, link["kind"])
    after = _named(link["seq"], link["kind"])
    return _about(
        f"{{}} was rewritten: it is not the one that {after} follows", before["seq"], before["kind"]
    )


def _kind_in(line: bytes) -> str | None:
    """Guess the kind of an entry that cannot be read. After `data` no other text can look like the key."""
    found = [each.decode() for each in _KIND.findall(line)]
    return found[-1] if found and found[-1] in _KINDS else None


def _named(seq: int, kind: str | None) -> str:
    return f"entry {seq} ({kind})" if kind else f"entry {seq}"


def _about(says: str, seq: int, kind: str | None) -> Objection:
    """Object to an entry, whose name stands where `says` has braces."""
    return Objection(about="entry", says=says.format(_named(seq, kind)), seq=seq, kind=kind)


# ---- the head ------------------------------------------------------------------------


def _open(text: bytes, check: Check) -> tuple[Head, bool]:
    """Read the envelope; every byte of it must be what sealing would have written. Raises Unreadable."""
    try:
        envelope, head = open_envelope(json.loads(text))
        as_sealed = render(envelope) == text and canonical(head) == envelope.payload
    except (ValueError, RecursionError):
        raise Unreadable("the head was changed: it cannot be read") from None
    if head.version not in KNOWN_VERSIONS:
        raise Unreadable(
            f"the file is in format {head.version}",
            expected=f"format {VERSION}",
            mend="verify it with the Firedoor that sealed it",
        )
    if not as_sealed or envelope.keyid != keyid(head.key()):
        raise Unreadable("the head was changed: it is not in the form in which it was sealed")
    return head, check(head.key(), pre_authentication(envelope.payload), envelope.signature)


def _against_head(links: Sequence[dict[str, Any]], head: Head) -> list[Objection]:
    """Compare a chain that holds by itself with what was signed about it."""
    count = f"{head.entries} were sealed and {len(links)} are here"
    short = head.entries - len(links)
    if short > 0:
        missing = "the last entry is" if short == 1 else f"the last {short} entries are"
        return [Objection(about="entry", says=f"{missing} missing: {count}", seq=len(links))]
    if not links:
        return [Objection(about="head", says="the head is about no entries; a ledger has one at least")]
    if short < 0:
        added = links[max(0, head.entries)]
        return [_about(f"{{}} was added: {count}", added["seq"], added["kind"])]
    last = links[-1]
    if last["hash"] != head.head:
        says = "the chain was rewritten: {}, its end, is not the one that was sealed"
        return [_about(says, last["seq"], last["kind"])]
    return []


def _against_witness(head: Head, witness: Witness) -> list[Objection]:
    """Compare what was sealed with what was told of it when it was sealed."""
    if head.head == witness.head and witness.entries in (None, head.entries):
        if witness.last in (None, head.sealed_at):
            return []
        says = "the time of the last entry is not the one that was told when it was sealed"
    elif witness.entries is None:
        says = "the head is not the one that was told when it was sealed: entries were changed, or left out"
    elif head.entries < witness.entries:
        says = (
            f"entries were left out: {witness.entries} were told when it was sealed, {head.entries} are here"
        )
    elif head.entries > witness.entries:
        says = f"entries were added: {witness.entries} were told when it was sealed, {head.entries} are here"
    else:
        says = (
            f"the {head.entries} entries are not those that were told when it was sealed: some were changed"
        )
    return [Objection(about="witness", says=f"{says}; somebody with the signing key has sealed it anew")]


def _signer(
    head: Head, trusted: bytes | None, *, holds: bool, intact: bool
) -> tuple[Signed, list[Objection]]:
    """Say who signed, and what is to be said against that."""
    theirs = keyid(head.key())
    if not holds:
        says = "the signature is refused: the head was changed, or was never signed with the key it names"
        return "refused", [Objection(about="signature", says=says)]
    if trusted is None:
        holding = "integrity holds" if intact else "the signature holds"
        says = f"{holding}, but the signer is unknown: nobody vouches for key {theirs}"
        return "unknown", [Objection(about="signature", says=f"{says}; give the public key you trust")]
    if head.key() != trusted:
        says = f"the signature is refused: it is by key {theirs}, and the trusted key is {keyid(trusted)}"
        return "refused", [Objection(about="signature", says=says)]
    return "trusted", []


# ---- the ledger ----------------------------------------------------------------------


def _said(words: Judged, links: Sequence[dict[str, Any]]) -> Iterator[Objection]:
    """Object to words that nobody is known to have said."""
    for seq, says in words.objections:
        if seq is None:
            yield Objection(about="word", says=says)
        else:
            kind = str(links[seq]["kind"])
            yield Objection(about="word", says=f"{_named(seq, kind)} {says}", seq=seq, kind=kind)


def _laws(links: Sequence[dict[str, Any]], response: str | None) -> list[Objection]:
    """Hold the ledger against its own laws: what was begun is settled, and what was asked had its yes."""
    entries = [entry_of(link) for link in links]
    wrong = []
    for step in unsettled(entries):
        seq = max(n for n, entry in enumerate(entries) if entry.step == step and entry.kind in UNFINISHED)
        kind = entries[seq].kind
        says = f"step {step[:80]!r} was {kind} in entry {seq} and nothing is said about what became of it"
        wrong.append(Objection(about="ledger", says=says, seq=seq, kind=kind))
    for seq, told in violations(response, entries):
        kind = entries[seq].kind
        wrong.append(Objection(about="ledger", says=f"{_named(seq, kind)} {told}", seq=seq, kind=kind))
    return wrong
