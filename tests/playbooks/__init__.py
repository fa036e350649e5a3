"""Tests of the playbooks that ship."""
