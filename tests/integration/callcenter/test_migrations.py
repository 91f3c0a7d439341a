"""The migrations make the tables that the code has."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from sqlalchemy import create_engine, text

from services.callcenter import wiring
from shared.pipeline import migrate
from tests.servers import PostgresServer


def test_the_versions_make_the_tables_in_the_code(postgres: PostgresServer) -> None:
    url = postgres.database("callcenter")
    assert migrate.differences(url, wiring.METADATAS) != []
    migrate.upgrade(url, wiring.VERSIONS)
    assert migrate.differences(url, wiring.METADATAS) == []
    assert "pass" in migrate.draft(url, wiring.METADATAS)


def test_two_processes_that_migrate_at_once_do_it_once(postgres: PostgresServer) -> None:
    url = postgres.database("callcenter")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(migrate.upgrade, [url, url], [wiring.VERSIONS, wiring.VERSIONS]))
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM definition WHERE kind = 'outcome'")) == 6
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
    engine.dispose()
