"""Tests of the Slack cards."""
