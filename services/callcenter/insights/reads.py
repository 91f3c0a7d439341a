"""What is known of a customer through others, combined over the customer's members. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.callcenter.cases import reads as cases
from services.callcenter.cases.reads import Case
from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Contact
from services.callcenter.insights import rules
from services.callcenter.insights.rules import Item, Line, Order, Value
from services.callcenter.insights.tables import note, order, segment, segment_name, value
from shared.access.actions import TEXT, Action
from shared.access.grants import Fields
from shared.customer.fold import FieldState
from shared.pipeline import clusters, heads, records
from shared.pipeline.customer_tables import any_of, claim, customer_record
from shared.pipeline.heads import Sign
from shared.pipeline.look import Look

MOST_ORDERS = 5
MOST_LINES = 12
LONGEST_TIMELINE = 200
KINDS = ("contact", "case", "order", "note")
"""Of what a timeline is made."""
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
    """All members that are this customer and within reach, the one asked for among them."""
    relation: str | None
    value: Value | None
    segments: list[Segment]
    orders: list[Order]
    """The newest."""
    contacts: list[Contact]
    cases: list[Case]
    """The newest, open or not."""
    timeline: list[Line]
    signs: Mapping[str, Sign]
    """Service -> its last sign of life: how old what it says is at least. One never heard of isn't there."""
    now: datetime
    masked: tuple[str, ...] = ()
    """What of it is hidden from the actor: the ``relation``, which tells the status; ``value`` and ``segments``, which
    marketing says of the whole customer, when some of its members are out of reach."""

    @property
    def open_cases(self) -> list[Case]:
        """Those to be resolved, the oldest request first."""
        return sorted((row for row in self.cases if row.state == "open"), key=lambda row: (row.requested, row.id))


@dataclass(frozen=True)
class Brief:
    """What an agent is to know of a customer before he says hello."""

    relation: str | None
    value: Value | None
    segments: list[Segment]
    wrong: list[str]
    """What is wrong with open orders, as codes."""
    open_cases: int
    masked: tuple[str, ...]
    """As in ``Insights``."""


def briefs(look: Look, members: Sequence[str]) -> dict[str, Brief]:
    """Of those within reach."""
    return {member: _brief(look, member) for member in look.fields(Action.CUSTOMER_READ, members)}


def _brief(look: Look, member: str) -> Brief:
    session, now = look.session, look.now
    mates = clusters.mates(session, member)
    fields = look.fields(Action.CUSTOMER_READ, sorted(mates))
    members = list(fields)
    masked = _masked(fields, mates)
    orders = _orders(session, members)
    wrong = [code for each in rules.newest_first(orders, MOST_ORDERS) if each.is_open for code in each.wrong(now)]
    asked = cases.some(look, members=members, state="open") if look.may(Action.CASE_READ) else []
    return Brief(
        None if "relation" in masked else _relation(session, members, orders, now),
        None if "value" in masked else _value(session, members),
        [] if "segments" in masked else _segments(session, members),
        list(dict.fromkeys(wrong)),
        len(asked),
        masked,
    )


def _masked(fields: Mapping[str, Fields], mates: Collection[str]) -> tuple[str, ...]:
    status = () if all("status" in shown for shown in fields.values()) else ("relation",)
    return (*status, *(() if len(fields) == len(mates) else ("value", "segments")))


def insights(look: Look, member: str) -> Insights:
    """What is known of the customer with this member, as far as it is within reach. Raises ``Forbidden``."""
    look.see(Action.CUSTOMER_READ, member)
    session, now = look.session, look.now
    mates = clusters.mates(session, member)
    fields = look.fields(Action.CUSTOMER_READ, sorted(mates))
    members = list(fields)
    look.saw_customers(members)
    masked = _masked(fields, mates)
    orders = _orders(session, members)
    recent = contacts.of_members(look, members, MOST_LINES) if look.may(Action.CONTACT_READ) else []
    asked = _cases(look, members)
    noted = _notes(session, fields, MOST_LINES)
    lines = [*_contact_lines(recent), *_case_lines(asked), *_order_lines(orders), *noted]
    return Insights(
        tuple(members),
        None if "relation" in masked else _relation(session, members, orders, now),
        None if "value" in masked else _value(session, members),
        [] if "segments" in masked else _segments(session, members),
        rules.newest_first(orders, MOST_ORDERS),
        recent,
        asked,
        rules.timeline(lines, MOST_LINES),
        {source: sign for source, sign in heads.last_signs(session).items() if source in SOURCES},
        now,
        masked,
    )


@dataclass(frozen=True)
class Timeline:
    """What happened to a customer, the newest first."""

    lines: list[Line]
    more: bool
    """Whether more happened than is shown."""


def timeline(look: Look, member: str, kinds: Collection[str] = KINDS, most: int = MOST_LINES) -> Timeline:
    """What happened to the customer with this member, as far as it is within reach. Raises ``Forbidden``."""
    look.see(Action.CUSTOMER_READ, member)
    mates = clusters.mates(look.session, member)
    fields = look.fields(Action.CUSTOMER_READ, sorted(mates))
    members, limit = list(fields), most + 1
    look.saw_customers(members)
    lines: list[Line] = []
    if "contact" in kinds and look.may(Action.CONTACT_READ):
        lines += _contact_lines(contacts.of_members(look, members, limit))
    if "case" in kinds and look.may(Action.CASE_READ):
        lines += _case_lines(cases.some(look, members=members, limit=limit))
    if "order" in kinds:
        lines += _order_lines(_orders(look.session, members))
    if "note" in kinds:
        lines += _notes(look.session, fields, limit)
    return Timeline(rules.timeline(lines, most), len(lines) > most)


def _cases(look: Look, members: Sequence[str]) -> list[Case]:
    if not look.may(Action.CASE_READ):
        return []
    resolved = cases.some(look, members=members, state="resolved", limit=MOST_LINES)
    return cases.some(look, members=members, state="open") + resolved


def _relation(session: Session, members: Sequence[str], orders: Sequence[Order], now: datetime) -> str:
    status, said = _status(session, members)
    return rules.relation(status, said, rules.last_order(orders), now)


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


def _contact_lines(rows: Sequence[Contact]) -> Iterator[Line]:
    for row in rows:
        yield Line(row.offered, "contact", row.id, row.channel, row.note)


def _case_lines(rows: Sequence[Case]) -> Iterator[Line]:
    for row in rows:
        yield Line(row.opened, "case", row.id, "opened", row.subject)
        if row.resolved:
            yield Line(row.resolved, "case", row.id, "resolved", row.solution)


def _order_lines(orders: Sequence[Order]) -> Iterator[Line]:
    for each in orders:
        what = ", ".join(f"{item.quantity} {item.name}" for item in each.lines)
        for at, step in each.steps():
            yield Line(at, "order", each.order, step, what)


def _notes(session: Session, fields: Mapping[str, Fields], limit: int) -> Iterator[Line]:
    n = note.c
    newest = select(n.at, n.note, n.text, n.member).where(n.member == any_of(fields)).order_by(n.at.desc(), n.note)
    for at, id, text, member in session.execute(newest.limit(limit)):
        yield Line(at, "note", id, "", text if TEXT in fields[member] or not text else None)
