"""What the processes of a service depend on, and how each is asked whether it can be used."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shared.edge.errors import Unavailable
from shared.edge.health import Dependency
from shared.edge.issuer import Keys
from shared.edge.wakeup import plain_url
from shared.pipeline import migrate

DATABASE, MIGRATIONS, KAFKA, ISSUER = "database", "migrations", "kafka", "issuer"
SECONDS = 3
"""How long one answer may take."""
_OPTIONS = f"-c statement_timeout={SECONDS}s -c default_transaction_read_only=on"


def database(url: str, versions: Path | None) -> Dependency:
    """The service's own database, and whether its tables are as this release needs them. A newer release may have
    changed them already: what it adds doesn't disturb. ``versions``: where the migrations are; none: don't look."""
    asked = _Database(plain_url(url), versions)
    return Dependency((DATABASE, MIGRATIONS) if versions else (DATABASE,), asked.ask, asked.close)


class _Database:
    # By a connection of its own: that all others are at work doesn't mean that the database is away.
    def __init__(self, url: str, versions: Path | None) -> None:
        self._url = url
        self._former = migrate.former(versions) if versions else None
        self._connection: psycopg.Connection | None = None

    def ask(self) -> Mapping[str, str]:
        try:
            return self._ask()
        except psycopg.Error as error:
            self.close()
            why = f"{DATABASE} doesn't answer: {type(error).__name__}"
            return {DATABASE: why, MIGRATIONS: why}

    def _ask(self) -> Mapping[str, str]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=SECONDS,
                application_name="health",
                options=_OPTIONS,
                keepalives_idle=SECONDS,
                keepalives_interval=1,
                keepalives_count=SECONDS,
                tcp_user_timeout=SECONDS * 1000,
            )
        self._connection.execute("SELECT 1")
        if self._former is None:
            return {}
        try:
            found = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege) as error:
            return {MIGRATIONS: f"run migrate: {type(error).__name__}"}
        if found is None or found[0] in self._former:
            return {MIGRATIONS: f"run migrate: the tables are of version {found[0] if found else 'none'}"}
        return {}

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def kafka(settings: Mapping[str, str], topic: str) -> Dependency:
    """Kafka, and that each partition of the service's own topic has a leader."""
    # Soon after it is back, and not only when librdkafka tries again of itself.
    admin = AdminClient({**settings, "reconnect.backoff.max.ms": "1000"})

    def ask() -> Mapping[str, str]:
        try:
            found = admin.list_topics(topic, timeout=SECONDS).topics[topic]
        except KafkaException as error:
            return {KAFKA: f"{KAFKA} doesn't answer: {error.args[0].name()}"}
        if found.error is not None:
            return {KAFKA: f"{topic}: {found.error.name()}"}
        if leaderless := sorted(p for p, each in found.partitions.items() if each.leader < 0):
            return {KAFKA: f"{topic}: nobody leads partitions {leaderless}"}
        return {}

    return Dependency((KAFKA,), ask)


def issuer(keys: Keys) -> Dependency:
    """The issuer of access tokens: not whether it answers just now, but whether its keys are known and still good."""

    def ask() -> Mapping[str, str]:
        try:
            keys.current()
        except Unavailable as error:
            return {ISSUER: str(error)}
        return {}

    return Dependency((ISSUER,), ask)
