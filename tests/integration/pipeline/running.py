"""Parts of a worker in threads, beside those that a ``Pair`` runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from confluent_kafka import Producer

from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.relay import Relay
from shared.pipeline.service import Service
from tests.probe import Pair


@contextmanager
def running(pair: Pair, part: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Run a part until the context ends, or the event that it gives is set; what it raises is kept in the pair."""
    stop = threading.Event()

    def guarded() -> None:
        try:
            part(stop)
        except BaseException as error:
            pair.failures.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive(), "it didn't stop"


def consumer(pair: Pair, stop: threading.Event, *, group: str = "") -> SubscriptionConsumer:
    """One more consumer of the hearer's subscription; with ``group`` one that Kafka doesn't coordinate with others."""
    service = replace(pair.hearer, name=group) if group else pair.hearer
    return SubscriptionConsumer(service, pair.subscription, [pair.publisher.name], stop)


def relay(pair: Pair, stop: threading.Event) -> Relay:
    """One more relay of the publisher."""
    return Relay(pair.publisher, stop)


def produce(service: Service, topic: str, messages: Sequence[tuple[bytes | None, bytes | None]]) -> None:
    """Write straight to a topic, past the relay, as somebody could who mustn't."""
    producer = Producer({**service.kafka, "message.max.bytes": 1_000_000})
    for key, value in messages:
        producer.produce(topic, key=key, value=value)
    assert producer.flush(20) == 0
