from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from tests.access.world import World
from tests.servers import PostgresServer

SERVICES = ("callcenter", "marketing", "sfa", "sync")


@pytest.fixture(scope="session", params=SERVICES)
def world(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One service after the other, with customers that lie differently to the actor."""
    name: str = request.param
    make = importlib.import_module(f"tests.access.{name}").world
    with make(postgres.database(f"access_{name}"), tmp_path_factory.mktemp(name), postgres) as made:
        yield made
