"""The worlds in which the conformance kit tries each action."""
