"""What is shown of customers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.customer.fields import BUILT_IN, Field, UnknownField, field
from shared.customer.fold import FieldState, full_name
from shared.customer.phones import NotAPhone, e164
from shared.customer.searching import plain
from shared.edge.errors import NotFound
from shared.edge.statements import run
from shared.pipeline import records
from shared.pipeline.customer_tables import any_of, claim, customer_record
from shared.pipeline.tables import erased_member

MOST = 50


@dataclass(frozen=True)
class Card:
    """A customer as this service knows it."""

    member: str
    registered: datetime | None
    """None once it is erased."""
    erased: datetime | None
    changed: datetime
    """When the newest edit was made; of an erased one, when it was erased here."""
    states: dict[str, FieldState]

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        return {name: state.value for name, state in self.states.items()}

    @property
    def name(self) -> str:
        return full_name(self.values)


@dataclass(frozen=True)
class Shown:
    """A field of a customer with its description, for a form or a table."""

    field: Field
    value: str | tuple[str, ...]
    heads: tuple[str, ...]
    open: bool


def card(session: Session, member: str) -> Card:
    """Raises ``NotFound``."""
    for found in cards(session, [member]):
        return found
    raise NotFound("there is no such customer")


def cards(session: Session, members: Iterable[str]) -> list[Card]:
    """The cards of those members that exist, in the order asked for."""
    wanted = list(members)
    c, e = customer_record.c, erased_member.c
    newest = select(func.max(claim.c.occurred)).where(claim.c.member == c.member).scalar_subquery()
    changed = func.coalesce(e.at, newest, c.registered)
    rows = session.execute(
        select(c.member, c.registered, e.at, changed, c.states)
        .outerjoin(erased_member, e.member == c.member)
        .where(c.member == any_of(wanted))
    )
    found = {row.member: Card(*row[:4], records.states_of(row.states)) for row in rows}
    return [found[member] for member in wanted if member in found]


def search(session: Session, *, phone: str = "", email: str = "", name: str = "", region: str) -> list[Card]:
    """Customers that fit everything given: number in any writing, beginning of an address, beginnings of the name's
    words. The newest first; nothing given finds nobody. Raises ``NotAPhone``.
    """
    number = e164(phone, region) if phone else ""
    if not (number or email.strip() or plain(name)):
        return []
    found = records.search(session, name=name, number=number, email=email, limit=MOST)
    return cards(session, [member for member, _ in found])


def held_by(session: Session, kind: str, term: str) -> str | None:
    """The customer with exactly this phone number or e-mail address; of several the one named first. Kept as it is
    until the commit, as by ``hold_steady``."""
    found = run(session, _BY_PHONE if kind == "phone" else _BY_EMAIL, {"term": term})
    return found[0][0] if found else None


_BY_PHONE = """
SELECT member::text FROM customer_record WHERE reverse(phone) = reverse(%(term)s)
ORDER BY customer_record.member LIMIT 1 FOR SHARE
"""
_BY_EMAIL = """
SELECT member::text FROM customer_record WHERE email = %(term)s
ORDER BY customer_record.member LIMIT 1 FOR SHARE
"""


def find(session: Session, words: str, region: str) -> list[Card]:
    """Customers by what somebody typed into one box: a number, an address or a name."""
    if "@" in words:
        return search(session, email=words, region=region)
    try:
        by_phone = search(session, phone=words, region=region) if words else []
    except NotAPhone:
        by_phone = []
    return by_phone or search(session, name=words, region=region)


def shown(states: dict[str, FieldState], custom: dict[str, Field]) -> list[Shown]:
    """Every field there is, with its standing value: the built-in ones first, then custom ones by name."""
    names = [*BUILT_IN, *sorted((custom.keys() | states.keys()) - BUILT_IN.keys())]
    return [found for name in names if (found := _shown(name, states.get(name), custom))]


def _shown(name: str, state: FieldState | None, custom: dict[str, Field]) -> Shown | None:
    try:
        described = field(name, custom)
    except UnknownField:
        return None
    if state is None:
        return Shown(described, () if described.many else "", (), False)
    heads = tuple(head for of in state.heads.values() for head in of)
    return Shown(described, state.value, heads, bool(state.open))
