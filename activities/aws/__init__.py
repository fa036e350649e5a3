"""Hands for AWS: each file is one containment."""
