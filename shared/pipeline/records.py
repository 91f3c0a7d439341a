"""Reading of customers' records: one, or those that a search finds."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from shared.customer.fold import FieldState, Record
from shared.customer.searching import plain, plain_email
from shared.pipeline.customer_tables import customer_record

LEAST_DIGITS = 4
_SIMPLE: ColumnElement[str] = literal_column("'simple'")


def record(session: Session, member: str) -> Record | None:
    """What is known of a member; none for one that was never told of, or is erased."""
    c = customer_record.c
    found = session.scalar(select(c.states).where(c.member == member, c.registered.is_not(None)))
    return None if found is None else Record(states_of(found))


def states_of(stored: Any) -> dict[str, FieldState]:
    """The folded fields as ``customer_record.states`` keeps them."""
    return msgspec.convert(stored, dict[str, FieldState])


def search(
    session: Session, *, name: str = "", phone: str = "", number: str = "", email: str = "", limit: int = 20
) -> list[tuple[str, Record]]:
    """Customers for whom all that is given fits, the newest first; with nothing given, the newest.

    ``name`` are beginnings of words of the name or company, ``phone`` is in any form (its last digits count,
    at least ``LEAST_DIGITS`` of them), ``number`` is a whole one as fields have it, ``email`` is the beginning of an
    address.
    """
    c = customer_record.c
    conditions: list[ColumnElement[bool]] = [c.registered.is_not(None)]
    if words := plain(name).split():
        query = " & ".join(f"{word}:*" for word in words)
        conditions.append(func.to_tsvector(_SIMPLE, c.name).op("@@")(func.to_tsquery(_SIMPLE, query)))
    if phone:
        digits = "".join(d for d in phone if d.isascii() and d.isdigit()).lstrip("0")
        if len(digits) < LEAST_DIGITS:
            return []
        conditions.append(func.reverse(c.phone).like(digits[::-1] + "%"))
    if number:
        conditions.append(func.reverse(c.phone) == number[::-1])
    if email:
        conditions.append(c.email.startswith(plain_email(email), autoescape=True))
    found = select(c.member, c.states).where(*conditions).order_by(c.registered.desc(), c.member)
    rows = session.execute(found.limit(limit))
    return [(str(row.member), Record(states_of(row.states))) for row in rows]
