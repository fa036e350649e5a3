"""The HTTP API: responses for people and programs, health and metrics."""
