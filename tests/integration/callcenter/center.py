"""A call center to test with. Requests go through the real application."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.callcenter import wiring
from shared.edge.settings import Settings
from shared.events.envelope import Event, message, new_id, parse
from shared.pipeline import keys
from shared.pipeline.service import Service
from tests.builders import NOON, Issuer, SetClock, done, running

FIRST = """
INSERT INTO definition
SELECT 'callcenter', kind, code, json_build_object('en', label_en, 'es', label_es), place, false, '', '{}', '',
       timestamptz '1970-01-01 00:00+00', ''
FROM choice
"""
"""As the migrations put in what can be chosen at first."""


@dataclass
class CallCenter:
    """A call center on a database of its own, with a clock to set. Requests go through the real application."""

    settings: Settings
    service: Service
    client: TestClient
    issuer: Issuer
    clock: SetClock

    def get(self, path: str, actor: str = "anna", roles: tuple[str, ...] = ("agent",), **more: Any) -> httpx.Response:
        headers = self._headers(actor, roles, more.pop("headers", {}), more.pop("teams", ()))
        response: httpx.Response = self.client.get(path, headers=headers, **more)
        return response

    def post(
        self,
        path: str,
        body: object = None,
        actor: str = "anna",
        roles: tuple[str, ...] = ("agent",),
        key: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        headers = self._headers(actor, roles, {"idempotency-key": key} if key else {}, more.pop("teams", ()))
        if "content" not in more and "files" not in more:
            more["json"] = {} if body is None else body
        response: httpx.Response = self.client.post(path, headers=headers, **more)
        return response

    def ring(self, **overrides: Any) -> dict[str, Any]:
        """A contact that was offered."""
        body = {"call": str(uuid.uuid4()), "number": "+1 555 010 0199", "queue": "general", **overrides}
        return done(self.post("/telephony/ring", body, "pbx", ("telephony",), key=new_id()), 201)

    def register(self, **changes: Any) -> str:
        """A customer with these fields; gives the member."""
        body = {"changes": {"given_name": "Ada", "family_name": "Lovelace", **changes}}
        return str(done(self.post("/customers", body, key=new_id()), 201)["customer"])

    def load(self, file: str | bytes, mapping: dict[str, Any], **form: Any) -> httpx.Response:
        """Read a CSV file in."""
        content = file if isinstance(file, bytes) else file.encode()
        data = {"mapping": json.dumps(mapping), **form}
        files = {"file": ("customers.csv", content)}
        return self.post("/customers/import", None, "loader", ("importer",), data=data, files=files)

    def customer(self, member: str) -> dict[str, Any]:
        return done(self.get(f"/customers/{member}"))

    def events(self) -> list[Event]:
        """What was published, opened, in the order of the outbox."""
        with Session(self.service.engine) as session:
            rows = session.execute(
                text("SELECT stream, sequence, body FROM outbox WHERE event_id IS NOT NULL ORDER BY id")
            ).all()
            envelopes = [
                parse(message(bytes(row.body), row.sequence), source="callcenter", stream=row.stream) for row in rows
            ]
            pairs = {(e.source, e.subject.partition("/")[2]) for e in envelopes if e.subject.startswith("customer/")}
            found = keys.find(session, pairs, self.service.keks)
            return [Event(e, keys.open_fact(e, found)) for e in envelopes]

    def facts(self, event_type: str) -> list[Any]:
        """The facts of one type that were published."""
        return [event.fact for event in self.events() if event.type == event_type]

    def empty(self) -> None:
        """Forget all that has happened; what the migrations put in stays, and the clock stands at noon again."""
        with self.service.engine.begin() as connection:
            tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            happened = ", ".join(f'"{table}"' for table in set(tables) - {"alembic_version", "choice"})
            connection.execute(text(f"TRUNCATE {happened}"))
            connection.execute(text(FIRST))
        self.clock.now = NOON

    def scalar(self, sql: str, **parameters: Any) -> Any:
        """The one value that a query gives."""
        with self.service.engine.connect() as connection:
            return connection.execute(text(sql), parameters).scalar_one()

    def _headers(
        self, actor: str, roles: tuple[str, ...], more: dict[str, str], teams: tuple[str, ...]
    ) -> dict[str, str]:
        return {"authorization": f"Bearer {self.issuer.token(actor, *roles, teams=teams)}", **more}


@contextmanager
def call_center(database_url: str, folder: Path) -> Iterator[CallCenter]:
    """A call center on an empty database, which is migrated first."""
    with running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts:
        yield CallCenter(*parts)
