"""A leaked key that was deactivated, and is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.aws.delete_access_key import DeleteAccessKey
from tests.scenes.aws_leaked_key import USER, LeakedKeyScene


class DeleteAccessKeyScene(LeakedKeyScene):
    """The key is inactive, as the step before leaves it."""

    action = DeleteAccessKey

    def arrange(self) -> Mapping[str, Any]:
        """Leak the key and deactivate it."""
        params = self.leak()
        self.world.client("iam").update_access_key(
            UserName=USER, AccessKeyId=self.key["AccessKeyId"], Status="Inactive"
        )
        return params

    def attack(self) -> bool | None:
        """An inactive key is refused already: there is nothing to prove here."""
        return None
