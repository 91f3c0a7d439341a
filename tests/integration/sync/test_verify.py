"""Verify finds planted holes, heals what the log still has, and says what the log has lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from confluent_kafka import Producer
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sync import wiring
from services.sync.subscriptions import SUBSCRIPTIONS
from services.sync.timeline.handlers import record
from services.sync.verification.command import report
from services.sync.verification.compare import Comparison, Findings
from services.sync.verification.rules import Fate
from shared.edge import faults
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events.callcenter import ContactWrappedUp
from shared.events.customer import (
    ClaimMade,
    CustomerEdited,
    CustomerErased,
    CustomerRegistered,
    CustomFieldDefined,
    SequenceVoided,
)
from shared.events.envelope import Event, new_id
from shared.pipeline import heads, keyreader, migrate, offsets, topics
from shared.pipeline.incoming import Incoming, read
from shared.pipeline.reading import stretch
from shared.pipeline.receive import Subscription, receive
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.work import Work
from shared.pipeline.worker import register
from tests.integration.sync.told import KEKS, Teller
from tests.probe import unique
from tests.servers import KafkaServer, PostgresServer

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
TABLES = ("interaction", "claim", "customer_record", "custom_field", "identifier", "told_head")
"""What a hole may be planted in."""


@dataclass
class World:
    """A sync, a publisher with a log in Kafka, and how far sync has read it."""

    sync: Service
    teller: Teller
    members: Sequence[str]
    next: dict[offsets.Partition, int] = field(default_factory=dict)

    @property
    def subscriptions(self) -> Subscriptions:
        return replace(SUBSCRIPTIONS, sources=(self.teller.service.name,))

    @property
    def topic(self) -> str:
        return self.teller.service.events_topic

    def stream(self, member: int) -> str:
        return f"customer/{self.members[member]}"

    def send(self, *lost: int) -> None:
        """What the publisher committed goes into the log, but for the events at these places of the outbox."""
        envelopes, records = self.teller.take()
        kafka = dict(self.sync.kafka)
        producer = Producer({**kafka, "partitioner": "murmur2_random"})
        for (member, key_id), of_key in records.items():
            value = msgspec.json.encode(of_key)
            producer.produce(self.teller.service.keys_topic, key=f"{member}/{key_id}", value=value)
        for place, e in enumerate(envelopes):
            if place not in lost:
                producer.produce(self.topic, key=e.subject, value=msgspec.json.encode(e))
        assert producer.flush(20) == 0

    def hear(self) -> None:
        """Sync reads the log to its end."""
        source = self.teller.service.name
        sync = self.sync
        [moving] = sync.transact(sync.itself, lambda work: register(work, self.subscriptions, sync, 1.0))
        for batch in stretch(sync.kafka, self.topic, {p: n for (_, p), n in self.next.items()}):
            incoming = [read(m) for m in batch]
            expected = {m.stands: self.next.get(m.stands, 0) for m in incoming}

            keyreader.catch_up(sync, [source])
            sync.transact(sync.itself, partial(_take, moving, incoming, expected))
            for m in incoming:
                self.next[m.stands] = max(self.next.get(m.stands, 0), m.offset + 1)

    def verify(self, *, heal: bool = False, whole_log: bool = False) -> Findings:
        comparison = Comparison(self.sync, self.subscriptions, heal=heal, tell=lambda *_: None)
        return comparison.run(whole_log=whole_log)

    def fates(self, findings: Findings) -> dict[Fate, dict[str, list[int]]]:
        return {kind: {stream: n for (_, stream), n in of.items()} for kind, of in findings.fates.items()}

    def plant(self, statement: str, **values: object) -> None:
        with self.sync.engine.begin() as connection:
            assert connection.execute(text(statement), values).rowcount > 0

    def state(self) -> dict[str, list[str]]:
        with Session(self.sync.engine) as session:
            return {name: sorted(map(str, session.execute(text(f"SELECT * FROM {name}")))) for name in TABLES}


def _take(moving: Subscription, incoming: list[Incoming], expected: dict[offsets.Partition, int], work: Work) -> None:
    offsets.start(work.session, moving.name, dict.fromkeys(expected, 0), history=False)
    receive(work, moving, incoming, expected, {})


def claim(name: str, value: str) -> ClaimMade:
    return ClaimMade(id=new_id(), field=name, value=value, made=AT)


def review(note: str) -> ContactWrappedUp:
    return ContactWrappedUp(contact=new_id(), agent="anna", reason="billing", outcome="solved", note=note)


@pytest.fixture(scope="module")
def made(kafka: KafkaServer, postgres: PostgresServer) -> Iterator[World]:
    """Three members, each with two edits and a contact; the third is erased. All told, heard and whole."""
    settings = kafka.client
    url = postgres.database("sync")
    migrate.upgrade(url, wiring.VERSIONS)
    sync = Service("sync", connect(url, name="sync"), settings, KEKS, system_clock, Wakeup(url))
    teller = Teller.at(unique("callcenter"), postgres.database("callcenter"))
    topics.ensure(settings, teller.service.name, partitions=2, replication=1)
    world = World(sync, teller, [new_id() for _ in range(3)])
    for n in range(3):
        phone, city = claim("phone", f"+39061234567{n}"), claim("city", "Rome")
        for fact in (CustomerRegistered(claims=(phone,)), CustomerEdited(claims=(city,)), review(f"note {n}")):
            teller.tell((world.stream(n), fact), at=AT)
    teller.tell((world.stream(2), CustomerErased()), at=AT)
    teller.tell(("custom_field/custom.tags", CustomFieldDefined(name="custom.tags", label="Tags", kind="text")), at=AT)
    teller.transact(lambda work: [str(heads.report(work, None))])
    world.send()
    world.hear()
    yield world
    for service in (sync, teller.service):
        service.wakeup.close()
        service.engine.dispose()


@pytest.fixture
def world(made: World) -> Iterator[World]:
    """The same for each test: what a test did to sync's tables is undone."""
    with made.sync.engine.begin() as connection:
        for name in TABLES:
            connection.execute(text(f"DROP TABLE IF EXISTS kept_{name}"))
            connection.execute(text(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}"))
    yield made
    with made.sync.engine.begin() as connection:
        for name in TABLES:
            connection.execute(text(f"TRUNCATE {name}"))
            connection.execute(text(f"INSERT INTO {name} SELECT * FROM kept_{name}"))


def test_a_whole_system_agrees(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    findings = world.verify(whole_log=True)
    assert (findings.fates, findings.unkept, findings.log_problems) == ({}, [], [])
    source = findings.sources[world.teller.service.name]
    assert (source.streams, source.events, source.untold, source.unread) == (4, 11, 0, 0)
    assert report(findings) == 0
    assert capsys.readouterr().out.endswith("all agree\n")


def test_holes_in_the_timeline_are_found_and_healed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    whole = world.state()
    world.plant("DELETE FROM interaction WHERE stream = :s AND sequence IN (1, 3)", s=world.stream(0))
    world.plant("DELETE FROM interaction WHERE stream = :s", s=world.stream(1))
    holed = world.state()
    findings = world.verify()
    expected = {Fate.MISSING: {world.stream(0): [1, 3], world.stream(1): [1, 2, 3]}}
    assert world.fates(findings) == expected
    assert report(findings) == 1
    assert "missing here, in the log: will heal: 5 events in 2 streams" in capsys.readouterr().out
    assert world.state() == holed
    findings = world.verify(heal=True)
    assert (world.fates(findings), findings.healed) == (expected, 5)
    assert report(findings) == 0
    assert world.state() == whole
    assert world.verify(heal=True).healed == 0


def test_a_failure_while_healing_leaves_nothing_half_done(world: World) -> None:
    whole = world.state()
    world.plant("DELETE FROM interaction WHERE source = :s", s=world.teller.service.name)
    faults.arm("consumer.commit", "raise-after")
    try:
        with pytest.raises(faults.FaultRaised):
            world.verify(heal=True)
    finally:
        faults.disarm()
    world.verify(heal=True)
    assert world.state() == whole


def test_records_that_are_missing_are_folded_again_from_what_was_heard(world: World) -> None:
    whole = world.state()
    member = world.members[0]
    for table in ("customer_record", "identifier"):
        world.plant(f"DELETE FROM {table} WHERE member = :m", m=member)
        assert world.verify().unkept == [world.stream(0)], table
        assert world.verify(heal=True).is_sound
        assert world.state() == whole, table
    world.plant("DELETE FROM claim WHERE member = :m AND field = 'city'", m=member)
    world.plant("UPDATE customer_record SET states = '{}' WHERE member = :m", m=member)
    world.plant("DELETE FROM custom_field")
    assert world.verify().unkept == sorted([world.stream(0), "custom_field/custom.tags"])
    assert not world.verify().is_sound
    assert world.verify(heal=True).is_sound
    assert world.state() == whole


def test_holes_in_both_are_healed_at_once(world: World) -> None:
    whole = world.state()
    for table in ("interaction", "claim", "customer_record", "identifier"):
        condition = "stream = :s" if table == "interaction" else "member = CAST(split_part(:s, '/', 2) AS uuid)"
        world.plant(f"DELETE FROM {table} WHERE {condition}", s=world.stream(1))
    assert world.verify(heal=True).is_sound
    assert world.state() == whole


def test_an_erased_customer_is_not_brought_back(world: World) -> None:
    whole = world.state()
    world.plant("DELETE FROM interaction WHERE stream = :s", s=world.stream(2))
    assert world.verify(heal=True).is_sound
    assert world.state() == whole
    world.plant("DELETE FROM erased_member WHERE member = :m", m=world.members[2])
    findings = world.verify(heal=True)
    assert (findings.unkept, findings.is_sound) == ([world.stream(2)], True)
    assert world.state() == whole


def test_what_a_person_left_out_and_what_waits_is_said_and_not_healed(world: World) -> None:
    source, stream = world.teller.service.name, world.stream(0)
    world.plant("DELETE FROM interaction WHERE stream = :s AND sequence = 2", s=stream)
    skipped = "INSERT INTO skipped_event VALUES ('main', 't', 0, 0, :source, :s, 2, 'useless', 'olga', now())"
    world.plant(skipped, source=source, s=stream)
    world.plant("UPDATE position SET sequence = 2 WHERE stream = :s", s=world.stream(1))
    world.plant("DELETE FROM interaction WHERE stream = :s AND sequence > 2", s=world.stream(1))
    try:
        findings = world.verify(heal=True)
        assert world.fates(findings) == {Fate.LEFT_OUT: {stream: [2]}, Fate.UNDERWAY: {world.stream(1): [3]}}
        assert findings.is_sound
        parked = "INSERT INTO parked_stream VALUES ('main', :source, :s, 't', 0, 'poison', 'bad', now())"
        world.plant(parked, source=source, s=world.stream(1))
        findings = world.verify(heal=True)
        assert findings.fates.keys() == {Fate.LEFT_OUT, Fate.PARKED}
        assert not findings.is_sound
    finally:
        with world.sync.engine.begin() as connection:
            connection.execute(text("TRUNCATE skipped_event, parked_stream"))
        world.plant("UPDATE position SET sequence = 3 WHERE stream = :s", s=world.stream(1))


def test_what_the_log_lost_is_said_to_be_lost(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    # The publisher committed four events and told of them; the log has the first and the last.
    member = new_id()
    stream = f"customer/{member}"
    world.teller.tell(*[(stream, review(str(n))) for n in range(4)], at=AT)
    world.send(1, 2)
    world.teller.transact(lambda work: [str(heads.report(work, [stream]))])
    world.send()
    assert world.verify().sources[world.teller.service.name].unread == 3
    world.hear()
    findings = world.verify(heal=True)
    assert world.fates(findings) == {Fate.LOST: {stream: [2, 3]}, Fate.PARKED: {stream: [4]}}
    assert report(findings) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("lost by the log: 2 events in 1 streams")
    assert lines[at + 1].split("\t") == [f"  {world.teller.service.name}", stream, "2-3"]
    # An event for a lost one says that there is none, and counts as there.
    for sequence in (2, 3):
        _void(world, stream, sequence)
    world.hear()
    findings = world.verify(whole_log=True)
    assert world.fates(findings) == {}
    # What was heard before the log lost it is kept, and named.
    world.teller.tell((stream, review("5")), at=AT)
    [lost] = world.teller.take()[0]
    world.sync.transact(world.sync.itself, lambda work: record(work, [Event(lost)]))
    assert world.verify().is_sound
    findings = world.verify(whole_log=True)
    assert world.fates(findings) == {Fate.LOST_BUT_KEPT: {stream: [5]}}
    assert not findings.is_sound


def test_a_log_that_was_cut_back_is_a_problem(world: World) -> None:
    [(topic, partition), *_] = world.next
    world.plant(
        "UPDATE consumer_offset SET next_offset = next_offset + 5 WHERE topic = :t AND partition = :p",
        t=topic,
        p=partition,
    )
    try:
        findings = world.verify()
        assert "had been read" in findings.log_problems[0]
        assert not findings.is_sound
    finally:
        world.plant(
            "UPDATE consumer_offset SET next_offset = next_offset - 5 WHERE topic = :t AND partition = :p",
            t=topic,
            p=partition,
        )


def _void(world: World, stream: str, sequence: int) -> None:
    teller = world.teller
    teller.tell((stream, SequenceVoided()), at=AT)
    [void] = teller.take()[0]
    producer = Producer({**world.sync.kafka, "partitioner": "murmur2_random"})
    body = msgspec.structs.replace(void, digits=f"{sequence:010d}")
    producer.produce(world.topic, key=stream, value=msgspec.json.encode(body))
    assert producer.flush(20) == 0
    with teller.service.engine.begin() as connection:
        connection.execute(text("UPDATE stream_head SET sequence = 4 WHERE stream = :s"), {"s": stream})
