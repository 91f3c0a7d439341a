"""Statements of the paths that every command takes, given to the driver as they are.

SQLAlchemy takes as long to build and hand over a statement as PostgreSQL does to carry out several such; where a
command runs a dozen of them, that is most of its time. In the session's transaction, with its errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

_CURSOR = "cursor of statements"


def run(session: Session, statement: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement with psycopg's placeholders; gives its rows, none for one that returns nothing.

    Raises SQLAlchemy's ``DBAPIError``, as ``session.execute`` does.
    """
    cursor = _cursor(session)
    try:
        cursor.execute(statement, parameters)
        # Not its description, which is put together column by column.
        return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []
    except psycopg.Error as error:
        broken = cursor.connection.broken
        if broken:
            session.connection().invalidate(error)
        raise DBAPIError.instance(
            statement, parameters, error, psycopg.Error, hide_parameters=True, connection_invalidated=broken
        ) from error


def _cursor(session: Session) -> psycopg.Cursor[tuple[Any, ...]]:
    # Coming to the connection and a new cursor takes half the time of a statement, so a transaction keeps its own. A
    # nested one has to come to the connection itself: that is when SQLAlchemy makes its savepoint.
    known: tuple[object, psycopg.Cursor[tuple[Any, ...]]] | None = session.info.get(_CURSOR)
    if known is not None and known[0] is _transaction(session):
        return known[1]
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    cursor = connection.cursor()
    session.info[_CURSOR] = _transaction(session), cursor
    return cursor


def _transaction(session: Session) -> object:
    return session.get_nested_transaction() or session.get_transaction()
