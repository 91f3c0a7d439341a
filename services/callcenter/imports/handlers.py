"""Files of another system are read in, chunk by chunk; a repeat of a file changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.customers import handlers as customers
from services.callcenter.imports import rules
from services.callcenter.imports.rules import BadLine, BadMapping, FileMapping, Row
from services.callcenter.imports.tables import imported
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS
from shared.customer.fields import Field, UnknownField
from shared.customer.member import Member, stream
from shared.edge.actor import Actor
from shared.edge.errors import Invalid
from shared.events.customer import CustomerEdited, CustomerRegistered
from shared.events.envelope import new_id
from shared.pipeline import claims, edits
from shared.pipeline.claims import Told
from shared.pipeline.customer_tables import any_of
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_

CHUNK = 500
"""Rows of one transaction."""
MOST_LISTED = 1_000


@dataclass
class Outcome:
    """What became of a file's rows. ``erased``: rows of people who were erased here, and so left out."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    erased: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    """The first ones; ``bad`` counts all."""
    defined: list[str] = field(default_factory=list)
    """Custom fields that are new or described anew."""
    customers: dict[int, str] = field(default_factory=dict)
    """Line -> which customer it is about."""

    def add(self, other: Outcome) -> None:
        """Count what another chunk made."""
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.erased += other.erased
        self.customers |= other.customers


class _Undone(Exception):
    """Ends a transaction that was only to show what it would do."""


def load(
    service: Service, actor: Actor, lines: Iterable[str], mapping: FileMapping, *, region: str, **how: Any
) -> Outcome:
    """Read a file in. ``how``: ``delimiter`` (found out if empty) and ``dry_run`` (nothing is kept).

    Raises ``Forbidden``, and ``Invalid`` when the mapping doesn't fit. What was read before an error is kept; the
    same file read again goes on from there. A grant that is withdrawn meanwhile ends it at the next chunk.
    """
    dry_run = bool(how.get("dry_run"))
    outcome = Outcome()
    lines = iter(lines)
    first = next(lines, "")
    lines = chain([first], lines)
    try:
        header = [] if mapping.columns else rules.header_of(first, mapping, how.get("delimiter", ""))
        mapping, fields, outcome.defined = _transact(
            service, actor, dry_run, lambda work: _fields(work, mapping, header)
        )
        found = rules.read(lines, mapping, fields, region, how.get("delimiter", ""))
        for chunk in _chunks(_good(found, outcome)):
            outcome.add(_transact(service, actor, dry_run, lambda work, c=chunk: take(work, c, mapping, fields)))  # type: ignore[misc]
    except BadMapping as error:
        raise Invalid(error) from None
    except UnknownField as error:
        raise Invalid(N_("a customer has no field %(field)s"), field=error.args[0]) from None
    return outcome


def take(work: Work, rows: Sequence[Row], mapping: FileMapping, fields: Mapping[str, Field]) -> Outcome:
    """Take rows of a file, in one transaction: new keys register customers, changed cells edit them."""
    _allowed(work, fields)
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"import/{mapping.origin}", 0))
    work.session.execute(select(lock))
    last = _last(work, mapping.origin, [row.key for row in rows])
    members = {row.key: last[row.key][0] if row.key in last else new_id() for row in rows}
    seen = work.fields(Action.CUSTOMER_READ, members.values())
    held = claims.lock(work.session, members.values())
    outcome, tellings, kept = Outcome(), [], []
    for row in rows:
        member, cells = members[row.key], last[row.key][1] if row.key in last else {}
        of, is_new = held[member], row.key not in last
        if of.erased:
            outcome.erased += 1
            continue
        outcome.customers[row.line] = member
        sees = all(name in seen.get(member, NO_FIELDS) for name in fields)
        changes = rules.changes(row, cells, mapping, fields, of.states)
        made = edits.claims_for(work, of.states, changes, fields)
        if is_new:
            _publish(work, member, CustomerRegistered(claims=claims.made(made), origin="import"))
        elif made:
            _publish(work, member, CustomerEdited(claims=claims.made(made)))
        outcome.created += is_new
        # Who can't see what it fills isn't told either whether it was so already.
        told = made if sees else changes
        outcome.changed += not is_new and bool(told)
        outcome.unchanged += not is_new and not told
        if is_new or made:
            tellings.append(Told(member, work.now, tuple(made)))
        if is_new or changes:
            kept.append(_kept(work, row, mapping.origin, member))
    claims.touch(work, claims.store_claims(work, tellings, held))
    _keep(work, kept)
    return outcome


def forget(work: Work, members: Sequence[str]) -> Counter[str]:
    """Forget what files said about the members; gives how many rows of files there were of each."""
    i = imported.c
    of_them = update(imported).where(i.member == any_of(members), i.cells != {}).values(cells={})
    return Counter(work.session.scalars(of_them.returning(i.member)).all())


def _fields(work: Work, mapping: FileMapping, header: Sequence[str]) -> tuple[FileMapping, dict[str, Field], list[str]]:
    work.need(Action.CUSTOMER_IMPORT)
    known = custom_fields(work.session)
    mapping = rules.resolved(mapping, known, header)
    fields = rules.fields_of(mapping, known)
    _allowed(work, fields)
    new = [of for name, of in fields.items() if name.startswith("custom.") and known.get(name) != of]
    return mapping, fields, customers.define_fields(work, new) if new else []


def _allowed(work: Work, fields: Iterable[str]) -> None:
    """A file may hold anybody, so what it needs has to be granted for all."""
    for action in (Action.CUSTOMER_IMPORT, Action.CUSTOMER_REGISTER, Action.CUSTOMER_EDIT):
        work.need(action)
        customers.only(work.grants.fields(action, ()) or NO_FIELDS, action, list(fields))


def _last(work: Work, origin: str, keys: Sequence[bytes]) -> dict[bytes, tuple[str, Mapping[str, str]]]:
    rows = work.session.execute(
        select(imported.c.key, imported.c.member, imported.c.cells).where(
            imported.c.origin == origin, imported.c.key.in_(keys)
        )
    )
    return {bytes(row.key): (row.member, row.cells) for row in rows}


def _kept(work: Work, row: Row, origin: str, member: str) -> dict[str, Any]:
    cells = {target: rules.fingerprint(cell) for target, cell in row.cells.items()}
    return {"origin": origin, "key": row.key, "member": member, "cells": cells, "at": work.now}


def _keep(work: Work, kept: Sequence[dict[str, Any]]) -> None:
    if kept:
        row = upsert(imported)
        work.session.execute(
            row.on_conflict_do_update(
                index_elements=["origin", "key"],
                # Targets that this file doesn't map keep what they had.
                set_={"cells": imported.c.cells.concat(row.excluded.cells), "at": row.excluded.at},
            ),
            kept,
        )


def _publish(work: Work, member: str, fact: CustomerRegistered | CustomerEdited) -> None:
    work.publish(stream(Member(member)), fact)


def _good(found: Iterable[Row | BadLine], outcome: Outcome) -> Iterator[Row]:
    for row in found:
        if isinstance(row, Row):
            yield row
            continue
        outcome.bad += 1
        if len(outcome.bad_lines) < MOST_LISTED:
            outcome.bad_lines.append(row)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _transact(service: Service, actor: Actor, dry_run: bool, body: Callable[[Work], Any]) -> Any:
    if not dry_run:
        return service.transact(actor, body)
    results: list[Any] = []

    def undone(work: Work) -> None:
        results.append(body(work))
        raise _Undone

    with suppress(_Undone):
        service.transact(actor, undone)
    return results[-1]
