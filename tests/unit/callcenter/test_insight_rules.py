"""What follows from what was heard of a customer."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.callcenter.insights.rules import (
    LAPSES,
    STEPS,
    Line,
    Order,
    Value,
    last_order,
    newest_first,
    newest_value,
    relation,
    timeline,
)
from tests.builders import NOON

DAY = timedelta(days=1)
instants = st.integers(-800, 0).map(lambda days: NOON + days * DAY)


def test_the_last_word_is_the_state() -> None:
    assert Order("1", "m").state == "placed"
    assert Order("1", "m", requested=NOON).state == "requested"
    assert Order("1", "m", requested=NOON, placed=NOON, provisioned=NOON).state == "provisioned"
    assert Order("1", "m", placed=NOON, delayed=NOON, problem="no_stock", delivered=NOON).state == "delivered"
    assert Order("1", "m", delivered=NOON, cancelled=NOON).state == "cancelled"


def test_what_is_wrong_is_said_until_the_customer_has_it() -> None:
    late = Order("1", "m", placed=NOON, promised=NOON + DAY, delayed=NOON, problem="technical")
    assert late.wrong(NOON) == ("technical",)
    assert late.wrong(NOON + 2 * DAY) == ("overdue", "technical")
    delivered = Order("1", "m", placed=NOON, promised=NOON, problem="technical", delivered=NOON + DAY)
    assert delivered.wrong(NOON + 2 * DAY) == ()
    assert Order("1", "m", requested=NOON, refused=NOON, promised=NOON).wrong(NOON + DAY) == ("refused",)
    assert Order("1", "m", placed=NOON, cancelled=NOON).wrong(NOON) == ("cancelled",)


def test_the_newer_of_what_was_said_and_ordered_decides() -> None:
    assert relation("", None, None, NOON) == "prospect"
    assert relation("lapsed", NOON, None, NOON) == "lapsed"
    assert relation("prospect", NOON - 2 * DAY, NOON - DAY, NOON) == "customer"
    assert relation("prospect", NOON, NOON - DAY, NOON) == "prospect"
    assert relation("customer", NOON - LAPSES, NOON - LAPSES, NOON) == "customer"
    assert relation("customer", NOON - LAPSES - DAY, NOON - LAPSES - DAY, NOON) == "lapsed"


@given(st.one_of(st.none(), instants), st.sampled_from(["", "prospect", "customer", "lapsed"]), instants)
def test_time_alone_only_ever_makes_lapsed(ordered: object, status: str, said: object) -> None:
    first = relation(status, said, ordered, NOON)  # type: ignore[arg-type]
    later = relation(status, said, ordered, NOON + LAPSES)  # type: ignore[arg-type]
    assert later in (first, "lapsed")


def test_orders_that_came_to_nothing_are_no_orders() -> None:
    kept = Order("1", "m", placed=NOON - DAY)
    assert last_order([kept, Order("2", "m", placed=NOON, cancelled=NOON), Order("3", "m", requested=NOON)]) == (
        NOON - DAY
    )
    assert last_order([]) is None


def test_the_newest_told_value_stands_and_none_is_added_up() -> None:
    older = Value("a", 100, "USD", 365, 1, None, NOON)
    newer = Value("b", 300, "USD", 365, 2, None, NOON + DAY)
    assert newest_value([newer, older]) == newest_value([older, newer]) == newer
    assert newest_value([]) is None


@given(st.lists(st.tuples(st.sampled_from(STEPS), instants), max_size=8), st.randoms(use_true_random=False))
def test_the_newest_orders_and_lines_don_t_depend_on_the_order_of_rows(
    given_: list[tuple[str, object]], random: object
) -> None:
    orders = [Order(str(n), "m", **{step: at}) for n, (step, at) in enumerate(given_)]  # type: ignore[arg-type]
    lines = [Line(at, "order", order.order, step) for order in orders for at, step in order.steps()]
    shuffled = list(zip(orders, lines, strict=True))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert newest_first((o for o, _ in shuffled), 3) == newest_first(orders, 3)
    assert (
        timeline((line for _, line in shuffled), 3)
        == timeline(lines, 3)
        == sorted(lines, key=lambda line: (line.at, line.kind, line.id, line.step), reverse=True)[:3]
    )
