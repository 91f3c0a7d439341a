"""A publisher and a hearer for each test of the pipeline, with new names, on two databases that are emptied."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup, plain_url
from shared.pipeline import customer_tables, tables, topics
from shared.pipeline.service import Service
from tests import probe
from tests.probe import KEKS, Pair, unique
from tests.servers import KafkaServer, PostgresServer

PARTITIONS = 3
METADATAS = (tables.metadata, customer_tables.metadata, probe.metadata)


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> tuple[str, str]:
    """The publisher's and the hearer's database. Making one for each test would take longer than the tests."""
    urls = postgres.database("publisher"), postgres.database("hearer")
    for url in urls:
        engine = connect(url, name="test")
        for metadata in METADATAS:
            metadata.create_all(engine)
        engine.dispose()
    return urls


@pytest.fixture
def offline(databases: tuple[str, str], kafka: KafkaServer) -> Iterator[Pair]:
    """Two fresh services, for tests that need no topics."""
    publisher, hearer = (
        Service(
            unique(name),
            connect(_emptied(url), name=name),
            kafka.client,
            KEKS,
            system_clock,
            Wakeup(url),
        )
        for name, url in zip(("publisher", "hearer"), databases, strict=True)
    )
    made = Pair(publisher, hearer)
    yield made
    made.close()


@pytest.fixture
def pair(offline: Pair) -> Pair:
    """Two fresh services with their topics."""
    for service in (offline.publisher, offline.hearer):
        topics.ensure(service.kafka, service.name, partitions=PARTITIONS, replication=1)
    return offline


def _emptied(url: str) -> str:
    names = ", ".join(name for metadata in METADATAS for name in metadata.tables)
    with psycopg.connect(plain_url(url), autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return url
