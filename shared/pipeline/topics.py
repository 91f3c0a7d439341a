"""The two topics of a service: its events, kept for ever, and its members' keys, compacted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

EVENTS = ".events"
KEYS = ".keys"
KEYS_PARTITIONS = 4
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.1
LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
"""What is said of a partition for a moment, as when its topic was just made: it is asked again."""

# An erased member's key must not linger: the closed segments are compacted within the hour.
_KEYS_CONFIG = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": "3600000",
    "segment.ms": "3600000",
    "min.cleanable.dirty.ratio": "0.01",
}
_EVENTS_CONFIG = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


def source_of(topic: str) -> str:
    """The service whose topic it is."""
    return topic.rpartition(".")[0]


def ensure(kafka: Mapping[str, str], service: str, *, partitions: int, replication: int) -> None:
    """Create the service's own topics where they are missing. Raises ``KafkaException`` when Kafka is away."""
    admin = AdminClient(dict(kafka))
    of_service = wanted(service, partitions=partitions, replication=replication)
    for future in admin.create_topics(of_service, request_timeout=TIMEOUT_SECONDS).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def wanted(service: str, *, partitions: int, replication: int) -> list[NewTopic]:
    """The service's own topics, as they are to be."""
    extra = {"min.insync.replicas": "2"} if replication > 2 else {}
    return [
        NewTopic(service + EVENTS, partitions, replication, config=_EVENTS_CONFIG | extra),
        NewTopic(service + KEYS, KEYS_PARTITIONS, replication, config=_KEYS_CONFIG | extra),
    ]


def partitions_of(admin: AdminClient, topic: str) -> list[int]:
    """The partitions of a topic; none when it doesn't exist (that block isn't installed)."""
    found = admin.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        if found.error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            return []
        raise KafkaException(found.error)
    return sorted(found.partitions)


def ends(admin: AdminClient, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """One beyond the newest offset of each partition, asked of Kafka now."""
    return _offsets(admin, topic, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def beginnings(admin: AdminClient, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The oldest offset of each partition."""
    return _offsets(admin, topic, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def _offsets(admin: AdminClient, topic: str, partitions: Iterable[int], spec: OffsetSpec) -> dict[int, int]:
    wanted = {TopicPartition(topic, p): spec for p in partitions}
    if not wanted:
        return {}
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        futures = admin.list_offsets(wanted, request_timeout=TIMEOUT_SECONDS)
        try:
            return {tp.partition: future.result().offset for tp, future in futures.items()}
        except KafkaException as error:
            if error.args[0].code() not in LEADERLESS or time.monotonic() > until:
                raise
        time.sleep(PAUSE_SECONDS)
