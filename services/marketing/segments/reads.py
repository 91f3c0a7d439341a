"""What is shown of the segment. Nothing here writes."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.marketing.segments import handlers, rules
from services.marketing.segments.rules import HIGH_VALUE, Definition, Standing
from services.marketing.segments.standings import purchases
from services.marketing.segments.tables import segment, stay
from shared.access.actions import Action
from shared.pipeline import clusters
from shared.pipeline.look import Look

MONTHS = 12


class Size(msgspec.Struct, frozen=True):
    """How many customers were in the segment at an instant."""

    at: datetime
    customers: int


class Move(msgspec.Struct, frozen=True):
    """A customer that entered or left."""

    customer: str
    at: datetime
    orders: tuple[str, ...] = ()
    """Of one that entered: the orders that decided."""
    because: str = ""
    """Of one that left."""


def definition(session: Session, default: Definition) -> Definition:
    """The segment's definition; the default until there is another."""
    c = segment.c
    row = session.execute(
        select(c.name, c.currency, c.window_days, c.at_least).where(c.segment == HIGH_VALUE)
    ).one_or_none()
    return default if row is None else Definition(*row)


def sizes(session: Session, now: datetime) -> list[Size]:
    """The segment's size at the beginning of each of the last months, and now."""
    return [Size(row.at, row.customers) for row in session.execute(_SIZES, {"now": now, "months": MONTHS})]


def entered(session: Session, limit: int) -> list[Move]:
    """Who entered last, the newest first; also who has left since."""
    c = stay.c
    rows = session.execute(select(c.cluster, c.entered, c.orders).order_by(c.entered.desc(), c.cluster).limit(limit))
    return [Move(row.cluster, row.entered, orders=tuple(row.orders)) for row in rows]


def left(session: Session, limit: int) -> list[Move]:
    """Who left last, the newest first."""
    c = stay.c
    rows = session.execute(
        select(c.cluster, c.left, c.because).where(c.left.is_not(None)).order_by(c.left.desc(), c.cluster).limit(limit)
    )
    return [Move(row.cluster, row.left, because=row.because) for row in rows]


def preview(look: Look, segment: str, trial: Definition) -> int:
    """How many customers would be in the segment by another definition. Raises ``Forbidden`` and ``NotFound``."""
    look.need(Action.SEGMENT_READ)
    handlers.known(segment)
    now = look.now
    values = {"currency": trial.currency, "at_least": trial.at_least, "since": now - trial.window, "now": now}
    return int(look.session.execute(_PREVIEW, values).scalar_one())


def standing(look: Look, member: str, of: Definition) -> Standing:
    """How the customer of a member stands: worked out from its orders as they are now. Raises ``Forbidden``."""
    look.see(Action.CUSTOMER_READ, member)
    members = clusters.mates_of(look.session, [member])
    bought = purchases(look.session, members, of.currency)[member]
    return rules.standing(bought, of, look.now)


_SIZES = text("""
WITH instants AS (
  SELECT date_trunc('month', CAST(:now AS timestamptz), 'UTC') - make_interval(months => n) AS at
  FROM generate_series(0, CAST(:months AS int) - 1) AS n
  UNION SELECT CAST(:now AS timestamptz)
)
SELECT i.at, count(s.cluster) AS customers
FROM instants i LEFT JOIN stay s ON s.entered <= i.at AND (s."left" IS NULL OR s."left" > i.at)
GROUP BY i.at ORDER BY i.at
""")
# The rule once more, for all customers at once: what counts now, and where that suffices.
_PREVIEW = text("""
SELECT count(*) FROM (
  SELECT FROM purchase p LEFT JOIN customer_cluster c USING (member)
  WHERE p.currency = :currency AND p.occurred > :since AND p.occurred <= :now
    AND (p.cancelled IS NULL OR p.cancelled > :now)
  GROUP BY coalesce(c.cluster, p.member) HAVING sum(p.amount) >= :at_least
) AS customers
""")
