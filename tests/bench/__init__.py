"""The benchmark: Firedoor beside hand-written floors, in one run."""
