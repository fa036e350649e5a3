"""Tests of the vendors' payloads."""
