"""One click, and one id from it to its last effect in another service: in the events, and in the lines of the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from fastapi.testclient import TestClient

from services.sync.devices.client import Device
from shared.edge import tracing
from shared.events.envelope import Envelope, parse
from shared.pipeline import topics
from tests.circle.steps import PARTITIONS, Steps
from tests.circle.test_circle import PHONE, customer, order
from tests.circle.test_circle import circle as circle

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs([tracing.add_to_log]) as captured:
        yield captured


def published(of: Steps) -> list[Envelope]:
    """All that stands in the log."""
    admin, found = AdminClient(dict(of.kafka.client)), []
    for name in of.joined:
        topic = name + topics.EVENTS
        ends = topics.ends(admin, topic, range(PARTITIONS))
        consumer = Consumer({**of.kafka.client, "group.id": "traces", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, p, 0) for p in ends])
        for message in consumer.consume(sum(ends.values()), 20):
            key, value = message.key(), message.value()
            assert isinstance(key, bytes)
            assert isinstance(value, bytes)
            found.append(parse(value, source=name, stream=key.decode()))
        consumer.close()
    return found


@dataclass
class Field:
    """A rep on the way, whose requests may be given a trace."""

    circle: Steps
    rep: TestClient
    handheld: Device

    def sell(self, member: str, traceparent: str) -> None:
        """One order, sent from the device as one click."""
        order(self.handheld, member)
        self.rep.headers["traceparent"] = traceparent
        self.handheld.push()


@pytest.fixture
def field(circle: Steps) -> Field:
    rep = circle["sync"].client("rosa", "rep")
    made = Field(circle, rep, Device(":memory:", rep, circle.clock))
    made.handheld.enrol("Rosa's handheld")
    return made


def with_customers(field: Field, *phones: str) -> list[str]:
    """Customers whom the rep has on the device."""
    members = [customer(field.circle, phone=phone, family_name=f"Diaz {phone[-1]}") for phone in phones]
    field.circle.settle()
    field.handheld.synchronize()
    return members


def test_a_sale_has_one_trace_through_all_four_services(circle: Steps, field: Field, lines: list[Any]) -> None:
    (member,) = with_customers(field, PHONE)
    before = {event.id for event in published(circle)}
    lines.clear()
    field.sell(member, TRACEPARENT)
    circle.settle()

    of_sale = [event for event in published(circle) if event.id not in before]
    told = {(event.source, event.type) for event in of_sale}
    assert {("sync", "order.requested"), ("sfa", "order.placed"), ("marketing", "customer.valued")} <= told
    assert {event.type for event in of_sale if tracing.id_of(event.traceparent or "") != TRACE} == set()
    heard = [line for line in lines if line["event"] == "events.heard" and line.get("trace_id") == TRACE]
    # The last effect: the value and the segment come onto the agent's card.
    assert any("marketing/customer.valued" in line["events"] for line in heard)
    assert any("sfa/order.placed" in line["events"] for line in heard)


def test_two_sales_in_one_batch_have_two_traces(circle: Steps, field: Field) -> None:
    members = with_customers(field, PHONE, "+1 212 555 0199")
    before = {event.id for event in published(circle)}
    traces = {f"customer/{member}": tracing.new() for member in members}
    for stream, trace in traces.items():
        field.sell(stream.removeprefix("customer/"), trace)
    circle.settle()

    news = [event for event in published(circle) if event.id not in before]
    for stream, trace in traces.items():
        of_it = [event for event in news if event.subject == stream]
        assert {"order.requested", "order.placed", "customer.valued", "segment.entered"} <= {e.type for e in of_it}
        strangers = [e.type for e in of_it if tracing.id_of(e.traceparent or "") != tracing.id_of(trace)]
        assert strangers == []
