"""A message as it came from Kafka, and what could be read of it."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import Message

from shared.events.envelope import Envelope, Malformed, parse
from shared.pipeline.offsets import Partition
from shared.pipeline.topics import source_of


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message: where it stood, and its envelope, or why it has none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    source: str
    stream: str
    """From the key, so that even an unreadable message has its place in an order."""
    envelope: Envelope | None
    fault: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.source, self.stream

    @property
    def stands(self) -> Partition:
        return self.topic, self.partition


def read(message: Message) -> Incoming:
    """What a message says. Never raises: what can't be read has no envelope and a reason."""
    return of(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        _bytes(message.key()),
        _bytes(message.value()),
    )


def of(topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None) -> Incoming:
    """The same from its parts, as they are kept of a parked message."""
    source = source_of(topic)
    try:
        stream = key.decode() if key else ""
    except UnicodeDecodeError:
        stream = ""
    if not stream or "\x00" in stream or len(stream) > 200:
        stream = f"unreadable/{topic}-{partition}"
        return Incoming(topic, partition, offset, key, value, source, stream, None, "the message's key names no stream")
    try:
        envelope = parse(value, source=source, stream=stream)
    except Malformed as error:
        return Incoming(topic, partition, offset, key, value, source, stream, None, str(error))
    return Incoming(topic, partition, offset, key, value, source, stream, envelope)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
