"""``pipeline.backfill``: a block that comes late hears all that was ever said, and keeps all that it would have."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from deploy.docs.results import Result
from services.sync.subscriptions import subscriptions
from services.sync.timeline.handlers import COLUMNS, row_of
from services.sync.wiring import BLOCK
from shared.events.envelope import parse
from shared.pipeline import consumer, keyreader, keys, positions, receive, tasks, topics
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice, Subscriptions
from shared.pipeline.worker import Worker
from tests.bench.figures import Figure, at_least, throughput
from tests.bench.history import History, Message, tell
from tests.bench.machine import Machine, kafka_of, new_name, plain
from tests.bench.steps import Steps

LONGEST = 240.0
"""Seconds after which a run that isn't done is given up."""
PART = 5
"""Where the time goes is looked at over such a part of the log."""

WATCHED: dict[str, tuple[Any, str]] = {
    "read keys": (keyreader, "catch_up"),
    "look for keys": (keyreader.KeysAhead, "ensure"),
    "find keys": (keys, "find"),
    "read messages": (consumer.SubscriptionConsumer, "_turn"),
    "open facts": (receive, "_open"),
    "read positions": (positions, "read"),
    "write positions": (positions, "write"),
    "pass the gate": (receive, "receive"),
    "begin and commit": (Service, "_once"),
    "work out what is due": (tasks, "work_out"),
    "look for what is due": (tasks, "take"),
}


@dataclass(frozen=True)
class Log:
    """What sync is to hear: told to Kafka, and kept in a file for the limit."""

    sources: tuple[str, ...]
    events: int
    customers: int
    file: Path


def measure(machine: Machine) -> Iterator[Result]:
    log = _told(machine, machine.size.history, machine.size.customers)
    runs, limits = [], []
    sizes: dict[str, int] = {}
    for _ in range(machine.size.runs):
        limits.append(log.events / _copied(machine, log))
        seconds, sizes = _filled(machine, log, subscriptions(notices_wanted=False).slices)
        runs.append(log.events / seconds)
    log.file.unlink()
    steps = _steps(machine)
    yield throughput(
        "pipeline.backfill", runs, limits, events=log.events, customers=log.customers, **sizes, steps=steps
    )


def _told(machine: Machine, events: int, customers: int) -> Log:
    """Customers are registered, and live."""
    source = {service: new_name(service) for service in ("callcenter", "sfa")}
    for name in source.values():
        topics.ensure(dict(kafka_of(machine)), name, partitions=12, replication=1)
    history, file = History(customers, source), machine.folder / new_name("log")
    everything = chain(history.registrations(), history.life(events - customers))
    return Log(tuple(source.values()), tell(dict(kafka_of(machine)), _kept(everything, file)), customers, file)


def _steps(machine: Machine) -> dict[str, float]:
    """Microseconds an event: of each slice, and of what is done for all."""
    log = _told(machine, machine.size.history // PART, machine.size.customers // PART)
    steps = Steps()
    watched = cache(steps.watched)
    slices = [
        replace(each, handlers={name: watched(f"slice {each.name}", of) for name, of in each.handlers.items()})
        for each in subscriptions(notices_wanted=False).slices
    ]
    with steps.watching(WATCHED):
        _filled(machine, log, slices)
    log.file.unlink()
    return steps.per_event(log.events)


def _kept(messages: Iterable[Message], log: Path) -> Iterator[Message]:
    """The messages; their events are kept in a file besides, a line each."""
    with log.open("wb") as file:
        for message in messages:
            if message.sequence:
                file.write(b"\t".join((message.source.encode(), message.stream.encode(), message.value)) + b"\n")
            yield message


def _copied(machine: Machine, log: Log) -> float:
    """Seconds to COPY the timeline's rows of all events and INSERT them into such a table; the making of the rows
    doesn't count."""
    columns, seconds = ", ".join(COLUMNS), 0.0
    with (
        machine.service("sync", topic=new_name("sync")) as sync,
        plain(sync) as connection,
        log.file.open("rb") as file,
    ):
        connection.execute("CREATE UNLOGGED TABLE raw_new (LIKE interaction)")
        machine.checkpoint()
        while lines := list(islice(file, 5_000)):
            parts = [line[:-1].split(b"\t", 2) for line in lines]
            rows = [row_of(parse(value, source=s.decode(), stream=stream.decode())) for s, stream, value in parts]
            began = time.perf_counter()
            with connection.transaction():
                with connection.cursor().copy(f"COPY raw_new ({columns}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                connection.execute(
                    f"INSERT INTO interaction ({columns}) SELECT {columns} FROM raw_new ON CONFLICT DO NOTHING"
                )
                connection.execute("TRUNCATE raw_new")
            seconds += time.perf_counter() - began
    return seconds


def _filled(machine: Machine, log: Log, slices: Sequence[Slice]) -> tuple[float, dict[str, int]]:
    """Seconds until a sync that begins with nothing has read everything and worked out all that was due; bytes of its
    database and of PostgreSQL's log, an event."""
    with machine.service("sync", topic=new_name("sync")) as sync, plain(sync) as connection:
        settings = machine.settings(sync.name, sync.engine.url.render_as_string(hide_password=False))
        worker = Worker(
            sync, settings, Subscriptions((*log.sources, sync.name), tuple(slices)), {}, BLOCK.tasks(settings)
        )
        thread = threading.Thread(target=worker.run)
        collecting = gc.get_threshold()
        machine.checkpoint()
        before = _value(connection, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        began = time.perf_counter()
        thread.start()
        try:
            while not _is_done(connection, log.events):
                if time.perf_counter() - began > LONGEST:
                    raise RuntimeError("the back-fill doesn't come to its end")
                time.sleep(0.02)
            seconds = time.perf_counter() - began
        finally:
            worker.stop.set()
            thread.join()
            # A worker sets these for its process, which here is not its own.
            gc.set_threshold(*collecting)
            gc.unfreeze()
        _check(connection, log)
        written = _value(connection, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn") - before
        size = _value(connection, "SELECT pg_database_size(current_database())")
    return seconds, {"row_bytes": size // log.events, "wal_bytes": written // log.events}


def _value(connection: psycopg.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _is_done(connection: psycopg.Connection, count: int) -> bool:
    row = connection.execute(
        "SELECT coalesce(sum(next_offset), 0), NOT EXISTS (SELECT FROM due) FROM consumer_offset "
        "WHERE subscription = 'main'"
    ).fetchone()
    assert row is not None
    return int(row[0]) >= count and bool(row[1])


def _check(connection: psycopg.Connection, log: Log) -> None:
    """Raises ``RuntimeError`` where not everything was kept."""
    for what, expected in (
        ("interaction", log.events),
        ("customer_record WHERE states <> '{}'", log.customers),
        ("claim", 5 * log.customers),
        ("identifier", 4 * log.customers),
        ("parked_stream", 0),
    ):
        found = _value(connection, f"SELECT count(*) FROM {what}")
        if found != expected:
            raise RuntimeError(f"{expected} rows of {what} were expected, there are {found}")


FIGURES = (
    Figure("pipeline.backfill", "at least 0.50 of raw COPY + INSERT of its timeline's rows", measure, at_least(0.5)),
)
