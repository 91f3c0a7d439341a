"""Value and segment: what is published of each member, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs
from sqlalchemy import text

from services.marketing import wiring
from services.marketing.subscriptions import SUBSCRIPTIONS
from shared.events.envelope import Event
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.pipeline import due
from shared.pipeline.attempt import attempt
from shared.pipeline.rebuild import rebuild
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work
from tests.builders import NOON, actor, done
from tests.integration.marketing.market import Market, ago, assigned, cancelled, members, placed

YEAR = timedelta(days=365)


def value(cluster: str, amount: int, orders: int, last: datetime | None) -> CustomerValued:
    return CustomerValued(
        cluster=cluster, amount=amount, currency="USD", window_days=365, orders=orders, last_order=last
    )


def entered(*orders: str) -> SegmentEntered:
    return SegmentEntered(segment="high_value", because=orders)


def left(because: str) -> SegmentLeft:
    return SegmentLeft(segment="high_value", because=because)


def history(market: Market, member: str) -> list[tuple[str, str | None, str]]:
    """The stays of a member's customer as a marketer sees them: entered, left, because."""
    standing = done(market.get(f"/customers/{member}/profile"))["standing"]
    return [(stay["entered"][:10], stay["left"] and stay["left"][:10], stay["because"]) for stay in standing["stays"]]


def test_who_orders_for_enough_is_valued_and_enters_when_it_was_enough(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 300_00, ago(days=20), "a"))
    fresh.settle()
    assert fresh.facts(ada) == [value(ada, 300_00, 1, ago(days=20))]
    fresh.hear(placed(ada, 200_00, ago(days=5), "b"))
    fresh.settle()
    said = fresh.said(ada)
    assert [event.fact for event in said] == [value(ada, 500_00, 2, ago(days=5)), entered("a", "b")]
    assert said[1].occurred == ago(days=5)
    assert not said[1].envelope.history
    fresh.hear(placed(ada, 1_00, ago(days=1)))
    fresh.settle()
    assert [type(fact) for fact in fresh.facts(ada)] == [CustomerValued]


def test_who_orders_no_more_leaves_by_time_alone_at_the_very_instant(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 300_00, ago(days=20), "a"), placed(ada, 200_00, ago(days=5), "b"))
    fresh.settle()
    fresh.said(ada)
    fresh.clock.now = ago(days=20) + YEAR - timedelta(microseconds=1)
    fresh.settle()
    assert fresh.said(ada) == []
    fresh.clock.forward(hours=3)
    fresh.settle()
    said = fresh.said(ada)
    assert [event.fact for event in said] == [value(ada, 200_00, 1, ago(days=5)), left("time")]
    assert said[1].occurred == ago(days=20) + YEAR
    assert history(fresh, ada) == [("2026-02-25", "2027-02-10", "time")]
    fresh.clock.forward(days=20)
    fresh.settle()
    assert fresh.facts(ada) == [value(ada, 0, 0, None)]
    assert fresh.rows("SELECT * FROM published_value UNION ALL SELECT null, null, 0, '', 0, 0, null FROM due") == []


def test_what_leaves_by_time_is_live_also_where_history_made_it_due(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(structs.replace(placed(ada, 600_00, ago(days=5)), live=False))
    fresh.settle()
    assert [event.envelope.history for event in fresh.said(ada)] == [True, True]
    fresh.clock.forward(days=400)
    fresh.settle()
    assert [event.envelope.history for event in fresh.said(ada)] == [False, False]


def test_a_late_fact_corrects_what_was_said(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 500_00, ago(days=10), "b"))
    fresh.settle()
    assert [event.occurred for event in fresh.said(ada)][1] == ago(days=10)
    fresh.hear(placed(ada, 700_00, ago(days=30), "a"))
    fresh.settle()
    said = fresh.said(ada)
    assert [event.fact for event in said] == [value(ada, 1200_00, 2, ago(days=10)), entered("a")]
    assert said[1].occurred == ago(days=30)
    fresh.hear(placed(ada, 700_00, ago(days=900), "old"))
    fresh.settle()
    assert fresh.said(ada) == []
    assert history(fresh, ada) == [("2023-09-14", "2024-09-13", "time"), ("2026-01-31", None, "")]


def test_a_cancelled_order_counts_no_more(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 500_00, ago(days=10), "a"), placed(ada, 10_00, ago(days=9), "b"))
    fresh.settle()
    fresh.said(ada)
    fresh.hear(cancelled(ada, "a", ago(days=2)))
    fresh.settle()
    said = fresh.said(ada)
    assert [event.fact for event in said] == [value(ada, 10_00, 1, ago(days=9)), left("cancelled")]
    assert said[1].occurred == ago(days=2)
    assert history(fresh, ada) == [("2026-02-20", "2026-02-28", "cancelled")]


def test_an_order_for_nothing_is_an_order_and_another_currency_is_none(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 0, ago(days=1)), placed(bea, 900_00, ago(days=1), currency="EUR"))
    fresh.settle()
    assert fresh.facts(ada) == [value(ada, 0, 1, ago(days=1))]
    assert fresh.facts(bea) == []


def test_members_of_one_customer_have_one_value_as_long_as_they_are_one(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 300_00, ago(days=20), "a"), placed(bea, 250_00, ago(days=10), "b"))
    fresh.settle()
    alone = {ada: value(ada, 300_00, 1, ago(days=20)), bea: value(bea, 250_00, 1, ago(days=10))}
    assert {member: fresh.facts(member) for member in alone} == {m: [fact] for m, fact in alone.items()}
    for _ in range(2):
        fresh.hear(assigned(bea, ada))
        fresh.settle()
        together = [value(ada, 550_00, 2, ago(days=10)), entered("a", "b")]
        assert (fresh.facts(ada), fresh.facts(bea)) == (together, together)
        assert fresh.rows("SELECT cluster FROM stay") == [(ada,)]
        fresh.hear(assigned(bea, bea))
        fresh.settle()
        assert {m: fresh.facts(m) for m in alone} == {m: [fact, left("link")] for m, fact in alone.items()}
        assert fresh.rows("SELECT cluster FROM stay") == []


def test_of_a_cluster_that_is_no_more_no_stay_remains(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(bea, 600_00, ago(days=20), "b"))
    fresh.settle()
    fresh.said(bea)
    fresh.hear(assigned(bea, ada))
    fresh.settle()
    assert fresh.rows("SELECT cluster FROM stay") == [(ada,)]
    assert fresh.facts(ada) == [value(ada, 600_00, 1, ago(days=20)), entered("b")]
    # Of the same value and the same entry only the cluster is news.
    assert fresh.facts(bea) == [value(ada, 600_00, 1, ago(days=20))]


def test_a_linked_customer_leaves_by_time_alone_whoever_had_the_timer(fresh: Market) -> None:
    ada, bea, cleo = members(3)
    fresh.hear(placed(cleo, 600_00, ago(days=9)), assigned(bea, ada), assigned(cleo, ada))
    fresh.settle()
    fresh.hear(placed(bea, 1_00, ago(days=8)))
    fresh.settle()
    fresh.hear(assigned(ada, bea), assigned(bea, bea), assigned(cleo, bea), placed(ada, 1_00, ago(days=7)))
    fresh.settle()
    for member in (ada, bea, cleo):
        fresh.said(member)
    fresh.clock.forward(days=356, hours=1)
    fresh.settle()
    for member in (ada, bea, cleo):
        assert fresh.facts(member) == [value(bea, 2_00, 2, ago(days=7)), left("time")]


def test_the_first_time_the_rule_is_published_and_then_who_changes_it_decides(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 600_00, ago(days=20), "a"), placed(bea, 300_00, ago(days=20), "b"))
    fresh.settle()
    fresh.said(ada), fresh.said(bea)
    body = {"name": "Best", "window_days": 365, "at_least": 700_00}
    assert fresh.post("/segments/high_value/define", body, "supervisor").status_code == 403
    assert fresh.post("/segments/other/define", body).status_code == 404
    assert fresh.post("/segments/high_value/define", body | {"at_least": 0}).status_code == 422
    done(fresh.post("/segments/high_value/define", body))
    fresh.settle()
    said = fresh.said(ada)
    assert [event.fact for event in said] == [left("rule")]
    assert said[0].occurred == NOON
    done(fresh.post("/segments/high_value/define", body | {"window_days": 30, "at_least": 200_00}))
    fresh.settle()
    assert fresh.facts(ada)[1] == entered("a")
    assert fresh.facts(bea)[1] == entered("b")
    defined = [event.fact for event in fresh.events() if event.type == "segment.defined"]
    assert [(fact.name, fact.at_least) for fact in defined] == [  # type: ignore[union-attr]
        ("High value", 500_00),
        ("Best", 700_00),
        ("Best", 200_00),
    ]


def during(task: Task, what: Callable[[], None]) -> Task:
    """The task, with something that happens between its reading and its commit, the first time."""
    happened = threading.Event()

    def run(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
        again = task.run(work, items)
        if not happened.is_set():
            happened.set()
            what()
        return again

    return replace(task, run=run)


def two_at_once(market: Market) -> int:
    """Of two members of one customer both order while the first order is worked out; gives what is published."""
    ada, bea = members(2)
    market.hear(assigned(bea, ada), placed(ada, 100, ago(days=1)))
    task, *_ = wiring.tasks(market.settings)
    both = during(task, lambda: market.hear(placed(bea, 20, ago(days=1)), placed(ada, 3, ago(days=1))))
    tasks = market.tasks(both)
    while tasks.round():
        pass
    found = {amount for (amount,) in market.rows("SELECT amount FROM published_value")}
    assert len(found) == 1
    return int(found.pop())


def test_what_comes_while_a_customer_is_worked_out_is_not_lost(fresh: Market) -> None:
    assert two_at_once(fresh) == 123


def test_it_would_be_lost_if_a_mark_left_no_trace(fresh: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    without = due._MARK.text.replace("version = d.version + 1", "version = d.version")
    monkeypatch.setattr(due, "_MARK", text(without))
    assert two_at_once(fresh) == 100


def test_concurrent_workers_come_to_the_right_total(fresh: Market) -> None:
    ada, bea = members(2)
    orders = {member: [placed(member, 1, ago(days=1)) for _ in range(30)] for member in (ada, bea)}
    fresh.hear(assigned(bea, ada))
    over = threading.Event()

    def hear(member: str) -> None:
        for order in orders[member]:
            fresh.hear(order)

    def work() -> None:
        tasks = fresh.tasks()
        while not over.is_set() or tasks.round():
            tasks.round()

    with ThreadPoolExecutor(4) as threads:
        workers = [threads.submit(work) for _ in range(2)]
        for hearer in [threads.submit(hear, member) for member in (ada, bea)]:
            hearer.result()
        over.set()
        for worker in workers:
            worker.result()
    assert fresh.rows("SELECT amount, orders, cluster FROM published_value") == [(60, 60, ada)] * 2
    for member in (ada, bea):
        assert fresh.facts(member)[-1] == value(ada, 60, 60, ago(days=1))


TABLES = ("profile", "spending", "purchase", "stay", "customer_cluster", "published_value", "published_stay")


def tables(market: Market) -> dict[str, list[str]]:
    return {name: sorted(map(str, market.rows(f"SELECT * FROM {name}"))) for name in TABLES}


def test_a_rebuild_says_nothing_again(fresh: Market) -> None:
    ada, bea, cleo = members(3)
    log = [
        placed(ada, 300_00, ago(days=20)),
        placed(bea, 250_00, ago(days=10)),
        placed(cleo, 600_00, ago(days=400), "c"),
        assigned(bea, ada),
    ]
    for event in log:
        fresh.hear(event)
        fresh.settle()
    before, published = tables(fresh), len(fresh.events())
    fresh.execute("INSERT INTO consumer_offset VALUES ('main', 'sfa.events', 0, 4, 4)")
    fresh.service.transact(actor(), lambda work: rebuild(work, "main", SUBSCRIPTIONS.slices))
    for event in log:
        fresh.hear(structs.replace(event, live=False))
        # The past isn't read to its end yet: nothing is worked out from half of it.
        fresh.settle()
    fresh.execute("UPDATE consumer_offset SET next_offset = 4")
    fresh.settle()
    assert tables(fresh) == before
    assert len(fresh.events()) == published


def test_what_a_restored_database_had_published_is_taken_in_and_not_said_again(fresh: Market) -> None:
    ada, bea, cleo = members(3)
    log = [placed(ada, 600_00, ago(days=20)), placed(bea, 250_00, ago(days=10)), placed(cleo, 900_00, order="c")]
    fresh.hear(*log)
    fresh.settle()
    fresh.hear(cancelled(cleo, "c"))
    fresh.settle()
    done(fresh.post("/segments/high_value/define", {"window_days": 365, "at_least": 200_00}))
    fresh.settle()
    before, said = tables(fresh), fresh.events()
    fresh.execute(f"TRUNCATE {', '.join(TABLES)}, segment, due, outbox")
    take_in(fresh, said)
    fresh.hear(*log, cancelled(cleo, "c"))
    fresh.settle()
    assert tables(fresh) == before
    assert fresh.events() == []


def take_in(market: Market, own: list[Event]) -> None:
    """What ``recover`` does with own events that only the log knows."""

    def body(work: Work) -> None:
        assert attempt(work, SUBSCRIPTIONS.slices, [structs.replace(event, live=False) for event in own]) == {}

    market.service.transact(market.service.itself, body)
