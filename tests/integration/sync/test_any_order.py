"""Any interleaving of the topics that keeps the order of each stream gives the same tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sync import wiring
from services.sync.identity import consent, handlers
from services.sync.subscriptions import SUBSCRIPTIONS
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events.callcenter import ContactWrappedUp
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import Envelope, new_id
from shared.events.facts import Fact
from shared.events.sync import CustomerJoined, CustomerParted
from shared.pipeline import migrate
from shared.pipeline.service import Service
from shared.pipeline.tasks import Tasks
from tests.integration.sync.told import KEKS, Teller, hear, pass_keys
from tests.servers import PostgresServer

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DERIVED = (
    "interaction",
    "claim",
    "customer_record",
    "custom_field",
    "erased_member",
    "member_key",
    "identifier",
    "identity_decision",
    "identity_suggestion",
    "customer_cluster",
)
PHONE, EMAIL = "+390612345678", "ana@example.org"

# (publisher, member) -> what it says the member has: four members have something in common, one of them is erased.
SHARED = {
    (0, 1): ("phone", PHONE),
    (0, 2): ("phone", PHONE),
    (1, 2): ("email", EMAIL),
    (1, 3): ("email", EMAIL),
    (0, 4): ("email", EMAIL.upper()),
}


class World:
    """Two publishers' history of members, two of them erased and some the same, and of a custom field; and a sync to
    hear it."""

    def __init__(self, postgres: PostgresServer) -> None:
        url = postgres.database("sync")
        migrate.upgrade(url, wiring.VERSIONS)
        self.sync = Service("sync", connect(url, name="sync"), {}, KEKS, system_clock, Wakeup(url))
        self.tellers = [Teller.at(name, postgres.database(name)) for name in ("callcenter", "marketing")]
        through = {each.name: "main" for each in SUBSCRIPTIONS.slices}
        self.tasks = Tasks(self.sync, (handlers.TASK, consent.TASK), through, threading.Event())
        self.streams = self._history()
        self.expected = self.play([envelope for stream in self.streams for envelope in stream], [])

    def _history(self) -> list[list[Envelope]]:
        """The events of each (source, stream), in their order."""
        members = [new_id() for _ in range(5)]
        first = [_claim("city", "Rome", 0) for _ in members]
        streams: dict[tuple[str, str], list[Envelope]] = {}
        for turn, teller in enumerate(self.tellers):
            for n, member in enumerate(members):
                city, tag = _claim("city", f"city {turn}", 1, first[n].id), _claim("custom.tags", f"+t{turn}", 2)
                facts: list[Fact] = [CustomerRegistered(claims=(first[n],))] if turn == 0 else []
                facts += [CustomerEdited(claims=(city, tag)), _review(turn)]
                facts += [CustomerErased(), _review(9)] if n == turn else []
                facts += [CustomerEdited(claims=(_claim(*SHARED[turn, n], turn),))] if (turn, n) in SHARED else []
                facts += [CustomerJoined(other=members[4])] if (turn, n) == (0, 3) else []
                facts += [CustomerParted(other=members[4])] if (turn, n) == (1, 3) else []
                teller.tell(*[(f"customer/{member}", fact) for fact in facts], at=AT + timedelta(hours=turn))
            field = CustomFieldDefined(name="custom.tags", label=f"Tags {turn}", kind="set", policy="add_remove_set")
            teller.tell(("custom_field/custom.tags", field), at=AT + timedelta(hours=turn))
            envelopes, records = teller.take()
            pass_keys(self.sync, teller, records)
            for envelope in envelopes:
                streams.setdefault((envelope.source, envelope.subject), []).append(envelope)
        with Session(self.sync.engine) as session:
            self.keys = session.execute(text("SELECT member, source, key_id, wrapped FROM member_key")).all()
        return list(streams.values())

    def play(self, order: list[Envelope], cuts: list[int]) -> dict[str, list[str]]:
        """Hear events in this order, in batches that end before the cuts; gives all tables."""
        with self.sync.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(DERIVED)}, due, outbox"))
            insert = text("INSERT INTO member_key (member, source, key_id, wrapped) VALUES (:a, :b, :c, :d)")
            connection.execute(insert, [dict(zip("abcd", row, strict=True)) for row in self.keys])
        edges = [0, *sorted(set(cuts)), len(order)]
        for begin, end in pairwise(edges):
            assert hear(self.sync, order[begin:end]) == []
            while self.tasks.round():
                pass
        with Session(self.sync.engine) as session:
            # The keys of what sync itself says are made at random.
            own = " WHERE source <> 'sync'"
            return {
                name: sorted(
                    map(str, session.execute(text(f"SELECT * FROM {name}{own if name == 'member_key' else ''}")))
                )
                for name in DERIVED
            }

    def close(self) -> None:
        for service in (self.sync, *(teller.service for teller in self.tellers)):
            service.wakeup.close()
            service.engine.dispose()


def _claim(field: str, value: str, minute: int, *saw: str) -> ClaimMade:
    return ClaimMade(id=new_id(), field=field, value=value, saw=saw, made=AT + timedelta(minutes=minute))


def _review(turn: int) -> ContactWrappedUp:
    return ContactWrappedUp(contact=f"c{turn}", agent="a", reason="r", outcome="o", note="text", satisfaction=1)


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    made = World(postgres)
    yield made
    made.close()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_interleaving_gives_the_same_tables(world: World, data: st.DataObject) -> None:
    # erased_member.at is when this service heard of it, so it is left to differ.
    turns = data.draw(st.permutations([n for n, stream in enumerate(world.streams) for _ in stream]))
    waiting = [iter(stream) for stream in world.streams]
    order = [next(waiting[n]) for n in turns]
    cuts = data.draw(st.lists(st.integers(1, len(order) - 1), max_size=4))
    found = world.play(order, cuts)
    for name in set(DERIVED) - {"erased_member"}:
        assert found[name] == world.expected[name], name
    # Of those with one address the last two were parted; the first of them and its mate by phone are one.
    assert len(found["customer_cluster"]) == 1
    assert len(found["erased_member"]) == 2
    assert len(found["interaction"]) == len(order)
