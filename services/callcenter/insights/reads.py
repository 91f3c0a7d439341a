"""What is known of a customer through others, combined over the customer's members. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.callcenter.cases import reads as cases
from services.callcenter.contacts import reads as contacts
from services.callcenter.insights import rules
from services.callcenter.insights.rules import Item, Line, Order, Value
from services.callcenter.insights.tables import note, order, segment, segment_name, value
from shared.customer.fold import FieldState
from shared.pipeline import clusters, heads, records
from shared.pipeline.customer_tables import any_of, claim, customer_record
from shared.pipeline.heads import Sign

MOST_ORDERS = 5
MOST_LINES = 12
SOURCES = ("marketing", "sfa", "sync")


@dataclass(frozen=True)
class Segment:
    """A segment that the customer is in."""

    segment: str
    name: str
    since: datetime


@dataclass(frozen=True)
class Insights:
    """A customer as the other services see it, with what is kept here."""

    members: tuple[str, ...]
    """All members that are this customer, the one asked for among them."""
    relation: str
    value: Value | None
    segments: list[Segment]
    orders: list[Order]
    """The newest."""
    contacts: list[Any]
    cases: list[Any]
    """The newest, open or not."""
    timeline: list[Line]
    signs: Mapping[str, Sign]
    """Service -> its last sign of life: how old what it says is at least. One never heard of isn't there."""
    now: datetime

    @property
    def open_cases(self) -> list[Any]:
        """Those to be resolved, the oldest request first."""
        return sorted((row for row in self.cases if row.state == "open"), key=lambda row: (row.requested, row.id))


def insights(session: Session, member: str, now: datetime) -> Insights:
    """What is known of the customer with this member."""
    members = sorted(clusters.mates_of(session, [member])[member])
    orders = _orders(session, members)
    recent = contacts.of_members(session, members, MOST_LINES)
    asked = cases.some(session, members=members, state="open") + cases.some(
        session, members=members, state="resolved", limit=MOST_LINES
    )
    lines = [*_contact_lines(recent), *_case_lines(asked), *_order_lines(orders), *_notes(session, members)]
    status, said = _status(session, members)
    return Insights(
        tuple(members),
        rules.relation(status, said, rules.last_order(orders), now),
        _value(session, members),
        _segments(session, members),
        rules.newest_first(orders, MOST_ORDERS),
        recent,
        asked,
        rules.timeline(lines, MOST_LINES),
        {source: sign for source, sign in heads.last_signs(session).items() if source in SOURCES},
        now,
    )


def _value(session: Session, members: Collection[str]) -> Value | None:
    v = value.c
    rows = session.execute(
        select(v.member, v.amount, v.currency, v.window_days, v.orders, v.last_order, v.told).where(
            v.member == any_of(members)
        )
    )
    return rules.newest_value(Value(*row) for row in rows)


def _segments(session: Session, members: Collection[str]) -> list[Segment]:
    s = segment.c
    name = func.coalesce(segment_name.c.name, s.segment)
    query = select(s.segment, name, func.min(s.since)).where(s.member == any_of(members))
    joined = query.outerjoin(segment_name, segment_name.c.segment == s.segment)
    return [Segment(*row) for row in session.execute(joined.group_by(s.segment, name).order_by(s.segment))]


def _orders(session: Session, members: Collection[str]) -> list[Order]:
    found = []
    for row in session.execute(select(order).where(order.c.member == any_of(members))).mappings():
        lines = tuple(Item(line["name"], line["quantity"]) for line in row["lines"] or ())
        found.append(Order(**{**row, "lines": lines}))
    return found


def _status(session: Session, members: Sequence[str]) -> tuple[str, datetime | None]:
    """What a person said last of what the customer is to the company, and when."""
    c = customer_record.c
    rows = session.execute(select(c.member, c.states).where(c.member == any_of(members))).all()
    states = {str(row.member): records.states_of(row.states).get("status") for row in rows}
    heads_of = {(member, head) for member, state in states.items() for head in _heads(state)}
    k = claim.c
    said = session.execute(
        select(k.member, k.id, k.occurred).where(k.member == any_of(members), k.field == "status")
    ).all()
    told = [
        (row.occurred, row.id, str(state.value))
        for row in said
        if (row.member, row.id) in heads_of and (state := states[row.member]) and state.value
    ]
    at, _, newest = max(told, default=(None, "", ""))
    return newest, at


def _heads(state: FieldState | None) -> tuple[str, ...]:
    return tuple(head for ids in state.heads.values() for head in ids) if state else ()


def _contact_lines(rows: Sequence[Any]) -> Iterator[Line]:
    for row in rows:
        yield Line(row.offered, "contact", row.id, row.channel, row.note)


def _case_lines(rows: Sequence[Any]) -> Iterator[Line]:
    for row in rows:
        yield Line(row.opened, "case", row.id, "opened", row.subject)
        if row.resolved:
            yield Line(row.resolved, "case", row.id, "resolved", row.solution)


def _order_lines(orders: Sequence[Order]) -> Iterator[Line]:
    for each in orders:
        what = ", ".join(f"{item.quantity} {item.name}" for item in each.lines)
        for at, step in each.steps():
            yield Line(at, "order", each.order, step, what)


def _notes(session: Session, members: Collection[str]) -> Iterator[Line]:
    n = note.c
    newest = select(n.at, n.note, n.text).where(n.member == any_of(members)).order_by(n.at.desc(), n.note)
    for at, id, text in session.execute(newest.limit(MOST_LINES)):
        yield Line(at, "note", id, "", text)
