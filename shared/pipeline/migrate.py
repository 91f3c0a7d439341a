"""Brings a service's database to the newest version of its tables, with Alembic and without its env.py.

A version is a file in the service's ``migrations/versions``; ``draft`` writes the body of the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import structlog
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, MetaData, create_engine, text
from sqlalchemy.exc import OperationalError

log = structlog.get_logger(__name__)

VERSION_TABLE = "alembic_version"
# Two processes that start at once are not to create the same tables. Any number, the same for all.
LOCK = 4_711_001
LOCK_MILLISECONDS = 700
"""For a lock. Less than the second after which PostgreSQL looks for a deadlock, and ends somebody else's work maybe."""
PAUSE_SECONDS = 0.3
TRY_SECONDS = 120


def upgrade(url: str, versions: Path) -> None:
    """Carry out all versions that the database at ``url`` doesn't have yet, in one transaction; none if it's ahead.

    The service may be at work meanwhile. A change waits for those who use a table, while others wait behind it, and
    they may wait for each other: so it gives up before anybody suffers, and tries again. Raises ``OperationalError``
    when the tables are never free for so long.
    """
    script = _script(versions)
    engine = create_engine(url)
    end = time.monotonic() + TRY_SECONDS
    try:
        while True:
            try:
                _upgrade(engine, script)
                return
            except OperationalError as error:
                if not isinstance(error.orig, LockNotAvailable | DeadlockDetected) or time.monotonic() > end:
                    raise
                log.warning("migrate.waits", error=type(error.orig).__name__)
                time.sleep(PAUSE_SECONDS)
    finally:
        engine.dispose()


def former(versions: Path) -> frozenset[str]:
    """The versions before the newest one that the code knows, by which a process knows that its tables are too old."""
    script = _script(versions)
    newest = script.get_current_head()
    return frozenset(each.revision for each in script.walk_revisions()) - {newest or ""}


def _script(versions: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(versions))
    return ScriptDirectory.from_config(config)


def _upgrade(engine: Engine, script: ScriptDirectory) -> None:
    def steps(revision: Any, context: MigrationContext) -> Any:
        return script._upgrade_revs("head", revision)

    with engine.begin() as connection, EnvironmentContext(Config(), script, fn=steps) as environment:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        environment.configure(connection=connection, version_table=VERSION_TABLE)
        if _is_ahead(environment.get_context(), script):
            # Whoever goes back a release finds tables that have more than it knows, which doesn't disturb it.
            log.warning("migrate.ahead", why="the database has the tables of a newer release; nothing was changed")
            return
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"))
        with environment.begin_transaction():
            environment.run_migrations()


def _is_ahead(context: MigrationContext, script: ScriptDirectory) -> bool:
    known = {revision.revision for revision in script.walk_revisions()}
    return not known.issuperset(context.get_current_heads())


def differences(url: str, metadatas: Iterable[MetaData]) -> list[Any]:
    """What the database at ``url`` lacks or has beyond the tables in the code; empty when they agree."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(compare_metadata(_context(connection), joined(metadatas)))
    finally:
        engine.dispose()


def draft(url: str, metadatas: Iterable[MetaData]) -> str:
    """The body of ``upgrade()`` that would bring the database at ``url`` to the tables in the code."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            script = produce_migrations(_context(connection), joined(metadatas))
    finally:
        engine.dispose()
    assert script.upgrade_ops is not None
    return render_python_code(script.upgrade_ops)


def joined(metadatas: Iterable[MetaData]) -> MetaData:
    """The tables of several registries in one."""
    together = MetaData()
    for metadata in metadatas:
        for table in metadata.tables.values():
            table.to_metadata(together)
    return together


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
