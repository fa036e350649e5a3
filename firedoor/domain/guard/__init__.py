"""Guards: what must never be touched, and whether changes may be made at all now."""
