# ruff: noqa: E501  the snapshot shows lines as they are printed
"""`firedoor evidence` judges and reads a file with nothing but the file and a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.evidence import seal
from firedoor.initial import Initial
from tests.commands.shell import firedoor
from tests.ledgers import RESPONSE, whole

KEY = SigningKey.from_pem(generate())
DATA = seal(RESPONSE, whole(), KEY)


@pytest.fixture(autouse=True)
def sealed(here: Path) -> Path:
    """A sealed file and the public key that an auditor was given."""
    (here / "public.pem").write_bytes(KEY.public_pem())
    (here / "evidence.json").write_bytes(DATA)
    return here / "evidence.json"


def verify(*more: str) -> tuple[int, str]:
    said = firedoor("evidence", "verify", "evidence.json", *more)
    assert said.err == ""
    return said.status, said.out


def test_a_whole_file_is_proven_by_the_key_one_trusts() -> None:
    status, out = verify("--key", "public.pem")
    assert status == 0
    assert out.startswith(f"✓ proven: {len(whole())} entries, complete, unchanged, in order")
    assert RESPONSE in out


def test_the_key_is_that_of_the_configuration_when_none_is_given(config: Initial, sealed: Path) -> None:
    """No other secret is needed for it."""
    private = (config.directory / "secrets/evidence.pem").read_bytes()
    sealed.write_bytes(seal(RESPONSE, whole(), SigningKey.from_pem(private)))
    for name in ("guardduty.key", "generic.whsec"):
        (config.directory / "secrets" / name).unlink()
    assert verify()[0] == 0
    assert verify("--key", "public.pem")[0] == 1


def test_without_any_key_nothing_is_proven() -> None:
    status, out = verify()
    assert status == 1
    assert out.startswith("✗ not proven\n  •  integrity holds, but the signer is unknown")


def test_one_flipped_byte_is_named(sealed: Path) -> None:
    sealed.write_bytes(DATA.replace(b"ada said approve", b"eve said approve"))
    status, out = verify("--key", "public.pem")
    assert status == 1
    assert out.startswith("✗ NOT as it was sealed\n")
    assert "entry 6 (voted) was changed" in out


def test_a_missing_last_entry_is_named(sealed: Path) -> None:
    lines = DATA.split(b"\n")
    del lines[-3]
    lines[-3] = lines[-3].rstrip(b",")
    sealed.write_bytes(b"\n".join(lines))
    assert "the last entry is missing" in verify("--key", "public.pem")[1]


def test_a_swapped_order_is_named(sealed: Path) -> None:
    lines = DATA.split(b"\n")
    lines[3], lines[4] = lines[4], lines[3]
    sealed.write_bytes(b"\n".join(lines))
    assert "the order was changed" in verify("--key", "public.pem")[1]


def test_json_says_the_same(sealed: Path) -> None:
    good = firedoor("evidence", "verify", "evidence.json", "--key", "public.pem", "--json")
    assert (good.status, good.json["ok"], good.json["signer"]) == (0, True, "trusted")
    sealed.write_bytes(b"garbage")
    bad = firedoor("evidence", "verify", "evidence.json", "--key", "public.pem", "--json")
    assert (bad.status, bad.json["ok"], bad.json["intact"]) == (1, False, False)
    assert bad.json["objections"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify", "nowhere.json"], "nowhere.json could not be read"),
        (["verify", "evidence.json", "--key", "nowhere.pem"], "nowhere.pem cannot be read"),
        (["verify", "evidence.json", "--key", "evidence.json"], "the public key cannot be read"),
        (["show", "nowhere.json"], "nowhere.json cannot be read"),
        (["show", "public.pem"], "this is not evidence as Firedoor writes it"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], says: str) -> None:
    said = firedoor("evidence", *arguments)
    assert (said.status, said.out) == (2, "")
    assert says in said.err


def test_show_tells_who_did_what_when() -> None:
    said = firedoor("evidence", "show", "evidence.json")
    assert said.status == 0
    text = said.out.replace(KEY.public_key.hex(), "")
    assert text.partition("\nhead ")[0] == snapshot("""\
leaked_access_key  closed  respond/leaked_access_key/bcae019c8616ce217dd2079a92be0eda
high · aws.guardduty UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom · account 123456789012
“Grüße <b>"bob"</b> ‹U+202E› [red]␊],"head":{ \\ 😀”

  received              2026-11-22 02:14:07Z
  first change after    3 s
  first verified after  5 s
  waited for people     6 s
  closed after          12 s

Asked
  apply  F9EB-65C7-C63B of secops-leads, 2 needed: granted
         ada  yes  2026-11-22 02:14:13Z by slack
         lin  yes  2026-11-22 02:14:14Z by slack

Timeline
  +0.0 s   received  aws.guardduty  aws.guardduty reported UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom
  +1.0 s   planned   firedoor       deactivate access key AKIAIOSFODNN7EXAMPLE of bob; delete access key AKIAIOSFODNN7EXAMPLE of bob
  +2.0 s   asked     firedoor       secops-leads asked to approve F9EB-65C7-C63B
  +3.0 s   begun     firedoor       stop_key: deactivate access key AKIAIOSFODNN7EXAMPLE of bob
  +4.0 s   applied   firedoor       stop_key: the key is off
  +5.0 s   verified  firedoor       stop_key: the key is off
  +6.0 s   voted     ada            ada said approve
  +7.0 s   voted     lin            lin said approve
  +8.0 s   decided   firedoor       apply F9EB-65C7-C63B: granted
  +9.0 s   begun     firedoor       delete_key: delete access key AKIAIOSFODNN7EXAMPLE of bob
  +10.0 s  applied   firedoor       delete_key: the key is off
  +11.0 s  verified  firedoor       delete_key: the key is off
  +12.0 s  closed    firedoor       closed as closed

Left in place
  stop_key    verified  deactivate access key AKIAIOSFODNN7EXAMPLE of bob
  delete_key  verified  delete access key AKIAIOSFODNN7EXAMPLE of bob
""")


def test_text_of_the_finding_cannot_act_on_the_terminal() -> None:
    """The ledger's finding carries a direction mark, a newline and markup in its title."""
    said = firedoor("evidence", "show", "evidence.json").out
    assert "\u202e" not in said
    assert "[red]" in said


def test_show_as_json_is_the_summary() -> None:
    told = firedoor("evidence", "show", "evidence.json", "--json").json
    assert told["response"] == RESPONSE
    assert [row["kind"] for row in told["timeline"]] == [entry.kind for entry in whole()]
