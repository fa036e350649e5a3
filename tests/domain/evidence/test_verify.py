"""The verdict on evidence: whatever was changed is found, and the entry it was changed in is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firedoor.connectors.signing import SigningKey, check, generate
from firedoor.domain.core.canonical import canonical, digest
from firedoor.domain.evidence.pack import Envelope, keyid, pre_authentication, render, seal
from firedoor.domain.evidence.verify import Objection, Verdict, verify
from firedoor.domain.response.ledger import Entry
from tests.ledgers import GATEWAYS, RESPONSE, Telling, whole

KEY = SigningKey.from_pem(generate())
FORGER = SigningKey.from_pem(generate())
ENTRIES = whole()
DATA = seal(RESPONSE, ENTRIES, KEY)
LINES = DATA.split(b"\n")
COUNT = len(ENTRIES)
PLACES = range(COUNT)


def judge(data: bytes, trusted: bytes | None = KEY.public_key) -> Verdict:
    return verify(data, check, trusted, gateways=GATEWAYS)


def first(verdict: Verdict) -> Objection:
    assert not verdict.ok
    return verdict.objections[0]


def written(entries: list[dict[str, Any]], envelope: bytes) -> bytes:
    body = b",\n".join(canonical(entry) for entry in entries)
    return b'{"entries":[\n' + body + b'\n],"head":' + envelope + b"}\n"


def links() -> list[dict[str, Any]]:
    return list(json.loads(DATA)["entries"])


def envelope() -> bytes:
    return canonical(json.loads(DATA)["head"])


def chained(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chain anew, as a forger does who has everything but the key."""
    before, fresh = "0" * 64, []
    for seq, entry in enumerate(entries):
        link = {**{key: entry[key] for key in entry.keys() - {"hash"}}, "seq": seq, "prev": before}
        before = digest(link)
        fresh.append({**link, "hash": before})
    return fresh


def head_over(links: list[dict[str, Any]], **changes: Any) -> bytes:
    payload = json.loads(base64.b64decode(json.loads(DATA)["head"]["payload"]))
    return canonical(payload | {"entries": len(links), "head": links[-1]["hash"]} | changes)


def signed(payload: bytes, key: SigningKey) -> bytes:
    return render(Envelope(payload, keyid(key.public_key), key.sign(pre_authentication(payload))))


def lined(lines: list[bytes]) -> bytes:
    """Put the commas right, as a careful forger does."""
    entries = [line.removesuffix(b",") for line in lines]
    return b'{"entries":[\n' + b",\n".join(entries) + b"\n" + LINES[-2] + b"\n"


# ---- what is whole --------------------------------------------------------------------


def test_what_was_sealed_is_proven_to_who_trusts_the_key() -> None:
    verdict = judge(DATA)
    assert verdict.ok
    assert verdict.intact
    assert verdict.signer == "trusted"
    assert verdict.objections == ()
    assert (verdict.response, verdict.entries) == (RESPONSE, COUNT)
    assert verdict.keyid == keyid(KEY.public_key)
    assert verdict.head == links()[-1]["hash"]


def test_without_a_trusted_key_integrity_holds_and_nothing_is_proven() -> None:
    verdict = judge(DATA, None)
    assert not verdict.ok
    assert verdict.intact
    assert verdict.signer == "unknown"
    assert "integrity holds, but the signer is unknown" in first(verdict).says
    assert keyid(KEY.public_key) in first(verdict).says


def test_integrity_is_not_claimed_for_a_changed_file_without_a_trusted_key() -> None:
    verdict = judge(lined(LINES[1 : COUNT - 1]), None)
    assert not verdict.intact
    assert not any("integrity holds" in each.says for each in verdict.objections)


# ---- one flipped bit, anywhere ----------------------------------------------------------


def place_of(offset: int) -> int | None:
    """Which entry a byte of the file belongs to, its comma included; None for the frame and the head."""
    line = DATA.count(b"\n", 0, offset)
    inside = DATA[offset : offset + 1] != b"\n"
    return line - 1 if 1 <= line <= COUNT and inside else None


@settings(max_examples=600, deadline=None)
@given(st.integers(0, len(DATA) - 1), st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_found_and_its_entry_named(offset: int, bit: int) -> None:
    broken = bytearray(DATA)
    broken[offset] ^= 1 << bit
    for trusted in (KEY.public_key, None):
        verdict = judge(bytes(broken), trusted)
        assert not verdict.ok
        assert not verdict.intact
        place = place_of(offset)
        if place is not None:
            assert verdict.objections[0].about == "entry"
            assert verdict.objections[0].seq == place
            assert f"entry {place}" in verdict.objections[0].says


def test_every_bit_of_a_small_file_counts() -> None:
    """Not drawn by lot: the bytes of the frame and of the head are few, and where a format is soft."""
    data = seal(RESPONSE, ENTRIES[-2:], KEY)
    for offset in range(len(data)):
        for bit in range(8):
            broken = bytearray(data)
            broken[offset] ^= 1 << bit
            assert not judge(bytes(broken), None).intact, (offset, bit)


def test_a_changed_entry_is_named_by_its_number_and_kind() -> None:
    at = [entry.kind for entry in ENTRIES].index("voted")
    broken = DATA.replace(b"ada said approve", b"eve said approve")
    assert first(judge(broken)).model_dump() == {
        "about": "entry",
        "says": f"entry {at} (voted) was changed: its content does not have its hash",
        "seq": at,
        "kind": "voted",
    }


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        (b'"seq":3', b'"seq": 3'),
        (b'"seq":3', b'"seq":3.0'),
        (b'"seq":3', b'"seq":7,"seq":3'),
        (b'"kind":"begun"', b'"kind":"b\\u0065gun"'),
    ],
)
def test_the_same_json_written_otherwise_is_not_what_was_sealed(written: bytes, otherwise: bytes) -> None:
    """Its hash would still be right; but two readers could read a doubled key in two ways."""
    line = LINES[4]
    assert written in line
    found = first(judge(DATA.replace(line, line.replace(written, otherwise))))
    assert (found.seq, found.kind) == (3, "begun" if b"kind" not in written else None)


def test_a_comma_too_many_or_too_few_is_found() -> None:
    last = LINES[COUNT]
    for broken in (DATA.replace(last, last + b","), DATA.replace(LINES[2], LINES[2].removesuffix(b","))):
        assert "comma" in first(judge(broken)).says


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
@example(b'{"entries":[\n],"head":{}}\n')
@example(b'{"entries":[\n' + b"[" * 100_000 + b'\n],"head":{}}\n')
@example(b'{"entries":[\n{}\n],"head":' + b'{"payload":' * 50_000 + b"}\n")
@example(b'{"entries":[\n{"at":1e999}\n],"head":{"payload":NaN}}\n')
@example(b'{"entries":[\n{"at":' + b"9" * 5000 + b'}\n],"head":{}}\n')
@example(b'{"entries":[\n"\\ud800"\n],"head":{"payload":"\\ud800"}}\n')
def test_no_bytes_at_all_are_proven_or_bring_the_verdict_down(data: bytes) -> None:
    assert not judge(data).ok
    assert not judge(data, None).intact


# ---- whole lines ------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES[:-1])
def test_a_missing_entry_is_named(place: int) -> None:
    lines = LINES[1 : COUNT + 1]
    del lines[place]
    found = first(judge(lined(lines)))
    assert found.seq == place
    assert found.says.startswith(f"entry {place} is missing: entry {place + 1} (")


@pytest.mark.parametrize("mend", [lined, lambda lines: b"\n".join([LINES[0], *lines, *LINES[-2:]])])
def test_a_missing_last_entry_is_named_as_such(mend: Callable[[list[bytes]], bytes]) -> None:
    found = first(judge(mend(LINES[1:COUNT])))
    assert found.says == f"the last entry is missing: {COUNT} were sealed and {COUNT - 1} are here"
    assert found.seq == COUNT - 1


def test_several_missing_last_entries_are_counted() -> None:
    assert "the last 3 entries are missing" in first(judge(lined(LINES[1 : COUNT - 2]))).says


@given(st.lists(st.sampled_from(PLACES), min_size=2, max_size=2, unique=True))
def test_a_swapped_order_is_named_as_such(pair: list[int]) -> None:
    early, late = sorted(pair)
    lines = LINES[1 : COUNT + 1]
    lines[early], lines[late] = lines[late], lines[early]
    found = first(judge(lined(lines)))
    assert (found.seq, found.kind) == (late, ENTRIES[late].kind)
    assert found.says == (
        f"the order was changed: entry {late} ({ENTRIES[late].kind}) stands where "
        f"entry {early} ({ENTRIES[early].kind}) belongs"
    )


@given(st.sampled_from(PLACES), st.integers(0, COUNT))
def test_an_entry_that_stands_twice_is_found(place: int, where: int) -> None:
    lines = LINES[1 : COUNT + 1]
    lines.insert(where, LINES[1 + place])
    assert first(judge(lined(lines))).about == "entry"


@given(st.sampled_from(PLACES))
def test_an_entry_doubled_on_the_spot_is_named(place: int) -> None:
    lines = LINES[1 : COUNT + 1]
    lines.insert(place, LINES[1 + place])
    found = first(judge(lined(lines)))
    assert (found.seq, found.kind) == (place, ENTRIES[place].kind)
    assert "stands twice" in found.says


@given(st.integers(0, len(LINES) - 1))
def test_any_deleted_line_is_found(place: int) -> None:
    verdict = judge(b"\n".join(LINES[:place] + LINES[place + 1 :]), None)
    assert not verdict.intact


@given(st.binary(min_size=1, max_size=40))
@example(b"\n")
@example(b" ")
@example(LINES[-2] + b"\n")
def test_appended_bytes_are_found(more: bytes) -> None:
    assert not judge(DATA + more, None).intact


@given(st.integers(0, len(DATA) - 1))
def test_a_file_cut_short_anywhere_is_found(length: int) -> None:
    assert not judge(DATA[:length], None).intact


# ---- forgers who can hash, and have no key ------------------------------------------------


@pytest.mark.parametrize("place", PLACES[:-1])
def test_a_rewritten_entry_with_its_hash_made_anew_is_named(place: int) -> None:
    entries = links()
    entries[place] = {**entries[place], "says": "nothing happened"}
    entries[place]["hash"] = digest({key: entries[place][key] for key in entries[place].keys() - {"hash"}})
    found = first(judge(written(entries, envelope())))
    assert (found.seq, found.kind) == (place, ENTRIES[place].kind)
    assert "was rewritten" in found.says


def forged() -> list[dict[str, Any]]:
    entries = links()
    entries[3]["says"] = "nothing happened"
    return chained(entries)


def test_a_chain_made_anew_under_the_old_head_is_refused() -> None:
    found = first(judge(written(forged(), envelope())))
    assert found.says.startswith("the chain was rewritten")
    assert found.seq == COUNT - 1


def test_a_chain_and_head_made_anew_without_the_key_are_refused_by_the_signature() -> None:
    entries = forged()
    head = json.loads(DATA)["head"]
    payload = base64.b64encode(head_over(entries)).decode()
    verdict = judge(written(entries, canonical({**head, "payload": payload})))
    assert verdict.signer == "refused"
    assert first(verdict).says.startswith("the signature is refused: the head was changed")


@pytest.mark.parametrize("own", [True, False])
def test_a_forger_with_a_key_of_his_own_is_not_trusted(own: bool) -> None:  # noqa: FBT001
    """Whether he brings his public key along or leaves ours in the head."""
    entries = forged()
    public = base64.b64encode((FORGER if own else KEY).public_key).decode()
    data = written(entries, signed(head_over(entries, public_key=public), FORGER))
    verdict = judge(data)
    assert not verdict.ok
    assert verdict.signer == "refused"
    assert not judge(data, None).ok


def test_another_incidents_evidence_under_this_name_says_whose_it_is() -> None:
    assert judge(seal("respond/leaked_access_key/other", ENTRIES, KEY)).response.endswith("/other")


def test_a_format_of_the_future_is_not_guessed_at() -> None:
    verdict = judge(written(links(), signed(head_over(links(), version=3), KEY)))
    assert "the file is in format 3" in first(verdict).says
    assert not verdict.ok


@pytest.mark.parametrize("changes", [{"entries": str(COUNT)}, {"entries": float(COUNT) + 0.5}, {"more": 1}])
def test_a_head_of_another_shape_is_refused_even_when_signed(changes: dict[str, Any]) -> None:
    assert first(judge(written(links(), signed(head_over(links(), **changes), KEY)))).about == "head"


@pytest.mark.parametrize("count", [0, -1])
def test_entries_after_the_signed_count_are_named(count: int) -> None:
    found = first(judge(written(links(), signed(head_over(links(), entries=count), KEY))))
    assert found.says.startswith("entry 0 (received) was added")


def test_a_head_about_nothing_is_refused() -> None:
    payload = head_over(links(), entries=0)
    verdict = judge(b'{"entries":[\n],"head":' + signed(payload, KEY) + b"}\n")
    assert any("at least" in each.says for each in verdict.objections)


def test_two_signatures_are_one_too_many() -> None:
    """A second one would be bytes that nobody checks."""
    head = json.loads(DATA)["head"]
    head["signatures"] *= 2
    assert first(judge(written(links(), canonical(head)))).about == "head"


def test_nothing_of_the_files_own_text_stands_in_the_objections() -> None:
    entries = links()
    entries[2]["kind"] = "\x1b[31mfine\x1b[0m"
    entries = chained(entries)
    step = "\x1b[2J\u202e" + "x" * 500
    begun = Entry(at=ENTRIES[0].at, kind="begun", says="y", step=step)
    for data in (written(entries, envelope()), seal(RESPONSE, (*ENTRIES, begun), KEY)):
        for objection in judge(data).objections:
            assert objection.says.isprintable()
            assert len(objection.says) < 400


# ---- the law of the ledger ------------------------------------------------------------------


def test_a_step_that_was_begun_and_never_settled_is_told() -> None:
    entries = (
        Telling()
        .receive()
        .carry_out("stop_key")
        .note("begun", "stop it again", step="stop_key")
        .close()
        .entries
    )
    verdict = judge(seal(RESPONSE, tuple(entries), KEY))
    assert not verdict.ok
    assert verdict.intact
    assert verdict.signer == "trusted"
    assert first(verdict).model_dump() == {
        "about": "ledger",
        "says": "step 'stop_key' was begun in entry 5 and nothing is said about what became of it",
        "seq": 5,
        "kind": "begun",
    }


@pytest.mark.parametrize(
    "kind", ["applied", "failed", "settled", "undone", "stuck", "verified", "unverified"]
)
def test_whatever_became_of_a_begun_step_settles_it(kind: Any) -> None:
    told = Telling().receive().note("begun", "x", step="stop_key").note(kind, "y", step="stop_key")
    entries = told.close().entries
    assert judge(seal(RESPONSE, tuple(entries), KEY)).ok
