"""What is shown of a service to those who keep it running. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text

from shared.access.actions import Action
from shared.administration.operations.gains import Gain
from shared.pipeline import parking
from shared.pipeline.look import Look
from shared.pipeline.parking import Parked
from shared.pipeline.tables import heard_from

_EVENTS = text("SELECT source, sum(sequence) FROM position WHERE subscription = 'main' GROUP BY source")


@dataclass(frozen=True)
class Other:
    """Another block, as this service knows it from the log."""

    source: str
    heard: datetime
    """Its newest sign of life."""
    left: datetime | None
    """When the company gave it up, if it did."""
    events: int
    """How many of its events were taken in."""


@dataclass(frozen=True)
class Counted:
    """A gain with its figures."""

    source: str
    text: str
    counted: str
    have: int
    could: int


def parked(look: Look) -> list[Parked]:
    """Streams that wait for a person, oldest first. Raises ``Forbidden``."""
    look.need(Action.OPERATIONS_READ)
    return parking.listed(look.session)


def others(look: Look) -> list[Other]:
    """The other blocks that were ever heard. Raises ``Forbidden``."""
    look.need(Action.OPERATIONS_READ)
    events: dict[str, int] = {source: int(count) for source, count in look.session.execute(_EVENTS)}
    c = heard_from.c
    rows = look.session.execute(select(c.source, c.at, c.left).where(c.source != look.source).order_by(c.source))
    return [Other(source, at, left, events.get(source, 0)) for source, at, left in rows]


def gained(look: Look, gains: Sequence[Gain]) -> list[Counted]:
    """What is owed to each other block, and what could be. Raises ``Forbidden``."""
    look.need(Action.OPERATIONS_READ)
    counts: dict[str, int] = {}
    for query in {query for gain in gains for query in (gain.have, gain.could)}:
        counts[query] = look.session.execute(text(query)).scalar_one()
    return [Counted(g.source, g.text, g.counted, counts[g.have], counts[g.could]) for g in gains]
