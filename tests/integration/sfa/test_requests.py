"""Orders that reps take on their devices: placed, refused, or left to a person; each once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.sfa.requests.handlers import LOOK_AGAIN
from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.events.facts import Fact
from shared.events.sfa import OrderLine, OrderPlaced, OrderRefused
from shared.events.sync import CustomerAssigned, RequestedLine
from shared.pipeline.attempt import attempt
from shared.pipeline.work import Work
from tests.builders import NOON, done
from tests.integration.sfa.force import Force, requested, said

OLD = NOON - timedelta(days=31)


def decided(force: Force) -> list[tuple[str, str]]:
    """What is shown of requests: (state, reason), the newest first."""
    return [(one["state"], one["reason"]) for one in force.get("/requests").json()]


def outcomes(force: Force) -> list[Fact | None]:
    """What was said of orders."""
    return [event.fact for event in force.events() if event.type.startswith("order.")]


def test_a_request_becomes_an_order_of_the_same_id_when_it_was_taken(force: Force) -> None:
    customer, order = force.market(), new_id()
    at = NOON - timedelta(hours=3)
    force.hear(requested(customer, order, at=at))
    assert outcomes(force) == []
    assert force.decide() == 1
    line = OrderLine(product="line", name="Line", quantity=2, unit_price=900)
    said_of_it = [event for event in force.events() if event.type == "order.placed"]
    assert [(e.fact, e.occurred, e.envelope.history) for e in said_of_it] == [
        (
            OrderPlaced(
                order=order,
                lines=(line,),
                total=1_800,
                currency="USD",
                channel="device",
                rep="rita",
                territory="rome",
            ),
            at,
            False,
        )
    ]
    shown = done(force.get(f"/orders/{order}"))
    assert (shown["state"], shown["placed"], shown["rep"]) == ("placed", "2026-03-02T09:00:00Z", "rita")
    assert decided(force) == [("placed", "")]


def test_a_device_that_shows_no_price_gets_the_product_s(force: Force) -> None:
    customer = force.market()
    force.hear(requested(customer, lines=(RequestedLine(product="line", quantity=3),)))
    force.decide()
    assert force.facts("order.placed")[0].total == 3_000


def test_what_follows_from_history_is_history(force: Force) -> None:
    force.hear(requested(force.market(), live=False))
    force.decide()
    assert [e.envelope.history for e in force.events() if e.type == "order.placed"] == [True]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lines": (RequestedLine(product="line"), RequestedLine(product="unknown"))}, "unknown_product"),
        ({"lines": (RequestedLine(product="gone"),)}, "not_on_sale"),
        ({"rep": "otto"}, "not_in_territory"),
        ({"rep": ""}, "not_in_territory"),
    ],
)
def test_a_request_that_can_t_become_an_order_is_refused_with_the_reason(
    force: Force, change: dict[str, Any], reason: str
) -> None:
    customer, order = force.market(), new_id()
    force.product("gone", on_sale=False)
    force.hear(requested(customer, order, **change))
    force.decide()
    assert outcomes(force) == [OrderRefused(order=order, reason=reason)]
    assert decided(force) == [("refused", reason)]
    assert force.get(f"/orders/{order}").status_code == 404


def test_the_rep_of_a_region_looks_after_its_territories_and_one_withdrawn_doesn_t(force: Force) -> None:
    customer = force.market()
    force.hear(requested(customer, rep="ivo"))
    force.decide()
    done(force.post("/territories/italy/reps/withdraw", {"rep": "ivo"}))
    force.hear(requested(customer, rep="ivo", sequence=2))
    force.decide()
    assert [type(fact) for fact in outcomes(force)] == [OrderPlaced, OrderRefused]


def test_the_territory_is_that_of_the_same_customer_s_other_members(force: Force) -> None:
    customer = force.market()
    mate = force.register()
    force.hear(said(mate, CustomerAssigned(cluster=min(customer, mate), because="phone")))
    force.hear(said(customer, CustomerAssigned(cluster=min(customer, mate), because="phone")))
    force.hear(requested(mate, sequence=2))
    force.decide()
    assert [fact.territory for fact in force.facts("order.placed")] == ["rome"]


def test_a_customer_that_nobody_knows_here_is_in_no_territory(force: Force) -> None:
    force.market()
    force.hear(requested(new_id()))
    force.decide()
    assert decided(force) == [("refused", "not_in_territory")]


def test_a_request_of_an_erased_customer_is_refused(force: Force) -> None:
    customer = force.market()
    force.hear(requested(customer), said(customer, CustomerErased(), sequence=2))
    force.decide()
    assert decided(force) == [("refused", "erased")]


def test_a_freshly_installed_sales_force_decides_once_it_has_products_and_reps(force: Force) -> None:
    customer = force.register()
    force.hear(requested(customer))
    force.decide()
    force.territory("rome", reps=["rita"])
    done(force.put("rome", customer))
    force.clock.forward(seconds=LOOK_AGAIN.total_seconds())
    force.decide()
    assert decided(force) == [("undecided", "")]
    force.product()
    assert force.decide() == 0
    force.clock.forward(seconds=LOOK_AGAIN.total_seconds())
    assert force.decide() == 1
    assert decided(force) == [("placed", "")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"at": OLD}, "too_old"),
        ({"at": OLD, "rep": "otto"}, "too_old"),
        ({"at": OLD, "lines": (RequestedLine(product="unknown"),)}, "too_old"),
        ({"currency": "EUR"}, "other_currency"),
        ({"lines": ()}, "not_understood"),
        ({"lines": (RequestedLine(product="line", quantity=-1),)}, "not_understood"),
        ({"lines": (RequestedLine(product="line", unit_price=10**30),)}, "not_understood"),
    ],
)
def test_what_needs_a_person_waits_for_one_who_may_refuse_it(force: Force, change: dict[str, Any], reason: str) -> None:
    customer, order = force.market(), new_id()
    force.hear(requested(customer, order, **change))
    force.decide()
    assert (decided(force), outcomes(force)) == ([("waiting", reason)], [])
    assert force.post(f"/requests/{order}/refuse", {}, "rita", ("rep",)).status_code == 403
    done(force.post(f"/requests/{order}/refuse"))
    assert outcomes(force) == [OrderRefused(order=order, reason="person")]
    assert decided(force) == [("refused", "person")]
    assert force.post(f"/requests/{order}/accept").status_code == 409
    assert force.post(f"/requests/{new_id()}/refuse").status_code == 404


def test_a_person_accepts_what_is_too_old_whoever_took_it(force: Force) -> None:
    customer, order = force.market(), new_id()
    force.hear(requested(customer, order, at=OLD, rep="otto"))
    force.decide()
    done(force.post(f"/requests/{order}/accept"))
    assert [fact.order for fact in force.facts("order.placed")] == [order]
    assert force.post(f"/requests/{order}/refuse").status_code == 409
    assert [one["decided_by"] for one in force.get("/requests").json()] == ["mona"]


@pytest.mark.parametrize(
    "change", [{"currency": "EUR"}, {"lines": ()}, {"at": OLD, "lines": (RequestedLine(product="unknown"),)}]
)
def test_what_can_t_become_an_order_isn_t_accepted_and_goes_on_waiting(force: Force, change: dict[str, Any]) -> None:
    customer, order = force.market(), new_id()
    force.hear(requested(customer, order, **change))
    force.decide()
    assert force.post(f"/requests/{order}/accept").status_code == 409
    assert decided(force)[0][0] == "waiting"
    assert outcomes(force) == []


def test_two_managers_who_decide_a_request_decide_it_once(force: Force) -> None:
    customer, order = force.market(), new_id()
    force.hear(requested(customer, order, at=OLD))
    force.decide()
    answers = [force.post(f"/requests/{order}/{what}").status_code for what in ("refuse", "accept")]
    assert answers == [200, 409]
    assert len(outcomes(force)) == 1


def test_a_repeated_request_changes_nothing(force: Force) -> None:
    customer, order = force.market(), new_id()
    first = requested(customer, order)
    again = requested(customer, order, at=NOON + timedelta(minutes=5), sequence=2)
    force.hear(first)
    force.decide()
    force.hear(first, again)
    force.decide()
    assert len(outcomes(force)) == 1
    assert decided(force) == [("placed", ""), ("placed", "")]


def test_the_id_of_an_order_that_stands_isn_t_taken_by_another_request(force: Force) -> None:
    customer, order = force.market(), new_id()
    other = force.register()
    done(force.put("rome", other))
    later = requested(other, order, at=NOON + timedelta(minutes=5), lines=(RequestedLine(product="line", quantity=9),))
    force.hear(later, requested(customer, order))
    force.decide()
    assert [(fact.order, fact.total) for fact in force.facts("order.placed")] == [(order, 1_800)]
    assert len(outcomes(force)) == 1
    assert decided(force) == [("refused", "order_exists"), ("placed", "")]
    assert force.get("/requests").json()[0]["lines"][0]["quantity"] == 9
    desk = force.order(customer)
    force.hear(requested(customer, desk, sequence=2))
    force.decide()
    assert force.get("/requests", params={"state": "refused"}).json()[-1]["reason"] == "order_exists"
    assert len(outcomes(force)) == 2


def test_a_rebuild_decides_and_publishes_nothing_again(force: Force) -> None:
    customer, placed, waiting = force.market(), new_id(), new_id()
    events = [
        requested(customer, placed),
        requested(customer, rep="otto", sequence=2),
        requested(customer, waiting, at=OLD, sequence=3),
    ]
    force.hear(*events)
    force.decide()
    before, shown = len(force.events()), decided(force)
    done(force.post("/territories/rome/reps/withdraw", {"rep": "rita"}))
    force.clock.forward(days=60)
    force.rebuild("requests")
    assert decided(force) == []
    force.hear(*events)
    assert force.decide() == 3
    assert force.rows("SELECT key FROM due") == []
    assert len(force.events()) == before + 1
    assert decided(force) == shown
    done(force.post(f"/requests/{waiting}/accept"))


def test_a_restored_database_knows_again_what_it_had_decided(force: Force) -> None:
    customer, order = force.market(), new_id()
    events = [requested(customer, order), requested(customer, rep="otto", sequence=2)]
    force.hear(*events)
    force.decide()
    done(force.post(f"/orders/{order}/deliver", {"how": "remote"}))
    tables = "sales_order, order_line, order_step, order_request, order_decision, territory, territory_rep, "
    tables += "customer_territory, product"
    state = "SELECT * FROM sales_order", "SELECT * FROM territory_rep ORDER BY 1", "SELECT * FROM customer_territory"
    own, was = force.events(), [force.rows(sql) for sql in state]
    with force.service.engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables}")

    def recover(work: Work) -> None:
        assert attempt(work, SUBSCRIPTIONS.slices, own) == {}

    force.service.transact(force.service.itself, recover)
    assert [force.rows(sql) for sql in state] == was
    force.hear(*events)
    force.decide()
    assert len(force.events()) == len(own)
    assert sorted(decided(force)) == [("placed", ""), ("refused", "not_in_territory")]


def test_an_order_id_that_is_none_is_set_aside(force: Force) -> None:
    def body(work: Work) -> list[str]:
        return [bad.reason for bad in attempt(work, SUBSCRIPTIONS.slices, [requested(new_id(), "no id")]).values()]

    assert force.service.transact(force.service.itself, body) == ["the order's id is none"]
