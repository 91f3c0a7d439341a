"""Sync against a real PostgreSQL."""
