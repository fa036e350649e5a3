"""The page to decide on, for when Slack is down and for whoever prefers it."""
