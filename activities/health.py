"""The worker's look at itself: can it write what it has to write?"""

from __future__ import annotations

from temporalio import activity

from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.domain.core.errors import FiredoorError
from firedoor.domain.response.contract import EXAMINE


class Health:
    """What a worker needs beside Temporal and the cloud."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store

    @activity.defn(name=EXAMINE)
    def examine(self) -> dict[str, str]:
        """Return what is wrong with what, "" where nothing is."""
        try:
            self._store.check()
        except FiredoorError as error:
            return {"evidence": str(error)}
        return {"evidence": ""}
