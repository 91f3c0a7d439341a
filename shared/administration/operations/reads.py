"""What is shown of a service to those who keep it running. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from shared.access.actions import Action
from shared.pipeline import parking
from shared.pipeline.look import Look
from shared.pipeline.parking import Parked
from shared.pipeline.tables import heard_from
from shared.pipeline.topics import EVENTS
from shared.pipeline.worker import MAIN

_MET = text(
    """
    SELECT o.topic, min(a.at), sum(o.next_offset)
    FROM consumer_offset o LEFT JOIN activation a USING (subscription, topic, partition)
    WHERE o.subscription = :main AND o.partition >= 0
    GROUP BY o.topic
    """
)


@dataclass(frozen=True)
class Other:
    """Another block, as this service knows it from the log."""

    source: str
    since: datetime | None
    """When it joined: its first events came in, or were there when this service began."""
    events: int
    """How many of its events were read."""
    heard: datetime
    """Its newest sign of life."""
    left: datetime | None
    """When the company gave it up, if it did."""


def parked(look: Look) -> list[Parked]:
    """Streams that wait for a person, oldest first. Raises ``Forbidden``."""
    look.need(Action.OPERATIONS_READ)
    return parking.listed(look.session)


def others(look: Look) -> list[Other]:
    """The other blocks that were ever heard. Raises ``Forbidden``."""
    look.need(Action.OPERATIONS_READ)
    met = {topic.removesuffix(EVENTS): (at, int(n)) for topic, at, n in look.session.execute(_MET, {"main": MAIN})}
    c = heard_from.c
    rows = look.session.execute(select(c.source, c.at, c.left).where(c.source != look.source).order_by(c.source))
    nothing = (None, 0)
    return [Other(source, *met.get(source, nothing), at, left) for source, at, left in rows]
