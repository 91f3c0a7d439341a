from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sfa.force import Force, sales_force
from tests.servers import PostgresServer


@pytest.fixture(scope="module")
def kept(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Force]:
    """A sales force for the tests of one file."""
    with sales_force(postgres.database("sfa"), tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def force(kept: Force) -> Force:
    """The sales force of the file, emptied: nothing has happened in it."""
    kept.empty()
    return kept
