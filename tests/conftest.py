"""The servers that every test may use. Each test takes databases and topics of its own in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import KafkaServer, PostgresServer, kafka_server, postgres_server


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """A Kafka for the whole run: ``kafka.bootstrap_servers``."""
    with kafka_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole run: ``postgres.database(name)`` is the URL of a new database."""
    with postgres_server() as server:
        yield server
