"""Brings a subscription along the log: polls Kafka, hands batches to ``receive``, waits out what passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.edge import health, metrics
from shared.edge.db import is_passing, may_repeat
from shared.edge.faults import FaultRaised
from shared.pipeline import keyreader, offsets, parking, told, topics
from shared.pipeline.attempt import Unsound
from shared.pipeline.incoming import Incoming, read
from shared.pipeline.offsets import Partition
from shared.pipeline.reading import LogTooShort, ReadTimedOut
from shared.pipeline.receive import Subscription, receive
from shared.pipeline.service import Service
from shared.pipeline.work import Work

log = structlog.get_logger(__name__)

MOST = 5_000
"""Messages of one transaction when there is a backlog."""
POLL_SECONDS = 0.5
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
LOOK_SECONDS = 5.0
SILENT_SECONDS = 30.0
"""After so long without a message it is asked whether there really is none."""
ABSENT = -1
"""Stands for a partition of a topic that doesn't exist yet."""

GUARANTEES: dict[str, str | bool] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # An offset outside the log is for a person to look at; resetting would repeat or lose in silence.
    "auto.offset.reset": "error",
    "allow.auto.create.topics": False,
}
TUNING: dict[str, str | int] = {
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
    "topic.metadata.refresh.interval.ms": 5_000,
    # Kafka answers at once when something comes; until then, each answer costs it and us for nothing.
    "fetch.wait.max.ms": 500,
    # Enough for some transactions. What one fetch brings comes on top, unpacked; and a full queue is looked at again
    # soon, not after a second in which it runs dry.
    "queued.max.messages.kbytes": 8_192,
    "fetch.max.bytes": 2_000_000,
    "fetch.queue.backoff.ms": 20,
    "partition.assignment.strategy": "range",
}
_AWAY = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._RESOLVE)
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


class Stopped(Exception):
    """A person has to look before this subscription may go on. The text says why."""


class SubscriptionConsumer:
    """One subscription in one process. Several processes share its partitions as a Kafka group."""

    def __init__(
        self, service: Service, subscription: Subscription, sources: Sequence[str], stop: threading.Event
    ) -> None:
        self._service = service
        self._subscription = subscription
        self._name = subscription.name
        self._topics = [source + topics.EVENTS for source in sources]
        self._stop = stop
        self._next: dict[Partition, int] = {}
        self._activations: Mapping[Partition, int] = {}
        self._keys = keyreader.KeysAhead(service)
        self._generation = 0
        self._look_due = 0.0
        self._silent_since = time.monotonic()
        self._joining = True
        """Whether it has yet to hear which partitions it is given."""

    def begin(self) -> None:
        """Note where the log ends now, if that wasn't noted before: until there nothing is derived (see due)."""
        self._note_absent_topics()
        admin = AdminClient(dict(self._service.kafka))
        ends = self._log_ends([(topic, p) for topic in self._topics for p in topics.partitions_of(admin, topic)])
        self._service.transact(self._service.itself, lambda work: self._begin(work, ends))

    def run(self) -> None:
        """Consume until ``stop`` is set. Raises ``Stopped``."""
        while not self._stop.is_set():
            try:
                self._session()
            except (parking.TooManyParked, LogTooShort) as error:
                raise Stopped(str(error)) from error
            except Exception as error:
                if not _passes_by_itself(error):
                    raise
                log.warning("consumer.begins_again", subscription=self._name, error=type(error).__name__)
                self._stop.wait(1.0)

    def _session(self) -> None:
        self._note_absent_topics()
        group = {"group.id": f"{self._service.name}.{self._name}"}
        self._joining, self._silent_since = True, time.monotonic()
        consumer = Consumer({**TUNING, **self._service.kafka, **GUARANTEES, **group})
        try:
            consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked)
            while not self._stop.is_set():
                self._turn(consumer)
        finally:
            self._next = {}
            consumer.close()

    def _turn(self, consumer: Consumer) -> None:
        health.alive()
        first = consumer.poll(POLL_SECONDS)
        messages = self._sound([first] if first is not None else [])
        if messages:
            messages += self._sound(consumer.consume(MOST - 1, 0))
            self._take(consumer, [read(m) for m in messages])
            self._silent_since = time.monotonic()
        self._look_around(consumer)

    def _sound(self, polled: Sequence[Message]) -> list[Message]:
        sound = []
        for message in polled:
            error = message.error()
            if error is None:
                sound.append(message)
            else:
                self._explain(error)
        return sound

    def _explain(self, error: KafkaError) -> None:
        if error.code() in (*_NO_TOPIC, *_AWAY) or error.retriable():
            log.debug("consumer.waits", subscription=self._name, why=error.name())
            return
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise Stopped(f"an offset lies outside of the log ({error.str()}); see the command 'recover'")
        log.warning("consumer.kafka_error", subscription=self._name, error=error.name())
        if error.fatal():
            raise KafkaException(error)

    def _take(self, consumer: Consumer, incoming: list[Incoming]) -> None:
        """Receive one batch, however often it takes; give it up when the partitions are another process's."""
        generation, tries = self._generation, 0
        while not self._stop.is_set() and generation == self._generation:
            fresh = [m for m in incoming if m.offset >= self._next.get(m.stands, 0) and m.stands in self._next]
            if not fresh:
                return
            try:
                self._once(fresh)
                return
            except offsets.Fenced:
                log.info("consumer.fenced", subscription=self._name)
                self._assigned(consumer, consumer.assignment())
                return
            except Exception as error:
                if not _passes_by_itself(error):
                    raise
                why = type(error).__name__
            log.warning("consumer.retries", subscription=self._name, error=why)
            metrics.CONSUMER_RETRIES.labels(self._name).inc()
            self._wait(consumer, BACKOFF_SECONDS[min(tries, len(BACKOFF_SECONDS) - 1)])
            tries += 1

    def _once(self, fresh: Sequence[Incoming]) -> None:
        self._keys.ensure(fresh)
        expected = {m.stands: self._next[m.stands] for m in fresh}
        try:
            self._receive(fresh, expected, careful=False)
        except Unsound:
            self._receive(fresh, expected, careful=True)
        told.newest(self._name, fresh)
        for message in fresh:
            self._next[message.stands] = max(self._next[message.stands], message.offset + 1)

    def _receive(self, fresh: Sequence[Incoming], expected: Mapping[Partition, int], *, careful: bool) -> None:
        events = self._service.transact(
            self._service.itself,
            lambda work: receive(work, self._subscription, fresh, expected, self._activations, careful=careful),
            point="consumer.commit",
        )
        told.heard(self._subscription, events)

    def _wait(self, consumer: Consumer, seconds: float) -> None:
        # Paused and polling, so that the group keeps this member and a rebalance is still heard of.
        generation, until = self._generation, time.monotonic() + seconds
        consumer.pause(consumer.assignment())
        health.alive()
        while generation == self._generation and (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            message = consumer.poll(left)
            if message is not None and self._sound([message]):
                # It came with a rebalance, of a partition that isn't paused, and must be read again.
                self._assigned(consumer, consumer.assignment())
        consumer.resume(consumer.assignment())

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Read on from the offsets in PostgreSQL, which must lie inside the log."""
        self._generation += 1
        self._joining = False
        places = [(tp.topic, tp.partition) for tp in partitions]
        ends = self._log_ends(places)
        self._keys.seen(ends)
        known = self._service.transact(self._service.itself, lambda work: self._begin(work, ends))
        for (topic, partition), end in ends.items():
            if known[topic, partition] > end:
                raise LogTooShort(topic, partition, known[topic, partition], end)
        self._next = {place: known[place] for place in places}
        consumer.assign([TopicPartition(topic, p, self._next[topic, p]) for topic, p in places])
        # A partition that was paused before a rebalance may still be.
        consumer.resume(consumer.assignment())
        log.info("consumer.assigned", subscription=self._name, partitions=len(places))

    def _revoked(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._generation += 1
        self._next = {}
        self._joining, self._silent_since = True, time.monotonic()

    def _begin(self, work: Work, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        known = offsets.read(work.session, self._name)
        absent = {topic for topic, partition in known if partition == ABSENT}
        new = {place: end for place, end in ends.items() if place not in known}
        offsets.start(work.session, self._name, {p: e for p, e in new.items() if p[0] not in absent}, history=True)
        offsets.start(work.session, self._name, {p: e for p, e in new.items() if p[0] in absent}, history=False)
        self._activations = offsets.activations(work.session, self._name)
        return offsets.read(work.session, self._name)

    def _log_ends(self, places: Sequence[Partition]) -> dict[Partition, int]:
        admin = AdminClient(dict(self._service.kafka))
        found: dict[Partition, int] = {}
        for topic in sorted({topic for topic, _ in places}):
            ends = topics.ends(admin, topic, [partition for of, partition in places if of == topic])
            found |= {(topic, partition): end for partition, end in ends.items()}
        return found

    def _note_absent_topics(self) -> None:
        """Remember which blocks aren't there yet: when one comes, what it says is news and not history."""
        admin = AdminClient(dict(self._service.kafka))
        absent = {(topic, ABSENT): 0 for topic in self._topics if not topics.partitions_of(admin, topic)}
        self._service.transact(
            self._service.itself,
            lambda work: offsets.start(work.session, self._name, _unmet(work, self._name, absent), history=False),
        )

    def _look_around(self, consumer: Consumer) -> None:
        """From time to time: were the offsets moved (a rebuild, a recovery), and how far is it to the end?"""
        if time.monotonic() < self._look_due:
            return
        self._look_due = time.monotonic() + LOOK_SECONDS
        if self._were_moved():
            self._assigned(consumer, consumer.assignment())
        self._doubt_silence()
        self._measure(consumer)

    def _doubt_silence(self) -> None:
        """Raises ``ReadTimedOut`` when the log goes on but nothing comes, or the group gives no word of who reads what:
        a new session is the cure."""
        if time.monotonic() - self._silent_since < SILENT_SECONDS:
            return
        self._silent_since = time.monotonic()
        if self._joining:
            raise ReadTimedOut(f"no word of partitions for {SILENT_SECONDS} s")
        if any(end > self._next.get(place, end) for place, end in self._log_ends(list(self._next)).items()):
            raise ReadTimedOut(f"no message for {SILENT_SECONDS} s, though there are some")

    def _were_moved(self) -> bool:
        try:
            with Session(self._service.engine) as session:
                stored = offsets.read(session, self._name)
        except SQLAlchemyError as error:
            log.debug("consumer.unlooked", subscription=self._name, error=type(error).__name__)
            return False
        return any(stored.get(place) != offset for place, offset in self._next.items())

    def _measure(self, consumer: Consumer) -> None:
        lag = {topics.source_of(topic): 0 for topic in self._topics}
        for (topic, partition), offset in self._next.items():
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            lag[topics.source_of(topic)] += max(0, end - offset)
        for source, events in lag.items():
            metrics.CONSUMER_LAG.labels(self._name, source).set(events)


def _unmet(work: Work, name: str, absent: Mapping[Partition, int]) -> dict[Partition, int]:
    met = {topic for topic, _ in offsets.read(work.session, name)}
    return {place: offset for place, offset in absent.items() if place[0] not in met}


def _passes_by_itself(error: Exception) -> bool:
    return isinstance(error, FaultRaised | ReadTimedOut | KafkaException) or is_passing(error) or may_repeat(error)
