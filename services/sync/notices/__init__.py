"""Notices to people outside of the platform."""
