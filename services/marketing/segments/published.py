"""What was said last of each member, so that only what differs is said. A rebuild doesn't touch it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Table, delete, text
from sqlalchemy.orm import Session

from services.marketing.segments.rules import HIGH_VALUE, Said
from services.marketing.segments.tables import published_stay, published_value
from shared.customer.member import member_of
from shared.edge.db import as_json, text_array
from shared.events.envelope import Event
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.pipeline.customer_tables import any_of
from shared.pipeline.work import Work


class Value(msgspec.Struct, frozen=True):
    """What was said of a member's value. One that has none has no row."""

    member: str
    cluster: str
    amount: int
    currency: str
    window_days: int
    orders: int
    last_order: datetime | None

    @property
    def fact(self) -> CustomerValued:
        return CustomerValued(
            cluster=self.cluster,
            amount=self.amount,
            currency=self.currency,
            window_days=self.window_days,
            orders=self.orders,
            last_order=self.last_order,
        )


def values(session: Session, members: Collection[str]) -> dict[str, Value]:
    """What was said of these members' values."""
    rows = session.execute(_SAID_VALUES, {"members": text_array(members)})
    return {row[0]: Value(*row) for row in rows.all()}


def stays(session: Session, members: Collection[str]) -> dict[str, Said]:
    """Which of these members were said to be in the segment."""
    rows = session.execute(_SAID_STAYS, {"members": text_array(members)})
    return {member: Said(since, tuple(orders), rule) for member, since, orders, rule in rows.all()}


def keep_values(session: Session, news: Mapping[str, Value | None]) -> None:
    """Note what is said now; none: that there is no value any more."""
    _forget(session, published_value, (member for member, value in news.items() if value is None))
    if rows := [value for value in news.values() if value is not None]:
        session.execute(_VALUES, {"rows": as_json(rows)})


def keep_stays(session: Session, news: Mapping[str, Said | None]) -> None:
    """Note who is said to be in the segment; none: that a member isn't."""
    _forget(session, published_stay, (member for member, said in news.items() if said is None))
    if rows := [
        {"member": member, "since": said.since, "orders": said.orders, "rule": said.rule}
        for member, said in news.items()
        if said is not None
    ]:
        session.execute(_STAYS, {"rows": as_json(rows)})


def _forget(session: Session, table: Table, members: Iterable[str]) -> None:
    if gone := sorted(members):
        session.execute(delete(table).where(table.c.member == any_of(gone)))


def heard_valued(work: Work, events: list[Event]) -> None:
    """Own values that only the log knows any more; this and the following are called by ``recover``."""
    news: dict[str, Value | None] = {}
    for event in events:
        if isinstance(event.fact, CustomerValued):
            fact, member = event.fact, member_of(event.stream)
            of_rule = (fact.currency, fact.window_days)
            value = Value(member, fact.cluster, fact.amount, *of_rule, fact.orders, fact.last_order)
            news[member] = value if fact.orders else None
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


_SAID_VALUES = text("""
SELECT member::text, cluster::text, amount, currency, window_days, orders, last_order FROM published_value
WHERE member = ANY (CAST(:members AS uuid[]))
""")
_SAID_STAYS = text("""
SELECT member::text, since, orders, rule FROM published_stay WHERE member = ANY (CAST(:members AS uuid[]))
""")
_VALUES = text("""
INSERT INTO published_value (member, cluster, amount, currency, window_days, orders, last_order)
SELECT * FROM json_to_recordset(CAST(:rows AS json))
  AS v (member uuid, cluster uuid, amount bigint, currency text, window_days int, orders int, last_order timestamptz)
ORDER BY member
ON CONFLICT (member) DO UPDATE SET cluster = excluded.cluster, amount = excluded.amount,
    currency = excluded.currency, window_days = excluded.window_days, orders = excluded.orders,
    last_order = excluded.last_order
""")
_STAYS = text("""
INSERT INTO published_stay (member, since, orders, rule)
SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS s (member uuid, since timestamptz, orders text[], rule text)
ORDER BY member
ON CONFLICT (member) DO UPDATE SET since = excluded.since, orders = excluded.orders, rule = excluded.rule
""")
