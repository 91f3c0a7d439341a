"""Which agents have a page open: noted every few seconds, in one statement for all of a process."""

from __future__ import annotations

import threading
from datetime import datetime

from services.callcenter.desk import handlers
from services.callcenter.desk.rules import BEAT
from shared.edge.actor import Actor
from shared.pipeline.service import Service


class Pulse:
    """Each stream of live updates says whose it is, every few seconds; who closes his last page is heard no more."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._here: dict[str, str] = {}
        self._before: frozenset[str] = frozenset()
        self._noted: datetime | None = None

    def beat(self, actor: Actor) -> None:
        """This agent has a page open."""
        if here := self._due(actor, self._service.clock()):
            self._service.transact(self._service.itself, lambda work: handlers.hear(work, here))

    def goes_on(self, actor: Actor) -> None:
        """A page that beat before is still open; of somebody else nothing is noted."""
        if actor.id in self._here or actor.id in self._before:
            self.beat(actor)

    def _due(self, actor: Actor, now: datetime) -> dict[str, str]:
        """Agent -> name of all to be noted now; nobody between two beats, but for who is new."""
        with self._lock:
            is_new = actor.id not in self._here and actor.id not in self._before
            self._here[actor.id] = actor.name
            if self._noted is not None and self._noted <= now < self._noted + BEAT:
                return {actor.id: actor.name} if is_new else {}
            here, self._here, self._noted = self._here, {}, now
            self._before = frozenset(here)
            return here
