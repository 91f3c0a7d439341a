"""Lifts data of former versions to today's. An entry stays for ever: the log is kept for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(event type, version) -> data of the next version."""


def lift(
    data: dict[str, Any],
    event_type: str,
    version: int,
    today: int,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> dict[str, Any]:
    """Data as today's version has it. Raises ``KeyError`` when a step between the versions is missing."""
    for step in range(version, today):
        data = upcasters[event_type, step](data)
    return data
