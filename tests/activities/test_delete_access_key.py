"""The traps of deleting a key: only an inactive one, and our own deactivation voids no vote."""

from __future__ import annotations

import pytest

from activities.aws.delete_access_key import DeleteAccessKey, NothingBefore
from activities.aws.iam.access_key import KeyParams
from firedoor.domain.action.action import Action, Already, Refuse
from firedoor.domain.core.errors import Rejected
from tests.scenes.aws_delete_access_key import DeleteAccessKeyScene
from tests.scenes.aws_leaked_key import NEIGHBOUR, USER, user_state
from tests.scenes.aws_world import AwsWorld

pytestmark = pytest.mark.integration


@pytest.fixture
def scene(ministack_world: AwsWorld) -> DeleteAccessKeyScene:
    return DeleteAccessKeyScene(ministack_world)


@pytest.fixture
def params(scene: DeleteAccessKeyScene) -> KeyParams:
    return KeyParams.model_validate(scene.arrange())


def activate(scene: DeleteAccessKeyScene) -> None:
    scene.world.client("iam").update_access_key(
        UserName=USER, AccessKeyId=scene.key["AccessKeyId"], Status="Active"
    )


def test_a_key_that_is_still_active_is_not_deleted(scene: DeleteAccessKeyScene, params: KeyParams) -> None:
    activate(scene)
    with pytest.raises(Rejected) as refused:
        scene.act("apply").apply(params, NothingBefore())
    assert refused.value.code == "KeyStillActive"
    assert params.access_key_id in user_state(scene.world, USER)["keys"]


def test_the_plan_is_the_same_before_and_after_our_own_deactivation(
    scene: DeleteAccessKeyScene, params: KeyParams
) -> None:
    after = scene.act("read").plan(params)
    activate(scene)
    assert scene.act("read").plan(params) == after


def test_a_key_of_another_user_is_refused(scene: DeleteAccessKeyScene, params: KeyParams) -> None:
    planned = scene.act("read").plan(params.model_copy(update={"user": NEIGHBOUR}))
    assert isinstance(planned, Refuse)


def test_a_key_of_a_user_that_does_not_exist_is_refused(
    scene: DeleteAccessKeyScene, params: KeyParams
) -> None:
    assert isinstance(scene.act("read").plan(params.model_copy(update={"user": "nobody"})), Refuse)


def test_a_key_that_is_gone_is_gone_already(scene: DeleteAccessKeyScene, params: KeyParams) -> None:
    unknown = params.model_copy(update={"access_key_id": "AKIAIOSFODNN7EXAMPLE"})
    assert isinstance(scene.act("read").plan(unknown), Already)


def test_the_type_says_that_it_cannot_be_undone() -> None:
    assert DeleteAccessKey.reversibility.kind == "none"
    assert DeleteAccessKey.undo is Action.undo
