"""Any interleaving of the topics that keeps the order of each stream gives the same tables and the same decisions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.events.customer import CustomerEdited, CustomerErased, CustomerForgotten, CustomFieldDefined
from shared.events.envelope import Event, new_id
from shared.events.facts import Fact
from shared.events.sync import CustomerAssigned, RequestedLine
from tests.builders import NOON, claim, heard
from tests.integration.sfa.force import Force, registered, requested, sales_force
from tests.servers import PostgresServer

HEARD = ("claim", "customer_record", "customer_cluster", "custom_field", "order_request")
DECIDED = ("order_decision", "sales_order", "order_line")
ALSO = (
    "order_step",
    "customer_territory",
    "erased_member",
    "member_key",
    "due",
    "outbox",
    "forgotten",
    "erasure_answer",
)
EMPTIED = (*HEARD, *DECIDED, *ALSO)


class World:
    """A market with three customers, one of them twice, and what two services say of them."""

    def __init__(self, force: Force) -> None:
        self.force = force
        force.territory("rome", reps=["rita"])
        force.product()
        self.members = sorted(new_id() for _ in range(4))
        self.streams = list(self._history())
        self.expected = self.play([event for stream in self.streams for event in stream], [])

    def _history(self) -> Iterator[list[Event]]:
        first, twin, gone, nobody = self.members
        for n, member in enumerate(self.members):
            facts: list[Fact] = [CustomerEdited(claims=(claim("city", f"city {n}"), claim("custom.tags", f"+t{n}")))]
            facts += [CustomerErased()] if member == gone else []
            later = [heard(member, fact, sequence=i, source="callcenter") for i, fact in enumerate(facts, 2)]
            yield [registered(member, family_name=f"name {n}"), *later]
        field = CustomFieldDefined(name="custom.tags", label="Tags", kind="set", policy="add_remove_set")
        yield [heard("custom.tags", field, source="callcenter")]
        unknown, same = (RequestedLine(product="unknown"),), new_id()
        yield [requested(first, same), requested(first, same, sequence=2), requested(first, lines=unknown, sequence=3)]
        yield [heard(twin, CustomerAssigned(cluster=first, because="phone")), requested(twin, sequence=2)]
        yield [requested(gone)]
        yield [requested(nobody), requested(nobody, at=NOON - timedelta(days=40), sequence=2)]

    def play(self, order: list[Event], cuts: list[int]) -> dict[str, list[str]]:
        """Hear events in this order, in batches that end before the cuts, and decide; gives tables and facts."""
        with self.force.service.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(EMPTIED)}"))
            there = text("INSERT INTO customer_territory (member, territory, at) VALUES (:member, 'rome', :at)")
            connection.execute(there, [{"member": self.members[n], "at": NOON} for n in (0, 2)])
        for begin, end in pairwise([0, *sorted(set(cuts)), len(order)]):
            self.force.hear(*order[begin:end])
        self.force.decide()
        found = {name: sorted(map(str, self.force.rows(f"SELECT * FROM {name}"))) for name in (*HEARD, *DECIDED)}
        # How many rows were there to forget depends on what was heard before.
        said = [
            (e.stream, "forgotten" if isinstance(e.fact, CustomerForgotten) else e.fact, e.occurred)
            for e in self.force.events()
        ]
        return found | {"said": sorted(map(str, said))}


@pytest.fixture(scope="module")
def world(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with sales_force(postgres.database("sfa"), tmp_path_factory.mktemp("issuer")) as force:
        yield World(force)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_interleaving_gives_the_same_tables_and_decisions(world: World, data: st.DataObject) -> None:
    turns = data.draw(st.permutations([n for n, stream in enumerate(world.streams) for _ in stream]))
    waiting = [iter(stream) for stream in world.streams]
    order = [next(waiting[n]) for n in turns]
    cuts = data.draw(st.lists(st.integers(1, len(order) - 1), max_size=4))
    assert world.play(order, cuts) == world.expected


def test_the_history_has_every_outcome(world: World) -> None:
    reasons = {row[0] for row in world.force.rows("SELECT reason FROM order_decision")}
    assert reasons == {"", "unknown_product", "erased", "not_in_territory", "too_old"}
