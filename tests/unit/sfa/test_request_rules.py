"""What becomes of an order that a rep took on a device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sfa.orders.rules import Asked
from services.sfa.requests import rules
from services.sfa.requests.rules import OLD, WAITS, Circumstances, Request
from shared.events.sfa import ProductDefined
from shared.events.sync import RequestedLine

AT = datetime(2026, 3, 1, tzinfo=UTC)
REQUEST = Request("o", "m", (Asked("line", 2, 900),), "USD", "rita", AT, "hash", False)
AROUND = Circumstances(
    now=AT,
    currency="USD",
    products={"line": ProductDefined(product="line", name="Line", unit_price=1_000, currency="USD")},
    erased=False,
    in_territory=True,
)


def test_a_request_is_placed_at_the_price_that_the_rep_saw() -> None:
    decision = rules.decide(REQUEST, AROUND)
    assert (decision.outcome, [line.unit_price for line in decision.lines]) == ("placed", [900])


@pytest.mark.parametrize(("age", "outcome"), [(OLD, "placed"), (OLD + timedelta(seconds=1), "waiting")])
def test_a_request_older_than_thirty_days_waits(age: timedelta, outcome: str) -> None:
    assert rules.decide(REQUEST, replace(AROUND, now=AT + age)).outcome == outcome


@given(
    erased=st.booleans(),
    in_territory=st.booleans(),
    days=st.integers(0, 90),
    currency=st.sampled_from(["USD", "EUR"]),
    product=st.sampled_from(["line", "unknown"]),
    quantity=st.integers(-1, 2),
    person=st.booleans(),
)
def test_whatever_comes_there_is_one_clear_answer(
    erased: bool, in_territory: bool, days: int, currency: str, product: str, quantity: int, person: bool
) -> None:
    request = replace(REQUEST, lines=(Asked(product, quantity),), currency=currency)
    around = replace(AROUND, erased=erased, in_territory=in_territory, now=AT + timedelta(days=days))
    decision = rules.decide(request, around, person=person)
    assert (decision.outcome == "placed") == bool(decision.lines) == (not decision.reason)
    assert decision.outcome != "waiting" or decision.reason in WAITS
    if erased:
        assert decision.reason == "erased"
    elif days > OLD.days and not person:
        assert decision.outcome == "waiting", "age alone never places nor refuses"
    elif decision.outcome == "placed":
        assert in_territory or person


def test_a_person_s_word_stands_above_age_and_territory_only() -> None:
    late = replace(AROUND, now=AT + OLD * 2, in_territory=False)
    assert rules.decide(REQUEST, late, person=True).outcome == "placed"
    assert rules.decide(replace(REQUEST, currency="EUR"), late, person=True).outcome == "waiting"


def test_a_device_that_shows_no_price_leaves_it_to_the_product() -> None:
    lines = (RequestedLine(product="line", quantity=3), RequestedLine(product="line", unit_price=5))
    assert rules.asked(lines) == (Asked("line", 3, None), Asked("line", 1, 5))


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from("ab"), st.sampled_from("ab"))
def test_two_requests_have_one_content_when_they_ask_for_the_same(n: int, m: int, rep: str, other: str) -> None:
    first = rules.content("m", rep, "USD", [{"product": "line", "quantity": n, "unit_price": 1}])
    second = rules.content("m", other, "USD", [{"product": "line", "quantity": m, "unit_price": 1}])
    assert (first == second) == ((n, rep) == (m, other))
