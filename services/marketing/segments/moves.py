"""Who entered and left the segment, and who was in it when, page by page. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.marketing.segments import handlers, rules
from services.marketing.segments.rules import Definition, Purchase, Stay
from services.marketing.segments.standings import purchases
from shared.access.actions import Action
from shared.edge.errors import Invalid
from shared.pipeline import clusters
from shared.pipeline.look import Look
from shared.texts import N_

PAGE = 50
ENTERED, LEFT = "entered", "left"
WAYS = (ENTERED, LEFT)
DAY = timedelta(days=1)


class Order(msgspec.Struct, frozen=True):
    """An order that decided. ``amount`` is in minor units."""

    order: str
    placed: datetime
    amount: int
    cancelled: datetime | None = None


class Moved(msgspec.Struct, frozen=True):
    """A customer entered or left, and because of which orders."""

    customer: str
    at: datetime
    way: str
    """``entered`` or ``left``."""
    because: str
    """Why it left: ``time`` or ``cancelled``."""
    orders: tuple[Order, ...]


class Moves(msgspec.Struct, frozen=True):
    """A page of those who entered and left, the newest first."""

    moves: list[Moved]
    total: int
    next: str
    """Where the next page begins; empty at the end."""


class Member(msgspec.Struct, frozen=True):
    """A customer that was in the segment at an instant."""

    customer: str
    since: datetime
    until: datetime | None
    """When it left, if it did since."""
    amount: int
    """What it was worth at that instant, in minor units."""
    orders: tuple[Order, ...]
    """Because of which it had entered."""


class Members(msgspec.Struct, frozen=True):
    """A page of those who were in the segment at an instant, the newest first."""

    at: datetime
    members: list[Member]
    total: int
    next: str


def moves(
    look: Look, segment: str, of: Definition, *, way: str = "", day: date | None = None, after: str = ""
) -> Moves:
    """Who entered and left until now, of one day (UTC) if it is named. Raises ``Forbidden``, ``NotFound`` and
    ``Invalid``."""
    look.need(Action.SEGMENT_READ)
    handlers.known(segment)
    begin, end = (_EVER, look.now + _AN_INSTANT) if day is None else _day(day)
    end = min(end, look.now + _AN_INSTANT)
    values: dict[str, object] = {"begin": begin, "end": end, "way": way}
    place = _place(after, end)
    rows = look.session.execute(_MOVES, values | place | {"limit": PAGE + 1}).all()
    total = look.session.execute(_COUNT_MOVES, values).scalar_one()
    bought = _bought(look.session, [row.cluster for row in rows], of)
    found = [
        Moved(row.cluster, row.at, row.way, row.because, _orders(bought[row.cluster], _stay(row), row.way == LEFT, of))
        for row in rows[:PAGE]
    ]
    return Moves(found, total, _mark(rows[PAGE - 1].at, rows[PAGE - 1].cluster) if len(rows) > PAGE else "")


def members(look: Look, segment: str, of: Definition, at: datetime, after: str = "") -> Members:
    """Who was in the segment at an instant, by the orders and clusters as they are known now. Raises as ``moves``."""
    look.need(Action.SEGMENT_READ)
    handlers.known(segment)
    if at > look.now:
        raise Invalid(N_("who will be in the segment isn't known yet"))
    rows = look.session.execute(_MEMBERS, {"at": at} | _place(after, at + DAY) | {"limit": PAGE + 1}).all()
    total = look.session.execute(_COUNT_MEMBERS, {"at": at}).scalar_one()
    bought = _bought(look.session, [row.cluster for row in rows], of)
    found = [
        Member(
            row.cluster,
            row.entered,
            row.left,
            rules.standing(bought[row.cluster], of, at).amount,
            _orders(bought[row.cluster], _stay(row), False, of),
        )
        for row in rows[:PAGE]
    ]
    return Members(at, found, total, _mark(rows[PAGE - 1].entered, rows[PAGE - 1].cluster) if len(rows) > PAGE else "")


def end_of(day: date, now: datetime) -> datetime:
    """The instant that is meant by a day: its end (UTC), or now as long as it goes on."""
    end = _day(day)[1]
    return now if end > now >= end - DAY else end


def _day(day: date) -> tuple[datetime, datetime]:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        return begin, begin + DAY
    except OverflowError:
        raise Invalid(N_("the day is out of range")) from None


def _stay(row: object) -> Stay:
    return Stay(row.entered, row.left, tuple(row.orders), row.because)  # type: ignore[attr-defined]


def _bought(session: Session, customers: Sequence[str], of: Definition) -> Mapping[str, Sequence[Purchase]]:
    return purchases(session, clusters.members_of(session, set(customers)), of.currency)


def _orders(bought: Sequence[Purchase], stay: Stay, left: bool, of: Definition) -> tuple[Order, ...]:
    deciding = rules.behind(bought, stay, left=left, window=of.window)
    return tuple(Order(*one) for one in sorted(deciding, key=lambda one: (one.occurred, one.order)))


_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_SPLIT = "~"
_AN_INSTANT = timedelta(microseconds=1)
_LEAST = str(UUID(int=0))


def _mark(at: datetime, cluster: str) -> str:
    return f"{at.isoformat()}{_SPLIT}{cluster}"


def _place(after: str, end: datetime) -> dict[str, object]:
    """Where a page begins, from what the former one said: below that, else below the end. Raises ``Invalid``."""
    at, _, cluster = after.partition(_SPLIT)
    try:
        last_at, last = (datetime.fromisoformat(at), str(UUID(cluster))) if after else (end, _LEAST)
    except ValueError:
        raise Invalid(N_("this isn't where a page of the list begins")) from None
    if last_at.tzinfo is None:
        raise Invalid(N_("this isn't where a page of the list begins"))
    return {"last_at": last_at, "last": last}


# Each half ends early by its index; together they are as many as a page has, twice at most.
_MOVES = text("""
SELECT cluster::text, at, way, because, orders, entered, "left" FROM (
  (SELECT cluster, entered AS at, 'entered' AS way, '' AS because, orders, entered, "left" FROM stay
   WHERE :way IN ('', 'entered') AND entered >= :begin AND entered < :end
     AND (entered, cluster) < (:last_at, CAST(:last AS uuid))
   ORDER BY entered DESC, cluster DESC LIMIT :limit)
  UNION ALL
  (SELECT cluster, "left", 'left', because, orders, entered, "left" FROM stay
   WHERE :way IN ('', 'left') AND "left" >= :begin AND "left" < :end
     AND ("left", cluster) < (:last_at, CAST(:last AS uuid))
   ORDER BY "left" DESC, cluster DESC LIMIT :limit)
) AS moved ORDER BY at DESC, cluster DESC LIMIT :limit
""")
_COUNT_MOVES = text("""
SELECT (SELECT count(*) FROM stay WHERE :way IN ('', 'entered') AND entered >= :begin AND entered < :end)
     + (SELECT count(*) FROM stay WHERE :way IN ('', 'left') AND "left" >= :begin AND "left" < :end)
""")
_MEMBERS = text("""
SELECT cluster::text, entered, "left", because, orders FROM stay
WHERE entered <= :at AND ("left" IS NULL OR "left" > :at) AND (entered, cluster) < (:last_at, CAST(:last AS uuid))
ORDER BY entered DESC, cluster DESC LIMIT :limit
""")
_COUNT_MEMBERS = text("""
SELECT count(*) FROM stay WHERE entered <= :at AND ("left" IS NULL OR "left" > :at)
""")
