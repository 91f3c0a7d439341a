"""Reads a stretch of a topic, from given offsets to the ends that it has now. For keys and for recovery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.pipeline import topics

BATCH = 5_000
QUIET_SECONDS = 10.0

READER = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": False,
    "fetch.wait.max.ms": 20,
    # As for consumers: little ahead, and again as soon as there is room.
    "queued.max.messages.kbytes": 8_192,
    "fetch.max.bytes": 2_000_000,
    "fetch.queue.backoff.ms": 20,
    "allow.auto.create.topics": False,
}


class LogTooShort(Exception):
    """The topic ends before an offset that was acknowledged here: Kafka lost what had been written."""

    def __init__(self, topic: str, partition: int, expected: int, end: int) -> None:
        super().__init__(f"{topic}[{partition}] ends at {end}, but {expected} had been reached here")
        self.topic, self.partition, self.expected, self.end = topic, partition, expected, end


class ReadTimedOut(Exception):
    """Kafka gave nothing for a while though there is more to read."""


def stretch(kafka: Mapping[str, str], topic: str, start: Mapping[int, int]) -> Iterator[list[Message]]:
    """Messages of ``topic`` in batches, from ``start`` (offset by partition, 0 if missing) to the present end.

    Gives nothing for a topic that doesn't exist. Raises ``LogTooShort`` where a start lies beyond the end.
    """
    admin = AdminClient(dict(kafka))
    partitions = topics.partitions_of(admin, topic)
    ends = topics.ends(admin, topic, partitions)
    begins = topics.beginnings(admin, topic, partitions)
    for partition, end in ends.items():
        if start.get(partition, 0) > end:
            raise LogTooShort(topic, partition, start[partition], end)
    todo = {p: (max(start.get(p, 0), begins[p]), end) for p, end in ends.items()}
    todo = {p: (first, end) for p, (first, end) in todo.items() if first < end}
    if not todo:
        return
    consumer = Consumer({**kafka, **READER, "group.id": "reader"})
    try:
        consumer.assign([TopicPartition(topic, p, first) for p, (first, _) in todo.items()])
        yield from _until(consumer, {p: end for p, (_, end) in todo.items()})
    finally:
        consumer.close()


def _until(consumer: Consumer, ends: dict[int, int]) -> Iterator[list[Message]]:
    left = set(ends)
    while left:
        batch = consumer.consume(BATCH, 0.05) or consumer.consume(1, QUIET_SECONDS)
        if not batch:
            left -= _passed(consumer, ends)
            if left:
                raise ReadTimedOut(f"no message for {QUIET_SECONDS} s with {len(left)} partitions unread")
            return
        for message in batch:
            if message.error() is not None:
                raise KafkaException(message.error())
        yield [m for m in batch if (m.offset() or 0) < ends[m.partition() or 0]]
        left -= _passed(consumer, ends)


def _passed(consumer: Consumer, ends: dict[int, int]) -> set[int]:
    # By position and not by the last message: compaction leaves no message at an end.
    return {tp.partition for tp in consumer.position(consumer.assignment()) if tp.offset >= ends[tp.partition]}
