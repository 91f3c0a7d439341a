"""``pipeline.timeline``: Kafka to the timeline table, with all that guards it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg

from deploy.docs.results import Result
from services.sync.subscriptions import SUBSCRIPTIONS
from services.sync.timeline import handlers
from services.sync.timeline.handlers import COLUMNS, row_of
from shared.edge import faults
from shared.events.envelope import parse
from shared.pipeline import consumer, keyreader, offsets, positions, receive
from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.service import Service
from tests.bench.consuming import consuming, warm_rate
from tests.bench.figures import Figure, at_least, throughput
from tests.bench.history import History, Message, tell
from tests.bench.machine import Machine, new_name, plain
from tests.bench.profile import collecting_seldom
from tests.bench.steps import Steps

WATCHED: Mapping[str, tuple[Any, str]] = {
    "join and poll": (SubscriptionConsumer, "_turn"),
    "decode": (consumer, "read"),
    "other": (consumer, "receive"),
    "fence": (offsets, "advance"),
    "read positions": (positions, "read"),
    "write positions": (positions, "write"),
    "gate": (receive, "_accepted"),
    "open": (receive, "_open"),
    "slices": (receive, "attempt"),
    "write rows": (handlers, "copy_packed"),
    "commit": (faults, "at"),
    "keys": (keyreader.KeysAhead, "ensure"),
}
"""The steps, each with what it calls that is no step of its own. The rows are put together while they are written.
Joining the group and reading the keys topic come before what is measured."""


def measure(machine: Machine) -> Iterator[Result]:
    name = new_name("timeline")
    history = History(machine.size.customers, {"callcenter": name})
    with machine.service("callcenter", topic=name) as source:
        messages = list(history.contacts(machine.size.rows))
        tell(dict(source.kafka), messages)
        events = [message for message in messages if message.sequence]
        runs, limits = [], []
        with collecting_seldom():
            for _ in range(machine.size.runs + 1):
                with machine.service("sync", topic=new_name("sync")) as sync, plain(sync) as connection:
                    limits.append(len(events) / _copied(machine, connection, events))
                    machine.checkpoint()
                    runs.append(consumed(sync, name, len(events)))
            with machine.service("sync", topic=new_name("sync")) as sync, Steps().watching(WATCHED) as steps:
                consumed(sync, name, len(events))
        # The first round warms up.
        yield throughput("pipeline.timeline", runs[1:], limits[1:], steps=steps.per_event(len(events)))


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
    with consuming(sync, SUBSCRIPTIONS.named(["timeline"]), [source]) as (noting, wait):
        wait(count)
    return warm_rate(noting.batches)


FIGURES = (Figure("pipeline.timeline", "at least 0.60 of raw COPY + INSERT of the same rows", measure, at_least(0.6)),)
