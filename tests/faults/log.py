"""The log as it stands in Kafka, read by nothing of the product."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.pipeline import topics

READ_SECONDS = 20.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Told:
    """One event."""

    stream: str
    sequence: int
    id: str
    type: str
    time: datetime
    data: dict[str, Any]

    @property
    def member(self) -> str:
        return self.stream.removeprefix("customer/")


def read(kafka: dict[str, str], service: str) -> list[Told]:
    """All events of a service, each once, those of a stream in their order.

    Asserts that no stream has a gap or a fork."""
    topic = service + topics.EVENTS
    admin = AdminClient(dict(kafka))
    ends = topics.ends(admin, topic, topics.partitions_of(admin, topic))
    consumer = Consumer({**kafka, "group.id": "reader", "enable.auto.commit": False})
    found: dict[tuple[str, int], Told] = {}
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        until = time.monotonic() + READ_SECONDS
        while any(end > 0 for end in ends.values()):
            assert time.monotonic() < until, f"the log of {service} can't be read to its end: {ends}"
            for message in consumer.consume(1_000, POLL_SECONDS):
                assert message.error() is None, message.error()
                told = _told(message.value())
                same = found.setdefault((told.stream, told.sequence), told)
                assert same.id == told.id, f"{told.stream} has two events {told.sequence}: {same} and {told}"
                if (message.offset() or 0) + 1 >= ends[message.partition() or 0]:
                    ends[message.partition() or 0] = 0
    finally:
        consumer.close()
    events = [found[place] for place in sorted(found)]
    for before, event in zip([None, *events], events, strict=False):
        first = before is None or before.stream != event.stream
        assert event.sequence == (1 if before is None or first else before.sequence + 1), f"a gap before {event}"
    return events


def _told(value: Any) -> Told:
    event = json.loads(value)
    at = datetime.fromisoformat(event["time"])
    return Told(event["subject"], int(event["sequence"]), event["id"], event["type"], at, event["data"])
