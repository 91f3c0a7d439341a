from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.pipeline.conftest import databases, offline, pair
from tests.integration.pipeline.test_recovery import backed_up
from tests.integration.sfa.force import Force, sales_force
from tests.servers import PostgresServer

__all__ = ["backed_up", "databases", "offline", "pair"]


@pytest.fixture(scope="module")
def kept_force(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Force]:
    """A sales force for the tests of one file."""
    with sales_force(postgres.database("sfa"), tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def force(kept_force: Force) -> Force:
    """The sales force of the file, emptied: nothing has happened in it."""
    kept_force.empty()
    kept_force.service.standing.refresh()
    return kept_force
