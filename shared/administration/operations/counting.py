"""Figures of gains. To count reads whole tables, so it is done seldom, whoever looks and however often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from shared.access.actions import Action
from shared.administration.operations.gains import Gain
from shared.pipeline.look import Look

SHARE = 100
"""Counting takes at most one part in so many of the time: what took a second isn't done again for a hundred."""

_MOVED = text("SELECT (SELECT sum(next_offset) FROM consumer_offset), (SELECT sum(next_offset) FROM relay_sent)")
"""How far this service has read and written; while that stands still no count changes. A row a partition."""


@dataclass(frozen=True)
class Counted:
    """A gain with its figures."""

    source: str
    text: str
    one: str
    counted: str
    have: int
    could: int


class Counting:
    """Counts gains, and keeps the figures until something was taken in or said, and counting is due again."""

    def __init__(self, gains: Sequence[Gain], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gains = gains
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: list[Counted] = []
        self._place: tuple[object, ...] | None = None
        self._due = float("-inf")

    def of(self, look: Look) -> list[Counted]:
        """What is owed to each other block, and what could be. Raises ``Forbidden``."""
        look.need(Action.OPERATIONS_READ)
        # One counts, and those who come meanwhile have the same figures.
        with self._lock:
            place = tuple(look.session.execute(_MOVED).one())
            began = self._monotonic()
            if began >= self._due and place != self._place:
                self._kept, self._place = self._count(look), place
                now = self._monotonic()
                self._due = now + SHARE * (now - began)
            return self._kept

    def _count(self, look: Look) -> list[Counted]:
        queries = {query for gain in self._gains for query in (gain.have, gain.could)}
        counts: dict[str, int] = {query: look.session.execute(text(query)).scalar_one() for query in queries}
        return [Counted(g.source, g.text, g.one, g.counted, counts[g.have], counts[g.could]) for g in self._gains]
