"""Of several relays one sends: without faults nothing is in the log twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from shared.pipeline import topics
from tests.probe import Pair, make_pair, new_member, publish, until
from tests.servers import KafkaServer, PostgresServer

EVENTS = 400


@pytest.fixture
def pair(kafka: KafkaServer, postgres: PostgresServer) -> Iterator[Pair]:
    made = make_pair(kafka, postgres)
    yield made
    made.close()


def test_several_relays_send_each_event_once(pair: Pair) -> None:
    with pair.relaying(), pair.relaying(), pair.relaying():
        for turn in range(EVENTS):
            publish(pair.publisher, (new_member(), str(turn)))
        until(lambda: pair.unsent() == 0)
    admin = AdminClient(dict(pair.publisher.kafka))
    assert sum(topics.ends(admin, pair.publisher.events_topic, range(3)).values()) == EVENTS
