"""Slack's shapes: the presentation drawn as blocks, and payloads read as votes."""
