"""Guards: what must never be touched, whoever asks; asked at the plan and again right before apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from firedoor.domain.core.value import Value
from firedoor.domain.guard.protected import Protected, Protection


class Guards(Value):
    """What the guards know: our accounts, what each source may act on, and what is protected.

    `sources` maps a configured door to the accounts it may act on; None means
    every account of ours.
    """

    accounts: frozenset[str]
    sources: Mapping[str, frozenset[str] | None]
    protected: Protected

    def objection(self, *, source: str, account: str, target: str) -> str | None:
        """Why this target must not be touched; None when it may be. A guard that does not know says no."""
        foreign = self.foreign(source=source, account=account)
        if foreign is not None:
            return foreign
        if not target:
            return "the action does not name what it would change"
        theirs = target.split(":", 5)[4:5] if target.startswith("arn:") else []
        if theirs and theirs[0] and theirs[0] != account:
            return f"{target} is of account {theirs[0]}, and the step acts in account {account}"
        return self.protected.protects(target)

    def foreign(self, *, source: str, account: str) -> str | None:
        """Why a source may not even look into an account; None when it may."""
        if account not in self.accounts:
            return f"account {account or '(none)'} is not one of ours"
        if source not in self.sources:
            return f"no source is called {source!r}"
        allowed = self.sources[source]
        if allowed is not None and account not in allowed:
            return f"source {source!r} may not act on account {account}"
        return None


def is_ourselves(chain: Sequence[str], target: str) -> str | None:
    """Why a target must not be touched: it is, or stands below, what Firedoor itself signs in with."""
    for each in chain:
        if Protection(target=each, why="ourselves").covers(target):
            return (
                f"{target} is part of how Firedoor signs in ({each}): "
                "contained, nothing could be undone any more"
            )
    return None
