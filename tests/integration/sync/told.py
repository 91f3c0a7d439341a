"""Other services' facts, truly sealed, and their way into sync without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from services.sync.subscriptions import SUBSCRIPTIONS
from shared.edge.actor import Actor
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events import catalogue, envelope
from shared.events.envelope import Envelope, Event
from shared.events.facts import Fact
from shared.pipeline import keys, tables
from shared.pipeline.attempt import Bad, attempt
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.service import Service
from shared.pipeline.work import Work

KEKS = KeyEncryptionKeys({"test": bytes(range(32))})
ANNA = Actor("anna", "Anna", frozenset({"agent"}))
OLGA = Actor("olga", "Olga", frozenset({"operator"}))

assert catalogue.FACT_TYPES


@dataclass
class Teller:
    """A publishing service: takes facts, gives messages."""

    service: Service

    @classmethod
    def at(cls, name: str, url: str) -> Teller:
        """A publisher over an empty database."""
        engine = connect(url, name=name)
        tables.metadata.create_all(engine)
        return cls(Service(name, engine, {}, KEKS, system_clock, Wakeup(url)))

    def tell(self, *facts: tuple[str, Fact], at: datetime | None = None, actor: Actor = ANNA) -> list[str]:
        """Publish (stream, fact) in one transaction; gives the events' ids."""
        return self.transact(lambda work: [work.publish(stream, fact, at) for stream, fact in facts], actor)

    def transact(self, body: Callable[[Work], list[str]], actor: Actor = ANNA) -> list[str]:
        return self.service.transact(actor, body)

    def take(self) -> tuple[list[Envelope], dict[tuple[str, str], keys.KeyRecord]]:
        """Everything that the relay would send: events, and the newest record of each key."""
        envelopes: list[Envelope] = []
        records: dict[tuple[str, str], keys.KeyRecord] = {}

        def body(work: Work) -> None:
            for row in work.session.execute(select(tables.outbox).order_by(tables.outbox.c.id)):
                if row.sequence is None:
                    member, _, key_id = row.stream.partition("/")
                    records[member, key_id] = keys.parse_record(row.body)
                else:
                    message = envelope.message(row.body, row.sequence)
                    envelopes.append(envelope.parse(message, source=self.service.name, stream=row.stream))
            work.session.execute(delete(tables.outbox))

        self.service.transact(self.service.itself, body)
        return envelopes, records

    def close(self) -> None:
        self.service.wakeup.close()
        self.service.engine.dispose()


def pass_keys(sync: Service, teller: Teller, records: dict[tuple[str, str], keys.KeyRecord]) -> None:
    """What the keys topic of a publisher says comes to sync."""
    sync.transact(sync.itself, lambda work: keys.store(work, teller.service.name, records))


def hear(sync: Service, envelopes: Iterable[Envelope], *, live: bool = True) -> list[Bad]:
    """One batch comes to sync; gives the events that it couldn't handle."""

    def body(work: Work) -> list[Bad]:
        events = [event_of(work, e, live=live) for e in envelopes]
        return list(attempt(work, SUBSCRIPTIONS.slices, events).values())

    return sync.transact(sync.itself, body)


def event_of(work: Work, e: Envelope, *, live: bool) -> Event:
    """An event as a handler gets it."""
    wanting = [each for each in SUBSCRIPTIONS.slices if e.type in each.handlers]
    if all(each.sealed for each in wanting):
        return Event(e, keys.sealed_fact(e) if wanting else None, live)
    pair = (e.source, e.subject.removeprefix("customer/"))
    found = keys.find(work.session, [pair], KEKS) if e.subject.startswith("customer/") else {}
    return Event(e, keys.open_fact(e, found), live)


def pass_all(sync: Service, teller: Teller, *, live: bool = True) -> list[Envelope]:
    """All that the publisher has to send comes to sync, keys first, as the relay has it; gives the events."""
    envelopes, records = teller.take()
    pass_keys(sync, teller, records)
    assert hear(sync, envelopes, live=live) == []
    return envelopes


def own(sync: Service) -> Teller:
    """Sync as a publisher."""
    return Teller(sync)
