"""The systems that Firedoor acts on, one room each."""
