"""The relay sends every committed row, whoever leads, whatever happens to the leader or to Kafka."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from psycopg.rows import TupleRow
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.local.kafka import Kafka
from shared.edge import faults
from shared.edge.wakeup import CHANNEL, plain_url
from shared.pipeline import outbox, relay, sending, topics
from shared.pipeline.relay import Relay
from shared.pipeline.sending import Batch
from shared.pipeline.work import Work
from tests.integration.pipeline.running import relay as another
from tests.probe import ANNA, Pair, new_member, publish, until, wrapped_up

LEADER = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
LEADER += "(SELECT oid FROM pg_database WHERE datname = current_database())"


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    faults.disarm()
    yield
    faults.disarm()


def leader(pair: Pair) -> int | None:
    """The PostgreSQL session of the relay that leads."""
    url = plain_url(pair.publisher.engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url) as connection:
        row = connection.execute(LEADER).fetchone()
        return row[0] if row else None


def end_session(pair: Pair, pid: int) -> None:
    url = plain_url(pair.publisher.engine.url.render_as_string(hide_password=False))
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def test_rows_that_commit_late_with_lower_ids_are_sent_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    note = relay._note
    with Session(pair.publisher.engine) as later, Session(pair.publisher.engine) as last:
        for session, note_text in ((later, "while earlier ones are sent"), (last, "after that")):
            work = Work(session, pair.publisher.name, ANNA, pair.publisher.clock())
            work.publish(f"customer/{new_member()}", wrapped_up(note_text))
            outbox.write(work, pair.publisher.keks)

        def note_after_a_late_commit(connection: psycopg.Connection, batch: Batch) -> None:
            later.commit()
            note(connection, batch)

        monkeypatch.setattr(relay, "_note", note_after_a_late_commit)
        publish(pair.publisher, (new_member(), "early"))
        with pair.relaying(), pair.consuming():
            pair.heard(2)
            until(lambda: pair.unsent() == 0)
            last.commit()
            heard = {text for _, _, text in pair.heard(3)}
    assert heard == {"early", "while earlier ones are sent", "after that"}


def test_another_relay_takes_over_when_the_leader_s_session_ends(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.1)
    member = new_member()
    with pair.consuming(), pair.relaying(), pair.running(lambda stop: another(pair, stop).run()):
        until(lambda: leader(pair) is not None)
        first = leader(pair)
        assert first is not None
        publish(pair.publisher, (member, "before"))
        end_session(pair, first)
        publish(pair.publisher, (member, "after"))
        assert [note for _, _, note in pair.heard(2)] == ["before", "after"]
        assert leader(pair) not in (first, None)


def test_a_leader_that_is_woken_all_the_time_with_nothing_to_send_keeps_its_lead(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LEASE_SECONDS", 1)
    woken = threading.Event()

    def wake(stop: threading.Event) -> None:
        url = plain_url(pair.publisher.engine.url.render_as_string(hide_password=False))
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(300):
                connection.execute(f"NOTIFY {CHANNEL}")
                if stop.wait(0.01):
                    return
        woken.set()

    with pair.relaying():
        until(lambda: leader(pair) is not None)
        first = leader(pair)
        with pair.running(wake):
            assert woken.wait(30)
        assert leader(pair) == first


class Reported:
    """A delivery report as librdkafka gives it."""

    def __init__(self, topic: str, partition: int, offset: int | None) -> None:
        self.topic, self.partition, self.offset = lambda: topic, lambda: partition, lambda: offset


def test_a_message_that_kafka_had_before_says_nothing_of_how_far_the_log_reaches(pair: Pair) -> None:
    batch = Batch()
    leading = Relay(pair.publisher, threading.Event())
    topic = pair.publisher.events_topic
    leading._reached[topic, 3] = 100
    for offset in (None, 0):
        batch.heard(None, Reported(topic, 3, offset))  # type: ignore[arg-type]
    leading._check_growth(batch)
    assert leading._reached[topic, 3] == 100


class Freezing(Relay):
    """A relay that can be frozen where it waits for Kafka, as by SIGSTOP, with its messages already handed over."""

    frozen, thaw = threading.Event(), threading.Event()

    def _flush(self, connection: psycopg.Connection, producer: Producer, batch: Batch) -> None:
        self.frozen.set()
        assert self.thaw.wait(30)
        super()._flush(connection, producer, batch)


def test_another_relay_takes_over_from_a_frozen_one_whose_late_messages_do_no_harm(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LEASE_SECONDS", 1)
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.1)
    member = new_member()
    zombies = []

    def freezing(stop: threading.Event) -> None:
        zombies.append(Freezing(pair.publisher, stop))
        zombies[0].run()

    publish(pair.publisher, *[(member, str(n)) for n in range(5)])
    with pair.consuming(), pair.running(freezing) as stop:
        until(Freezing.frozen.is_set)
        with pair.relaying():
            pair.heard(5)
            publish(pair.publisher, (member, "5"))
            pair.heard(6)
            stop.set()
            Freezing.thaw.set()
            publish(pair.publisher, (member, "6"))
            rows = pair.heard(7)
    assert [(sequence, note) for _, sequence, note in rows] == [(n + 1, str(n)) for n in range(7)]


@pytest.mark.parametrize("fault", ["relay.commit=raise-before", "relay.send=repeat", "relay.flush=raise-after"])
def test_what_is_sent_twice_has_one_effect(pair: Pair, fault: str) -> None:
    member = new_member()
    publish(pair.publisher, (member, "one"), (member, "two"), (member, "three"))
    faults.arm_from_environment(fault)
    with pair.relaying(), pair.consuming():
        until(lambda: bool(faults.struck) and pair.unsent() == 0)
        assert [sequence for _, sequence, _ in pair.heard(3)] == [1, 2, 3]
    ends = topics.ends(admin(pair), pair.publisher.events_topic, range(3))
    assert sum(ends.values()) > 3, "nothing was sent twice, so nothing was tried"


def test_no_event_is_sent_before_its_key_is_acknowledged(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    hand_over, flush = Relay._hand_over, Relay._flush

    def noting_hand_over(self: Relay, producer: Producer, topic: str, rows: Sequence[TupleRow], batch: Batch) -> None:
        done.extend("key" if topic == pair.publisher.keys_topic else "event" for _ in rows)
        hand_over(self, producer, topic, rows, batch)

    def noting_flush(self: Relay, connection: psycopg.Connection, producer: Producer, batch: Batch) -> None:
        flush(self, connection, producer, batch)
        done.append("acknowledged")

    monkeypatch.setattr(Relay, "_hand_over", noting_hand_over)
    monkeypatch.setattr(Relay, "_flush", noting_flush)
    publish(pair.publisher, (new_member(), "one"), (new_member(), "two"))
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
    assert done == ["key", "key", "acknowledged", "event", "event", "acknowledged"]


def test_a_backlog_of_many_batches_arrives_once_and_in_order(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "CHUNK", 7)
    monkeypatch.setattr(relay, "BATCH", 20)
    members = [new_member() for _ in range(10)]
    for turn in range(20):
        publish(pair.publisher, *[(member, str(turn)) for member in members])
        with Session(pair.publisher.engine) as session:
            # A transaction that fails leaves a gap in the ids.
            session.execute(text("INSERT INTO outbox (stream, body) VALUES ('gone', '')"))
    with pair.relaying(), pair.consuming():
        rows = pair.heard(200)
        until(lambda: pair.unsent() == 0)
    for member in members:
        assert [int(note) for stream, _, note in rows if stream.endswith(member)] == list(range(20))
    assert sum(topics.ends(admin(pair), pair.publisher.events_topic, range(3)).values()) == 200
    noted = "SELECT sum(next_offset) FROM relay_sent WHERE topic LIKE '%.events'"
    assert pair.scalar(pair.publisher, noted) == 200


def test_a_chunk_is_removed_without_what_lies_in_its_gaps() -> None:
    for ids in ([5], [5, 6, 7], [5, 7], [1, 2, 3, 9, 10, 20]):
        runs = list(sending._runs(ids))
        assert [id for first, last in runs for id in range(first, last + 1)] == ids


def test_while_kafka_is_away_rows_are_kept_and_sent_later(offline: Pair, tmp_path: Path) -> None:
    server = Kafka(tmp_path / "kafka", tmp_path / "secrets")
    server.start()
    try:
        kafka = server.client
        pair = Pair(replace(offline.publisher, kafka=kafka), replace(offline.hearer, kafka=kafka))
        topics.ensure(kafka, pair.publisher.name, partitions=3, replication=1)
        member = new_member()
        with pair.relaying(), pair.consuming():
            publish(pair.publisher, (member, "before"))
            pair.heard(1)
            until(lambda: pair.unsent() == 0)
            server.pause()
            publish(pair.publisher, (member, "meanwhile"))
            publish(pair.publisher, (member, "still"))
            assert pair.unsent() == 2
            server.resume()
            assert [note for _, _, note in pair.heard(3, seconds=60)] == ["before", "meanwhile", "still"]
            until(lambda: pair.unsent() == 0)
    finally:
        server.kill()


def admin(pair: Pair) -> AdminClient:
    return AdminClient(dict(pair.publisher.kafka))
