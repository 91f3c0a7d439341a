"""``pipeline.timeline``: Kafka to the timeline table, with all that guards it."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence

import psycopg

from services.sync.subscriptions import SUBSCRIPTIONS
from services.sync.timeline.handlers import COLUMNS, row_of
from shared.events.envelope import parse
from shared.pipeline.service import Service
from tests.bench.consuming import consuming, warm_rate
from tests.bench.figures import Figure, Result, at_least, throughput
from tests.bench.history import History, Message, tell
from tests.bench.machine import Machine, new_name, plain


def measure(machine: Machine) -> Iterator[Result]:
    name = new_name("timeline")
    history = History(machine.size.customers, {"callcenter": name})
    with machine.service("callcenter", topic=name) as source:
        messages = list(history.contacts(machine.size.rows))
        tell(dict(source.kafka), messages)
        events = [message for message in messages if message.sequence]
        # What the bench holds isn't looked through for garbage again and again: a worker doesn't hold it.
        gc.collect()
        gc.freeze()
        runs, limits = [], []
        for _ in range(machine.size.runs + 1):
            with machine.service("sync", topic=new_name("sync")) as sync, plain(sync) as connection:
                limits.append(len(events) / _copied(machine, connection, events))
                machine.checkpoint()
                runs.append(consumed(sync, name, len(events)))
        gc.unfreeze()
        # The first round warms up.
        yield throughput("pipeline.timeline", runs[1:], limits[1:])


def _copied(machine: Machine, connection: psycopg.Connection, events: Sequence[Message]) -> float:
    """Seconds to COPY the same rows and INSERT them into such a table."""
    rows = [row_of(parse(event.value, source=event.source, stream=event.stream)) for event in events]
    connection.execute("CREATE TABLE raw (LIKE interaction INCLUDING ALL)")
    connection.execute("CREATE UNLOGGED TABLE raw_new (LIKE interaction)")
    columns = ", ".join(COLUMNS)
    machine.checkpoint()
    began = time.perf_counter()
    for start in range(0, len(rows), 5_000):
        with connection.transaction():
            with connection.cursor().copy(f"COPY raw_new ({columns}) FROM STDIN") as copy:
                for row in rows[start : start + 5_000]:
                    copy.write_row(row)
            connection.execute(f"INSERT INTO raw ({columns}) SELECT {columns} FROM raw_new ON CONFLICT DO NOTHING")
            connection.execute("TRUNCATE raw_new")
    seconds = time.perf_counter() - began
    connection.execute("DROP TABLE raw, raw_new")
    return seconds


def consumed(sync: Service, source: str, count: int) -> float:
    """Events a second into the timeline, with nothing else heard."""
    with consuming(sync, SUBSCRIPTIONS.named(["timeline"]), [source]) as (consumer, wait):
        wait(count)
    return warm_rate(consumer.batches)


FIGURES = (Figure("pipeline.timeline", "at least 0.60 of raw COPY + INSERT of the same rows", measure, at_least(0.6)),)
