"""What is shown of customers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.sfa.orders import reads as orders
from services.sfa.territories import reads as territories
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS, Fields
from shared.customer.definitions import Definition
from shared.customer.fields import BUILT_IN, CUSTOM, Field, UnknownField, field
from shared.customer.fold import FieldState, full_name
from shared.customer.phones import NotAPhone, e164
from shared.customer.searching import plain
from shared.edge.errors import NotFound
from shared.pipeline import clusters, records, vocabulary
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.records import NAME_FIELDS, Found
from shared.pipeline.tables import erased_member
from shared.texts import N_

MOST = 50


@dataclass(frozen=True)
class Card:
    """A customer as this service knows it, as far as the reader may see it."""

    member: str
    registered: datetime | None
    """None once it is erased."""
    erased: datetime | None
    states: dict[str, FieldState]
    masked: list[str]
    """Fields of which something is known that isn't shown."""

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

    @property
    def is_nameless(self) -> bool:
        """Whether there is no name to show because it isn't shown."""
        return not self.name and any(name in self.masked for name in NAME_FIELDS)


@dataclass(frozen=True)
class Whole:
    """A customer with what sales knows: all members that are this customer, territory and orders."""

    card: Card
    fields: list[tuple[Field, str | tuple[str, ...] | None]]
    """The fields that say something; none where that isn't shown."""
    editable: Fields | None
    """Fields that the reader may change; none: nothing of this customer."""
    members: list[str]
    """Those within reach."""
    territory: str
    """Empty: in none."""
    own_territory: str
    """Where this very member was put, which is what an assignment changes."""
    orders: list[Any]
    custom: list[Definition]
    """The fields of customers that departments defined."""

    @property
    def own_to_edit(self) -> list[Definition]:
        """Those of them that the reader may change; one that is retired takes nothing new."""
        may = self.editable or NO_FIELDS
        own = [(CUSTOM + one.code, one) for one in self.custom if not one.retired]
        return [one for name, one in own if name in may and name not in self.card.masked]


def cards(look: Look, members: Iterable[str]) -> list[Card]:
    """The cards of those members that exist and are within reach, in the order asked for."""
    wanted = list(members)
    shown = look.fields(Action.CUSTOMER_READ, wanted)
    c, e = customer_record.c, erased_member.c
    rows = look.session.execute(
        select(c.member, c.registered, e.at, c.states)
        .outerjoin(erased_member, e.member == c.member)
        .where(c.member == any_of(shown))
    )
    found = {row.member: Card(*row[:3], *shown[row.member].mask(records.states_of(row.states))) for row in rows}
    look.saw_customers(found)
    return [found[member] for member in wanted if member in found]


def names_of(look: Look, members: Iterable[str]) -> dict[str, str | None]:
    """What customers are called; none where that isn't shown, or nobody is known."""
    wanted = sorted(set(members))
    known = {card.member: None if card.is_nameless else card.name for card in cards(look, wanted)}
    return dict.fromkeys(wanted) | known


def whole(look: Look, member: str) -> Whole:
    """Raises ``Forbidden``, ``NotFound``."""
    session = look.session
    look.see(Action.CUSTOMER_READ, member)
    found = next(iter(cards(look, [member])), None)
    if found is None:
        raise NotFound(N_("there is no such customer"))
    mates = sorted(clusters.mates_of(session, [member])[member])
    custom = custom_fields(session)
    return Whole(
        found,
        list(_known(found, custom)),
        look.fields(Action.CUSTOMER_EDIT, [member]).get(member),
        list(look.fields(Action.CUSTOMER_READ, mates)),
        territories.territories_of(session, [member])[member],
        territories.own_territory(session, member),
        orders.of(look, mates) if look.may(Action.ORDER_READ) else [],
        [vocabulary.described(one) for one in custom.values()],
    )


def _known(card: Card, custom: dict[str, Field]) -> Iterable[tuple[Field, str | tuple[str, ...] | None]]:
    values: dict[str, str | tuple[str, ...] | None] = {**card.values, **dict.fromkeys(card.masked)}
    for name in [*BUILT_IN, *sorted(values.keys() - BUILT_IN.keys())]:
        try:
            described = field(name, custom)
        except UnknownField:
            continue
        if values.get(name) or name in card.masked:
            yield described, values[name]


def find(look: Look, words: str, region: str) -> list[Card]:
    """Customers within reach by what somebody typed into one box: a number in any writing, an address or a name.

    Raises ``Forbidden``.
    """
    look.need(Action.CUSTOMER_READ)
    if "@" in words:
        return cards(look, _members(records.search(look, email=words.strip(), limit=MOST)))
    return cards(look, _by_phone(look, words, region) or _by_name(look, words))


def _by_phone(look: Look, words: str, region: str) -> list[str]:
    try:
        return _members(records.search(look, number=e164(words, region), limit=MOST))
    except NotAPhone:
        return []


def _by_name(look: Look, words: str) -> list[str]:
    return _members(records.search(look, name=words, limit=MOST)) if plain(words) else []


def _members(found: Iterable[Found]) -> list[str]:
    return [one.member for one in found]
