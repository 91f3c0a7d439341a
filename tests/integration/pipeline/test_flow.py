"""From a commit in one service to its effect in another: everything, once, in order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import Consumer, TopicPartition
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge import faults
from shared.edge.errors import Invalid
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.pipeline import consumer, rebuild, relay
from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.subscriptions import Slice
from shared.pipeline.work import Work
from tests.probe import ANNA, Pair, new_member, publish, record, until, wrapped_up


def test_an_event_is_heard_with_its_personal_text_opened(pair: Pair) -> None:
    member = new_member()
    publish(pair.publisher, (member, "called about Mr O'Hara's bill"))
    with pair.relaying(), pair.consuming():
        assert pair.heard(1) == [(f"customer/{member}", 1, "called about Mr O'Hara's bill")]
        until(lambda: pair.unsent() == 0)


def test_personal_text_never_leaves_in_the_clear(pair: Pair) -> None:
    publish(pair.publisher, (new_member(), "canary-4711"))
    with Session(pair.publisher.engine) as session:
        body = session.execute(text("SELECT body FROM outbox WHERE sequence IS NOT NULL")).scalar_one()
    assert b"canary" not in bytes(body)
    assert b'"note":"1:' in bytes(body)


def test_order_is_kept_within_every_stream(pair: Pair) -> None:
    members = [new_member() for _ in range(20)]
    with pair.relaying(), pair.consuming():
        for turn in range(25):
            publish(pair.publisher, *[(member, str(turn)) for member in members])
        rows = pair.heard(500)
    for member in members:
        of_stream = [(sequence, note) for stream, sequence, note in rows if stream == f"customer/{member}"]
        assert of_stream == [(turn + 1, str(turn)) for turn in range(25)]


def test_several_facts_of_one_transaction_have_following_sequences(pair: Pair) -> None:
    one, two = new_member(), new_member()
    publish(pair.publisher, (one, "a"), (two, "b"), (one, "c"))
    publish(pair.publisher, (one, "d"))
    with pair.relaying(), pair.consuming():
        rows = pair.heard(4)
    assert [(s, n) for stream, s, n in rows if stream.endswith(one)] == [(1, "a"), (2, "c"), (3, "d")]


def test_what_fails_publishes_nothing(pair: Pair) -> None:
    def body(work: Work) -> None:
        work.publish(f"customer/{new_member()}", wrapped_up("x"))
        raise RuntimeError("the command failed")

    with pytest.raises(RuntimeError):
        pair.publisher.transact(ANNA, body)
    assert pair.unsent() == 0
    assert pair.scalar(pair.publisher, "SELECT count(*) FROM stream_head") == 0


def test_a_commit_that_fails_is_not_taken_for_done(pair: Pair) -> None:
    faults.arm("transact.commit", "raise-before")
    try:
        with pytest.raises(faults.FaultRaised):
            publish(pair.publisher, (new_member(), "x"))
    finally:
        faults.disarm()
    assert pair.unsent() == 0


def test_an_event_too_large_is_refused_before_the_commit(pair: Pair) -> None:
    huge = ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o", note="x" * 1_000_000)
    with pytest.raises(Invalid, match="may have"):
        pair.publisher.transact(ANNA, lambda work: work.publish(f"customer/{new_member()}", huge))
    assert pair.unsent() == 0


def test_an_event_that_leads_to_one_too_large_parks_its_stream_alone(pair: Pair) -> None:
    big, small = new_member(), new_member()

    def inflate(work: Work, events: list[Event]) -> None:
        for event in events:
            note = "x" * (1_000_000 if event.stream.endswith(big) else 10)
            work.publish(event.stream, wrapped_up(note), cause=event)
        record(work, events)

    pair.slices = (Slice("inflate", {"contact.wrapped_up": inflate}),)
    publish(pair.publisher, (big, "one"), (small, "two"))
    with pair.relaying(), pair.consuming():
        assert [stream for stream, _, _ in pair.heard(1)] == [f"customer/{small}"]
        until(lambda: pair.scalar(pair.hearer, "SELECT count(*) FROM parked_stream") == 1)


def test_a_service_that_joins_late_hears_everything(pair: Pair) -> None:
    member = new_member()
    publish(pair.publisher, *[(member, str(n)) for n in range(100)])
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
    with pair.consuming():
        rows = pair.heard(100)
    assert [sequence for _, sequence, _ in rows] == list(range(1, 101))


def test_a_rebuild_while_the_consumer_runs_plays_the_log_again_once(pair: Pair) -> None:
    member = new_member()
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, (member, "one"), (member, "two"))
        before = pair.heard(2)
        pair.hearer.transact(ANNA, lambda work: rebuild.rebuild(work, "main", pair.slices))
        publish(pair.publisher, (member, "three"))
        assert pair.heard(3)[:2] == before


def test_a_consumer_with_nothing_to_do_notices_a_rebuild(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "LOOK_SECONDS", 0.2)
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, (new_member(), "one"))
        before = pair.heard(1)
        pair.hearer.transact(ANNA, lambda work: rebuild.rebuild(work, "main", pair.slices))
        assert pair.heard(1) == before


def test_a_consumer_that_gets_nothing_though_there_is_more_begins_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(consumer, "SILENT_SECONDS", 0.5)
    assigned = SubscriptionConsumer._assigned
    times: list[int] = []

    def deaf_at_first(self: SubscriptionConsumer, kafka: Consumer, partitions: Sequence[TopicPartition]) -> None:
        assigned(self, kafka, partitions)
        if not times:
            kafka.pause(kafka.assignment())
        times.append(len(partitions))

    monkeypatch.setattr(SubscriptionConsumer, "_assigned", deaf_at_first)
    with pair.relaying(), pair.consuming():
        until(lambda: bool(times))
        publish(pair.publisher, (new_member(), "one"))
        pair.heard(1)
    assert len(times) > 1


def test_a_consumer_that_lost_its_partitions_and_gets_none_begins_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(consumer, "SILENT_SECONDS", 2.0)
    assigned = SubscriptionConsumer._assigned
    times: list[int] = []

    def lost_at_first(self: SubscriptionConsumer, kafka: Consumer, partitions: Sequence[TopicPartition]) -> None:
        times.append(len(partitions))
        if len(times) > 1:
            return assigned(self, kafka, partitions)
        kafka.assign([])
        return self._revoked(kafka, partitions)

    monkeypatch.setattr(SubscriptionConsumer, "_assigned", lost_at_first)
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, (new_member(), "one"))
        pair.heard(1)
    assert len(times) > 1


def test_a_commit_wakes_the_relay(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LOOK_SECONDS", 4.0)
    monkeypatch.setattr(relay, "LEASE_SECONDS", 60)
    with pair.relaying():
        publish(pair.publisher, (new_member(), "first"))
        until(lambda: pair.unsent() == 0)
        for note in "abcdefgh":
            publish(pair.publisher, (new_member(), note))
            # Looking by itself every 4 s, the relay would need over half a minute for these eight.
            until(lambda: pair.unsent() == 0, seconds=3.5)
