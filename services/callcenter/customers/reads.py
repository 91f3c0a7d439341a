"""What is shown of customers. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.customer.fields import BUILT_IN, Field, UnknownField, field
from shared.customer.fold import FieldState, full_name
from shared.customer.phones import NotAPhone, e164
from shared.customer.searching import plain
from shared.edge.errors import NotFound
from shared.edge.statements import run
from shared.pipeline import records
from shared.pipeline.customer_tables import any_of, claim, customer_record
from shared.pipeline.look import Look
from shared.pipeline.tables import erased_member
from shared.texts import N_

MOST = 50


@dataclass(frozen=True)
class Card:
    """A customer as this service knows it, and as the actor may see it."""

    member: str
    registered: datetime | None
    """None once it is erased."""
    erased: datetime | None
    changed: datetime
    """When the newest edit was made; of an erased one, when it was erased here."""
    states: dict[str, FieldState]
    masked: tuple[str, ...] = ()
    """Fields that it has and that the actor doesn't see; they aren't among the states."""

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        return {name: state.value for name, state in self.states.items()}

    @property
    def name(self) -> str:
        return full_name(self.values)

    @property
    def name_masked(self) -> bool:
        """Whether there is more to the name than is shown."""
        return any(name in self.masked for name in records.NAME_FIELDS)


@dataclass(frozen=True)
class Shown:
    """A field of a customer with its description, for a form or a table."""

    field: Field
    value: str | tuple[str, ...]
    heads: tuple[str, ...]
    open: bool
    masked: bool = False


def card(look: Look, member: str) -> Card:
    """Raises ``Forbidden`` and ``NotFound``."""
    look.see(Action.CUSTOMER_READ, member)
    for found in cards(look, [member]):
        return found
    raise NotFound(N_("there is no such customer"))


def cards(look: Look, members: Iterable[str]) -> list[Card]:
    """The cards of those members that exist and are within reach, in the order asked for."""
    fields = look.fields(Action.CUSTOMER_READ, members)
    if not fields:
        return []
    c, e = customer_record.c, erased_member.c
    newest = select(func.max(claim.c.occurred)).where(claim.c.member == c.member).scalar_subquery()
    changed = func.coalesce(e.at, newest, c.registered)
    rows = look.session.execute(
        select(c.member, c.registered, e.at, changed, c.states)
        .outerjoin(erased_member, e.member == c.member)
        .where(c.member == any_of(fields))
    )
    found = {}
    for row in rows:
        states, masked = fields[row.member].mask(records.states_of(row.states))
        found[row.member] = Card(*row[:4], states, tuple(masked))
    look.saw_customers(found)
    return [found[member] for member in fields if member in found]


def search(look: Look, *, phone: str = "", email: str = "", name: str = "", region: str) -> list[Card]:
    """Customers that fit everything given: number in any writing, beginning of an address, beginnings of the name's
    words. The newest first; nothing given finds nobody. Raises ``Forbidden`` and ``NotAPhone``.
    """
    look.need(Action.CUSTOMER_READ)
    number = e164(phone, region) if phone else ""
    if not (number or email.strip() or plain(name)):
        return []
    found = records.search(look, name=name, number=number, email=email, limit=MOST)
    return cards(look, [one.member for one in found])


def held_by(session: Session, kind: str, term: str) -> str | None:
    """The customer with exactly this phone number or e-mail address; of several the one named first. Kept as it is
    until the commit, as by ``hold_steady``. For who tells of a contact: nobody else may be told that there is one."""
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


def find(look: Look, words: str, region: str) -> list[Card]:
    """Customers by what somebody typed into one box: a number, an address or a name. Raises ``Forbidden``."""
    if "@" in words:
        return search(look, email=words, region=region)
    try:
        by_phone = search(look, phone=words, region=region) if words else []
    except NotAPhone:
        by_phone = []
    return by_phone or search(look, name=words, region=region)


def shown(card: Card, custom: dict[str, Field]) -> list[Shown]:
    """Every field there is, with its standing value: the built-in ones first, then custom ones by name."""
    names = [*BUILT_IN, *sorted((custom.keys() | card.states.keys() | set(card.masked)) - BUILT_IN.keys())]
    return [found for name in names if (found := _shown(name, card, custom))]


def _shown(name: str, card: Card, custom: dict[str, Field]) -> Shown | None:
    try:
        described = field(name, custom)
    except UnknownField:
        return None
    state = card.states.get(name)
    if name in card.masked:
        return Shown(described, "", (), False, masked=True)
    if state is None:
        return Shown(described, () if described.many else "", (), False)
    heads = tuple(head for of in state.heads.values() for head in of)
    return Shown(described, state.value, heads, bool(state.open))
