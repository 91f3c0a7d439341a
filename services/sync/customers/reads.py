"""What is known of customers, as pages and the API show it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select

from services.sync.customers import rules
from services.sync.identity.reads import Other, others_of
from shared.access.actions import Action
from shared.customer.fold import Record
from shared.customer.member import Member
from shared.edge.errors import NotFound
from shared.pipeline import claims, clusters, keys, records
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.records import NAME_FIELDS
from shared.texts import N_


class Card(msgspec.Struct, frozen=True):
    """A customer's record."""

    customer: str
    name: str
    registered: datetime | None
    erased: bool
    fields: list[rules.Shown]
    others: list[Other] = []
    """The other members of the same customer, those within reach."""
    masked: list[str] = []
    """Fields of which something is known that isn't shown to this reader."""

    @property
    def is_nameless(self) -> bool:
        """Whether there is no name to show because it isn't shown."""
        return not self.name and any(name in self.masked for name in NAME_FIELDS)


class Found(msgspec.Struct, frozen=True):
    """One customer in a list."""

    customer: str
    name: str
    phone: str
    email: str
    status: str
    masked: list[str]
    """Fields of which something is known that isn't shown to this reader."""

    @property
    def is_nameless(self) -> bool:
        """Whether there is no name to show because it isn't shown."""
        return not self.name and any(name in self.masked for name in NAME_FIELDS)


def card(look: Look, member: Member) -> Card:
    """The record of a member; of an erased one nothing but that. Raises ``Forbidden``, ``NotFound``."""
    found = card_if_any(look, member)
    if found is None:
        raise NotFound(N_("there is no such customer"))
    return found


def card_if_any(look: Look, member: Member, language: str = "") -> Card | None:
    """The record of a member, none for one that was never told of. Raises ``Forbidden``."""
    seen, session = look.see(Action.CUSTOMER_READ, member), look.session
    record = records.record(session, member)
    if record is None:
        return Card(member, "", None, True, []) if keys.erased(session, [member]) else None
    look.saw_customers([member])
    states, masked = seen.mask(record.states)
    shown = Record(states)
    c = customer_record.c
    registered = session.scalar(select(c.registered).where(c.member == member))
    known = claims.claims_of(session, member, shown.open) if shown.open else {}
    custom = custom_fields(session, language)
    others = list(others_of(look, clusters.others(session, member)).values())
    return Card(member, shown.name, registered, False, rules.shown(shown, custom, known), others, masked)


def ledger(look: Look, member: Member, language: str = "") -> list[rules.Entry]:
    """The losing values of a member, with the reasons; none of an erased one. Raises ``Forbidden``, ``NotFound``."""
    seen, session = look.see(Action.CUSTOMER_READ, member), look.session
    record = records.record(session, member)
    if record is None:
        card(look, member)
        return []
    look.saw_customers([member])
    known = claims.claims_of(session, member, {lost.field for lost in record.ledger})
    return rules.ledger(record, custom_fields(session, language), known, seen)


def search(look: Look, *, name: str, phone: str, email: str, limit: int) -> list[Found]:
    """Customers within reach for whom all that is given fits, the newest first; with nothing given, the newest.

    Raises ``Forbidden``.
    """
    return [found(one) for one in records.search(look, name=name, phone=phone, email=email, limit=limit)]


def found(of: records.Found) -> Found:
    """A customer as lists show it."""

    def one(name: str) -> str:
        value = of.record.states[name].value if name in of.record.states else ""
        return value if isinstance(value, str) else ""

    return Found(of.member, of.record.name, one("phone"), one("email"), one("status"), list(of.masked))
