# ruff: noqa: E501  the snapshot shows lines as they are printed
"""`firedoor evidence` judges and reads a file with nothing but the file and a key."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from firedoor.config.initial import Initial
from firedoor.connectors.signing import SigningKey, generate
from firedoor.domain.approval.policy import ApprovalRule, BreakGlass
from firedoor.domain.approval.vote import Proof
from firedoor.domain.core.canonical import fingerprint as shortened
from firedoor.domain.evidence.pack import read, seal
from firedoor.domain.response.ledger import Entry
from tests.cli.shell import firedoor
from tests.ledgers import GATEWAY, GATEWAYS, RESPONSE, Lived, step, whole

KEY = SigningKey.from_pem(generate())
DATA = seal(RESPONSE, whole(), KEY)


@pytest.fixture(autouse=True)
def sealed(here: Path) -> Path:
    """A sealed file and the public key that an auditor was given."""
    (here / "public.pem").write_bytes(KEY.public_pem())
    (here / "gateways.pem").write_bytes(GATEWAY.public_pem())
    (here / "evidence.json").write_bytes(DATA)
    return here / "evidence.json"


def verify(*more: str, gateways: str = "gateways.pem") -> tuple[int, str]:
    trusted = ["--gateway-keys", gateways] if gateways else []
    said = firedoor("evidence", "verify", "evidence.json", *more, *trusted)
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


def test_a_head_that_was_told_is_compared_with_the_file(sealed: Path) -> None:
    told = f"evidence sealed, head {read(DATA).head.witness()}"
    status, out = verify("--key", "public.pem", "--head", told)
    assert status == 0
    assert "the head is the one that was told when it was sealed" in out
    sealed.write_bytes(seal(RESPONSE, whole()[:-1], KEY))  # by the holder of the key
    assert verify("--key", "public.pem")[0] == 0
    status, out = verify("--key", "public.pem", "--head", told)
    assert status == 1
    assert "entries were left out" in out


def test_without_a_head_it_is_said_what_that_leaves_open() -> None:
    assert "could have left entries out" in " ".join(verify("--key", "public.pem")[1].split())


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
    good = firedoor(
        "evidence",
        "verify",
        "evidence.json",
        "--key",
        "public.pem",
        "--gateway-keys",
        "gateways.pem",
        "--json",
    )
    assert (good.status, good.json["ok"], good.json["signer"]) == (0, True, "trusted")
    sealed.write_bytes(b"garbage")
    bad = firedoor(
        "evidence",
        "verify",
        "evidence.json",
        "--key",
        "public.pem",
        "--gateway-keys",
        "gateways.pem",
        "--json",
    )
    assert (bad.status, bad.json["ok"], bad.json["intact"]) == (1, False, False)
    assert bad.json["objections"]


def test_whose_words_they_are_is_not_proven_without_a_gateway_key_that_one_trusts(here: Path) -> None:
    status, out = verify("--key", "public.pem", gateways="")
    assert status == 1
    assert "give the gateway keys that you trust" in " ".join(out.split())
    (here / "lines").write_text("".join(f"{key}\n" for key in GATEWAYS))
    status, out = verify("--key", "public.pem", gateways="lines")
    assert status == 0
    assert "2 words of people, each signed by a gateway whose key you trust" in " ".join(out.split())
    status, out = verify("--key", "public.pem", gateways="public.pem")
    assert status == 1
    assert "for which nobody vouches" in " ".join(out.split())


def test_the_gateway_keys_are_those_of_the_configuration_when_none_are_given(config: Initial) -> None:
    ours = (config.directory / "firedoor.yaml").read_text()
    assert verify("--key", "public.pem", gateways="")[0] == 1
    trusting = re.sub(r'keys: \["[^"]+"\]', f'keys: ["{GATEWAYS[0]}"]', ours)
    (config.directory / "firedoor.yaml").write_text(trusting)
    assert verify("--key", "public.pem", gateways="")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify", "evidence.json", "--gateway-keys", "nowhere.pem"], "nowhere.pem cannot be read"),
        (["verify", "evidence.json", "--gateway-keys", "evidence.json"], "something else than keys"),
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
  apply  1C00-64B6-F999 of secops-leads, 2 needed: granted
         ada  yes  2026-11-22 02:14:13Z by slack
           · in secops-leads and everyone; looked up again: the same
         lin  yes  2026-11-22 02:14:14Z by slack
           · in secops-leads and everyone; looked up again: the same

Timeline
  +0.0 s   received  aws.guardduty  aws.guardduty reported UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom
  +1.0 s   planned   firedoor       deactivate access key AKIAIOSFODNN7EXAMPLE of bob; delete access key AKIAIOSFODNN7EXAMPLE of bob
  +2.0 s   asked     firedoor       secops-leads asked to approve 1C00-64B6-F999
  +3.0 s   begun     firedoor       stop_key: deactivate access key AKIAIOSFODNN7EXAMPLE of bob
  +4.0 s   applied   firedoor       stop_key: the key is off
  +5.0 s   verified  firedoor       stop_key: the key is off
  +6.0 s   voted     ada            ada said approve
  +7.0 s   voted     lin            lin said approve
  +8.0 s   decided   firedoor       apply 1C00-64B6-F999: granted
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


# ---- a yes, in all its ways ------------------------------------------------------------------


def sealed_as(sealed: Path, *entries: Entry) -> None:
    sealed.write_bytes(seal(RESPONSE, entries, KEY))


def test_show_tells_what_made_a_vote_count_and_what_fell(sealed: Path) -> None:
    told = Lived().ask().vote("ada").vote("lin", door="cli").confirm(without=("ada",))
    told.vote("bea", door="page").confirm().decide().carry_out("delete_key").close()
    sealed_as(sealed, *told.entries)
    out = firedoor("evidence", "show", "evidence.json").out
    assert "a vote fell, it was asked again" in out
    assert "FELL: not known any more, or not by this account" in out
    assert "in secops-leads; looked up again: the same" in out
    assert verify("--key", "public.pem")[0] == 0


def test_show_tells_who_acted_alone_and_why(sealed: Path) -> None:
    review = ApprovalRule(from_=("secops-leads",), quorum=1, within=timedelta(hours=4))
    told = Lived(break_glass=BreakGlass(people=("dave",), review=review)).ask()
    told.vote("dave", break_glass=True, comment="nobody answers and data is leaving")
    told.confirm().decide().carry_out("delete_key").close()
    sealed_as(sealed, *told.entries)
    out = firedoor("evidence", "show", "evidence.json").out
    assert "dave  yes  ALONE" in out
    assert "nobody answers and data is leaving" in out
    status, judged = verify("--key", "public.pem")
    assert status == 1, "nobody looked at it"
    assert "lets one person act alone, and no review of that is told" in judged


def test_show_tells_how_a_yes_was_signed_and_what_was_refused(sealed: Path) -> None:
    rule = ApprovalRule(from_=("secops-leads",), quorum=1, within=timedelta(minutes=30), step_up=True)
    told = Lived(step("stop_key"), step("delete_key", asked=True).model_copy(update={"approval": rule})).ask()
    plan = told.story.asks["apply"].plan_sha256
    told.vote("ada", door="page", proof=Proof(kind="passkey", by="laptop", plan_sha256=plan, at=told.at))
    told.confirm().decide()
    says = "the kill switch is thrown: lin froze everything: we are under attack"
    told.story.note(told.later(), "begun", "delete it", step="delete_key")
    told.story.note(told.later(), "settled", says, step="delete_key", data={"outcome": "refused"})
    sealed_as(sealed, *told.close().entries)
    out = firedoor("evidence", "show", "evidence.json").out
    assert f"signed by passkey laptop at 2026-11-22T02:14:10.250000Z, over {shortened(plan)}" in out
    assert "\nRefused\n" in out
    assert says in out
    assert verify("--key", "public.pem")[0] == 0


def test_a_vote_that_was_taken_out_before_sealing_is_named(sealed: Path) -> None:
    """The chain holds, for whoever has the key sealed it; the count does not."""
    sealed_as(sealed, *[entry for entry in whole() if entry.says != "lin said approve"])
    status, out = verify("--key", "public.pem")
    assert status == 1
    assert out.startswith("✗ not proven")
    assert "entry 7 (decided) counts 1 vote that the ledger does not hold" in out
