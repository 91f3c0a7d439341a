"""A sync and publishers, each with a database of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from services.sync import wiring
from shared.edge.actor import Actor
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.settings import Settings
from shared.edge.wakeup import Wakeup
from shared.pipeline import migrate
from shared.pipeline.service import Service
from tests.builders import KEKS as KEKS_TEXT
from tests.builders import LONG
from tests.integration.sync.field import Carried, Field, field_of
from tests.integration.sync.told import KEKS, Teller
from tests.servers import PostgresServer

URLS = {"callcenter": "http://callcenter.example", "sync": "http://sync.example"}
ISSUER = "http://issuer.example"

SignedIn = Callable[[Actor], TestClient]


@pytest.fixture
def sync(postgres: PostgresServer) -> Iterator[Service]:
    """A fresh sync."""
    url = postgres.database("sync")
    migrate.upgrade(url, wiring.VERSIONS)
    service = Service("sync", connect(url, name="sync"), {}, KEKS, system_clock, Wakeup(url))
    yield service
    service.wakeup.close()
    service.engine.dispose()


@pytest.fixture
def callcenter(postgres: PostgresServer) -> Iterator[Teller]:
    """A publisher by the name of the call center."""
    teller = Teller.at("callcenter", postgres.database("callcenter"))
    yield teller
    teller.close()


def settings_of(sync: Service, jwks: Path, notify_url: str = "") -> Settings:
    """What the processes of this sync would be told."""
    return Settings(
        service="sync",
        database_url=sync.engine.url.render_as_string(hide_password=False),
        kafka={},
        key_encryption_keys=KEKS_TEXT,
        port=1,
        urls=URLS,
        token_issuer=ISSUER,
        jwks_file=jwks,
        longest_token_seconds=LONG,
        notify_url=notify_url,
    )


@pytest.fixture
def signed_in(sync: Service, tmp_path: Path) -> SignedIn:
    """A client of sync's API for an actor."""
    key = OKPKey.generate_key("Ed25519", private=True, parameters={"kid": "test"})
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    settings = settings_of(sync, jwks)
    app = wiring.app(settings, sync)

    def client(actor: Actor) -> TestClient:
        claims = {
            "iss": ISSUER,
            "aud": "crm",
            "sub": actor.id,
            "name": actor.name,
            "roles": sorted(actor.roles),
            "exp": int((datetime.now(UTC) + timedelta(hours=1)).timestamp()),
        }
        token = jwt.encode({"alg": "Ed25519", "kid": "test"}, claims, key, algorithms=["Ed25519"])
        return TestClient(app, headers={"authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    return client


@pytest.fixture(scope="module")
def _field(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with field_of(postgres, tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def field(_field: Field) -> Field:
    """Sync with devices, before anything has happened."""
    _field.empty()
    return _field


@pytest.fixture
def rita(field: Field) -> Carried:
    """Rita looks after the north, and has a device."""
    field.territory("north", "rita")
    return field.carried("rita")
