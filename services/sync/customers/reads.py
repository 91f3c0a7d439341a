"""What is known of customers, as pages and the API show it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.sync.customers import rules
from services.sync.identity.reads import Other, names_of
from shared.customer.fold import Record
from shared.customer.member import Member
from shared.edge.errors import NotFound
from shared.pipeline import claims, clusters, keys, records
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.definitions import custom_fields


class Card(msgspec.Struct, frozen=True):
    """A customer's record."""

    customer: str
    name: str
    registered: datetime | None
    erased: bool
    fields: list[rules.Shown]
    others: list[Other] = []
    """The other members of the same customer."""


class Found(msgspec.Struct, frozen=True):
    """One customer in a list."""

    customer: str
    name: str
    phone: str
    email: str
    status: str


def card(session: Session, member: Member) -> Card:
    """The record of a member; of an erased one nothing but that. Raises ``NotFound``."""
    found = card_if_any(session, member)
    if found is None:
        raise NotFound("there is no such customer")
    return found


def card_if_any(session: Session, member: Member) -> Card | None:
    """The record of a member, none for one that was never told of."""
    record = records.record(session, member)
    if record is None:
        return Card(member, "", None, True, []) if keys.erased(session, [member]) else None
    c = customer_record.c
    registered = session.scalar(select(c.registered).where(c.member == member))
    known = claims.claims_of(session, member, record.open) if record.open else {}
    custom = custom_fields(session)
    mates = clusters.others(session, member)
    others = [Other(mate, name) for mate, name in names_of(session, mates).items()]
    return Card(member, record.name, registered, False, rules.shown(record, custom, known), others)


def ledger(session: Session, member: Member) -> list[rules.Entry]:
    """The losing values of a member, with the reasons; none of an erased one. Raises ``NotFound``."""
    record = records.record(session, member)
    if record is None:
        card(session, member)
        return []
    known = claims.claims_of(session, member, {lost.field for lost in record.ledger})
    return rules.ledger(record, custom_fields(session), known)


def search(session: Session, *, name: str, phone: str, email: str, limit: int) -> list[Found]:
    """Customers for whom all that is given fits, the newest first; with nothing given, the newest."""
    found = records.search(session, name=name, phone=phone, email=email, limit=limit)
    return [_found(member, record) for member, record in found]


def _found(member: str, record: Record) -> Found:
    def one(name: str) -> str:
        value = record.states[name].value if name in record.states else ""
        return value if isinstance(value, str) else ""

    return Found(member, record.name, one("phone"), one("email"), one("status"))
