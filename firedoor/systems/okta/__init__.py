"""Okta: who is in a group."""
