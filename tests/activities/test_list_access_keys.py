"""What a playbook learns of a user's keys."""

from __future__ import annotations

import pytest

from activities.aws.list_access_keys import KeysOfParams, ListAccessKeys
from firedoor.domain.core.errors import Absent
from tests.scenes.aws_leaked_key import USER, user_with_key
from tests.scenes.aws_world import AwsWorld


@pytest.mark.integration
def test_every_key_is_listed_with_its_status_and_no_secret(ministack_world: AwsWorld) -> None:
    first = user_with_key(ministack_world, USER)
    iam = ministack_world.client("iam")
    second = iam.create_access_key(UserName=USER)["AccessKey"]
    iam.update_access_key(UserName=USER, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    aws = ministack_world.aws(ListAccessKeys.permissions.read, changing=False)
    listed = ListAccessKeys(aws).read(KeysOfParams(user=USER))
    assert {key.id: key.status for key in listed.keys} == {
        first["AccessKeyId"]: "Inactive",
        second["AccessKeyId"]: "Active",
    }
    assert first["SecretAccessKey"] not in listed.model_dump_json()


@pytest.mark.integration
def test_a_user_that_does_not_exist_has_no_list(moto_world: AwsWorld) -> None:
    with pytest.raises(Absent):
        ListAccessKeys(moto_world.aws(changing=False)).read(KeysOfParams(user="nobody"))
