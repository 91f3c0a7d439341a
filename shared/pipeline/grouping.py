"""Cuts a batch into groups for set-based handlers without ever reordering one stream. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import TypeVar

E = TypeVar("E")
H = TypeVar("H")
K = TypeVar("K")


def group(
    events: Iterable[E], handler_of: Callable[[E], H | None], stream_of: Callable[[E], K]
) -> list[tuple[H, list[E]]]:
    """Events as (handler, list) groups, to be run one after the other.

    Within a stream the order stays; between streams it may change, so that groups become large. An event goes
    into the earliest group of its handler that doesn't stand before the group of its stream's event before it.
    Events without a handler are left out.
    """
    groups: list[tuple[H, list[E]]] = []
    places: dict[H, list[int]] = {}
    reached: dict[K, int] = {}
    for event in events:
        handler = handler_of(event)
        if handler is None:
            continue
        stream = stream_of(event)
        least = reached.get(stream, 0)
        own = places.setdefault(handler, [])
        at = bisect_left(own, least)
        if at == len(own):
            own.append(len(groups))
            groups.append((handler, []))
        place = own[at]
        groups[place][1].append(event)
        reached[stream] = place
    return groups
