"""The task that works out how customers stand: their value, their stays in the segment, and what is new of both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from services.marketing.segments import handlers, published, rules, tested
from services.marketing.segments.published import Value
from services.marketing.segments.rules import HIGH_VALUE, Definition, Purchase, Said, Standing, Stay
from services.marketing.segments.tables import stay
from services.marketing.tasks import STANDING
from shared.customer.member import Member, stream
from shared.edge.db import as_json, text_array
from shared.events.marketing import SegmentEntered, SegmentLeft
from shared.pipeline import claims, clusters
from shared.pipeline.customer_tables import any_of
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work

MOST = 4_000
"""Members of one transaction. Nobody waits for what it locks but marks of the same members, and these not long."""


def task(default: Definition) -> Task:
    """The task. Keys are members; the whole cluster of each is worked out."""

    def run(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
        return work_out(work, items, handlers.definition_of(work, default))

    return Task(STANDING, run, slices=("customers", "profiles", "custom_values"), most=MOST)


@dataclass(frozen=True)
class Asked:
    """A cluster of which members are due."""

    members: Sequence[str]
    standing: Standing
    orders: Collection[str]
    history: bool


def work_out(work: Work, items: Sequence[Item], definition: Definition) -> dict[str, datetime]:
    """Write the stays of the members' clusters, publish what is new, and give when they are due again.

    Of the members of one cluster that are asked, the least gets the cluster's next instant. Whatever changes a
    cluster marks its members, so there is always one that is due at that instant, or before it.
    """
    homes = clusters.clusters_of(work.session, [item.key for item in items])
    # A member that was assigned elsewhere leaves a cluster of its own name behind, perhaps without members.
    members = clusters.members_of(work.session, {*homes, *homes.values()})
    bought = purchases(work.session, members, definition.currency)
    held = tested.held(work.session, members, definition)
    standings = {c: rules.standing(bought[c], definition, work.now, held[c]) for c in members}
    keep_stays(work.session, {cluster: standing.stays for cluster, standing in standings.items()})
    due: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        due[homes[item.key]].append(item)
    asked = {
        cluster: Asked(
            sorted(members[cluster]),
            standings[cluster],
            {one.order for one in bought[cluster]},
            all(item.history for item in of_it),
        )
        for cluster, of_it in sorted(due.items())
    }
    _say_values(work, asked, definition)
    _say_stays(work, asked, definition)
    return {
        min(due[cluster]).key: of_it.standing.next
        for cluster, of_it in asked.items()
        if of_it.standing.next is not None
    }


def purchases(session: Session, members: Mapping[str, Collection[str]], currency: str) -> dict[str, list[Purchase]]:
    """The orders of each cluster's members, in one query. Those in another currency can't be added, and don't count."""
    everybody = {member for of_it in members.values() for member in of_it}
    of: dict[str, list[Purchase]] = defaultdict(list)
    for member, order, occurred, amount, cancelled in session.execute(
        _PURCHASES, {"members": text_array(everybody), "currency": currency}
    ).all():
        of[member].append(Purchase(order, occurred, amount, cancelled))
    return {cluster: [one for m in sorted(of_it) for one in of[m]] for cluster, of_it in members.items()}


def keep_stays(session: Session, stays: Mapping[str, Sequence[Stay]]) -> None:
    """Replace the stays of these clusters, where they differ."""
    known: dict[str, list[Stay]] = defaultdict(list)
    for cluster, entered, left, orders, because in session.execute(_KNOWN_STAYS, {"clusters": text_array(stays)}).all():
        known[cluster].append(Stay(entered, left, tuple(orders), because))
    changed = sorted(cluster for cluster, new in stays.items() if list(new) != known.get(cluster, []))
    if gone := [cluster for cluster in changed if cluster in known]:
        session.execute(delete(stay).where(stay.c.cluster == any_of(gone)))
    if new := [_row(cluster, one) for cluster in changed for one in stays[cluster]]:
        session.execute(_STAYS, {"rows": as_json(new)})


def _row(cluster: str, of: Stay) -> dict[str, Any]:
    return {"cluster": cluster, "entered": of.entered, "left": of.left, "orders": of.orders, "because": of.because}


def _say_values(work: Work, asked: Mapping[str, Asked], definition: Definition) -> None:
    said = published.values(work.session, _everybody(asked))
    news: dict[str, Value | None] = {}
    for cluster, of_it in asked.items():
        for member in of_it.members:
            new = _value(member, cluster, of_it.standing, definition)
            if said.get(member) != (new if new.orders else None):
                work.publish(stream(Member(member)), new.fact, history=of_it.history)
                news[member] = new if new.orders else None
    published.keep_values(work.session, news)
    claims.touch(work, news)


def _value(member: str, cluster: str, standing: Standing, definition: Definition) -> Value:
    of_rule = (definition.currency, definition.window_days)
    return Value(member, cluster, standing.amount, *of_rule, standing.orders, standing.last)


def _say_stays(work: Work, asked: Mapping[str, Asked], definition: Definition) -> None:
    said = published.stays(work.session, _everybody(asked))
    news: dict[str, Said | None] = {}
    for of_it in asked.values():
        new = _said(of_it.standing, definition)
        for member in of_it.members:
            before = said.get(member)
            if before == new:
                continue
            news[member] = new
            if new is None and before is not None:
                _say_left(work, member, of_it, before, definition)
            elif new is not None and (before is None or before.since != new.since):
                fact = SegmentEntered(segment=HIGH_VALUE, because=new.orders)
                work.publish(stream(Member(member)), fact, new.since, history=of_it.history)
    published.keep_stays(work.session, news)
    if news:
        work.touch(handlers.STREAM)


def _said(standing: Standing, definition: Definition) -> Said | None:
    if standing.since is None:
        return None
    return Said(standing.since, standing.stays[-1].orders, definition.rule)


def _say_left(work: Work, member: str, of_it: Asked, before: Said, definition: Definition) -> None:
    at, because = rules.departure(before, of_it.standing.stays, of_it.orders, definition, work.now)
    fact = SegmentLeft(segment=HIGH_VALUE, because=because)
    work.publish(stream(Member(member)), fact, at, history=of_it.history)


def _everybody(asked: Mapping[str, Asked]) -> list[str]:
    return [member for of_it in asked.values() for member in of_it.members]


_PURCHASES = text("""
SELECT member::text, order_id, occurred, amount, cancelled FROM purchase
WHERE member = ANY (CAST(:members AS uuid[])) AND currency = :currency ORDER BY member, order_id
""")
_KNOWN_STAYS = text("""
SELECT cluster::text, entered, "left", orders, because FROM stay
WHERE cluster = ANY (CAST(:clusters AS uuid[])) ORDER BY entered
""")
_STAYS = text("""
INSERT INTO stay (cluster, entered, "left", orders, because)
SELECT cluster, entered, "left", orders, because
FROM json_to_recordset(CAST(:rows AS json))
  AS r (cluster uuid, entered timestamptz, "left" timestamptz, orders text[], because text)
""")
