"""A message as it came from Kafka, and what could be read of it."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from confluent_kafka import Message

from shared.events.envelope import Envelope, Malformed, parse
from shared.pipeline.offsets import Partition
from shared.pipeline.topics import source_of


class Incoming(msgspec.Struct, frozen=True, gc=False):
    """One message: where it stood, and its envelope, or why it has none."""

    stands: Partition
    offset: int
    place: tuple[str, str]
    """(source, stream), the stream from the key, so that even an unreadable message has its place in an order."""
    key: bytes | None
    value: bytes | None
    envelope: Envelope | None
    fault: str = ""

    @property
    def topic(self) -> str:
        return self.stands[0]

    @property
    def partition(self) -> int:
        return self.stands[1]

    @property
    def source(self) -> str:
        return self.place[0]

    @property
    def stream(self) -> str:
        return self.place[1]


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
    stands, source = (topic, partition), _source_of(topic)
    try:
        stream = key.decode() if key else ""
    except UnicodeDecodeError:
        stream = ""
    if not stream or "\x00" in stream or len(stream) > 200:
        place = (source, f"unreadable/{topic}-{partition}")
        return Incoming(stands, offset, place, key, value, None, "the message's key names no stream")
    place = (source, stream)
    try:
        return Incoming(stands, offset, place, key, value, parse(value, source=source, stream=stream))
    except Malformed as error:
        return Incoming(stands, offset, place, key, value, None, str(error))


_source_of = lru_cache(source_of)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
