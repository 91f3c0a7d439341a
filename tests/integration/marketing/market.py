"""A marketing service to test with: other services' facts come straight to its handlers, and its tasks when asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.marketing import wiring
from services.marketing.subscriptions import SUBSCRIPTIONS
from shared.edge.settings import Settings
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event, message, new_id, parse
from shared.events.facts import Fact
from shared.events.sfa import OrderCancelled, OrderPlaced
from shared.events.sync import CustomerAssigned
from shared.pipeline import keys
from shared.pipeline.attempt import attempt
from shared.pipeline.service import Service
from shared.pipeline.tasks import Task, Tasks
from shared.pipeline.work import Work
from tests.builders import NOON, Issuer, SetClock, heard, running

THROUGH = {each.name: "main" for each in SUBSCRIPTIONS.slices}


def ago(**by: float) -> datetime:
    """An instant before noon, by ``timedelta``'s arguments."""
    return NOON - timedelta(**by)


def placed(member: str, amount: int, at: datetime = NOON, order: str = "", **overrides: Any) -> Event:
    """An order of so many cents."""
    values = {"order": order or new_id(), "lines": (), "total": amount, "currency": "USD", "channel": "desk"}
    return heard(member, OrderPlaced(**{**values, **overrides}), source="sfa", time=at)


def reviewed(member: str, score: int | None, at: datetime = NOON, contact: str = "") -> Event:
    """What a customer said of a contact."""
    fact = ContactWrappedUp(contact=contact or new_id(), agent="a", reason="r", outcome="o", satisfaction=score)
    return heard(member, fact, source="callcenter", time=at)


def cancelled(member: str, order: str, at: datetime = NOON) -> Event:
    return heard(member, OrderCancelled(order=order), source="sfa", time=at)


def assigned(member: str, cluster: str) -> Event:
    """What sync says of a member: the same customer as these, or alone again."""
    because = "apart" if member == cluster else "phone"
    return heard(member, CustomerAssigned(cluster=cluster, because=because))


@dataclass
class Market:
    """A marketing service on a database of its own, with a clock to set. Requests go through the real application."""

    settings: Settings
    service: Service
    client: TestClient
    issuer: Issuer
    clock: SetClock
    seen: Counter[str] = field(default_factory=Counter)

    def hear(self, *events: Event) -> None:
        """One batch comes from others."""

        def body(work: Work) -> None:
            assert attempt(work, SUBSCRIPTIONS.slices, events) == {}

        self.service.transact(self.service.itself, body)

    def tasks(self, *tasks: Task) -> Tasks:
        """The tasks of a worker; others in place of its own, if some are given."""
        return Tasks(self.service, tasks or wiring.tasks(self.settings), THROUGH, threading.Event())

    def settle(self) -> None:
        """Work out all that is due."""
        tasks = self.tasks()
        while tasks.round():
            pass

    def events(self) -> list[Event]:
        """What was published, in the order of the outbox."""
        with Session(self.service.engine) as session:
            rows = session.execute(
                text("SELECT stream, sequence, body FROM outbox WHERE event_id IS NOT NULL ORDER BY id")
            ).all()
            read = [parse(message(bytes(r.body), r.sequence), source="marketing", stream=r.stream) for r in rows]
            return [Event(e, keys.open_fact(e, {(e.source, e.subject.partition("/")[2]): None})) for e in read]

    def said(self, member: str) -> list[Event]:
        """What was published of a member since this was asked last."""
        every = [event for event in self.events() if event.stream == f"customer/{member}"]
        new = every[self.seen[member] :]
        self.seen[member] = len(every)
        return new

    def facts(self, member: str) -> list[Fact | None]:
        return [event.fact for event in self.said(member)]

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a query gives; ids as text."""
        with self.service.engine.connect() as connection:
            found = connection.execute(text(sql), parameters)
            return [tuple(str(value) if isinstance(value, UUID) else value for value in row) for row in found]

    def execute(self, sql: str) -> None:
        with self.service.engine.begin() as connection:
            connection.execute(text(sql))

    def empty(self) -> None:
        """Forget all that has happened; the clock stands at noon again."""
        tables = {name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        # So few rows are deleted sooner than so many tables are truncated.
        self.execute("; ".join(f'DELETE FROM "{name}"' for name in sorted(tables - {"alembic_version"})))
        self.seen.clear()
        self.clock.now = NOON

    def get(self, path: str, *roles: str, html: bool = False, **query: str) -> httpx.Response:
        return self._request("GET", path, roles, html, **({"params": query} if query else {}))

    def post(self, path: str, body: object, *roles: str, html: bool = False) -> httpx.Response:
        return self._request("POST", path, roles, html, json=body)

    def _request(self, method: str, path: str, roles: Sequence[str], html: bool, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.issuer.token('mara', *(roles or ('marketer',)))}"}
        headers |= {"accept": "text/html"} if html else {}
        response: httpx.Response = self.client.request(method, path, headers=headers, **more)
        return response


def members(count: int) -> list[str]:
    """New members, the least first."""
    return sorted(new_id() for _ in range(count))


@contextmanager
def market(database_url: str, folder: Path) -> Iterator[Market]:
    """A marketing service on an empty database, which is migrated first."""
    with running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts:
        yield Market(*parts)
