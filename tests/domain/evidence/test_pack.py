"""The format of evidence: what sealing writes, byte by byte."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.core.canonical import canonical
from firedoor.domain.core.errors import FiredoorError, Rejected, Unreadable
from firedoor.domain.evidence.pack import PAYLOAD_TYPE, file_name, keyid, pre_authentication, read, seal, tail
from firedoor.domain.response.ledger import Entry
from tests.ledgers import RESPONSE, START, Telling, whole

KEY = SigningKey.from_pem(generate())


def lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def test_the_file_is_one_json_document() -> None:
    document = json.loads(seal(RESPONSE, whole(), KEY))
    assert set(document) == {"entries", "head"}
    assert [link["kind"] for link in document["entries"]] == [entry.kind for entry in whole()]


def test_every_entry_is_one_line_of_canonical_json() -> None:
    first, *entries, last, nothing = lines(seal(RESPONSE, whole(), KEY))
    assert first == b'{"entries":['
    assert nothing == b""
    assert last.startswith(b'],"head":{"payload":"')
    assert last.endswith(b"}}")
    assert [line.endswith(b",") for line in entries] == [True] * (len(whole()) - 1) + [False]
    for line in entries:
        assert canonical(json.loads(line.removesuffix(b","))) == line.removesuffix(b",")


def test_each_entry_hashes_the_one_before() -> None:
    before = "0" * 64
    for seq, link in enumerate(json.loads(seal(RESPONSE, whole(), KEY))["entries"]):
        assert (link["seq"], link["prev"]) == (seq, before)
        before = link.pop("hash")
        assert before == hashlib.sha256(canonical(link)).hexdigest()


def test_the_head_is_a_dsse_envelope_over_count_last_hash_and_response() -> None:
    document = json.loads(seal(RESPONSE, whole(), KEY))
    head = document["head"]
    payload = base64.b64decode(head["payload"])
    assert head["payloadType"] == PAYLOAD_TYPE == "application/vnd.firedoor.evidence+json"
    assert json.loads(payload) == {
        "version": 2,
        "response": RESPONSE,
        "entries": len(whole()),
        "head": document["entries"][-1]["hash"],
        "sealed_at": document["entries"][-1]["at"],
        "public_key": base64.b64encode(KEY.public_key).decode(),
    }
    [signature] = head["signatures"]
    assert signature["keyid"] == hashlib.sha256(KEY.public_key).hexdigest()
    assert base64.b64decode(signature["sig"]) == KEY.sign(pre_authentication(payload))


def test_pre_authentication_is_that_of_the_dsse_protocol() -> None:
    payload = "{\u00e9}".encode()
    assert pre_authentication(payload) == (b"DSSEv1 38 application/vnd.firedoor.evidence+json 4 {\xc3\xa9}")


def test_sealing_twice_writes_the_same_bytes() -> None:
    assert seal(RESPONSE, whole(), KEY) == seal(RESPONSE, whole(), KEY)


def test_a_ledger_that_came_back_from_history_seals_to_the_same_bytes() -> None:
    """Temporal hands the entries over as JSON; a retry on another worker must not differ for that."""
    again = tuple(Entry.model_validate_json(entry.model_dump_json()) for entry in whole())
    assert seal(RESPONSE, again, KEY) == seal(RESPONSE, whole(), KEY)


def test_the_zone_in_which_a_time_came_does_not_matter() -> None:
    east = timezone(timedelta(hours=9))
    moved = tuple(entry.model_copy(update={"at": entry.at.astimezone(east)}) for entry in whole())
    assert seal(RESPONSE, moved, KEY) == seal(RESPONSE, whole(), KEY)
    assert json.loads(seal(RESPONSE, moved, KEY))["entries"][0]["at"] == "2026-11-22T02:14:07.250000Z"
    assert file_name(RESPONSE, moved) == file_name(RESPONSE, whole())


def test_a_number_that_json_would_round_is_kept_as_text() -> None:
    """A detector's attribute must not be the reason that evidence cannot be written."""
    link = json.loads(seal(RESPONSE, whole(), KEY))["entries"][0]
    assert link["data"]["finding"]["resources"][0]["attributes"]["huge"] == str(2**60)


def test_everything_else_stays_as_given() -> None:
    given_, link = whole()[0], json.loads(seal(RESPONSE, whole(), KEY))["entries"][0]
    assert link["data"]["finding"]["title"] == given_.data["finding"]["title"]  # type: ignore[index,call-overload]
    assert (link["says"], link["step"]) == (given_.says, None)


def test_an_empty_ledger_is_not_sealed() -> None:
    with pytest.raises(Rejected, match="empty"):
        seal(RESPONSE, (), KEY)


def test_the_name_sorts_by_time_and_names_playbook_and_incident() -> None:
    later = tuple(entry.model_copy(update={"at": entry.at + timedelta(days=40)}) for entry in whole())
    first, second = file_name(RESPONSE, whole()), file_name(RESPONSE, later)
    twelve = hashlib.sha256(RESPONSE.encode()).hexdigest()[:12]
    assert first == f"20261122T021407Z-leaked_access_key-{twelve}.evidence.json"
    assert first < second
    assert second.endswith(tail(RESPONSE))


@given(st.text(min_size=1))
def test_no_response_id_leads_out_of_the_folder(response: str) -> None:
    assert "/" not in file_name(response, whole())
    assert not file_name(response, whole()).startswith(".")


def test_reading_gives_the_ledger_back() -> None:
    entries = tuple(Telling().receive().carry_out("stop_key").close().entries[1:])  # without the huge number
    pack = read(seal(RESPONSE, entries, KEY))
    assert pack.entries == entries
    assert pack.head.response == RESPONSE
    assert pack.keyid == keyid(KEY.public_key)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b'{"entries":[],"head":null}',
        b'{"entries":[],"head":{"payload":1,"signatures":[{"keyid":"","sig":""}]}}',
        b'{"entries":[],"head":{"payload":"\xc3\xa9","signatures":[{"keyid":"","sig":""}]}}',
        b'{"entries":[],"head":{"payload":"e30=","signatures":"x"}}',
        b"[" * 100_000,
        b'{"entries":' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_evidence_is_unreadable_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


def test_an_entry_that_is_none_is_unreadable() -> None:
    document = json.loads(seal(RESPONSE, whole(), KEY))
    for entry in (1, "x", {}, {"at": "yesterday"}):
        with pytest.raises(FiredoorError, match="not evidence"):
            read(json.dumps({**document, "entries": [entry]}).encode())


def test_the_times_of_the_file_are_those_of_the_ledger() -> None:
    assert read(seal(RESPONSE, whole(), KEY)).entries[0].at == START
