"""Hears what other services say of customers. Any interleaving of their streams gives the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Table, delete, func, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.insights.tables import note, order, segment, segment_name, value
from shared.customer.member import member_of
from shared.events.envelope import Event
from shared.events.facts import Fact
from shared.events.marketing import CustomerValued, SegmentDefined, SegmentEntered
from shared.events.sfa import (
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    OrderLine,
    OrderPlaced,
    OrderProvisioned,
    OrderRefused,
)
from shared.events.sync import NoteAdded, OrderRequested, RequestedLine
from shared.pipeline import claims, clusters
from shared.pipeline.customer_tables import any_of
from shared.pipeline.work import Work

Row = dict[str, Any]


def heard_valued(work: Work, events: list[Event]) -> None:
    """What customers are worth; nothing ordered in the window is as if nothing was ever said."""
    newest = {member_of(e.stream): e for e in events}
    rows = []
    for member, event in sorted(newest.items()):
        fact = event.fact
        assert isinstance(fact, CustomerValued)
        if fact.amount or fact.orders:
            kept = {name: getattr(fact, name) for name in ("amount", "currency", "window_days", "orders", "last_order")}
            rows.append({"member": member, "told": event.occurred, **kept})
    gone = newest.keys() - {row["member"] for row in rows}
    work.session.execute(delete(value).where(value.c.member == any_of(sorted(gone))))
    _put(work, value, rows)
    _touch(work, events)


def heard_segment(work: Work, events: list[Event]) -> None:
    """Customers entered and left segments."""
    newest = {(member_of(e.stream), getattr(e.fact, "segment")): e for e in events}  # noqa: B009
    inside = {place: e for place, e in newest.items() if isinstance(e.fact, SegmentEntered)}
    if left := sorted(newest.keys() - inside.keys()):
        work.session.execute(delete(segment).where(tuple_(segment.c.member, segment.c.segment).in_(left)))
    rows = [{"member": member, "segment": name, "since": e.occurred} for (member, name), e in sorted(inside.items())]
    _put(work, segment, rows)
    _touch(work, events)


def heard_segment_defined(work: Work, events: list[Event]) -> None:
    """What segments are called."""
    names = {e.fact.segment: e.fact.name for e in events if isinstance(e.fact, SegmentDefined)}
    _put(work, segment_name, [{"segment": name, "name": label} for name, label in sorted(names.items())])


def heard_orders(work: Work, events: list[Event]) -> None:
    """Orders were requested, placed and followed. A request comes from another service than the rest, so it fills in
    only what the placed order doesn't say."""
    requests: dict[tuple[str, str], Row] = {}
    steps: dict[tuple[str, str], Row] = {}
    for event in events:
        fact = event.fact
        assert fact is not None
        rows = requests if isinstance(fact, OrderRequested) else steps
        row = rows.setdefault((member_of(event.stream), getattr(fact, "order")), {})  # noqa: B009
        row |= {name: told for name, told in _step(fact, event).items() if told is not None}
    _put(work, order, _rows(steps), keep=STEPS, newer=True)
    _put(work, order, _rows(requests), keep=STEPS, newer=False)
    _touch(work, events)


def heard_notes(work: Work, events: list[Event]) -> None:
    """Field reps wrote something down."""
    held = claims.lock(work.session, (member_of(e.stream) for e in events))
    rows = {}
    for event in events:
        member = member_of(event.stream)
        if isinstance(event.fact, NoteAdded):
            text = "" if held[member].erased else str(event.fact.text)
            new = {"at": event.occurred, "author": event.envelope.authid, "text": text}
            rows[member, event.fact.note] = {"member": member, "note": event.fact.note, **new}
    _put(work, note, [rows[place] for place in sorted(rows)])
    _touch(work, events)


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Members are the same customer, or no longer."""
    changed = clusters.assign(work.session, clusters.assigned(events))
    if any(event.live for event in events):
        claims.touch(work, changed)


def forget(work: Work, members: Sequence[str]) -> Counter[str]:
    """Empty what notes say about the members; gives how many said something of each."""
    of_them = update(note).where(note.c.member == any_of(members), note.c.text != "").values(text="")
    return Counter(work.session.scalars(of_them.returning(note.c.member)).all())


STEPS = tuple(column for column in order.columns if not column.primary_key)


def _step(fact: Fact, event: Event) -> Row:
    at = event.occurred
    match fact:
        case OrderRequested():
            total = sum(line.quantity * line.unit_price for line in fact.lines)
            return {"requested": at, "lines": _lines(fact.lines), "total": total, "currency": fact.currency}
        case OrderPlaced():
            sold = {"lines": _lines(fact.lines), "total": fact.total, "currency": fact.currency}
            return {"placed": at, "channel": fact.channel, "promised": fact.promised, **sold}
        case OrderProvisioned():
            return {"provisioned": at}
        case OrderDelayed():
            return {"delayed": at, "problem": fact.problem, "promised": fact.promised}
        case OrderDelivered():
            return {"delivered": at, "how": fact.how}
        case OrderCancelled():
            return {"cancelled": at, "reason": fact.reason}
        case OrderRefused():
            return {"refused": at, "reason": fact.reason}
    raise TypeError(f"{event.type} is no step of an order")


def _lines(lines: Iterable[OrderLine | RequestedLine]) -> Any:
    named = [{"name": getattr(line, "name", "") or line.product, "quantity": line.quantity} for line in lines]
    return msgspec.to_builtins(named)


def _rows(found: dict[tuple[str, str], Row]) -> list[Row]:
    nothing = dict.fromkeys(column.name for column in STEPS)
    return [{"member": member, "order": id, **nothing, **found[member, id]} for member, id in sorted(found)]


def _put(work: Work, table: Table, rows: list[Row], keep: Sequence[Column[Any]] = (), *, newer: bool = True) -> None:
    """Write rows over what was there; of the columns to ``keep``, what one of the two has: the newer, or the older."""
    if not rows:
        return
    new = upsert(table)
    values: dict[str, Any] = {c.name: new.excluded[c.name] for c in table.columns if not c.primary_key}
    for column in keep:
        told = new.excluded[column.name]
        values[column.name] = func.coalesce(told, column) if newer else func.coalesce(column, told)
    work.session.execute(new.on_conflict_do_update(index_elements=list(table.primary_key), set_=values), rows)


def _touch(work: Work, events: Iterable[Event]) -> None:
    claims.touch(work, {member_of(e.stream) for e in events if e.live})
