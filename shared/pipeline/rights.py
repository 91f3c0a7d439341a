"""What the roles of a service's processes may do in its database: what they need, and nothing else.

A database belongs to the role that migrates it. Its processes come as other roles, which can neither change tables nor
empty them, and can't touch what they wrote into the audit. What isn't granted here is denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql
from sqlalchemy import Connection, create_engine, text

from shared.pipeline.migrate import LOCK, VERSION_TABLE

PROCESSES = ("api", "worker")
"""Each has a role of its own; what else runs needs no database, or is its owner."""
APPEND_ONLY: Mapping[str, tuple[str, ...]] = {"audit_entry": ("api", "worker"), "audit_link": ("worker",)}
"""Tables in which nothing is ever changed, and the processes that may write a line into them."""
READ = frozenset({VERSION_TABLE})
"""Tables that processes only read: by the version they know whether they fit the database."""
_CHANGE = "SELECT, INSERT, UPDATE, DELETE"


def role(service: str, process: str) -> str:
    """As whom a process of a service comes to its database."""
    return f"{service}_{process}"


def grant(url: str, service: str) -> None:
    """Give the roles of the service that are there what they need in the database at ``url``, whose owner this is, and
    take away what else they have."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            present = _present(connection, service)
            if present:
                _close(connection, [role(service, process) for process in present])
            for process in present:
                _open(connection, process, sql.Identifier(role(service, process)))
    finally:
        engine.dispose()


def granted(process: str, table: str) -> str:
    """What a process may do with a table, ``{}`` standing for the columns that it may fill."""
    if table in READ:
        return "SELECT"
    writers = APPEND_ONLY.get(table)
    if writers is None:
        return _CHANGE
    return "SELECT, INSERT ({})" if process in writers else "SELECT"


def _present(connection: Connection, service: str) -> list[str]:
    wanted = {role(service, process): process for process in PROCESSES}
    found = connection.scalars(
        text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names) ORDER BY rolname"), {"names": list(wanted)}
    )
    return [wanted[name] for name in found]


def _close(connection: Connection, roles: list[str]) -> None:
    database = sql.Identifier(str(connection.scalar(text("SELECT current_database()"))))
    for name in (sql.SQL("PUBLIC"), *map(sql.Identifier, roles)):
        _run(connection, "REVOKE ALL ON DATABASE {} FROM {}", database, name)
        _run(connection, "REVOKE ALL ON SCHEMA public FROM {}", name)
        for kind in ("TABLES", "SEQUENCES", "ROUTINES"):
            _run(connection, f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM {{}}", name)
    for name in map(sql.Identifier, roles):
        # Temporary tables: many new customers come into one first.
        _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, name)
        _run(connection, "GRANT USAGE ON SCHEMA public TO {}", name)


def _open(connection: Connection, process: str, name: sql.Identifier) -> None:
    tables = connection.scalars(
        text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')")
    ).all()
    # Nearly all tables at once: a start waits for this.
    _allow(connection, process, [table for table in tables if granted(process, table) == _CHANGE], name)
    for table in tables:
        if granted(process, table) != _CHANGE:
            _allow(connection, process, [table], name)


def _allow(connection: Connection, process: str, tables: Sequence[str], name: sql.Identifier) -> None:
    """Grant what the process may do with these tables, with all of them the same."""
    if tables and (rights := granted(process, tables[0])):
        columns = sql.SQL(", ").join(map(sql.Identifier, _fillable(connection, tables[0])))
        named = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
        _run(connection, "GRANT {} ON {} TO {}", sql.SQL(rights).format(columns), named, name)


def _fillable(connection: Connection, table: str) -> list[str]:
    """The columns that aren't numbered by the database: whoever chose a number himself could add a line to the past."""
    found = connection.scalars(
        text("""
SELECT attname FROM pg_attribute
WHERE attrelid = format('public.%I', CAST(:table AS text))::regclass
  AND attnum > 0 AND NOT attisdropped AND attidentity <> 'a' ORDER BY attnum
"""),
        {"table": table},
    )
    return list(found)


def _run(connection: Connection, statement: str, *names: sql.Composable) -> None:
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(sql.SQL(statement).format(*names))
