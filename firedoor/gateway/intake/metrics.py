"""What intake counts; every label has a bounded set of values."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

DELIVERIES = Counter(
    "firedoor_intake_deliveries_total",
    "Deliveries by source and outcome: accepted, handshake, or the word of the refusal.",
    ["source", "outcome"],
)
FINDINGS = Counter(
    "firedoor_intake_findings_total",
    "Findings by source and outcome: answered, unmatched, test, placeless, elsewhere, ignored, unreadable, "
    "too_large.",
    ["source", "outcome"],
)
IN_FLIGHT = Gauge(
    "firedoor_intake_in_flight", "Deliveries of proven senders being read or handed over at this moment."
)
CONNECTIONS = Gauge("firedoor_connections", "Open connections.")
EVICTED = Counter(
    "firedoor_connections_evicted_total", "Connections of strangers that were ended to make room for another."
)
SECONDS = Histogram(
    "firedoor_intake_seconds",
    "Time from the first byte to the answer.",
    ["source"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
