"""Channels: what is told to people in one place, in which order, and how fast."""
