"""``pipeline.relay``: committed outbox rows, drained to Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from confluent_kafka import Producer
from psycopg.rows import TupleRow

from deploy.docs.results import Result
from shared.edge.garbage import collect_seldom
from shared.edge.wakeup import CHANNEL
from shared.events import envelope
from shared.pipeline import relay, topics
from shared.pipeline.relay import Relay
from shared.pipeline.sending import GUARANTEES, TUNING
from shared.pipeline.service import Service
from tests.bench.figures import Figure, at_least, throughput
from tests.bench.history import History, Message
from tests.bench.machine import Machine, kafka_of, new_name, plain
from tests.bench.steps import Steps

COLUMNS = "SELECT id, stream, sequence, body FROM outbox ORDER BY id"

STEPS = {
    "read": (relay, "_next"),
    "hand to librdkafka": (Relay, "_hand_over"),
    "rest": (Relay, "_drain"),
    "wait for Kafka": (Relay, "_flush"),
    "remove": (relay, "_note"),
}


def measure(machine: Machine) -> Iterator[Result]:
    name, raw = new_name("relay"), new_name("raw")
    history = History(machine.size.customers, {"callcenter": name})
    rows = [message for message in history.contacts(machine.size.rows) if message.sequence]
    size = sum(len(row.value) for row in rows) / len(rows)
    with machine.service("callcenter", topic=name) as service, plain(service) as connection:
        topics.ensure(service.kafka, raw, partitions=12, replication=1)
        runs, selects, produces = [], [], []
        with leading(service):
            # The first round warms up, the last one is watched.
            for _ in range(1 + machine.size.runs):
                produces.append(len(rows) / _produced(machine, raw, rows))
                machine.checkpoint()
                seconds, selected = _drained(connection, rows)
                runs.append(len(rows) / seconds)
                selects.append(len(rows) / selected)
            with Steps().watching(STEPS) as steps:
                _drained(connection, rows)
        limits = [min(pair) for pair in zip(selects[1:], produces[1:], strict=True)]
        yield throughput(
            "pipeline.relay",
            runs[1:],
            limits,
            bytes=round(size),
            select=[round(one) for one in selects[1:]],
            produce=[round(one) for one in produces[1:]],
            steps=steps.per_event(len(rows)),
        )


@contextmanager
def leading(service: Service) -> Iterator[None]:
    """Until the context ends, a relay that leads from its beginning on, in a process that is set up as a worker's."""
    collect_seldom()
    stop = threading.Event()
    thread = threading.Thread(target=Relay(service, stop, heads_seconds=3600).run)
    thread.start()
    while not relay.is_led(service):
        time.sleep(0.01)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _drained(connection: psycopg.Connection, rows: Sequence[Message]) -> tuple[float, float]:
    """Seconds until a relay that leads has emptied the outbox, from the wake-up; and those to read the same columns.

    The rows are committed at once. They are read before, in the transaction that writes them.
    """
    until = _noted(connection) + len(rows)
    with connection.transaction():
        with connection.cursor().copy("COPY outbox (stream, sequence, event_id, body) FROM STDIN") as copy:
            for row in rows:
                copy.write_row((row.stream, row.sequence, row.id, row.body))
        selected = _selected(connection)
    connection.execute(f"NOTIFY {CHANNEL}")
    began = time.perf_counter()
    # What is noted with each removal; to look into the outbox itself costs, as it is full of what was removed.
    while _noted(connection) < until:
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    if connection.execute("SELECT EXISTS (SELECT FROM outbox)").fetchone() != (False,):
        raise RuntimeError("not all of the outbox was sent")
    return seconds, selected


def _noted(connection: psycopg.Connection) -> int:
    """How many messages are acknowledged and removed."""
    row = connection.execute("SELECT coalesce(sum(next_offset), 0)::bigint FROM relay_sent").fetchone()
    return int(row[0]) if row else 0


def _selected(connection: psycopg.Connection) -> float:
    """Seconds to read the same columns of all rows."""
    began = time.perf_counter()
    with connection.cursor("raw", binary=True) as cursor:
        cursor.itersize = 5_000
        cursor.execute(COLUMNS)
        read: list[TupleRow] = cursor.fetchmany(5_000)
        while read:
            read = cursor.fetchmany(5_000)
    return time.perf_counter() - began


def _produced(machine: Machine, name: str, rows: Sequence[Message]) -> float:
    """Seconds to have the same messages acknowledged, with the relay's guarantees and nothing else."""
    values = [(row.stream.encode(), row.value) for row in rows]
    producer = Producer({**TUNING, **kafka_of(machine), **GUARANTEES, "delivery.report.only.error": True})
    topic, headers = f"{name}.events", envelope.HEADERS
    producer.list_topics(topic, timeout=10)
    began = time.perf_counter()
    for key, value in values:
        while True:
            try:
                producer.produce(topic, value, key, headers=headers)
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()
    return time.perf_counter() - began


FIGURES = (
    Figure("pipeline.relay", "at least 0.6 of the slower of raw produce and raw SELECT", measure, at_least(0.6)),
)
