"""What a customer is worth and when it was in the segment: compared with a look at every instant that matters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketing.segments.rules import Definition, Purchase, Said, Stay, departure, standing

DAY = timedelta(days=1)
START = datetime(2025, 1, 1, tzinfo=UTC)
RULE = Definition(window_days=10, at_least=100)


def day(number: float) -> datetime:
    return START + number * DAY


def bought(number: float, amount: int, order: str = "a", cancelled: float | None = None) -> Purchase:
    return Purchase(order, day(number), amount, None if cancelled is None else day(cancelled))


def value_at(purchases: Sequence[Purchase], rule: Definition, at: datetime) -> list[Purchase]:
    """The orders that count, by the definition's words."""
    return [
        one
        for one in purchases
        if one.occurred <= at < one.occurred + rule.window and (one.cancelled is None or at < one.cancelled)
    ]


def is_in(purchases: Sequence[Purchase], rule: Definition, at: datetime) -> bool:
    return sum(one.amount for one in value_at(purchases, rule, at)) >= rule.at_least


days = st.integers(0, 60)
histories = st.lists(
    st.builds(bought, days, st.integers(-20, 150), st.uuids().map(str), st.none() | days),
    max_size=12,
)
definitions = st.builds(Definition, window_days=st.integers(1, 40), at_least=st.integers(1, 300))


@given(histories, definitions, days)
def test_it_is_what_a_look_at_every_instant_finds(purchases: list[Purchase], rule: Definition, today: int) -> None:
    now = day(today)
    found = standing(purchases, rule, now)
    counting = value_at(purchases, rule, now)
    assert found.amount == sum(one.amount for one in counting)
    assert found.orders == len(counting)
    assert found.last == max((one.occurred for one in counting), default=None)
    for half in range(2 * today + 1):
        at = day(half / 2)
        inside = any(stay.entered <= at and (stay.left is None or at < stay.left) for stay in found.stays)
        assert inside == is_in(purchases, rule, at), at


@given(histories, definitions, days)
def test_stays_follow_each_other_and_say_when_and_why(purchases: list[Purchase], rule: Definition, today: int) -> None:
    found = standing(purchases, rule, day(today))
    instants = [at for stay in found.stays for at in (stay.entered, stay.left) if at is not None]
    assert all(a < b for a, b in pairwise(instants))
    assert all(at <= day(today) for at in instants)
    assert all(stay.left is not None for stay in found.stays[:-1])
    for stay in found.stays:
        of = {one.order: one for one in purchases}
        assert stay.orders
        assert set(stay.orders) <= {one.order for one in value_at(purchases, rule, stay.entered)}
        assert sum(of[order].amount for order in stay.orders) >= rule.at_least
        cancelled = any(one.cancelled == stay.left for one in purchases)
        assert stay.because == ("" if stay.left is None else stay.because)
        assert stay.because != "cancelled" or cancelled


@given(histories, definitions, days)
def test_nothing_changes_before_the_next_instant(purchases: list[Purchase], rule: Definition, today: int) -> None:
    def shown(at: datetime) -> tuple[object, ...]:
        found = standing(purchases, rule, at)
        return found.amount, found.orders, found.last, found.stays

    now = day(today)
    ahead = standing(purchases, rule, now).next
    later = [day(today + half / 2) for half in range(1, 250)]
    if ahead is None:
        assert all(shown(at) == shown(now) for at in later[::10])
        return
    assert ahead > now
    assert all(shown(at) == shown(now) for at in later if at < ahead)
    before, after = value_at(purchases, rule, ahead - DAY / 4), value_at(purchases, rule, ahead)
    assert before != after


@given(histories, definitions, days, st.randoms())
def test_the_order_of_the_orders_does_not_matter(
    purchases: list[Purchase], rule: Definition, today: int, random: object
) -> None:
    mixed = list(purchases)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert standing(mixed, rule, day(today)) == standing(purchases, rule, day(today))


def test_it_enters_with_the_order_that_reaches_the_threshold_and_leaves_when_the_window_has_passed() -> None:
    found = standing([bought(0, 60, "a"), bought(3, 40, "b")], RULE, day(20))
    assert found.stays == (Stay(day(3), day(10), ("a", "b"), "time"),)
    assert found.next is None
    inside = standing([bought(0, 60, "a"), bought(3, 40, "b")], RULE, day(10) - timedelta(microseconds=1))
    assert (inside.amount, inside.orders, inside.last, inside.since) == (100, 2, day(3), day(3))
    assert inside.next == day(10)


def test_an_order_that_comes_when_another_falls_out_keeps_it_in() -> None:
    assert standing([bought(0, 100, "a"), bought(10, 100, "b")], RULE, day(12)).stays == (Stay(day(0), None, ("a",)),)


def test_a_cancelled_order_counts_until_then() -> None:
    assert standing([bought(0, 100, "a", cancelled=4)], RULE, day(6)).stays == (
        Stay(day(0), day(4), ("a",), "cancelled"),
    )
    assert standing([bought(0, 100, "a", cancelled=12)], RULE, day(20)).stays[0].because == "time"
    assert standing([bought(5, 100, "a", cancelled=5)], RULE, day(6)).stays == ()
    assert standing([bought(5, 100, "a", cancelled=3)], RULE, day(6)).stays == ()


def test_orders_without_an_amount_count_as_orders() -> None:
    found = standing([bought(0, 0)], RULE, day(1))
    assert (found.amount, found.orders, found.stays, found.next) == (0, 1, (), day(10))


def test_no_orders_are_worth_nothing() -> None:
    found = standing([], RULE, day(1))
    assert (found.amount, found.orders, found.last, found.stays, found.next) == (0, 0, None, (), None)


def test_an_order_of_tomorrow_counts_tomorrow() -> None:
    found = standing([bought(5, 100)], RULE, day(1))
    assert (found.orders, found.next) == (0, day(5))


def test_an_order_at_the_end_of_time_never_falls_out() -> None:
    last = datetime(9999, 12, 31, tzinfo=UTC)
    found = standing([Purchase("a", last, 100)], RULE, last)
    assert (found.since, found.next) == (last, None)


def test_the_same_order_id_of_two_members_counts_twice() -> None:
    assert standing([bought(0, 60, "a"), bought(0, 60, "a")], RULE, day(20)).stays[0].left == day(10)


SAID = Said(day(3), ("a", "b"), RULE.rule)


@pytest.mark.parametrize(
    ("stays", "orders", "rule", "expected"),
    [
        ([Stay(day(3), day(10), ("a", "b"), "time")], "ab", RULE, (day(10), "time")),
        ([Stay(day(3), day(8), ("a", "b"), "cancelled")], "ab", RULE, (day(8), "cancelled")),
        ([Stay(day(1), day(9), ("x",), "time")], "abx", RULE, (day(9), "time")),
        ([Stay(day(1), day(2), ("x",), "time")], "abx", RULE, (day(30), "correction")),
        ([], "ab", RULE, (day(30), "correction")),
        ([], "a", RULE, (day(30), "link")),
        ([], "ab", Definition(window_days=10, at_least=900), (day(30), "rule")),
    ],
)
def test_why_somebody_left(stays: list[Stay], orders: str, rule: Definition, expected: tuple[datetime, str]) -> None:
    assert departure(SAID, stays, set(orders), rule, day(30)) == expected


def test_after_a_recovery_no_rule_is_known_to_have_changed() -> None:
    assert departure(Said(day(3), ("a",), ""), [], {"a"}, RULE, day(30)) == (day(30), "correction")
