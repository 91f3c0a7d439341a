"""What is shown of customers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.sfa.orders import reads as orders
from services.sfa.territories import reads as territories
from shared.customer.fields import BUILT_IN, Field, UnknownField, field
from shared.customer.fold import FieldState, full_name
from shared.customer.phones import NotAPhone, e164
from shared.customer.searching import plain
from shared.edge.errors import NotFound
from shared.pipeline import clusters, records
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.definitions import custom_fields
from shared.pipeline.tables import erased_member

MOST = 50


@dataclass(frozen=True)
class Card:
    """A customer as this service knows it."""

    member: str
    registered: datetime | None
    """None once it is erased."""
    erased: datetime | None
    states: dict[str, FieldState]

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        return {name: state.value for name, state in self.states.items()}

    @property
    def heads(self) -> dict[str, list[str]]:
        """Field -> the claims that an edit made from this card has seen."""
        return {name: [id for ids in state.heads.values() for id in ids] for name, state in self.states.items()}

    @property
    def name(self) -> str:
        return full_name(self.values)


@dataclass(frozen=True)
class Whole:
    """A customer with what sales knows: all members that are this customer, territory and orders."""

    card: Card
    fields: list[tuple[Field, str | tuple[str, ...]]]
    """The fields that say something."""
    members: list[str]
    territory: str
    """Empty: in none."""
    own_territory: str
    """Where this very member was put, which is what an assignment changes."""
    orders: list[Any]


def card(session: Session, member: str) -> Card:
    """Raises ``NotFound``."""
    for found in cards(session, [member]):
        return found
    raise NotFound("there is no such customer")


def cards(session: Session, members: Iterable[str]) -> list[Card]:
    """The cards of those members that exist, in the order asked for."""
    wanted = list(members)
    c, e = customer_record.c, erased_member.c
    rows = session.execute(
        select(c.member, c.registered, e.at, c.states)
        .outerjoin(erased_member, e.member == c.member)
        .where(c.member == any_of(wanted))
    )
    found = {row.member: Card(*row[:3], records.states_of(row.states)) for row in rows}
    return [found[member] for member in wanted if member in found]


def names_of(session: Session, members: Iterable[str]) -> dict[str, str]:
    """What customers are called; empty for one that isn't known here."""
    wanted = sorted(set(members))
    return dict.fromkeys(wanted, "") | {card.member: card.name for card in cards(session, wanted)}


def whole(session: Session, member: str, now: datetime) -> Whole:
    """Raises ``NotFound``."""
    found = card(session, member)
    members = sorted(clusters.mates_of(session, [member])[member])
    return Whole(
        found,
        list(_known(found.values, custom_fields(session))),
        members,
        territories.territories_of(session, [member])[member],
        territories.own_territory(session, member),
        orders.some(session, now=now, members=members),
    )


def _known(
    values: dict[str, str | tuple[str, ...]], custom: dict[str, Field]
) -> Iterable[tuple[Field, str | tuple[str, ...]]]:
    for name in [*BUILT_IN, *sorted(values.keys() - BUILT_IN.keys())]:
        try:
            described = field(name, custom)
        except UnknownField:
            continue
        if values.get(name):
            yield described, values[name]


def find(session: Session, words: str, region: str) -> list[Card]:
    """Customers by what somebody typed into one box: a number in any writing, an address or a name."""
    if "@" in words:
        found = records.search(session, email=words.strip(), limit=MOST)
    else:
        found = _by_phone(session, words, region) or _by_name(session, words)
    return cards(session, [member for member, _ in found])


def _by_phone(session: Session, words: str, region: str) -> list[tuple[str, Any]]:
    try:
        return list(records.search(session, number=e164(words, region), limit=MOST))
    except NotAPhone:
        return []


def _by_name(session: Session, words: str) -> list[tuple[str, Any]]:
    return list(records.search(session, name=words, limit=MOST)) if plain(words) else []
