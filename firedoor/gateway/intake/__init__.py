"""Findings in: from the first byte of a delivery to a response that has it."""
