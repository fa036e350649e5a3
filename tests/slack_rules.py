"""What Slack refuses, kept with the fake Slack; the old name for tests that import it."""

from firedoor.testing.slack.block_kit import complaints, refused_message, refused_view

__all__ = ["complaints", "refused_message", "refused_view"]
