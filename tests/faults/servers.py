"""A Kafka and a PostgreSQL to break: each behind a proxy, in a folder of the test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from deploy.local.kafka import Kafka
from deploy.local.layout import HOST
from deploy.local.postgres import Postgres, role_of
from tests.faults.proxy import Proxy

START_SECONDS = 90


class ProxiedKafka(Kafka):
    """A broker that tells its clients to come through the proxy."""

    def __init__(self, folder: Path, secrets_folder: Path) -> None:
        super().__init__(folder, secrets_folder)
        self.link = Proxy(self.port)

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.link.port}"

    def prepare(self) -> None:
        super().prepare()
        # A crashed member of a group is given up after seconds, so that a test needn't wait for long.
        with self._properties.open("a") as properties:
            properties.write("group.min.session.timeout.ms=1000\n")

    def save(self) -> None:
        """Keep a copy of the log as it is. To be called while it's stopped."""
        shutil.copytree(self._data, self.folder / "saved")

    def restore(self) -> None:
        """Put the log back to what was saved. To be called while it's stopped."""
        shutil.rmtree(self._data)
        (self.folder / "saved").rename(self._data)


class Servers:
    """Both servers and the links to them."""

    def __init__(self, folder: Path) -> None:
        self.kafka = ProxiedKafka(folder / "kafka", folder / "secrets")
        self.postgres = Postgres(folder / "postgres", folder / "secrets", max_connections=200)
        self.kafka_link = self.kafka.link
        self.postgres_link = Proxy(self.postgres.port)

    def start(self) -> None:
        self.kafka_link.start()
        self.postgres_link.start()
        self.kafka.start(START_SECONDS)
        self.postgres.start(START_SECONDS)

    def close(self) -> None:
        self.kafka.kill()
        self.postgres.kill()
        self.kafka_link.close()
        self.postgres_link.close()
        self.postgres.delete()

    def mend(self) -> None:
        """Both links as they should be."""
        self.kafka_link.mend()
        self.postgres_link.mend()

    def database_url(self, service: str, command: str) -> str:
        """The URL of a service's database for one of its commands, through the proxy."""
        url = make_url(self.postgres.url(role_of(service, command), service)).set(port=self.postgres_link.port)
        return url.render_as_string(hide_password=False)

    def direct(self, database: str) -> psycopg.Connection:
        """The superuser's connection to a database, around the proxy."""
        url = make_url(self.postgres.admin_url).set(drivername="postgresql", database=database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True, connect_timeout=5)

    def copy_database(self, name: str, to: str, owner: str) -> None:
        """Make ``to`` what ``name`` is now. Ends all sessions of both; nobody may connect meanwhile."""
        source, target, role = sql.Identifier(name), sql.Identifier(to), sql.Identifier(owner)
        with self.direct("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(target, source, role))
