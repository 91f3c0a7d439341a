"""Keeps this service's copy of the other services' keys up to date: reads their keys topics to the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from confluent_kafka import Message
from sqlalchemy.orm import Session

from shared.events.envelope import UUID_TEXT
from shared.pipeline import offsets
from shared.pipeline.keys import KeyRecord, parse_record, store
from shared.pipeline.reading import stretch
from shared.pipeline.service import Service
from shared.pipeline.topics import KEYS
from shared.pipeline.work import Work

SUBSCRIPTION = "keys"


def catch_up(service: Service, sources: Iterable[str]) -> None:
    """Read the keys topics of these services to their present ends.

    A publisher has a key acknowledged before the first event that needs it, so whoever holds an event and calls
    this afterwards has its key, or knows that its member is erased.
    """
    for source in sources:
        while not _read_to_end(service, source):
            pass


def _read_to_end(service: Service, source: str) -> bool:
    """Whether the end was reached; not when another process of this service was at it too."""
    topic = source + KEYS
    with Session(service.engine) as session:
        known = offsets.read(session, SUBSCRIPTION)
    start = {partition: offset for (of, partition), offset in known.items() if of == topic}
    for batch in stretch(service.kafka, topic, start):
        try:
            service.transact(service.itself, partial(_take, source, batch, start), point="keys.commit")
        except offsets.Fenced:
            return False
        for message in batch:
            start[message.partition() or 0] = (message.offset() or 0) + 1
    return True


def _take(source: str, batch: Sequence[Message], start: dict[int, int], work: Work) -> None:
    topic = source + KEYS
    new: dict[offsets.Partition, int] = {}
    records: dict[tuple[str, str], KeyRecord] = {}
    for message in batch:
        new[topic, message.partition() or 0] = (message.offset() or 0) + 1
        member, key_id = _name(message)
        if member:
            records[member, key_id] = parse_record(_value(message))
    offsets.start(work.session, SUBSCRIPTION, dict.fromkeys(new, 0), history=False)
    expected = {place: start.get(place[1], 0) for place in new}
    offsets.advance(work.session, SUBSCRIPTION, expected, new)
    store(work, source, {name: record for name, record in records.items() if record.wrapped or record.erased})


def _name(message: Message) -> tuple[str, str]:
    key = message.key()
    text = key.decode("ascii", "replace") if isinstance(key, bytes) else key or ""
    member, _, key_id = text.partition("/")
    return (member, key_id) if UUID_TEXT.fullmatch(member) and key_id.isprintable() and key_id else ("", "")


def _value(message: Message) -> bytes | None:
    value = message.value()
    return value.encode() if isinstance(value, str) else value
