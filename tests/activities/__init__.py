"""Tests of the hands."""
