"""Any interleaving of the topics that keeps the order of each stream, worked out whenever, gives the same tables;
and these are what a look at the orders as they are now gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.marketing.segments import moves, reads
from services.marketing.segments.rules import HIGH_VALUE, Definition, Purchase, standing
from shared.events.callcenter import CaseOpened, ContactOffered, ContactWrappedUp
from shared.events.customer import CustomerErased, CustomerRegistered
from shared.events.envelope import Event
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.events.sfa import OrderCancelled, OrderPlaced
from shared.events.sync import CustomerAssigned
from tests.builders import NOON, claim, heard
from tests.integration.marketing.market import Market, ago, assigned, cancelled, members, placed

TABLES = (
    *("profile", "spending", "purchase", "stay", "customer_cluster", "published_value", "published_stay"),
    *("claim", "customer_record", "segment", "review"),
)
MEMBERS = members(4)
RULE = Definition()


def history() -> list[list[Event]]:
    """The events of each (source, stream), in their order: orders, a cancellation, links and unlinks, an erasure."""
    streams: list[list[Event]] = []
    for n, member in enumerate(MEMBERS):
        streams.append(
            [
                heard(member, CustomerRegistered(claims=(claim("city", f"city {n}"),)), source="callcenter"),
                heard(member, ContactOffered(contact="c", channel="phone", queue="q"), source="callcenter"),
                heard(member, ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o", satisfaction=n + 1)),
                heard(member, CaseOpened(case="c", reason="r", subject="s", requested=NOON), source="callcenter"),
                *([heard(member, CustomerErased(), source="callcenter")] if n == 3 else []),
            ]
        )
        streams.append(
            [
                placed(member, 260_00, ago(days=500 - n), f"{n}a"),
                placed(member, (n + 1) * 120_00, ago(days=200 + n), f"{n}b"),
                *([cancelled(member, f"{n}b", ago(days=3))] if n == 2 else []),
                placed(member, 100_00, ago(days=50 + n), f"{n}c"),
            ]
        )
    one, two, three, four = MEMBERS
    streams += [
        [assigned(two, one), assigned(two, two), assigned(two, one)],
        [assigned(three, two), assigned(three, one)],
        [assigned(four, three), assigned(four, four)],
        [assigned(one, one)],
    ]
    return [_numbered(stream) for stream in streams]


def _numbered(stream: Sequence[Event]) -> list[Event]:
    source = stream[0].source
    return [
        heard(e.stream.removeprefix("customer/"), e.fact, source=source, sequence=n, id=e.id, time=e.occurred)
        for n, e in enumerate(stream, 1)
        if e.fact is not None
    ]


class World:
    """What happened, and a marketing service to hear of it."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.streams = history()
        self.expected = self.play([event for stream in self.streams for event in stream], [], [])

    def play(self, order: Sequence[Event], cuts: Sequence[int], pauses: Sequence[int]) -> dict[str, list[str]]:
        """Hear events in this order, in batches that end before the cuts; at the pauses all is worked out."""
        self.market.empty()
        for begin, end in pairwise([0, *sorted({*cuts, *pauses}), len(order)]):
            self.market.hear(*order[begin:end])
            if end in pauses:
                self.market.settle()
        self.market.settle()
        return {name: sorted(map(str, self.market.rows(f"SELECT * FROM {name}"))) for name in TABLES}


@pytest.fixture(scope="module")
def world(only_market: Market) -> Iterator[World]:
    yield World(only_market)
    only_market.empty()


QUICK = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Each example takes a second, so a failing one isn't made smaller."""


@QUICK
@given(data=st.data())
def test_any_interleaving_gives_the_same_tables(world: World, data: st.DataObject) -> None:
    turns = data.draw(st.permutations([n for n, stream in enumerate(world.streams) for _ in stream]))
    waiting = [iter(stream) for stream in world.streams]
    order = [next(waiting[n]) for n in turns]
    cuts, pauses = (data.draw(st.lists(st.integers(1, len(order) - 1), max_size=4)) for _ in range(2))
    found = world.play(order, cuts, pauses)
    for name in TABLES:
        assert found[name] == world.expected[name], name
    check(world.market, order)


def check(market: Market, order: Sequence[Event]) -> None:
    """What stands is what follows from all that was heard, and what was published adds up to it."""
    clusters, purchases = recomputed(order)
    by_cluster: dict[str, list[Purchase]] = defaultdict(list)
    for member in MEMBERS:
        by_cluster[clusters[member]] += purchases[member].values()
    stands = {cluster: standing(bought, RULE, NOON) for cluster, bought in by_cluster.items()}
    of_members = {member: stands[clusters[member]] for member in MEMBERS}
    assert heard_by_others(market) == {
        m: (clusters[m], stood.amount, stood.orders, stood.since) for m, stood in of_members.items()
    }
    assert set(market.rows('SELECT cluster, entered, "left", because FROM stay')) == {
        (cluster, stay.entered, stay.left, stay.because) for cluster, stood in stands.items() for stay in stood.stays
    }
    timers = dict(market.rows("SELECT key, at FROM due"))
    for cluster, stood in stands.items():
        first = min(timers[m] for m in MEMBERS if clusters[m] == cluster and m in timers)
        # Sooner where an order was cancelled since: looked at in vain, once.
        assert stood.next is not None
        assert first <= stood.next, "a cluster isn't looked at again when it changes by time alone"


def recomputed(order: Sequence[Event]) -> tuple[dict[str, str], dict[str, dict[str, Purchase]]]:
    """Clusters, and orders by member, from all events at once."""
    clusters = {member: member for member in MEMBERS}
    purchases: dict[str, dict[str, Purchase]] = {member: {} for member in MEMBERS}
    for event in order:
        member = event.stream.removeprefix("customer/")
        match event.fact:
            case CustomerAssigned(cluster=cluster):
                clusters[member] = cluster
            case OrderPlaced(order=id, total=total):
                purchases[member][id] = Purchase(id, event.occurred, total)
            case OrderCancelled(order=id):
                of = purchases[member][id]
                purchases[member][id] = Purchase(id, of.occurred, of.amount, event.occurred)
    return clusters, purchases


def heard_by_others(market: Market) -> dict[str, tuple[object, ...]]:
    """What who reads the published facts one after the other knows at the end."""
    values: dict[str, CustomerValued] = {}
    since: dict[str, object] = {}
    for event in market.events():
        member = event.stream.removeprefix("customer/")
        match event.fact:
            case CustomerValued():
                values[member] = event.fact
            case SegmentEntered():
                since[member] = event.occurred
            case SegmentLeft():
                del since[member]
    return {m: (told.cluster, told.amount, told.orders, since.get(m)) for m, told in values.items()}


amounts = st.integers(-50_00, 400_00)
orders = st.lists(
    st.tuples(st.sampled_from(MEMBERS), amounts, st.integers(-5, 500), st.none() | st.integers(0, 300)), max_size=15
)


@QUICK
@given(orders, st.integers(1, 400), st.integers(1, 900_00))
def test_the_preview_finds_whom_the_task_finds(
    only_market: Market, orders: list[tuple[str, int, int, int | None]], window_days: int, at_least: int
) -> None:
    only_market.empty()
    each = list(enumerate(orders))
    only_market.hear(assigned(MEMBERS[2], MEMBERS[0]))
    only_market.hear(*(placed(member, amount, ago(days=days), str(n)) for n, (member, amount, days, _) in each))
    only_market.hear(
        *(cancelled(m, str(n), ago(days=days - after)) for n, (m, _, days, after) in each if after is not None)
    )
    trial = Definition("Trial", "USD", window_days, at_least)
    with only_market.service.look(only_market.service.itself) as look:
        found = reads.preview(look, HIGH_VALUE, trial)
    body = {"name": "Trial", "window_days": window_days, "at_least": at_least}
    with only_market.service.look(only_market.service.itself) as look:
        stands = {stay.customer for stay in moves.members(look, HIGH_VALUE, Definition(), NOON).members}
    assert found.customers == len(stands) + found.enter - found.leave
    assert only_market.post("/segments/high_value/define", body).status_code == 200
    only_market.settle()
    assert only_market.rows('SELECT count(*) FROM stay WHERE "left" IS NULL') == [(found.customers,)]
    assert only_market.get("/segments/high_value").json()["sizes"][-1]["customers"] == found.customers
