"""A body that is too large is refused while it comes in, whatever its header says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, Request
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey, KeySet

from shared.access.grants import NOTHING
from shared.edge.auth import Authenticator, Trust
from shared.edge.clock import system_clock
from shared.edge.health import Health
from shared.edge.http import Standings, create_app, public, takes_upload
from shared.edge.issuer import KeyFile
from shared.edge.limits import LARGEST_BODY

routes = APIRouter()


@routes.post("/small")
@public
async def small(request: Request) -> int:
    return len(await request.body())


@routes.post("/large")
@public
@takes_upload
async def large(request: Request) -> int:
    return len(await request.body())


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)))
    authenticator = Authenticator(KeyFile(keys), Trust("issuer", "crm"), system_clock)
    with TestClient(create_app("Test", authenticator, [routes], Health(), Standings(lambda _: NOTHING))) as made:
        yield made


def test_a_body_up_to_the_limit_is_taken(client: TestClient) -> None:
    assert client.post("/small", content=b"x" * LARGEST_BODY).json() == LARGEST_BODY


def test_a_larger_body_is_refused(client: TestClient) -> None:
    answer = client.post("/small", content=b"x" * (LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert answer.json()["title"] == "Too large"


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    answer = client.post("/small", content=(b"x" * 100_000 for _ in range(12)))
    assert answer.status_code == 413


def test_an_upload_may_be_larger(client: TestClient) -> None:
    assert client.post("/large", content=b"x" * (LARGEST_BODY + 1)).json() == LARGEST_BODY + 1
