"""Slices: those of a first start move together, a later one comes along the whole log by itself."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from shared.events.envelope import Event
from shared.pipeline import rebuild
from shared.pipeline.receive import Subscription
from shared.pipeline.subscriptions import EVERYTHING, Slice, Subscriptions
from shared.pipeline.work import Work
from shared.pipeline.worker import SliceChanged, moving, register
from tests.integration.pipeline.running import worker, working
from tests.probe import RECORD, Pair, new_member, publish, until

SHARE = 0.5


def nothing(work: Work, events: list[Event]) -> None:
    """Hears and does nothing."""


ONE = Slice("one", {"contact.ended": nothing})
TWO = Slice("two", {"contact.ended": nothing, "case.opened": nothing})
LATE = Slice("late", {"contact.ended": nothing})


def registered(pair: Pair, *slices: Slice) -> dict[str, tuple[str, ...]]:
    """Start with these slices; gives the slices of each subscription."""
    heard = Subscriptions((pair.publisher.name,), slices)
    found = pair.hearer.transact(pair.hearer.itself, lambda work: register(work, heard, pair.hearer, SHARE))
    return {s.name: tuple(each.name for each in s.slices) for s in found}


def test_the_slices_of_a_first_start_move_together_and_a_later_one_alone(offline: Pair) -> None:
    assert registered(offline, ONE, TWO) == {"main": ("one", "two")}
    assert registered(offline, ONE, TWO, LATE) == {"main": ("one", "two"), "late": ("late",)}
    assert registered(offline, LATE, TWO) == {"late": ("late",), "main": ("two",)}


def test_commands_see_the_subscriptions_as_they_were_registered(offline: Pair) -> None:
    registered(offline, ONE)
    registered(offline, ONE, LATE)
    heard = Subscriptions((offline.publisher.name,), (ONE, TWO, LATE))
    found: list[Subscription] = offline.hearer.transact(
        offline.hearer.itself, lambda work: list(moving(work.session, heard, offline.hearer, SHARE))
    )
    assert {s.name: s.slices for s in found} == {"main": (ONE,), "late": (LATE,)}


def test_a_slice_that_hears_more_than_it_did_is_refused_until_it_is_rebuilt(offline: Pair) -> None:
    registered(offline, ONE)
    more = Slice("one", {"contact.ended": nothing, "case.opened": nothing})
    with pytest.raises(SliceChanged, match=r"now also hears case\.opened"):
        registered(offline, more)
    offline.hearer.transact(offline.hearer.itself, lambda work: rebuild.rebuild(work, "main", [more]))
    assert registered(offline, more) == {"main": ("one",)}


def test_a_slice_may_hear_less_and_one_that_heard_everything_may_name_more(offline: Pair) -> None:
    everything = Slice("all", {EVERYTHING: nothing})
    registered(offline, TWO, everything)
    less = Slice("two", {"contact.ended": nothing})
    named = Slice("all", {EVERYTHING: nothing, "contact.ended": nothing})
    assert registered(offline, less, named) == {"main": ("two", "all")}


def test_two_workers_that_start_at_once_agree(offline: Pair) -> None:
    found: list[dict[str, tuple[str, ...]]] = []
    threads = [threading.Thread(target=lambda: found.append(registered(offline, ONE, TWO))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [{"main": ("one", "two")}] * 4


def test_a_slice_hears_only_types_that_exist() -> None:
    with pytest.raises(ValueError, match=r"contact\.misspelt"):
        Slice("wrong", {"contact.misspelt": nothing})


def test_a_late_slice_hears_the_whole_log_while_the_others_go_on(pair: Pair) -> None:
    counted = Table("counted", MetaData(), Column("sequence", Integer, nullable=False))
    counted.create(pair.hearer.engine)

    def count(work: Work, events: list[Event]) -> None:
        work.session.execute(counted.insert(), [{"sequence": e.sequence} for e in events])

    def sequences() -> list[int]:
        with pair.hearer.engine.connect() as connection:
            return sorted(connection.execute(counted.select()).scalars())

    try:
        member = new_member()
        with pair.relaying():
            with working(pair, worker(pair.hearer, (pair.publisher.name,), (RECORD,))):
                publish(pair.publisher, (member, "one"), (member, "two"))
                pair.heard(2)
            late = Slice("count", {"contact.wrapped_up": count})
            with working(pair, worker(pair.hearer, (pair.publisher.name,), (RECORD, late))):
                publish(pair.publisher, (member, "three"))
                until(lambda: sequences() == [1, 2, 3])
                pair.heard(3)
    finally:
        counted.drop(pair.hearer.engine)


def test_a_worker_that_is_told_to_stop_while_it_waits_for_its_servers_ends_well(offline: Pair) -> None:
    waiting = worker(offline.hearer, slices=(ONE,))
    waiting.stop.set()
    assert waiting.run() == 0
