"""Slack's two doors: signed requests, and a socket."""
