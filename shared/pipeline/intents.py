"""Carries out outward effects that are owed: each once as far as the outside can tell, none from history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.edge import faults, health, metrics, tracing
from shared.edge.db import is_passing, may_repeat
from shared.pipeline.service import Service
from shared.pipeline.tables import intent

log = structlog.get_logger(__name__)

Performer = Callable[[dict[str, Any], str], None]
"""Does one effect: payload, and an idempotency key that is the same at every try. Raises to be tried again."""

LOOK_SECONDS = 1.0
LEASE = timedelta(seconds=60)
"""After so long another process may try an effect whose performer died."""
MOST_ATTEMPTS = 10
DONE, EXPIRED, FAILED = "done", "expired", "failed"


@dataclass(frozen=True)
class Owed:
    """One effect that this process has taken on."""

    event_id: str
    effect: str
    payload: dict[str, Any]
    attempts: int
    traceparent: str | None = None

    @property
    def key(self) -> str:
        return f"{self.event_id}/{self.effect}"


class Intents:
    """Runs until ``stop`` is set."""

    def __init__(self, service: Service, performers: Mapping[str, Performer], stop: threading.Event) -> None:
        self._service = service
        self._performers = performers
        self._stop = stop

    def run(self) -> None:
        while not self._stop.is_set():
            health.alive()
            try:
                if not self.turn():
                    self._stop.wait(LOOK_SECONDS)
            except Exception as error:
                if not (isinstance(error, faults.FaultRaised) or is_passing(error) or may_repeat(error)):
                    raise
                log.warning("intents.interrupted", error=type(error).__name__)
                self._stop.wait(LOOK_SECONDS)

    def turn(self) -> bool:
        """Do one effect that is due; gives whether there was one."""
        owed = self._take()
        if owed is None:
            return False
        with tracing.following(owed.traceparent):
            self._do(owed)
        return True

    def _do(self, owed: Owed) -> None:
        try:
            performer = self._performers[owed.effect]
            faults.at("intent.perform", lambda: performer(owed.payload, owed.key))
        except Exception as error:
            # Whatever the outside world answers, it must not stop the effects behind it.
            log.warning("intent.failed", effect=owed.effect, attempt=owed.attempts, error=type(error).__name__)
            self._end(owed, FAILED if owed.attempts >= MOST_ATTEMPTS else None, type(error).__name__)
        else:
            self._end(owed, DONE, None)
            log.info("intent.done", effect=owed.effect, event_id=owed.event_id, attempt=owed.attempts)

    def _take(self) -> Owed | None:
        with Session(self._service.engine) as session:
            taken = self._lease(session)
            faults.at("intent.take", session.commit)
        return taken

    def _lease(self, session: Session) -> Owed | None:
        table, now = intent.c, self._service.clock()
        session.execute(update(intent).where(table.outcome.is_(None), table.expires < now).values(outcome=EXPIRED))
        row = session.execute(
            select(table.event_id, table.effect, table.payload, table.attempts, table.traceparent)
            .where(table.outcome.is_(None), table.next_attempt <= now, table.effect.in_(self._performers))
            .order_by(table.next_attempt)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None:
            return None
        session.execute(
            update(intent)
            .where(table.event_id == row.event_id, table.effect == row.effect)
            .values(attempts=row.attempts + 1, next_attempt=now + LEASE)
        )
        return Owed(str(row.event_id), row.effect, row.payload, row.attempts + 1, row.traceparent)

    def _end(self, owed: Owed, outcome: str | None, error: str | None) -> None:
        table = intent.c
        values: dict[str, Any] = {"outcome": outcome, "last_error": error}
        if outcome is None:
            values["next_attempt"] = self._service.clock() + timedelta(seconds=2**owed.attempts)
        else:
            metrics.INTENTS_ENDED.labels(owed.effect, outcome).inc()
        with Session(self._service.engine) as session:
            session.execute(
                update(intent).where(table.event_id == owed.event_id, table.effect == owed.effect).values(**values)
            )
            faults.at("intent.commit", session.commit)
