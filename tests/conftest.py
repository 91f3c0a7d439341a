"""The servers that every test may use. Each test takes databases and topics of its own in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers import KafkaServer, PostgresServer, kafka_server, postgres_server

# How fast a machine is says nothing about what a property holds for.
settings.register_profile("crm", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("crm")


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaServer]:
    """A Kafka for the whole run: ``kafka.client``."""
    with kafka_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole run: ``postgres.database(name)`` is the URL of a new database."""
    with postgres_server() as server:
        yield server
