"""Where time comes from. Handed in, so that tests and replays decide what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present instant in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)
