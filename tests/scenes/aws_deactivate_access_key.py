"""An active leaked key that is deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.deactivate_access_key import DeactivateAccessKey
from tests.scenes.aws_leaked_key import USER, LeakedKeyScene


class DeactivateAccessKeyScene(LeakedKeyScene):
    """The key works."""

    action = DeactivateAccessKey

    def arrange(self) -> Mapping[str, Any]:
        """Leak the key."""
        return self.leak()

    def disturb(self) -> None:
        """Let somebody delete the key."""
        self.world.client("iam").delete_access_key(UserName=USER, AccessKeyId=self.key["AccessKeyId"])
