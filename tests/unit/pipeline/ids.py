"""Ids whose time of making is chosen."""

from __future__ import annotations


def uuid7_at(milliseconds: int, tail: int = 0) -> str:
    """A UUIDv7 made at this time; ``tail`` tells ids of the same time apart."""
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-{tail:012x}"
