"""Sealing as an activity: whatever is tried again, there is one file, and it verifies."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.evidence import Evidence, verify_file
from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.core.errors import Misconfigured, Unreadable
from firedoor.domain.evidence.pack import witness_in
from firedoor.domain.response.contract import SEAL
from firedoor.domain.response.ledger import Entry
from firedoor.domain.response.messages import Part, PartOrder, Sealed, SealOrder
from tests.ledgers import GATEWAYS, RESPONSE, whole

KEY = SigningKey.from_pem(generate())
ORDER = SealOrder(response=RESPONSE, entries=whole())


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


def sealed(store: EvidenceStore, order: SealOrder = ORDER, key: SigningKey = KEY) -> Sealed:
    return ActivityEnvironment().run(Evidence(store, key).seal, order)


def test_it_goes_by_the_name_that_the_response_calls() -> None:
    definition = activity._Definition.must_from_callable(Evidence.seal)
    assert definition.name == SEAL == "evidence.seal"


def test_what_it_seals_can_be_proven_from_the_file_and_the_public_key_alone(store: EvidenceStore) -> None:
    done = sealed(store)
    verdict = verify_file(store.folder / done.name, KEY.public_pem(), gateways=GATEWAYS)
    assert verdict.ok, verdict.objections
    assert (verdict.head, verdict.response) == (done.head, RESPONSE)
    assert store.names() == (done.name,)


def test_its_head_is_told_in_the_log_as_a_witness(store: EvidenceStore) -> None:
    with capture_logs() as logs:
        done = sealed(store)
    (line,) = (each for each in logs if each["event"] == "evidence.sealed")
    told = witness_in(str(line))
    assert (told.head, told.entries, told.last) == (done.head, done.entries, done.last)
    assert witness_in(done.says()) == told


def test_tried_again_after_a_lost_reply_it_answers_the_same_and_writes_nothing_more(
    store: EvidenceStore,
) -> None:
    assert sealed(store) == sealed(store)
    assert len(list(store.folder.iterdir())) == 1


def test_another_ledger_under_the_same_name_is_a_final_and_loud_no(store: EvidenceStore) -> None:
    name = sealed(store).name
    other = ORDER.model_copy(update={"entries": ORDER.entries[:-1]})
    with pytest.raises(ApplicationError, match="holds something else") as told:
        sealed(store, other)
    assert told.value.non_retryable
    assert verify_file(store.folder / name, KEY.public_pem(), gateways=GATEWAYS).ok


def test_an_incident_that_comes_back_gets_a_file_of_its_own(store: EvidenceStore) -> None:
    again = tuple(entry.model_copy(update={"at": entry.at + timedelta(hours=2)}) for entry in ORDER.entries)
    first = sealed(store).name
    second = sealed(store, ORDER.model_copy(update={"entries": again})).name
    assert store.names() == (first, second)


def kept(store: EvidenceStore, entries: tuple[Entry, ...]) -> Part:
    return ActivityEnvironment().run(Evidence(store, KEY).keep, PartOrder(response=RESPONSE, entries=entries))


def test_a_ledger_that_is_sealed_in_parts_is_the_same_file_as_one_that_is_sealed_whole(
    store: EvidenceStore, tmp_path: Path
) -> None:
    whole_ = sealed(EvidenceStore(tmp_path / "whole"))
    parts = tuple(kept(store, ORDER.entries[first : first + 3]) for first in range(0, 9, 3))
    assert [part.entries for part in parts] == [3, 3, 3]
    done = sealed(store, SealOrder(response=RESPONSE, entries=ORDER.entries[9:], parts=parts))
    assert done == whole_
    assert (store.folder / done.name).read_bytes() == (tmp_path / "whole" / done.name).read_bytes()


def test_a_part_that_is_kept_again_is_the_same_part(store: EvidenceStore) -> None:
    assert kept(store, ORDER.entries[:3]) == kept(store, ORDER.entries[:3])


def test_a_part_that_somebody_changed_is_never_sealed(store: EvidenceStore) -> None:
    part = kept(store, ORDER.entries[:3])
    path = store.folder / "parts" / f"{part.sha256}.json"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"reported", b"invented", 1))
    with pytest.raises(ApplicationError, match="was changed in the evidence store") as told:
        sealed(store, SealOrder(response=RESPONSE, entries=ORDER.entries[3:], parts=(part,)))
    assert told.value.non_retryable
    assert store.names() == ()


def test_a_part_that_is_gone_is_told_by_its_name(store: EvidenceStore) -> None:
    part = Part(sha256="a" * 64, entries=3)
    with pytest.raises(ApplicationError, match="there is no part aaaa"):
        sealed(store, SealOrder(response=RESPONSE, entries=ORDER.entries[3:], parts=(part,)))


def test_a_disk_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file stands here")
    with pytest.raises(ApplicationError) as told:
        sealed(EvidenceStore(tmp_path / "evidence"))
    assert told.value.type == "Unavailable"
    assert not told.value.non_retryable


def test_an_empty_ledger_is_a_final_no(store: EvidenceStore) -> None:
    with pytest.raises(ApplicationError) as told:
        sealed(store, SealOrder(response=RESPONSE, entries=()))
    assert told.value.non_retryable


def test_a_file_on_disk_without_a_trusted_key_is_not_proven(store: EvidenceStore) -> None:
    verdict = verify_file(store.folder / sealed(store).name, None)
    assert not verdict.ok
    assert verdict.intact
    assert "the signer is unknown" in verdict.objections[0].says


def test_a_file_on_disk_with_another_key_is_refused(store: EvidenceStore) -> None:
    other = SigningKey.from_pem(generate()).public_pem()
    assert verify_file(store.folder / sealed(store).name, other).signer == "refused"


def test_a_file_that_is_not_there_and_a_key_that_is_none_are_told_apart(store: EvidenceStore) -> None:
    with pytest.raises(Unreadable, match=r"nowhere.*No such file"):
        verify_file(store.folder / "nowhere", KEY.public_pem(), gateways=GATEWAYS)
    with pytest.raises(Misconfigured, match="public key cannot be read"):
        verify_file(store.folder / sealed(store).name, b"no key")
