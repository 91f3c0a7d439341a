"""The migrations make the tables that the code has."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import create_engine, text

from services.sfa import wiring
from shared.pipeline import migrate
from tests.servers import PostgresServer

FIRST, LATER = datetime(2026, 5, 3, 10, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def test_they_make_the_tables_of_the_code_and_may_run_again(postgres: PostgresServer) -> None:
    url = postgres.database("sfa")
    migrate.upgrade(url, wiring.VERSIONS)
    migrate.upgrade(url, wiring.VERSIONS)
    assert migrate.differences(url, wiring.METADATAS) == []


def made(at: datetime, number: int) -> UUID:
    """The id of an event that was made then."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | number)


def test_since_when_others_are_heard_is_worked_out_for_those_who_joined_before_it_was_noted(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url, versions = postgres.database("sfa"), tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    for file in wiring.VERSIONS.glob("*.py"):
        if file.name < "0010":
            shutil.copy(file, versions)
    migrate.upgrade(url, versions)
    engine = create_engine(url)
    position = text("INSERT INTO position VALUES (:stream, 'sync', 'main', 1, :id)")
    met = text('INSERT INTO activation (subscription, topic, partition, "offset") VALUES (:slice, :topic, 0, 0)')
    with engine.begin() as connection:
        connection.execute(position, {"stream": "customer/1", "id": made(LATER, 1)})
        connection.execute(position, {"stream": "customer/2", "id": made(FIRST, 2)})
        connection.execute(met, [{"slice": "main", "topic": f"{each}.events"} for each in ("sync", "marketing")])
    migrate.upgrade(url, wiring.VERSIONS)
    with engine.begin() as connection:
        began = connection.scalar(text("SELECT now()"))
        # As a process of the former release goes on writing.
        connection.execute(met, {"slice": "main", "topic": "callcenter.events"})
        found = dict(map(tuple, connection.execute(text("SELECT topic, at FROM activation")).all()))
    engine.dispose()
    assert found == {"sync.events": FIRST, "marketing.events": None, "callcenter.events": began}
