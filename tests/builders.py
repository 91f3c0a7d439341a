"""Builders: things to test with, ready made, every part to be overridden."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.settings import Settings
from shared.events.customer import ClaimMade
from shared.events.envelope import Envelope, Event, new_id
from shared.events.facts import Fact, type_of
from shared.pipeline import incoming, migrate, parking, topics, worker
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions

LONG = 10**9
"""Seconds that a token of tests may be good for: their clocks are moved by months."""
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEKS = "test:" + base64.b64encode(bytes(range(32))).decode()


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Move on, by ``timedelta``'s arguments; gives the new instant."""
        self.now += timedelta(**by)
        return self.now


@dataclass
class Issuer:
    """Signs tokens; its public key is in ``jwks_file``."""

    folder: Path
    name: str = "test-issuer"
    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519"))

    @property
    def jwks_file(self) -> Path:
        path = self.folder / "jwks.json"
        path.write_text(json.dumps(KeySet([self.key]).as_dict(private=False)), encoding="utf-8")
        return path

    def token(
        self, actor: str, *roles: str, teams: Iterable[str] = (), expires: datetime = NOON + timedelta(days=365)
    ) -> str:
        """An access token of ``actor`` with these roles and teams."""
        claims = {
            "iss": self.name,
            "aud": "crm",
            "sub": actor,
            "name": actor.title(),
            "roles": list(roles),
            "teams": list(teams),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode({"alg": "Ed25519"}, claims, self.key, algorithms=["Ed25519"])


def erased(
    post: Callable[..., httpx.Response], customer: str, *roles: str, by: tuple[str, str] = ("paul", "petra")
) -> str:
    """Erase a customer as two people with these roles do; gives the erasure's id.

    ``post`` takes a path, a body, an actor and its roles.
    """
    id = str(done(post("/erasures", {"customer": customer}, by[0], roles), 201)["erasure"])
    done(post(f"/erasures/{id}/consent", {}, by[1], roles))
    return id


def done(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The answer of a request that went well."""
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    return answer


def actor(id: str = "anna", *roles: str) -> Actor:
    """An actor; an agent if no role is named."""
    return Actor(id, id.title(), frozenset(roles or ("agent",)))


def claim(field: str, value: str, **overrides: Any) -> ClaimMade:
    """A claim as another service publishes it."""
    return ClaimMade(**{"id": new_id(), "field": field, "value": value, "made": NOON, **overrides})


def heard(member: str, fact: Fact, *, sequence: int = 1, source: str = "sync", **overrides: Any) -> Event:
    """An event of another service as a handler gets it."""
    kind = type_of(fact)
    envelope = Envelope(
        **{
            "specversion": "1.0",
            "id": new_id(),
            "source": source,
            "type": kind.name,
            "subject": f"{kind.stream}/{member}",
            "time": NOON,
            "recordedtime": NOON,
            "dataschema": kind.dataschema,
            "authid": "bert",
            "digits": f"{sequence:010d}",
            **overrides,
        }
    )
    return Event(envelope, fact)


Parts = tuple[Settings, Service, TestClient, Issuer, SetClock]
"""What a service that runs for tests consists of."""


@contextmanager
def running(
    app: Callable[[Settings, Service], FastAPI], versions: Path, name: str, database_url: str, folder: Path
) -> Iterator[Parts]:
    """The application of a service on an empty database, which is migrated first; without a Kafka."""
    migrate.upgrade(database_url, versions)
    issuer, clock = Issuer(folder), SetClock()
    settings = Settings(
        service=name,
        database_url=database_url,
        kafka={"bootstrap.servers": "unused"},
        key_encryption_keys=KEKS,
        port=1,
        token_issuer=issuer.name,
        jwks_file=issuer.jwks_file,
        longest_token_seconds=LONG,
    )
    service = Service.of(settings, process="test", clock=clock)
    with TestClient(app(settings, service), follow_redirects=False) as client:
        yield settings, service, client, issuer, clock


def parked(service: Service, subscriptions: Subscriptions, stream: str, source: str = "elsewhere") -> dict[str, str]:
    """A stream that waits for a person, with one message in it that can't be read; gives its place."""
    service.transact(service.itself, lambda work: worker.register(work, subscriptions, service, 1.0))
    offset = uuid.uuid4().int % 2**40
    broken = incoming.of(f"{source}{topics.EVENTS}", 0, offset, stream.encode(), b"not an event")
    with Session(service.engine) as session:
        parking.park(session, worker.MAIN, broken, parking.MALFORMED, "it can't be read")
        parking.append(session, worker.MAIN, [broken])
        session.commit()
    return {"subscription": worker.MAIN, "source": source, "stream": stream}
