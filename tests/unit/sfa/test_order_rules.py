"""What an order may consist of, and what can become of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sfa.orders import history, rules
from services.sfa.orders.rules import ALLOWED, OPEN, STATES, Asked, NotOrdered, NotPossible, Order, OutOfTime
from shared.events.envelope import UUID_TEXT
from shared.events.facts import Fact
from shared.events.sfa import OrderLine, OrderPlaced, OrderProvisioned, ProductDefined

AT = datetime(2026, 3, 1, tzinfo=UTC)
STEPS: dict[str, Callable[[Order, datetime], Fact]] = {
    "provision": rules.provision,
    "delay": lambda order, at: rules.delay(order, "no_stock", None, at),
    "deliver": lambda order, at: rules.deliver(order, "remote", at),
    "cancel": lambda order, at: rules.cancel(order, "customer", at),
}
PRODUCTS = {
    "line": ProductDefined(product="line", name="Line", unit_price=1_000, currency="USD"),
    "gone": ProductDefined(product="gone", name="Gone", unit_price=500, currency="USD", on_sale=False),
}


def order(state: str = "placed", **more: object) -> Order:
    return Order(**{"id": "o", "member": "m", "state": state, "placed": AT, "changed": AT, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_taken_from_the_states_that_allow_it_and_no_others(step: str, state: str) -> None:
    if state in ALLOWED[step]:
        assert STEPS[step](order(state), AT)
        return
    with pytest.raises(NotPossible):
        STEPS[step](order(state), AT)


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(-3, 5))))
def test_however_steps_come_an_order_goes_forward_only_and_ends_once(steps: list[tuple[str, int]]) -> None:
    now, at, ended = order(), AT, 0
    for step, days in steps:
        at += timedelta(days=days)
        try:
            after = rules.after(now, STEPS[step](now, at), at)
        except (NotPossible, OutOfTime):
            continue
        assert at >= now.changed
        assert STATES.index(after.state) >= STATES.index(now.state)
        ended += after.state not in OPEN
        assert (after.delivered is not None) == (after.state == "delivered") == bool(after.how)
        assert not after.problem or after.state in OPEN
        now = after
    assert ended <= 1


def test_a_new_promise_stands_and_a_delay_without_one_keeps_the_old() -> None:
    promised, later = AT + timedelta(days=1), AT + timedelta(days=5)
    first = order(promised=promised)
    again = rules.after(first, rules.delay(first, "technical", later, AT), AT)
    assert (again.promised, again.problem) == (later, "technical")
    assert rules.after(first, rules.delay(first, "technical", None, AT), AT).promised == promised
    with pytest.raises(OutOfTime):
        rules.delay(first, "technical", AT - timedelta(days=1), AT)


def test_an_open_order_is_late_after_its_promise() -> None:
    promised = AT + timedelta(days=1)
    assert not order(promised=promised).is_late(promised)
    assert order("provisioned", promised=promised).is_late(promised + timedelta(seconds=1))
    assert not order("delivered", promised=promised).is_late(promised + timedelta(days=9))
    assert not order().is_late(AT + timedelta(days=9))


@given(st.lists(st.tuples(st.integers(1, 10_000), st.none() | st.integers(0, 10**12)), min_size=1, max_size=100))
def test_the_total_is_that_of_the_lines_and_fits_a_database(asked: list[tuple[int, int | None]]) -> None:
    made = rules.lines([Asked("line", quantity, price) for quantity, price in asked], PRODUCTS)
    assert rules.total(made) == sum(q * (1_000 if p is None else p) for q, p in asked) < 2**63


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ([Asked("unknown")], "unknown_product"),
        ([Asked("line"), Asked("gone")], "not_on_sale"),
        ([], "not_understood"),
        ([Asked("line")] * 101, "not_understood"),
        ([Asked("line", 0)], "not_understood"),
        ([Asked("line", 10_001)], "not_understood"),
        ([Asked("line", 1, -1)], "not_understood"),
        ([Asked("line", 1, 10**12 + 1)], "not_understood"),
    ],
)
def test_what_can_t_be_ordered_says_why(asked: list[Asked], reason: str) -> None:
    with pytest.raises(NotOrdered) as refused:
        rules.lines(asked, PRODUCTS)
    assert refused.value.reason == reason


def test_an_order_of_the_past_may_be_of_a_product_that_isn_t_sold_any_more() -> None:
    assert rules.lines([Asked("gone")], PRODUCTS, past=True) == (
        OrderLine(product="gone", name="Gone", quantity=1, unit_price=500),
    )


def test_each_fact_of_an_order_is_a_line_of_its_history_and_no_other() -> None:
    placed = OrderPlaced(order="o", lines=(), total=0, currency="USD", channel="web")
    assert rules.told(placed) == ("placed", "web")
    for step in STEPS.values():
        assert rules.told(step(order(), AT))[0]
    with pytest.raises(TypeError):
        rules.told(PRODUCTS["line"])
    assert rules.after(order(), placed, AT) == order()
    assert rules.after(order(), OrderProvisioned(order="o"), AT).state == "provisioned"


@given(st.text(), st.text(), st.text())
def test_another_system_s_order_has_one_id_of_its_own(origin: str, key: str, other: str) -> None:
    found = history.order_id(origin, key)
    assert UUID_TEXT.fullmatch(found)
    assert found == history.order_id(origin, key)
    assert (found == history.order_id(origin, other)) == (key == other)
