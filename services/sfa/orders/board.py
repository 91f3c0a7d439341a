"""Orders as a whole: how many are in which state and how old, week by week, and page by page. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, text

from services.sfa.orders import reads
from services.sfa.orders.tables import sales_order
from shared.access.actions import Action, Reach
from shared.edge.errors import Invalid
from shared.pipeline.look import Look
from shared.texts import N_

PAGE = 50
WEEKS = 26
_SPLIT = "~"


@dataclass(frozen=True)
class Wanted:
    """Which orders. ``state`` as in ``reads.some``; ``territories``: one and those below it, none for all."""

    state: str = ""
    territories: tuple[str, ...] | None = None
    rep: str = ""


@dataclass(frozen=True)
class Count:
    """So many orders are in a state."""

    state: str
    orders: int
    late: int
    oldest: datetime
    """When the oldest was placed."""
    longest_late: datetime | None
    """The earliest promise that wasn't kept."""


@dataclass(frozen=True)
class Week:
    """What became of the orders that were placed in a week."""

    begins: datetime
    orders: dict[str, int]
    """State -> how many are in it now."""


@dataclass(frozen=True)
class Board:
    """What a manager wants to know at a glance."""

    counts: dict[str, Count]
    weeks: list[Week]

    @property
    def late(self) -> int:
        return sum(count.late for count in self.counts.values())

    @property
    def longest_late(self) -> datetime | None:
        return min((one.longest_late for one in self.counts.values() if one.longest_late), default=None)


def sees_all(look: Look) -> bool:
    """Whether every order is within the reader's reach: else a number would tell of others."""
    return Reach.ALL in look.grants.reaches(Action.ORDER_READ)


def board(look: Look, wanted: Wanted) -> Board | None:
    """How many orders are open, or were placed lately, by state; none where they aren't all within reach. Raises
    ``Forbidden``."""
    look.need(Action.ORDER_READ)
    if not sees_all(look):
        return None
    since = look.now - timedelta(weeks=WEEKS)
    of = None if wanted.territories is None else list(wanted.territories)
    values = {"now": look.now, "since": since, "territories": of, "rep": wanted.rep}
    counts = {row.state: Count(*row) for row in look.session.execute(_COUNTS, values)}
    weeks: dict[datetime, dict[str, int]] = {}
    for begins, state, orders in look.session.execute(_WEEKS, values):
        weeks.setdefault(begins, {})
        if state:
            weeks[begins][state] = orders
    return Board(counts, [Week(begins, orders) for begins, orders in weeks.items()])


def page(look: Look, wanted: Wanted, after: str = "") -> tuple[list[Any], str]:
    """Orders within reach, the newest first, and where the next page begins (empty at the end). Raises ``Forbidden``
    and ``Invalid``."""
    look.need(Action.ORDER_READ)
    found = reads.within(look, _of(look, wanted), PAGE + 1, _place(after))
    rows = found[:PAGE]
    return rows, f"{rows[-1].placed.isoformat()}{_SPLIT}{rows[-1].id}" if len(found) > PAGE else ""


def _of(look: Look, wanted: Wanted) -> Select[Any]:
    query, c = reads.in_state(look, wanted.state or None), sales_order.c
    if wanted.territories is not None:
        query = query.where(c.territory.in_(wanted.territories))
    return query.where(c.rep == wanted.rep) if wanted.rep else query


def _place(after: str) -> tuple[datetime, str] | None:
    if not after:
        return None
    at, _, id = after.partition(_SPLIT)
    try:
        place = datetime.fromisoformat(at), str(UUID(id))
    except ValueError:
        raise Invalid(N_("this isn't where a page of the list begins")) from None
    if place[0].tzinfo is None:
        raise Invalid(N_("this isn't where a page of the list begins"))
    return place


_COUNTS = text("""
SELECT state, CAST(count(*) AS int) AS orders, CAST(count(*) FILTER (WHERE is_late) AS int) AS late,
       min(placed) AS oldest, min(promised) FILTER (WHERE is_late) AS longest_late
FROM (
  SELECT state, placed, promised, coalesce(promised < :now, false) AS is_late FROM sales_order
  WHERE state IN ('placed', 'provisioned')
  AND (CAST(:territories AS text[]) IS NULL OR territory = ANY (CAST(:territories AS text[])))
  AND (:rep = '' OR rep = :rep)
  UNION ALL
  SELECT state, placed, promised, false FROM sales_order
  WHERE state NOT IN ('placed', 'provisioned') AND placed > :since
  AND (CAST(:territories AS text[]) IS NULL OR territory = ANY (CAST(:territories AS text[])))
  AND (:rep = '' OR rep = :rep)
) AS each GROUP BY state
""")
_WEEKS = text("""
WITH week AS (
  SELECT generate_series(date_trunc('week', CAST(:since AS timestamptz), 'UTC'), :now, INTERVAL '7 days') AS begins
),
of AS (
  SELECT date_trunc('week', placed, 'UTC') AS begins, state, CAST(count(*) AS int) AS orders FROM sales_order
  WHERE placed >= date_trunc('week', CAST(:since AS timestamptz), 'UTC') AND placed <= :now
  AND (CAST(:territories AS text[]) IS NULL OR territory = ANY (CAST(:territories AS text[])))
  AND (:rep = '' OR rep = :rep)
  GROUP BY 1, 2
)
SELECT begins, state, orders FROM week LEFT JOIN of USING (begins) ORDER BY begins, state
""")
