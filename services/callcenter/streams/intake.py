"""A part of the worker: reads signals, and takes each into the database once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from services.callcenter.streams import handlers
from services.callcenter.streams.messages import TOPIC, decode
from shared.edge import health
from shared.edge.db import is_passing, may_repeat
from shared.edge.faults import FaultRaised
from shared.pipeline import offsets, topics
from shared.pipeline.consumer import GUARANTEES
from shared.pipeline.offsets import Partition
from shared.pipeline.service import Service
from shared.pipeline.work import Work

log = structlog.get_logger(__name__)

SUBSCRIPTION = "signals"
MOST = 500
POLL_SECONDS = 0.5
PAUSE_SECONDS = 2.0


class Intake:
    """Takes signals in until ``stop`` is set. Where it is stands in PostgreSQL, in the transaction that has the
    effect: so of several processes that read the same, one has it."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        self._service = service
        self._stop = stop
        self._next: dict[Partition, int] = {}

    def run(self) -> None:
        while not self._stop.is_set():
            health.alive()
            try:
                self._session()
            except Exception as error:
                if not _passes_by_itself(error):
                    raise
                log.info("signals.wait", why=type(error).__name__)
                self._stop.wait(PAUSE_SECONDS)

    def _session(self) -> None:
        begins, ends = self._log()
        if not ends:
            # Nobody streams yet.
            self._stop.wait(PAUSE_SECONDS)
            return
        self._next = self._service.transact(
            self._service.itself, lambda work: _begin(work, begins, ends), point="signal.commit"
        )
        consumer = Consumer({**self._service.kafka, **GUARANTEES, "group.id": f"{self._service.name}.{SUBSCRIPTION}"})
        try:
            consumer.assign([TopicPartition(topic, p, offset) for (topic, p), offset in self._next.items()])
            while not self._stop.is_set():
                health.alive()
                if messages := consumer.consume(MOST, POLL_SECONDS):
                    self.take(messages)
        finally:
            consumer.close()

    def _log(self) -> tuple[dict[int, int], dict[int, int]]:
        admin = AdminClient(dict(self._service.kafka))
        partitions = topics.partitions_of(admin, TOPIC)
        return topics.beginnings(admin, TOPIC, partitions), topics.ends(admin, TOPIC, partitions)

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages in, once. Raises ``offsets.Fenced`` when another process had them."""
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
        beyond = {(TOPIC, m.partition() or 0): (m.offset() or 0) + 1 for m in messages}
        expected = {place: self._next[place] for place in beyond}
        values = [value for m in messages if isinstance(value := m.value(), bytes)]
        signals = [signal for value in values if (signal := decode(value)) is not None]

        def body(work: Work) -> None:
            offsets.advance(work.session, SUBSCRIPTION, expected, beyond)
            handlers.take(work, signals)

        self._service.transact(self._service.itself, body, point="signal.commit")
        self._next |= beyond


def _begin(work: Work, begins: dict[int, int], ends: dict[int, int]) -> dict[Partition, int]:
    """Where to read on. What was kept no longer, or went with the topic, is of the past: then from what there is."""
    places = {(TOPIC, partition): end for partition, end in ends.items()}
    offsets.start(work.session, SUBSCRIPTION, dict.fromkeys(places, 0), history=False)
    known = offsets.read(work.session, SUBSCRIPTION)
    outside = {
        (SUBSCRIPTION, topic, p): begins[p] for topic, p in places if not begins[p] <= known[topic, p] <= ends[p]
    }
    offsets.move(work.session, outside)
    return offsets.read(work.session, SUBSCRIPTION)


def _passes_by_itself(error: Exception) -> bool:
    return isinstance(error, offsets.Fenced | FaultRaised | KafkaException) or is_passing(error) or may_repeat(error)
