"""The directory: who is who is looked up at the click, and what cannot be read means no."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Vote
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.people.identity import Directory, Identity
from firedoor.domain.yaml import reader
from firedoor.people.directory import LiveDirectory

TOKEN = "fdp_made_up"
TEXT = f"""
people:
  ann: {{name: Ann, email: Ann@example.com, slack: [T1/UANN, T2/UANN2], oidc: okta-ann, principals: [ann]}}
  bob: {{name: Bob, slack: T1/UBOB, okta: okta-bob}}
  cid: {{name: Cid, token_sha256: {hashlib.sha256(TOKEN.encode()).hexdigest()}}}
groups:
  secops: [ann]
  oncall: {{slack_usergroup: S1}}
  leads: {{okta_group: 00g1, people: [cid]}}
  claimed: {{oidc_group: security}}
  nobody: []
"""


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Slack:
    """A Slack that counts how often it is asked; `hold` makes it think, `error` fail."""

    def __init__(self) -> None:
        self.groups: dict[str, tuple[str, ...]] = {"S1": ("UBOB",)}
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.calls = 0

    async def usergroup_members(self, group_id: str) -> tuple[str, ...]:
        self.calls += 1
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        if group_id not in self.groups:
            raise Absent("no_such_subteam")
        return self.groups[group_id]


class Okta(Slack):
    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, str] = {"okta-bob": "ACTIVE"}

    async def group_members(self, group_id: str) -> Mapping[str, str]:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.people


class World:
    def __init__(self, folder: Path, *, within: float = 1.0) -> None:
        self.file = folder / "people.yaml"
        self.file.write_text(TEXT)
        self.clock, self.slack, self.okta = Clock(), Slack(), Okta()
        self.directory = LiveDirectory(
            self.file, clock=self.clock, slack=self.slack, okta=self.okta, within=within
        )

    def rewrite(self, change: Callable[[str], str]) -> None:
        self.file.write_text(change(self.file.read_text()))

    async def groups(self, person: str) -> tuple[str, ...]:
        return (await self.directory.person(person)).groups


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def slack(*keys: str) -> Identity:
    return Identity(kind="slack", keys=keys)


def oidc(world: World, *groups: str, subject: str = "okta-ann", ago: float = 0) -> Identity:
    at = world.clock.now - timedelta(seconds=ago)
    return Identity(kind="oidc", keys=(subject,), groups=groups, at=at)


# ---- who is who ------------------------------------------------------------------------


async def test_each_kind_of_identity_leads_to_its_one_person(world: World) -> None:
    directory: Directory = world.directory
    token = Identity(kind="token", keys=(hashlib.sha256(TOKEN.encode()).hexdigest(),))
    assert (await directory.voter(slack("T1/UANN"))).person == "ann"
    assert (await directory.voter(token)).person == "cid"
    assert (await directory.voter(oidc(world))).person == "ann"
    assert (await directory.voter(Identity(kind="person", keys=("bob",)))).person == "bob"
    assert (await directory.person("bob")).person == "bob"


async def test_two_slack_accounts_of_one_human_are_one_person(world: World) -> None:
    first, second = [await world.directory.voter(slack(key)) for key in ("T1/UANN", "T2/UANN2")]
    assert first.person == second.person == "ann"
    assert (first.account, second.account) == ("T1/UANN", "T2/UANN2")


async def test_an_account_is_found_by_its_organisation_or_its_workspace(world: World) -> None:
    assert (await world.directory.voter(slack("E9/UANN", "T1/UANN"))).account == "T1/UANN"


@pytest.mark.parametrize(
    "identity",
    [
        slack("T2/UANN"),
        slack("T1/UEVE"),
        slack("ann"),
        slack("T1/UANN", "T1/UBOB"),  # of two people
        Identity(kind="token", keys=("0" * 64,)),
        Identity(kind="token", keys=("",)),
        Identity(kind="oidc", keys=("",)),
        Identity(kind="person", keys=("eve",)),
        Identity(kind="person", keys=("T1/UANN",)),
    ],
)
async def test_an_identity_that_is_not_one_persons_is_nobodys(world: World, identity: Identity) -> None:
    with pytest.raises(Absent):
        await world.directory.voter(identity)


# ---- people.yaml -----------------------------------------------------------------------


async def test_who_is_removed_from_the_file_is_nobody_at_the_next_click_without_a_restart(
    world: World,
) -> None:
    assert "secops" in (await world.directory.voter(slack("T1/UANN"))).groups
    world.rewrite(lambda text: text.replace("secops: [ann]", "secops: [bob]"))
    assert "secops" not in (await world.directory.voter(slack("T1/UANN"))).groups
    world.rewrite(lambda text: text.replace("T1/UANN,", ""))
    with pytest.raises(Absent):
        await world.directory.voter(slack("T1/UANN"))


@pytest.mark.parametrize(
    "broken", ["people: [", "people: {ann: {nme: A}}", "groups: {secops: [eve]}", "\x00"]
)
async def test_a_file_that_does_not_check_is_nobody_until_it_is_mended(world: World, broken: str) -> None:
    await world.directory.voter(slack("T1/UANN"))
    with capture_logs() as logs:
        world.file.write_text(broken)
        for _ in range(3):
            with pytest.raises(Unavailable, match="cannot be read, or does not check"):
                await world.directory.voter(slack("T1/UANN"))
            with pytest.raises(Unavailable):
                await world.directory.members(["secops"])
        world.file.write_text(TEXT)
        assert (await world.directory.voter(slack("T1/UANN"))).person == "ann"
    assert [entry["event"] for entry in logs] == ["people.unreadable", "people.readable"]


async def test_a_file_that_is_gone_is_nobody(world: World) -> None:
    await world.directory.voter(slack("T1/UANN"))
    world.file.unlink()
    with pytest.raises(Unavailable):
        await world.directory.voter(slack("T1/UANN"))


async def test_a_token_that_stands_where_its_hash_belongs_is_not_logged(world: World) -> None:
    with capture_logs() as logs:
        world.file.write_text(f"people: {{ann: {{name: A, token_sha256: {TOKEN}}}}}")
        with pytest.raises(Unavailable) as caught:
            await world.directory.person("ann")
    assert TOKEN not in f"{logs} {caught.value}"
    assert logs[0]["places"] == "people.yaml:1:39"


async def test_a_file_that_has_settled_is_read_again_only_when_it_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    load = reader.load

    def counted(*arguments: Any) -> Any:
        reads.append(1)
        return load(*arguments)

    monkeypatch.setattr(reader, "load", counted)
    for _ in range(2):  # written just now: a second change within the same tick would look the same
        await world.directory.person("ann")
    assert len(reads) == 2
    os.utime(world.file, (1, 1))
    for _ in range(3):
        await world.directory.person("ann")
    assert len(reads) == 3
    world.file.write_text(TEXT.replace("[ann]", "[bob]"))
    os.utime(world.file, (1, 1))  # as old and as long as before; the file system still tells that it changed
    assert "secops" in await world.groups("bob")


# ---- groups that others keep -------------------------------------------------------------


async def test_a_group_of_slack_or_okta_is_who_they_say_now(world: World) -> None:
    assert await world.groups("bob") == ("leads", "oncall")
    assert await world.groups("cid") == ("leads",)  # by the file, whatever Okta says
    assert await world.groups("ann") == ("secops",)


async def test_an_answer_is_believed_for_a_minute_and_not_longer(world: World) -> None:
    await world.groups("bob")
    world.slack.groups["S1"] = ()
    world.clock.move(59)
    assert "oncall" in await world.groups("bob")
    assert world.slack.calls == 1
    world.clock.move(1)
    assert "oncall" not in await world.groups("bob")
    assert world.slack.calls == 2


async def test_believing_does_not_renew_itself(world: World) -> None:
    await world.groups("bob")
    world.slack.groups["S1"] = ()
    for _ in range(4):
        world.clock.move(20)
        groups = await world.groups("bob")
    assert "oncall" not in groups


async def test_a_clock_that_was_set_back_makes_no_answer_live_longer(world: World) -> None:
    await world.groups("bob")
    world.slack.groups["S1"] = ()
    world.clock.move(-1)
    assert "oncall" not in await world.groups("bob")


@pytest.mark.parametrize(
    "error", [Unavailable("HTTP 503"), Rejected("missing_scope"), OSError(), ValueError(), TypeError()]
)
async def test_a_source_that_cannot_be_read_proves_nobody_and_stops_nobody_else(
    world: World, error: Exception
) -> None:
    world.okta.error = error
    voter = await world.directory.voter(slack("T1/UBOB"))
    assert (voter.groups, voter.unread) == (("oncall",), ("leads",))
    # Those whom the file or another source proves vote on.
    assert await world.groups("ann") == ("secops",)
    assert await world.groups("cid") == ("leads",)


async def test_who_is_asked_for_through_a_source_that_is_down_is_told_so(world: World) -> None:
    world.okta.error = Unavailable("HTTP 503")
    approval = Approval(
        id="1",
        plan_sha256="a" * 64,
        rules=(ApprovalRule(from_=("leads",), within=timedelta(minutes=5)),),
        asked_at=world.clock.now,
        deadline=world.clock.now + timedelta(minutes=5),
    )

    async def told(key: str) -> str | None:
        vote = Vote(
            id=key,
            decision="approve",
            voter=await world.directory.voter(slack(key)),
            door="slack",
            fingerprint=approval.fingerprint,
            at=world.clock.now,
        )
        return approval.objection(vote, world.clock.now)

    assert await told("T1/UBOB") == "who is in leads cannot be read now, which means no; try again soon"
    world.clock.move(5)
    world.okta.error = None
    assert await told("T1/UBOB") is None
    world.okta.people = {}
    world.clock.move(61)
    assert "you are not in leads" in str(await told("T1/UBOB"))


async def test_a_failure_never_falls_back_to_an_older_answer_and_is_not_believed_long(world: World) -> None:
    assert "oncall" in await world.groups("bob")
    world.clock.move(60)
    world.slack.error = Unavailable("HTTP 503")
    assert "oncall" not in await world.groups("bob")
    world.slack.error = None
    world.clock.move(1)
    assert "oncall" not in await world.groups("bob")  # not asked again at every click
    assert world.slack.calls == 2
    world.clock.move(1)
    assert "oncall" in await world.groups("bob")


async def test_a_source_that_does_not_answer_in_time_counts_as_down(tmp_path: Path) -> None:
    world = World(tmp_path, within=0.01)
    world.slack.hold = asyncio.Event()
    voter = await world.directory.person("bob")
    assert (voter.groups, voter.unread) == (("leads",), ("oncall",))


async def test_clicks_at_once_share_one_call_and_one_who_leaves_takes_it_from_nobody(world: World) -> None:
    world.slack.hold = asyncio.Event()
    clicks = [asyncio.create_task(world.groups("bob")) for _ in range(5)]
    await world.slack.asked.wait()
    clicks[0].cancel()
    world.slack.hold.set()
    groups = await asyncio.gather(*clicks, return_exceptions=True)
    assert isinstance(groups[0], asyncio.CancelledError)
    assert groups[1:] == [("leads", "oncall")] * 4
    assert world.slack.calls == 1


async def test_a_group_that_is_empty_or_does_not_exist_or_whose_source_is_not_ours_means_nobody(
    world: World,
) -> None:
    world.slack.groups, world.okta.people = {}, {}
    voter = await world.directory.person("bob")
    assert (voter.groups, voter.unread) == ((), ())
    without = LiveDirectory(world.file, clock=world.clock)
    assert (await without.person("bob")).groups == ()
    assert await world.directory.members(["nobody", "oncall", "unheard-of"]) == {}


@pytest.mark.parametrize("status", ["SUSPENDED", "DEPROVISIONED", "LOCKED_OUT", "STAGED", "active", ""])
async def test_whom_okta_does_not_let_in_is_in_no_group_of_okta(world: World, status: str) -> None:
    world.okta.people = {"okta-bob": status}
    assert "leads" not in await world.groups("bob")


async def test_an_id_of_one_vendor_proves_nothing_at_another(world: World) -> None:
    world.okta.people = {"UBOB": "ACTIVE"}
    world.slack.groups["S1"] = ("okta-bob",)
    assert await world.groups("bob") == ()


async def test_the_subject_is_the_id_in_okta_where_none_is_written(world: World) -> None:
    world.okta.people = {"okta-ann": "ACTIVE"}
    assert await world.groups("ann") == ("leads", "secops")


async def test_nobody_is_asked_about_somebody_whom_they_cannot_know(world: World) -> None:
    await world.groups("cid")
    assert world.slack.calls == world.okta.calls == 0


# ---- groups that a sign-in claims --------------------------------------------------------


@pytest.mark.parametrize(("ago", "counts"), [(0, True), (60, True), (61, False), (-4, True), (-6, False)])
async def test_a_claim_counts_while_it_is_at_most_a_minute_old(
    world: World, ago: float, *, counts: bool
) -> None:
    voter = await world.directory.voter(oidc(world, "security", "other", ago=ago))
    assert ("claimed" in voter.groups) is counts
    assert voter.claims == (("security",) if counts else ())
    assert (voter.claimed_at is not None) is counts


async def test_a_claim_counts_for_the_sign_in_that_made_it_and_for_nothing_else(world: World) -> None:
    at = world.clock.now
    for kind, key in (("slack", "T1/UANN"), ("person", "ann")):
        identity = Identity.model_validate({"kind": kind, "keys": (key,), "groups": ("security",), "at": at})
        assert "claimed" not in (await world.directory.voter(identity)).groups
    assert "claimed" not in (await world.directory.voter(oidc(world, "claimed"))).groups
    undated = Identity(kind="oidc", keys=("okta-ann",), groups=("security",))
    assert "claimed" not in (await world.directory.voter(undated)).groups


async def test_again_knows_what_was_claimed_while_it_is_fresh_and_which_account_spoke(world: World) -> None:
    voter = await world.directory.voter(oidc(world, "security"))
    assert "claimed" in (await world.directory.again(voter)).groups
    world.clock.move(61)
    assert "claimed" not in (await world.directory.again(voter)).groups
    spoke = await world.directory.voter(slack("T2/UANN2"))
    assert (await world.directory.again(spoke)).account == "T2/UANN2"
    world.rewrite(lambda text: text.replace("[T1/UANN, T2/UANN2]", "T1/UANN"))
    assert (await world.directory.again(spoke)).account == ""


# ---- what others need to know ------------------------------------------------------------


async def test_whom_one_may_ask_is_who_is_known_to_be_in_a_group(world: World) -> None:
    assert await world.directory.members(["leads", "oncall"]) == {"bob": "Bob", "cid": "Cid"}
    world.clock.move(60)
    world.okta.error = world.slack.error = Unavailable("HTTP 503")
    assert await world.directory.members(["leads", "oncall"]) == {"cid": "Cid"}


async def test_people_and_groups_are_mentioned_by_their_slack_ids(world: World) -> None:
    assert await world.directory.slack_of("ann") == "UANN"
    assert await world.directory.slack_of("cid") is None
    assert await world.directory.slack_users() == {"ann": "UANN", "bob": "UBOB"}
    assert await world.directory.usergroups() == {"oncall": "S1"}


async def test_passkeys_are_those_of_the_person_now(world: World) -> None:
    assert await world.directory.passkeys("ann") == ()
    world.rewrite(
        lambda text: text.replace("name: Ann,", "name: Ann, passkeys: [{name: key, id: aWQ, key: a2V5}],")
    )
    assert [passkey.id for passkey in await world.directory.passkeys("ann")] == ["aWQ"]
    with pytest.raises(Absent):
        await world.directory.passkeys("eve")
