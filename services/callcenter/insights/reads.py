"""What is known of a customer through others, combined over the customer's members. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.callcenter.cases import reads as cases
from services.callcenter.cases.reads import Case
from services.callcenter.contacts import reads as contacts
from services.callcenter.contacts.reads import Contact
from services.callcenter.insights import rules
from services.callcenter.insights.rules import Item, Line, Order, Value
from services.callcenter.insights.tables import note, order
from shared.access.actions import TEXT, Action
from shared.access.grants import Fields
from shared.customer.fold import FieldState
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline import clusters, heads, records
from shared.pipeline.customer_tables import any_of
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
    return rules.newest_value(Value(*row) for row in run(session, _VALUES, {"members": text_array(members)}))


def _segments(session: Session, members: Collection[str]) -> list[Segment]:
    return [Segment(*row) for row in run(session, _SEGMENTS, {"members": text_array(members)})]


def _orders(session: Session, members: Collection[str]) -> list[Order]:
    found = []
    for member, lines, *steps in run(session, _ORDERS, {"members": text_array(members)}):
        items = tuple(Item(line["name"], line["quantity"]) for line in lines or ())
        found.append(Order(member=member, lines=items, **dict(zip(_OF_ORDER, steps, strict=True))))
    return found


# For every call that pops up.
_VALUES = """
SELECT member::text, amount, currency, window_days, orders, last_order, told FROM insight_value
WHERE member = ANY (CAST(%(members)s AS uuid[]))
"""
_SEGMENTS = """
SELECT s.segment, coalesce(n.name, s.segment), min(s.since)
FROM insight_segment s LEFT JOIN insight_segment_name n USING (segment)
WHERE s.member = ANY (CAST(%(members)s AS uuid[])) GROUP BY 1, 2 ORDER BY 1
"""
_OF_ORDER = [name for name in order.c.keys() if name not in ("member", "lines")]  # noqa: SIM118 - no mapping
_ORDERS = f"""
SELECT member::text, lines, {", ".join(f'"{name}"' for name in _OF_ORDER)}
FROM insight_order WHERE member = ANY (CAST(%(members)s AS uuid[]))
"""  # noqa: S608 - columns of the table


def _status(session: Session, members: Sequence[str]) -> tuple[str, datetime | None]:
    """What a person said last of what the customer is to the company, and when."""
    given = {"members": text_array(members)}
    states = {member: records.states_of(kept).get("status") for member, kept in run(session, _STATES, given)}
    heads_of = {(member, head) for member, state in states.items() for head in _heads(state)}
    told = [
        (occurred, id, str(state.value))
        for member, id, occurred in (run(session, _STATUS_SAID, given) if heads_of else ())
        if (member, id) in heads_of and (state := states[member]) and state.value
    ]
    at, _, newest = max(told, default=(None, "", ""))
    return newest, at


_STATES = "SELECT member::text, states FROM customer_record WHERE member = ANY (CAST(%(members)s AS uuid[]))"
_STATUS_SAID = """
SELECT member::text, id::text, occurred FROM claim
WHERE member = ANY (CAST(%(members)s AS uuid[])) AND field = 'status'
"""


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
