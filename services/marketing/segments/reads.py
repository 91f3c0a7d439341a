"""What is shown of the segment. Nothing here writes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.marketing.segments import handlers, rules, tested, trying
from services.marketing.segments.rules import Definition, Standing
from services.marketing.segments.standings import purchases
from services.marketing.segments.tables import stay
from shared.access.actions import Action
from shared.pipeline import clusters
from shared.pipeline.look import Look

MONTHS = 12
MOST_POINTS = 366
"""Of a plot of sizes."""
WEEK = timedelta(days=7)
PREVIEWED = 20
"""Of those who would enter, and of those who would leave, so many are named: those worth most."""


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


class Would(msgspec.Struct, frozen=True):
    """A customer that would enter or leave, and what it is worth by the rule that is tried."""

    customer: str
    amount: int


class Preview(msgspec.Struct, frozen=True):
    """What another rule would change, of now."""

    customers: int
    """That would be in the segment."""
    enter: int
    leave: int
    entering: tuple[Would, ...]
    leaving: tuple[Would, ...]


def definition(session: Session, default: Definition) -> Definition:
    """The segment's definition; the default until there is another."""
    return tested.kept(session) or default


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


def daily(session: Session, now: datetime, days: int) -> list[Size]:
    """The segment's size at the beginning of each of the last days, and now; of so many days that nobody could tell
    them apart, of each some days."""
    values = {"now": now, "days": days, "step": -(-days // MOST_POINTS)}
    return [Size(row.at, row.customers) for row in session.execute(_DAILY, values)]


def lately(session: Session, now: datetime) -> tuple[int, int]:
    """How many entered the segment and left it in the last week."""
    row = session.execute(_LATELY, {"since": now - WEEK, "now": now}).one()
    return row.entered, row.gone


def preview(look: Look, segment: str, trial: Definition) -> Preview:
    """Who would be in the segment by another definition. Raises ``Forbidden``, ``Invalid`` and ``NotFound``."""
    look.need(Action.SEGMENT_READ)
    handlers.known(segment)
    handlers.check(look, trial)
    now = look.now
    values = {"currency": trial.currency, "at_least": trial.at_least, "since": now - trial.window, "now": now}
    would, of_conditions = trying.would(trial.conditions)
    query = text(_PREVIEW.format(would=would))
    rows = look.session.execute(query, values | of_conditions | {"shown": PREVIEWED}).all()
    of = {(row.would, row.was): row.customers for row in rows}
    return Preview(
        customers=of.get((True, True), 0) + of.get((True, False), 0),
        enter=of.get((True, False), 0),
        leave=of.get((False, True), 0),
        entering=tuple(Would(row.customer, row.amount) for row in rows if row.would and not row.was),
        leaving=tuple(Would(row.customer, row.amount) for row in rows if row.was and not row.would),
    )


def standing(look: Look, member: str, of: Definition) -> Standing:
    """How the customer of a member stands: worked out from its orders as they are now. Raises ``Forbidden``."""
    look.see(Action.CUSTOMER_READ, member)
    members = clusters.mates_of(look.session, [member])
    bought = purchases(look.session, members, of.currency)[member]
    return rules.standing(bought, of, look.now, tested.held(look.session, members, of)[member])


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
_DAILY = text("""
WITH day AS (
  SELECT date_trunc('day', CAST(:now AS timestamptz), 'UTC') - make_interval(days => n) AS at
  FROM generate_series(0, CAST(:days AS int) - 1, CAST(:step AS int)) AS n
  UNION SELECT CAST(:now AS timestamptz)
),
change AS (
  SELECT at, sum(by) AS by FROM (
    SELECT entered AS at, 1 AS by FROM stay UNION ALL SELECT "left", -1 FROM stay WHERE "left" IS NOT NULL
    UNION ALL SELECT at, 0 FROM day
  ) AS each WHERE at <= :now GROUP BY at
),
size AS (SELECT at, sum(by) OVER (ORDER BY at) AS customers FROM change)
SELECT at, CAST(customers AS int) AS customers FROM size JOIN day USING (at) ORDER BY at
""")
_LATELY = text("""
SELECT (SELECT count(*) FROM stay WHERE entered > :since AND entered <= :now) AS entered,
       (SELECT count(*) FROM stay WHERE "left" > :since AND "left" <= :now) AS gone
""")
# The rule once more, for all customers at once: what counts now, where that suffices, and who is in by the rule of now.
_PREVIEW = """
WITH worth AS (
  SELECT coalesce(c.cluster, p.member) AS cluster, sum(p.amount) AS amount
  FROM purchase p LEFT JOIN customer_cluster c USING (member)
  WHERE p.currency = :currency AND p.occurred > :since AND p.occurred <= :now
    AND (p.cancelled IS NULL OR p.cancelled > :now)
  GROUP BY 1
),
would AS ({would}),
was AS (SELECT cluster FROM stay WHERE "left" IS NULL),
each AS (
  SELECT cluster, coalesce(amount, 0) AS amount, would.cluster IS NOT NULL AS would, was.cluster IS NOT NULL AS was
  FROM would FULL JOIN was USING (cluster) LEFT JOIN worth USING (cluster)
),
ranked AS (
  SELECT cluster::text AS customer, CAST(amount AS bigint) AS amount, would, was,
         count(*) OVER kind AS customers, row_number() OVER (kind ORDER BY amount DESC, cluster) AS place
  FROM each WINDOW kind AS (PARTITION BY would, was)
)
SELECT * FROM ranked WHERE place <= CASE WHEN would AND was THEN 1 ELSE CAST(:shown AS int) END
ORDER BY amount DESC, customer
"""
