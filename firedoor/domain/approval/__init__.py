"""Approval: who must say yes, what people say, and when it is a decision."""
