"""Migrations only add, as long as the former release's processes may be at work: they don't know what came after them.

What the former release doesn't use any more may go. Name it in ``GIVEN_UP`` then.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from sqlalchemy import make_url

from deploy.local.layout import ROOT
from tests.builders import KEKS
from tests.servers import PostgresServer

SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/wiring.py"))
GIVEN_UP: frozenset[str] = frozenset()
"""``table.column``, ``table`` or the name of an index: of no use to the former release, though it is in its tables."""

COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AS must
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped
"""
NARROWED = """
WITH narrowing AS (
  SELECT indrelid AS of, i.relname AS name, pg_get_indexdef(i.oid) AS how, indkey::int2[] AS keys
  FROM pg_index x JOIN pg_class i ON i.oid = indexrelid WHERE indisunique
  UNION ALL
  SELECT conrelid, conname, pg_get_constraintdef(oid), conkey FROM pg_constraint WHERE contype IN ('c', 'f', 'x')
)
SELECT c.relname, n.name, n.how, ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = n.of AND attnum = ANY (n.keys))
FROM narrowing n JOIN pg_class c ON c.oid = n.of WHERE c.relnamespace = 'public'::regnamespace
"""


class Tables:
    """The tables of a database: columns with their types, and what narrows the rows that may be in them."""

    def __init__(self, url: str) -> None:
        with connect(url) as connection:
            self.columns = {(table, name): (kind, must) for table, name, kind, must in connection.execute(COLUMNS)}
            self.narrowed = {(table, name): (how, of) for table, name, how, of in connection.execute(NARROWED)}

    @property
    def names(self) -> set[str]:
        return {table for table, _ in self.columns}


def connect(url: str) -> psycopg.Connection:
    """A connection to a database that SQLAlchemy knows by this URL."""
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False))


def do(url: str, statement: LiteralString) -> None:
    """Change a database."""
    with connect(url) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_only_add(service: str, tree: Path, postgres: PostgresServer) -> None:
    if not (tree / "services" / service).is_dir():
        return  # a block that the former release didn't have has nothing beside it
    url = postgres.database(service)
    migrate(tree, service, url)
    before = Tables(url)
    migrate(ROOT, service, url)
    assert breaks(before, Tables(url)) == []


def breaks(before: Tables, after: Tables) -> list[str]:
    """What the former release's statements would stumble over."""
    return sorted([*_columns_changed(before, after), *_rows_refused(before, after)])


def _columns_changed(before: Tables, after: Tables) -> Iterator[str]:
    for (table, name), (kind, must) in before.columns.items():
        now = after.columns.get((table, name))
        if {table, f"{table}.{name}"} & GIVEN_UP:
            continue
        if now is None:
            yield f"{table}.{name} is gone"
        elif now[0] != kind:
            yield f"{table}.{name} was {kind} and is {now[0]}"
        elif now[1] and not must:
            yield f"{table}.{name} must be given now"
    for (table, name), (_, must) in after.columns.items():
        if must and table in before.names and (table, name) not in before.columns:
            yield f"{table}.{name} must be given, and the former release doesn't know it"


def _rows_refused(before: Tables, after: Tables) -> Iterator[str]:
    for (table, name), (how, of) in after.narrowed.items():
        known = any((table, column) in before.columns for column in of) or not of
        if table in before.names and known and before.narrowed.get((table, name)) != (how, of) and name not in GIVEN_UP:
            yield f"{name} on {table} allows less than before: {how}"
    for (table, name), (how, _) in before.narrowed.items():
        # ON CONFLICT needs the unique index that it names.
        if "UNIQUE" in how and (table, name) not in after.narrowed and not {table, name} & GIVEN_UP:
            yield f"{name} on {table} is gone: {how}"


def migrate(tree: Path, service: str, url: str) -> None:
    """Bring a database to the tables of a release, by its own command."""
    told = {
        f"CRM_{service.upper()}_DATABASE_URL": url,
        f"CRM_{service.upper()}_PORT": "1",
        "CRM_KAFKA_BOOTSTRAP_SERVERS": "nobody:1",
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_TOKEN_ISSUER": "http://nobody",
        "CRM_JWKS_FILE": "nothing",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    command = [sys.executable, "-m", f"services.{service}", "migrate"]
    done = subprocess.run(command, cwd=tree, env=kept | told, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr


def test_what_breaks_the_former_release_is_named(postgres: PostgresServer) -> None:
    url = postgres.database("narrowing")
    do(url, "CREATE TABLE a (b text PRIMARY KEY, c int, d int NOT NULL DEFAULT 1, e int UNIQUE)")
    before = Tables(url)
    do(url, "CREATE TABLE f (g text PRIMARY KEY, h int NOT NULL)")
    do(url, "ALTER TABLE a ADD k int, ADD l int NOT NULL DEFAULT 0, ADD m int CHECK (m > 0)")
    assert breaks(before, Tables(url)) == []
    do(url, "ALTER TABLE a DROP c, ALTER d TYPE bigint, ADD CHECK (d > m), DROP CONSTRAINT a_e_key")
    do(url, "ALTER TABLE a ALTER l DROP DEFAULT, ALTER e SET NOT NULL")
    assert breaks(before, Tables(url)) == [
        "a.c is gone",
        "a.d was integer and is bigint",
        "a.e must be given now",
        "a.l must be given, and the former release doesn't know it",
        "a_check on a allows less than before: CHECK ((d > m))",
        "a_e_key on a is gone: CREATE UNIQUE INDEX a_e_key ON public.a USING btree (e)",
    ]
