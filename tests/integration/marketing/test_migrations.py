"""The migrations make the tables that the code has."""

from __future__ import annotations

from services.marketing import wiring
from shared.pipeline import migrate
from tests.servers import PostgresServer


def test_they_make_the_tables_of_the_code_and_may_run_again(postgres: PostgresServer) -> None:
    url = postgres.database("marketing")
    migrate.upgrade(url, wiring.VERSIONS)
    migrate.upgrade(url, wiring.VERSIONS)
    assert migrate.differences(url, wiring.METADATAS) == []
