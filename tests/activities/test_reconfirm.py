"""Everyone who said yes is looked up once more: by then they may be somebody else, or nobody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reconfirm import Confirming
from firedoor.domain.approval.approval import Approval
from firedoor.domain.approval.policy import ApprovalRule
from firedoor.domain.approval.vote import Door, Vote
from firedoor.domain.core.errors import Unavailable
from firedoor.domain.people.identity import Identity
from firedoor.domain.response.contract import CONFIRM
from firedoor.domain.response.messages import Confirmed, ConfirmOrder
from firedoor.people.slack_accounts import SlackAccounts
from tests.people.test_directory import World, oidc, slack
from tests.people.test_slack_accounts import TEAM, Users


class Asked:
    """An ask of `groups`, whose votes come through the real directory."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.users = Users("UANN", "UANN2", "UBOB", team="T1")
        self.accounts = SlackAccounts(self.users, teams=("T1", "T2"), clock=self.world.clock)
        self.confirming = Confirming(self.world.directory, self.accounts)

    async def vote(self, identity: Identity, door: Door = "slack", **more: object) -> Vote:
        now = self.world.clock.now
        voter = await self.world.directory.voter(identity)
        approval = self.approval(*voter.groups or ("secops",))
        told = {
            "id": f"{voter.person}/{door}",
            "decision": "approve",
            "voter": voter,
            "door": door,
            "at": now,
        }
        return Vote.model_validate({**told, "fingerprint": approval.fingerprint, **more})

    def approval(self, *groups: str) -> Approval:
        now = self.world.clock.now
        rule = ApprovalRule(from_=groups, within=timedelta(minutes=5))
        deadline = now + timedelta(minutes=5)
        return Approval(id="1", plan_sha256="a" * 64, rules=(rule,), asked_at=now, deadline=deadline)

    async def confirm(self, *votes: Vote) -> Confirmed:
        return await ActivityEnvironment().run(self.confirming.confirm, ConfirmOrder(votes=votes))

    async def stands(self, vote: Vote, *groups: str) -> bool:
        """Whether a vote of an ask of `groups` still makes its quorum."""
        known = await self.confirm(vote)
        counted, fallen = self.approval(*groups).with_vote(vote).confirm(known.voters)
        assert counted.confirmed is not bool(fallen)
        return counted.confirmed


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def test_it_goes_by_the_name_that_the_response_calls() -> None:
    assert activity._Definition.must_from_callable(Confirming.confirm).name == CONFIRM == "people.confirm"


async def test_who_is_still_who_they_were_is_confirmed_and_a_no_needs_nobody(asked: Asked) -> None:
    yes, also = await asked.vote(slack("T1/UANN")), await asked.vote(slack("T1/UBOB"))
    no = (await asked.vote(slack("T1/UANN"))).model_copy(update={"decision": "reject"})
    assert set((await asked.confirm(yes, also)).voters) == {"ann", "bob"}
    assert (await asked.confirm(no)).voters == {}
    assert await asked.stands(yes, "secops")


async def test_who_was_removed_between_vote_and_quorum_has_no_vote(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UANN"))
    asked.world.rewrite(lambda text: text.replace("secops: [ann]", "secops: []"))
    assert not await asked.stands(vote, "secops")
    asked.world.rewrite(lambda text: text.replace("  ann:", "  anna:").replace("[ann,", "[anna,"))
    assert (await asked.confirm(vote)).voters == {}


async def test_who_left_a_group_that_others_keep_has_no_vote_a_minute_later(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UBOB"))
    asked.world.slack.groups["S1"] = ()
    asked.world.clock.move(60)
    assert not await asked.stands(vote, "oncall")
    assert await asked.stands(vote, "leads")


async def test_a_group_that_cannot_be_read_is_tried_again_and_never_taken_for_a_yes(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UBOB"))
    asked.world.clock.move(60)
    asked.world.slack.error = asked.world.okta.error = Unavailable("HTTP 503")
    with pytest.raises(ApplicationError, match="oncall or leads cannot be read") as caught:
        await asked.confirm(vote)
    assert (caught.value.type, caught.value.non_retryable) == ("Unavailable", False)


async def test_one_group_that_made_the_vote_count_is_enough_to_confirm_it(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UBOB"))
    asked.world.clock.move(60)
    asked.world.okta.error = Unavailable("HTTP 503")
    assert await asked.stands(vote, "oncall")
    assert not await asked.stands(vote, "leads")


async def test_a_file_that_does_not_check_is_tried_again(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UANN"))
    asked.world.file.write_text("people: [")
    with pytest.raises(ApplicationError) as caught:
        await asked.confirm(vote)
    assert (caught.value.type, caught.value.non_retryable) == ("Unavailable", False)


async def test_a_group_of_the_file_is_confirmed_while_other_sources_are_down(asked: Asked) -> None:
    vote = await asked.vote(slack("T1/UANN"))
    asked.world.clock.move(60)
    asked.world.slack.error = asked.world.okta.error = Unavailable("HTTP 503")
    assert await asked.stands(vote, "secops")


@pytest.mark.parametrize("flag", ["deleted", "is_restricted", "is_stranger", "is_bot"])
async def test_a_slack_account_that_may_not_speak_any_more_has_no_vote(asked: Asked, flag: str) -> None:
    vote = await asked.vote(slack("T1/UANN"))
    asked.users.people["UANN"][flag] = True
    assert (await asked.confirm(vote)).voters == {}


async def test_the_account_that_spoke_is_looked_at_and_no_other(asked: Asked) -> None:
    asked.users.people["UANN"]["deleted"] = True
    assert await asked.stands(await asked.vote(slack("T2/UANN2")), "secops")
    assert await asked.stands(await asked.vote(oidc(asked.world), "page"), "secops")


async def test_an_account_that_was_unlinked_since_has_no_vote(asked: Asked) -> None:
    vote = await asked.vote(slack("T2/UANN2"))
    asked.world.rewrite(lambda text: text.replace("[T1/UANN, T2/UANN2]", "T1/UANN"))
    assert (await asked.confirm(vote)).voters == {}


async def test_slack_that_does_not_answer_is_tried_again_and_none_at_all_confirms_nothing(
    asked: Asked,
) -> None:
    vote = await asked.vote(slack("T1/UANN"))
    asked.users.error = Unavailable("HTTP 503")
    with pytest.raises(ApplicationError) as caught:
        await asked.confirm(vote)
    assert caught.value.type == "Unavailable"
    asked.confirming = Confirming(asked.world.directory, None)
    assert (await asked.confirm(vote)).voters == {}


async def test_what_a_sign_in_claimed_counts_again_for_a_minute(asked: Asked) -> None:
    vote = await asked.vote(oidc(asked.world, "security"), "page")
    asked.world.clock.move(60)
    assert await asked.stands(vote, "claimed")
    asked.world.clock.move(1)
    assert not await asked.stands(vote, "claimed")
    assert await asked.stands(vote, "secops")


async def test_who_broke_the_glass_needs_no_group(asked: Asked) -> None:
    asked.world.okta.error = Unavailable("HTTP 503")
    vote = await asked.vote(slack("T1/UBOB"), break_glass=True, comment="the building is on fire")
    asked.world.clock.move(60)
    asked.world.slack.error = Unavailable("HTTP 503")
    assert set((await asked.confirm(vote)).voters) == {"bob"}


def test_the_workspace_of_these_tests_is_the_other_ones_too() -> None:
    assert TEAM != "T1"  # so that `team=` above is what makes the accounts ours
