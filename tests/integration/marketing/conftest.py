from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.marketing.market import Market, market
from tests.servers import PostgresServer


@pytest.fixture(scope="session")
def only_market(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """One marketing service for all its tests."""
    with market(postgres.database("marketing"), tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def fresh(only_market: Market) -> Market:
    """The marketing service, emptied: nothing has happened in it."""
    only_market.empty()
    return only_market
