"""A consumer takes every event once, whoever else consumes, whatever else lies in the log."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy.exc import OperationalError

from shared.events.envelope import Event, new_id
from shared.pipeline import parking, topics
from shared.pipeline.consumer import Stopped
from shared.pipeline.offsets import Fenced
from shared.pipeline.work import Work
from tests.integration.pipeline.feed import Feed, picky, slice_of
from tests.integration.pipeline.running import consumer, produce
from tests.integration.pipeline.test_parking import by_raising
from tests.probe import RECORD, Pair, new_member, publish, record, until

Rows = Sequence[tuple[str, int, str]]


def streams_in_order(rows: Rows) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for stream, sequence, _ in rows:
        found.setdefault(stream, []).append(sequence)
    return found


def parked(pair: Pair) -> dict[str, parking.Parked]:
    return Feed(pair, (RECORD,)).parked()


def forged(pair: Pair, member: str, **changes: object) -> tuple[bytes, bytes]:
    """A sound first event of a member, but for these attributes."""
    stream = f"customer/{member}"
    sound = {
        "specversion": "1.0",
        "id": new_id(),
        "source": pair.publisher.name,
        "type": "contact.ended",
        "subject": stream,
        "time": "2026-03-02T12:00:00Z",
        "recordedtime": "2026-03-02T12:00:00Z",
        "dataschema": "urn:crm:contact.ended:1",
        "data": {"contact": "c", "agent": "anna"},
        "sequence": "0000000001",
    }
    return stream.encode(), json.dumps(sound | changes).encode()


def test_bad_messages_set_their_own_streams_aside_and_everybody_else_goes_on(pair: Pair) -> None:
    members = {
        why: new_member()
        for why in ("garbage", "empty", "source", "subject", "sequence", "gap", "version", "shape", "nul", "large")
    }
    wrapped_up = {"type": "contact.wrapped_up", "dataschema": "urn:crm:contact.wrapped_up:1"}
    bad = [
        (f"customer/{members['garbage']}".encode(), b"\xff\x00garbage"),
        (f"customer/{members['empty']}".encode(), None),
        forged(pair, members["source"], source="somebody else"),
        (forged(pair, members["subject"])[0], forged(pair, new_member())[1]),
        forged(pair, members["sequence"], sequence="first"),
        forged(pair, members["gap"], sequence="0000000002"),
        forged(pair, members["version"], type="contact.wrapped_up", dataschema="urn:crm:contact.wrapped_up:9"),
        forged(pair, members["shape"], **wrapped_up, data={"contact": 7}),
        forged(pair, members["nul"], type="contact.\x00"),
        forged(pair, members["large"], **wrapped_up, data="x" * 950_000),
        (None, b"{}"),
        (b"\xff\xfe", b"{}"),
        (b"customer/42", forged(pair, new_member(), subject="customer/42")[1]),
        (b"customer/", forged(pair, new_member(), subject="customer/")[1]),
        (b"territory/1", forged(pair, new_member(), subject="territory/1")[1]),
    ]
    junk = [
        (b"\xff", b"x"),
        (b"x" * 36 + b"/k", b"{}"),
        (f"{new_member()}/k".encode(), b'{"wrapped":"\xff"}'),
        (None, None),
    ]
    sound = new_member()
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, (sound, "one"))
        until(lambda: pair.unsent() == 0)
        produce(pair.publisher, pair.publisher.events_topic, bad)
        produce(pair.publisher, pair.publisher.keys_topic, junk)
        publish(pair.publisher, (sound, "two"))
        until(lambda: sum(p.events for p in parked(pair).values()) == len(bad))
        assert pair.heard(2) == [(f"customer/{sound}", 1, "one"), (f"customer/{sound}", 2, "two")]
        found = parked(pair)
    kinds = {why: found.pop(f"customer/{member}").kind for why, member in members.items()}
    assert kinds == dict.fromkeys(members, "malformed") | {
        "gap": "gap",
        "version": "poison",
        "shape": "poison",
        "nul": "poison",
        "large": "poison",
    }
    assert {stream.split("-")[0] for stream in found} == {
        f"unreadable/{pair.publisher.events_topic}",
        "customer/42",
        "customer/",
        "territory/1",
    }


def test_an_unknown_type_is_for_those_who_hear_everything(offline: Pair) -> None:
    heard: list[str] = []

    def hear_some(work: Work, events: list[Event]) -> None:
        heard.extend(e.type for e in events)

    feed = Feed(offline, (RECORD, slice_of(hear_some, "some", ["contact.wrapped_up"])))
    member = new_member()
    praised = forged(offline, member, type="contact.praised", dataschema="urn:crm:contact.praised:3")
    feed.hear([praised, forged(offline, member, sequence="0000000002")])
    assert feed.notes(member) == ["contact.praised", "contact.ended"]
    assert heard == []
    assert feed.parked() == {}


def test_above_the_set_share_the_consumer_stops_with_the_reason(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "LEAST_STREAMS", 3)
    pair.slices = (picky({"poison"}, by_raising),)
    publish(pair.publisher, *[(new_member(), "poison") for _ in range(6)])
    with pair.relaying(), pair.consuming():
        until(lambda: bool(pair.failures))
    (failure,) = pair.failures
    assert isinstance(failure, Stopped)
    assert "streams of main are parked, more than 50%" in str(failure)


def test_a_message_delivered_twice_has_one_effect(pair: Pair) -> None:
    member = new_member()
    feed = Feed(pair, (RECORD,))
    messages = feed.published((member, "one"), (member, "two"))
    produce(pair.publisher, pair.publisher.events_topic, [*messages, *messages])
    with pair.relaying(), pair.consuming():
        last = new_member()
        produce(pair.publisher, pair.publisher.events_topic, messages)
        publish(pair.publisher, (last, "three"))
        until(lambda: len(pair.rows()) >= 3)
    assert streams_in_order(pair.rows()) == {f"customer/{member}": [1, 2], f"customer/{last}": [1]}


def test_consumers_that_know_nothing_of_each_other_are_fenced_and_take_each_event_once(pair: Pair) -> None:
    members = [new_member() for _ in range(10)]
    with (
        pair.relaying(),
        pair.running(lambda stop: consumer(pair, stop).run()),
        pair.running(lambda stop: consumer(pair, stop, group=f"{pair.hearer.name}-other").run()),
    ):
        for turn in range(20):
            publish(pair.publisher, *[(member, str(turn)) for member in members])
        rows = pair.heard(200)
    assert streams_in_order(rows) == {f"customer/{m}": list(range(1, 21)) for m in members}
    assert parked(pair) == {}


def test_a_stale_consumer_s_batch_has_no_effect(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    one, two = feed.published((member, "one"), (member, "two"))
    feed.hear([one])
    feed.next = 0
    with pytest.raises(Fenced):
        feed.hear([two])
    assert feed.notes(member) == ["one"]
    assert feed.query("SELECT next_offset FROM consumer_offset") == [(1,)]


def members_at_work(pair: Pair) -> int:
    """How many consumers of the hearer's group have partitions."""
    group = f"{pair.hearer.name}.main"
    admin = AdminClient(dict(pair.hearer.kafka))
    described = admin.describe_consumer_groups([group])[group].result(20)
    return sum(1 for member in described.members if member.assignment.topic_partitions)


def test_a_rebalance_in_the_middle_of_a_batch_loses_and_repeats_nothing(pair: Pair) -> None:
    holding, release = threading.Event(), threading.Event()

    def slow(work: Work, events: list[Event]) -> None:
        record(work, events)
        holding.set()
        assert release.wait(20)

    pair.slices = (slice_of(slow),)
    members = [new_member() for _ in range(12)]
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, *[(member, "one") for member in members])
        until(holding.is_set)
        with pair.consuming():
            release.set()
            publish(pair.publisher, *[(member, "two") for member in members])
            until(lambda: members_at_work(pair) == 2, why="the second consumer got no partition")
            publish(pair.publisher, *[(member, "three") for member in members])
            rows = pair.heard(36)
    assert streams_in_order(rows) == {f"customer/{m}": [1, 2, 3] for m in members}
    assert parked(pair) == {}


def test_a_rebalance_while_a_batch_is_put_off_loses_and_repeats_nothing(pair: Pair) -> None:
    away = threading.Event()
    away.set()
    tries: list[int] = []

    def interrupted(work: Work, events: list[Event]) -> None:
        tries.append(len(events))
        if away.is_set():
            raise OperationalError("", {}, psycopg.errors.AdminShutdown("the database goes down"))
        record(work, events)

    pair.slices = (slice_of(interrupted),)
    members = [new_member() for _ in range(12)]
    with pair.relaying(), pair.consuming():
        with pair.consuming():
            until(lambda: members_at_work(pair) == 2, why="the second consumer got no partition")
            publish(pair.publisher, *[(member, str(n)) for n in range(20) for member in members])
            until(lambda: len(tries) >= 6)
        # The first one, which waits, is now given the other's partitions, too.
        before = len(tries)
        until(lambda: len(tries) > before)
        away.clear()
        rows = pair.heard(240)
    assert streams_in_order(rows) == {f"customer/{m}": list(range(1, 21)) for m in members}
    assert parked(pair) == {}


def test_kafka_failing_at_the_assignment_of_partitions_is_waited_out(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, failed = topics.ends, threading.Event()

    def failing_once(*arguments: Any) -> dict[int, int]:
        if not failed.is_set():
            failed.set()
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return ends(*arguments)

    publish(pair.publisher, (new_member(), "one"))
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
    monkeypatch.setattr(topics, "ends", failing_once)
    with pair.consuming():
        pair.heard(1)
    assert failed.is_set()
