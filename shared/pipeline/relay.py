"""Carries committed outbox rows to Kafka: one leader a service, in order, each at least once, none lost."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice

import psycopg
import structlog
from confluent_kafka import KafkaException, Producer
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.edge import faults, health
from shared.edge.metrics import OUTBOX_SENT, RELAY_LEADS, RELAY_STOPPED
from shared.edge.wakeup import CHANNEL, plain_url
from shared.events import envelope
from shared.pipeline import heads, outbox, recovery
from shared.pipeline.sending import SLICE_SECONDS, Batch, Lines
from shared.pipeline.service import Service

log = structlog.get_logger(__name__)

ROUND = 200_000
"""Rows read at most by one statement, so in one snapshot."""
ROUND_SECONDS = 2.0
"""No snapshot is kept for longer: while it is, PostgreSQL can't clear up what others delete."""
CHUNK = 1_000
"""Rows handed over together. More, and processors have forgotten them before they are sent."""
BATCH = 40_000
"""Rows acknowledged and removed together. Another batch may be on its way meanwhile, and no more: after a crash so much
is compared with the log."""
LEASE_SECONDS = 5
"""PostgreSQL ends the leader's session when it shows no life for so long."""
LOOK_SECONDS = 1.0
"""How long to wait for a wake-up before looking anyway."""
RETRY_SECONDS = 1.0
MOST_MOVED = 100_000
"""Streams to remember before they are reported early."""
STOPPED_SECONDS = 5.0
"""How often to look whether ``recover`` was run meanwhile."""


class LostLeadership(Exception):
    """The session that holds the lock is gone; what is still queued must not be sent."""


class Relay:
    """Runs until ``stop`` is set; waits for leadership, then drains the outbox whenever something is committed."""

    def __init__(self, service: Service, stop: threading.Event, heads_seconds: float = 60.0) -> None:
        self._service = service
        self._stop = stop
        self._heads_seconds = heads_seconds
        self._moved: set[bytes] | None = set()
        """Streams sent since the last report of heads; none when that isn't known, as after a start."""
        self._reached: dict[tuple[str, int], int] = {}

    def run(self) -> None:
        """Lead or wait to lead, until stopped. While log and database contradict each other it sends nothing."""
        while not self._stop.is_set():
            health.alive()
            try:
                with self._connect("relay") as connection:
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

    def _connect(self, part: str) -> psycopg.Connection:
        url = plain_url(self._service.engine.url.render_as_string(hide_password=False))
        name = f"{self._service.name}-{part}"
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5, application_name=name)
        # A plan from when the outbox was empty must not read all of it later.
        connection.execute("SET enable_seqscan = off")
        # A process that is frozen while it reads must not keep PostgreSQL from clearing up.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{2 * LEASE_SECONDS}s'")
        return connection

    def _wait_to_lead(self, connection: psycopg.Connection) -> None:
        for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(setting), f"{LEASE_SECONDS}s"))
        # For the removals alone, which is all that this session writes: one that is lost is only sent again.
        connection.execute("SET synchronous_commit = off")
        while not self._stop.is_set():
            health.alive()
            if _try_lock(connection):
                recovery.check(self._service, alive=lambda: connection.execute("SELECT 1"))
                log.info("relay.leads")
                RELAY_STOPPED.set(0)
                RELAY_LEADS.set(1)
                self._lead(connection)
                return
            self._stop.wait(LOOK_SECONDS)

    def _lead(self, connection: psycopg.Connection) -> None:
        lines = Lines(self._service)
        try:
            # Read by a session of its own, so that one that is frozen while it reads doesn't keep the lead.
            with self._connect("relay-reader") as reader:
                self._serve(connection, reader, lines)
        finally:
            lines.close()

    def _serve(self, connection: psycopg.Connection, reader: psycopg.Connection, lines: Lines) -> None:
        self._reached = {}
        self._moved = None
        report_due = time.monotonic() + self._heads_seconds
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        while not self._stop.is_set():
            health.alive()
            if time.monotonic() > report_due or self._many_moved():
                self._report()
                report_due = time.monotonic() + self._heads_seconds
            count = self.round(connection, reader, lines)
            if not count:
                # Shows life: a leader that is woken again and again, and has nothing to send, must do so, too.
                connection.execute("SELECT 1")
            if count < CHUNK:
                # What is committed from here on is followed by a wake-up.
                _wait(connection)

    def _many_moved(self) -> bool:
        return self._moved is not None and len(self._moved) > MOST_MOVED

    def _report(self) -> None:
        """Say how far this service has come in the streams that moved."""
        moved = self._moved
        streams = None if moved is None else [stream.decode() for stream in moved]
        self._service.transact(self._service.itself, lambda work: heads.report(work, streams))
        self._moved = set()

    def round(self, connection: psycopg.Connection, reader: psycopg.Connection, lines: Lines) -> int:
        """Send what is there, or much of it; gives how many rows. ``connection`` is the leader's, ``reader`` another
        one."""
        rows = _first(reader)
        if len(rows) == CHUNK:
            return self._drain(connection, reader, lines)
        if rows:
            batch = Batch()
            self._send(connection, lines.live, rows, batch)
            faults.at("relay.flush", lambda: self._flush(connection, lines.live, batch))
            self._remove(connection, batch)
        return len(rows)

    def _drain(self, connection: psycopg.Connection, reader: psycopg.Connection, lines: Lines) -> int:
        """The same for a backlog: a batch is removed while the next one is sent."""
        count, batch, end = 0, Batch(), time.monotonic() + ROUND_SECONDS
        removal: Future[None] | None = None
        with closing(_chunks(reader)) as chunks, ThreadPoolExecutor(1, "relay-remove") as beside:
            for rows in chunks:
                self._send(connection, lines.bulk, rows, batch)
                lines.bulk.poll(0)
                count += len(rows)
                over = self._stop.is_set() or time.monotonic() > end
                if batch.rows >= BATCH or over:
                    removal = self._acknowledge(connection, lines, batch, beside, removal)
                    batch = Batch()
                if over:
                    break
            if batch.rows:
                removal = self._acknowledge(connection, lines, batch, beside, removal)
            if removal:
                removal.result()
        return count

    def _acknowledge(
        self,
        connection: psycopg.Connection,
        lines: Lines,
        batch: Batch,
        beside: Executor,
        before: Future[None] | None,
    ) -> Future[None]:
        """Wait until a batch is acknowledged, and the one before removed; have this one removed."""
        faults.at("relay.flush", lambda: self._flush(connection, lines.bulk, batch))
        if before:
            before.result()
        batch.next_offsets = {p: end for p, end in lines.ends().items() if end != self._reached.get(p, 0)}
        return beside.submit(self._remove, connection, batch)

    def _send(self, connection: psycopg.Connection, producer: Producer, rows: Sequence[TupleRow], batch: Batch) -> None:
        batch.add([row[0] for row in rows])
        events = rows
        if keys := [row for row in rows if row[2] is None]:
            topic = self._service.keys_topic
            faults.at("relay.send_key", lambda: self._hand_over(producer, topic, keys, batch))
            # A key is in Kafka before the first event that needs it.
            faults.at("relay.flush_keys", lambda: self._flush(connection, producer, batch))
            events = [row for row in rows if row[2] is not None]
        if events:
            topic_of_events = self._service.events_topic
            faults.at("relay.send", lambda: self._hand_over(producer, topic_of_events, events, batch))
        if self._moved is not None:
            self._moved.update([row[1] for row in events])

    def _hand_over(self, producer: Producer, topic: str, rows: Sequence[TupleRow], batch: Batch) -> None:
        produce, message, headers, heard = producer.produce, envelope.message, envelope.HEADERS, batch.heard
        for _, stream, sequence, body in rows:
            value = body if sequence is None else message(body, sequence)
            while True:
                try:
                    produce(topic, value, stream, headers=headers, on_delivery=heard)
                    break
                except BufferError:
                    self._make_room(producer)

    def _make_room(self, producer: Producer) -> None:
        if self._stop.is_set():
            raise LostLeadership("stopped while Kafka doesn't answer")
        producer.poll(0.1)

    def _flush(self, connection: psycopg.Connection, producer: Producer, batch: Batch) -> None:
        """Wait until all that was sent is acknowledged."""
        while producer.flush(SLICE_SECONDS) > 0:
            # Kafka is away: go on waiting, and show life, or the lease ends.
            if self._stop.is_set():
                raise LostLeadership("stopped while Kafka doesn't answer")
            health.alive()
            connection.execute("SELECT 1")
        if batch.failures:
            raise KafkaException(batch.failures[0])

    def _remove(self, connection: psycopg.Connection, batch: Batch) -> None:
        self._check_growth(batch)
        faults.at("relay.commit", lambda: _note(connection, batch))
        OUTBOX_SENT.inc(batch.rows)

    def _check_growth(self, batch: Batch) -> None:
        """Raises ``LogTooShort`` when a partition was cut back while this relay led."""
        for (topic, partition), offset in batch.next_offsets.items():
            before = self._reached.get((topic, partition), 0)
            if offset <= before and not batch.had_before:
                raise recovery.LogTooShort(topic, partition, before, offset)
            self._reached[topic, partition] = max(offset, before)


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


def _wait(connection: psycopg.Connection) -> None:
    """Until something is committed, or it is time to look anyway."""
    for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
        pass


_ROWS = "SELECT id, stream, sequence, body FROM outbox ORDER BY id LIMIT %s"


def _cursor(connection: psycopg.Connection) -> psycopg.Cursor[TupleRow]:
    cursor = connection.cursor(binary=True)
    # Streams go to Kafka as they come from PostgreSQL.
    cursor.adapters.register_loader("text", ByteaBinaryLoader)
    return cursor


def _first(connection: psycopg.Connection) -> list[TupleRow]:
    """The first rows of the outbox, in the order of their ids."""
    return _cursor(connection).execute(_ROWS, (CHUNK,)).fetchall()


def _chunks(connection: psycopg.Connection) -> Generator[list[TupleRow], None, None]:
    """Many rows of the outbox, in the order of their ids.

    One statement, so one snapshot: rows that commit while it is read can't put a later sequence in front. And no
    cursor of PostgreSQL's, so that it reads on while what came is sent.
    """
    rows = _cursor(connection).stream(_ROWS, (ROUND,), binary=True, size=CHUNK)
    try:
        while chunk := _next(rows):
            yield chunk
    finally:
        rows.close()  # type: ignore[attr-defined]


def _next(rows: Iterator[TupleRow]) -> list[TupleRow]:
    return list(islice(rows, CHUNK))


# By id and never beyond a gap: a row with an id in between may have been committed since.
_NOTE = """
WITH noted AS (
  INSERT INTO relay_sent (topic, partition, next_offset)
  SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[])
  ON CONFLICT (topic, partition) DO UPDATE SET next_offset = greatest(relay_sent.next_offset, excluded.next_offset)
)
DELETE FROM outbox USING unnest(%s::bigint[], %s::bigint[]) AS run (first, last) WHERE id BETWEEN first AND last
"""


def _note(connection: psycopg.Connection, batch: Batch) -> None:
    offsets = [(topic, partition, offset) for (topic, partition), offset in sorted(batch.next_offsets.items())]
    parameters = [[row[place] for row in offsets] for place in range(3)]
    parameters += [[run[place] for run in batch.runs] for place in range(2)]
    connection.execute(_NOTE, parameters)


def _plain(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else ""
