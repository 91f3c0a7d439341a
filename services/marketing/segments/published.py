"""What was said last of each member, so that only what differs is said. A rebuild doesn't touch it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Table, delete, select, text
from sqlalchemy.orm import Session

from services.marketing.segments.rules import HIGH_VALUE, Said
from services.marketing.segments.tables import published_stay, published_value
from shared.customer.member import member_of
from shared.events.envelope import Event
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.pipeline.customer_tables import any_of
from shared.pipeline.work import Work


class Value(NamedTuple):
    """What was said of a member's value. One that has none has no row."""

    cluster: str
    amount: int
    currency: str
    window_days: int
    orders: int
    last_order: datetime | None


def values(session: Session, members: Collection[str]) -> dict[str, Value]:
    """What was said of these members' values."""
    c = published_value.c
    columns = [c[name] for name in Value._fields]
    rows = session.execute(select(c.member, *columns).where(c.member == any_of(sorted(members))))
    return {row.member: Value(*row[1:]) for row in rows}


def stays(session: Session, members: Collection[str]) -> dict[str, Said]:
    """Which of these members were said to be in the segment."""
    c = published_stay.c
    rows = session.execute(select(published_stay).where(c.member == any_of(sorted(members))))
    return {row.member: Said(row.since, tuple(row.orders), row.rule) for row in rows}


def keep_values(session: Session, news: Mapping[str, Value | None]) -> None:
    """Note what is said now; none: that there is no value any more."""
    _forget(session, published_value, (member for member, value in news.items() if value is None))
    rows = [(member, value) for member, value in sorted(news.items()) if value is not None]
    if rows:
        columns = dict(zip(Value._fields, map(list, zip(*(value for _, value in rows), strict=True)), strict=True))
        session.execute(_VALUES, {"member": [member for member, _ in rows], **columns})


def keep_stays(session: Session, news: Mapping[str, Said | None]) -> None:
    """Note who is said to be in the segment; none: that a member isn't."""
    _forget(session, published_stay, (member for member, said in news.items() if said is None))
    rows = [
        {"member": member, "since": said.since, "orders": list(said.orders), "rule": said.rule}
        for member, said in sorted(news.items())
        if said is not None
    ]
    if rows:
        session.execute(_STAYS, rows)


def _forget(session: Session, table: Table, members: Iterable[str]) -> None:
    if gone := sorted(members):
        session.execute(delete(table).where(table.c.member == any_of(gone)))


def heard_valued(work: Work, events: list[Event]) -> None:
    """Own values that only the log knows any more; this and the following are called by ``recover``."""
    news: dict[str, Value | None] = {}
    for event in events:
        if isinstance(event.fact, CustomerValued):
            fact = event.fact
            value = Value(fact.cluster, fact.amount, fact.currency, fact.window_days, fact.orders, fact.last_order)
            news[member_of(event.stream)] = value if fact.orders else None
    keep_values(work.session, news)


def heard_stays(work: Work, events: list[Event]) -> None:
    """Own entries into the segment and departures."""
    news: dict[str, Said | None] = {}
    for event in events:
        if isinstance(event.fact, SegmentEntered) and event.fact.segment == HIGH_VALUE:
            news[member_of(event.stream)] = Said(event.occurred, event.fact.because, "")
        elif isinstance(event.fact, SegmentLeft) and event.fact.segment == HIGH_VALUE:
            news[member_of(event.stream)] = None
    keep_stays(work.session, news)


_VALUES = text("""
INSERT INTO published_value (member, cluster, amount, currency, window_days, orders, last_order)
SELECT * FROM unnest(CAST(:member AS uuid[]), CAST(:cluster AS uuid[]), CAST(:amount AS bigint[]),
                     CAST(:currency AS text[]), CAST(:window_days AS int[]), CAST(:orders AS int[]),
                     CAST(:last_order AS timestamptz[]))
ON CONFLICT (member) DO UPDATE SET cluster = excluded.cluster, amount = excluded.amount,
    currency = excluded.currency, window_days = excluded.window_days, orders = excluded.orders,
    last_order = excluded.last_order
""")
_STAYS = text("""
INSERT INTO published_stay (member, since, orders, rule) VALUES (:member, :since, :orders, :rule)
ON CONFLICT (member) DO UPDATE SET since = excluded.since, orders = excluded.orders, rule = excluded.rule
""")
