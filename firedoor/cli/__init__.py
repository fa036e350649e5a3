"""The commands of `firedoor`, one file a group."""
