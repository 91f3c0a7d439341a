"""A database that was restored, or a log that was cut back, is noticed, and after ``recover`` everything goes on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg import sql
from sqlalchemy import make_url, text

from shared.edge import faults, metrics
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events.envelope import Event
from shared.pipeline import relay, topics
from shared.pipeline.consumer import Stopped
from shared.pipeline.recovery import NOT_BEFORE_RECOVER, LogAhead, LogTooShort, check, recover, refuse_if_restored
from shared.pipeline.relay import Relay
from shared.pipeline.work import Work
from tests.integration.pipeline.feed import Feed, slice_of
from tests.probe import ANNA, RECORD, Pair, new_member, publish, record, until
from tests.servers import PostgresServer


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    faults.disarm()
    yield
    faults.disarm()


@pytest.fixture
def backed_up(pair: Pair, postgres: PostgresServer) -> Iterator[Callable[[], Pair]]:
    """Call it for a copy of the publisher's database as it is now: gives the pair as it will be after a restore."""
    with postgres.connect() as admin:
        made: list[tuple[str, Pair]] = []

        def back_up() -> Pair:
            url = pair.publisher.engine.url
            name = f"restored_{uuid.uuid4().hex[:12]}"
            _let_go(pair)
            others = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
            until(lambda: admin.execute(others, (str(url.database),)).fetchone() == (0,))
            copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            admin.execute(copied.format(sql.Identifier(name), sql.Identifier(str(url.database))))
            copy = make_url(url.render_as_string(hide_password=False)).set(database=name)
            as_text = copy.render_as_string(hide_password=False)
            publisher = replace(pair.publisher, engine=connect(as_text, name="restored"), wakeup=Wakeup(as_text))
            made.append((name, Pair(publisher, pair.hearer)))
            return made[-1][1]

        yield back_up
        for name, restored in made:
            restored.publisher.wakeup.close()
            restored.publisher.engine.dispose()
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _let_go(pair: Pair) -> None:
    """Close the publisher's connections: a database that is in use can't be copied."""
    url = pair.publisher.engine.url.render_as_string(hide_password=False)
    pair.publisher.wakeup.close()
    pair.publisher.engine.dispose()
    pair.publisher = replace(pair.publisher, wakeup=Wakeup(url))


@contextmanager
def sent(pair: Pair) -> Iterator[None]:
    """Until the context ends, a relay; at its end all is sent."""
    with pair.relaying():
        yield
        until(lambda: pair.unsent() == 0)


def in_log(pair: Pair) -> int:
    admin = AdminClient(dict(pair.publisher.kafka))
    partitions = topics.partitions_of(admin, pair.publisher.events_topic)
    return sum(topics.ends(admin, pair.publisher.events_topic, partitions).values())


def notes(pair: Pair, count: int) -> list[str]:
    """What a reader of the whole log hears; fails when a stream has a gap or a fork."""
    with pair.consuming():
        heard = [note for _, _, note in pair.heard(count)]
    assert Feed(pair, (RECORD,)).parked() == {}
    return heard


def test_what_was_sent_and_not_noted_is_no_contradiction(pair: Pair) -> None:
    publish(pair.publisher, (new_member(), "one"))
    faults.arm("relay.commit", "raise-before")
    with pair.relaying():
        until(lambda: bool(faults.struck))
        check(pair.publisher)
    check(pair.publisher)
    refuse_if_restored(pair.publisher)
    found = recover(pair.publisher, (), apply=True)
    assert (found.missing, found.already_sent, found.renumbered, found.voided) == ([], 0, 0, {})


def test_a_restored_database_is_noticed_before_it_serves_or_sends(
    pair: Pair, backed_up: Callable[[], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "STOPPED_SECONDS", 0.1)
    member = new_member()
    with sent(pair):
        publish(pair.publisher, (member, "one"))
    restored = backed_up()
    with sent(pair):
        publish(pair.publisher, (member, "two"), (member, "three"))

    with pytest.raises(LogAhead, match=f"2 events of {pair.publisher.name}.*customer/{member}"):
        check(restored.publisher)
    with pytest.raises(SystemExit) as refused:
        refuse_if_restored(restored.publisher)
    assert refused.value.code == NOT_BEFORE_RECOVER
    publish(restored.publisher, (new_member(), "after the restore"))
    with restored.relaying():
        until(lambda: metrics.RELAY_STOPPED._value.get() == 1)
    assert (restored.unsent(), in_log(pair)) == (1 + 1, 3)


def test_recover_shows_first_and_then_moves_on_without_gap_or_fork(pair: Pair, backed_up: Callable[[], Pair]) -> None:
    member, other = new_member(), new_member()
    with sent(pair):
        publish(pair.publisher, (member, "one"))
    restored = backed_up()
    with sent(pair):
        publish(pair.publisher, (member, "two"), (member, "three"), (other, "first"))
    publish(restored.publisher, (member, "four"), (member, "five"))

    looked = recover(restored.publisher, (), apply=False)
    assert sorted((m.stream, m.envelope.sequence) for m in looked.missing if m.envelope) == sorted(
        [(f"customer/{member}", 2), (f"customer/{member}", 3), (f"customer/{other}", 1)]
    )
    with pytest.raises(LogAhead):
        check(restored.publisher)

    applied = recover(restored.publisher, (), apply=True)
    assert (len(applied.missing), applied.renumbered, applied.already_sent) == (3, 2, 0)
    check(restored.publisher)
    with sent(restored):
        publish(restored.publisher, (member, "six"), (other, "second"))
    heard = notes(pair, 8)
    assert [n for n in heard if n not in ("first", "second")] == ["one", "two", "three", "four", "five", "six"]


def test_rows_that_were_unsent_in_the_backup_and_are_in_the_log_are_not_sent_again(
    pair: Pair, backed_up: Callable[[], Pair]
) -> None:
    member = new_member()
    publish(pair.publisher, (member, "one"), (member, "two"))
    restored = backed_up()
    with sent(pair):
        publish(pair.publisher, (member, "three"))
    applied = recover(restored.publisher, (), apply=True)
    assert (len(applied.missing), applied.already_sent, applied.renumbered) == (1, 2, 0)
    with sent(restored):
        publish(restored.publisher, (member, "four"))
    assert notes(pair, 4) == ["one", "two", "three", "four"]
    assert in_log(pair) == 4


def test_own_facts_that_only_the_log_knows_are_taken_in_again_with_their_keys(
    pair: Pair, backed_up: Callable[[], Pair]
) -> None:
    lived: list[bool] = []

    def take_in(work: Work, events: list[Event]) -> None:
        lived.extend(e.live for e in events)
        record(work, events)

    member = new_member()
    restored = backed_up()
    with sent(pair):
        publish(pair.publisher, (member, "one"), (member, "two"))
    slices = (slice_of(take_in, types=["contact.wrapped_up"]),)
    assert recover(restored.publisher, slices, apply=True).taken_in == 2
    taken = Pair(restored.publisher, restored.publisher).rows()
    assert taken == [(f"customer/{member}", 1, "one"), (f"customer/{member}", 2, "two")]
    assert lived == [False, False]
    publish(restored.publisher, (member, "three"))
    assert restored.scalar(restored.publisher, "SELECT count(*) FROM member_key") == 1


def test_recover_doesn_t_work_against_a_running_relay(
    pair: Pair, backed_up: Callable[[], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    restored = backed_up()
    with sent(pair):
        publish(pair.publisher, (new_member(), "one"))
    with restored.publisher.engine.connect() as leader:
        leader.execute(text("SELECT pg_advisory_lock(hashtextextended('relay', 0))"))
        with pytest.raises(RuntimeError, match="stop its workers first"):
            recover(restored.publisher, (), apply=True)


def test_a_log_that_was_cut_back_stops_everybody_until_the_loss_is_accepted(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "STOPPED_SECONDS", 0.1)
    lived: dict[str, bool] = {}

    def note_live(work: Work, events: list[Event]) -> None:
        lived.update({e.fact.note: e.live for e in events})  # type: ignore[union-attr]

    pair.slices = (RECORD, slice_of(note_live, "live", ["contact.wrapped_up"]))
    one, two = new_member(), new_member()
    with sent(pair):
        publish(pair.publisher, *[(one, f"one {n}") for n in range(5)], *[(two, f"two {n}") for n in range(5)])
    with pair.consuming():
        pair.heard(10)
    _cut_back(pair)

    with pair.consuming():
        until(lambda: bool(pair.failures))
    stopped = pair.failures.pop()
    assert isinstance(stopped, Stopped)
    assert "had been reached here" in str(stopped)
    publish(pair.publisher, (one, "one 5"))
    with pair.running(lambda stop: Relay(pair.publisher, stop).run()):
        until(lambda: metrics.RELAY_STOPPED._value.get() == 1)
    assert in_log(pair) == 0
    for service in (pair.publisher, pair.hearer):
        with pytest.raises(LogTooShort):
            recover(service, (), apply=True)

    accepted = recover(pair.publisher, (), apply=True, accept_loss=True)
    assert accepted.voided == {f"customer/{member}": [1, 2, 3, 4, 5] for member in (one, two)}
    recover(pair.hearer, (), apply=True, accept_loss=True)
    with sent(pair), pair.consuming():
        publish(pair.publisher, (two, "two 5"))
        assert sorted(note for _, _, note in pair.heard(12)[10:]) == ["one 5", "two 5"]
    assert lived["one 5"], "an effect of the newest events would be left out as history"
    assert Feed(pair, (RECORD,)).parked() == {}

    pair.hearer.transact(ANNA, lambda work: work.session.execute(text("TRUNCATE consumer_offset, position, seen")))
    assert sorted(notes(pair, 12)) == ["one 5", *["sequence.voided"] * 10, "two 5"]


def test_a_reader_that_needs_what_the_log_no_longer_has_stops(pair: Pair) -> None:
    with sent(pair):
        publish(pair.publisher, (new_member(), "one"))
    admin = AdminClient(dict(pair.publisher.kafka))
    ends = topics.ends(admin, pair.publisher.events_topic, range(3))
    gone = [TopicPartition(pair.publisher.events_topic, partition, end) for partition, end in ends.items()]
    for future in admin.delete_records(gone).values():
        future.result()
    with sent(pair):
        publish(pair.publisher, (new_member(), "two"))
    with pair.consuming():
        until(lambda: bool(pair.failures))
    assert isinstance(pair.failures.pop(), Stopped)
    recover(pair.hearer, (), apply=True, accept_loss=True)
    assert notes(pair, 1) == ["two"]


def _cut_back(pair: Pair) -> None:
    """Lose both of the publisher's topics."""
    admin = AdminClient(dict(pair.publisher.kafka))
    names = [pair.publisher.events_topic, pair.publisher.keys_topic]
    for future in admin.delete_topics(names).values():
        future.result()
    until(lambda: not any(topics.partitions_of(admin, name) for name in names))
    topics.ensure(pair.publisher.kafka, pair.publisher.name, partitions=3, replication=1)
    until(lambda: all(topics.partitions_of(admin, name) for name in names))
