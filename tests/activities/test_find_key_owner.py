"""What a playbook learns of a key when the detector does not tell whose it is."""

from __future__ import annotations

import pytest

from activities.aws.find_key_owner import FindKeyOwner, KeyParams
from tests.scenes.aws_leaked_key import USER, user_with_key
from tests.scenes.aws_world import AwsWorld


@pytest.mark.integration
def test_a_key_leads_to_its_user(ministack_world: AwsWorld) -> None:
    key = user_with_key(ministack_world, USER)
    aws = ministack_world.aws(FindKeyOwner.permissions.read, changing=False)
    assert FindKeyOwner(aws).read(KeyParams(access_key_id=key["AccessKeyId"])).user == USER


@pytest.mark.integration
def test_a_key_that_nobody_here_has_leads_to_nobody(ministack_world: AwsWorld) -> None:
    aws = ministack_world.aws(changing=False)
    assert FindKeyOwner(aws).read(KeyParams(access_key_id="AKIA5EXAMPLE7NOBODYS")).user == ""
