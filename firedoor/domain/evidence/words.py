"""Words of people in evidence: whether a gateway that the reader vouches for signed each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from firedoor.domain.approval.vote import Vote
from firedoor.domain.approval.words import PublicKey, Word, doubt, keyid_of, too_old
from firedoor.domain.core.canonical import canonical
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import ReassignRequest, SnoozeRequest, UndoRequest

#: none: nobody said anything. vouched: signed, by keys that the reader vouches for. named: signed, by keys
#: that only the file itself names. unsigned: the file knows no gateway. refused: at least one does not hold.
Heard = Literal["none", "vouched", "named", "unsigned", "refused"]

_WORDS: Mapping[str, tuple[str, type[Word]]] = {
    "voted": ("vote", Vote),
    "undo_requested": ("request", UndoRequest),
    "snoozed": ("request", SnoozeRequest),
    "reassigned": ("request", ReassignRequest),
}


class Judged(NamedTuple):
    """What can be said about the words in a ledger; an objection without a number is about all of them."""

    heard: Heard
    said: int
    objections: tuple[tuple[int | None, str], ...] = ()


def word_in(entry: Entry) -> Word | None:
    """Return the word that an entry tells; None where it tells none. Raises ValueError for what is none."""
    field, model = _WORDS.get(entry.kind, ("", Word))
    told: Any = entry.data.get(field) if field else None
    return None if told is None else model.model_validate_json(canonical(told))


def judge(response: str, entries: Sequence[Entry], gateways: Sequence[PublicKey] | None) -> Judged:
    """Judge every word of a ledger. `gateways` are the keys that the reader vouches for."""
    said = [seq for seq, entry in enumerate(entries) if entry.data.get(_WORDS.get(entry.kind, ("", Word))[0])]
    if not said:
        return Judged("none", 0)
    if not any(_keys(entry) for entry in entries):
        says = (
            f"the words are not signed: {len(said)} stand here, from before gateways signed them or past any "
            "gateway; whoever reached Temporal could have said them"
        )
        return Judged("unsigned", len(said), ((None, says),))
    wrong = tuple(_wrong(response, entries, gateways))
    if wrong:
        return Judged("refused", len(said), wrong)
    if gateways is None:
        says = (
            "the words are signed by gateway keys that only the file itself names, and nobody vouches for "
            "them; give the gateway keys that you trust"
        )
        return Judged("named", len(said), ((None, says),))
    return Judged("vouched", len(said))


def _wrong(
    response: str, entries: Sequence[Entry], gateways: Sequence[PublicKey] | None
) -> Iterator[tuple[int, str]]:
    named: tuple[PublicKey, ...] = ()
    trusted = None if gateways is None else {keyid_of(key) for key in gateways}
    heard: set[str] = set()
    for seq, entry in enumerate(entries):
        named = _keys(entry) or named
        try:
            word = word_in(entry)
        except ValueError:  # a ValidationError is one; it is not quoted, for a forger may have written it
            yield seq, "tells a word that cannot be read"
            continue
        if word is None:
            continue
        told = doubt(word, response, named)
        if told is not None:
            yield seq, f"is nobody's word: {told.says}"
        elif trusted is not None and word.signed is not None and word.signed.key not in trusted:
            yield seq, f"is signed by gateway key {word.signed.key[:16]}, for which nobody vouches"
        elif isinstance(word, Vote) and word.misses(response):
            yield seq, "is a word about another ask, or about a set that this ask was not in"
        elif too_old(word.at, entries[0].at):
            yield seq, "was said before this response began"
        elif word.id in heard and not isinstance(word, Vote):
            yield seq, "was said once and stands here twice"
        heard.add(word.id)


def _keys(entry: Entry) -> tuple[PublicKey, ...]:
    """Return the keys that count from an entry on, where it tells of them."""
    told = entry.data.get("gateway_keys") if entry.kind in ("received", "noted") else None
    return tuple(key for key in told if isinstance(key, str)) if isinstance(told, list) else ()
