"""Where a subscription reads on in each partition. In PostgreSQL, in the transaction that has the effect."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline.tables import activation, consumer_offset

Partition = tuple[str, int]
"""(topic, partition)."""


class Fenced(Exception):
    """Another process moved these offsets on: this one's batch is stale and has no effect."""


MOVE = """
UPDATE consumer_offset AS o SET next_offset = n.new
FROM unnest(CAST(%(topics)s AS text[]), CAST(%(partitions)s AS int[]), CAST(%(expected)s AS bigint[]),
            CAST(%(new)s AS bigint[])) AS n (topic, partition, expected, new)
WHERE o.subscription = %(subscription)s AND o.topic = n.topic AND o.partition = n.partition
  AND o.next_offset = n.expected
RETURNING 1
"""
"""Moves offsets on where they are as expected; gives a row for each that was. See ``moving`` and ``check``."""


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
) -> None:
    """Move offsets on from where this process believes them to be. Raises ``Fenced`` if they aren't there."""
    check(len(run(session, MOVE, moving(subscription, expected, new))), new)


def moving(subscription: str, expected: Mapping[Partition, int], new: Mapping[Partition, int]) -> dict[str, str]:
    """The parameters of ``MOVE``."""
    places = sorted(new)
    return {
        "subscription": subscription,
        "topics": text_array(topic for topic, _ in places),
        "partitions": text_array(str(partition) for _, partition in places),
        "expected": text_array(str(expected[place]) for place in places),
        "new": text_array(str(new[place]) for place in places),
    }


def check(moved: int, new: Mapping[Partition, int]) -> None:
    """Raises ``Fenced`` when not all offsets were moved."""
    if moved != len(new):
        raise Fenced(f"{len(new) - moved} of {len(new)} partitions were moved on by another process")
