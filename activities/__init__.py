"""Hands: everything that touches the world, one action a file."""
