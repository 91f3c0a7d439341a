"""What the relay sends by, and what it hears of that."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from shared.pipeline import topics
from shared.pipeline.service import Service

SLICE_SECONDS = 1.0
"""How long to wait for Kafka before showing life to PostgreSQL."""

TUNING: dict[str, str | int] = {
    "compression.type": "lz4",
    # Not waited for where a round ends: a flush sends at once.
    "linger.ms": 20,
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


class Batch:
    """Rows that are sent, acknowledged and removed together."""

    def __init__(self) -> None:
        self.rows = 0
        self.runs: list[tuple[int, int]] = []
        """Their ids, as first and last of runs without a gap."""
        self.next_offsets: dict[tuple[str, int], int] = {}
        """One beyond the highest acknowledged offset, by topic and partition."""
        self.had_before = False
        """Whether Kafka had something of it already: librdkafka sent it again for want of an answer, and gets no offset
        for it, or counts on from none."""
        self.failures: list[KafkaError] = []

    def add(self, ids: list[int]) -> None:
        self.rows += len(ids)
        self.runs += _runs(ids)

    def heard(self, error: KafkaError | None, message: Message) -> None:
        """A delivery report."""
        if error is not None:
            self.failures.append(error)
            return
        place, offset = (message.topic() or "", message.partition() or 0), message.offset()
        if offset is None:
            self.had_before = True
        else:
            self.next_offsets[place] = max(self.next_offsets.get(place, 0), offset + 1)


class Lines:
    """The two ways to Kafka of a leader. What is sent by one is acknowledged before the other is used."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = {**TUNING, **service.kafka, **GUARANTEES}
        self.live = Producer(self._settings)
        """Reports each message with its offset."""
        self._bulk: Producer | None = None

    @property
    def bulk(self) -> Producer:
        """Reports failures alone, as a report of each message takes as long as its sending."""
        if self._bulk is None:
            self._bulk = Producer({**self._settings, "delivery.report.only.error": True})
            self._admin = AdminClient(dict(self._service.kafka))
            names = (self._service.events_topic, self._service.keys_topic)
            self._partitions = {topic: topics.partitions_of(self._admin, topic) for topic in names}
        return self._bulk

    def ends(self) -> dict[tuple[str, int], int]:
        """Where the log ends now. For when all that the bulk sent is acknowledged: no report told an offset."""
        found = {topic: topics.ends(self._admin, topic, of) for topic, of in self._partitions.items()}
        return {(topic, partition): end for topic, ends in found.items() for partition, end in ends.items()}

    def close(self) -> None:
        """Send nothing more: what a lost leader has queued has been, or will be, sent by the next one."""
        for producer in filter(None, (self.live, self._bulk)):
            producer.purge()
            producer.flush(SLICE_SECONDS)


def _runs(ids: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run without a gap, of ids in order; one run may come in parts."""
    if ids[-1] - ids[0] == len(ids) - 1:
        yield ids[0], ids[-1]
    else:
        middle = len(ids) // 2
        yield from _runs(ids[:middle])
        yield from _runs(ids[middle:])
