"""A log in memory: hands the hearer what the publisher committed, or anything else, message by message.

For what doesn't depend on Kafka, and wants to choose how a log looks and where its batches end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event, message
from shared.pipeline import keys, offsets
from shared.pipeline.attempt import Unsound
from shared.pipeline.incoming import Incoming, of
from shared.pipeline.parking import Parked, listed
from shared.pipeline.positions import Place
from shared.pipeline.receive import Subscription, receive, redrive, skip
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import EVERYTHING, Handler, Slice
from shared.pipeline.tables import outbox
from shared.pipeline.work import Work
from tests.probe import ANNA, Pair, publish, record

Message = tuple[bytes | None, bytes | None]
"""Key and value."""

PARTITION = 0


@dataclass
class Feed:
    """The only partition of the publisher's topic, as the hearer's subscription comes along it."""

    pair: Pair
    slices: tuple[Slice, ...]
    share: float = 0.5
    name: str = "main"
    next: int = 0
    activation: int = 0
    known_keys: dict[tuple[str, str], keys.KeyRecord] = field(default_factory=dict)

    @property
    def hearer(self) -> Service:
        return self.pair.hearer

    @property
    def topic(self) -> str:
        return self.pair.publisher.events_topic

    @property
    def subscription(self) -> Subscription:
        return Subscription(self.name, self.slices, self.hearer.keks, self.share)

    def place(self, member: str) -> Place:
        return self.pair.publisher.name, f"customer/{member}"

    def published(self, *stream_notes: tuple[str, str]) -> list[Message]:
        """Publish contacts, and take what is in the outbox."""
        publish(self.pair.publisher, *stream_notes)
        return self.drained()

    def drained(self, *, with_keys: bool = True) -> list[Message]:
        """Empty the publisher's outbox: its events as messages, its keys handed to the hearer."""
        with Session(self.pair.publisher.engine) as session:
            rows = session.execute(select(outbox).order_by(outbox.c.id)).all()
            session.execute(delete(outbox))
            session.commit()
        for row in rows:
            if row.sequence is None:
                member, _, key_id = row.stream.partition("/")
                self.known_keys[member, key_id] = keys.parse_record(bytes(row.body))
        if with_keys:
            self.hand_over_keys()
        return [(r.stream.encode(), message(bytes(r.body), r.sequence)) for r in rows if r.sequence is not None]

    def hand_over_keys(self) -> None:
        """Let the hearer know the keys that were drained."""
        self.hearer.transact(
            self.hearer.itself, lambda work: keys.store(work, self.pair.publisher.name, self.known_keys)
        )

    def incoming(self, messages: Sequence[Message]) -> list[Incoming]:
        """These messages as they would stand next in the log."""
        return [of(self.topic, PARTITION, self.next + n, key, value) for n, (key, value) in enumerate(messages)]

    def hear(self, messages: Sequence[Message]) -> None:
        """One batch, in one transaction; as a consumer does, first in the hope that all is well."""
        batch = self.incoming(messages)
        try:
            self.hearer.transact(self.hearer.itself, lambda work: self.receive(work, batch, careful=False))
        except Unsound:
            self.hearer.transact(self.hearer.itself, lambda work: self.receive(work, batch))
        self.next += len(batch)

    def receive(self, work: Work, batch: Sequence[Incoming], *, careful: bool = True) -> None:
        at = (self.topic, PARTITION)
        offsets.start(work.session, self.name, {at: 0}, history=False)
        receive(work, self.subscription, batch, {at: self.next}, {at: self.activation}, careful=careful)

    def redrive(self, member: str) -> tuple[int, int]:
        return self.hearer.transact(ANNA, lambda work: redrive(work, self.subscription, self.place(member)))

    def skip(self, member: str, reason: str = "of no use") -> tuple[int, int]:
        return self.hearer.transact(ANNA, lambda work: skip(work, self.subscription, self.place(member), reason))

    def parked(self) -> dict[str, Parked]:
        """The parked streams by name."""
        with Session(self.hearer.engine) as session:
            return {p.stream: p for p in listed(session)}

    def notes(self, member: str) -> list[str]:
        """What was heard of one member, in the order of handling."""
        return [note for stream, _, note in self.pair.rows() if stream == f"customer/{member}"]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the hearer's database."""
        with Session(self.hearer.engine) as session:
            return [tuple(row) for row in session.execute(text(sql))]


def picky(refused: set[str], refuse: Callable[[Work, Event], None]) -> Slice:
    """Records contacts, but refuses those whose note is among ``refused``, until it is taken out of it."""

    def handler(work: Work, events: list[Event]) -> None:
        sound = []
        for event in events:
            if isinstance(event.fact, ContactWrappedUp) and event.fact.note in refused:
                refuse(work, event)
            else:
                sound.append(event)
        record(work, sound)

    return slice_of(handler)


def slice_of(
    handler: Handler, name: str = "record", types: Iterable[str] = ("contact.wrapped_up", EVERYTHING)
) -> Slice:
    return Slice(name, dict.fromkeys(types, handler))
