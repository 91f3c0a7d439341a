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
        return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        broken = cursor.connection.broken
        if broken:
            session.connection().invalidate(error)
        raise DBAPIError.instance(
            statement, parameters, error, psycopg.Error, hide_parameters=True, connection_invalidated=broken
        ) from error


def _cursor(session: Session) -> psycopg.Cursor[tuple[Any, ...]]:
    # A cursor takes a quarter of the time of a statement, so a session keeps its own.
    connection = session.connection().connection.driver_connection
    cursor: psycopg.Cursor[tuple[Any, ...]] | None = session.info.get(_CURSOR)
    if cursor is None or cursor.connection is not connection:
        assert isinstance(connection, psycopg.Connection)
        cursor = session.info[_CURSOR] = connection.cursor()
    return cursor
