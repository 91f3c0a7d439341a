"""Brings a service's database to the newest version of its tables, with Alembic and without its env.py.

A version is a file in the service's ``migrations/versions``; ``draft`` writes the body of the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, text

VERSION_TABLE = "alembic_version"
# Two processes that start at once are not to create the same tables. Any number, the same for all.
LOCK = 4_711_001


def upgrade(url: str, versions: Path) -> None:
    """Carry out all versions that the database at ``url`` doesn't have yet, in one transaction."""
    config, script = _script(versions)

    def steps(revision: Any, context: MigrationContext) -> Any:
        return script._upgrade_revs("head", revision)

    engine = create_engine(url)
    try:
        with engine.begin() as connection, EnvironmentContext(config, script, fn=steps) as environment:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            environment.configure(connection=connection, version_table=VERSION_TABLE)
            with environment.begin_transaction():
                environment.run_migrations()
    finally:
        engine.dispose()


def former(versions: Path) -> frozenset[str]:
    """The versions before the newest one that the code knows."""
    _, script = _script(versions)
    newest = script.get_current_head()
    return frozenset(each.revision for each in script.walk_revisions()) - {newest or ""}


def _script(versions: Path) -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(versions))
    return config, ScriptDirectory.from_config(config)


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
