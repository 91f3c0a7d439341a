"""Storage of what departments say of their own fields. The newest definition by (occurred, event id) holds.

Both are known to the author before any sequence is given, so every service takes the same one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shared.customer.fields import Field, UnknownField, field
from shared.events.customer import CustomFieldDefined
from shared.pipeline.customer_tables import custom_field


class NotUnderstood(ValueError):
    """The definition isn't one that can be used here; the text says why."""


@dataclass(frozen=True)
class Definition:
    """A field as somebody defined it."""

    field: Field
    occurred: datetime
    event_id: str


def fact_of(described: Field) -> CustomFieldDefined:
    """A definition as an event carries it."""
    return CustomFieldDefined(
        name=described.name,
        label=described.label,
        kind=described.kind,
        policy=described.policy,
        choices=described.choices,
        labels=dict(described.labels),
        place=described.place,
        retired=described.retired,
    )


def field_of(fact: CustomFieldDefined, department: str = "") -> Field:
    """The field that a department's definition describes. Raises ``NotUnderstood``."""
    try:
        described = msgspec.convert({**msgspec.structs.asdict(fact), "department": department}, Field)
        if described == field(described.name, {described.name: described}):
            return described
    except (msgspec.ValidationError, UnknownField) as error:
        raise NotUnderstood(f"the definition isn't one that is known here: {error}") from None
    raise NotUnderstood("the field has the name of a field that every customer has")


def custom_fields(session: Session, language: str = "") -> dict[str, Field]:
    """The departments' fields by name, in the order of the list; labelled in a language, where one is asked for."""
    c = custom_field.c
    query = select(c.name, c.label, c.kind, c.policy, c.choices, c.labels, c.place, c.retired, c.department)
    rows = session.execute(query.order_by(c.place, c.name))
    found = (Field(*row[:4], None, tuple(row.choices), *row[5:]) for row in rows)
    return {one.name: msgspec.structs.replace(one, label=one.label_in(language)) for one in found}


def hold_still(session: Session) -> None:
    """Keep all definitions as they are until the commit."""
    session.execute(_SHARED)


def hold_alone(session: Session) -> None:
    """Wait until nobody folds by the definitions, and keep everybody from it until the commit."""
    session.execute(_ALONE)


def keep(session: Session, definitions: Iterable[Definition]) -> list[str]:
    """Store definitions; gives the fields that fold in another way from now on."""
    hold_alone(session)
    before = custom_fields(session)
    for each in definitions:
        values = {**msgspec.structs.asdict(each.field), "occurred": each.occurred, "event_id": each.event_id}
        lists = {"choices": list(each.field.choices), "labels": msgspec.json.encode(each.field.labels).decode()}
        session.execute(_DEFINE, values | lists)
    after = custom_fields(session)
    return [name for name in after if after[name].policy != field(name, before).policy]


_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('custom_field', 0))")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('custom_field', 0))")
_DEFINE = text("""
INSERT INTO custom_field AS f
  (name, label, kind, policy, choices, labels, place, retired, department, occurred, event_id)
VALUES (:name, :label, :kind, :policy, :choices, CAST(:labels AS jsonb), :place, :retired, :department, :occurred,
        :event_id)
ON CONFLICT (name) DO UPDATE SET (label, kind, policy, choices, labels, place, retired, department, occurred, event_id)
  = (excluded.label, excluded.kind, excluded.policy, excluded.choices, excluded.labels, excluded.place,
     excluded.retired, excluded.department, excluded.occurred, excluded.event_id)
WHERE (excluded.occurred, excluded.event_id) > (f.occurred, f.event_id)
""")
