"""What other services, and sync itself, tell that devices are to know. Every handler keeps it and marks the feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Table, TextClause, and_, bindparam, delete, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sync.customers.erasure import heard_erased
from services.sync.devices import feed, reads, rules
from services.sync.devices.tables import (
    member_note,
    member_order,
    member_request,
    member_segment,
    member_territory,
    member_value,
    mutation,
    sales_force,
    territory,
    territory_rep,
)
from shared.customer.member import member_of
from shared.events.customer import CustomFieldDefined
from shared.events.envelope import Event
from shared.events.facts import Erased
from shared.events.heads import ServiceLeft
from shared.events.marketing import CustomerValued, SegmentEntered
from shared.events.sfa import (
    CustomerTerritoryAssigned,
    OrderPlaced,
    TerritoryDefined,
    TerritoryRepAssigned,
    TerritoryRepWithdrawn,
)
from shared.events.sync import NoteAdded, OrderRequested
from shared.pipeline import claims, clusters
from shared.pipeline.customer_tables import any_of, claim
from shared.pipeline.work import Work

SALES_FORCE = "sfa"


def heard_territory(work: Work, events: list[Event]) -> None:
    """Territories defined, in any order: a region may come after what is below it."""
    rows = {
        e.fact.territory: {"id": e.fact.territory, "name": e.fact.name, "parent": e.fact.parent}
        for e in events
        if isinstance(e.fact, TerritoryDefined)
    }
    _keep(work.session, territory, rows.values())
    _there(work)


def heard_rep(work: Work, events: list[Event]) -> None:
    """Reps assigned to territories, or withdrawn. The first one ends the time in which every device has everybody."""
    rows = {
        (e.fact.territory, e.fact.rep): {
            "territory": e.fact.territory,
            "rep": e.fact.rep,
            "stands": isinstance(e.fact, TerritoryRepAssigned),
        }
        for e in events
        if isinstance(e.fact, TerritoryRepAssigned | TerritoryRepWithdrawn)
    }
    first = not reads.divided(work.session)
    _keep(work.session, territory_rep, rows.values())
    _there(work)
    if first:
        mark_all(work)


def heard_product(work: Work, events: list[Event]) -> None:
    """There are products, so there is somebody who decides about orders."""
    _there(work)


def heard_life(work: Work, events: list[Event]) -> None:
    """A sign of life of sales force automation, or the company gave it up."""
    of_it = [event for event in events if event.source == SALES_FORCE]
    if of_it:
        left = of_it[-1].occurred if isinstance(of_it[-1].fact, ServiceLeft) else None
        _there(work, left, known=True)


def _there(work: Work, left: Any = None, *, known: bool = False) -> None:
    """Note that there is sales force automation; ``known``: also whether it ``left``."""
    new = upsert(sales_force).values(source=SALES_FORCE, left=left)
    same = sales_force.c.left.is_not_distinct_from(new.excluded.left)
    statement = new.on_conflict_do_update(index_elements=["source"], set_={"left": new.excluded.left}, where=~same)
    changing = (statement if known else new.on_conflict_do_nothing()).returning(sales_force.c.source)
    if work.session.scalars(changing).all():
        mark_all(work)


def mark_all(work: Work) -> None:
    """Everything is in another scope, or in another state: all customers, and all orders of devices."""
    if not feed.awaited(work.session):
        return
    feed.mark_everybody(work)
    m = mutation.c
    of_orders = select(m.device, m.number).where(m.kind == "order", m.state.in_(rules.OPEN))
    feed.mark_mutations(work, work.session.execute(of_orders).all())


def heard_customer(work: Work, events: list[Event]) -> None:
    """Something changed that is kept elsewhere: the record, the cluster."""
    _mark_with_mates(work, events)


def heard_field(work: Work, events: list[Event]) -> None:
    """A custom field may fold in another way now."""
    names = {event.fact.name for event in events if isinstance(event.fact, CustomFieldDefined)}
    of_it = select(claim.c.member).distinct().where(claim.c.field.in_(names), claim.c.field.like("custom.%"))
    feed.mark(work, work.session.scalars(of_it).all())


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Customers are in another territory; so may be their mates who have none of their own."""
    rows = {
        member_of(e.stream): {"member": member_of(e.stream), "territory": e.fact.territory, "at": e.occurred}
        for e in events
        if isinstance(e.fact, CustomerTerritoryAssigned)
    }
    _keep(work.session, member_territory, rows.values())
    _mark_with_mates(work, events)


def heard_requested(work: Work, events: list[Event]) -> None:
    """Orders that devices asked for."""
    for event in events:
        if isinstance(event.fact, OrderRequested):
            keep_request(work, member_of(event.stream), event.fact, event.occurred)
    _mark_with_mates(work, events)


def keep_request(work: Work, member: str, fact: OrderRequested, at: Any) -> None:
    """Keep an order that a device asked for; once is enough."""
    row = {
        "member": member,
        "order": fact.order,
        "at": at,
        "lines": msgspec.to_builtins(fact.lines),
        "currency": fact.currency,
    }
    work.session.execute(upsert(member_request).values(row).on_conflict_do_nothing())


def heard_order(work: Work, events: list[Event]) -> None:
    """What became of orders. All of one customer's come in their order, from one service."""
    places = [(member_of(event.stream), str(getattr(event.fact, "order", ""))) for event in events]
    first: dict[tuple[str, str], object] = {}
    for place, event in zip(places, events, strict=True):
        first.setdefault(place, event.fact)
    # What is placed begins anew, whatever was known before.
    known = _followed(work.session, [place for place, fact in first.items() if not isinstance(fact, OrderPlaced)])
    for place, event in zip(places, events, strict=True):
        if event.fact is not None:
            known[place] = rules.followed(known.get(place, rules.Followed()), event.fact, event.occurred)
    rows = [
        {"member": m, "order": o, "state": f.state, "reason": f.reason, "followed": f} for (m, o), f in known.items()
    ]
    _keep(work.session, member_order, rows)
    _mark_with_mates(work, events)
    _mark_asked(work, places)


def _followed(session: Session, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], rules.Followed]:
    if not places:
        return {}
    columns = {"members": [member for member, _ in places], "orders": [order for _, order in places]}
    rows = session.execute(_FOLLOWED, columns)
    return {(member, order): msgspec.convert(followed, rules.Followed) for member, order, followed in rows}


_FOLLOWED = text("""
SELECT o.member::text, o."order", o.followed
FROM unnest(CAST(:members AS uuid[]), CAST(:orders AS text[])) AS w (member, "order")
JOIN member_order o ON o.member = w.member AND o."order" = w."order"
""").bindparams(bindparam("members"), bindparam("orders"))


def _mark_asked(work: Work, places: Iterable[tuple[str, str]]) -> None:
    """The devices' mutations that asked for these orders."""
    if not feed.awaited(work.session):
        return
    m = mutation.c
    asked = select(m.device, m.number).where(m.kind == "order", m.thing.in_({order for _, order in places}))
    feed.mark_mutations(work, work.session.execute(asked).all())


def heard_note(work: Work, events: list[Event]) -> None:
    """Notes of reps; of an erased customer none is kept."""
    held = claims.lock(work.session, {member_of(event.stream) for event in events})
    for event in events:
        fact, member = event.fact, member_of(event.stream)
        if isinstance(fact, NoteAdded) and not isinstance(fact.text, Erased) and not held[member].erased:
            keep_note(work, member, fact, event.envelope.authid, event.occurred)
    _mark_with_mates(work, events)


def keep_note(work: Work, member: str, fact: NoteAdded, author: str, at: Any) -> None:
    """Keep a note; once is enough."""
    row = {"member": member, "note": fact.note, "text": fact.text, "author": author, "at": at}
    work.session.execute(upsert(member_note).values(row).on_conflict_do_nothing())


def heard_valued(work: Work, events: list[Event]) -> None:
    """What customers are worth. Nothing is no row."""
    news = {member_of(e.stream): e.fact for e in events if isinstance(e.fact, CustomerValued)}
    rows = [{"member": m, "value": fact} for m, fact in sorted(news.items()) if fact.orders]
    none = sorted(member for member, fact in news.items() if not fact.orders)
    work.session.execute(delete(member_value).where(member_value.c.member == any_of(none)))
    _keep(work.session, member_value, rows)
    _mark_with_mates(work, events)


def heard_segment(work: Work, events: list[Event]) -> None:
    """Customers came into segments, or left them: only where they are is kept."""
    news = {(member_of(event.stream), str(getattr(event.fact, "segment", ""))): event for event in events}
    s = member_segment.c
    gone = [place for place, event in news.items() if not isinstance(event.fact, SegmentEntered)]
    if gone:
        here = or_(*(and_(s.member == member, s.segment == name) for member, name in gone))
        work.session.execute(delete(member_segment).where(here))
    rows = [
        {"member": member, "segment": name, "since": event.occurred}
        for (member, name), event in sorted(news.items())
        if isinstance(event.fact, SegmentEntered)
    ]
    _keep(work.session, member_segment, rows)
    _mark_with_mates(work, events)


def _mark_with_mates(work: Work, events: Iterable[Event]) -> None:
    """An item names its mates and may take their territory, so it is due with them."""
    members = {member_of(event.stream) for event in events}
    if members and feed.awaited(work.session):
        feed.mark(work, members.union(*clusters.mates_of(work.session, members).values()))


def _keep(session: Session, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert the rows, each of another key, or put them in the place of what stands there."""
    if wanted := list(rows):
        session.execute(_upsert(table), {"rows": msgspec.json.encode(wanted).decode()})


@cache
def _upsert(table: Table) -> TextClause:
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    rest = ", ".join(f'"{c.name}" = excluded."{c.name}"' for c in table.columns if not c.primary_key)
    return text(
        f"INSERT INTO {table.name} SELECT * FROM json_populate_recordset(NULL::{table.name}, CAST(:rows AS json)) "  # noqa: S608
        f"ORDER BY {keys} ON CONFLICT ({keys}) DO UPDATE SET {rest}"
    )


HANDLERS = {
    "territory.defined": heard_territory,
    "territory.rep_assigned": heard_rep,
    "territory.rep_withdrawn": heard_rep,
    "product.defined": heard_product,
    "heads.reported": heard_life,
    "service.left": heard_life,
    "customer.registered": heard_customer,
    "customer.edited": heard_customer,
    "customer.assigned": heard_customer,
    "customer.erased": heard_erased,
    "custom_field.defined": heard_field,
    "customer.territory_assigned": heard_assigned,
    "order.requested": heard_requested,
    "order.placed": heard_order,
    "order.refused": heard_order,
    "order.provisioned": heard_order,
    "order.delayed": heard_order,
    "order.delivered": heard_order,
    "order.cancelled": heard_order,
    "note.added": heard_note,
    "customer.valued": heard_valued,
    "segment.entered": heard_segment,
    "segment.left": heard_segment,
}
"""The slice "devices"."""
