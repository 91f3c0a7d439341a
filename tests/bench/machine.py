"""What a benchmark runs on: servers, services on databases of their own, and the size."""

from __future__ import annotations

import importlib
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer
from sqlalchemy import make_url

from shared.edge.settings import Settings
from shared.edge.wakeup import plain_url
from shared.pipeline import migrate, topics
from shared.pipeline.main import Block
from shared.pipeline.service import Service
from tests.builders import KEKS, Issuer
from tests.servers import KafkaServer, PostgresServer


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    full: bool
    runs: int
    """Measurements of one thing; the median counts."""
    customers: int
    rows: int
    """Rows in a drain, events in a stretch."""
    history: int
    """Events of a long log."""
    seconds: float
    """Of a constant load."""

    @property
    def name(self) -> str:
        return "full" if self.full else "small"


FULL = Size(full=True, runs=3, customers=100_000, rows=200_000, history=1_000_000, seconds=20)
SMALL = Size(full=False, runs=1, customers=200, rows=1_000, history=2_000, seconds=1)
"""To see that a benchmark works; its figures say nothing."""

WARM_ROUNDS = 3
WARM_SECONDS = 120


@dataclass(frozen=True)
class Machine:
    """The servers, and how much is to be measured on them."""

    kafka: KafkaServer
    postgres: PostgresServer
    folder: Path
    size: Size

    def check_durability(self) -> None:
        """Raises ``RuntimeError`` where PostgreSQL may lose commits: it would be another thing that is measured."""
        with self.postgres.connect() as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute(f"SHOW {name}").fetchone()
                if row != ("on",):
                    raise RuntimeError(f"{name} is {row and row[0]}; benchmarks are measured with it on")

    def warm_up(self) -> int:
        """Have Kafka's code compiled and its files open: the same broker is faster by 2 once it is warm. Gives how
        many messages went through it."""
        name = new_name("warm")
        topics.ensure(kafka_of(self), name, partitions=12, replication=1)
        topic = f"{name}{topics.EVENTS}"
        for _ in range(WARM_ROUNDS):
            _produce(kafka_of(self), topic, self.size.rows)
        count = WARM_ROUNDS * self.size.rows
        _consume(kafka_of(self), topic, count)
        self.kafka.forget([name])
        return count

    def settings(self, service: str, database_url: str, **overrides: object) -> Settings:
        """The settings of a service on these servers."""
        issuer = Issuer(self.folder)
        values: dict[str, object] = {
            "service": service,
            "database_url": database_url,
            "kafka": self.kafka.client,
            "key_encryption_keys": KEKS,
            "port": 1,
            "token_issuer": issuer.name,
            "jwks_file": issuer.jwks_file,
        }
        return Settings(**{**values, **overrides})

    @contextmanager
    def service(self, name: str, *, topic: str | None = None, **overrides: object) -> Iterator[Service]:
        """A service called ``topic`` (its own name where none is given), with the tables of ``name``: a new database,
        migrated, and its topics."""
        block: Block = importlib.import_module(f"services.{name}.wiring").BLOCK
        url = self.postgres.database(name)
        migrate.upgrade(url, block.versions)
        settings = self.settings(topic or name, url, **overrides)
        topics.ensure(settings.kafka, settings.service, partitions=settings.partitions, replication=1)
        service = Service.of(settings, process="bench")
        try:
            yield service
        finally:
            service.wakeup.close()
            service.engine.dispose()
            self.drop(url)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected."""
        with self.postgres.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def checkpoint(self) -> None:
        """Have what was written so far on disk, so that one run doesn't pay for the one before."""
        with self.postgres.connect() as connection:
            connection.execute("CHECKPOINT")


def _produce(kafka: Mapping[str, str | int | bool], topic: str, count: int) -> None:
    producer = Producer({**kafka, "linger.ms": 5, "compression.type": "lz4", "enable.idempotence": True})
    value = bytes(range(256)) + bytes(44)
    for number in range(count):
        while True:
            try:
                producer.produce(topic, value=value, key=str(number % 1_000))
                break
            except BufferError:
                producer.poll(0.01)
    producer.flush()


def _consume(kafka: Mapping[str, str | int | bool], topic: str, count: int) -> None:
    consumer = Consumer({**kafka, "group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    deadline = time.monotonic() + WARM_SECONDS
    while count > 0 and time.monotonic() < deadline:
        count -= sum(message.error() is None for message in consumer.consume(5_000, 0.5))
    consumer.close()
    if count > 0:
        raise TimeoutError(f"{count} messages to warm up with didn't come back in {WARM_SECONDS} s")


def new_name(kind: str) -> str:
    """A name for a service whose topics nobody else uses."""
    return f"{kind}{uuid.uuid4().hex[:8]}"


def plain(service: Service) -> psycopg.Connection:
    """A connection to a service's database without SQLAlchemy, in autocommit mode."""
    url = plain_url(service.engine.url.render_as_string(hide_password=False))
    return psycopg.connect(url, autocommit=True)


def kafka_of(machine: Machine, **more: str | int | bool) -> dict[str, Any]:
    """librdkafka settings for a client of the benchmark's own."""
    return {**machine.kafka.client, **more}
