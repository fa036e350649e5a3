"""The traps of deactivating a key: whose it is, whether it works, and who else changed it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.aws.deactivate_access_key import DeactivateAccessKey, KeyStatusBefore
from activities.aws.iam.access_key import KeyParams
from firedoor.domain.action.action import Already, Captured, Change, Refuse, Verdict
from firedoor.testing.aws import RecordedAws
from tests.scenes.aws_deactivate_access_key import DeactivateAccessKeyScene
from tests.scenes.aws_leaked_key import NEIGHBOUR, USER, user_state
from tests.scenes.aws_world import AwsWorld

ACTIVE = KeyStatusBefore(status=Captured.of("Active"))
INACTIVE = KeyStatusBefore(status=Captured.of("Inactive"))


@pytest.fixture
def scene(ministack_world: AwsWorld) -> DeactivateAccessKeyScene:
    return DeactivateAccessKeyScene(ministack_world)


@pytest.fixture
def params(scene: DeactivateAccessKeyScene) -> KeyParams:
    return KeyParams.model_validate(scene.arrange())


def set_status(scene: DeactivateAccessKeyScene, key: str, status: str) -> None:
    scene.world.client("iam").update_access_key(UserName=USER, AccessKeyId=key, Status=status)


@pytest.mark.parametrize(
    "key", ["ASIAIOSFODNN7EXAMPLE", "akiaiosfodnn7example", "AKIA", "AKIAIOSFODNN7EXAMPLE "]
)
def test_what_is_no_long_lived_key_is_refused_when_it_is_read(key: str) -> None:
    with pytest.raises(ValidationError):
        KeyParams.model_validate({"user": USER, "access_key_id": key})


@pytest.mark.integration
def test_a_key_of_another_user_is_refused(scene: DeactivateAccessKeyScene, params: KeyParams) -> None:
    forged = params.model_copy(update={"user": NEIGHBOUR})
    planned = scene.act("read").plan(forged)
    assert planned == Refuse(
        says=f"access key {params.access_key_id} belongs to another user than {NEIGHBOUR}"
    )


@pytest.mark.integration
def test_a_key_that_does_not_exist_is_refused(scene: DeactivateAccessKeyScene, params: KeyParams) -> None:
    unknown = params.model_copy(update={"access_key_id": "AKIAIOSFODNN7EXAMPLE"})
    assert isinstance(scene.act("read").plan(unknown), Refuse)


@pytest.mark.integration
def test_a_key_of_root_is_refused(scene: DeactivateAccessKeyScene, params: KeyParams) -> None:
    class RootOwns(RecordedAws):
        def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
            answer = super().call(service, operation, **parameters)
            if operation == "GetAccessKeyLastUsed":
                answer.pop("UserName")
            return answer

    planned = DeactivateAccessKey(RootOwns(scene.world.aws(), [])).plan(params)
    assert isinstance(planned, Refuse)
    assert "root" in planned.says


@pytest.mark.integration
def test_a_key_that_is_inactive_already_is_left_so(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    set_status(scene, params.access_key_id, "Inactive")
    assert isinstance(scene.act("read").plan(params), Already)
    assert user_state(scene.world, USER)["keys"][params.access_key_id] == "Inactive"


@pytest.mark.integration
def test_a_key_that_was_inactive_before_us_stays_inactive_after_undo(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    set_status(scene, params.access_key_id, "Inactive")
    scene.act("apply").apply(params, INACTIVE)
    assert scene.act("undo").undo(params, INACTIVE).outcome == "nothing"
    assert user_state(scene.world, USER)["keys"][params.access_key_id] == "Inactive"


@pytest.mark.integration
def test_a_key_that_somebody_deleted_is_contained_and_cannot_be_given_back(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    scene.act("apply").apply(params, ACTIVE)
    scene.disturb()
    assert scene.act("read").verify(params, ACTIVE).verdict is Verdict.YES
    assert scene.act("undo").undo(params, ACTIVE).outcome == "drifted"


@pytest.mark.integration
def test_a_key_that_the_attacker_activated_again_is_noticed(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    scene.act("apply").apply(params, ACTIVE)
    set_status(scene, params.access_key_id, "Active")
    assert scene.act("read").verify(params, ACTIVE).verdict is not Verdict.YES


@pytest.mark.integration
def test_stopping_the_users_other_key_does_not_void_a_vote(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    first = scene.act("read").plan(params)
    set_status(scene, scene.spare["AccessKeyId"], "Inactive")
    second = scene.act("read").plan(params)
    assert isinstance(first, Change)
    assert isinstance(second, Change)
    assert [item.says for item in first.consequences] == [item.says for item in second.consequences]
    assert "other active keys of the user: 1" in first.consequences[0].observed
    assert "other active keys of the user: 0" in second.consequences[0].observed


@pytest.mark.integration
def test_the_plan_tells_when_the_key_was_used_last(
    scene: DeactivateAccessKeyScene, params: KeyParams
) -> None:
    planned = scene.act("read").plan(params)
    assert isinstance(planned, Change)
    assert "used" in planned.consequences[0].observed
