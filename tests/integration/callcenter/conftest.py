from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.callcenter.center import CallCenter, call_center
from tests.servers import PostgresServer


@pytest.fixture(scope="module")
def center(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallCenter]:
    """A call center for the tests of one file; each test takes customers and numbers of its own."""
    with call_center(postgres.database("callcenter"), tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def fresh(center: CallCenter) -> CallCenter:
    """The call center of the file, emptied: nothing has happened in it."""
    center.empty()
    return center
