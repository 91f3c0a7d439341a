"""What the issuer remembers, in SQLite: sessions survive its restart. Secrets that others hold are kept as digests."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    subject TEXT PRIMARY KEY, password TEXT NOT NULL,
    second_secret TEXT, last_step INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS session (
    sid TEXT PRIMARY KEY, browser TEXT NOT NULL UNIQUE, subject TEXT NOT NULL,
    began REAL NOT NULL, ends REAL NOT NULL, factors TEXT NOT NULL, over INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS visit (
    sid TEXT NOT NULL, client TEXT NOT NULL, PRIMARY KEY (sid, client));
CREATE TABLE IF NOT EXISTS code (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, sid TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL, nonce TEXT, challenge TEXT NOT NULL, ends REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS refresh (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, sid TEXT NOT NULL, scope TEXT NOT NULL, replaced REAL);
CREATE TABLE IF NOT EXISTS enrolment (
    digest TEXT PRIMARY KEY, subject TEXT NOT NULL, secret TEXT NOT NULL, ends REAL NOT NULL);
"""


class Store:
    """One connection, used by one thread at a time: what is kept here is small, and each step is short."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All of it or nothing; nobody else changes anything meanwhile."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, statement: str, *values: Any) -> int:
        """Change something; gives the number of rows that were."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row, if there is one."""
        with self._lock:
            found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def all(self, statement: str, *values: Any) -> Sequence[sqlite3.Row]:
        """Every row."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def new_secret() -> str:
    """Something that nobody guesses."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 random bits, so a plain hash can't be turned back."""
    return hashlib.sha256(secret.encode()).hexdigest()
