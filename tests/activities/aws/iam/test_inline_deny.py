"""The traps of a deny policy of ours: its cut time, its name, its room, and who must never be denied."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.aws.iam.inline_deny import PolicyBefore, parsed
from activities.aws.iam.policy_slots import MOST_ATTACHED
from activities.aws.quarantine_user import QuarantineParams, QuarantineUser
from activities.aws.revoke_role_sessions import RevokeRoleSessions, RoleSessionsParams
from activities.aws.revoke_user_sessions import RevokeUserSessions, UserSessionsParams
from firedoor.domain.action.action import Already, Change, Refuse, Verdict
from firedoor.domain.core.errors import Unavailable
from firedoor.testing.aws import RecordedAws
from tests.scenes.aws_leaked_key import USER, user_with_key
from tests.scenes.aws_quarantine_user import QuarantineUserScene
from tests.scenes.aws_revoke_role_sessions import ROLE, RevokeRoleSessionsScene
from tests.scenes.aws_revoke_user_sessions import RevokeUserSessionsScene
from tests.scenes.aws_world import AwsWorld, policy

OTHER_INCIDENT = "f5e4d3c2b1a0"
HTML = "<html>"


class At(RecordedAws):
    """A connector whose AWS tells a time of the test's choice."""

    time = datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell it."""
        return self.time


def cut(world: AwsWorld) -> str:
    """Read the cut time that stands in the role's policy."""
    document = world.client("iam").get_role_policy(
        RoleName=ROLE, PolicyName=f"firedoor-{world.incident}-sessions"
    )["PolicyDocument"]
    found: str = document["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    return found


def planned(action: Any, params: Any) -> Change:
    change = action.plan(params)
    assert isinstance(change, Change), change.says
    return change


def captured(action: Any, params: Any) -> PolicyBefore:
    before = planned(action, params).before
    assert isinstance(before, PolicyBefore)
    return before


@pytest.mark.parametrize(
    "document",
    [{"Version": "2012-10-17"}, '{"Version":"2012-10-17"}', "%7B%22Version%22%3A%222012-10-17%22%7D"],
)
def test_a_document_is_read_as_a_dict_as_text_and_as_quoted_text(document: Any) -> None:
    assert parsed(document) == {"Version": "2012-10-17"}


@pytest.mark.parametrize("document", ["", "[]", HTML, "{", "%7B"])
def test_a_document_that_is_none_is_an_answer_we_do_not_know(document: str) -> None:
    with pytest.raises(Unavailable):
        parsed(document)


def works_soon(attempt: Callable[[], bool]) -> bool:
    """Try until it works: the emulator's own clock has to pass the cut, two seconds at most."""
    for _ in range(100):
        if attempt():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.integration
def test_a_new_session_of_the_role_works_while_the_old_one_is_refused(ministack_world: AwsWorld) -> None:
    scene = RevokeRoleSessionsScene(ministack_world)
    params = RoleSessionsParams.model_validate(scene.arrange())
    change = planned(scene.act("read"), params)
    scene.act("apply").apply(params, change.before)
    assert scene.attack() is False
    assert works_soon(lambda: scene.works(scene.take_session()))
    assert scene.attack() is False
    assert scene.act("read").verify(params, change.before).verdict is Verdict.YES


@pytest.mark.integration
def test_the_users_key_and_its_new_sessions_work_while_the_old_one_is_refused(
    ministack_world: AwsWorld,
) -> None:
    scene = RevokeUserSessionsScene(ministack_world)
    params = UserSessionsParams.model_validate(scene.arrange())
    change = planned(scene.act("read"), params)
    scene.act("apply").apply(params, change.before)
    assert scene.attack() is False
    own = ministack_world.client("iam", scene.key["AccessKeyId"], scene.key["SecretAccessKey"])
    assert ministack_world.allowed(own.list_users)

    def new_session_works() -> bool:
        sts = ministack_world.client("sts", scene.key["AccessKeyId"], scene.key["SecretAccessKey"])
        scene.session = sts.get_session_token()["Credentials"]
        return scene.attack() is True

    assert works_soon(new_session_works)


@pytest.mark.integration
def test_a_federated_session_is_ended_too(ministack_world: AwsWorld) -> None:
    iam = ministack_world.client("iam")
    key = user_with_key(ministack_world, USER)
    grant = {"Effect": "Allow", "Action": ["iam:ListUsers", "sts:GetFederationToken"], "Resource": "*"}
    iam.put_user_policy(UserName=USER, PolicyName="federates", PolicyDocument=policy(grant))
    sts = ministack_world.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    held = sts.get_federation_token(Name="backdoor", Policy=policy(grant))["Credentials"]
    stolen = ministack_world.client("iam", held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"])
    params = UserSessionsParams(user=USER)
    action = RevokeUserSessions(ministack_world.aws())
    before = captured(action, params)
    iam.update_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert ministack_world.allowed(stolen.list_users), "a session outlives the key it was taken with"
    action.apply(params, before)
    assert not ministack_world.allowed(stolen.list_users)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:06Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=UTC), "2026-01-02T03:04:07Z"),
        (datetime(2026, 1, 2, 3, 4, 58, 999999, tzinfo=UTC), "2026-01-02T03:05:00Z"),
    ],
)
@pytest.mark.integration
def test_the_cut_is_awss_time_and_after_every_session_of_that_second(
    moto_world: AwsWorld, told: datetime, expected: str
) -> None:
    params = RoleSessionsParams.model_validate(RevokeRoleSessionsScene(moto_world).arrange())
    aws = At(moto_world.aws(), [])
    aws.time = told
    action = RevokeRoleSessions(aws)
    action.apply(params, captured(action, params))
    assert cut(moto_world) == expected


@pytest.mark.integration
def test_a_repeated_apply_keeps_the_first_cut(moto_world: AwsWorld) -> None:
    params = RoleSessionsParams.model_validate(RevokeRoleSessionsScene(moto_world).arrange())
    aws = At(moto_world.aws(), [])
    action = RevokeRoleSessions(aws)
    before = captured(action, params)
    action.apply(params, before)
    first = cut(moto_world)
    aws.time = datetime(2026, 1, 2, 9, 0, 0, tzinfo=UTC)
    action.apply(params, before)
    assert cut(moto_world) == first


@pytest.mark.integration
def test_the_plan_does_not_depend_on_the_time(moto_world: AwsWorld) -> None:
    params = RoleSessionsParams.model_validate(RevokeRoleSessionsScene(moto_world).arrange())
    aws = At(moto_world.aws(), [])
    first = planned(RevokeRoleSessions(aws), params)
    aws.time = datetime(2027, 1, 1, tzinfo=UTC)
    assert planned(RevokeRoleSessions(aws), params) == first
    assert "2026" not in first.model_dump_json(exclude={"consequences"})


@pytest.mark.integration
def test_two_incidents_on_one_user_have_a_policy_each_and_the_last_lets_go(
    ministack_world: AwsWorld,
) -> None:
    scene = QuarantineUserScene(ministack_world)
    params = QuarantineParams.model_validate(scene.arrange())
    first = planned(scene.act("read"), params)
    scene.act("apply").apply(params, first.before)
    ministack_world.incident = OTHER_INCIDENT
    second = planned(scene.act("read"), params)
    scene.act("apply").apply(params, second.before)
    scene.act("undo").undo(params, second.before)
    assert scene.attack() is False
    ministack_world.incident = "0a1b2c3d4e5f"
    scene.act("undo").undo(params, first.before)
    assert scene.attack() is True


@pytest.mark.integration
def test_quarantine_denies_the_sessions_that_the_user_took(ministack_world: AwsWorld) -> None:
    scene = RevokeUserSessionsScene(ministack_world)
    params = QuarantineParams.model_validate(scene.arrange())
    action = QuarantineUser(ministack_world.aws())
    before = captured(action, params)
    assert scene.attack() is True
    action.apply(params, before)
    assert scene.attack() is False


@pytest.mark.integration
def test_a_planted_policy_under_our_name_does_not_stop_the_quarantine_and_comes_back(
    ministack_world: AwsWorld,
) -> None:
    scene = QuarantineUserScene(ministack_world)
    params = QuarantineParams.model_validate(scene.arrange())
    scene.disturb()
    world = scene.snapshot()
    before = captured(scene.act("read"), params)
    scene.act("apply").apply(params, before)
    assert scene.attack() is False
    assert scene.act("undo").undo(params, before).outcome == "restored"
    assert scene.snapshot() == world


@pytest.mark.integration
def test_a_policy_that_the_attacker_weakened_is_not_contained(ministack_world: AwsWorld) -> None:
    scene = QuarantineUserScene(ministack_world)
    params = QuarantineParams.model_validate(scene.arrange())
    before = captured(scene.act("read"), params)
    scene.act("apply").apply(params, before)
    scene.disturb()
    assert scene.act("read").verify(params, before).verdict is Verdict.NO


def fill_inline(world: AwsWorld) -> None:
    """Leave no room among the user's inline policies."""
    filler = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + "x" * 1900}
    world.client("iam").put_user_policy(UserName=USER, PolicyName="filler", PolicyDocument=policy(filler))


SECOND_WAY = pytest.mark.parametrize(
    ("scene_of", "model"),
    [(QuarantineUserScene, QuarantineParams), (RevokeUserSessionsScene, UserSessionsParams)],
    ids=["quarantine", "sessions"],
)


@pytest.mark.integration
@SECOND_WAY
def test_where_the_inline_policies_are_full_a_policy_is_attached_and_people_are_told_before(
    ministack_world: AwsWorld, scene_of: Any, model: Any
) -> None:
    scene = scene_of(ministack_world)
    params = model.model_validate_json(json.dumps(dict(scene.arrange())))
    fill_inline(ministack_world)
    world = scene.snapshot()
    change = planned(scene.act("read"), params)
    assert change.says.endswith("by an attached policy, for its inline policies are full")
    before = PolicyBefore.model_validate_json(change.before.model_dump_json())
    assert before.managed
    assert scene.attack() is True
    for _ in range(2):  # again is once
        scene.act("apply").apply(params, before)
    assert scene.attack() is False
    assert scene.act("read").verify(params, before).verdict is Verdict.YES
    assert isinstance(scene.act("read").plan(params), Already)
    assert scene.act("undo").undo(params, before).outcome == "restored"
    assert scene.act("read").verify_undo(params, before).verdict is Verdict.YES
    assert scene.act("undo").undo(params, before).outcome == "nothing"
    assert scene.attack() is True
    assert scene.snapshot() == world
    ours = ministack_world.client("iam").list_policies(Scope="Local")["Policies"]
    assert [each["PolicyName"] for each in ours if each["PolicyName"].startswith("firedoor-")] == []


@pytest.mark.integration
def test_an_attached_policy_that_somebody_detached_is_not_contained(moto_world: AwsWorld) -> None:
    scene = QuarantineUserScene(moto_world)
    params = QuarantineParams.model_validate(scene.arrange())
    fill_inline(moto_world)
    before = captured(scene.act("read"), params)
    scene.act("apply").apply(params, before)
    iam = moto_world.client("iam")
    (ours,) = iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    iam.detach_user_policy(UserName=USER, PolicyArn=ours["PolicyArn"])
    assert scene.act("read").verify(params, before).verdict is Verdict.NOT_YET


@pytest.mark.integration
def test_a_user_with_room_for_neither_is_refused_before_anything_is_done(moto_world: AwsWorld) -> None:
    scene = QuarantineUserScene(moto_world)
    params = QuarantineParams.model_validate(scene.arrange())
    fill_inline(moto_world)
    iam = moto_world.client("iam")
    for number in range(MOST_ATTACHED):
        arn = iam.create_policy(
            PolicyName=f"p{number}",
            PolicyDocument=policy({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}),
        )["Policy"]["Arn"]
        iam.attach_user_policy(UserName=USER, PolicyArn=arn)
    refused = scene.act("read").plan(params)
    assert isinstance(refused, Refuse)
    assert "has room neither for one more inline policy" in refused.says


@pytest.mark.integration
def test_who_does_not_exist_is_refused(ministack_world: AwsWorld) -> None:
    aws = ministack_world.aws()
    assert isinstance(QuarantineUser(aws).plan(QuarantineParams(user="nobody")), Refuse)
    assert isinstance(RevokeUserSessions(aws).plan(UserSessionsParams(user="nobody")), Refuse)
    assert isinstance(RevokeRoleSessions(aws).plan(RoleSessionsParams(role="nobody")), Refuse)


@pytest.mark.integration
def test_who_was_deleted_meanwhile_is_contained_and_leaves_nothing_to_undo(moto_world: AwsWorld) -> None:
    iam = moto_world.client("iam")
    iam.create_user(UserName="shortlived")
    params = QuarantineParams(user="shortlived")
    action = QuarantineUser(moto_world.aws())
    before = captured(action, params)
    iam.delete_user(UserName="shortlived")
    assert action.verify(params, before).verdict is Verdict.YES
    assert action.undo(params, before).outcome == "nothing"


@pytest.mark.parametrize(
    "role",
    [
        "AWSServiceRoleForSupport",
        "AWSReservedSSO_Admin_0123456789abcdef",
        "OrganizationAccountAccessRole",
        "AWSControlTowerExecution",
    ],
)
@pytest.mark.integration
def test_a_reserved_role_is_refused_by_its_name(moto_world: AwsWorld, role: str) -> None:
    moto_world.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=policy())
    assert isinstance(RevokeRoleSessions(moto_world.aws()).plan(RoleSessionsParams(role=role)), Refuse)


@pytest.mark.parametrize(
    "path", ["/aws-service-role/support.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"]
)
@pytest.mark.integration
def test_a_reserved_role_is_refused_by_its_path(moto_world: AwsWorld, path: str) -> None:
    moto_world.client("iam").create_role(RoleName="harmless", Path=path, AssumeRolePolicyDocument=policy())
    refused = RevokeRoleSessions(moto_world.aws()).plan(RoleSessionsParams(role="harmless"))
    assert isinstance(refused, Refuse)


@pytest.mark.integration
def test_instances_that_may_not_be_listed_are_not_known_and_stop_nothing(ministack_world: AwsWorld) -> None:
    scene = RevokeRoleSessionsScene(ministack_world)
    params = RoleSessionsParams.model_validate(scene.arrange())
    first = planned(scene.act("read"), params)
    scene.deny("iam:ListInstanceProfilesForRole")
    again = planned(scene.act("read"), params)
    assert again.consequences[-1].observed == "whether there are any is not known"
    assert [each.says for each in again.consequences] == [each.says for each in first.consequences]


@pytest.mark.integration
def test_the_plan_names_the_instance_profiles_that_are_hit(ministack_world: AwsWorld) -> None:
    scene = RevokeRoleSessionsScene(ministack_world)
    params = RoleSessionsParams.model_validate(scene.arrange())
    told = planned(scene.act("read"), params).consequences
    said = [item.says for item in told]
    (instances,) = (item for item in told if item.says.startswith("instances that work as this role"))
    assert instances.observed == "with profile web"
    assert "the role's longest session does not bound" in instances.says
    assert "sessions chained from this role into another role are not ended" in said


@pytest.mark.integration
def test_a_session_minted_after_the_cut_ends_when_the_cut_is_made_again(ministack_world: AwsWorld) -> None:
    scene = RevokeUserSessionsScene(ministack_world)
    params = UserSessionsParams.model_validate_json(json.dumps(scene.arrange()))
    before = captured(scene.act("read"), params)
    scene.act("apply").apply(params, before)

    def minted_after_the_cut_works() -> bool:
        sts = ministack_world.client("sts", scene.key["AccessKeyId"], scene.key["SecretAccessKey"])
        scene.session = sts.get_session_token()["Credentials"]
        return scene.attack() is True

    assert works_soon(minted_after_the_cut_works), "the key still mints sessions"
    ministack_world.client("iam").update_access_key(
        UserName=USER, AccessKeyId=scene.key["AccessKeyId"], Status="Inactive"
    )
    scene.act("apply").renew(params, before)
    assert scene.attack() is False


@pytest.mark.integration
def test_a_cut_that_somebody_moved_back_is_seen_and_a_later_theft_moves_it(moto_world: AwsWorld) -> None:
    params = RoleSessionsParams.model_validate(RevokeRoleSessionsScene(moto_world).arrange())
    aws = At(moto_world.aws(), [])
    action = RevokeRoleSessions(aws)
    first = captured(action, params)
    action.apply(params, first)
    of_the_theft = params.model_copy(update={"until": aws.time})
    assert action.verify(of_the_theft, first).verdict is Verdict.YES
    later = params.model_copy(update={"until": aws.time.replace(hour=9)})
    assert action.verify(later, first).verdict is Verdict.NO
    aws.time = aws.time.replace(hour=10)
    action.apply(later, captured(action, later))
    assert cut(moto_world) == "2026-01-02T10:04:07Z"
    assert action.verify(later, first).verdict is Verdict.YES
    assert action.undo(later, first).outcome == "restored"
    assert moto_world.client("iam").list_role_policies(RoleName=ROLE)["PolicyNames"] == ["reads"]
