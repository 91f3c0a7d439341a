"""What a service said of its audit log's chain in its own log of events, where its database's owner can't change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from shared.events.heads import HeadsReported
from shared.pipeline import topics
from shared.pipeline.incoming import read
from shared.pipeline.reading import stretch
from shared.pipeline.service import Service

FIRST_WINDOW = 1_000
GROWS = 8


class Anchor(NamedTuple):
    """A position of the chain and the hash (in hexadecimal) that it had when the heads were reported."""

    pos: int
    hash: str
    at: datetime


def every(service: Service) -> Iterator[Anchor]:
    """All anchors, by reading the whole log of this service."""
    for batch in stretch(service.kafka, service.events_topic, {}):
        yield from _in(service, batch)


def last(service: Service) -> Anchor | None:
    """The newest anchor; reads backwards from the log's end, further and further until there is one."""
    admin = AdminClient(dict(service.kafka))
    partitions = topics.partitions_of(admin, service.events_topic)
    begins = topics.beginnings(admin, service.events_topic, partitions)
    ends = topics.ends(admin, service.events_topic, partitions)
    window = FIRST_WINDOW
    while True:
        start = {p: max(begins[p], ends[p] - window) for p in partitions}
        found = [
            anchor for batch in stretch(service.kafka, service.events_topic, start) for anchor in _in(service, batch)
        ]
        if found or _is_all(start, begins):
            return max(found, default=None)
        window *= GROWS


def _is_all(start: Mapping[int, int], begins: Mapping[int, int]) -> bool:
    return all(begins[p] == offset for p, offset in start.items())


def _in(service: Service, batch: Iterable[Message]) -> Iterator[Anchor]:
    key = f"service/{service.name}".encode()
    for message in batch:
        if message.key() != key:
            continue
        envelope = read(message).envelope
        if envelope is not None and envelope.type == "heads.reported":
            fact = msgspec.json.decode(bytes(envelope.data), type=HeadsReported)
            if fact.audited:
                yield Anchor(fact.audited, fact.audit_hash, envelope.time)
