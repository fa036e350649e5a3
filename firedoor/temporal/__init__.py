"""What gateway, worker and commands share of Temporal."""
