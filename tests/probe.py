"""A publishing service and a hearing service, as small as they can be, to try the pipeline with."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Column, Identity, Integer, MetaData, Table, Text, select, text
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event, new_id
from shared.pipeline import tables, topics
from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.receive import Subscription
from shared.pipeline.relay import Relay
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import EVERYTHING, Slice
from shared.pipeline.work import Work
from tests.servers import KafkaServer, PostgresServer

KEKS = KeyEncryptionKeys.from_text("test:" + base64.b64encode(bytes(range(32))).decode())
ANNA = Actor("anna", "Anna", frozenset({"agent"}))

metadata = MetaData()
seen = Table(
    "seen",
    metadata,
    Column("place", Integer, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("note", Text, nullable=False),
)


def until(what: Callable[[], bool], seconds: float = 20.0, why: str = "it didn't happen in time") -> None:
    """Wait for a condition, and fail with ``why`` when it doesn't come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.01)


def make_service(kafka: KafkaServer, url: str, name: str) -> Service:
    """A service of this name with the pipeline's tables, and its topics."""
    engine = connect(url, name=name)
    tables.metadata.create_all(engine)
    metadata.create_all(engine)
    settings = kafka.client
    topics.ensure(settings, name, partitions=3, replication=1)
    return Service(name, engine, settings, KEKS, system_clock, Wakeup(url))


def unique(name: str) -> str:
    return f"{name}{uuid.uuid4().hex[:8]}"


def new_member() -> str:
    return str(uuid.uuid4())


def wrapped_up(note: str = "") -> ContactWrappedUp:
    return ContactWrappedUp(contact=new_id(), agent="anna", reason="billing", outcome="solved", note=note)


def publish(service: Service, *stream_notes: tuple[str, str]) -> None:
    """Publish a contact with this note for each (member, note), in one transaction."""

    def body(work: Work) -> None:
        for member, note in stream_notes:
            work.publish(f"customer/{member}", wrapped_up(note))

    service.transact(ANNA, body)


def record(work: Work, events: Sequence[Event]) -> None:
    """The hearing service's handler: one row an event."""
    rows = [
        {
            "source": e.source,
            "stream": e.stream,
            "sequence": e.sequence,
            "event_id": e.id,
            "note": e.fact.note if isinstance(e.fact, ContactWrappedUp) else e.type,
        }
        for e in events
    ]
    work.session.execute(seen.insert(), rows)


RECORD = Slice("record", {EVERYTHING: record, "contact.wrapped_up": record}, derived=(seen,))


@dataclass
class Pair:
    """A publisher and a hearer, and the threads that run for them."""

    publisher: Service
    hearer: Service
    slices: tuple[Slice, ...] = (RECORD,)
    share: float = 0.5
    failures: list[BaseException] = field(default_factory=list)

    @property
    def subscription(self) -> Subscription:
        return Subscription("main", self.slices, self.hearer.keks, self.share)

    @contextmanager
    def relaying(self) -> Iterator[None]:
        with self.running(lambda stop: Relay(self.publisher, stop).run()):
            yield

    @contextmanager
    def consuming(self) -> Iterator[None]:
        with self.running(self._consumer):
            yield

    def _consumer(self, stop: threading.Event) -> None:
        SubscriptionConsumer(self.hearer, self.subscription, [self.publisher.name], stop).run()

    @contextmanager
    def running(self, part: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
        """Run a part until the context ends, or the event that it gives is set; what it raises is kept."""
        stop = threading.Event()

        def guarded() -> None:
            try:
                part(stop)
            except BaseException as error:
                self.failures.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive(), "it didn't stop"

    def rows(self) -> list[tuple[str, int, str]]:
        """What was heard: (stream, sequence, note) in the order of the handling."""
        with Session(self.hearer.engine) as session:
            found = session.execute(select(seen.c.stream, seen.c.sequence, seen.c.note).order_by(seen.c.place))
            return [(stream, sequence, note) for stream, sequence, note in found]

    def heard(self, count: int, seconds: float = 20.0) -> list[tuple[str, int, str]]:
        """What was heard once there are ``count`` rows. Fails when more come, or not so many."""
        until(lambda: len(self.rows()) >= count or bool(self.failures), seconds, f"not {count} events in time")
        assert not self.failures, self.failures
        rows = self.rows()
        assert len(rows) == count
        return rows

    def unsent(self) -> int:
        return int(self.scalar(self.publisher, "SELECT count(*) FROM outbox"))

    def scalar(self, service: Service, statement: str) -> int:
        with Session(service.engine) as session:
            return int(session.execute(text(statement)).scalar_one())

    def close(self) -> None:
        for service in (self.publisher, self.hearer):
            service.wakeup.close()
            service.engine.dispose()


def make_pair(kafka: KafkaServer, postgres: PostgresServer, slices: tuple[Slice, ...] = (RECORD,)) -> Pair:
    """Two fresh services."""
    publisher = make_service(kafka, postgres.database("publisher"), unique("publisher"))
    return Pair(publisher, make_service(kafka, postgres.database("hearer"), unique("hearer")), slices)
