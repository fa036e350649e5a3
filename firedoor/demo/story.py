"""The story of the demo: each sentence is checked before it is told."""

from __future__ import annotations

from typing import Final

from activities.evidence import verify_file
from firedoor.connectors.demo_aws import Holder
from firedoor.demo.finding import ATTACKER, guardduty
from firedoor.demo.house import House
from firedoor.demo.response import Incident, Witness, expect
from firedoor.demo.slack import decided_in_slack
from firedoor.demo.stage import Stage
from firedoor.domain.core.errors import Rejected
from firedoor.domain.evidence.pack import read
from firedoor.domain.evidence.summary import summarise

_BUCKET: Final = "shop-customers"
_OBJECT: Final = "customers.csv"
_WHERE: Final = f"s3://{_BUCKET}/{_OBJECT}"
_ROWS: Final = b"id,name,street\n" + b"\n".join(b"%d,Jane Doe,Main Street %d" % (n, n) for n in range(4000))
_DEPLOYER, _REPORTER = "ci-deployer", "report-bot"


def tell(house: House, stage: Stage) -> None:
    """Tell all of it; raises Broken where something is not so."""
    also = ", a fake Slack" if house.page else ""
    stage.good(
        "Firedoor",
        f"Temporal, gateway, worker{also} and an AWS emulator run on loopback",
        f"{stage.seconds:.1f} s",
    )
    stage.small(
        f"The emulator checks signatures and policies; Firedoor may make {house.rights} kinds of calls there."
    )
    account = house.account
    readers = [account.user(name, ["sts:GetSessionToken"]) for name in (_DEPLOYER, _REPORTER)]
    account.bucket(_BUCKET, {_OBJECT: _ROWS}, readers=readers)
    _real(house, stage)
    undone = _false_alarm(house, stage)
    if undone:
        _evidence(house, stage)
    stage.end()


# ---- a real leak ---------------------------------------------------------------------


def _real(house: House, stage: Stage) -> None:
    key = house.account.key(_DEPLOYER)
    stage.act(
        "A key leaks", f"{_DEPLOYER}'s access key {key.id} stands in a public repository. Somebody found it."
    )
    attacker = house.account.holder(key)
    _reads(stage, attacker, "attacker", f"reads {_WHERE}")
    session = attacker.session()
    _reads(stage, session, "attacker", "takes a session with the key, to go on without it")

    stage.act("GuardDuty sees it")
    event = guardduty(
        type_="Exfiltration:S3/MaliciousIPCaller",
        severity=8,
        title=f"Data was read from {_BUCKET} from {ATTACKER}, an address of known attackers.",
        user=_DEPLOYER,
        user_id=house.account.id_of(_DEPLOYER),
        key=key.id,
        bucket=_BUCKET,
    )
    with Witness(lambda: attacker.read(_BUCKET, _OBJECT)) as witness:
        incident = Incident.posted(house, stage, event)
        witness.accepted()
        incident.again(event)
        stage.act("The plan", "Made by reading alone; what the finding says is checked against the account.")
        incident.plan()
        stage.act(
            "At once",
            "What can be taken back needs nobody. Done and verified, counted from the finding's acceptance:",
        )
        incident.contained()
    stage.good("attacker", witness.told(), f"{witness.milliseconds} ms")
    _refused(stage, attacker, "attacker", "reads with the key")
    _refused(stage, session, "attacker", "reads with the session")

    stage.act(
        "Asked", "What cannot be taken back is decided by people: here two of them, in time, by fingerprint."
    )
    if house.page is not None:
        granted = decided_in_slack(house.page, stage, incident)
    else:
        granted = _decided_here(stage, incident)
    if granted:
        expect(key.id not in house.account.state(_DEPLOYER)["keys"], "the deleted key is still there")
        stage.good("AWS", f"knows no key {key.id} any more", "verified")
    else:
        expect(house.account.state(_DEPLOYER)["keys"].get(key.id) == "Inactive", "the key is not inactive")
        stage.good("AWS", "the key stays, and stays inactive", "verified")
    stage.small("it is held for 24 h, and looked at again and again: whoever re-opens it is noticed")


def _decided_here(stage: Stage, incident: Incident) -> bool:
    """Let the person at the terminal decide, over HTTP; whether it was a yes."""
    report = incident.asked()
    if not stage.ask("You are Alice, on call. Delete the key for good?", default=False):
        incident.reject("alice", report, "handled_elsewhere: the person at the terminal said no")
        stage.good("Alice", "says no", "rejected")
        return False
    incident.approved_by("alice", report)
    incident.approved_twice("alice", report)
    incident.approved_by("bob", report)
    incident.verified("delete_key")
    return True


# ---- a false alarm -------------------------------------------------------------------


def _false_alarm(house: House, stage: Stage) -> bool:
    """Tell of an undo; False when the person did not want it."""
    key = house.account.key(_REPORTER)
    before = house.account.state(_REPORTER)
    owner = house.account.holder(key)
    stage.act("A false alarm", f"{_REPORTER} moved behind a new VPN, and GuardDuty takes its exit for Tor's.")
    _works(stage, owner, "its owner", f"reads {_WHERE}")
    event = guardduty(
        type_="UnauthorizedAccess:IAMUser/TorIPCaller",
        severity=5,
        title="APIs were called from an address of the Tor network.",
        user=_REPORTER,
        user_id=house.account.id_of(_REPORTER),
        key=key.id,
        bucket=_BUCKET,
    )
    incident = Incident.posted(house, stage, event)
    incident.contained()
    _refused(stage, owner, "its owner", "reads again")
    report = incident.asking()
    incident.reject("alice", report, "false_positive: report-bot moved behind a VPN")
    stage.good("Alice", "says no to deleting the key: a false positive", "rejected")
    if not stage.ask("Take the containment back?", default=True):
        stage.small("then it stays contained until its hold is over, and its evidence is sealed then")
        return False
    report = incident.undo_asked("alice", "report-bot moved behind a VPN")
    _refused_vote(
        stage, "Alice", "approves the undo that she asked for", lambda: incident.vote("alice", report)
    )
    incident.approved_by("bob", report)
    incident.undone()
    _works(stage, owner, "its owner", f"reads {_WHERE}")
    expect(house.account.state(_REPORTER) == before, "the user is not as it was before")
    stage.good("AWS", f"{_REPORTER} has its keys and policies back, exactly as they were", "verified")
    return True


# ---- the evidence --------------------------------------------------------------------


def _evidence(house: House, stage: Stage) -> None:
    stage.act("Evidence", "The ledger of a closed response: chained, signed, written once, verified offline.")
    (file,) = house.evidence()
    trusted, gateways = house.public_key(), house.gateway_keys()
    verdict = verify_file(file, trusted, gateways=gateways)
    expect(verdict.ok, f"the evidence does not verify: {[each.says for each in verdict.objections]}")
    stage.path(file)
    summary = summarise(read(file.read_bytes()))
    proven = f"{verdict.entries} entries, complete, in order, signed; head {summary.head_fingerprint}"
    stage.good("verify", proven, "proven")
    data = bytearray(file.read_bytes())
    place = data.index(b"false_positive")
    data[place] ^= 1
    forged = house.folder / "forged.evidence.json"
    forged.write_bytes(data)
    verdict = verify_file(forged, trusted, gateways=gateways)
    expect(not verdict.ok and bool(verdict.objections), "a flipped bit was not noticed")
    says = verdict.objections[0].says
    stage.good("one bit flipped", says, "caught")


# ---- what everybody does -------------------------------------------------------------


def _reads(stage: Stage, who: Holder, name: str, what: str) -> None:
    attempt = who.read(_BUCKET, _OBJECT)
    expect(attempt.answered, f"{name} was refused ({attempt.code}) before anything was done")
    stage.bad(name, what, f"{attempt.status} · {attempt.size // 1000} kB of customers")


def _works(stage: Stage, who: Holder, name: str, what: str) -> None:
    attempt = who.read(_BUCKET, _OBJECT)
    expect(attempt.answered, f"{name} is refused ({attempt.code}), and should not be")
    stage.good(name, what, f"{attempt.status} · {attempt.size // 1000} kB")


def _refused(stage: Stage, who: Holder, name: str, what: str) -> None:
    attempt = who.read(_BUCKET, _OBJECT)
    expect(not attempt.answered, f"{name} is still answered ({attempt.status})")
    stage.good(name, what, f"{attempt.status} {attempt.code}")


def _refused_vote(stage: Stage, name: str, what: str, vote: object) -> None:
    try:
        vote()  # type: ignore[operator]
    except Rejected as error:
        stage.good(name, f"{what}: “{error.found}”", "not counted")
    else:
        expect(False, f"{name} {what}, and it counted")
