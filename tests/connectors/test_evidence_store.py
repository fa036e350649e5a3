"""The directory of evidence: written once, whole, and never again."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firedoor.connectors import evidence_store
from firedoor.connectors.evidence_store import EvidenceStore
from firedoor.domain.core.errors import Absent, Rejected, Unavailable

NAME = "20261122T021407Z-leaked_access_key-0123456789ab.evidence.json"
LATER = "20261123T000000Z-leaked_access_key-0123456789ab.evidence.json"
OTHER = "20261122T090000Z-public_bucket-ba9876543210.evidence.json"


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "var" / "evidence")


def everything(store: EvidenceStore) -> list[str]:
    """Return what is in the folder, leftovers too."""
    return [path.name for path in store.folder.iterdir()]


def test_what_is_written_is_there_whole_and_for_reading_only(store: EvidenceStore) -> None:
    store.write(NAME, b"evidence\n")
    assert store.read(NAME) == b"evidence\n"
    assert stat.S_IMODE((store.folder / NAME).stat().st_mode) == 0o400
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert everything(store) == [NAME]


def test_a_store_that_can_be_written_is_well_and_the_look_leaves_nothing(store: EvidenceStore) -> None:
    store.check()
    assert everything(store) == []


def test_a_store_that_cannot_be_written_says_so(store: EvidenceStore) -> None:
    store.folder.parent.mkdir()
    store.folder.write_text("no folder")
    with pytest.raises(Unavailable, match="evidence cannot be written"):
        store.check()


def test_the_same_bytes_again_are_fine_and_change_nothing(store: EvidenceStore) -> None:
    store.write(NAME, b"evidence\n")
    before = (store.folder / NAME).stat()
    store.write(NAME, b"evidence\n")
    after = (store.folder / NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_bytes_under_the_same_name_are_rejected_and_the_first_stay(store: EvidenceStore) -> None:
    store.write(NAME, b"first\n")
    with pytest.raises(Rejected, match=r"there already.*nothing was overwritten"):
        store.write(NAME, b"second\n")
    assert store.read(NAME) == b"first\n"
    assert everything(store) == [NAME]


def test_of_many_writers_at_once_one_wins_and_the_others_are_told(store: EvidenceStore) -> None:
    def write(number: int) -> int | None:
        try:
            store.write(NAME, b"%d" % number * 100_000)
        except Rejected:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(write, range(1, 9)) if number is not None]
    assert len(won) == 1
    assert store.read(NAME) == b"%d" % won[0] * 100_000
    assert everything(store) == [NAME]


@pytest.mark.parametrize("theirs", [b"evidence\n", b"forged\n"])
def test_an_attempt_that_loses_the_race_overwrites_nothing(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch, theirs: bytes
) -> None:
    """A retry while the first attempt still runs: both find nothing there, one links first."""
    link = evidence_store._link

    def slower(beside: Path, path: Path) -> None:
        path.write_bytes(theirs)
        link(beside, path)

    monkeypatch.setattr(evidence_store, "_link", slower)
    if theirs == b"evidence\n":
        store.write(NAME, b"evidence\n")
    else:
        with pytest.raises(Rejected, match="holds something else"):
            store.write(NAME, b"evidence\n")
    assert store.read(NAME) == theirs
    assert everything(store) == [NAME]


def test_a_writer_that_dies_leaves_nothing_under_the_name(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill leaves beside is no evidence and stands in no retry's way."""

    def killed(beside: Path, path: Path) -> None:
        (store.folder / ".left.partial").write_bytes(beside.read_bytes()[:3])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(evidence_store, "_link", killed)
        with pytest.raises(Unavailable, match="No space left on device"):
            store.write(NAME, b"evidence\n")
    assert store.names() == ()
    with pytest.raises(Absent):
        store.read(NAME)
    store.write(NAME, b"evidence\n")
    assert store.names() == (NAME,)


def test_bytes_and_name_are_on_the_disk_before_it_says_so(
    store: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(handle: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        if synced == ["file"]:
            assert not (store.folder / NAME).exists(), "the name must not appear before its bytes are safe"

    monkeypatch.setattr(os, "fsync", fsync)
    store.write(NAME, b"evidence\n")
    assert synced == ["file", "folder"]
    store.write(NAME, b"evidence\n")
    assert synced[-1] == "folder", "an attempt that died after its link is made durable by the next"


def test_a_folder_that_cannot_be_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file stands here")
    with pytest.raises(Unavailable, match=r"could not be written to .*evidence"):
        EvidenceStore(tmp_path / "evidence").write(NAME, b"x")


def test_names_come_in_the_order_of_time_and_by_incident(store: EvidenceStore) -> None:
    for name in (LATER, NAME, OTHER):
        store.write(name, b"x")
    (store.folder / "notes.txt").write_text("not ours")
    assert store.names() == (NAME, OTHER, LATER)
    assert store.names(tail="0123456789ab.evidence.json") == (NAME, LATER)


def test_a_store_that_nobody_wrote_to_is_empty(store: EvidenceStore) -> None:
    assert store.names() == ()
    with pytest.raises(Absent, match="there is no evidence"):
        store.read(NAME)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "", ".", f"../{NAME}", f"{NAME}\n", "a\x00b"]
)
def test_no_name_leads_out_of_the_folder(store: EvidenceStore, name: str) -> None:
    for touch in (store.read, lambda name: store.write(name, b"x")):
        with pytest.raises(Rejected, match="not the name of evidence"):
            touch(name)
    assert not store.folder.exists()
