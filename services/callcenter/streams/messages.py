"""What the streams' process says on ``callcenter.signals``: JSON, kept for a day."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from services.callcenter.streams.rules import Minute, Queue, Window
from shared.events.facts import Instant
from shared.pipeline.topics import TIMEOUT_SECONDS

TOPIC = "callcenter.signals"
CONFIG = {"cleanup.policy": "delete", "retention.ms": str(24 * 3_600_000)}


class WindowsSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="windows"):
    """What the live windows show."""

    at: Instant
    windows: tuple[Window, ...]
    queues: tuple[Queue, ...] = ()
    minutes: tuple[Minute, ...] = ()
    """Of the longest window, the oldest first."""


class BurstSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="burst"):
    """So many cases of one product in one place came at once. Said again with each further case."""

    at: Instant
    product: str
    place: str
    since: Instant
    """When the first of the cases was opened."""
    cases: tuple[str, ...]
    """The first one first."""


Signal = WindowsSeen | BurstSeen
_decoder: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


def encode(signal: Signal) -> bytes:
    return msgspec.json.encode(signal)


def decode(message: bytes) -> Signal | None:
    """The signal; none for what this release can't read: it is of the moment, so it is passed over."""
    try:
        return _decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def ensure_topic(kafka: Mapping[str, str], replication: int) -> None:
    """Create the topic where it is missing: one partition, as signals are few. Raises ``KafkaException``."""
    admin = AdminClient(dict(kafka))
    wanted = NewTopic(TOPIC, 1, replication, config=CONFIG)
    for future in admin.create_topics([wanted], request_timeout=TIMEOUT_SECONDS).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
