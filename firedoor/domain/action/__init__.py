"""Actions: the contract of a change, what it is done to, and how it is taken back."""
