"""What is shown of cases. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from services.callcenter.cases.tables import case
from services.callcenter.contacts.reads import custom_seen, shown
from shared.access.actions import TEXT, Action
from shared.access.grants import Fields
from shared.edge.errors import NotFound
from shared.pipeline.customer_tables import any_of
from shared.pipeline.look import Look
from shared.pipeline.records import GROWS, MOST_LOOKED_AT
from shared.texts import N_


@dataclass(frozen=True)
class Case:
    """A case as the actor may see it: ``masked`` names what it has and isn't shown."""

    id: str
    member: str
    contact: str | None
    reason: str
    subject: str | None
    state: str
    requested: datetime
    opened: datetime
    opened_by: str
    resolved: datetime | None
    solution: str | None
    seconds_to_solution: float | None
    immediate: bool | None
    product: str
    place: str
    step: str
    """The department's own state, beside the platform's."""
    custom: dict[str, str]
    """Values of the department's own fields; the hidden ones aren't here."""
    masked: tuple[str, ...] = ()


COLUMNS = tuple(case.c[name] for name in Case.__dataclass_fields__ if name != "masked")
TEXTS = ("subject", "solution")


def one(look: Look, id: str) -> Case:
    """A case. Raises ``Forbidden`` and ``NotFound``."""
    look.need(Action.CASE_READ)
    row = look.session.execute(select(*COLUMNS).where(case.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(N_("there is no such case"))
    look.see(Action.CASE_READ, row.member)
    look.account = f"case/{id}"
    return seen(look, [row])[0]


def of_customer(look: Look, member: str, *, state: str | None = None, limit: int = 50) -> list[Case]:
    """Cases of one customer, as ``some``. Raises ``Forbidden`` when it is out of reach."""
    look.see(Action.CASE_READ, member)
    return some(look, members=[member], state=state, limit=limit)


def some(look: Look, *, members: Iterable[str] | None = None, state: str | None = None, limit: int = 50) -> list[Case]:
    """Cases within reach, of these members or of all, in one state or any; the oldest request first, if open, else the
    newest."""
    c = case.c
    query = select(*COLUMNS)
    if members is not None:
        query = query.where(c.member == any_of(look.fields(Action.CASE_READ, members)))
    if state:
        query = query.where(c.state == state)
    oldest_first = state == "open"
    found: list[Case] = []
    page, size = query.order_by(c.requested if oldest_first else c.requested.desc(), c.id), limit
    ordered = page
    while True:
        rows = look.session.execute(page.limit(size)).all()
        found += seen(look, rows)
        if len(found) >= limit or len(rows) < size or size >= MOST_LOOKED_AT:
            return found[:limit]
        at, id = rows[-1].requested, rows[-1].id
        later = c.requested > at if oldest_first else c.requested < at
        page, size = ordered.where(or_(later, and_(c.requested == at, c.id > id))), size * GROWS


def seen(look: Look, rows: Collection[Any]) -> list[Case]:
    """The cases of these rows that are within reach, without what is hidden from the actor."""
    fields = shown(look, Action.CASE_READ, {row.member for row in rows})
    look.saw_customers(fields)
    return [_seen(row, fields[row.member]) for row in rows if row.member in fields]


def _seen(row: Any, fields: Fields) -> Case:
    masked = () if TEXT in fields else tuple(name for name in TEXTS if getattr(row, name))
    custom, hidden = custom_seen(row.custom, fields)
    return Case(**{**row._mapping, **dict.fromkeys(masked), "custom": custom}, masked=(*masked, *hidden))
