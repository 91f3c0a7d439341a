"""How often somebody may ask, counted in each process by itself."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from shared.edge.errors import TooMany
from shared.texts import N_


class Rates:
    """Counts per minute of requests of an actor, and of failed tries to be let in from an address.

    Who comes with a valid token isn't touched by what others try from the same address.
    """

    def __init__(self, requests: int, failures: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerMinute(requests)
        self._failures = RateLimitItemPerMinute(failures)

    def request(self, actor: str) -> None:
        """Count a request of an actor. Raises ``TooMany``."""
        self._count(self._requests, "actor", actor)

    def failure(self, address: str) -> None:
        """Count a failed try from an address. Raises ``TooMany``."""
        self._count(self._failures, "address", address)

    def _count(self, limit: RateLimitItemPerMinute, kind: str, name: str) -> None:
        if not self._limiter.hit(limit, kind, name):
            free = self._limiter.get_window_stats(limit, kind, name).reset_time
            raise TooMany(N_("too many requests; try again later"), max(1, math.ceil(free - time.time())))
