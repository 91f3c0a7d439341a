"""The engine of a service's own database, and which of its errors pass by themselves."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

IDLE_IN_TRANSACTION_SECONDS = 10
"""PostgreSQL ends a transaction whose process froze, so that a zombie holds no lock."""

COPY_PART = 500
"""Rows that are sent together."""
_COPY_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_LENGTH = struct.Struct("!i").pack

REPEATABLE = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
PASSING = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DiskFull,
    psycopg.errors.ReadOnlySqlTransaction,
    *REPEATABLE,
)


def connect(url: str, *, name: str, pool_size: int = 10) -> Engine:
    """An engine for ``url``. ``name`` is shown in PostgreSQL's list of activity. Connects at the first use."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=False,
        connect_args={
            "application_name": name,
            "connect_timeout": 5,
            "options": f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s -c timezone=UTC",
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
    )


def may_repeat(error: BaseException) -> bool:
    """Whether the whole transaction may be done again at once: a deadlock, or a serialization failure."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, REPEATABLE)


def is_passing(error: BaseException) -> bool:
    """Whether the error is of the moment (a lost connection, a full disk) and not of what was asked."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, PASSING) or _lost(error)
    return isinstance(error, PoolTimeout | psycopg.OperationalError)


def _lost(error: DBAPIError) -> bool:
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in ("08", "57", "53", "25")


def as_json(rows: Iterable[Any]) -> str:
    """Structs or mappings as one parameter, to be read with ``json_to_recordset``: for the client much cheaper than an
    array for each column, and needing no table in between."""
    return msgspec.json.encode(list(rows)).decode()


def copy_rows(session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table inside the session's transaction: the fastest way in for many rows."""
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def copy_packed(session: Session, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """COPY rows that are in PostgreSQL's binary form already: the number of columns in two bytes, then each column's
    length in four and its value (see ``packed``)."""
    raw = session.connection().connection.driver_connection
    assert raw is not None
    with raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)") as copy:
        copy.write(_COPY_BEGIN)
        # In parts, so that the database works on one while the next is put together.
        left = iter(rows)
        while part := b"".join(islice(left, COPY_PART)):
            copy.write(part)
        copy.write(_COPY_END)


def packed(value: bytes) -> bytes:
    """A value with its length before it."""
    return _LENGTH(len(value)) + value


def text_array(values: Iterable[str]) -> str:
    """An array as PostgreSQL reads it from a text, to be cast; psycopg takes many times longer for a long list."""
    given = list(values)
    joined = '","'.join(given)
    # Nearly all are ids, of which none has anything to quote.
    if "\\" in joined or joined.count('"') > 2 * (len(given) - 1):
        joined = '","'.join(value.replace("\\", "\\\\").replace('"', '\\"') for value in given)
    return f'{{"{joined}"}}' if given else "{}"
