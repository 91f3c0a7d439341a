"""What each role may do in PostgreSQL, tried."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from deploy.local import postgres
from deploy.local.layout import ROOT
from deploy.local.postgres import Postgres, role_of
from services.callcenter.wiring import BLOCK
from shared.edge.settings import SERVICES
from shared.pipeline import audit, migrate, rights
from tests.builders import KEKS

SERVICE = "callcenter"
ENTRY = {
    "at": "2026-01-01T00:00:00Z",
    "actor": "anna",
    "action": "customer.edit",
    "outcome": "changed",
    "subjects": "{}",
    "why": "",
    "origin": "",
    "detail": "{}",
}
CHANGES = (
    "UPDATE {} SET {} = NULL",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "ALTER TABLE {} ADD COLUMN more text",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "DROP TABLE {}",
    "CREATE RULE none AS ON INSERT TO {} DO INSTEAD NOTHING",
    "ALTER TABLE {} RENAME TO gone",
    "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    "SELECT 1 FROM {} FOR UPDATE",
    "ALTER TABLE {} OWNER TO CURRENT_USER",
)


@pytest.fixture(scope="module", autouse=True)
def migrated(database: Postgres) -> None:
    """The service's tables, as its owner has them after ``migrate``."""
    owner = database.url(SERVICE, SERVICE)
    migrate.upgrade(owner, BLOCK.versions)
    rights.grant(owner, SERVICE)


def connect(server: Postgres, role: str, name: str = SERVICE) -> psycopg.Connection:
    url = make_url(server.url(role, name)).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


@pytest.fixture(params=rights.PROCESSES)
def process(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def session(database: Postgres, process: str) -> Iterator[psycopg.Connection]:
    """A connection of one of the service's processes."""
    with connect(database, rights.role(SERVICE, process)) as connection:
        yield connection


def denied(session: psycopg.Connection, statement: str) -> bool:
    """Whether a statement is refused for want of a right; whatever it does is undone."""
    try:
        if " DATABASE " in statement:  # not inside of a transaction
            session.execute(statement.encode())
        else:
            with session.transaction(force_rollback=True):
                session.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


def test_a_process_changes_rows_and_no_tables(session: psycopg.Connection) -> None:
    for statement in (
        "SELECT * FROM outbox",
        "INSERT INTO stream_head (stream, sequence) VALUES ('x', 1)",
        "UPDATE stream_head SET sequence = 2",
        "DELETE FROM stream_head",
        "INSERT INTO outbox (stream, body) VALUES ('x', 'x')",
        "CREATE TEMP TABLE own (one int)",
        "LISTEN committed",
        "SELECT pg_advisory_xact_lock(1)",
    ):
        assert not denied(session, statement), statement
    for statement in (
        "CREATE TABLE mine (one int)",
        "CREATE UNLOGGED TABLE mine (one int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA mine",
        "TRUNCATE outbox",
        "ALTER TABLE outbox ADD COLUMN more text",
        "DROP TABLE outbox",
        "CREATE TRIGGER mine AFTER INSERT ON outbox EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DELETE FROM alembic_version",
        "UPDATE alembic_version SET version_num = ''",
        "DROP DATABASE sync",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "COPY outbox TO PROGRAM 'cat'",
        "COPY outbox FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SET session_replication_role = 'replica'",
        f"SET ROLE {SERVICE}",
    ):
        assert denied(session, statement), statement


def test_nobody_reads_passwords_or_changes_anothers(session: psycopg.Connection, process: str) -> None:
    assert denied(session, "SELECT rolpassword FROM pg_authid")
    assert denied(session, "SELECT passwd FROM pg_shadow")
    for role in (SERVICE, "postgres", "sync", *(rights.role(SERVICE, p) for p in rights.PROCESSES if p != process)):
        assert denied(session, f"ALTER ROLE {role} PASSWORD 'mine'"), role
    assert denied(session, "ALTER ROLE CURRENT_USER SUPERUSER")


@pytest.mark.parametrize("table", rights.APPEND_ONLY)
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_written_into_the_audit_stays(session: psycopg.Connection, table: str, change: str) -> None:
    row = session.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum DESC LIMIT 1",
        [table],
    ).fetchone()
    assert row is not None
    assert denied(session, change.format(table, row[0]) if "SET" in change else change.format(table))


def test_who_adds_to_the_audit(session: psycopg.Connection, process: str) -> None:
    with session.transaction(force_rollback=True):
        session.execute(audit.INSERT, ENTRY)
    link = "INSERT INTO audit_link (pos, n, hash) VALUES (1, 1, '')"
    assert denied(session, link) == (process != "worker")
    for table, writers in rights.APPEND_ONLY.items():
        assert not denied(session, f"SELECT * FROM {table}")
        found = session.execute("SELECT has_any_column_privilege(%s, 'INSERT')", [table]).fetchone()
        assert found == (process in writers,)
        # Who can't pass a right on is only warned.
        session.execute(f"GRANT ALL ON {table} TO CURRENT_USER")
        assert session.execute("SELECT has_table_privilege(%s, 'UPDATE')", [table]).fetchone() == (False,)


def test_nobody_adds_a_line_to_the_past(session: psycopg.Connection) -> None:
    """By choosing a number that was left out."""
    number = session.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'audit_entry'::regclass AND attidentity = 'a'"
    ).fetchone()
    assert number is not None
    assert denied(session, f"INSERT INTO audit_entry ({number[0]}) OVERRIDING SYSTEM VALUE VALUES (0)")


@pytest.mark.parametrize("other", [s for s in SERVICES if s != SERVICE])
def test_a_neighbours_database_is_closed(database: Postgres, other: str) -> None:
    for role in (SERVICE, *(rights.role(SERVICE, process) for process in rights.PROCESSES)):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(database, role, other)
    url = make_url(database.url(SERVICE, SERVICE)).set(drivername="postgresql", username=other)
    text = url.render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(text, connect_timeout=5)


def test_rights_beyond_these_are_taken_away(database: Postgres) -> None:
    api = rights.role(SERVICE, "api")
    with connect(database, SERVICE) as owner:
        owner.execute(f"GRANT ALL ON audit_entry, outbox, alembic_version TO {api}, PUBLIC")
        owner.execute(f"GRANT UPDATE (hash) ON audit_link TO {api}")
        owner.execute(f"GRANT CREATE ON SCHEMA public TO {api}")
    rights.grant(database.url(SERVICE, SERVICE), SERVICE)
    with connect(database, api) as session:
        for statement in ("DELETE FROM audit_entry", "TRUNCATE outbox", "DELETE FROM alembic_version"):
            assert denied(session, statement), statement
        assert denied(session, "UPDATE audit_link SET hash = hash")
        assert denied(session, "CREATE TABLE mine (one int)")


def test_where_no_such_roles_are_nothing_is_granted(database: Postgres) -> None:
    """As in a database that one role alone uses."""
    url = database.ensure_database("alone")
    rights.grant(url, "nobodys")
    with connect(database, "alone", "alone") as owner:
        assert owner.execute("SELECT nspacl::text LIKE '%=U/%' FROM pg_namespace WHERE nspname = 'public'").fetchone()


def test_the_local_run_and_migrate_speak_of_the_same_roles() -> None:
    assert postgres.PROCESSES == rights.PROCESSES
    assert [role_of("sync", p) for p in ("api", "worker")] == [rights.role("sync", p) for p in rights.PROCESSES]
    assert [role_of("sync", command) for command in ("migrate", "rebuild", "redrive", "streams")] == [
        "sync",
        "sync",
        "sync_worker",
        None,
    ]


def test_roles_and_databases_of_another_server_are_made_by_a_script(tmp_path: Path) -> None:
    """deploy/postgres/roles.sql does on any server what a local run does on its own."""
    server = Postgres(tmp_path / "postgres", tmp_path / "secrets")
    tmp_path.chmod(0o711)
    server.start()
    try:
        for _ in range(2):  # a second time changes nothing
            for service in ("callcenter", "sync"):
                _run_script(server, service)
        owner = _as(server, "callcenter", "callcenter-owner")
        migrate.upgrade(owner, BLOCK.versions)
        rights.grant(owner, "callcenter")
        with psycopg.connect(_plain(_as(server, "callcenter_api", "callcenter-api")), autocommit=True) as session:
            assert not denied(session, "SELECT * FROM outbox")
            assert denied(session, "TRUNCATE outbox")
            assert denied(session, "CREATE TABLE mine (one int)")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(_plain(_as(server, "callcenter_api", "callcenter-api", "sync")))
        assert "callcenter-api" not in server.log.read_text()
    finally:
        server.stop()
        server.delete()


def _run_script(server: Postgres, service: str) -> None:
    told = {"service": service, **{p: f"{service}-{p}" for p in ("owner", "api", "worker")}}
    names = [part for name, value in told.items() for part in ("-v", f"{name}={value}")]
    script = ROOT / "deploy" / "postgres" / "roles.sql"
    psql = [str(server.programs / "psql"), "-X", "-v", "ON_ERROR_STOP=1", *names, "-f", str(script)]
    done = subprocess.run([*psql, _plain(server.admin_url)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def _as(server: Postgres, role: str, password: str, name: str = "callcenter") -> str:
    url = make_url(server.admin_url).set(username=role, password=password, database=name)
    return url.render_as_string(hide_password=False)


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_migrate_grants(database: Postgres) -> None:
    """The command itself, as the owner."""
    told = {
        "CRM_SYNC_DATABASE_URL": database.url("sync", "sync"),
        "CRM_SYNC_PORT": "1",
        "CRM_KAFKA_BOOTSTRAP_SERVERS": "unused",
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_TOKEN_ISSUER": "unused",
        "CRM_JWKS_FILE": "unused",
    }
    command = [sys.executable, "-m", "services.sync", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with connect(database, "sync_api", "sync") as session:
        assert not denied(session, "UPDATE outbox SET stream = stream")
        assert denied(session, "TRUNCATE outbox")
