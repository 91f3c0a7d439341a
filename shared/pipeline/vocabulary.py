"""What departments define as data, stored: own definitions and, as they are heard, those of the others.

Read from the database whenever they are needed, so a definition is in force in every process once it is committed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from shared.customer import definitions as rules
from shared.customer.definitions import CUSTOMER_FIELD, Definition, NotTaken
from shared.customer.fields import CUSTOM, Field
from shared.edge.errors import Conflict, Invalid
from shared.events.definitions import DefinitionMade
from shared.events.envelope import Event
from shared.pipeline import claims, definitions, due
from shared.pipeline.customer_tables import definition
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work
from shared.texts import N_, Text

TASK = "definitions"
_PARTS = ("kind", "code", "labels", "place", "retired", "form", "choices", "category")
_COLUMNS = tuple(definition.c[name] for name in _PARTS)


def own(session: Session, department: str, *kinds: str, retired: bool = True) -> list[Definition]:
    """What a department defined of these kinds, in the order of its lists; the retired ones only if wanted."""
    c = definition.c
    query = select(*_COLUMNS).where(c.department == department, c.kind.in_(kinds))
    return _found(session, query if retired else query.where(~c.retired))


def customer_fields(session: Session) -> list[Definition]:
    """The fields of customers that departments defined: all departments share them."""
    return [described(field) for field in definitions.custom_fields(session).values()]


def described(field: Field) -> Definition:
    """A department's field of customers as a definition."""
    return Definition(
        kind=CUSTOMER_FIELD,
        code=field.name.removeprefix(CUSTOM),
        labels={"en": field.label, **field.labels},
        place=field.place,
        retired=field.retired,
        form=field.kind,
        choices=field.choices,
    )


def values(work: Work, kind: str, given: Mapping[str, str]) -> dict[str, str]:
    """Values of the department's own fields, as they are kept. Raises ``Invalid``."""
    if not given:
        return {}
    try:
        return rules.taken(given, own(work.session, work.source, kind))
    except NotTaken as error:
        raise Invalid(error) from None


def step(work: Work, kind: str, state: str, code: str) -> str:
    """The department's state for something of this platform's state. Raises ``Conflict``."""
    try:
        return rules.moved(state, code, own(work.session, work.source, kind))
    except NotTaken as error:
        raise Conflict(error) from None


def need(work: Work, kind: str, codes: Collection[str]) -> None:
    """Raises ``Invalid`` unless these can be chosen now."""
    c = definition.c
    chosen = select(c.code).where(c.department == work.source, c.kind == kind, c.code.in_(codes), ~c.retired)
    if unknown := set(codes) - set(work.session.scalars(chosen)):
        raise Invalid(
            N_("there is no %(kind)s %(unknown)s to choose"), kind=Text(kind), unknown=", ".join(sorted(unknown))
        )


def define(work: Work, new: Definition, former: Definition | None, occurred: datetime | None = None) -> None:
    """Say and keep a definition of the department's own that isn't a field of customers."""
    at = occurred or work.now
    fact = DefinitionMade(**{**msgspec.structs.asdict(new), "labels": dict(new.labels)})
    was = msgspec.to_builtins(former) if former else None
    event = work.publish(_stream(work.source, new), fact, at, former=was)
    _keep(work.session, [(work.source, new, at, event)])


def define_fields(work: Work, fields: Iterable[Field]) -> list[str]:
    """Define fields of customers; gives the names of those that are new or different. Raises ``Conflict`` for one that
    another department defined. The caller asks for leave."""
    wanted = [msgspec.structs.replace(field, department=work.source) for field in fields]
    if not wanted:
        return []
    definitions.hold_alone(work.session)
    known = definitions.custom_fields(work.session)
    different = []
    for new in wanted:
        before = known.get(new.name)
        if before is not None and before.department not in ("", work.source):
            if msgspec.structs.replace(new, department=before.department) == before:
                continue
            raise Conflict(
                N_("%(name)s is a field that %(department)s defined, and changes there"),
                name=new.name,
                department=before.department,
            )
        if before != new:
            different.append(new)
    claims.define(work, [definitions.Definition(new, work.now, _said(work, new, known)) for new in different])
    return [new.name for new in different]


def _said(work: Work, new: Field, known: Mapping[str, Field]) -> str:
    former = msgspec.to_builtins(known[new.name]) if new.name in known else None
    return work.publish(f"custom_field/{new.name}", definitions.fact_of(new), former=former)


def hold(work: Work, kind: str) -> None:
    """Have nobody else define anything of this kind until the commit: of two changes the second sees the first."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"definition/{kind}", 0))))


def heard(work: Work, events: list[Event]) -> None:
    """Definitions of departments; also this one's own that only the log knows any more (``recover``)."""
    news = [
        (event.source, msgspec.convert(msgspec.structs.asdict(event.fact), Definition), event.occurred, event.id)
        for event in events
        if isinstance(event.fact, DefinitionMade)
    ]
    _keep(work.session, news)


SLICE = Slice("definitions", {"definition.made": heard})
"""A subscription of its own, so a block that is added late, or upgraded, has the labels of all that came before."""


def _stream(department: str, of: Definition) -> str:
    return f"definition/{department}.{of.kind}.{of.code}"


def _keep(session: Session, news: Sequence[tuple[str, Definition, datetime, str]]) -> None:
    for department, of, occurred, event in news:
        row = {**msgspec.structs.asdict(of), "choices": list(of.choices), "labels": _json(of.labels)}
        session.execute(_KEEP, row | {"department": department, "occurred": occurred, "event_id": event})


_KEEP = text("""
INSERT INTO definition AS d
  (department, kind, code, labels, place, retired, form, choices, category, occurred, event_id)
VALUES (:department, :kind, :code, CAST(:labels AS jsonb), :place, :retired, :form, :choices, :category, :occurred,
        :event_id)
ON CONFLICT (department, kind, code) DO UPDATE
SET (labels, place, retired, form, choices, category, occurred, event_id)
  = (excluded.labels, excluded.place, excluded.retired, excluded.form, excluded.choices, excluded.category,
     excluded.occurred, excluded.event_id)
WHERE (excluded.occurred, excluded.event_id) > (d.occurred, d.event_id)
""")


def unsaid(work: Work, codes: Iterable[str]) -> None:
    """Have these said by the worker: they came into the table by another way than a command of a person."""
    due.mark(work, TASK, codes)


def _say(work: Work, due_items: Sequence[Item]) -> Mapping[str, datetime]:
    c = definition.c
    unsaid_rows = select(*_COLUMNS, c.occurred).where(c.department == work.source, c.event_id == "")
    rows = work.session.execute(unsaid_rows.order_by(c.kind, c.place, c.code).with_for_update()).all()
    for row in rows:
        # At the instant that they have in the table: before anything that a person defines.
        define(work, _definition(row[:-1]), None, row.occurred)
    return {}


def task() -> Task:
    """Says, once, what is defined here and was never said: what the platform's migrations brought, and the telephone
    system's queues."""
    return Task(TASK, _say, waits=False)


def _found(session: Session, query: Select[Any]) -> list[Definition]:
    c = definition.c
    return [_definition(row) for row in session.execute(query.order_by(c.kind, c.place, c.code))]


def _definition(row: Sequence[Any]) -> Definition:
    values = dict(zip(_PARTS, row, strict=True))
    return Definition(**{**values, "choices": tuple(values["choices"])})


def _json(labels: Mapping[str, str]) -> str:
    return msgspec.json.encode(labels).decode()


class Words:
    """What all departments call what they defined, in one language, for who shows what they wrote."""

    def __init__(self, session: Session, language: str) -> None:
        rows = session.execute(select(definition.c.department, *_COLUMNS))
        self._labels = {
            (row.department, row.kind, row.code): row.labels.get(language) or row.labels.get("en") for row in rows
        }

    def label(self, department: str, kind: str, code: str) -> str | None:
        """None for what isn't known (yet)."""
        return self._labels.get((department, kind, code))
