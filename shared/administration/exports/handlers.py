"""Customers leave this service in a file: noted who took it, and who is in it, before each part goes out."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from shared.access.actions import Action
from shared.administration.exports.rules import Line
from shared.customer.fields import BUILT_IN
from shared.edge.actor import Actor
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.events.envelope import new_id
from shared.pipeline import audit, records
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.definitions import custom_fields
from shared.pipeline.tables import export
from shared.pipeline.work import Work
from shared.texts import Text

PART = 500
FIRST = "00000000-0000-0000-0000-000000000000"
"""No member has this id."""


@dataclass(frozen=True)
class Begun:
    """An export, and the fields that customers have here."""

    id: str
    fields: list[str]


@dataclass(frozen=True)
class Part:
    """Some customers of an export."""

    lines: list[Line]
    last: str | None
    """Where to go on; none at the end."""


def start(work: Work, format: str) -> Begun:
    """Note that somebody takes a file. Raises ``Forbidden``."""
    work.need(Action.CUSTOMER_EXPORT)
    begun = Begun(new_id(), [*BUILT_IN, *custom_fields(work.session)])
    work.session.execute(insert(export).values(id=begun.id, at=work.now, actor=work.actor.id, format=format))
    work.changed(f"export/{begun.id}", format=format, export="begun")
    return begun


def part(work: Work, id: str, after: str) -> Part:
    """The next customers behind ``after``, those within reach. Raises ``Forbidden``."""
    work.need(Action.CUSTOMER_EXPORT)
    c = customer_record.c
    rows = work.session.execute(
        select(c.member, c.registered, c.states)
        .where(c.registered.is_not(None), c.member > after)
        .order_by(c.member)
        .limit(PART)
    ).all()
    fields = work.fields(Action.CUSTOMER_EXPORT, [row.member for row in rows])
    lines = []
    for row in rows:
        if (of := fields.get(row.member)) is not None:
            said = {name: state.value for name, state in records.states_of(row.states).items() if state.value}
            shown, masked = of.mask(said)
            lines.append(Line(row.member, row.registered.isoformat(), shown, masked))
    if lines:
        run(work.session, _MEMBERS, {"export": id, "members": text_array(line.customer for line in lines)})
    return Part(lines, rows[-1].member if len(rows) == PART else None)


_MEMBERS = """
WITH members AS (
  INSERT INTO export_member (export, member)
  SELECT CAST(%(export)s AS uuid), m FROM unnest(CAST(%(members)s AS uuid[])) m RETURNING true
)
UPDATE export SET rows = rows + (SELECT count(*) FROM members) WHERE id = CAST(%(export)s AS uuid)
"""


def complete(work: Work, id: str) -> None:
    """All of it was handed over. Raises ``Forbidden``."""
    work.need(Action.CUSTOMER_EXPORT)
    values = {"ended": work.now, "complete": True}
    rows = work.session.scalar(update(export).where(export.c.id == id).values(**values).returning(export.c.rows))
    work.changed(f"export/{id}", export="complete", rows=rows)


def break_off(work: Work, id: str, actor: Actor, why: Text) -> None:
    """``actor`` may have no more of it; what went out is noted already."""
    work.session.execute(update(export).where(export.c.id == id).values(ended=work.now))
    said = audit.refused(actor, work.now, str(Action.CUSTOMER_EXPORT), f"export/{id}", why)
    run(work.session, audit.INSERT, said)
