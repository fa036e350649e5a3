"""Playbooks: the words of a security engineer, checked, matched and expanded into steps."""
