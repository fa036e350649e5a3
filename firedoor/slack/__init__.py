"""Slack's shapes: the domain drawn as blocks, and payloads read as votes."""
