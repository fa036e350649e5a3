"""People as they are now: the live file, the groups that others keep, and the binding of accounts."""
