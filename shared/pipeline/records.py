"""Reading of customers' records: one, or those that a search finds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.access.grants import Fields
from shared.customer.fold import FieldState, Record
from shared.customer.searching import plain, plain_email
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.look import Look

LEAST_DIGITS = 4
NAME_FIELDS = ("given_name", "family_name", "company")
"""What a search by name looks at, all at once: so all of them have to be visible."""
MOST_LOOKED_AT = 20_000
"""Records that one search looks at, for who may see few of them."""
GROWS = 4
"""How many times as many are looked at after a page of which too few may be shown."""
_SIMPLE: ColumnElement[str] = literal_column("'simple'")


class Found(NamedTuple):
    """A customer that was found, as the actor may see it."""

    member: str
    record: Record
    """Without the fields that are masked."""
    fields: Fields
    masked: tuple[str, ...] = ()
    """The fields that the customer has and the actor doesn't see."""


def record(session: Session, member: str) -> Record | None:
    """What is known of a member; none for one that was never told of, or is erased."""
    c = customer_record.c
    found = session.scalar(select(c.states).where(c.member == member, c.registered.is_not(None)))
    return None if found is None else Record(states_of(found))


def states_of(stored: Any) -> dict[str, FieldState]:
    """The folded fields as ``customer_record.states`` keeps them."""
    return msgspec.convert(stored, dict[str, FieldState])


def search(
    look: Look, *, name: str = "", phone: str = "", number: str = "", email: str = "", limit: int = 20
) -> list[Found]:
    """Customers for whom all that is given fits, the newest first; with nothing given, the newest.

    ``name`` are beginnings of words of the name or company, ``phone`` is in any form (its last digits count,
    at least ``LEAST_DIGITS`` of them), ``number`` is a whole one as fields have it, ``email`` is the beginning of an
    address.

    Only those within the actor's reach of whom it may see what is searched by, as finding one tells of it. Raises
    ``Forbidden``.
    """
    look.need(Action.CUSTOMER_READ)
    conditions = _conditions(name, phone, number, email)
    asked = _asked(name, phone or number, email)
    most = look.grants.most(Action.CUSTOMER_READ)
    if conditions is None or any(field not in most for field in asked):
        return []
    found: list[Found] = []
    looked_at, size, last = 0, limit, None
    while len(found) < limit and looked_at < MOST_LOOKED_AT:
        rows = look.session.execute(_page(conditions, last, size)).all()
        found += _visible(look, rows, asked)
        if len(rows) < size:
            break
        looked_at, last = looked_at + size, rows[-1]
        size = min(size * GROWS, MOST_LOOKED_AT - looked_at)
    look.saw_customers(one.member for one in found[:limit])
    return found[:limit]


def _asked(name: str, phone: str, email: str) -> list[str]:
    """The fields that are searched by."""
    return [*(NAME_FIELDS if plain(name) else ()), *(["phone"] if phone else ()), *(["email"] if email else ())]


def _conditions(name: str, phone: str, number: str, email: str) -> list[ColumnElement[bool]] | None:
    """None: nobody can be meant."""
    c = customer_record.c
    conditions: list[ColumnElement[bool]] = [c.registered.is_not(None)]
    if words := plain(name).split():
        query = " & ".join(f"{word}:*" for word in words)
        conditions.append(func.to_tsvector(_SIMPLE, c.name).op("@@")(func.to_tsquery(_SIMPLE, query)))
    if phone:
        digits = "".join(d for d in phone if d.isascii() and d.isdigit()).lstrip("0")
        if len(digits) < LEAST_DIGITS:
            return None
        conditions.append(func.reverse(c.phone).like(digits[::-1] + "%"))
    if number:
        conditions.append(func.reverse(c.phone) == number[::-1])
    if email:
        conditions.append(c.email.startswith(plain_email(email), autoescape=True))
    return conditions


def _page(conditions: Sequence[ColumnElement[bool]], last: Any, size: int) -> Any:
    c = customer_record.c
    query = select(c.member, c.registered, c.states).where(*conditions)
    if last is not None:
        beyond = or_(c.registered < last.registered, and_(c.registered == last.registered, c.member > last.member))
        query = query.where(beyond)
    return query.order_by(c.registered.desc(), c.member).limit(size)


def _visible(look: Look, rows: Sequence[Any], asked: Collection[str]) -> list[Found]:
    fields = look.fields(Action.CUSTOMER_READ, (row.member for row in rows))
    return [
        of_row(row, shown)
        for row in rows
        if (shown := fields.get(row.member)) is not None and all(field in shown for field in asked)
    ]


def of_row(row: Any, shown: Fields) -> Found:
    """A row of the table of records, for who sees these fields."""
    states, masked = shown.mask(states_of(row.states))
    return Found(row.member, Record(states), shown, tuple(masked))
