"""How workflows hear words of people: what no gateway of ours signed is refused, counted and told loudly."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from firedoor.domain.approval.words import Doubt, PublicKey, Word, doubt
from firedoor.domain.response.contract import FOREIGN_KEY, UNSIGNED

_NAMED = 80  # characters of a name that nobody vouches for


def unheard(word: Word, about: str, keys: Sequence[PublicKey]) -> Doubt | None:
    """Say why a word does not count, and tell it in log and metrics; None where a gateway signed it."""
    told = doubt(word, about, keys)
    if told is not None:
        workflow.logger.error(
            "REFUSED a word (%s) said in the name of %r: %s", word.word, word.speaker[:_NAMED], told.says
        )
        workflow.metric_meter().create_counter(
            "firedoor_words_refused",
            "Words that no known gateway signed, or that its signature does not fit.",
        ).add(1, {"word": word.word, "why": "foreign_key" if told.foreign else "unsigned"})
    return told


def hear(word: Word, about: str, keys: Sequence[PublicKey]) -> None:
    """Refuse in a validator, without a trace in history, what no gateway signed."""
    told = unheard(word, about, keys)
    if told is not None:
        raise ApplicationError(told.says, type=FOREIGN_KEY if told.foreign else UNSIGNED)
