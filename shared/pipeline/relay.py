"""Carries committed outbox rows to Kafka: one leader a service, in order, each at least once, none lost."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.edge import faults
from shared.edge.metrics import OUTBOX_SENT, RELAY_LEADS, RELAY_STOPPED
from shared.edge.wakeup import CHANNEL, plain_url
from shared.events import envelope
from shared.pipeline import heads, outbox, recovery
from shared.pipeline.service import Service

log = structlog.get_logger(__name__)

ROUND = 40_000
"""Rows read, sent and deleted together."""
CHUNK = 5_000
LEASE_SECONDS = 5
"""PostgreSQL ends the leader's session when it shows no life for so long."""
LOOK_SECONDS = 1.0
"""How long to wait for a wake-up before looking anyway."""
FLUSH_SLICE_SECONDS = 1.0
RETRY_SECONDS = 1.0
MOST_MOVED = 100_000
"""Streams to remember before they are reported early."""
STOPPED_SECONDS = 5.0
"""How often to look whether ``recover`` was run meanwhile."""

TUNING: dict[str, str | int] = {
    "compression.type": "lz4",
    "linger.ms": 1,
    "queue.buffering.max.messages": 200_000,
    "message.max.bytes": 1_000_000,
}
"""What a ``CRM_KAFKA_…`` variable may change."""

GUARANTEES: dict[str, str | int | bool] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    # An event that expired in the queue would be overtaken by the next one of its stream.
    "message.timeout.ms": 0,
}


class LostLeadership(Exception):
    """The session that holds the lock is gone; what is still queued must not be sent."""


@dataclass
class Round:
    """What one pass over the outbox sent: ids of rows, and the next offset by topic and partition."""

    ids: list[int] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    failures: list[KafkaError] = field(default_factory=list)

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failures.append(error)
            return
        place = (message.topic() or "", message.partition() or 0)
        self.offsets[place] = max(self.offsets.get(place, 0), (message.offset() or 0) + 1)


class Relay:
    """Runs until ``stop`` is set; waits for leadership, then drains the outbox whenever something is committed."""

    def __init__(self, service: Service, stop: threading.Event, heads_seconds: float = 60.0) -> None:
        self._service = service
        self._stop = stop
        self._heads_seconds = heads_seconds
        self._moved: set[str] | None = set()
        """Streams sent since the last report of heads; none when that isn't known, as after a start."""
        self._reached: dict[tuple[str, int], int] = {}

    def run(self) -> None:
        """Lead or wait to lead, until stopped. While log and database contradict each other it sends nothing."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    plain_url(self._service.engine.url.render_as_string(hide_password=False)),
                    autocommit=True,
                    connect_timeout=5,
                    application_name=f"{self._service.name}-relay",
                ) as connection:
                    self._wait_to_lead(connection)
            except (recovery.LogAhead, recovery.LogTooShort) as error:
                log.error("relay.stopped", why=str(error))
                RELAY_STOPPED.set(1)
                self._stop.wait(STOPPED_SECONDS)
            except (
                psycopg.Error,
                KafkaException,
                SQLAlchemyError,
                LostLeadership,
                recovery.ReadTimedOut,
                faults.FaultRaised,
            ) as error:
                log.warning("relay.interrupted", error=type(error).__name__, detail=_plain(error))
            finally:
                RELAY_LEADS.set(0)
            self._stop.wait(RETRY_SECONDS)

    def _wait_to_lead(self, connection: psycopg.Connection) -> None:
        for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(setting), f"{LEASE_SECONDS}s"))
        while not self._stop.is_set():
            if _try_lock(connection):
                recovery.check(self._service)
                log.info("relay.leads")
                RELAY_STOPPED.set(0)
                RELAY_LEADS.set(1)
                self._lead(connection)
                return
            self._stop.wait(LOOK_SECONDS)

    def _lead(self, connection: psycopg.Connection) -> None:
        producer = Producer({**TUNING, **self._service.kafka, **GUARANTEES})
        try:
            self._reached = {}
            self._moved = None
            report_due = time.monotonic() + self._heads_seconds
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            while not self._stop.is_set():
                if time.monotonic() > report_due or self._many_moved():
                    self._report()
                    report_due = time.monotonic() + self._heads_seconds
                if self._round(connection, producer) == 0:
                    for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                        pass
                    connection.execute("SELECT 1")
        finally:
            # What a lost leader still has queued has been, or will be, sent by the next one.
            producer.purge()
            producer.flush(FLUSH_SLICE_SECONDS)

    def _many_moved(self) -> bool:
        return self._moved is not None and len(self._moved) > MOST_MOVED

    def _report(self) -> None:
        """Say how far this service has come in the streams that moved."""
        moved = self._moved
        self._service.transact(self._service.itself, lambda work: heads.report(work, moved))
        self._moved = set()

    def _round(self, connection: psycopg.Connection, producer: Producer) -> int:
        """Send what is there, up to ``ROUND`` rows; gives how many."""
        sent = Round()
        for rows in _read(connection):
            keys = [row for row in rows if row[2] is None]
            for row in keys:
                self._send_key(producer, row, sent)
            if keys:
                # A key is in Kafka before the first event that needs it.
                faults.at("relay.flush_keys", lambda: self._flush(connection, producer, sent))
            for row in rows:
                if row[2] is not None:
                    self._send_event(producer, row, sent)
            sent.ids.extend(row[0] for row in rows)
            sent.streams.update(row[1] for row in rows if row[2] is not None)
        if not sent.ids:
            return 0
        faults.at("relay.flush", lambda: self._flush(connection, producer, sent))
        self._check_growth(sent)
        faults.at("relay.commit", lambda: _note(connection, sent))
        OUTBOX_SENT.inc(len(sent.ids))
        if self._moved is not None:
            self._moved |= sent.streams
        return len(sent.ids)

    def _check_growth(self, sent: Round) -> None:
        """Raises ``LogTooShort`` when a partition was cut back while this relay led."""
        for (topic, partition), offset in sent.offsets.items():
            before = self._reached.get((topic, partition), 0)
            if offset <= before:
                raise recovery.LogTooShort(topic, partition, before, offset)
            self._reached[topic, partition] = offset

    def _send_key(self, producer: Producer, row: TupleRow, sent: Round) -> None:
        _, stream, _, body = row
        faults.at("relay.send_key", lambda: _produce(producer, self._service.keys_topic, stream, body, sent))

    def _send_event(self, producer: Producer, row: TupleRow, sent: Round) -> None:
        _, stream, sequence, body = row
        message = envelope.message(body, sequence)
        faults.at("relay.send", lambda: _produce(producer, self._service.events_topic, stream, message, sent))

    def _flush(self, connection: psycopg.Connection, producer: Producer, sent: Round) -> None:
        while producer.flush(FLUSH_SLICE_SECONDS) > 0:
            # Kafka is away: go on waiting, and show life, or the lease ends.
            if self._stop.is_set():
                raise LostLeadership("stopped while Kafka doesn't answer")
            connection.execute("SELECT 1")
        if sent.failures:
            raise KafkaException(sent.failures[0])


def is_led(service: Service) -> bool:
    """Whether a relay of this service is at work somewhere."""
    url = plain_url(service.engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        return not _try_lock(connection)


def send_all(service: Service, seconds: float = 60.0) -> int:
    """Send what is in the outbox, without a worker; gives how many rows are left after so long."""
    stop = threading.Event()
    relay = threading.Thread(target=Relay(service, stop, heads_seconds=math.inf).run, daemon=True)
    relay.start()
    try:
        end = time.monotonic() + seconds
        while (left := _unsent(service)) and time.monotonic() < end:
            stop.wait(0.1)
        return left
    finally:
        stop.set()
        relay.join(2 * LEASE_SECONDS)


def _unsent(service: Service) -> int:
    with Session(service.engine) as session:
        return outbox.unsent(session)


def _try_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended('relay', 0))").fetchone()
    return bool(row and row[0])


def _read(connection: psycopg.Connection) -> Iterator[list[TupleRow]]:
    # One statement, so one snapshot: rows that commit while it is read can't put a later sequence in front.
    with connection.transaction(), connection.cursor("outbox", binary=True) as cursor:
        cursor.itersize = CHUNK
        cursor.execute("SELECT id, stream, sequence, body FROM outbox ORDER BY id LIMIT %s", (ROUND,))
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def _produce(producer: Producer, topic: str, key: str, value: bytes, sent: Round) -> None:
    while True:
        try:
            producer.produce(topic, value=value, key=key, headers=envelope.HEADERS, on_delivery=sent.delivered)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)


def _note(connection: psycopg.Connection, sent: Round) -> None:
    # By id and never by range: a row with a lower id may have been committed since.
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", (sent.ids,))
        connection.cursor().executemany(
            "INSERT INTO relay_sent (topic, partition, next_offset) VALUES (%s, %s, %s) "
            "ON CONFLICT (topic, partition) DO UPDATE "
            "SET next_offset = greatest(relay_sent.next_offset, excluded.next_offset)",
            [(topic, partition, offset) for (topic, partition), offset in sorted(sent.offsets.items())],
        )


def _plain(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else ""
