"""A replay: as if the block had been there, and sealed; a late block comes to the same state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy import Column, DateTime, Identity, Integer, MetaData, Table, Text, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events import catalogue
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.events.marketing import CustomerValued
from shared.pipeline import due, tables, topics
from shared.pipeline.digest import LeftOut, differing, digest
from shared.pipeline.replay import Clock, Replay, ends
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice, Subscriptions
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work
from tests.probe import ANNA, KEKS, Pair, make_service, new_member, unique, until, wrapped_up
from tests.servers import KafkaServer, PostgresServer

assert catalogue.FACT_TYPES

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = 10 * DAY
FINISH = START + 40 * DAY

metadata = MetaData()
contact = Table(
    "contact",
    metadata,
    Column("place", Integer, Identity(), primary_key=True),
    Column("stream", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("heard", DateTime(timezone=True), nullable=False),
)
said = Table(
    "said",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("contacts", Integer, nullable=False),
)
LEFT_OUT = (LeftOut("contact", "the order and time of hearing", columns=("place", "heard")),)


def keep(work: Work, events: list[Event]) -> None:
    rows = [
        {"stream": e.stream, "note": e.fact.note, "occurred": e.occurred, "heard": work.now}
        for e in events
        if isinstance(e.fact, ContactWrappedUp)
    ]
    work.session.execute(contact.insert(), rows)
    due.mark_of(work, "recent", lambda event: [event.stream], events)


def count_recent(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
    """How many contacts are younger than the window; told when it changed."""
    again = {}
    for item in items:
        recent = (contact.c.stream == item.key) & (contact.c.occurred > work.now - WINDOW)
        query = select(func.count(), func.min(contact.c.occurred)).where(recent)
        number, oldest = work.session.execute(query).one()
        before = work.session.scalar(select(said.c.contacts).where(said.c.stream == item.key)) or 0
        if number != before:
            member = item.key.removeprefix("customer/")
            valued = CustomerValued(cluster=member, amount=number, currency="USD", window_days=10, orders=number)
            work.publish(item.key, valued, history=item.history)
        work.session.execute(delete(said).where(said.c.stream == item.key))
        if number:
            work.session.execute(upsert(said).values(stream=item.key, contacts=number))
            again[item.key] = oldest + WINDOW
    return again


TASKS = (Task("recent", count_recent),)


@dataclass
class World:
    """Two publishers whose log is in Kafka, and databases to replay it into."""

    postgres: PostgresServer
    kafka: Mapping[str, str]
    publishers: Sequence[Service]

    @property
    def heard(self) -> Subscriptions:
        return Subscriptions(tuple(p.name for p in self.publishers), (Slice("recent", {"contact.wrapped_up": keep}),))

    def replay(self) -> Replay:
        url = self.postgres.database("replay")
        engine = connect(url, name="replay")
        for each in (tables.metadata, metadata):
            each.create_all(engine)
        clock = Clock()
        service = Service(unique("trial"), engine, self.kafka, KEKS, clock, Wakeup(url))
        return Replay(service, clock, self.heard, TASKS, ends(self.kafka, self.heard.sources))


def tell(service: Service, day: float, stream: str, note: str, *, late: float = 0.0, history: bool = False) -> None:
    """Publish a contact of that day, written down so many days later."""
    at = START + day * DAY
    recording = replace(service, clock=lambda: at + late * DAY)
    recording.transact(ANNA, lambda work: work.publish(stream, wrapped_up(note), at, history=history))


@pytest.fixture(scope="module")
def world(kafka: KafkaServer, postgres: PostgresServer) -> Iterator[World]:
    publishers = [make_service(kafka, postgres.database("publisher"), unique("publisher")) for _ in range(2)]
    anna, bruno, carla, dora = (f"customer/{new_member()}" for _ in range(4))
    one, two = publishers
    tell(one, 0, anna, "a0")
    tell(two, 1, anna, "a1")
    tell(one, 5, bruno, "b5")
    tell(two, 2, carla, "c2", late=20)
    tell(one, 7, anna, "a7")
    tell(one, 32, dora, "d32")
    tell(one, 3, dora, "d3", late=30, history=True)
    tell(one, 35, bruno, "b35")
    for service, other in ((one, two), (two, one)):
        pair = Pair(service, other)
        with pair.relaying():
            until(lambda p=pair: p.unsent() == 0)  # type: ignore[misc]
    yield World(postgres, publishers[0].kafka, publishers)
    for service in publishers:
        service.wakeup.close()
        service.engine.dispose()


def unsent(service: Service) -> int:
    with Session(service.engine) as session:
        return int(session.execute(text("SELECT count(*) FROM outbox")).scalar_one())


def notes(replay: Replay) -> list[str]:
    """In the order of the hearing."""
    with Session(replay.service.engine) as session:
        return list(session.scalars(select(contact.c.note).order_by(contact.c.place)))


def test_it_plays_all_topics_by_time_and_what_is_due_by_time_alone_comes_at_its_time(world: World) -> None:
    replay = world.replay()
    sizes: dict[int, int] = {}

    def watch(midnight: datetime) -> None:
        with Session(replay.service.engine) as session:
            sizes[(midnight - START).days] = len(session.execute(select(said)).all())

    told: list[tuple[int, int]] = []
    outcome = replay.as_live(finish=FINISH, watch=watch, tell=lambda done, of: told.append((done, of)))
    assert notes(replay) == ["a0", "a1", "b5", "a7", "c2", "d32", "d3", "b35"]
    # Anna from day 0 to 17, Bruno from 5 to 15 and again from 35 on, Dora from 32 on; Carla's came too late.
    assert {day: size for day, size in sizes.items() if day in (0, 5, 15, 17)} == {0: 1, 5: 2, 15: 1, 17: 0}
    assert list(sizes)[-1] == 40
    assert sizes[40] == 2
    assert told[-1] == (8, 8)
    assert (outcome.first, outcome.last) == (START, START + 35 * DAY)
    # More and fewer contacts each change what is said, on the day on which it does.
    days = {(day - START).days + 1 for day, _ in outcome.facts}
    assert (days, outcome.facts.total()) == ({0, 1, 5, 7, 10, 11, 15, 17, 32, 35}, 10)
    assert not outcome.tasks_given_up


def test_nothing_leaves_it(world: World) -> None:
    replay = world.replay()
    replay.as_live(finish=FINISH)
    assert unsent(replay.service) == 0
    admin = AdminClient(dict(world.kafka))
    for topic in (replay.service.events_topic, replay.service.keys_topic):
        assert topics.partitions_of(admin, topic) == []


def test_by_the_time_of_what_happened_a_late_writing_down_is_played_where_it_belongs(world: World) -> None:
    # A history that was brought in takes with it what stands before it in its stream.
    replay = world.replay()
    outcome = replay.as_live(by="occurred", finish=FINISH)
    assert notes(replay) == ["a0", "a1", "c2", "d32", "d3", "b5", "a7", "b35"]
    assert outcome.last == START + 35 * DAY


def test_a_late_block_comes_to_the_same_state_in_one_word(world: World) -> None:
    as_live, late = world.replay(), world.replay()
    steps = as_live.as_live(finish=FINISH).facts.total()
    order = [source.name for source in reversed(world.publishers)]
    words = late.join_late(finish=FINISH, order=order).facts.total()
    assert notes(as_live) != notes(late)
    assert (steps, words) == (10, 2)
    with Session(as_live.service.engine) as one, Session(late.service.engine) as other:
        assert digest(one, [metadata], LEFT_OUT) == digest(other, [metadata], LEFT_OUT)
        assert differing(one, other, [metadata], LEFT_OUT) == {}
        assert set(differing(one, other, [metadata], ())) == {"contact"}
    with pytest.raises(ValueError, match="each of"):
        late.join_late(finish=FINISH, order=order[:1])


def test_what_comes_after_the_end_that_was_noted_is_not_played(world: World) -> None:
    replay = world.replay()
    [first, *others] = replay._until.items()
    replay._until = dict([(first[0], 0), *others])
    assert replay.as_live(finish=FINISH).messages == 8 - first[1]
