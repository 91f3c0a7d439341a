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
from shared.edge.clock import Clock
from shared.edge.db import may_repeat
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

    def transact(self, actor: Actor, body: Callable[[Work], T]) -> T:
        """Run ``body`` in one transaction, publish what it collected, commit, wake the relay.

        A deadlock or serialization failure repeats the whole of it. Any other error leaves everything as it was.
        """
        for attempt in range(1, REPEATS + 1):
            try:
                return self._once(actor, body)
            except DBAPIError as error:
                if attempt == REPEATS or not may_repeat(error):
                    raise
        raise AssertionError("unreachable")

    def _once(self, actor: Actor, body: Callable[[Work], T]) -> T:
        with Session(self.engine, expire_on_commit=False) as session:
            work = Work(session, self.name, actor, self.clock())
            result = body(work)
            outbox.write(work, self.keks)
            faults.at("transact.commit", session.commit)
        if work.facts or work.key_records or work.touched or work.intents:
            self.wakeup.signal(work.touched)
        return result
