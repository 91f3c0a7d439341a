"""Sync with field reps' devices: everything that happens around them, step by step."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sync import wiring
from services.sync.devices import feed, masks, reads, rules
from services.sync.devices.client import Device
from services.sync.identity.consent import TASK as CONSENT
from services.sync.identity.handlers import TASK as IDENTITY
from services.sync.subscriptions import SUBSCRIPTIONS
from shared.access.actions import Action, Reach
from shared.access.grants import ALL_FIELDS, Fields, Grant
from shared.edge.db import connect
from shared.edge.settings import Settings
from shared.edge.wakeup import Wakeup
from shared.events.customer import ClaimMade, CustomerRegistered
from shared.events.envelope import Envelope, new_id
from shared.events.facts import Fact
from shared.events.sfa import (
    CustomerTerritoryAssigned,
    TerritoryDefined,
    TerritoryRepAssigned,
    TerritoryRepWithdrawn,
)
from shared.pipeline import migrate, rebuild, tasks
from shared.pipeline.attempt import attempt
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from tests.builders import KEKS as KEKS_TEXT
from tests.builders import LONG, Issuer, SetClock
from tests.integration.sync.told import KEKS, Teller, event_of, pass_all
from tests.servers import PostgresServer


class Lossy(httpx.BaseTransport):
    """The way to the server; loses what it is told to lose."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.lose: list[str] = []
        """For the next requests: ``request``, ``answer`` or nothing."""
        self.before: list[Any] = []
        """Called before the next requests."""
        self.last: httpx.Request | None = None
        """The one that was sent last."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.before:
            self.before.pop(0)()
        lost = self.lose.pop(0) if self.lose else ""
        if lost == "request":
            raise httpx.ConnectError("no network")
        self.last = request
        answer = self.send(request)
        if lost == "answer":
            raise httpx.ReadError("the network went")
        return answer

    def send(self, request: httpx.Request, **changes: Any) -> httpx.Response:
        """Bring a request there, as it is or with changes: ``method``, ``url`` or ``content``."""
        names = {"authorization", "content-type", "idempotency-key"} & set(request.headers)
        headers = {name: request.headers[name] for name in names}
        sent = {"method": request.method, "url": request.url.raw_path.decode(), "content": request.read(), **changes}
        answer = self._client.request(**sent, headers=headers)
        return httpx.Response(answer.status_code, content=answer.content, request=request)


@dataclass
class Carried:
    """A device in somebody's hands."""

    device: Device
    way: Lossy
    clock: SetClock


@dataclass
class Field:
    """Sync, a call center and a sales force, and reps' devices."""

    service: Service
    clock: SetClock
    issuer: Issuer
    app: TestClient
    callcenter: Teller
    sfa: Teller
    marketing: Teller
    log: list[Envelope] = field(default_factory=list)
    """All that sync has heard, in that order."""

    def ask(self, method: str, path: str, actor: str, role: str, body: Any = None) -> httpx.Response:
        """One request of somebody with a role."""
        headers = {"content-type": "application/json", **self.headers(actor, role)}
        content = None if body is None else json.dumps(body)
        answer: httpx.Response = self.app.request(method, path, content=content, headers=headers)
        return answer

    def headers(self, actor: str, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token(actor, role)}"}

    def token(self, actor: str, role: str = "rep") -> str:
        return self.issuer.token(actor, role)

    def define_role(self, name: str, *grants: Grant) -> str:
        """A role of the department's own, or another meaning of it."""
        values = {"name": name, "grants": msgspec.json.encode(grants).decode()}
        with self.service.engine.begin() as connection:
            connection.execute(_ROLE, values)
        self.service.standing.refresh()
        return name

    def operate(self, method: str, path: str, body: Any = None) -> Any:
        """One request of an operator that goes well."""
        answer = self.ask(method, path, "olga", "operator", body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def carried(self, rep: str, clock: SetClock | None = None, role: str = "rep") -> Carried:
        """An enrolled device of a rep, whose clock may be another one."""
        one = self.held(":memory:", clock)
        one.device.enrol("tablet", self.token(rep, role))
        self.settle()
        return one

    def held(self, store: Path | str, clock: SetClock | None = None) -> Carried:
        """A device that keeps everything there."""
        way, own = Lossy(self.app), clock or self.clock
        return Carried(Device(store, httpx.Client(transport=way, base_url="http://sync"), own), way, own)

    def push(self, carried: Carried, *mutations: Any, sent: datetime | None = None) -> list[dict[str, Any]]:
        """Push what may be nonsense from a device; gives the answers."""
        body = {"sent": (sent or self.clock()).isoformat(), "mutations": list(mutations)}
        json_body = {"content-type": "application/json"}
        # Not by the client's own way, which can't say some of the nonsense.
        answer = carried.device._ask("POST", "push", content=json.dumps(body), headers=json_body)
        answers: list[dict[str, Any]] = answer["answers"]
        return answers

    def note(self, number: int, customer: str, words: str = "hello", **more: Any) -> dict[str, Any]:
        """A note as a device sends it."""
        made = self.clock().isoformat()
        one = {"number": number, "kind": "note", "made": made, "customer": customer, "note": new_id(), "text": words}
        return {**one, **more}

    def customer(self, **fields: str) -> str:
        """A customer whom the call center met."""
        member = new_id()
        made = tuple(ClaimMade(id=new_id(), field=f, value=v, made=self.clock()) for f, v in fields.items())
        self.told(self.callcenter, (f"customer/{member}", CustomerRegistered(claims=made)))
        return member

    def territory(self, id: str, *reps: str, parent: str = "") -> str:
        """A territory, and who looks after it."""
        stream = f"territory/{id}"
        defined: tuple[str, Fact] = (stream, TerritoryDefined(territory=id, name=id.title(), parent=parent))
        self.told(self.sfa, defined, *[(stream, TerritoryRepAssigned(territory=id, rep=rep)) for rep in reps])
        return id

    def withdraw(self, territory: str, rep: str) -> None:
        self.told(self.sfa, (f"territory/{territory}", TerritoryRepWithdrawn(territory=territory, rep=rep)))

    def assign(self, member: str, territory: str) -> None:
        self.told(self.sfa, (f"customer/{member}", CustomerTerritoryAssigned(territory=territory)))

    def told(self, teller: Teller, *facts: tuple[str, Fact]) -> None:
        """Somebody's facts come to sync, and what follows is worked out."""
        teller.tell(*facts, at=self.clock())
        self.hear(teller)
        self.settle()

    def hear(self, teller: Teller) -> int:
        """What somebody has published comes to sync; gives how much."""
        heard = pass_all(self.service, teller)
        self.log += heard
        return len(heard)

    def settle(self) -> None:
        """Sync hears itself, and works out all that is due."""
        for _ in range(9):
            heard = self.hear(Teller(self.service))
            worked = self.tasks.round()
            if not heard and not worked:
                return
        raise AssertionError("it doesn't come to rest")

    @property
    def tasks(self) -> tasks.Tasks:
        """What sync works out."""
        through = {each.name: "main" for each in SUBSCRIPTIONS.slices}
        return tasks.Tasks(self.service, (IDENTITY, CONSENT, feed.task()), through, threading.Event())

    def rebuild(self) -> None:
        """Empty what devices are to know of, as a rebuild of that slice does."""
        wanted = SUBSCRIPTIONS.named(["devices"])
        self.service.transact(self.service.itself, lambda work: rebuild.rebuild(work, "main", wanted))

    def replay(self) -> None:
        """That slice hears the whole log again."""
        wanted = SUBSCRIPTIONS.named(["devices"])

        def body(work: Work) -> None:
            assert attempt(work, wanted, [event_of(work, one, live=False) for one in self.log]) == {}

        self.service.transact(self.service.itself, body)

    def checkpoint(self, scope: str, shown: Fields = ALL_FIELDS) -> tuple[int, str]:
        """Count and digest of what devices are to have of a scope, from the items themselves."""
        bodies = self.column("SELECT body FROM feed_item WHERE scope = :scope AND body IS NOT NULL", scope=scope)
        if not scope.startswith("device/"):
            bodies = [masks.masked(body, shown) for body in bodies]
        return len(bodies), rules.exclusive_or(rules.NO_DIGEST, *map(rules.digest_of, bodies)).hex()

    def scopes(self, rep_device: str) -> list[str]:
        with Session(self.service.engine) as session:
            row = session.execute(text("SELECT * FROM device WHERE id = :id"), {"id": rep_device}).one()
            return [one.scope for one in reads.scopes(session, row)]

    def published(self, kind: str) -> list[dict[str, Any]]:
        """The events of a type in sync's timeline, in the order of their recording."""
        rows = self.column("SELECT data FROM interaction WHERE type = :kind ORDER BY recorded, event_id", kind=kind)
        return [json.loads(bytes(data)) for data in rows]

    def column(self, sql: str, **values: Any) -> list[Any]:
        """The first column of a query."""
        with Session(self.service.engine) as session:
            return list(session.scalars(text(sql), values))

    def empty(self) -> None:
        """Forget all that has happened."""
        with self.service.engine.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            names = ", ".join(f'"{table}"' for table in set(tables) - {"alembic_version"})
            connection.execute(text(f"TRUNCATE {names}"))
        self.log.clear()
        self.clock.now = datetime(2026, 3, 2, 12, tzinfo=UTC)


_ROLE = text("""
INSERT INTO access_role (name, label, grants) VALUES (:name, '', CAST(:grants AS jsonb))
ON CONFLICT (name) DO UPDATE SET grants = excluded.grants
""")


@contextmanager
def field_of(postgres: PostgresServer, folder: Path) -> Iterator[Field]:
    """A sync with everything around it, on databases of its own."""
    url = postgres.database("sync")
    migrate.upgrade(url, wiring.VERSIONS)
    clock, issuer = SetClock(), Issuer(folder)
    service = Service("sync", connect(url, name="sync"), {}, KEKS, clock, Wakeup(url))
    settings = Settings(
        service="sync",
        database_url=url,
        kafka={},
        key_encryption_keys=KEKS_TEXT,
        port=1,
        token_issuer=issuer.name,
        jwks_file=issuer.jwks_file,
        longest_token_seconds=LONG,
    )
    callcenter, sfa, marketing = (Teller.at(n, postgres.database(n)) for n in ("callcenter", "sfa", "marketing"))
    app = TestClient(wiring.app(settings, service), raise_server_exceptions=False)
    with service.standing.running():
        yield Field(service, clock, issuer, app, callcenter, sfa, marketing)
    for teller in (callcenter, sfa, marketing):
        teller.close()
    service.wakeup.close()
    service.engine.dispose()


def unknown() -> str:
    """The id of nobody."""
    return str(uuid.uuid4())


def met(field: Field, territory: str = "north", **fields: str) -> str:
    """A customer in a territory."""
    member = field.customer(**({"city": "Rome"} | fields))
    field.assign(member, territory)
    return member


def same(field: Field, carried: Carried, shown: Fields = ALL_FIELDS) -> None:
    """The device has what it is to have, and the server's own figures are right. ``shown``: of customers."""
    device = carried.device
    for scope in field.scopes(device.id):
        assert device.digest(scope) == field.checkpoint(scope, shown), scope


def walking(*fields: str) -> tuple[Grant, ...]:
    """What a role needs that has devices, on which of customers there are only these fields."""
    return (
        Grant(Action.DEVICE_PULL, Reach.TERRITORY, fields),
        Grant(Action.DEVICE_PUSH, Reach.TERRITORY),
        Grant(Action.DEVICE_ENROL),
    )


def visitor(field: Field, *fields: str, rep: str, clock: SetClock | None = None) -> Carried:
    """A device of somebody who sees these fields only."""
    return field.carried(rep, clock, field.define_role("visitor", *walking(*fields)))


def state(field: Field, number: int = 1) -> str:
    """What the server keeps of a mutation."""
    return str(field.column("SELECT state FROM mutation WHERE number = :number", number=number)[0])
