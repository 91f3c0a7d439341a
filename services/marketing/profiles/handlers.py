"""Everybody's facts, folded into a profile by member. Counters are added to, so no order of the topics matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import text

from services.marketing.tasks import STANDING
from shared.customer.member import member_of
from shared.edge.db import as_json
from shared.events.callcenter import CaseOpened, CaseResolved, ContactAbandoned, ContactOffered, ContactWrappedUp
from shared.events.customer import CustomerRegistered
from shared.events.envelope import Event
from shared.events.sfa import OrderCancelled, OrderPlaced
from shared.pipeline import claims, due
from shared.pipeline.work import Work


class Delta(msgspec.Struct):
    """What a batch adds to the profile of one member; by the names of the columns."""

    member: str
    registered: datetime | None = None
    contacts: int = 0
    last_contact: datetime | None = None
    abandoned: int = 0
    satisfaction_sum: int = 0
    satisfaction_count: int = 0
    cases_opened: int = 0
    cases_resolved: int = 0


def _registered(delta: Delta, event: Event) -> None:
    delta.registered = min(delta.registered or event.occurred, event.occurred)


def _offered(delta: Delta, event: Event) -> None:
    delta.contacts += 1
    delta.last_contact = max(delta.last_contact or event.occurred, event.occurred)


def _abandoned(delta: Delta, event: Event) -> None:
    delta.abandoned += 1


def _wrapped_up(delta: Delta, event: Event) -> None:
    assert isinstance(event.fact, ContactWrappedUp)
    if event.fact.satisfaction is not None:
        delta.satisfaction_sum += event.fact.satisfaction
        delta.satisfaction_count += 1


def _case_opened(delta: Delta, event: Event) -> None:
    delta.cases_opened += 1


def _case_resolved(delta: Delta, event: Event) -> None:
    delta.cases_resolved += 1


_ADDS: Mapping[type, Callable[[Delta, Event], None]] = {
    CustomerRegistered: _registered,
    ContactOffered: _offered,
    ContactAbandoned: _abandoned,
    ContactWrappedUp: _wrapped_up,
    CaseOpened: _case_opened,
    CaseResolved: _case_resolved,
}


class Row(msgspec.Struct):
    """What an event says of an order; by the names of the columns."""

    member: str
    order_id: str
    occurred: datetime
    amount: int = 0
    currency: str = ""


def heard(work: Work, events: list[Event]) -> None:
    """Customers registered, contacts, reviews and cases."""
    deltas: dict[str, Delta] = {}
    for event in events:
        member = member_of(event.stream)
        delta = deltas.get(member)
        if delta is None:
            delta = deltas[member] = Delta(member)
        _ADDS[type(event.fact)](delta, event)
    work.session.execute(_ADD, {"rows": as_json(deltas.values())})
    _touch(work, events)


def heard_orders(work: Work, events: list[Event]) -> None:
    """Orders placed and cancelled. An order counts once, however often it is said; the first cancellation stands."""
    placed: dict[tuple[str, str], Row] = {}
    cancelled: dict[tuple[str, str], Row] = {}
    for event in events:
        fact, member = event.fact, member_of(event.stream)
        if isinstance(fact, OrderPlaced):
            row = Row(member, fact.order, event.occurred, fact.total, fact.currency)
            placed.setdefault((member, fact.order), row)
        elif isinstance(fact, OrderCancelled):
            cancelled.setdefault((member, fact.order), Row(member, fact.order, event.occurred))
    if placed:
        work.session.execute(_PLACE, {"rows": as_json(placed.values())})
    if cancelled:
        work.session.execute(_CANCEL, {"rows": as_json(cancelled.values())})
    due.mark_of(work, STANDING, lambda event: [member_of(event.stream)], events)
    _touch(work, events)


def _touch(work: Work, events: list[Event]) -> None:
    claims.touch(work, {member_of(event.stream) for event in events if event.live})


_ADD = text("""
INSERT INTO profile AS p (member, registered, contacts, last_contact, abandoned, satisfaction_sum,
                          satisfaction_count, cases_opened, cases_resolved)
SELECT * FROM json_to_recordset(CAST(:rows AS json))
  AS d (member uuid, registered timestamptz, contacts int, last_contact timestamptz, abandoned int,
        satisfaction_sum int, satisfaction_count int, cases_opened int, cases_resolved int) ORDER BY member
ON CONFLICT (member) DO UPDATE SET
    registered = least(p.registered, excluded.registered), contacts = p.contacts + excluded.contacts,
    last_contact = greatest(p.last_contact, excluded.last_contact), abandoned = p.abandoned + excluded.abandoned,
    satisfaction_sum = p.satisfaction_sum + excluded.satisfaction_sum,
    satisfaction_count = p.satisfaction_count + excluded.satisfaction_count,
    cases_opened = p.cases_opened + excluded.cases_opened,
    cases_resolved = p.cases_resolved + excluded.cases_resolved
""")
# What is added to the sums is what the first statement wrote, so that a repeated order adds nothing.
_PLACE = text("""
WITH new AS (
  INSERT INTO purchase (member, order_id, occurred, amount, currency)
  SELECT * FROM json_to_recordset(CAST(:rows AS json))
    AS o (member uuid, order_id text, occurred timestamptz, amount bigint, currency text)
  ORDER BY member, order_id
  ON CONFLICT DO NOTHING RETURNING *
)
INSERT INTO spending AS s (member, currency, orders, amount, first_order, last_order, cancelled, cancelled_amount)
SELECT member, currency, count(*), sum(amount), min(occurred), max(occurred), 0, 0
FROM new GROUP BY member, currency ORDER BY member, currency
ON CONFLICT (member, currency) DO UPDATE SET
    orders = s.orders + excluded.orders, amount = s.amount + excluded.amount,
    first_order = least(s.first_order, excluded.first_order),
    last_order = greatest(s.last_order, excluded.last_order)
""")
_CANCEL = text("""
WITH gone AS (
  UPDATE purchase AS p SET cancelled = c.occurred
  FROM json_to_recordset(CAST(:rows AS json)) AS c (member uuid, order_id text, occurred timestamptz)
  WHERE p.member = c.member AND p.order_id = c.order_id AND p.cancelled IS NULL
  RETURNING p.member, p.currency, p.amount
)
UPDATE spending AS s SET cancelled = s.cancelled + g.orders, cancelled_amount = s.cancelled_amount + g.amount
FROM (SELECT member, currency, count(*) AS orders, sum(amount) AS amount FROM gone GROUP BY member, currency) AS g
WHERE s.member = g.member AND s.currency = g.currency
""")
