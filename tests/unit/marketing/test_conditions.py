"""What a rule asks of departments' own fields: of one value, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketing.segments.conditions import Condition, NotTestable, asked, holds
from services.marketing.segments.rules import (
    CANCELLED,
    FIELD,
    TIME,
    Definition,
    Purchase,
    Written,
    of_fact,
    of_field,
    standing,
)
from shared.customer.definitions import Definition as Defined

START = datetime(2025, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=10)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def condition(form: str, test: str, value: str, kind: str = "customer_field") -> Condition:
    defined = Defined(kind=kind, code="x", labels={"en": "X"}, form=form, choices=(value,) if form == "choice" else ())
    return asked(defined, "callcenter", test, value)


@pytest.mark.parametrize(
    ("form", "test", "value", "fits", "fits_not"),
    [
        ("text", "is", " red  car ", ["red car"], ["Red car", "red", ""]),
        ("text", "is_not", "red", ["blue"], ["red", ""]),
        ("text", "contains", "ed", ["red", "ed"], ["blue", ""]),
        ("number", "at_least", "2.50", ["2.5", "10", "100.01"], ["2.49", "-3", "", "many", "1e9"]),
        ("number", "at_most", "-1", ["-1", "-1.5"], ["0", "-0.5", "", "x"]),
        ("date", "at_least", "2025-02-10", ["2025-02-10", "2025-10-01"], ["2025-02-09", "", "10/02/2025"]),
        ("boolean", "is", "TRUE", ["true"], ["false", ""]),
        ("choice", "is_not", "gold", ["silver"], ["gold", ""]),
        ("set", "is", "gold", [("blue", "gold")], [("blue",), ()]),
    ],
)
def test_a_value_is_as_it_is_asked_or_not(
    form: str, test: str, value: str, fits: Sequence[str], fits_not: Sequence[str]
) -> None:
    one = condition(form, test, value)
    assert [each for each in fits if not holds(one, each)] == []
    assert [each for each in fits_not if holds(one, each)] == []


@pytest.mark.parametrize(
    ("form", "test", "value"),
    [("phone", "is", "+3906123"), ("number", "contains", "1"), ("number", "at_least", "x"), ("text", "is", " ")],
)
def test_what_cannot_be_asked_is_refused(form: str, test: str, value: str) -> None:
    with pytest.raises(NotTestable):
        condition(form, test, value)


def test_a_field_of_customers_is_everybody_s_and_another_its_department_s() -> None:
    assert condition("text", "is", "a").of == ("customer_field", "", "x")
    assert condition("text", "is", "a", "case_field").of == ("case_field", "callcenter", "x")


days = st.integers(0, 40)
levels = st.sampled_from(["1", "2", "3", ""])
histories = st.dictionaries(days, levels, max_size=6)
facts = st.lists(st.tuples(days, levels, st.none() | days), max_size=6)


@given(histories, facts, st.lists(st.tuples(days, st.integers(0, 90)), max_size=5), st.sampled_from([0, 60]), days)
def test_it_is_what_a_look_at_every_instant_finds(
    history: dict[int, str],
    written: list[tuple[int, str, int | None]],
    bought: list[tuple[int, int]],
    at_least: int,
    today: int,
) -> None:
    of_customer, of_order = condition("number", "at_least", "2"), condition("number", "at_most", "2", "order_field")
    rule = Definition(window_days=10, at_least=at_least, conditions=(of_customer, of_order))
    values = [(day(at), value) for at, value in sorted(history.items())]
    orders = [Written(value, day(at), None, None if gone is None else day(gone)) for at, value, gone in written]
    purchases = [Purchase(str(n), day(at), amount) for n, (at, amount) in enumerate(bought)]
    held = [of_field(of_customer, values), [span for one in orders for span in of_fact(of_order, one, WINDOW)]]
    found = standing(purchases, rule, day(today), held)

    def met(at: datetime) -> tuple[bool, bool]:
        newest = [value for since, value in values if since <= at]
        counts = (v for v, since, _, gone in orders if since <= at < since + WINDOW and (gone is None or at < gone))
        return bool(newest) and holds(of_customer, newest[-1]), any(holds(of_order, value) for value in counts)

    def is_in(at: datetime) -> bool:
        return sum(one.amount for one in purchases if one.occurred <= at < one.occurred + WINDOW) >= at_least

    assert found.met == met(day(today))
    for half in range(2 * today + 1):
        at = day(half / 2)
        inside = any(stay.entered <= at and (stay.left is None or at < stay.left) for stay in found.stays)
        assert inside == (is_in(at) and all(met(at))), at


def test_why_it_leaves_is_what_ended() -> None:
    gold = condition("choice", "is", "gold")
    other = of_field(gold, [(day(1), "gold"), (day(3), "silver")])
    seen = condition("choice", "is", "gold", "order_field")
    cases = (
        (gold, other, FIELD, day(3)),
        (seen, of_fact(seen, Written("gold", day(1)), WINDOW), TIME, day(11)),
        (seen, of_fact(seen, Written("gold", day(1), day(4)), WINDOW), FIELD, day(4)),
        (seen, of_fact(seen, Written("gold", day(1), None, day(2)), WINDOW), CANCELLED, day(2)),
    )
    for one, held, because, at in cases:
        rule = Definition(window_days=10, at_least=0, conditions=(one,))
        (stay,) = standing([], rule, day(30), [held]).stays
        assert (stay.entered, stay.left, stay.because, stay.orders) == (day(1), at, because, ())


def test_a_rule_is_told_from_another_by_what_it_asks() -> None:
    one, two = condition("text", "is", "a"), condition("text", "is", "b")
    rules = [Definition(conditions=each) for each in ((), (one,), (two,), (one, two))]
    assert len({rule.rule for rule in rules}) == 4
    assert Definition(conditions=(two, one)).rule == rules[3].rule
