"""Servers of these tests' own, as ``make run`` has them: roles and users are a whole server's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres

SERVICES = ("callcenter", "marketing", "sfa", "sync")


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers keep their data and their passwords."""
    made = tmp_path_factory.mktemp("rights")
    made.chmod(0o711)
    return made


@pytest.fixture(scope="package")
def broker(folder: Path) -> Iterator[Kafka]:
    """A Kafka that knows the four services."""
    server = Kafka(folder / "kafka", folder / "secrets")
    server.start()
    try:
        server.admit(SERVICES)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="package")
def database(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL with a database of each service."""
    server = Postgres(folder / "postgres", folder / "secrets")
    server.start()
    try:
        for service in SERVICES:
            server.ensure_database(service)
        yield server
    finally:
        server.stop()
        server.delete()
