"""``pipeline.relay``: committed outbox rows, drained to Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import psycopg
from confluent_kafka import Producer

from shared.events import envelope
from shared.pipeline.relay import GUARANTEES, TUNING, Relay
from shared.pipeline import topics
from shared.pipeline.service import Service
from tests.bench.figures import Figure, Result, at_least, throughput
from tests.bench.history import History, Message
from tests.bench.machine import Machine, kafka_of, new_name, plain

COLUMNS = "SELECT id, stream, sequence, body FROM outbox ORDER BY id"


def measure(machine: Machine) -> Iterator[Result]:
    name = new_name("relay")
    history = History(machine.size.customers, {"callcenter": name})
    with machine.service("callcenter", topic=name) as service, plain(service) as connection:
        raw = new_name("raw")
        topics.ensure(service.kafka, raw, partitions=12, replication=1)
        rows = [message for message in history.contacts(machine.size.rows) if message.sequence]
        size = sum(len(row.value) for row in rows) / len(rows)
        _drained(service, connection, rows[: len(rows) // 4])
        runs, selects, produces = [], [], []
        for _ in range(machine.size.runs):
            fill(connection, rows)
            machine.checkpoint()
            selects.append(len(rows) / _selected(connection))
            produces.append(len(rows) / _produced(machine, raw, rows))
            runs.append(len(rows) / _drained(service, connection))
        limits = [min(pair) for pair in zip(selects, produces, strict=True)]
        yield throughput(
            "pipeline.relay",
            runs,
            limits,
            bytes=round(size),
            select=round(max(selects)),
            produce=round(max(produces)),
        )


def fill(connection: psycopg.Connection, rows: Sequence[Message]) -> None:
    """Put events into the outbox, as committed by many transactions before."""
    with connection.cursor().copy("COPY outbox (stream, sequence, event_id, body) FROM STDIN") as copy:
        for row in rows:
            copy.write_row((row.stream, row.sequence, row.id, row.body))
    connection.execute("VACUUM (ANALYZE) outbox")


def _selected(connection: psycopg.Connection) -> float:
    """Seconds to read the same columns of all rows."""
    began = time.perf_counter()
    with connection.transaction(), connection.cursor("raw", binary=True) as cursor:
        cursor.itersize = 5_000
        cursor.execute(COLUMNS)
        while cursor.fetchmany(5_000):
            pass
    return time.perf_counter() - began


def _produced(machine: Machine, name: str, rows: Sequence[Message]) -> float:
    """Seconds to have the same messages acknowledged, with the relay's guarantees and nothing else."""
    values = [(row.stream, row.value) for row in rows]
    producer = Producer({**TUNING, **kafka_of(machine), **GUARANTEES, "delivery.report.only.error": True})
    topic, headers = f"{name}.events", envelope.HEADERS
    producer.list_topics(topic, timeout=10)
    began = time.perf_counter()
    for key, value in values:
        while True:
            try:
                producer.produce(topic, value=value, key=key, headers=headers)
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()
    return time.perf_counter() - began


def _drained(service: Service, connection: psycopg.Connection, rows: Sequence[Message] = ()) -> float:
    """Seconds until the relay has emptied the outbox, from when it leads."""
    if rows:
        fill(connection, rows)
    stop = threading.Event()
    relay = threading.Thread(target=Relay(service, stop, heads_seconds=3600).run)
    began = time.perf_counter()
    relay.start()
    while connection.execute("SELECT EXISTS (SELECT FROM outbox)").fetchone() == (True,):
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    stop.set()
    relay.join()
    return seconds


FIGURES = (
    Figure("pipeline.relay", "at least 0.6 of the slower of raw produce and raw SELECT", measure, at_least(0.6)),
)
