"""Firedoor: automated incident response for the cloud."""
