"""A sales force to test with. Requests go through the real application, others' facts through the real handlers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sfa import wiring
from services.sfa.requests.handlers import task
from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.edge.settings import Settings
from shared.events.customer import CustomerRegistered
from shared.events.envelope import Event, message, new_id, parse
from shared.events.facts import Fact
from shared.events.sync import OrderRequested, RequestedLine
from shared.pipeline import keys
from shared.pipeline.attempt import attempt
from shared.pipeline.rebuild import rebuild
from shared.pipeline.service import Service
from shared.pipeline.tasks import Tasks
from shared.pipeline.work import Work
from tests.builders import NOON, Issuer, SetClock, claim, done, heard, running

MANAGER = ("sales_manager",)
KEPT = {"alembic_version"}


@dataclass
class Force:
    """A sales force on a database of its own, with a clock to set."""

    settings: Settings
    service: Service
    client: TestClient
    issuer: Issuer
    clock: SetClock

    def get(self, path: str, actor: str = "mona", roles: tuple[str, ...] = MANAGER, **more: Any) -> httpx.Response:
        headers = self._headers(actor, roles) | more.pop("headers", {})
        response: httpx.Response = self.client.get(path, headers=headers, **more)
        return response

    def page(self, path: str, roles: tuple[str, ...] = MANAGER, language: str = "en") -> str:
        """A page as a browser gets it."""
        response = self.get(path, roles=roles, headers={"accept": "text/html", "accept-language": language})
        assert response.status_code == 200, response.text
        return response.text

    def post(
        self, path: str, body: object = None, actor: str = "mona", roles: tuple[str, ...] = MANAGER, key: str = ""
    ) -> httpx.Response:
        headers = self._headers(actor, roles) | ({"idempotency-key": key} if key else {})
        response: httpx.Response = self.client.post(path, headers=headers, json={} if body is None else body)
        return response

    def _headers(self, actor: str, roles: tuple[str, ...]) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(actor, *roles)}"}

    def register(self, **changes: Any) -> str:
        """A customer with these fields, registered at this desk; gives the member."""
        body = {"changes": {"given_name": "Ada", **changes}}
        return str(done(self.post("/customers", body), 201)["customer"])

    def territory(self, id: str, parent: str = "", reps: Sequence[str] = ()) -> str:
        """A territory with its reps."""
        done(self.post("/territories", {"territory": id, "name": id.title(), "parent": parent}))
        for rep in reps:
            done(self.post(f"/territories/{id}/reps", {"rep": rep}))
        return id

    def put(self, territory: str, *customers: str, expected: str = "") -> httpx.Response:
        """Assign customers."""
        body = {"territory": territory, "expected": expected, "customers": [{"customer": c} for c in customers]}
        return self.post("/territory-assignments", body)

    def product(self, code: str = "line", **more: Any) -> str:
        """A product."""
        done(self.post("/products", {"product": code, "name": code.title(), "unit_price": 1_000, **more}))
        return code

    def order(self, customer: str, product: str = "line", **more: Any) -> str:
        """An order of one product, taken at the desk."""
        return str(done(self.post(f"/customers/{customer}/orders", {"product": product, **more}), 201)["order"])

    def market(self) -> str:
        """A region with a territory, a rep of each, a product, and a customer in the territory; gives the customer."""
        self.territory("italy", reps=["ivo"])
        self.territory("rome", "italy", reps=["rita"])
        self.product()
        customer = self.register()
        done(self.put("rome", customer))
        return customer

    def hear(self, *events: Event) -> None:
        """One batch of others' events comes in."""

        def body(work: Work) -> None:
            bad = attempt(work, SUBSCRIPTIONS.slices, events)
            assert bad == {}, bad

        self.service.transact(self.service.itself, body)

    def decide(self) -> int:
        """One turn of the task; gives how many keys were due."""
        through = {each.name: "main" for each in SUBSCRIPTIONS.slices}
        return Tasks(self.service, (task(self.settings.currency),), through, threading.Event()).round()

    def rebuild(self, *names: str) -> None:
        """Empty what these slices derive."""
        slices = SUBSCRIPTIONS.named(names)
        self.service.transact(self.service.itself, lambda work: rebuild(work, "main", slices))

    def events(self) -> list[Event]:
        """What was published, opened, in the order of the outbox."""
        with Session(self.service.engine) as session:
            rows = session.execute(
                text("SELECT stream, sequence, body FROM outbox WHERE event_id IS NOT NULL ORDER BY id")
            ).all()
            found = [parse(message(bytes(r.body), r.sequence), source="sfa", stream=r.stream) for r in rows]
            pairs = {(e.source, e.subject.partition("/")[2]) for e in found if e.subject.startswith("customer/")}
            opened = keys.find(session, pairs, self.service.keks)
            return [Event(e, keys.open_fact(e, opened)) for e in found]

    def facts(self, event_type: str) -> list[Any]:
        """The facts of one type that were published."""
        return [event.fact for event in self.events() if event.type == event_type]

    def rows(self, sql: str) -> list[Any]:
        with self.service.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def empty(self) -> None:
        """Forget all that has happened; the clock stands at noon again."""
        with self.service.engine.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            connection.execute(text(f"TRUNCATE {', '.join(sorted(set(tables) - KEPT))}"))
        self.clock.now = NOON


def registered(member: str, *, source: str = "callcenter", **values: str) -> Event:
    """Another service registered a customer."""
    claims = tuple(claim(field, value) for field, value in values.items())
    return heard(member, CustomerRegistered(claims=claims), source=source)


def requested(
    member: str,
    order: str = "",
    *,
    at: datetime = NOON,
    live: bool = True,
    sequence: int = 1,
    **overrides: Any,
) -> Event:
    """A rep took an order on a device."""
    fact = OrderRequested(
        **{
            "order": order or new_id(),
            "lines": (RequestedLine(product="line", quantity=2, unit_price=900),),
            "currency": "USD",
            "rep": "rita",
            "territory": "rome",
            "device": "d1",
            "number": 1,
            **overrides,
        }
    )
    return msgspec.structs.replace(said(member, fact, at=at, sequence=sequence), live=live)


def said(member: str, fact: Fact, *, at: datetime = NOON, sequence: int = 1) -> Event:
    """Sync said something of a member."""
    return heard(member, fact, time=at, sequence=sequence)


@contextmanager
def sales_force(database_url: str, folder: Path) -> Iterator[Force]:
    """A sales force on an empty database, which is migrated first."""
    with running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts:
        yield Force(*parts)
