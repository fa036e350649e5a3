"""The configuration: what it may say, secrets resolved, and the first one that `init` writes."""
