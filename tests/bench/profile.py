"""``pipeline.profile``: Kafka to marketing's profiles, values and segment, with all that guards it.

Measured is what a worker of marketing does with a log of ``life`` (see history): its consumer takes events in, and its
task works out who is worth what and who is in the segment, until all is in and nothing is due. The rule lets in who
ordered twice, so some 6 of 100 customers enter it.

The limit writes the same rows into tables with the same keys and indexes, and nothing else. The columns of the events
are decoded and at hand; those that say something of a profile or an order are copied in batches of the same size to a
temporary table, and upserted from there, grouped by member. Then the values and stays as they are in the end, what was
published of both, and the rows that this left in the outbox are written, in turns of as many customers. It doesn't
decode, guard, decide or mark: it writes neither positions, nor what is due, nor heads of streams, and each customer's
value once, where the task, which works while events come in, wrote some more than once. At the end both have the same
rows, which is compared. ``upserts alone`` is the limit without the rows of the outbox.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec
import psycopg
from sqlalchemy.orm import Session

from deploy.docs.results import Result
from services.marketing.segments import published, rules, standings
from services.marketing.segments.rules import Definition
from services.marketing.subscriptions import SUBSCRIPTIONS
from shared.customer.member import member_of
from shared.edge.clock import Clock, system_clock
from shared.edge.garbage import collect_seldom
from shared.events.callcenter import ContactOffered, ContactWrappedUp
from shared.events.envelope import parse
from shared.events.facts import FACT_TYPES
from shared.events.sfa import OrderPlaced
from shared.pipeline import consumer as core
from shared.pipeline import due, keyreader, keys, offsets, outbox, positions, receive, tasks, topics
from shared.pipeline.service import Service
from shared.pipeline.tasks import Task, Tasks
from shared.pipeline.work import Work
from tests.bench.consuming import Batch, consuming
from tests.bench.figures import Figure, at_least, median, throughput
from tests.bench.history import BEGAN, History, Message, tell
from tests.bench.machine import Machine, new_name, plain
from tests.bench.steps import Steps

SLICES = SUBSCRIPTIONS.named(["customers", "profiles", "custom_values"])
RULE = Definition(currency="EUR", at_least=50_00)
PARTITIONS = 12
TABLES = ("profile", "purchase", "spending", "published_value", "stay", "published_stay")
PURCHASE = "member, order_id, occurred, amount, currency"
OUTBOX = "stream, sequence, event_id, body"
T = TypeVar("T")
WATCHED: Mapping[str, tuple[Any, str]] = {
    "read": (core, "read"),
    "keys": (keyreader.KeysAhead, "ensure"),
    "receive": (core, "receive"),
    "open": (receive, "_open"),
    "positions read": (positions, "read"),
    "positions write": (positions, "write"),
    "attempt": (receive, "attempt"),
    "transact": (Service, "transact"),
    "commit": (Session, "commit"),
    "outbox": (outbox, "write"),
    "own keys": (keys, "own_keys"),
    "marks": (due, "write"),
    "take": (tasks, "take"),
    "standings": (standings, "work_out"),
    "purchases": (standings, "purchases"),
    "rule": (rules, "standing"),
    "stays": (standings, "keep_stays"),
    "publish": (Work, "publish"),
    "published": (published, "keep_values"),
    "done": (tasks, "work_out"),
}


class Log(NamedTuple):
    """What stands in the topics of two services."""

    sources: tuple[str, str]
    events: Sequence[Message]
    clock: Clock
    """Reads what the time was when the last event was published, and goes on from there."""


def measure(machine: Machine) -> Iterator[Result]:
    log = written(machine, machine.size.customers, machine.size.rows)
    columns, count = decoded(log.events), len(log.events)
    runs, limits, alone = [], [], []
    warming = int(machine.size.full)
    for _ in range(machine.size.runs + warming):
        with marketing(machine, log) as service, plain(service) as connection:
            machine.checkpoint()
            runs.append(consumed(service, connection, log))
            took = upserted(connection, columns)
            limits.append(count / sum(took))
            alone.append(count / took.upserts)
            compare(connection)
            stored = sum(_number(connection, f"SELECT pg_total_relation_size('{table}')") for table in TABLES)
            more: dict[str, Any] = {"row_bytes": round(stored / count), "published": _number(connection, _PUBLISHED)}
    with marketing(machine, log) as service, plain(service) as connection, Steps().watching(WATCHED) as steps:
        consumed(service, connection, log)
    more |= {"upserts_alone": round(median(alone[warming:])), "steps": steps.per_event(count)}
    yield throughput("pipeline.profile", runs[warming:], limits[warming:], **more)


def written(machine: Machine, customers: int, count: int) -> Log:
    """A log of ``count`` events of as many customers' lives."""
    calls, sales = new_name("calls"), new_name("sales")
    history = History(customers, {"callcenter": calls, "sfa": sales})
    return publish(machine, (calls, sales), list(history.life(count)))


def publish(machine: Machine, sources: tuple[str, str], messages: Sequence[Message]) -> Log:
    """Put events and keys into the topics of two services, which are made."""
    kafka = machine.kafka.client
    for source in sources:
        topics.ensure(kafka, source, partitions=PARTITIONS, replication=1)
    tell(kafka, messages)
    began, ended = system_clock(), BEGAN + timedelta(days=1)
    events = [message for message in messages if message.sequence]
    return Log(sources, events, lambda: ended + (system_clock() - began))


@contextmanager
def marketing(machine: Machine, log: Log) -> Iterator[Service]:
    """A marketing service on an empty database, at the time of the log."""
    with machine.service("marketing", topic=new_name("marketing")) as service:
        yield replace(service, clock=log.clock)


def consumed(service: Service, connection: psycopg.Connection, log: Log) -> float:
    """Events a second from the first committed batch on until all are in and nothing is due."""
    _all_is_news(service, log)
    stop, count = threading.Event(), len(log.events)
    working = threading.Thread(target=Tasks(service, [task()], {each.name: "main" for each in SLICES}, stop).run)
    with collecting_seldom(), consuming(service, SLICES, log.sources) as (consumer, wait):
        working.start()
        try:
            wait(count)
            while connection.execute(_DUE, [log.clock()]).fetchone() == (True,):
                time.sleep(0.005)
            ended = time.monotonic()
        finally:
            stop.set()
            working.join()
    return warm(consumer.batches, ended)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Collect garbage as a worker does, that has no log of a benchmark in its memory to look through for it."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def warm(batches: Sequence[Batch], ended: float) -> float:
    """Events a second after the first committed batch; of that one where a small run has no other."""
    counted = sum(len(batch.ids) for batch in batches[1:]) or len(batches[0].ids)
    return counted / (ended - batches[0].at)


def _all_is_news(service: Service, log: Log) -> None:
    """Have the service have started before there was anything in the log: what is due doesn't wait for its end."""
    places = {(source + topics.EVENTS, partition): 0 for source in log.sources for partition in range(PARTITIONS)}
    service.transact(service.itself, lambda work: offsets.start(work.session, "main", places, history=False))


def task() -> Task:
    """Marketing's task with the benchmark's rule."""
    return standings.task(RULE)


def _number(connection: psycopg.Connection, query: str) -> int:
    (found,) = connection.execute(query).fetchall()
    return int(found[0])


class Columns(NamedTuple):
    """What marketing keeps of one event; only one of the two is there."""

    contact: tuple[Any, ...] | None
    order: tuple[Any, ...] | None


def decoded(events: Sequence[Message]) -> list[Columns]:
    """The columns of events, in their order."""
    found = []
    for message in events:
        envelope = parse(message.value, source=message.source, stream=message.stream)
        kind, member, at = FACT_TYPES[envelope.type], member_of(envelope.subject), envelope.time
        fact = msgspec.json.decode(envelope.data, type=kind.record)
        if isinstance(fact, ContactOffered):
            found.append(Columns((member, 1, at, 0, 0), None))
        elif isinstance(fact, ContactWrappedUp):
            found.append(Columns((member, 0, None, fact.satisfaction or 0, int(fact.satisfaction is not None)), None))
        elif isinstance(fact, OrderPlaced):
            found.append(Columns(None, (member, fact.order, at, fact.total, fact.currency)))
        else:
            found.append(Columns(None, None))
    return found


class Seconds(NamedTuple):
    """How long the limit took."""

    upserts: float
    outbox: float


def upserted(connection: psycopg.Connection, columns: Sequence[Columns]) -> Seconds:
    """Write the same rows into copies of the tables, as the module says."""
    for table in (*TABLES, "outbox"):
        connection.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)")
        connection.execute(f"CREATE TEMP TABLE new_{table} (LIKE {table}) ON COMMIT DELETE ROWS")
    connection.execute(_NEW_CONTACT)
    last = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in LAST}
    said = connection.execute(f"SELECT {OUTBOX} FROM outbox ORDER BY id").fetchall()
    connection.execute("CHECKPOINT")
    began = time.perf_counter()
    for batch in _parts(columns, core.MOST):
        with connection.transaction():
            _copy(connection, "new_contact", [one.contact for one in batch if one.contact])
            connection.execute(_PROFILE)
            _copy(connection, f"new_purchase ({PURCHASE})", [one.order for one in batch if one.order])
            connection.execute(_PURCHASE)
    for table, upsert in LAST.items():
        for rows in _parts(last[table], standings.MOST):
            with connection.transaction():
                _copy(connection, f"new_{table}", rows)
                connection.execute(upsert)
    there = time.perf_counter()
    for rows in _parts(said, standings.MOST):
        _copy(connection, f"raw_outbox ({OUTBOX})", rows)
    return Seconds(there - began, time.perf_counter() - there)


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _copy(connection: psycopg.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def compare(connection: psycopg.Connection) -> None:
    """Raises ``RuntimeError`` where the limit and the service wrote other rows."""
    for table, columns in (*((table, "*") for table in TABLES), ("outbox", OUTBOX)):
        one, other = (f"SELECT {columns} FROM {name}" for name in (table, f"raw_{table}"))
        differ = f"(({one}) EXCEPT ({other})) UNION ALL (({other}) EXCEPT ({one}))"
        row = connection.execute(f"SELECT count(*) FROM ({differ}) AS d").fetchone()
        if row != (0,):
            raise RuntimeError(f"{table} has other rows than the limit wrote: {row}")


def _upsert(table: str, key: str, columns: str) -> str:
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", "))
    return f"INSERT INTO raw_{table} SELECT * FROM new_{table} ON CONFLICT ({key}) DO UPDATE SET {changes}"


_DUE = "SELECT EXISTS (SELECT FROM due WHERE at <= %s)"
_PUBLISHED = "SELECT count(*) FROM outbox WHERE event_id IS NOT NULL"
_NEW_CONTACT = """
CREATE TEMP TABLE new_contact (member uuid, contacts int, at timestamptz, satisfaction_sum int, satisfaction_count int)
ON COMMIT DELETE ROWS
"""
_PROFILE = """
INSERT INTO raw_profile AS p (member, contacts, last_contact, abandoned, satisfaction_sum, satisfaction_count,
                              cases_opened, cases_resolved)
SELECT member, sum(contacts), max(at), 0, sum(satisfaction_sum), sum(satisfaction_count), 0, 0
FROM new_contact GROUP BY member ORDER BY member
ON CONFLICT (member) DO UPDATE SET
    contacts = p.contacts + excluded.contacts, last_contact = greatest(p.last_contact, excluded.last_contact),
    satisfaction_sum = p.satisfaction_sum + excluded.satisfaction_sum,
    satisfaction_count = p.satisfaction_count + excluded.satisfaction_count
"""
_PURCHASE = """
WITH new AS (
  INSERT INTO raw_purchase SELECT * FROM new_purchase ORDER BY member, order_id ON CONFLICT DO NOTHING RETURNING *
)
INSERT INTO raw_spending AS s (member, currency, orders, amount, first_order, last_order, cancelled, cancelled_amount)
SELECT member, currency, count(*), sum(amount), min(occurred), max(occurred), 0, 0
FROM new GROUP BY member, currency ORDER BY member, currency
ON CONFLICT (member, currency) DO UPDATE SET
    orders = s.orders + excluded.orders, amount = s.amount + excluded.amount,
    first_order = least(s.first_order, excluded.first_order),
    last_order = greatest(s.last_order, excluded.last_order)
"""
LAST = {
    "published_value": _upsert(
        "published_value", "member", "cluster, amount, currency, window_days, orders, last_order"
    ),
    "stay": _upsert("stay", "cluster, entered", '"left", orders, because'),
    "published_stay": _upsert("published_stay", "member", "since, orders, rule"),
}
FIGURES = (
    Figure(
        "pipeline.profile",
        "at least 0.50 of the same upserts as bare set-based SQL",
        measure,
        at_least(0.5),
    ),
)
