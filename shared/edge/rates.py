"""How often somebody may ask, counted in each process by itself."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from shared.edge.errors import TooMany
from shared.texts import N_

WINDOW_SECONDS = 60.0


@dataclass
class _Window:
    ends: float
    count: int = 0


class Rates:
    """Counts per minute of requests of an actor, and of failed tries to be let in from an address.

    Who comes with a valid token isn't touched by what others try from the same address. Nothing waits: it is asked
    with each request, where others wait.
    """

    def __init__(self, requests: int, failures: int) -> None:
        self._most = {"actor": requests, "address": failures}
        self._windows: dict[tuple[str, str], _Window] = {}
        self._tidy = 0.0

    def request(self, actor: str) -> None:
        """Count a request of an actor. Raises ``TooMany``."""
        self._count("actor", actor)

    def failure(self, address: str) -> None:
        """Count a failed try from an address. Raises ``TooMany``."""
        self._count("address", address)

    def _count(self, kind: str, name: str) -> None:
        now = time.monotonic()
        if now >= self._tidy:
            # Who doesn't come again is forgotten.
            self._windows = {key: window for key, window in self._windows.items() if now < window.ends}
            self._tidy = now + WINDOW_SECONDS
        window = self._windows.get((kind, name))
        if window is None or now >= window.ends:
            window = self._windows[kind, name] = _Window(now + WINDOW_SECONDS)
        window.count += 1
        if window.count > self._most[kind]:
            raise TooMany(N_("too many requests; try again later"), max(1, math.ceil(window.ends - now)))
