"""Values that gave way, of all customers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, tuple_

from services.sync.customers import rules
from services.sync.customers.tables import lost_value
from services.sync.identity.reads import Other, others_of
from shared.access.actions import Action
from shared.access.grants import Fields
from shared.customer.claims import Claim
from shared.customer.fold import Record
from shared.pipeline.customer_tables import any_of, claim, customer_record
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.records import states_of
from shared.pipeline.within import within_reach

After = tuple[datetime, str, str, str]
"""Where a list goes on: occurred, claim, member and field of the last entry."""


@dataclass(frozen=True)
class Wanted:
    """Which are listed; what is empty isn't asked for."""

    field: str = ""
    source: str = ""
    reason: str = ""
    settled: bool | None = None


class Given(msgspec.Struct, frozen=True):
    """One value that gave way, and whose."""

    customer: Other
    entry: rules.Entry


def everywhere(
    look: Look, wanted: Wanted, after: After | None, limit: int, language: str = ""
) -> tuple[list[Given], After | None]:
    """The newest first, of customers within reach and fields that the actor sees; and where to go on, if there is more.

    Raises ``Forbidden``.
    """
    look.need(Action.CUSTOMER_READ)
    v = lost_value.c
    place = tuple_(v.occurred, v.claim, v.member, v.field)
    query = select(v.occurred, v.claim, v.member, v.field).order_by(*(part.desc() for part in place.clauses))
    for column, value in ((v.field, wanted.field), (v.source, wanted.source), (v.reason, wanted.reason)):
        query = query.where(column == value) if value else query
    if wanted.settled is not None:
        query = query.where(v.settled == wanted.settled)

    def more(last: Any, size: int) -> Sequence[Any]:
        start = after if last is None else tuple(last)
        rows = query.where(place < start) if start else query
        return look.session.execute(rows.limit(size)).all()

    kept = within_reach(
        look,
        Action.CUSTOMER_READ,
        more,
        lambda row: (row.member,),
        limit + 1,
        shown=lambda row, fields: row.field in fields,
    )
    rows = [row for row, _ in kept[:limit]]
    entries = _entries(look, {row.member: fields for row, fields in kept[:limit]}, language)
    names = others_of(look, {row.member for row in rows})
    found = [
        Given(names[row.member], entries[row.member, row.claim]) for row in rows if (row.member, row.claim) in entries
    ]
    return found, tuple(rows[-1]) if len(kept) > limit else None


def _entries(look: Look, seen: dict[str, Fields], language: str) -> dict[tuple[str, str], rules.Entry]:
    """(member, claim) -> the entry of its ledger."""
    if not seen:
        return {}
    r, c = customer_record.c, claim.c
    stored = select(r.member, r.states).where(r.member == any_of(sorted(seen)), r.registered.is_not(None))
    records = {member: Record(states_of(states)) for member, states in look.session.execute(stored)}
    pairs = sorted({(member, lost.field) for member, record in records.items() for lost in record.ledger})
    chosen = select(c.member, c.id, c.field, c.value, c.saw, c.occurred, c.source, c.author)
    known: dict[str, dict[str, Claim]] = {}
    for member, id, name, value, saw, *rest in look.session.execute(chosen.where(tuple_(c.member, c.field).in_(pairs))):
        known.setdefault(member, {})[id] = Claim(id, name, value, tuple(saw), *rest)
    custom = custom_fields(look.session, language)
    return {
        (member, entry.claim): entry
        for member, record in records.items()
        for entry in rules.ledger(record, custom, known.get(member, {}), seen[member])
    }
