"""What is shown of the live windows. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select

from services.callcenter.streams.rules import Minute, Queue
from services.callcenter.streams.tables import live_wall, live_window
from shared.access.actions import Action
from shared.pipeline.look import Look


def windows(look: Look) -> list[Any]:
    """The live windows as they were seen last, the shortest first; none before the first. They count everybody's
    contacts, and so are for who decides by them. Raises ``Forbidden``."""
    look.need(Action.OUTAGE_DECIDE)
    return list(look.session.execute(select(live_window).order_by(live_window.c.minutes)))


@dataclass(frozen=True)
class Wall:
    """What each queue was like in the longest window, and each of its minutes."""

    queues: list[Queue]
    minutes: list[Minute]

    @property
    def waiting(self) -> int:
        """How many wait, whatever the queue."""
        return sum(queue.waiting for queue in self.queues)


def wall(look: Look) -> Wall:
    """As ``windows``. Raises ``Forbidden``."""
    look.need(Action.OUTAGE_DECIDE)
    for row in look.session.execute(select(live_wall.c.queues, live_wall.c.minutes)):
        return Wall(msgspec.convert(row.queues, list[Queue]), msgspec.convert(row.minutes, list[Minute]))
    return Wall([], [])
