"""What is shown of customers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, select
from sqlalchemy.orm import Session

from services.callcenter.customers import record, rules
from services.callcenter.customers.record import members_in
from services.callcenter.customers.tables import customer, search_term
from shared.customer.fields import BUILT_IN, Field, UnknownField, field
from shared.customer.fold import FieldState
from shared.edge.errors import NotFound

MOST = 50


@dataclass(frozen=True)
class Card:
    """A customer as this service knows it."""

    member: str
    registered: datetime | None
    erased: datetime | None
    changed: datetime
    states: dict[str, FieldState]

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        return {name: state.value for name, state in self.states.items()}

    @property
    def name(self) -> str:
        return rules.full_name(self.values)


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
    c = customer.c
    rows = session.execute(
        select(c.member, c.registered, c.erased, c.changed, c.states).where(c.member == members_in(wanted))
    )
    found = {row.member: Card(*row[:4], record.states_of(row.states)) for row in rows}
    return [found[member] for member in wanted if member in found]


def search(session: Session, *, phone: str = "", email: str = "", name: str = "", region: str) -> list[Card]:
    """Customers that fit everything given: number in any writing, address, beginnings of the name's words.

    Raises ``rules.NotAPhone``.
    """
    wanted: list[tuple[str, str, bool]] = []
    if phone:
        wanted.append(("phone", rules.e164(phone, region), False))
    if email:
        wanted.append(("email", rules.email_term(email), False))
    wanted += [("name", word, True) for word in rules.name_terms(name)]
    if not wanted:
        return []
    found = session.scalars(_fitting(wanted).order_by(search_term.c.member).limit(MOST))
    return cards(session, found.all())


def find(session: Session, words: str, region: str) -> list[Card]:
    """Customers by what somebody typed into one box: a number, an address or a name."""
    if "@" in words:
        return search(session, email=words, region=region)
    try:
        by_phone = search(session, phone=words, region=region) if words else []
    except rules.NotAPhone:
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


def _fitting(wanted: list[tuple[str, str, bool]]) -> Select[str]:
    kind, term, begins = wanted[0]
    query = select(search_term.c.member).distinct().where(_fits(search_term, kind, term, begins))
    for kind, term, begins in wanted[1:]:
        other = search_term.alias()
        query = query.where(
            exists().where(and_(other.c.member == search_term.c.member, _fits(other, kind, term, begins)))
        )
    return query


def _fits(of: FromClause, kind: str, term: str, begins: bool) -> ColumnElement[bool]:
    columns = of.c
    text = columns.term.startswith(term, autoescape=True) if begins else columns.term == term
    return and_(columns.kind == kind, text)
