"""What a service brings to the pipeline, and the one way to change anything in it: ``transact``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
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
from shared.pipeline import audit, outbox
from shared.pipeline.doing import Reaches, nobody_near
from shared.pipeline.look import Look
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.standing import Standing
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
    reaches: Reaches = nobody_near
    versions: Path | None = None
    """Where its migrations are, by which a process knows whether it fits the database."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        process: str,
        pool_size: int = 10,
        clock: Clock = system_clock,
        versions: Path | None = None,
    ) -> Service:
        """The service that the settings describe. Connects to nothing yet."""
        return cls(
            name=settings.service,
            engine=connect(settings.database_url, name=f"{settings.service}-{process}", pool_size=pool_size),
            kafka=settings.kafka,
            keks=KeyEncryptionKeys.from_text(settings.key_encryption_keys),
            clock=clock,
            wakeup=Wakeup(settings.database_url),
            versions=versions,
        )

    def near(self, reaches: Reaches) -> Service:
        """This service, which knows how customers lie to an actor."""
        near = replace(self, reaches=reaches)
        # What a process knows of who may do what it knows once.
        near.__dict__["standing"] = self.standing
        return near

    @cached_property
    def standing(self) -> Standing:
        """What this process knows of who may do what."""
        return Standing(self.name, self.engine)

    @cached_property
    def _looks(self) -> audit.Looks:
        return audit.Looks()

    @property
    def events_topic(self) -> str:
        return f"{self.name}.events"

    @property
    def keys_topic(self) -> str:
        return f"{self.name}.keys"

    @property
    def itself(self) -> Actor:
        """The actor of what the service does because of events."""
        return Actor(id=f"service:{self.name}", is_service=True)

    @contextmanager
    def look(self, actor: Actor, *, snapshot: bool = False) -> Iterator[Look]:
        """Read as ``actor``; who was seen is noted in the audit log at the end. ``snapshot``: all as of one instant."""
        with Session(self.engine) as session:
            if snapshot:
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            look = Look(session, self.name, actor, self.clock(), self.standing.grants_of(actor), self.reaches)
            yield look
            if self._looks.is_new(look):
                audit.write_look(look)
                session.commit()
                self._looks.noted(look)

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
            work = Work(session, self.name, actor, self.clock(), self.standing.grants_of(actor), self.reaches)
            result = body(work)
            outbox.write(work, self.keks)
            faults.at(point, session.commit)
        to_do = bool(work.facts or work.key_records or work.intents or work.due)
        if to_do or work.touched:
            self.wakeup.signal(work.touched, to_do=to_do)
        return result
