"""What the segment's rule asks of departments' own fields, looked up: for who is due, and who is due by a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.marketing.segments import rules
from services.marketing.segments.conditions import Condition, Span, Value
from services.marketing.segments.rules import HIGH_VALUE, Definition, Written
from services.marketing.segments.tables import segment
from services.marketing.tasks import STANDING
from shared.customer.claims import Claim
from shared.customer.fields import Field, field
from shared.customer.fold import fold_field
from shared.customer.member import member_of
from shared.edge.db import text_array
from shared.events.envelope import Event
from shared.pipeline import due
from shared.pipeline.definitions import custom_fields
from shared.pipeline.work import Work

Held = Mapping[str, Sequence[Sequence[Span]]]
"""Cluster -> for each condition, in their order, when it holds."""


def kept(session: Session) -> Definition | None:
    """The segment's definition; none as long as nobody gave it any."""
    c = segment.c
    fields = (c.name, c.currency, c.window_days, c.at_least, c.conditions)
    row = session.execute(select(*fields).where(c.segment == HIGH_VALUE)).one_or_none()
    return None if row is None else Definition(*row[:4], msgspec.convert(row.conditions, tuple[Condition, ...]))


def hold_still(session: Session) -> tuple[Condition, ...]:
    """Keep the rule as it is until the commit: who writes what it asks marks whom that concerns, and who changes it
    marks everybody whom it sees. Gives what it asks."""
    session.execute(_SHARED)
    of = kept(session)
    return () if of is None else of.conditions


def hold_alone(session: Session) -> None:
    """Wait until nobody writes by the rule, and keep everybody from it until the commit."""
    session.execute(_ALONE)


def mark(work: Work, events: Iterable[Event]) -> None:
    """The customers of these events are worked out anew."""
    due.mark_of(work, STANDING, lambda event: [member_of(event.stream)], events)


def concerned(session: Session, conditions: Iterable[Condition]) -> set[str]:
    """All members of whom anything is known that these conditions ask."""
    found: set[str] = set()
    for condition in conditions:
        if condition.field:
            found.update(session.scalars(_CLAIMING, {"field": condition.field}))
        else:
            found.update(session.scalars(_WRITTEN, _names(condition)))
    return found


def held(session: Session, members: Mapping[str, Collection[str]], of: Definition) -> Held:
    """When each condition holds of these clusters, by what is known of their members now."""
    if not of.conditions:
        return dict.fromkeys(members, ())
    everybody = text_array(member for of_it in members.values() for member in of_it)
    claimed = _histories(session, everybody, {one.field for one in of.conditions if one.field})
    written: dict[tuple[str, str, str, str], list[Written]] = defaultdict(list)
    for member, *of_it, value, occurred, until, cancelled in session.execute(_VALUES, {"members": everybody}).all():
        written[member, *of_it].append(Written(value, occurred, until, cancelled))

    def spans(member: str, one: Condition) -> list[Span]:
        if one.field:
            return rules.of_field(one, claimed.get((member, one.field), ()))
        values = written.get((member, *one.of), ())
        return [span for value in values for span in rules.of_fact(one, value, of.window)]

    return {
        cluster: [[span for member in sorted(of_it) for span in spans(member, one)] for one in of.conditions]
        for cluster, of_it in members.items()
    }


def _histories(
    session: Session, members: str, fields: Collection[str]
) -> dict[tuple[str, str], list[tuple[datetime, Value]]]:
    """The values that each field of each member had, each from its instant on: what the claims made until then fold
    to."""
    if not fields:
        return {}
    claims: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    rows = session.execute(_CLAIMS, {"members": members, "fields": text_array(fields)})
    for member, id, name, value, saw, occurred, source, author in rows.all():
        claims[member, name].append(Claim(id, name, value, tuple(saw), occurred, source, author))
    custom = custom_fields(session)
    return {place: _history(field(place[1], custom), of_it) for place, of_it in claims.items()}


def _history(of: Field, claims: Sequence[Claim]) -> list[tuple[datetime, Value]]:
    instants = sorted({one.occurred for one in claims})
    return [(at, fold_field(of, [one for one in claims if one.occurred <= at]).value) for at in instants]


def _names(one: Condition) -> dict[str, Any]:
    return {"kind": one.kind, "department": one.department, "code": one.code}


_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('segment', 0))")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('segment', 0))")
_CLAIMS = text("""
SELECT member::text, id, field, value, saw, occurred, source, author FROM claim
WHERE member = ANY (CAST(:members AS uuid[])) AND field = ANY (CAST(:fields AS text[]))
""")
_VALUES = text("""
SELECT v.member::text, v.kind, v.department, v.code, v.value, v.occurred,
       lead(v.occurred) OVER (PARTITION BY v.member, v.kind, v.department, v.about, v.code ORDER BY v.occurred),
       p.cancelled
FROM custom_value v
LEFT JOIN purchase p ON v.kind = 'order_field' AND p.member = v.member AND p.order_id = v.about
WHERE v.member = ANY (CAST(:members AS uuid[]))
""")
# The second condition is that of the index.
_CLAIMING = text("SELECT DISTINCT member::text FROM claim WHERE field = :field AND field LIKE 'custom.%'")
_WRITTEN = text("""
SELECT DISTINCT member::text FROM custom_value WHERE kind = :kind AND department = :department AND code = :code
""")
