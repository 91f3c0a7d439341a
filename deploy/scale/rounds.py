"""Latency, event by event: a stage takes what has come since, all at once, and is busy with it for a while.

A relay and a consumer both work so. What a round costs whatever is in it isn't measured by itself: it is found from the
latency at one rate, and then tells that at another.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

SEED = 1
SECONDS = 20.0
HALVINGS = 14
LONGEST_ROUND = 0.2


def arrivals(rate: float, seconds: float = SECONDS) -> list[float]:
    """Instants at which so many events a second are committed, by a Poisson process."""
    lot = random.Random(SEED)  # noqa: S311 - no secret
    found: list[float] = []
    now = lot.expovariate(rate)
    while now < seconds:
        found.append(now)
        now += lot.expovariate(rate)
    return found


def through(came: Sequence[float], round_seconds: float, event_seconds: float) -> list[float]:
    """When each event leaves a stage whose rounds cost ``round_seconds``, and ``event_seconds`` for each event."""
    left: list[float] = []
    free = 0.0
    while len(left) < len(came):
        start = max(free, came[len(left)])
        until = len(left)
        while until < len(came) and came[until] <= start:
            until += 1
        free = start + round_seconds + (until - len(left)) * event_seconds
        left += [free] * (until - len(left))
    return left


def late(came: Sequence[float], left: Sequence[float], share: float = 0.5) -> float:
    """The percentile of how late events are, in seconds."""
    ordered = sorted(end - start for start, end in zip(came, left, strict=True))
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def round_of(seconds: float, chain: Callable[[float], float]) -> float:
    """The cost of a round at which ``chain`` of it is so many seconds; the nearest where there is none."""
    low, high = 0.0, LONGEST_ROUND
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if chain(middle) < seconds else (low, middle)
    return (low + high) / 2
