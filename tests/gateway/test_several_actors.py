"""A payload with several actors is several findings of one uid: each is answered, and none twice."""

from __future__ import annotations

from typing import Any

from activities.registry import load
from firedoor.domain.finding.finding import Finding
from firedoor.domain.playbook.checking import Known, read_playbook
from firedoor.domain.playbook.playbook import Playbook
from firedoor.domain.response.contract import Dismissed, Joined, workflow_id
from firedoor.gateway.intake.dispatch import Engine, Identity
from tests.harness import NOW
from tests.sources.samples import ROOT, own, read
from tests.sources.test_settled import merged


def shipped() -> list[Playbook]:
    known = {name: Known(entry.spec, entry.params) for name, entry in load(()).items()}
    return [
        read_playbook(file.read_text(), str(file), known, frozenset())
        for file in sorted((ROOT / "playbooks").glob("*.yaml"))
    ]


class Counting(Engine):
    """The engine up to the point where it would ask Temporal."""

    def __init__(self) -> None:
        playbooks = shipped()
        super().__init__(None, lambda: playbooks, lambda: NOW, gateway_keys=())  # type: ignore[arg-type]
        self.asked: list[tuple[str, str | None]] = []

    async def _start_or_join(
        self, finding: Finding, playbook: Playbook, identity: Identity, source: str
    ) -> Joined | Dismissed:
        self.asked.append((playbook.playbook, finding.actor.access_key_id))
        known = len(self.asked) > 1 and playbook.playbook in {name for name, _ in self.asked[:-1]}
        return Joined(
            id=workflow_id(playbook.playbook, identity.key),
            playbook=playbook.playbook,
            status="planning",
            joined=known,
        )


async def taken(engine: Engine, event: dict[str, Any]) -> list[Joined]:
    found = read("aws.eventbridge", event).findings
    assert len({one.uid for one in found}) == 1
    return [joined for one in found for joined in (await engine.take(one, source="s")).responses]


async def test_each_actor_is_answered_by_its_own_playbook_and_a_redelivery_by_nothing_new() -> None:
    engine, event = Counting(), own("guardduty/attack_sequence.json")

    first = await taken(engine, event)
    again = await taken(engine, event)

    assert [one.playbook for one in first] == ["leaked_access_key", "credential_exfiltration"]
    assert [one.id for one in again] == [one.id for one in first]
    assert all(one.joined for one in again)
    assert len(engine.asked) == 2


async def test_two_sessions_of_one_role_are_one_response_that_hears_of_both() -> None:
    user = {"name": "web", "uid": "AROAEXAMPLE0ROLE0001:s", "type": "AssumedRole"}
    actors = [
        {"user": user, "session": {"uid": "ASIAIOSFODNN7EXAMPLE"}},
        {"user": user, "session": {"uid": "ASIAI44QH8DHBEXAMPLE"}},
    ]
    sequence = {"service": {"detection": {"sequence": {"actors": actors, "resources": []}}}}
    engine = Counting()

    told = await taken(engine, merged(own("guardduty/attack_sequence.json"), {"detail": sequence}))

    assert len({one.id for one in told}) == 1
    assert engine.asked == [
        ("credential_exfiltration", "ASIAIOSFODNN7EXAMPLE"),
        ("credential_exfiltration", "ASIAI44QH8DHBEXAMPLE"),
    ]
