"""Items of the feed, rendered from what is kept of customers and mutations now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Table, select, tuple_
from sqlalchemy.orm import Session

from services.sync.devices import reads, rules
from services.sync.devices.tables import (
    member_note,
    member_order,
    member_request,
    member_segment,
    member_territory,
    member_value,
    mutation,
)
from shared.customer.fold import Record
from shared.customer.territories import Assigned, territory_of
from shared.pipeline import clusters
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.records import states_of

Rows = dict[str, list[dict[str, Any]]]
"""Rows of a table by member."""


def key_of(number: int) -> str:
    """The key of a mutation in its device's scope."""
    return f"mutation/{number}"


def members_of(session: Session, mutations: Sequence[tuple[str, int]]) -> set[str]:
    """The customers that mutations (device, number) are about."""
    m = mutation.c
    chosen = select(m.member).where(tuple_(m.device, m.number).in_(mutations), m.member.is_not(None))
    return {str(member) for member in session.scalars(chosen)} if mutations else set()


def territories_of(session: Session, members: Collection[str]) -> dict[str, str]:
    """The territory of each member, empty for none: its own, or that of the mate that was assigned last."""
    mates = clusters.mates_of(session, members)
    everyone = set(members).union(*mates.values())
    c = member_territory.c
    rows = session.execute(select(c.member, c.territory, c.at).where(c.member == any_of(sorted(everyone))))
    assigned = {row.member: Assigned(row.territory, row.at) for row in rows}
    return {member: territory_of(member, mates[member], assigned) for member in members}


def scopes_of(session: Session, members: Collection[str]) -> dict[str, str]:
    """The scope of each member; empty: in none."""
    if not reads.divided(session):
        return dict.fromkeys(members, rules.EVERYTHING)
    homes = territories_of(session, members)
    return {member: home and rules.scope_of_territory(home) for member, home in homes.items()}


def customers(session: Session, members: Collection[str]) -> dict[str, str]:
    """What devices are to know of each of these customers that there are; of an erased one nothing."""
    c = customer_record.c
    chosen = select(c.member, c.registered, c.states).where(c.member == any_of(sorted(members)))
    rows = session.execute(chosen.where(c.registered.is_not(None))).all()
    present = [row.member for row in rows]
    mates = clusters.mates_of(session, present)
    homes = scopes_of(session, set(present).union(*mates.values()))

    def near(member: str) -> set[str]:
        """The member with those mates that stand in the same scope: of others a rep may not know that they are."""
        return {mate for mate in mates[member] if homes[mate] == homes[member]} | {member}

    territories = territories_of(session, present)
    orders = _orders(session, present)
    notes, values, segments = (_of(session, t, present) for t in (member_note, member_value, member_segment))
    return {
        row.member: rules.canonical(
            {
                "customer": row.member,
                "cluster": min(near(row.member)),
                "mates": sorted(near(row.member) - {row.member}),
                "territory": territories[row.member],
                "fields": rules.fields(Record(states_of(row.states))),
                "orders": rules.newest(orders[row.member], "order"),
                "notes": rules.newest(notes[row.member], "note"),
                "value": values[row.member][0]["value"] if values[row.member] else None,
                "segments": sorted(segments[row.member], key=lambda one: str(one["segment"])),
            }
        )
        for row in rows
    }


def mutations(session: Session, numbers: Sequence[tuple[str, int]]) -> dict[tuple[str, str], str]:
    """What became of mutations (device, number), by scope and key."""
    if not numbers:
        return {}
    m, o = mutation.c, member_order.c
    chosen = (
        select(
            m.device,
            m.number,
            m.kind,
            m.member,
            m.thing,
            m.state,
            m.reason,
            o.state.label("order"),
            o.reason.label("why"),
        )
        .outerjoin(member_order, (o.member == m.member) & (o.order == m.thing) & (m.kind == "order"))
        .where(tuple_(m.device, m.number).in_(numbers))
    )
    owned = reads.owned(session)
    bodies = {}
    for row in session.execute(chosen):
        state, reason = rules.decided(row.state, row.reason, row.order or "", row.why or "", owned=owned)
        body = {"number": row.number, "kind": row.kind, "customer": row.member, "thing": row.thing}
        place = rules.scope_of_device(row.device), key_of(row.number)
        bodies[place] = rules.canonical({**body, "state": state, "reason": reason})
    return bodies


def _orders(session: Session, members: Collection[str]) -> Rows:
    """Orders as sales force automation tells of them; what it hasn't told yet, as the device asked for it."""
    asked = {
        (member, row["order"]): {**row, "state": "requested"}
        for member, rows in _of(session, member_request, members).items()
        for row in rows
    }
    c = member_order.c
    told = session.execute(select(c.member, c.order, c.followed).where(c.member == any_of(sorted(members))))
    for member, order, followed in told:
        known = {name: value for name, value in followed.items() if value not in ("", None, [], 0)}
        asked[member, order] = {"at": None, **asked.get((member, order), {"order": order}), **known}
    orders: Rows = defaultdict(list)
    for (member, _), row in asked.items():
        orders[member].append(row)
    return orders


def _of(session: Session, table: Table, members: Iterable[str]) -> Rows:
    """The rows of each member, in the types of JSON, without the member."""
    found: Rows = defaultdict(list)
    for row in session.execute(select(table).where(table.c.member == any_of(sorted(members)))).mappings():
        rest = {name: _plain(value) for name, value in row.items() if name != "member"}
        found[row["member"]].append(rest)
    return found


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value.astimezone(UTC)) if isinstance(value, datetime) else value
