"""Orders: taken at the desk, followed to their delivery, and read in from the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.events.envelope import new_id
from shared.events.sfa import OrderCancelled, OrderDelayed, OrderDelivered, OrderLine, OrderPlaced, ProductDefined
from shared.events.sync import CustomerAssigned
from tests.builders import NOON, done, erased
from tests.integration.sfa.force import Force, said

REP = ("rep",)


def past(key: str, customer: str, **more: Any) -> dict[str, Any]:
    """An order that another system took."""
    lines = [{"product": "line", "quantity": 3, "unit_price": 977}]
    at = (NOON - timedelta(days=400)).isoformat()
    return {"key": key, "customer": customer, "lines": lines, "at": at, **more}


def read_in(force: Force, *orders: dict[str, Any]) -> Any:
    return force.post("/orders/import", {"origin": "cdnow", "orders": orders}, "loader", ("importer",))


def test_a_product_is_defined_and_changed_and_a_repeat_says_nothing(force: Force) -> None:
    for price in (1_000, 1_000, 1_200):
        force.product("fibre", unit_price=price, installation="on_site")
    wanted: dict[str, Any] = {
        "product": "fibre",
        "name": "Fibre",
        "currency": "USD",
        "installation": "on_site",
        "on_sale": True,
    }
    assert force.facts("product.defined") == [
        ProductDefined(**wanted, unit_price=1_000),
        ProductDefined(**wanted, unit_price=1_200),
    ]
    assert force.get("/products").json() == [{**wanted, "unit_price": 1_200}]


def test_an_order_is_taken_with_the_product_s_price_and_the_customer_s_territory(force: Force) -> None:
    customer = force.market()
    force.product("fibre", unit_price=2_500)
    lines = [{"product": "line", "quantity": 2}, {"product": "fibre", "unit_price": 2_000}]
    promised = NOON + timedelta(days=2)
    body = {"customer": customer, "lines": lines, "promised": promised.isoformat()}
    answer = done(force.post("/orders", body, "rita", REP), 201)
    assert (answer["total"], answer["currency"]) == (4_000, "USD")
    assert force.facts("order.placed") == [
        OrderPlaced(
            order=answer["order"],
            lines=(
                OrderLine(product="line", name="Line", quantity=2, unit_price=1_000),
                OrderLine(product="fibre", name="Fibre", unit_price=2_000),
            ),
            total=4_000,
            currency="USD",
            channel="desk",
            rep="rita",
            territory="rome",
            promised=promised,
        )
    ]
    shown = done(force.get(f"/orders/{answer['order']}"))
    assert (shown["state"], shown["customer"], len(shown["lines"])) == ("placed", customer, 2)


def test_an_order_is_followed_to_its_delivery(force: Force) -> None:
    order = force.order(force.market(), promised="2026-03-03")
    promised = (NOON + timedelta(days=9)).isoformat()
    force.clock.forward(hours=1)
    delayed = done(force.post(f"/orders/{order}/delay", {"problem": "no_stock", "promised": promised}))
    assert (delayed["state"], delayed["problem"]) == ("placed", "no_stock")
    assert done(force.post(f"/orders/{order}/provision"))["problem"] == ""
    done(force.post(f"/orders/{order}/deliver", {"how": "on_site"}))
    assert force.post(f"/orders/{order}/cancel").status_code == 409
    shown = done(force.get(f"/orders/{order}"))
    assert (shown["state"], shown["how"], shown["delivered"]) == ("delivered", "on_site", shown["changed"])
    assert [(s["step"], s["detail"], s["by"]) for s in shown["history"]] == [
        ("placed", "desk", "mona"),
        ("delayed", "no_stock", "mona"),
        ("provisioned", "", "mona"),
        ("delivered", "on_site", "mona"),
    ]
    assert force.facts("order.delayed")[0] == OrderDelayed(
        order=order, problem="no_stock", promised=NOON + timedelta(days=9)
    )
    assert force.facts("order.delivered") == [OrderDelivered(order=order, how="on_site")]


def test_a_cancelled_order_is_over(force: Force) -> None:
    order = force.order(force.market())
    done(force.post(f"/orders/{order}/cancel", {"reason": "impossible"}))
    assert force.post(f"/orders/{order}/deliver", {"how": "remote"}).status_code == 409
    assert force.facts("order.cancelled") == [OrderCancelled(order=order, reason="impossible")]
    assert force.post(f"/orders/{new_id()}/cancel").status_code == 404


def test_orders_are_found_by_state_lateness_and_customer(force: Force) -> None:
    first, second = force.market(), force.register()
    late, other = force.order(first, promised="2026-03-03"), force.order(second)
    done(force.post(f"/orders/{other}/deliver", {"how": "remote"}))
    force.clock.forward(days=3)

    def found(**asked: str) -> list[str]:
        return [order["order"] for order in force.get("/orders", params=asked).json()]

    assert found(state="late") == found(state="open") == found(customer=first) == [late]
    assert found(state="delivered") == [other]
    cluster = min(first, second)
    force.hear(said(max(first, second), CustomerAssigned(cluster=cluster, because="email")))
    assert set(found(customer=first)) == {late, other}


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([{"product": "unknown"}], 422),
        ([{"product": "gone"}], 409),
        ([], 422),
        ([{"product": "line", "quantity": 0}], 422),
        ([{"product": "line", "quantity": 10_001}], 422),
        ([{"product": "line", "unit_price": -1}], 422),
    ],
)
def test_what_can_t_be_ordered_is_refused_and_nothing_is_kept(force: Force, lines: Any, status: int) -> None:
    customer = force.market()
    force.product("gone", on_sale=False)
    assert force.post("/orders", {"customer": customer, "lines": lines}).status_code == status
    assert force.facts("order.placed") == force.rows("SELECT id FROM sales_order") == []


def test_a_promise_in_the_past_and_an_instant_given_by_a_person_are_refused(force: Force) -> None:
    customer = force.market()
    order = force.order(customer)
    body = {"product": "line", "promised": "2026-03-01"}
    assert force.post(f"/customers/{customer}/orders", body).status_code == 422
    before = (NOON - timedelta(days=1)).isoformat()
    assert force.post(f"/orders/{order}/provision", {"at": before}).status_code == 403
    assert force.post(f"/orders/{order}/provision", {"at": before}, "l", ("importer",)).status_code == 422


def test_a_rep_works_for_the_customers_of_his_territories_and_his_own(force: Force) -> None:
    customer, nobody_s = force.market(), force.register()
    body = {"product": "line"}
    assert force.post(f"/customers/{customer}/orders", body, "otto", REP).status_code == 403
    assert force.post(f"/customers/{nobody_s}/orders", body, "otto", REP).status_code == 403
    own = done(force.post("/customers", {"changes": {"given_name": "Bo"}}, "otto", REP), 201)["customer"]
    assert force.post(f"/customers/{own}/orders", body, "otto", REP).status_code == 201
    order = done(force.post(f"/customers/{customer}/orders", body, "ivo", REP), 201)["order"]
    assert force.post(f"/orders/{order}/cancel", {}, "otto", REP).status_code == 403
    assert force.post(f"/orders/{order}/cancel", {}, "rita", REP).status_code == 200


def test_an_order_needs_a_customer_who_isn_t_erased(force: Force) -> None:
    customer = force.market()
    assert force.post(f"/customers/{new_id()}/orders", {"product": "line"}).status_code == 404
    erased(force.post, customer, "sales_manager")
    assert force.post(f"/customers/{customer}/orders", {"product": "line"}).status_code == 409


def test_past_orders_are_read_in_once_and_as_history(force: Force) -> None:
    first, second = force.register(), force.register()
    force.product(on_sale=False)
    delivered = (NOON - timedelta(days=399)).isoformat()
    orders = [past("1", first, delivered=delivered), past("2", second, total=2_933)]
    assert done(read_in(force, *orders)) == {"placed": 2, "known": 0, "erased": 0}
    said_once = len(force.events())
    changed = past("1", second, total=1)
    assert done(read_in(force, changed, past("3", first))) == {"placed": 1, "known": 1, "erased": 0}
    assert len(force.events()) == said_once + 1
    shown = force.get("/orders", params={"customer": first}).json()
    by_state = {order["state"]: order for order in shown}
    assert (by_state["delivered"]["total"], by_state["delivered"]["channel"]) == (2_931, "import")
    assert by_state["delivered"]["delivered"] == "2025-01-27T12:00:00Z"
    placed = [event for event in force.events() if event.type.startswith("order.")]
    assert all(event.envelope.history for event in placed)
    assert {event.occurred for event in placed} == {NOON - timedelta(days=400), NOON - timedelta(days=399)}


def test_a_list_with_a_bad_order_is_refused_whole(force: Force) -> None:
    customer = force.register()
    force.product()
    good = past("1", customer)
    future, before = (NOON + timedelta(days=1)).isoformat(), (NOON - timedelta(days=500)).isoformat()
    bad = {
        404: [past("2", new_id())],
        422: [
            past("2", customer, lines=[{"product": "unknown"}]),
            past("2", customer, at=future),
            past("2", customer, delivered=future),
            past("2", customer, delivered=before),
            good,
        ],
    }
    for status, lists in bad.items():
        for one in lists:
            assert read_in(force, good, one).status_code == status
    assert force.rows("SELECT id FROM sales_order") == []
    assert force.post("/orders/import", {"origin": "x", "orders": [good]}).status_code == 403


def test_the_orders_of_an_erased_customer_are_left_out(force: Force) -> None:
    kept, gone = force.register(), force.register()
    force.product()
    erased(force.post, gone, "sales_manager")
    assert done(read_in(force, past("1", kept), past("2", gone))) == {"placed": 1, "known": 0, "erased": 1}


def test_a_command_sent_twice_is_carried_out_once(force: Force) -> None:
    customer = force.market()
    answers = [force.post(f"/customers/{customer}/orders", {"product": "line"}, key="same-key-1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(force.facts("order.placed")) == 1
