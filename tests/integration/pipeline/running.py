"""Parts of a worker in threads, beside those that a ``Pair`` runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Producer

from shared.edge.settings import Settings
from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.relay import Relay
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice, Subscriptions
from shared.pipeline.tasks import Task
from shared.pipeline.worker import Worker
from tests.builders import KEKS as KEKS_TEXT
from tests.probe import Pair


def consumer(pair: Pair, stop: threading.Event, *, group: str = "") -> SubscriptionConsumer:
    """One more consumer of the hearer's subscription; with ``group`` one that Kafka doesn't coordinate with others."""
    service = replace(pair.hearer, name=group) if group else pair.hearer
    return SubscriptionConsumer(service, pair.subscription, [pair.publisher.name], stop)


def relay(pair: Pair, stop: threading.Event) -> Relay:
    """One more relay of the publisher."""
    return Relay(pair.publisher, stop)


def worker(
    service: Service, sources: tuple[str, ...] = (), slices: tuple[Slice, ...] = (), due: Sequence[Task] = ()
) -> Worker:
    """A worker as its process has it, with its settings."""
    settings = Settings(
        service=service.name,
        database_url="postgresql+psycopg://unused",
        kafka=dict(service.kafka),
        key_encryption_keys=KEKS_TEXT,
        port=1,
        token_issuer="unused",
        jwks_file=Path("unused"),
        partitions=3,
    )
    return Worker(service, settings, Subscriptions(sources, slices), {}, due)


@contextmanager
def working(pair: Pair, made: Worker) -> Iterator[None]:
    """Run a worker until the context ends."""

    def run(stop: threading.Event) -> None:
        def pass_on() -> None:
            stop.wait()
            made.stop.set()

        threading.Thread(target=pass_on, daemon=True).start()
        assert made.run() == 0

    with pair.running(run):
        yield


def produce(service: Service, topic: str, messages: Sequence[tuple[bytes | None, bytes | None]]) -> None:
    """Write straight to a topic, past the relay, as somebody could who mustn't."""
    producer = Producer({**service.kafka, "message.max.bytes": 1_000_000, "partitioner": "murmur2_random"})
    for key, value in messages:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(20) == 0
