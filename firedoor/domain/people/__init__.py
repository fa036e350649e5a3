"""People: who is who, in which groups, and what somebody has proven to be."""
