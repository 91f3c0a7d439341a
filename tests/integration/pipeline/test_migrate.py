"""Tables are changed under those who use them, and nobody of these is ended or kept waiting for long."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from shared.pipeline import migrate
from tests.servers import PostgresServer

FIRST = """
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.execute("CREATE TABLE a (n int)")
    op.execute("CREATE TABLE b (n int)")
"""
SECOND = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("ALTER TABLE a ADD more int")
    op.execute("ALTER TABLE b ADD more int")
"""


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "0001_first.py").write_text(FIRST)
    return folder


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def columns(url: str) -> list[tuple[str, str]]:
    with connect(url) as connection:
        return connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name <> 'alembic_version' ORDER BY 1, 2"
        ).fetchall()


def test_who_is_at_work_goes_on_and_the_change_is_made_afterwards(versions: Path, postgres: PostgresServer) -> None:
    url = postgres.database("migrated")
    migrate.upgrade(url, versions)
    (versions / "0002_more.py").write_text(SECOND)
    with connect(url) as at_work:
        at_work.execute("INSERT INTO b VALUES (1)")
        changing = threading.Thread(target=migrate.upgrade, args=(url, versions))
        changing.start()
        with connect(url) as watching:
            wait_for_lock(watching)
        # Now the change has ``a`` and waits for ``b``: a deadlock, if nobody gave way.
        at_work.execute("INSERT INTO a VALUES (1)")
        at_work.commit()
    changing.join(30)
    assert not changing.is_alive()
    assert columns(url) == [("a", "more"), ("a", "n"), ("b", "more"), ("b", "n")]


def wait_for_lock(watching: psycopg.Connection) -> None:
    end = time.monotonic() + 20
    while not watching.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone():
        assert time.monotonic() < end, "the change waits for nobody"
        watching.rollback()


def test_a_former_release_leaves_the_tables_of_a_newer_one_alone(versions: Path, postgres: PostgresServer) -> None:
    url = postgres.database("newer")
    (versions / "0002_more.py").write_text(SECOND)
    migrate.upgrade(url, versions)
    before = columns(url)
    (versions / "0002_more.py").unlink()
    migrate.upgrade(url, versions)
    assert columns(url) == before
