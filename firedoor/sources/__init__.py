"""Vendor payloads become findings here, one source a file."""
