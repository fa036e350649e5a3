"""The tables about asking people: each figure beside its limit, and beside the same with few asks open."""

from __future__ import annotations

from tests.bench.asking import Asking, Times

#: Limits of the design, in milliseconds, messages and MB.
_VOTE, _CARD, _MESSAGES, _WORKER_MB = 250, 1000, 5, 500
_NAMES = {"http": "Slack over HTTP", "socket": "Slack over Socket Mode", "api": "HTTP API"}


def asking_table(asking: Asking) -> str:
    """Return the tables."""
    few, many = asking.few, asking.many
    votes = [
        f"| vote to its ack | {few.asks} open, p50 | p99 | {many.asks} open, p50 | p99 | limit | over few |",
        "|---|---|---|---|---|---|---|",
        _votes("all doors", few.all, many.all, f"{_VOTE} ms"),
        *(_votes(name, few.doors[door], many.doors[door], "") for door, name in _NAMES.items()),
    ]
    cards = [
        "| Slack, in a quiet channel | samples | p50 | p99 | limit |",
        "|---|---|---|---|---|",
        _card("the plan is ready → the card is posted", asking.posted),
        _card("the deciding vote is sent → its buttons are gone", asking.locked),
    ]
    parts = ("gateway", "worker", "temporal")
    costs = [
        "| what it costs | gateway | worker | Temporal |",
        "|---|---|---|---|",
        "| CPU ms a vote, few open | " + " | ".join(f"{few.cpu[part]:.1f}" for part in parts) + " |",
        f"| CPU ms a vote, {many.asks} open | "
        + " | ".join(f"{many.cpu[part]:.1f}" for part in parts)
        + " |",
        f"| CPU ms a second, {many.asks} open and nobody voting | "
        + " | ".join(f"{asking.idle[part]:.1f}" for part in parts)
        + " |",
        "| MB at the most | " + " | ".join(f"{asking.memory[part]:.0f}" for part in parts) + " |",
    ]
    storm = (
        f"{asking.findings} findings at once made {asking.messages} messages (limit {_MESSAGES}) in"
        f" {asking.calls} calls. {many.asks} asks were open {asking.opened:.0f} s after the first finding."
        f" The worker's limit is {_WORKER_MB} MB."
    )
    return "\n".join((*votes, "", *cards, "", *costs, "", storm, ""))


def _votes(name: str, few: Times, many: Times, limit: str) -> str:
    return (
        f"| {name} ({few.count}, {many.count}) | {few.p50:.1f} ms | {few.p99:.1f} ms | {many.p50:.1f} ms"
        f" | **{many.p99:.1f} ms** | {limit} | {many.p99 / few.p99:.2f} |"
    )


def _card(name: str, times: Times) -> str:
    return f"| {name} | {times.count} | {times.p50:.1f} ms | **{times.p99:.1f} ms** | {_CARD} ms |"
