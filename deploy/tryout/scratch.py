"""Scratch databases beside a block's own, and replays into them."""

from __future__ import annotations

import importlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from deploy.local import environment, layout, state
from deploy.local.backing import KAFKA_VARIABLE, Backing, database_variable
from deploy.local.layout import Layout
from deploy.local.problems import Problem
from shared.edge import settings
from shared.edge.db import connect
from shared.edge.settings import Settings
from shared.edge.wakeup import Wakeup
from shared.pipeline import migrate
from shared.pipeline.main import Block
from shared.pipeline.replay import Clock, Ends, Replay
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.service import Service


@dataclass(frozen=True)
class Place:
    """Where a block would run, and where databases can be made."""

    block: Block
    settings: Settings
    admin_url: str

    @classmethod
    def of(cls, name: str, environ: Mapping[str, str] = os.environ) -> Place:
        """The block on the servers that the environment names, else on those of a local run.

        Raises ``Problem`` when there is no such block, or nothing runs.
        """
        if name not in layout.services():
            raise Problem(f"There is no block {name!r} here. There are: {', '.join(layout.services())}.")
        local = Layout.from_environment(environ)
        named = environ.get(KAFKA_VARIABLE) and environ.get(database_variable(name))
        if not named and state.running(local) is None:
            raise Problem("Nothing is running. Start it in another terminal: make run")
        backing = Backing(local, [name], environ)
        told = settings.load(name, {**environ, **environment.of_service(local, backing, name, environ=environ)})
        block: Block = importlib.import_module(f"services.{name}.wiring").BLOCK
        return cls(block, told, backing.postgres.admin_url if backing.postgres else told.database_url)

    @contextmanager
    def replay(self, until: Ends) -> Iterator[Replay]:
        """A replay of the block into a new database, which is dropped at the end."""
        with self._database() as url:
            migrate.upgrade(url, self.block.versions)
            clock = Clock()
            service = Service(
                self.block.name,
                connect(url, name=f"{self.block.name}-replay", pool_size=2),
                self.settings.kafka,
                KeyEncryptionKeys.from_text(self.settings.key_encryption_keys),
                clock,
                Wakeup(url),
            )
            subscriptions, tasks = self.block.subscriptions(self.settings), self.block.tasks(self.settings)
            try:
                yield Replay(service, clock, subscriptions, tasks, until)
            finally:
                service.wakeup.close()
                service.engine.dispose()

    @contextmanager
    def _database(self) -> Iterator[str]:
        url = make_url(self.admin_url)
        name = f"{self.block.name}_scratch_{secrets.token_hex(4)}"
        self._execute("CREATE DATABASE {}", name)
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _execute(self, statement: str, database: str) -> None:
        url = make_url(self.admin_url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                connection.execute(sql.SQL(statement).format(sql.Identifier(database)))
        except psycopg.errors.InsufficientPrivilege:
            variable = database_variable(self.block.name)
            raise Problem(f"The role of {variable} may not make a database; a trial needs one beside it.") from None
        except psycopg.OperationalError as error:
            raise Problem(f"PostgreSQL doesn't answer: {type(error).__name__}") from None
