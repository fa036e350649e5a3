"""Findings: what every detector's payload becomes, and where what it names is."""
