"""Keeps this service's copy of the other services' keys up to date: reads their keys topics to the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import Message
from sqlalchemy.orm import Session

from shared.events.envelope import UUID_TEXT
from shared.events.facts import FACT_TYPES
from shared.pipeline import offsets
from shared.pipeline.incoming import Incoming
from shared.pipeline.keys import KeyRecord, parse_record, store, without_key
from shared.pipeline.offsets import Partition
from shared.pipeline.reading import stretch
from shared.pipeline.service import Service
from shared.pipeline.topics import KEYS, source_of
from shared.pipeline.work import Work

SUBSCRIPTION = "keys"
MOST_REMEMBERED = 50_000


class KeysAhead:
    """Sees to it that a consumer has the keys of what it is about to handle, without asking for each of a long past:
    once a keys topic is read to its end, it has told the keys of all events that were in the log before that."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._looking = service.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._ends: dict[Partition, int] = {}
        self._told: dict[Partition, int] = {}
        """The keys of what lies before these offsets were read."""
        self._known: set[tuple[str, str]] = set()

    def seen(self, ends: Mapping[Partition, int]) -> None:
        """The log of events reaches up to here, at least."""
        self._ends |= ends

    def ensure(self, incoming: Iterable[Incoming]) -> None:
        """Read keys topics where the key of one of these messages isn't known yet."""
        beyond = (m for m in incoming if m.offset >= self._told.get(m.stands, 0) and _may_be_sealed(m))
        if not (places := {m.place for m in beyond} - self._known):
            return
        # A look, not a transaction: beginning and ending one would take longer.
        with Session(self._looking) as session:
            unknown = without_key(session, places)
        if unknown:
            self._read(sorted({source for source, _ in unknown}))
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        # Those that are still unknown are looked for again, as their keys may yet come.
        self._known |= places - set(unknown)

    def _read(self, sources: Sequence[str]) -> None:
        told = {place: end for place, end in self._ends.items() if source_of(place[0]) in sources}
        catch_up(self._service, sources)
        self._told |= told


def _may_be_sealed(message: Incoming) -> bool:
    if message.envelope is None or not message.stream.startswith("customer/"):
        return False
    known = FACT_TYPES.get(message.envelope.type)
    return known is None or bool(known.personal)


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
