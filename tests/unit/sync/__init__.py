"""Sync's rules."""
