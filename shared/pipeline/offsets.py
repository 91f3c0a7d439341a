"""Where a subscription reads on in each partition. In PostgreSQL, in the transaction that has the effect."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.pipeline.tables import activation, consumer_offset

Partition = tuple[str, int]
"""(topic, partition)."""


class Fenced(Exception):
    """Another process moved these offsets on: this one's batch is stale and has no effect."""


_ADVANCE = text("""
UPDATE consumer_offset AS o SET next_offset = n.new
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:expected AS bigint[]), CAST(:new AS bigint[]))
  AS n (topic, partition, expected, new)
WHERE o.subscription = :subscription AND o.topic = n.topic AND o.partition = n.partition
  AND o.next_offset = n.expected
RETURNING EXISTS (SELECT FROM parked_stream s WHERE s.subscription = :subscription)
""").bindparams(*(bindparam(n) for n in ("topics", "partitions", "expected", "new", "subscription")))


def start(session: Session, subscription: str, ends: Mapping[Partition, int], *, history: bool) -> None:
    """Note partitions met for the first time: read from the beginning; what is there now is history.

    Without ``history`` (a topic that was created while this service already ran) all of it is news.
    """
    if not ends:
        return
    rows = [{"subscription": subscription, "topic": topic, "partition": partition} for topic, partition in sorted(ends)]
    begun = [r | {"next_offset": 0, "replay_until": ends[r["topic"], r["partition"]]} for r in rows]  # type: ignore[index]
    session.execute(upsert(consumer_offset).on_conflict_do_nothing(), begun)
    marks = [r | {"offset": ends[r["topic"], r["partition"]] if history else 0} for r in rows]  # type: ignore[index]
    session.execute(upsert(activation).on_conflict_do_nothing(), marks)


def read(session: Session, subscription: str) -> dict[Partition, int]:
    """The next offset of every partition met so far."""
    table = consumer_offset.c
    rows = session.execute(
        select(table.topic, table.partition, table.next_offset).where(table.subscription == subscription)
    )
    return {(topic, partition): offset for topic, partition, offset in rows}


def everywhere(session: Session) -> dict[tuple[str, str, int], int]:
    """The next offset of every (subscription, topic, partition) of this service that was met."""
    table = consumer_offset.c
    rows = session.execute(
        select(table.subscription, table.topic, table.partition, table.next_offset).where(table.partition >= 0)
    )
    return {(name, topic, partition): offset for name, topic, partition, offset in rows}


def move(session: Session, to: Mapping[tuple[str, str, int], int]) -> None:
    """Put offsets elsewhere; a consumer that is running finds itself fenced and reads them again."""
    table = consumer_offset.c
    for (name, topic, partition), offset in sorted(to.items()):
        session.execute(
            update(consumer_offset)
            .where(table.subscription == name, table.topic == topic, table.partition == partition)
            .values(next_offset=offset, replay_until=0)
        )


def activations(session: Session, subscription: str) -> dict[Partition, int]:
    """The offset in each partition before which everything is history to this subscription."""
    table = activation.c
    rows = session.execute(select(table.topic, table.partition, table.offset).where(table.subscription == subscription))
    return {(topic, partition): offset for topic, partition, offset in rows}


def advance(
    session: Session, subscription: str, expected: Mapping[Partition, int], new: Mapping[Partition, int]
) -> bool:
    """Move offsets on from where this process believes them to be; gives whether any stream of the subscription is
    parked. Raises ``Fenced`` if they aren't there."""
    places = sorted(new)
    moved = session.execute(
        _ADVANCE,
        {
            "subscription": subscription,
            "topics": text_array(topic for topic, _ in places),
            "partitions": text_array(str(partition) for _, partition in places),
            "expected": text_array(str(expected[place]) for place in places),
            "new": text_array(str(new[place]) for place in places),
        },
    ).all()
    if len(moved) != len(places):
        raise Fenced(f"{len(places) - len(moved)} of {len(places)} partitions were moved on by another process")
    return any(parked for (parked,) in moved)
