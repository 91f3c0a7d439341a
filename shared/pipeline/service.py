"""What a service brings to the pipeline, and the one way to change anything in it: ``transact``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.edge import faults
from shared.edge.actor import Actor
from shared.edge.clock import Clock, system_clock
from shared.edge.db import connect, may_repeat
from shared.edge.settings import Settings
from shared.edge.wakeup import Wakeup
from shared.pipeline import outbox
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.work import Work

T = TypeVar("T")

REPEATS = 5


@dataclass(frozen=True)
class Service:
    """One service in one process: its name, database, keys, clock and signal."""

    name: str
    engine: Engine
    kafka: Mapping[str, str]
    """librdkafka settings, ``bootstrap.servers`` at least."""
    keks: KeyEncryptionKeys
    clock: Clock
    wakeup: Wakeup

    @classmethod
    def of(cls, settings: Settings, *, process: str, pool_size: int = 10, clock: Clock = system_clock) -> Service:
        """The service that the settings describe. Connects to nothing yet."""
        return cls(
            name=settings.service,
            engine=connect(settings.database_url, name=f"{settings.service}-{process}", pool_size=pool_size),
            kafka=settings.kafka,
            keks=KeyEncryptionKeys.from_text(settings.key_encryption_keys),
            clock=clock,
            wakeup=Wakeup(settings.database_url),
        )

    @property
    def events_topic(self) -> str:
        return f"{self.name}.events"

    @property
    def keys_topic(self) -> str:
        return f"{self.name}.keys"

    @property
    def itself(self) -> Actor:
        """The actor of what the service does because of events."""
        return Actor(id=f"service:{self.name}", roles=frozenset({"service"}))

    def transact(self, actor: Actor, body: Callable[[Work], T], *, point: str = "transact.commit") -> T:
        """Run ``body`` in one transaction, publish what it collected, commit at fault point ``point``, wake the relay.

        A deadlock or serialization failure repeats the whole of it. Any other error leaves everything as it was.
        """
        for attempt in range(1, REPEATS + 1):
            try:
                return self._once(actor, body, point)
            except DBAPIError as error:
                if attempt == REPEATS or not may_repeat(error):
                    raise
        raise AssertionError("unreachable")

    def _once(self, actor: Actor, body: Callable[[Work], T], point: str) -> T:
        with Session(self.engine, expire_on_commit=False) as session:
            work = Work(session, self.name, actor, self.clock())
            result = body(work)
            outbox.write(work, self.keks)
            faults.at(point, session.commit)
        to_do = bool(work.facts or work.key_records or work.intents or work.due)
        if to_do or work.touched:
            self.wakeup.signal(work.touched, to_do=to_do)
        return result
